/* SPDX-License-Identifier: ISC */
#include "evidence/mp4.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/mp4_internal.h"

/* A film longer than this is no clip of ours; the bound also keeps the products below within 64 bits. */
#define MAX_TICKS ((uint64_t)2 * PS_MAX_CLIP_SECONDS * PS_TICKS_PER_SECOND)

struct top_box {
    char type[5];
    uint64_t off, body, end;
};

static bool type_ok(const uint8_t *t) {
    for (int i = 0; i < 4; i++)
        if ((t[i] < 0x20 || t[i] > 0x7e) && t[i] != 0xa9) /* 0xa9: QuickTime's (c) */
            return false;
    return true;
}

static void type_copy(char out[5], const uint8_t *t) {
    for (int i = 0; i < 4; i++)
        out[i] = t[i] == 0xa9 ? '(' : (char)t[i];
    out[4] = 0;
}

int ps_mp4_next_box(struct ps_mp4_reader *r, struct ps_rd *in, struct ps_mp4_box *b, const char *parent) {
    if (in->err != 0)
        return ps_error_why(r->why, PS_EFORMAT, parent, "box ends too early");
    if (in->left == 0)
        return 0;
    uint64_t size = ps_rd_u32(in), head = 8;
    const uint8_t *t = ps_rd_skip(in, 4);
    if (t == NULL || !type_ok(t))
        return ps_error_why(r->why, PS_EFORMAT, parent, "broken box inside");
    type_copy(b->type, t);
    if (size == 1) {
        size = ps_rd_u64(in);
        head = 16;
    }
    if (in->err != 0 || size < head || size - head > in->left)
        return ps_error_why(r->why, PS_EFORMAT, parent, "box %s does not fit into it", b->type);
    b->body = ps_rd_sub(in, (size_t)(size - head));
    return 1;
}

bool ps_mp4_is(const struct ps_mp4_box *b, const char *type) {
    return memcmp(b->type, type, 4) == 0;
}

int ps_mp4_once(struct ps_mp4_reader *r, uint32_t *seen, uint32_t bit, const char *where) {
    if (*seen & bit)
        return ps_error_why(r->why, PS_EFORMAT, where, "there are two of this box");
    *seen |= bit;
    return 0;
}

uint8_t ps_mp4_full(struct ps_rd *r, uint32_t *flags) {
    uint32_t v = ps_rd_u32(r);
    *flags = v & 0xffffff;
    return (uint8_t)(v >> 24);
}

static int grow(struct ps_mp4_reader *r) {
    if (r->out->n_samples < r->cap)
        return 0;
    uint32_t cap = r->cap == 0 ? 1024 : r->cap * 2;
    struct ps_mp4_sample *s = realloc(r->out->samples, cap * sizeof *s);
    if (s == NULL)
        return ps_error_why(r->why, PS_ENOMEM, "samples", "out of memory");
    r->out->samples = s;
    r->cap = cap;
    return 0;
}

int ps_mp4_add(struct ps_mp4_reader *r, uint64_t offset, uint32_t size, uint32_t units, bool sync,
               const char *where) {
    struct ps_mp4 *m = r->out;
    uint32_t i = m->n_samples;
    if (i >= PS_MAX_SAMPLES)
        return ps_error_why(r->why, PS_ELIMIT, where, "more than %d samples", PS_MAX_SAMPLES);
    if (size == 0 || size > PS_MAX_SAMPLE)
        return ps_error_why(r->why, size == 0 ? PS_EFORMAT : PS_ELIMIT, where, "sample %u has %u bytes", i,
                            size);
    if (offset > r->file->size || size > r->file->size - offset)
        return ps_error_why(r->why, PS_ESHORT, where, "sample %u lies behind the end of the file", i);
    if (offset < r->data_end)
        return ps_error_why(r->why, PS_EFORMAT, where, "sample %u overlaps, or is not in file order", i);
    uint64_t scaled = (uint64_t)units * PS_TICKS_PER_SECOND;
    if (scaled % r->scale != 0)
        return ps_error_why(r->why, PS_EFORMAT, where, "sample %u does not last whole ticks of 1/90000 s", i);
    uint64_t ticks = scaled / r->scale;
    if (ticks > MAX_TICKS || m->duration > MAX_TICKS - ticks)
        return ps_error_why(r->why, PS_ELIMIT, where, "longer than a clip can be");
    int err = grow(r);
    if (err < 0)
        return err;
    m->samples[i] =
        (struct ps_mp4_sample){.offset = offset, .size = size, .ticks = (uint32_t)ticks, .sync = sync};
    m->n_samples++;
    m->duration += ticks;
    r->decode += units;
    r->data_end = offset + size;
    return 0;
}

/* ---- the file's own boxes ------------------------------------------------------------------------ */

static int at(struct ps_mp4_reader *r, int err, uint64_t off, const char *text) {
    char where[32];
    (void)snprintf(where, sizeof where, "byte %llu", (unsigned long long)off);
    return ps_error_why(r->why, err, where, "%s", text);
}

/* 1 with *b, 0 at the end of the file. PS_ESHORT where the file ends inside a box; PS_EFORMAT where there
 * is none, as after a power cut that left zeros. */
static int next_top(struct ps_mp4_reader *r, uint64_t off, struct top_box *b) {
    uint8_t head[16] = {0};
    uint64_t left = r->file->size - off, size, body = 8;
    if (left == 0)
        return 0;
    size_t n = left < sizeof head ? (size_t)left : sizeof head;
    if (ps_blob_read(r->file, off, head, n) < 0)
        return at(r, PS_EIO, off, "cannot be read");
    struct ps_rd rd = ps_rd_of(head, n);
    size = ps_rd_u32(&rd);
    const uint8_t *type = ps_rd_skip(&rd, 4);
    if (type == NULL)
        return at(r, PS_ESHORT, off, "the file ends inside a box");
    if (!type_ok(type))
        return at(r, PS_EFORMAT, off, "no box begins here");
    type_copy(b->type, type);
    if (size == 1) {
        size = ps_rd_u64(&rd);
        body = 16;
        if (rd.err != 0)
            return at(r, PS_ESHORT, off, "the file ends inside a box");
    } else if (size == 0 && memcmp(b->type, "mdat", 4) == 0) {
        size = left; /* to the end of the file */
    }
    if (size < body)
        return at(r, PS_EFORMAT, off, "box with an impossible size");
    if (size > left)
        return at(r, PS_ESHORT, off, "the file ends inside a box");
    b->off = off;
    b->body = off + body;
    b->end = off + size;
    return 1;
}

static int add_mdat(struct ps_mp4_reader *r, const struct top_box *b) {
    if (r->n_mdats == r->cap_mdats) {
        uint32_t cap = r->cap_mdats == 0 ? 64 : r->cap_mdats * 2;
        struct ps_mp4_range *p = realloc(r->mdats, cap * sizeof *p);
        if (p == NULL)
            return at(r, PS_ENOMEM, b->off, "out of memory");
        r->mdats = p;
        r->cap_mdats = cap;
    }
    r->mdats[r->n_mdats++] = (struct ps_mp4_range){.off = b->body, .end = b->end};
    return 0;
}

/* Every sample lies inside one mdat. Both lists are in file order. */
static int check_inside(struct ps_mp4_reader *r) {
    uint32_t k = 0;
    for (uint32_t i = 0; i < r->out->n_samples; i++) {
        const struct ps_mp4_sample *s = &r->out->samples[i];
        while (k < r->n_mdats && r->mdats[k].end <= s->offset)
            k++;
        if (k == r->n_mdats || s->offset < r->mdats[k].off || s->size > r->mdats[k].end - s->offset)
            return at(r, PS_EFORMAT, s->offset, "a sample lies outside the mdat boxes");
    }
    return 0;
}

static int load(struct ps_mp4_reader *r, const struct top_box *b, uint8_t **p, size_t *n) {
    if (b->end - b->body > PS_MAX_MP4_BOX)
        return at(r, PS_ELIMIT, b->off, "box is too large");
    *n = (size_t)(b->end - b->body);
    *p = malloc(*n + 1);
    if (*p == NULL)
        return at(r, PS_ENOMEM, b->off, "out of memory");
    if (ps_blob_read(r->file, b->body, *p, *n) == 0)
        return 0;
    free(*p);
    *p = NULL;
    return at(r, PS_EIO, b->off, "cannot be read");
}

static int read_moov(struct ps_mp4_reader *r, const struct top_box *b) {
    uint8_t *p;
    size_t n;
    int err = load(r, b, &p, &n);
    if (err < 0)
        return err;
    r->have_moov = true;
    r->moov_off = b->off;
    err = ps_mp4_moov(r, p, n);
    /* The tables are cursors into p: read them while it is there. */
    if (err == 0)
        err = ps_mp4_table(r);
    free(p);
    return err;
}

static int read_moof(struct ps_mp4_reader *r, const struct top_box *b) {
    uint8_t *p;
    size_t n;
    int err = load(r, b, &p, &n);
    if (err < 0)
        return err;
    err = ps_mp4_moof(r, p, n, b->off);
    free(p);
    return err;
}

/* What is undone when the mdat of the last moof is missing. */
struct mark {
    uint32_t n_samples;
    uint64_t duration;
};

static void back(struct ps_mp4_reader *r, const struct mark *m) {
    r->out->n_samples = m->n_samples;
    r->out->duration = m->duration;
}

/* 1 when reading ends here although the file does not, and the caller accepts a torn tail. A finished film
 * whose header was not yet patched has a second moov behind its fragments: that is a tail, too. */
static int torn(const struct ps_mp4_reader *r, const struct top_box *b, int got, bool torn_ok) {
    if (!torn_ok || !r->fragments)
        return 0;
    if (got == PS_ESHORT || got == PS_EFORMAT)
        return 1;
    return got > 0 && memcmp(b->type, "moov", 4) == 0;
}

static int one_top(struct ps_mp4_reader *r, const struct top_box *b, bool pending) {
    bool moov = memcmp(b->type, "moov", 4) == 0, moof = memcmp(b->type, "moof", 4) == 0;
    if (b->off == 0 && memcmp(b->type, "ftyp", 4) != 0)
        return at(r, PS_EFORMAT, 0, "not an MP4 file");
    if (moov && r->have_moov)
        return at(r, PS_EFORMAT, b->off, "a second moov: two descriptions compete");
    if (moov)
        return read_moov(r, b);
    if (moof && !r->have_moov)
        return at(r, PS_EFORMAT, b->off, "moof before moov");
    if (moof && !r->fragments)
        return at(r, PS_EFORMAT, b->off, "moof beside a complete sample table: two descriptions compete");
    if (moof && pending)
        return at(r, PS_EFORMAT, b->off, "two moof boxes without an mdat between");
    if (moof)
        return read_moof(r, b);
    if (memcmp(b->type, "mdat", 4) == 0)
        return add_mdat(r, b);
    return 0; /* free, skip, wide, uuid, meta, sidx, mfra: shown by nobody */
}

static int read_boxes(struct ps_mp4_reader *r, bool torn_ok) {
    struct mark before = {0};
    bool pending = false; /* a moof waits for its mdat */
    struct top_box b = {.type = ""};
    uint64_t off = 0;
    for (uint32_t n = 0;; n++) {
        if (n == PS_MAX_MP4_BOXES)
            return at(r, PS_ELIMIT, off, "too many boxes");
        int got = next_top(r, off, &b);
        if (got == 0 || torn(r, &b, got, torn_ok))
            break;
        if (got < 0)
            return got;
        struct mark now = {r->out->n_samples, r->out->duration};
        int err = one_top(r, &b, pending);
        /* A moof whose samples lie behind the end is the torn tail itself. */
        if (err == PS_ESHORT && torn_ok && r->fragments && memcmp(b.type, "moof", 4) == 0) {
            before = now;
            pending = true;
            break;
        }
        if (err < 0)
            return err;
        if (memcmp(b.type, "moof", 4) == 0) {
            before = now;
            pending = true;
        } else if (memcmp(b.type, "mdat", 4) == 0) {
            pending = false;
        }
        off = b.end;
        if (!pending)
            r->out->tail = off;
    }
    if (!r->have_moov)
        return at(r, PS_EFORMAT, off, "no moov: not a film");
    if (pending && !torn_ok)
        return at(r, PS_ESHORT, off, "the last moof has no mdat");
    if (pending)
        back(r, &before);
    return 0;
}

/* ---- what a player would show -------------------------------------------------------------------- */

/* True when `d` units of `scale` are the film's length, to one unit. */
static bool lasts(const struct ps_mp4 *m, uint64_t d, uint32_t scale) {
    uint64_t want = m->duration * scale; /* < 2^30 · 2^32 */
    if (d > UINT64_MAX / PS_TICKS_PER_SECOND)
        return false;
    uint64_t have = d * PS_TICKS_PER_SECOND;
    return (have > want ? have - want : want - have) <= PS_TICKS_PER_SECOND;
}

/* In a fragmented film the header's durations may be unknown: 0 or all ones. */
static bool open_end(const struct ps_mp4_reader *r, uint64_t d) {
    return r->fragments && (d == 0 || d == UINT32_MAX || d == UINT64_MAX);
}

static int check_durations(struct ps_mp4_reader *r) {
    const struct {
        const char *where;
        uint64_t d;
        uint32_t scale;
    } all[] = {
        {"moov/mvhd", r->movie_duration, r->movie_scale},
        {"moov/trak/tkhd", r->track_duration, r->movie_scale},
        {"moov/trak/mdia/mdhd", r->media_duration, r->scale},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (!lasts(r->out, all[i].d, all[i].scale) && !open_end(r, all[i].d))
            return ps_error_why(r->why, PS_EFORMAT, all[i].where, "another duration than the samples'");
    if (r->have_edit && !lasts(r->out, r->edit_duration, r->movie_scale) && !open_end(r, r->edit_duration))
        return ps_error_why(r->why, PS_EFORMAT, "moov/trak/edts/elst", "an edit list that shows only a part");
    return 0;
}

int ps_mp4_read(struct ps_mp4 *out, const struct ps_blob *file, bool torn_ok, struct ps_why *why) {
    *out = (struct ps_mp4){0};
    struct ps_mp4_reader r = {.file = file, .out = out, .why = why};
    int err = read_boxes(&r, torn_ok);
    if (err == 0)
        err = check_inside(&r);
    out->fragmented = r.fragments;
    if (err == 0 && out->n_samples == 0 && !torn_ok)
        err = ps_error_why(why, PS_EFORMAT, "moov", "a film without a picture");
    if (err == 0 && out->n_samples > 0 && !out->samples[0].sync)
        err = ps_error_why(why, PS_EFORMAT, "sample 0", "does not begin with a sync sample");
    if (err == 0 && out->n_samples > 0 && out->duration == 0)
        err = ps_error_why(why, PS_EFORMAT, "samples", "no sample lasts any time");
    if (err == 0 && !(torn_ok && r.fragments))
        err = check_durations(&r);
    free(r.mdats);
    if (err < 0)
        ps_mp4_free(out);
    return err;
}

void ps_mp4_free(struct ps_mp4 *m) {
    free(m->samples);
    *m = (struct ps_mp4){0};
}

int ps_mp4_nal_ok(const uint8_t *sample, size_t n, bool sync) {
    struct ps_rd r = ps_rd_of(sample, n);
    bool slice = false;
    while (r.left > 0) {
        uint32_t len = ps_rd_u32(&r);
        const uint8_t *nal = ps_rd_skip(&r, len);
        if (nal == NULL || len == 0 || (nal[0] & 0x80) != 0)
            return PS_EFORMAT;
        switch (nal[0] & 0x1f) {
        case 1:
        case 5:
            if (((nal[0] & 0x1f) == 5) != sync)
                return PS_EFORMAT;
            slice = true;
            break;
        case 6:
        case 9:
        case 12: break;
        default: return PS_EFORMAT;
        }
    }
    return slice ? 0 : PS_EFORMAT;
}
