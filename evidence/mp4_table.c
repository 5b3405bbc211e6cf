/* SPDX-License-Identifier: ISC */
/*
 * Sample tables of an ordinary MP4: sizes, durations, chunks and sync marks are walked side by side, once,
 * and each must end where the others end. ISO/IEC 14496-12 sections 8.6 and 8.7.
 */
#include "evidence/mp4_internal.h"

#define WHERE "moov/trak/mdia/minf/stbl/"

/* A table of runs: (count, value), as in stts and ctts. */
struct runs {
    struct ps_rd rd;
    uint32_t left, value;
};

/* The next sample's value; the table ends too early, or has an empty run: err in rd. */
static uint32_t next_run(struct runs *t) {
    if (t->left == 0) {
        t->left = ps_rd_u32(&t->rd);
        t->value = ps_rd_u32(&t->rd);
        if (t->left == 0)
            t->rd.err = PS_EFORMAT;
    }
    if (t->rd.err != 0)
        return 0;
    t->left--;
    return t->value;
}

struct chunks {
    struct ps_rd rd;     /* offsets */
    struct ps_rd runs;   /* stsc */
    uint32_t chunk;      /* the current one, from 1 */
    uint32_t left;       /* samples left in it */
    uint32_t per;        /* samples in each of this run */
    uint32_t next_first; /* first chunk of the next run, 0: none */
    uint32_t next_per;
    uint64_t offset;
};

static void next_stsc(struct chunks *c) {
    c->next_first = 0;
    if (c->runs.left == 0)
        return;
    c->next_first = ps_rd_u32(&c->runs);
    c->next_per = ps_rd_u32(&c->runs);
    uint32_t entry = ps_rd_u32(&c->runs);
    if (c->next_first <= c->chunk || c->next_per == 0 || entry != 1)
        c->runs.err = PS_EFORMAT;
}

/* Offset of the next sample of `size` bytes. */
static uint64_t next_offset(struct chunks *c, bool wide, uint32_t size) {
    if (c->left == 0) {
        if (c->next_first == c->chunk + 1) {
            c->per = c->next_per;
            c->chunk++;
            next_stsc(c);
        } else {
            c->chunk++;
        }
        c->offset = wide ? ps_rd_u64(&c->rd) : ps_rd_u32(&c->rd);
        c->left = c->per;
        if (c->per == 0)
            c->rd.err = PS_EFORMAT;
    }
    if (c->rd.err != 0 || c->runs.err != 0)
        return UINT64_MAX;
    uint64_t at = c->offset;
    c->left--;
    /* Offsets near 2^64 fail in ps_mp4_add before this sum is used. */
    c->offset = at > UINT64_MAX - size ? UINT64_MAX : at + size;
    return at;
}

/* A table's count, checked against what the box holds: exactly that many entries of `width` bytes. */
static int counted(struct ps_mp4_reader *r, struct ps_rd *rd, uint32_t width, uint32_t *n,
                   const char *where) {
    *n = ps_rd_u32(rd);
    if (rd->err != 0 || rd->left % width != 0 || rd->left / width != *n)
        return ps_error_why(r->why, PS_EFORMAT, where, "the count is not what the box holds");
    return 0;
}

static int sizes(struct ps_mp4_reader *r, uint32_t *same, uint32_t *n) {
    *same = ps_rd_u32(&r->stsz);
    if (*same == 0)
        return counted(r, &r->stsz, 4, n, WHERE "stsz");
    *n = ps_rd_u32(&r->stsz);
    if (ps_rd_end(&r->stsz) < 0)
        return ps_error_why(r->why, PS_EFORMAT, WHERE "stsz", "broken");
    if (*n > r->file->size / *same)
        return ps_error_why(r->why, PS_ESHORT, WHERE "stsz", "more samples than the file can hold");
    return 0;
}

static int empty_tables(struct ps_mp4_reader *r, uint32_t n_samples, uint32_t n_stts, uint32_t n_stsc,
                        uint32_t n_chunks) {
    if (n_samples != 0 || n_stts != 0 || n_stsc != 0 || n_chunks != 0)
        return ps_error_why(r->why, PS_EFORMAT, "moov", "sample tables and mvex: two descriptions compete");
    return 0;
}

/* Composition times other than decoding times would change what is shown when. */
static int check_ctts(struct ps_mp4_reader *r, uint32_t n_samples) {
    uint32_t n;
    if (r->ctts.p == NULL)
        return 0;
    int err = counted(r, &r->ctts, 8, &n, WHERE "ctts");
    if (err < 0)
        return err;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        sum += ps_rd_u32(&r->ctts);
        if (ps_rd_u32(&r->ctts) != 0)
            return ps_error_why(r->why, PS_EFORMAT, WHERE "ctts",
                                "pictures are shown at other times than coded");
    }
    if (sum != n_samples)
        return ps_error_why(r->why, PS_EFORMAT, WHERE "ctts", "not for each sample");
    return 0;
}

static int fill(struct ps_mp4_reader *r, uint32_t same, uint32_t n, struct runs *stts, struct chunks *chunks,
                uint32_t n_sync) {
    bool all_sync = r->stss.p == NULL;
    uint32_t next_sync = n_sync > 0 ? ps_rd_u32(&r->stss) : 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t size = same != 0 ? same : ps_rd_u32(&r->stsz);
        uint32_t units = next_run(stts);
        uint64_t at = next_offset(chunks, r->co64, size);
        bool sync = all_sync || next_sync == i + 1;
        if (stts->rd.err != 0)
            return ps_error_why(r->why, PS_EFORMAT, WHERE "stts", "not for each sample");
        if (chunks->rd.err != 0 || chunks->runs.err != 0)
            return ps_error_why(r->why, PS_EFORMAT, WHERE "stsc", "chunks that do not hold the samples");
        int err = ps_mp4_add(r, at, size, units, sync, WHERE "stsz");
        if (err < 0)
            return err;
        if (sync && !all_sync) {
            next_sync = r->stss.left > 0 ? ps_rd_u32(&r->stss) : 0;
            if (next_sync != 0 && next_sync <= i + 1)
                return ps_error_why(r->why, PS_EFORMAT, WHERE "stss", "not in order");
        }
    }
    if (next_sync != 0 || r->stss.left != 0)
        return ps_error_why(r->why, PS_EFORMAT, WHERE "stss", "marks samples that are not there");
    return 0;
}

int ps_mp4_table(struct ps_mp4_reader *r) {
    struct runs stts = {.rd = r->stts};
    struct chunks chunks = {.rd = r->chunks, .runs = r->stsc};
    uint32_t same = 0, n = 0, n_stts = 0, n_stsc = 0, n_chunks = 0, n_sync = 0;
    int err = sizes(r, &same, &n);
    if (err == 0)
        err = counted(r, &stts.rd, 8, &n_stts, WHERE "stts");
    if (err == 0)
        err = counted(r, &chunks.runs, 12, &n_stsc, WHERE "stsc");
    if (err == 0)
        err = counted(r, &chunks.rd, r->co64 ? 8 : 4, &n_chunks, WHERE "stco");
    if (err == 0 && r->stss.p != NULL)
        err = counted(r, &r->stss, 4, &n_sync, WHERE "stss");
    if (err < 0)
        return err;
    if (r->fragments)
        return empty_tables(r, n, n_stts, n_stsc, n_chunks);
    next_stsc(&chunks);
    if (n > 0 && chunks.next_first != 1)
        return ps_error_why(r->why, PS_EFORMAT, WHERE "stsc", "does not begin with the first chunk");
    err = fill(r, same, n, &stts, &chunks, n_sync);
    if (err < 0)
        return err;
    if (stts.left != 0 || stts.rd.left != 0 || chunks.left != 0 || chunks.rd.left != 0 ||
        chunks.next_first != 0)
        return ps_error_why(r->why, PS_EFORMAT, WHERE "stsc",
                            "the tables describe more samples than there are");
    return check_ctts(r, n);
}
