/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_TESTS_FILM_H
#define PS_TESTS_FILM_H
/*
 * Films for tests: reads a golden one, lets the test change its samples, and writes it again in each layout that a
 * verifier meets: ordinary, as recorded (finished or not), fragmented as other writers do it.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/mp4.h"
#include "evidence/record.h"

struct film_sample {
    const uint8_t *p; /* into film.file, of this film or another */
    uint32_t size, ticks;
    bool sync;
};

#define FILM_MOST 512
struct film {
    uint8_t *file;
    size_t file_n;
    struct ps_mp4 mp4;
    struct film_sample s[FILM_MOST];
    uint32_t n;
    /* What film_write makes of it. Zeros: an ordinary file, moov at the end. */
    enum { FILM_ORDINARY, FILM_HYBRID, FILM_FRAGMENTS, FILM_FOREIGN_FRAGMENTS } layout;
    bool turned;            /* a matrix of 90 degrees */
    bool edit;              /* an edit list ... */
    uint32_t edit_duration; /* ... in units of 1/90000 s */
    int32_t edit_start;
    uint32_t timescale;    /* 0: 90000 */
    const char *extra_box; /* appended to the sample entry */
    bool composition;      /* a ctts that shifts the second sample */
    bool second_moov;
    bool moof_behind; /* a moof beside the complete tables */
};

static inline uint8_t *film_slurp(const char *name, size_t *n) {
    const char *src = getenv("PACKSEAL_SRC");
    char path[512];
    snprintf(path, sizeof path, "%s/tests/golden/v1/%s", src != NULL ? src : ".", name);
    FILE *f = fopen(path, "rb");
    uint8_t *p = malloc(1 << 20);
    *n = f != NULL && p != NULL ? fread(p, 1, 1 << 20, f) : 0;
    if (f != NULL)
        fclose(f);
    if (*n == 0) {
        fprintf(stderr, "# %s cannot be read\n", path);
        exit(1);
    }
    return p;
}

static inline struct film *film_open(const char *name) {
    struct film *m = calloc(1, sizeof *m);
    struct ps_why why = {{0}, {0}};
    m->file = film_slurp(name, &m->file_n);
    struct ps_blob b = ps_blob_of_memory(m->file, m->file_n);
    if (ps_mp4_read(&m->mp4, &b, false, &why) < 0 || m->mp4.n_samples > FILM_MOST) {
        fprintf(stderr, "# %s: %s: %s\n", name, why.where, why.text);
        exit(1);
    }
    m->n = m->mp4.n_samples;
    for (uint32_t i = 0; i < m->n; i++) {
        const struct ps_mp4_sample *s = &m->mp4.samples[i];
        m->s[i] = (struct film_sample){m->file + s->offset, s->size, s->ticks, s->sync};
    }
    return m;
}

static inline void film_close(struct film *m) {
    ps_mp4_free(&m->mp4);
    free(m->file);
    free(m);
}

/* First sample of segment k, or n. */
static inline uint32_t film_segment(const struct film *m, uint32_t k) {
    for (uint32_t i = 0; i < m->n; i++)
        if (m->s[i].sync && k-- == 0)
            return i;
    return m->n;
}

static inline void film_cut(struct film *m, uint32_t k) {
    uint32_t a = film_segment(m, k), b = film_segment(m, k + 1);
    memmove(m->s + a, m->s + b, (m->n - b) * sizeof m->s[0]);
    m->n -= b - a;
}

static inline void film_insert(struct film *m, uint32_t k, const struct film *from, uint32_t seg) {
    uint32_t a = film_segment(from, seg), n = film_segment(from, seg + 1) - a, at = film_segment(m, k);
    struct film_sample piece[FILM_MOST];
    memcpy(piece, from->s + a, n * sizeof piece[0]);
    memmove(m->s + at + n, m->s + at, (m->n - at) * sizeof m->s[0]);
    memcpy(m->s + at, piece, n * sizeof piece[0]);
    m->n += n;
}

/* ---- boxes --------------------------------------------------------------------------------------- */

static inline size_t film_box(struct ps_buf *b, const char *type) {
    size_t at = b->n;
    ps_buf_u32(b, 0);
    ps_buf_bytes(b, type, 4);
    return at;
}

static inline size_t film_full(struct ps_buf *b, const char *type, uint32_t version_flags) {
    size_t at = film_box(b, type);
    ps_buf_u32(b, version_flags);
    return at;
}

static inline void film_u32_at(struct ps_buf *b, size_t at, uint32_t v) {
    for (int i = 0; i < 4; i++)
        b->p[at + (size_t)i] = (uint8_t)(v >> (24 - 8 * i));
}

static inline void film_end(struct ps_buf *b, size_t at) {
    film_u32_at(b, at, (uint32_t)(b->n - at));
}

static inline void film_zeros(struct ps_buf *b, size_t n) {
    while (n-- > 0)
        ps_buf_u8(b, 0);
}

static inline void film_matrix(struct ps_buf *b, bool turned) {
    const uint32_t as_is[9] = {0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000};
    const uint32_t quarter[9] = {0, 0x10000, 0, 0xffff0000, 0, 0, 0, 0, 0x40000000};
    for (int i = 0; i < 9; i++)
        ps_buf_u32(b, turned ? quarter[i] : as_is[i]);
}

static inline uint64_t film_units(const struct film *m) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < m->n; i++)
        sum += m->s[i].ticks;
    return sum;
}

static inline void film_stsd(struct ps_buf *b, const struct film *m) {
    size_t d = film_full(b, "stsd", 0);
    ps_buf_u32(b, 1);
    size_t v = film_box(b, "avc1");
    film_zeros(b, 6);
    ps_buf_u16(b, 1);
    film_zeros(b, 16);
    ps_buf_u16(b, m->mp4.width);
    ps_buf_u16(b, m->mp4.height);
    ps_buf_u32(b, 0x480000);
    ps_buf_u32(b, 0x480000);
    ps_buf_u32(b, 0);
    ps_buf_u16(b, 1);
    film_zeros(b, 32);
    ps_buf_u16(b, 24);
    ps_buf_u16(b, 0xffff);
    size_t a = film_box(b, "avcC");
    ps_buf_bytes(b, m->mp4.avcc, m->mp4.avcc_len);
    film_end(b, a);
    if (m->extra_box != NULL) {
        a = film_box(b, m->extra_box);
        film_zeros(b, 32);
        film_end(b, a);
    }
    film_end(b, v);
    film_end(b, d);
}

/* One chunk for all, at `data`; 0: empty tables of a fragmented film. */
static inline void film_stbl(struct ps_buf *b, const struct film *m, uint64_t data) {
    uint32_t n = data != 0 ? m->n : 0, syncs = 0;
    size_t s = film_box(b, "stbl"), t;
    film_stsd(b, m);
    t = film_full(b, "stts", 0);
    ps_buf_u32(b, n);
    for (uint32_t i = 0; i < n; i++) {
        ps_buf_u32(b, 1);
        ps_buf_u32(b, m->s[i].ticks);
    }
    film_end(b, t);
    if (n > 0) {
        t = film_full(b, "stss", 0);
        ps_buf_u32(b, 0);
        for (uint32_t i = 0; i < n; i++)
            if (m->s[i].sync) {
                ps_buf_u32(b, i + 1);
                syncs++;
            }
        film_u32_at(b, t + 12, syncs);
        film_end(b, t);
    }
    if (m->composition) {
        t = film_full(b, "ctts", 0);
        ps_buf_u32(b, 3);
        ps_buf_u32(b, 1);
        ps_buf_u32(b, 0);
        ps_buf_u32(b, 1);
        ps_buf_u32(b, 9000);
        ps_buf_u32(b, n - 2);
        ps_buf_u32(b, 0);
        film_end(b, t);
    }
    t = film_full(b, "stsc", 0);
    ps_buf_u32(b, n > 0);
    if (n > 0) {
        ps_buf_u32(b, 1);
        ps_buf_u32(b, n);
        ps_buf_u32(b, 1);
    }
    film_end(b, t);
    t = film_full(b, "stsz", 0);
    ps_buf_u32(b, 0);
    ps_buf_u32(b, n);
    for (uint32_t i = 0; i < n; i++)
        ps_buf_u32(b, m->s[i].size);
    film_end(b, t);
    t = film_full(b, "co64", 0);
    ps_buf_u32(b, n > 0);
    if (n > 0)
        ps_buf_u64(b, data);
    film_end(b, t);
    film_end(b, s);
}

static inline void film_mdia(struct ps_buf *b, const struct film *m, uint64_t data, uint64_t duration) {
    uint32_t scale = m->timescale != 0 ? m->timescale : 90000;
    size_t d = film_box(b, "mdia"), a = film_full(b, "mdhd", 0x1000000);
    film_zeros(b, 16);
    ps_buf_u32(b, scale);
    ps_buf_u64(b, duration);
    ps_buf_u32(b, 0x55c40000);
    film_end(b, a);
    a = film_full(b, "hdlr", 0);
    ps_buf_u32(b, 0);
    ps_buf_text(b, "vide");
    film_zeros(b, 13);
    film_end(b, a);
    size_t i = film_box(b, "minf");
    a = film_full(b, "vmhd", 1);
    film_zeros(b, 8);
    film_end(b, a);
    a = film_box(b, "dinf");
    size_t r = film_full(b, "dref", 0);
    ps_buf_u32(b, 1);
    size_t u = film_full(b, "url ", 1);
    film_end(b, u);
    film_end(b, r);
    film_end(b, a);
    film_stbl(b, m, data);
    film_end(b, i);
    film_end(b, d);
}

static inline void film_moov(struct ps_buf *b, const struct film *m, uint64_t data) {
    uint64_t duration = data != 0 ? film_units(m) : 0;
    size_t o = film_box(b, "moov"), a = film_full(b, "mvhd", 0x1000000);
    film_zeros(b, 16);
    ps_buf_u32(b, m->timescale != 0 ? m->timescale : 90000);
    ps_buf_u64(b, duration);
    ps_buf_u32(b, 0x10000);
    ps_buf_u16(b, 0x100);
    film_zeros(b, 10);
    film_matrix(b, false);
    film_zeros(b, 24);
    ps_buf_u32(b, 2);
    film_end(b, a);
    size_t t = film_box(b, "trak");
    a = film_full(b, "tkhd", 0x1000003);
    film_zeros(b, 16);
    ps_buf_u32(b, 1);
    ps_buf_u32(b, 0);
    ps_buf_u64(b, duration);
    film_zeros(b, 16);
    film_matrix(b, m->turned);
    ps_buf_u32(b, (uint32_t)m->mp4.width << 16);
    ps_buf_u32(b, (uint32_t)m->mp4.height << 16);
    film_end(b, a);
    if (m->edit) {
        size_t e = film_box(b, "edts");
        a = film_full(b, "elst", 0);
        ps_buf_u32(b, 1);
        ps_buf_u32(b, m->edit_duration);
        ps_buf_u32(b, (uint32_t)m->edit_start);
        ps_buf_u32(b, 0x10000);
        film_end(b, a);
        film_end(b, e);
    }
    film_mdia(b, m, data, duration);
    film_end(b, t);
    if (data == 0) {
        size_t x = film_box(b, "mvex");
        a = film_full(b, "trex", 0);
        ps_buf_u32(b, 1);
        ps_buf_u32(b, 1);
        film_zeros(b, 12);
        film_end(b, a);
        film_end(b, x);
    }
    film_end(b, o);
}

/* Samples [from, to) as moof and mdat. Foreign: absolute base, defaults in tfhd, flags of the first sample alone,
 * and durations in the default where all are alike. */
static inline void film_moof(struct ps_buf *b, const struct film *m, uint32_t from, uint32_t to,
                             uint64_t decode) {
    bool foreign = m->layout == FILM_FOREIGN_FRAGMENTS;
    size_t o = film_box(b, "moof"), a = film_full(b, "mfhd", 0);
    ps_buf_u32(b, from + 1);
    film_end(b, a);
    size_t t = film_box(b, "traf");
    a = film_full(b, "tfhd", foreign ? 0x39 : 0x20000);
    ps_buf_u32(b, 1);
    if (foreign) {
        ps_buf_u64(b, o);
        ps_buf_u32(b, m->s[from].ticks);
        ps_buf_u32(b, 0);
        ps_buf_u32(b, 0x01010000);
    }
    film_end(b, a);
    a = film_full(b, "tfdt", 0x1000000);
    ps_buf_u64(b, decode);
    film_end(b, a);
    a = film_full(b, "trun", foreign ? 0x205 : 0x701);
    ps_buf_u32(b, to - from);
    size_t offset = b->n;
    ps_buf_u32(b, 0);
    if (foreign)
        ps_buf_u32(b, 0x02000000);
    for (uint32_t i = from; i < to; i++) {
        if (!foreign)
            ps_buf_u32(b, m->s[i].ticks);
        ps_buf_u32(b, m->s[i].size);
        if (!foreign)
            ps_buf_u32(b, m->s[i].sync ? 0x02000000 : 0x01010000);
    }
    film_end(b, a);
    film_end(b, t);
    film_end(b, o);
    film_u32_at(b, offset, (uint32_t)(b->n - o) + 8);
    size_t d = film_box(b, "mdat");
    for (uint32_t i = from; i < to; i++)
        ps_buf_bytes(b, m->s[i].p, m->s[i].size);
    film_end(b, d);
}

static inline void film_fragments(struct ps_buf *b, const struct film *m) {
    uint64_t decode = 0;
    for (uint32_t i = 0; i < m->n;) {
        uint32_t end = i + 1;
        while (end < m->n && !m->s[end].sync)
            end++;
        film_moof(b, m, i, end, decode);
        for (; i < end; i++)
            decode += m->s[i].ticks;
    }
}

/* As the recorder finishes: the fragments and their moov lie inside one mdat, the real moov behind it. Its samples
 * are in many places, so this takes a chunk for each. */
static inline void film_hybrid_moov(struct ps_buf *b, const struct film *m) {
    struct ps_blob all = ps_blob_of_memory(b->p, b->n);
    struct ps_mp4 f;
    if (ps_mp4_read(&f, &all, false, NULL) < 0)
        abort();
    size_t moov = b->n;
    film_moov(b, m, 1);
    /* stsc and co64 are the last boxes of stbl but for stsz between: written again with one sample a chunk. */
    uint8_t *stsc = memmem(b->p + moov, b->n - moov, "stsc", 4);
    film_u32_at(b, (size_t)(stsc - b->p) + 16, 1);
    uint8_t *co64 = memmem(b->p + moov, b->n - moov, "co64", 4);
    size_t at = (size_t)(co64 - b->p) - 4;
    b->n = at;
    size_t c = film_full(b, "co64", 0);
    ps_buf_u32(b, m->n);
    for (uint32_t i = 0; i < m->n; i++)
        ps_buf_u64(b, f.samples[i].offset);
    film_end(b, c);
    static const char *const parents[] = {"moov", "trak", "mdia", "minf", "stbl"};
    for (size_t i = 0; i < sizeof parents / sizeof parents[0]; i++) {
        uint8_t *p = memmem(b->p + moov, b->n - moov, parents[i], 4);
        film_end(b, (size_t)(p - b->p) - 4);
    }
    /* The patch of 16 bytes at 32. */
    film_u32_at(b, 32, 1);
    memcpy(b->p + 36, "mdat", 4);
    film_u32_at(b, 40, 0);
    film_u32_at(b, 44, (uint32_t)moov - 32);
    ps_mp4_free(&f);
}

/* *n bytes, malloc. */
static inline uint8_t *film_write(const struct film *m, size_t *n) {
    struct ps_buf b;
    ps_buf_init(&b, (size_t)16 << 20);
    size_t a = film_box(&b, "ftyp");
    ps_buf_text(&b, "isom");
    ps_buf_u32(&b, 0x200);
    ps_buf_text(&b, "isomiso6avc1mp41");
    film_end(&b, a);
    a = film_box(&b, "free");
    film_zeros(&b, 8);
    film_end(&b, a);
    if (m->layout == FILM_ORDINARY) {
        a = film_box(&b, "mdat");
        size_t data = b.n;
        for (uint32_t i = 0; i < m->n; i++)
            ps_buf_bytes(&b, m->s[i].p, m->s[i].size);
        film_end(&b, a);
        film_moov(&b, m, data);
        if (m->second_moov)
            film_moov(&b, m, data);
        if (m->moof_behind)
            film_moof(&b, m, 0, 1, 0);
    } else {
        film_moov(&b, m, 0);
        film_fragments(&b, m);
        if (m->layout == FILM_HYBRID)
            film_hybrid_moov(&b, m);
    }
    if (b.err != 0)
        abort();
    *n = b.n;
    return b.p;
}

#endif
