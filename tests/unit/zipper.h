/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_TESTS_ZIPPER_H
#define PS_TESTS_ZIPPER_H
/*
 * Stored zips for tests, by the letter of docs/FORMAT.md section 11 until a test asks for something else.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/sha256.h"

struct zipper_entry {
    char name[300];
    const uint8_t *p; /* borrowed */
    size_t n;
    uint16_t flags, method, made_by;
    uint32_t attributes;
    uint32_t gap;      /* bytes of nothing before it */
    const char *local; /* another name in the local header */
    size_t grow;       /* central size larger than the local one */
};

#define ZIPPER_MOST 64
struct zipper {
    struct zipper_entry e[ZIPPER_MOST];
    size_t n;
    bool zip64; /* ZIP64 end records and fields although not needed */
    const char *comment, *prefix, *suffix;
};

static inline struct zipper_entry *zipper_add(struct zipper *z, const char *name, const void *p, size_t n) {
    struct zipper_entry *e = &z->e[z->n++];
    *e = (struct zipper_entry){.p = p, .n = n, .made_by = 0x031e, .attributes = 0100644u << 16};
    memcpy(e->name, name, strnlen(name, sizeof e->name - 1));
    return e;
}

static inline uint32_t zipper_crc(const uint8_t *p, size_t n) {
    uint32_t c = 0xffffffff;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int k = 0; k < 8; k++)
            c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
    }
    return ~c;
}

static inline void zipper_common(struct ps_buf *b, const struct zipper *z, const struct zipper_entry *e,
                                 const char *name, size_t size, uint16_t extra) {
    ps_buf_u16le(b, z->zip64 ? 45 : 20);
    ps_buf_u16le(b, e->flags);
    ps_buf_u16le(b, e->method);
    ps_buf_u16le(b, 0);
    ps_buf_u16le(b, 0x21); /* 1980-01-01 */
    ps_buf_u32le(b, zipper_crc(e->p, e->n));
    ps_buf_u32le(b, z->zip64 ? UINT32_MAX : (uint32_t)size);
    ps_buf_u32le(b, z->zip64 ? UINT32_MAX : (uint32_t)size);
    ps_buf_u16le(b, (uint16_t)strlen(name));
    ps_buf_u16le(b, extra);
}

static inline void zipper_end(struct ps_buf *b, const struct zipper *z, size_t directory) {
    size_t size = b->n - directory, end = b->n;
    if (z->zip64) {
        ps_buf_u32le(b, 0x06064b50);
        ps_buf_u64le(b, 44);
        ps_buf_u16le(b, 45);
        ps_buf_u16le(b, 45);
        ps_buf_u32le(b, 0);
        ps_buf_u32le(b, 0);
        ps_buf_u64le(b, z->n);
        ps_buf_u64le(b, z->n);
        ps_buf_u64le(b, size);
        ps_buf_u64le(b, directory);
        ps_buf_u32le(b, 0x07064b50);
        ps_buf_u32le(b, 0);
        ps_buf_u64le(b, end);
        ps_buf_u32le(b, 1);
    }
    ps_buf_u32le(b, 0x06054b50);
    ps_buf_u32le(b, 0);
    ps_buf_u16le(b, z->zip64 ? UINT16_MAX : (uint16_t)z->n);
    ps_buf_u16le(b, z->zip64 ? UINT16_MAX : (uint16_t)z->n);
    ps_buf_u32le(b, z->zip64 ? UINT32_MAX : (uint32_t)size);
    ps_buf_u32le(b, z->zip64 ? UINT32_MAX : (uint32_t)directory);
    ps_buf_u16le(b, (uint16_t)(z->comment != NULL ? strlen(z->comment) : 0));
    if (z->comment != NULL)
        ps_buf_text(b, z->comment);
}

/* *n bytes, malloc. */
static inline uint8_t *zipper_write(const struct zipper *z, size_t *n) {
    struct ps_buf b;
    size_t at[ZIPPER_MOST];
    ps_buf_init(&b, (size_t)64 << 20);
    if (z->prefix != NULL)
        ps_buf_text(&b, z->prefix);
    for (size_t i = 0; i < z->n; i++) {
        const struct zipper_entry *e = &z->e[i];
        const char *name = e->local != NULL ? e->local : e->name;
        for (uint32_t k = 0; k < e->gap; k++)
            ps_buf_u8(&b, 0);
        at[i] = b.n;
        ps_buf_u32le(&b, 0x04034b50);
        zipper_common(&b, z, e, name, e->n, z->zip64 ? 20 : 0);
        ps_buf_text(&b, name);
        if (z->zip64) {
            ps_buf_u16le(&b, 1);
            ps_buf_u16le(&b, 16);
            ps_buf_u64le(&b, e->n);
            ps_buf_u64le(&b, e->n);
        }
        ps_buf_bytes(&b, e->p, e->n);
    }
    size_t directory = b.n;
    for (size_t i = 0; i < z->n; i++) {
        const struct zipper_entry *e = &z->e[i];
        ps_buf_u32le(&b, 0x02014b50);
        ps_buf_u16le(&b, e->made_by);
        zipper_common(&b, z, e, e->name, e->n + e->grow, z->zip64 ? 28 : 0);
        ps_buf_u16le(&b, 0);
        ps_buf_u16le(&b, 0);
        ps_buf_u16le(&b, 0);
        ps_buf_u32le(&b, e->attributes);
        ps_buf_u32le(&b, z->zip64 ? UINT32_MAX : (uint32_t)at[i]);
        ps_buf_text(&b, e->name);
        if (z->zip64) {
            ps_buf_u16le(&b, 1);
            ps_buf_u16le(&b, 24);
            ps_buf_u64le(&b, e->n + e->grow);
            ps_buf_u64le(&b, e->n + e->grow);
            ps_buf_u64le(&b, at[i]);
        }
    }
    zipper_end(&b, z, directory);
    if (z->suffix != NULL)
        ps_buf_text(&b, z->suffix);
    if (b.err != 0)
        abort();
    *n = b.n;
    return b.p;
}

/* Makes a bag of what is there below BASE/data/: adds the four tag files in front. Their bytes belong to *keep, which
 * the caller frees with ps_buf_free, each. */
static inline void zipper_line(struct ps_buf *b, const struct zipper_entry *e, size_t base) {
    uint8_t d[32];
    char hex[65];
    ps_sha256(d, e->p, e->n);
    ps_bytes_hex(hex, d, 32);
    ps_buf_fmt(b, "%s  %s\n", hex, e->name + base);
}

static inline void zipper_bag(struct zipper *z, const char *base, struct ps_buf keep[2]) {
    static const char declaration[] = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";
    static const char info[] = "Source-Organization: test\n";
    char name[300];
    size_t first = z->n;
    ps_buf_init(&keep[0], 65536);
    ps_buf_init(&keep[1], 65536);
    for (size_t i = 0; i < first; i++)
        zipper_line(&keep[0], &z->e[i], strlen(base));
    (void)snprintf(name, sizeof name, "%sbagit.txt", base);
    zipper_add(z, name, declaration, sizeof declaration - 1);
    (void)snprintf(name, sizeof name, "%sbag-info.txt", base);
    zipper_add(z, name, info, sizeof info - 1);
    (void)snprintf(name, sizeof name, "%smanifest-sha256.txt", base);
    zipper_add(z, name, keep[0].p, keep[0].n);
    for (size_t i = first; i < z->n; i++)
        zipper_line(&keep[1], &z->e[i], strlen(base));
    (void)snprintf(name, sizeof name, "%stagmanifest-sha256.txt", base);
    zipper_add(z, name, keep[1].p, keep[1].n);
}

#endif
