/* SPDX-License-Identifier: ISC */
#include "evidence/jpeg.h"
#include "evidence/bytes.h"
#include "evidence/sha256.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    SOF0 = 0xC0, /* baseline */
    SOF2 = 0xC2, /* progressive */
    DHT = 0xC4,
    SOI = 0xD8,
    EOI = 0xD9,
    SOS = 0xDA,
    DQT = 0xDB,
    APP0 = 0xE0,
    APP1 = 0xE1,
    APP2 = 0xE2,
    APP13 = 0xED,
    COM = 0xFE
};

#define STANDARD_TABLES 416 /* bytes of all four, with class and id of each */

struct walk {
    struct ps_jpeg *j;
    const uint8_t *p;
    size_t n, at;
    bool outer; /* the photograph itself, not a thumbnail or preview: its words are read */
    bool quantised, scanned;
    struct ps_why *why;
};

static int refuse(const struct walk *w, int err, const char *text) {
    char where[32];
    snprintf(where, sizeof(where), "byte %zu", w->at);
    return ps_error_why(w->why, err, where, "%s", text);
}

static bool begins(const uint8_t *p, size_t n, const char *with, size_t with_n) {
    return n >= with_n && memcmp(p, with, with_n) == 0;
}
#define BEGINS(p, n, literal) begins(p, n, literal, sizeof(literal) - 1)

/* ---- what segments say */

/* Copies up to where; only printable ASCII, for it is compared with names of programs. */
static void keep_text(char out[PS_EXIF_TEXT], const uint8_t *p, size_t n) {
    size_t k = 0;
    while (k < n && k < PS_EXIF_TEXT - 1 && p[k] >= 0x20 && p[k] < 0x7F && p[k] != '<' && p[k] != '"') {
        out[k] = (char)p[k];
        k++;
    }
    out[k] = '\0';
}

static void xmp(struct ps_jpeg *j, const uint8_t *p, size_t n) {
    static const char tool[] = "CreatorTool";
    if (memmem(p, n, "MotionPhoto", 11) != NULL || memmem(p, n, "MicroVideo", 10) != NULL)
        j->motion = true;
    const uint8_t *at = memmem(p, n, tool, sizeof(tool) - 1);
    if (at == NULL)
        return;
    at += sizeof(tool) - 1;
    /* As an attribute ="…", or as an element >…<. */
    while (at < p + n && (*at == '=' || *at == '"' || *at == '>' || *at == ' '))
        at++;
    keep_text(j->creator, at, (size_t)(p + n - at));
}

static void app(struct walk *w, uint8_t marker, const uint8_t *p, size_t n) {
    struct ps_jpeg *j = w->j;
    if (!w->outer)
        return;
    switch (marker) {
    case APP0:
        j->jfif |= BEGINS(p, n, "JFIF\0");
        j->avi1 |= BEGINS(p, n, "AVI1");
        break;
    case APP1:
        if (BEGINS(p, n, "Exif\0") && n >= 6 && !j->has_exif) {
            j->has_exif = true;
            ps_exif_read(&j->exif, p + 6, n - 6);
        } else if (BEGINS(p, n, "http://ns.adobe.com/xap/1.0/\0")) {
            xmp(j, p, n);
        }
        break;
    case APP2: j->mpf |= BEGINS(p, n, "MPF\0"); break;
    case APP13: j->photoshop |= BEGINS(p, n, "Photoshop 3.0"); break;
    case COM:
        if (j->creator[0] == '\0')
            keep_text(j->creator, p, n);
        break;
    default: break;
    }
}

/* SHA-256 of the four tables of T.81 annex K.3, in the order DC 0, AC 0, DC 1, AC 1, as one DHT segment has them. */
static const uint8_t standard_sha256[32] = {0x53, 0x2f, 0xd6, 0x67, 0xaa, 0x55, 0x41, 0x43, 0x9e, 0x4f, 0xc8,
                                            0x9f, 0x18, 0x92, 0x59, 0xb1, 0xb1, 0x37, 0x99, 0x3c, 0xa5, 0xdf,
                                            0xcb, 0xb6, 0x97, 0x0a, 0xb4, 0x11, 0xae, 0xe7, 0x9c, 0xdf};

static void huffman(struct walk *w, const uint8_t *p, size_t n) {
    struct ps_jpeg *j = w->j;
    uint8_t hash[32];
    if (w->scanned || j->tables++ > 0 || n != STANDARD_TABLES)
        return;
    ps_sha256(hash, p, n);
    j->standard = memcmp(hash, standard_sha256, sizeof(hash)) == 0;
    j->tables_first = !w->quantised;
}

static int frame(struct walk *w, uint8_t marker, const uint8_t *p, size_t n) {
    struct ps_rd r = ps_rd_of(p, n);
    struct ps_jpeg *j = w->j;
    if (j->width != 0)
        return refuse(w, PS_EFORMAT, "two frames in one picture");
    if (marker != SOF0 && marker != SOF2)
        return refuse(w, PS_EVERSION, "neither baseline nor progressive JPEG");
    uint8_t bits = ps_rd_u8(&r);
    j->height = ps_rd_u16(&r);
    j->width = ps_rd_u16(&r);
    j->components = ps_rd_u8(&r);
    ps_rd_u8(&r); /* id of the first component */
    j->sampling = ps_rd_u8(&r);
    if (r.err != 0 || n != 6 + (size_t)3 * j->components || j->width == 0 || j->height == 0)
        return refuse(w, PS_EFORMAT, "a frame header that is none");
    if (bits != 8 || (j->components != 1 && j->components != 3))
        return refuse(w, PS_EVERSION, "a photograph has 8 bits, and one or three components");
    j->progressive = marker == SOF2;
    return 0;
}

/* ---- the walk */

/* Past coded data: w->at is at the next marker's 0xFF. */
static int skip_scan(struct walk *w) {
    for (;;) {
        const uint8_t *ff = w->at < w->n ? memchr(w->p + w->at, 0xFF, w->n - w->at) : NULL;
        if (ff == NULL || (size_t)(ff - w->p) + 1 >= w->n) {
            w->at = w->n;
            return refuse(w, PS_ESHORT, "the picture has no end: it was cut off");
        }
        w->at = (size_t)(ff - w->p);
        uint8_t next = ff[1];
        if (next == 0xFF) {
            w->at++; /* fill */
            continue;
        }
        if (next != 0 && (next < 0xD0 || next > 0xD7))
            return 0;
        w->at += 2; /* a stuffed byte, or a restart */
    }
}

static int segment(struct walk *w, uint8_t marker) {
    struct ps_rd r = ps_rd_of(w->p + w->at, w->n - w->at);
    uint16_t length = ps_rd_u16(&r);
    if (marker < SOF0 || (marker >= 0xD0 && marker <= SOI))
        return refuse(w, PS_EFORMAT, "a marker that does not belong here");
    if (r.err != 0 || length < 2 || r.left < (size_t)length - 2)
        return refuse(w, PS_ESHORT, "a segment that ends after the file");
    const uint8_t *p = r.p;
    size_t n = (size_t)length - 2;
    int err = 0;
    if (marker == DHT)
        huffman(w, p, n);
    else if (marker >= SOF0 && marker <= 0xCF && marker != 0xC8 && marker != 0xCC)
        err = frame(w, marker, p, n);
    else if (marker == DQT)
        w->quantised = true;
    else
        app(w, marker, p, n);
    if (err != 0)
        return err;
    w->at += length;
    if (marker != SOS)
        return 0;
    if (w->j->width == 0)
        return refuse(w, PS_EFORMAT, "coded data before the frame header");
    w->scanned = true;
    return skip_scan(w);
}

/* One picture from its SOI to behind its EOI. */
static int picture(struct walk *w) {
    if (w->n - w->at < 4 || w->p[w->at] != 0xFF || w->p[w->at + 1] != SOI)
        return refuse(w, PS_EFORMAT, "is not JPEG");
    w->at += 2;
    for (;;) {
        if (w->at >= w->n || w->p[w->at] != 0xFF)
            return refuse(w, w->at >= w->n ? PS_ESHORT : PS_EFORMAT, "no marker where one must be");
        while (w->at < w->n && w->p[w->at] == 0xFF)
            w->at++;
        if (w->at >= w->n)
            return refuse(w, PS_ESHORT, "the picture has no end: it was cut off");
        uint8_t marker = w->p[w->at++];
        if (marker == EOI)
            return w->scanned ? 0 : refuse(w, PS_EFORMAT, "a JPEG without a picture");
        int err = segment(w, marker);
        if (err != 0)
            return err;
    }
}

/* ---- after the end */

static void skip_zeros(struct walk *w) {
    while (w->at < w->n && w->p[w->at] == 0)
        w->at++;
}

/* Samsung's blocks end with: directory "SEFH" … ‖ u32le its size ‖ "SEFT". */
static bool is_sef(const uint8_t *p, size_t n) {
    if (n < 16 || memcmp(p + n - 4, "SEFT", 4) != 0)
        return false;
    struct ps_rd r = ps_rd_of(p + n - 8, 4);
    uint32_t size = ps_rd_u32le(&r);
    return size >= 4 && size <= n - 8 && memcmp(p + n - 8 - size, "SEFH", 4) == 0;
}

/* An MP4 whose first box is "ftyp"; the leading zeros of its size were taken for padding. */
static bool is_film(const uint8_t *p, size_t n) {
    for (size_t i = 1; i <= 4; i++)
        if (n >= i + 4 && memcmp(p + i, "ftyp", 4) == 0)
            return true;
    return false;
}

static int tail(struct walk *w) {
    struct ps_jpeg *j = w->j;
    size_t end = w->at;
    j->tail_n = w->n - end;
    if (j->tail_n == 0)
        return 0;
    j->tail = PS_JPEG_TAIL_PADDING;
    skip_zeros(w);
    while (j->mpf && BEGINS(w->p + w->at, w->n - w->at, "\xFF\xD8\xFF")) {
        struct ps_jpeg other = {0};
        struct walk more = {.j = &other, .p = w->p, .n = w->n, .at = w->at, .why = w->why};
        int err = picture(&more);
        if (err != 0)
            return err;
        w->at = more.at;
        j->tail = PS_JPEG_TAIL_PICTURES;
        skip_zeros(w);
    }
    if (w->at == w->n)
        return 0;
    if (j->motion && is_film(w->p + w->at, w->n - w->at))
        j->tail = PS_JPEG_TAIL_FILM;
    else if (is_sef(w->p + w->at, w->n - w->at))
        j->tail = PS_JPEG_TAIL_MAKER;
    else
        return refuse(w, PS_ETRAIL, "bytes after the picture that are none of those which cameras write");
    return 0;
}

/* What people take for a photograph and is none of ours. */
static const char *other_format(const uint8_t *p, size_t n) {
    if (BEGINS(p, n, "\x89PNG"))
        return "is PNG, not JPEG: a screenshot, or saved anew";
    if (n > 12 && memcmp(p + 4, "ftyphei", 7) == 0)
        return "is HEIC, not JPEG: set the camera to JPEG (most compatible)";
    if (BEGINS(p, n, "RIFF") && n > 12 && memcmp(p + 8, "WEBP", 4) == 0)
        return "is WebP, not JPEG";
    if (BEGINS(p, n, "II*\0") || BEGINS(p, n, "MM\0*"))
        return "is TIFF or a raw file, not JPEG";
    return "is not JPEG";
}

int ps_jpeg_parse(struct ps_jpeg *out, const void *p, size_t n, struct ps_why *why) {
    struct walk w = {.j = out, .p = p, .n = n, .outer = true, .why = why};
    memset(out, 0, sizeof(*out));
    if (!BEGINS(w.p, n, "\xFF\xD8\xFF"))
        return refuse(&w, PS_EFORMAT, other_format(w.p, n));
    int err = picture(&w);
    if (err == 0)
        err = tail(&w);
    if (err != 0)
        return err;
    if (out->exif.thumb != NULL) {
        struct ps_jpeg thumb = {0};
        struct walk small = {.j = &thumb, .p = out->exif.thumb, .n = out->exif.thumb_n};
        if (picture(&small) == 0) {
            out->thumb_width = thumb.width;
            out->thumb_height = thumb.height;
        }
    }
    return 0;
}

/* ---- signs */

/* Programs that change pictures, in lower or upper case; a camera's own firmware has none of these in its name. */
static bool is_editor(const char *name) {
    static const char *const editors[] = {"photoshop",       "lightroom",     "gimp",        "snapseed",
                                          "meitu",           "美图",          "xingtu",      "醒图",
                                          "picsart",         "paint",         "canva",       "pixelmator",
                                          "affinity",        "acdsee",        "faststone",   "xnview",
                                          "irfanview",       "imagemagick",   "picasa",      "photos 1",
                                          "photoscape",      "windows photo", "vsco",        "lavc",
                                          "gd-jpeg",         "capture one",   "darktable",   "rawtherapee",
                                          "luminar",         "fotor",         "befunky",     "wechat",
                                          "microsoft photo", "adobe",         "illustrator", "krita",
                                          "camscanner",      "b612",          "beautycam",   "faceu"};
    for (size_t i = 0; i < sizeof(editors) / sizeof(editors[0]); i++)
        if (strcasestr(name, editors[i]) != NULL)
            return true;
    return false;
}

static bool is_screen(unsigned w, unsigned h) {
    static const uint16_t screens[][2] = {
        {720, 1280},  {720, 1600},  {750, 1334},  {828, 1792},  {1080, 1920}, {1080, 2160}, {1080, 2280},
        {1080, 2340}, {1080, 2376}, {1080, 2400}, {1080, 2412}, {1125, 2436}, {1170, 2532}, {1179, 2556},
        {1206, 2622}, {1220, 2712}, {1224, 2700}, {1242, 2208}, {1242, 2688}, {1260, 2800}, {1284, 2778},
        {1290, 2796}, {1320, 2868}, {1440, 2560}, {1440, 3088}, {1440, 3200}, {768, 1366},  {900, 1440},
        {900, 1600},  {1200, 1920}, {1600, 2560}, {1440, 3440}, {2160, 3840}, {1536, 2048}, {1668, 2388}};
    unsigned least = w < h ? w : h, most = w < h ? h : w;
    for (size_t i = 0; i < sizeof(screens) / sizeof(screens[0]); i++)
        if (least == screens[i][0] && most == screens[i][1])
            return true;
    return false;
}

/* Same proportions to 2 in 100, in either position: a camera held upright may store both as they came. */
static bool proportional(uint64_t w, uint64_t h, uint64_t tw, uint64_t th) {
    uint64_t a = w * th, b = h * tw, c = w * tw, d = h * th;
    uint64_t apart = a > b ? a - b : b - a, turned = c > d ? c - d : d - c;
    return apart * 100 <= 2 * a || turned * 100 <= 2 * c;
}

unsigned ps_jpeg_signs(const struct ps_jpeg *j) {
    const struct ps_exif *e = &j->exif;
    bool camera = j->has_exif && (e->make[0] != '\0' || e->model[0] != '\0');
    unsigned s = 0;
    if (!j->has_exif)
        s |= PS_JPEG_NO_EXIF | (j->jfif ? PS_JPEG_JFIF_ONLY : 0);
    else
        s |= (e->damaged ? PS_JPEG_EXIF_DAMAGED : 0) | (camera ? 0 : PS_JPEG_NO_CAMERA) |
             (e->taken[0] != '\0' ? 0 : PS_JPEG_NO_TIME);
    if (j->photoshop || is_editor(e->software) || is_editor(j->creator))
        s |= PS_JPEG_EDITOR;
    if (!camera && is_screen(j->width, j->height))
        s |= PS_JPEG_SCREEN;
    /* Who makes motion JPEG standalone puts in the whole standard set as one segment; libraries that encode write four. */
    if (j->tables == 0)
        s |= PS_JPEG_NO_HUFFMAN;
    else if (j->standard && (j->avi1 || !j->has_exif || j->tables_first))
        s |= PS_JPEG_HUFFMAN;
    /* 160x120 is what DCF prescribes for a picture of any proportions: it has bars then. */
    if (j->thumb_width != 0 && !(j->thumb_width == 160 && j->thumb_height == 120) &&
        !proportional(j->width, j->height, j->thumb_width, j->thumb_height))
        s |= PS_JPEG_THUMBNAIL;
    if (e->width != 0 && e->height != 0 && !(e->width == j->width && e->height == j->height) &&
        !(e->width == j->height && e->height == j->width))
        s |= PS_JPEG_SIZE;
    return s | (j->progressive ? PS_JPEG_PROGRESSIVE : 0);
}

const char *ps_jpeg_sign_name(unsigned i) {
    static const char *const names[PS_JPEG_SIGNS] = {
        "no-exif",    "exif-damaged",      "no-camera",         "no-time",
        "editor",     "jfif-only",         "screen-size",       "huffman-added",
        "no-huffman", "thumbnail-differs", "exif-size-differs", "progressive"};
    return i < PS_JPEG_SIGNS ? names[i] : "?";
}

const char *ps_jpeg_tail_name(enum ps_jpeg_tail t) {
    static const char *const names[] = {"", "padding", "pictures", "film", "maker"};
    return names[t];
}
