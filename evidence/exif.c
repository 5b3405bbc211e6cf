/* SPDX-License-Identifier: ISC */
#include "evidence/exif.h"
#include "evidence/bytes.h"
#include <string.h>

#define ENTRY 12 /* bytes: u16 tag ‖ u16 type ‖ u32 count ‖ value, or where it lies */

enum { ASCII = 2, SHORT = 3, LONG = 4 };

enum {
    MAKE = 0x010F,
    MODEL = 0x0110,
    SOFTWARE = 0x0131,
    THUMB_AT = 0x0201,
    THUMB_SIZE = 0x0202,
    EXIF_FOLDER = 0x8769,
    TAKEN = 0x9003,
    OFFSET = 0x9011,
    WIDTH = 0xA002,
    HEIGHT = 0xA003
};

struct tiff {
    const uint8_t *p;
    size_t n;
    bool little;
    struct ps_exif *out;
    uint32_t exif, thumb_at, thumb_size;
};

/* Integers at an offset; 0 outside. */
static uint16_t u16_at(struct tiff *t, size_t at) {
    if (at > t->n || t->n - at < 2) {
        t->out->damaged = true;
        return 0;
    }
    struct ps_rd r = ps_rd_of(t->p + at, 2);
    return t->little ? ps_rd_u16le(&r) : ps_rd_u16(&r);
}

static uint32_t u32_at(struct tiff *t, size_t at) {
    if (at > t->n || t->n - at < 4) {
        t->out->damaged = true;
        return 0;
    }
    struct ps_rd r = ps_rd_of(t->p + at, 4);
    return t->little ? ps_rd_u32le(&r) : ps_rd_u32(&r);
}

static void text(struct tiff *t, size_t entry, char out[PS_EXIF_TEXT]) {
    uint32_t count = u32_at(t, entry + 4);
    size_t at = count <= 4 ? entry + 8 : u32_at(t, entry + 8), n = 0;
    if (u16_at(t, entry + 2) != ASCII || at > t->n || t->n - at < count) {
        t->out->damaged = true;
        return;
    }
    while (n < count && n < PS_EXIF_TEXT - 1 && t->p[at + n] != '\0')
        n++;
    while (n > 0 && t->p[at + n - 1] == ' ')
        n--;
    memcpy(out, t->p + at, n);
    out[n] = '\0';
    if (ps_bytes_is_text(out, n))
        return;
    for (size_t i = 0; i < n; i++)
        if (out[i] < 0x20 || out[i] > 0x7E)
            out[i] = '?';
}

static uint32_t number(struct tiff *t, size_t entry) {
    switch (u16_at(t, entry + 2)) {
    case SHORT: return u16_at(t, entry + 8);
    case LONG: return u32_at(t, entry + 8);
    default: t->out->damaged = true; return 0;
    }
}

static void entry_of(struct tiff *t, size_t at) {
    struct ps_exif *o = t->out;
    switch (u16_at(t, at)) {
    case MAKE: text(t, at, o->make); break;
    case MODEL: text(t, at, o->model); break;
    case SOFTWARE: text(t, at, o->software); break;
    case TAKEN: text(t, at, o->taken); break;
    case OFFSET: text(t, at, o->offset); break;
    case WIDTH: o->width = number(t, at); break;
    case HEIGHT: o->height = number(t, at); break;
    case EXIF_FOLDER: t->exif = number(t, at); break;
    case THUMB_AT: t->thumb_at = number(t, at); break;
    case THUMB_SIZE: t->thumb_size = number(t, at); break;
    default: break;
    }
}

/* One folder of entries; where the next one lies, 0 for none. */
static uint32_t folder(struct tiff *t, size_t at) {
    size_t count = u16_at(t, at);
    if (at > t->n || t->n - at < 2 || (t->n - at - 2) / ENTRY < count) {
        t->out->damaged = true;
        return 0;
    }
    for (size_t i = 0; i < count; i++)
        entry_of(t, at + 2 + i * ENTRY);
    size_t next = at + 2 + count * ENTRY;
    /* Some cameras end the last folder without the link. */
    return t->n - next < 4 ? 0 : u32_at(t, next);
}

void ps_exif_read(struct ps_exif *out, const void *p, size_t n) {
    struct tiff t = {.p = p, .n = n, .out = out};
    memset(out, 0, sizeof(*out));
    if (n < 8 || (memcmp(p, "II*\0", 4) != 0 && memcmp(p, "MM\0*", 4) != 0)) {
        out->damaged = true;
        return;
    }
    t.little = t.p[0] == 'I';
    /* Three folders at most, each asked for once: no chain that leads in a circle is followed. */
    uint32_t thumb = folder(&t, u32_at(&t, 4));
    t.thumb_at = t.thumb_size = 0; /* those of the main picture are not a thumbnail's */
    if (t.exif != 0)
        folder(&t, t.exif);
    if (thumb != 0) {
        /* A thumbnail's maker is not the picture's. */
        struct ps_exif kept = *out;
        folder(&t, thumb);
        kept.damaged = out->damaged;
        *out = kept;
    }
    if (t.thumb_size == 0)
        return;
    if (t.thumb_at > n || n - t.thumb_at < t.thumb_size) {
        out->damaged = true;
        return;
    }
    out->thumb = t.p + t.thumb_at;
    out->thumb_n = t.thumb_size;
}
