/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/verdict_internal.h"

#define WINDOW ((size_t)1 << 20) /* of samples that lie one behind the other, read at once */

struct film {
    struct ps_verdict_job *j;
    const struct ps_track *t;
    uint32_t track;
    struct ps_blob blob;
    struct ps_mp4 mp4;
    struct ps_verdict_records rec;
    struct ps_verdict_gop *gops;
    uint32_t n_gops;
    /* Read once for both digests; else by two threads, or only for its pictures. */
    bool whole;
    struct ps_sha256 sum; /* of the file as far as `at` */
    uint64_t at;
};

static void place(const struct film *f, char out[256], const char *where) {
    (void)snprintf(out, 256, "%s %s", f->t->file.name, where);
}

static void worse_container(struct ps_verdict *v, enum ps_container c) {
    if (c > v->container)
        v->container = c;
}

/* ---- the file ------------------------------------------------------------------------------------ */

/* True when behind the whole fragments a second moov begins: then players and we might see two films. */
static bool second_moov(const struct film *f) {
    uint8_t head[8];
    return ps_blob_read(&f->blob, f->mp4.tail, head, sizeof head) == 0 && memcmp(head + 4, "moov", 4) == 0;
}

/* 1 when f->mp4 can be judged, 0 after a problem, or an error. */
static int read_film(struct film *f) {
    struct ps_verdict *v = f->j->v;
    struct ps_why why = {{0}, {0}}, again;
    char where[256];
    int err = ps_mp4_read(&f->mp4, &f->blob, false, &why);
    if (err == 0)
        return 1;
    if (err == PS_ENOMEM || err == PS_EIO)
        return err;
    place(f, where, why.where);
    /* A fragmented film that was cut off: what is whole can still be compared. */
    if (err == PS_ESHORT && ps_mp4_read(&f->mp4, &f->blob, true, &again) == 0) {
        if (f->mp4.n_samples > 0 && !second_moov(f)) {
            ps_verdict_worsen(v, PS_CONTENT_INCOMPLETE);
            ps_verdict_problem(v, "film-torn", where, "%s", why.text);
            return 1;
        }
        ps_mp4_free(&f->mp4);
    }
    ps_verdict_worsen(v, PS_CONTENT_ALTERED);
    ps_verdict_problem(v, err == PS_EFORMAT ? "film-rules" : "film-unreadable", where, "%s", why.text);
    return 0;
}

/* ---- records ------------------------------------------------------------------------------------- */

static int order(uint64_t a, uint64_t b) {
    return a < b ? -1 : a > b;
}

/* How many of the parts of the key count. */
enum key_depth { KEY_SIZE, KEY_SAMPLES, KEY_ALL };

static int compare(const struct ps_record *a, const struct ps_record *b, enum key_depth depth) {
    int d = order(a->bytes, b->bytes);
    if (d == 0)
        d = order(a->frames, b->frames);
    if (d == 0 && depth >= KEY_SAMPLES)
        d = memcmp(a->samples, b->samples, 32);
    if (d == 0 && depth >= KEY_ALL)
        d = order(a->duration, b->duration);
    if (d == 0 && depth >= KEY_ALL)
        d = memcmp(a->timing, b->timing, 32);
    return d;
}

static int compare_seq(const void *a, const void *b, void *records) {
    const struct ps_record *r = records;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int d = compare(&r[x], &r[y], KEY_ALL);
    return d != 0 ? d : order(x, y);
}

static int decode_records(struct film *f) {
    struct ps_verdict_records *rec = &f->rec;
    rec->n = f->t->n_records;
    rec->r = calloc(rec->n + 1, sizeof *rec->r);
    rec->sorted = calloc(rec->n + 1, sizeof *rec->sorted);
    rec->found = calloc(rec->n + 1, sizeof *rec->found);
    if (rec->r == NULL || rec->sorted == NULL || rec->found == NULL)
        return PS_ENOMEM;
    for (uint32_t i = 0; i < rec->n; i++) {
        (void)ps_record_decode(&rec->r[i], f->t->records[i]); /* bounds were checked with the statement */
        rec->sorted[i] = i;
    }
    const struct ps_excerpt *x = f->j->excerpt;
    const struct ps_excerpt_track *run = x != NULL ? ps_excerpt_track(x, f->track) : NULL;
    rec->excerpt = run != NULL;
    rec->first = run != NULL ? run->first : 0;
    rec->end = run != NULL ? run->last + 1 : rec->n;
    qsort_r(rec->sorted, rec->n, sizeof *rec->sorted, compare_seq, rec->r);
    return 0;
}

/* The first place in `sorted` that is not before key, or with `after` that is behind all equal ones. */
static uint32_t bound(const struct ps_verdict_records *rec, const struct ps_record *key, enum key_depth depth,
                      bool after) {
    uint32_t lo = 0, hi = rec->n;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        int d = compare(&rec->r[rec->sorted[mid]], key, depth);
        if (d < 0 || (after && d == 0))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* The record equal to key to that depth: the first not before `expected`, else the first. */
static bool lookup(const struct ps_verdict_records *rec, const struct ps_record *key, enum key_depth depth,
                   uint32_t expected, uint32_t *seq) {
    uint32_t lo = bound(rec, key, depth, false), hi = bound(rec, key, depth, true);
    if (lo == hi)
        return false;
    *seq = rec->sorted[lo];
    if (depth != KEY_ALL)
        return true; /* not sorted by seq among these */
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (rec->sorted[mid] < expected)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo < rec->n && compare(&rec->r[rec->sorted[lo]], key, depth) == 0)
        *seq = rec->sorted[lo];
    return true;
}

/* ---- the pictures -------------------------------------------------------------------------------- */

static int cut(struct film *f) {
    const struct ps_mp4 *m = &f->mp4;
    uint32_t n = 0;
    uint64_t at = 0;
    for (uint32_t i = 0; i < m->n_samples; i++)
        n += m->samples[i].sync;
    f->gops = calloc(n + 1, sizeof *f->gops);
    if (f->gops == NULL)
        return PS_ENOMEM;
    struct ps_verdict_gop *g = NULL;
    for (uint32_t i = 0; i < m->n_samples; i++) {
        const struct ps_mp4_sample *s = &m->samples[i];
        if (s->sync || g == NULL) { /* the first is sync: ps_mp4_read saw to it */
            g = &f->gops[f->n_gops++];
            g->first = i;
            g->start = at;
            g->nal = UINT32_MAX;
        }
        g->frames++;
        g->bytes += s->size;
        g->duration += s->ticks;
        at += s->ticks;
    }
    return 0;
}

/* The file as far as `to`, but for what was read with its pictures. */
static int add_gap(struct film *f, struct ps_verdict_hand *h, uint64_t to) {
    int err = ps_verdict_hash(f->j, h, &f->blob, f->at, to, &f->sum, NULL);
    f->at = to;
    return err;
}

/* n bytes at off into the hand. Samples are in file order, so what is read for them is, too. */
static int read_window(struct film *f, struct ps_verdict_hand *h, uint64_t off, size_t n) {
    h->held = 0;
    int err = f->whole ? add_gap(f, h, off) : 0;
    if (err == 0)
        err = ps_verdict_room(h, n);
    if (err == 0)
        err = ps_blob_read(&f->blob, off, h->buf, n);
    if (err < 0)
        return err;
    h->window = off;
    h->held = n;
    if (!f->whole)
        return 0;
    ps_sha256_update(&f->sum, h->buf, n);
    f->at = off + n;
    return ps_verdict_step(f->j, h, n);
}

/* Sample i of the film, in the hand. Only what lies directly behind it is read with it, so that a film whose samples are
 * scattered is not read many times over. */
static int load(struct film *f, struct ps_verdict_hand *h, uint32_t i, uint32_t end, const uint8_t **p) {
    const struct ps_mp4_sample *s = &f->mp4.samples[i], *next = s + 1;
    if (s->offset < h->window || s->offset - h->window > h->held ||
        s->size > h->held - (size_t)(s->offset - h->window)) {
        size_t n = s->size;
        for (; ++i < end && next->offset >= s->offset && next->offset - s->offset == n && n < WINDOW &&
               next->size <= WINDOW - n;
             next++)
            n += next->size;
        int err = read_window(f, h, s->offset, n);
        if (err < 0)
            return err;
    }
    *p = h->buf + (s->offset - h->window);
    return 0;
}

/* Digests of one segment of the film. */
static int hash(struct film *f, struct ps_verdict_hand *h, struct ps_verdict_gop *g) {
    struct ps_record_builder b;
    struct ps_record got;
    static const uint8_t no_avcc[32];
    ps_record_begin(&b, 0, 0, 0, no_avcc);
    for (uint32_t i = 0; i < g->frames; i++) {
        const struct ps_mp4_sample *s = &f->mp4.samples[g->first + i];
        const uint8_t *p;
        int err = load(f, h, g->first + i, g->first + g->frames, &p);
        if (err == 0)
            err = ps_verdict_step(f->j, h, s->size);
        if (err < 0)
            return err;
        if (g->nal == UINT32_MAX && ps_mp4_nal_ok(p, s->size, s->sync) < 0)
            g->nal = g->first + i;
        if (ps_record_add(&b, p, s->size, s->ticks) < 0)
            return 0; /* longer than a segment can be: matches nothing */
    }
    if (ps_record_end(&b, &got) < 0)
        return 0;
    g->hashed = true;
    memcpy(g->timing, got.timing, 32);
    memcpy(g->samples, got.samples, 32);
    return 0;
}

static struct ps_record key_of(const struct ps_verdict_gop *g) {
    return (struct ps_record){.bytes = g->bytes, .frames = g->frames, .duration = g->duration};
}

/* Only segments whose size and number of frames some record has are read at all. */
static int piece(void *ctx, struct ps_verdict_hand *h, uint32_t i) {
    struct film *f = ctx;
    struct ps_verdict_gop *g = &f->gops[i];
    struct ps_record key = key_of(g);
    uint32_t seq;
    return lookup(&f->rec, &key, KEY_SIZE, 0, &seq) ? hash(f, h, g) : ps_verdict_step(f->j, h, g->bytes);
}

static void match(struct film *f, struct ps_verdict_gop *g, uint32_t expected) {
    struct ps_record key = key_of(g);
    uint32_t seq;
    if (!g->hashed)
        return;
    memcpy(key.timing, g->timing, 32);
    memcpy(key.samples, g->samples, 32);
    if (lookup(&f->rec, &key, KEY_ALL, expected, &seq))
        g->match = PS_VERDICT_FULL;
    else if (lookup(&f->rec, &key, KEY_SAMPLES, expected, &seq))
        g->match = PS_VERDICT_TIMING;
    else
        return;
    g->seq = seq;
    g->again = f->rec.found[seq];
    f->rec.found[seq] = true;
}

static void match_all(struct film *f) {
    uint32_t expected = f->rec.first;
    for (uint32_t i = 0; i < f->n_gops; i++) {
        match(f, &f->gops[i], expected);
        expected = f->gops[i].match != PS_VERDICT_NONE ? f->gops[i].seq + 1 : expected + 1;
    }
}

/* Once for a film: the first of its samples that breaks the rule. */
static void tell_nal(struct film *f) {
    char where[128];
    const struct ps_verdict_gop *g = f->gops, *end = g + f->n_gops;
    while (g < end && g->nal == UINT32_MAX)
        g++;
    if (g == end)
        return;
    (void)snprintf(where, sizeof where, "%s sample %u (from %02u:%02u)", f->t->file.name, g->nal,
                   (unsigned)(g->start / PS_TICKS_PER_SECOND / 60),
                   (unsigned)(g->start / PS_TICKS_PER_SECOND % 60));
    ps_verdict_worsen(f->j->v, PS_CONTENT_ALTERED);
    ps_verdict_problem(f->j->v, "film-nal", where, "holds other NAL units than one coded picture may");
}

/* What a decoder is told before the first picture belongs to each record. */
static void check_parameters(struct film *f) {
    struct ps_verdict *v = f->j->v;
    uint8_t avcc[32];
    char where[256];
    ps_sha256(avcc, f->mp4.avcc, f->mp4.avcc_len);
    for (uint32_t i = 0; i < f->n_gops; i++) {
        const struct ps_verdict_gop *g = &f->gops[i];
        if (g->match == PS_VERDICT_NONE || memcmp(f->rec.r[g->seq].avcc, avcc, 32) == 0)
            continue;
        place(f, where, "avcC");
        ps_verdict_worsen(v, PS_CONTENT_ALTERED);
        ps_verdict_problem(v, "film-parameters", where, "the decoder's parameters are not those recorded");
        break;
    }
    if (f->mp4.width != f->t->width || f->mp4.height != f->t->height) {
        place(f, where, "moov");
        ps_verdict_worsen(v, PS_CONTENT_ALTERED);
        ps_verdict_problem(v, "film-rules", where, "picture of %u x %u, the statement says %u x %u",
                           f->mp4.width, f->mp4.height, f->t->width, f->t->height);
    }
}

/* ---- the track ----------------------------------------------------------------------------------- */

/* The statement itself says that there is no film: nothing was recorded, or all of it was lost. */
static bool no_film(const struct ps_track *t) {
    if (t->n_records == 0)
        return t->file.size == 0;
    return t->n_lost == 1 && t->lost[0].first == 0;
}

static int read_pictures(struct film *f) {
    if (cut(f) < 0)
        return PS_ENOMEM;
    int err = 0;
    if (f->whole) /* one after the other, as they lie in the file */
        for (uint32_t i = 0; i < f->n_gops && err == 0; i++)
            err = piece(f, &f->j->hand, i);
    else
        err = ps_verdict_team_share(f->j, f->n_gops, piece, f);
    if (err < 0)
        return err;
    tell_nal(f);
    match_all(f);
    return 0;
}

/* The file's digest, which needs what is left of it. One that cannot be read has been told by its pictures, or is told by
 * ps_verdict_film_container. */
static int end_whole(struct film *f, uint32_t file, int err) {
    if (!f->whole)
        return err;
    int rest = err == 0 ? add_gap(f, &f->j->hand, f->blob.size) : err;
    ps_verdict_digest_put(f->j, file, &f->sum, rest);
    return rest == PS_ETIME || rest == PS_ENOMEM ? rest : err;
}

/* The digest is worked out only when the size fits: a huge film in a small one's place is told apart without. In an
 * excerpt's bundle the manifest has it. */
static int judge(struct film *f, uint32_t file) {
    const bool same = f->blob.size == f->t->file.size;
    const bool wanted = same || (f->rec.excerpt && f->j->in->bundle != NULL);
    if (!wanted)
        ps_verdict_team_drop(f->j, file);
    f->whole = wanted && ps_verdict_team_alone(f->j) && ps_verdict_digest_take(f->j, file);
    ps_sha256_init(&f->sum);
    int err = read_film(f);
    const bool readable = err > 0;
    if (readable)
        err = read_pictures(f);
    err = end_whole(f, file, err);
    if (err == 0 && wanted)
        err = ps_verdict_digest(f->j, file, &f->blob);
    if (err < 0)
        return err;
    if (same)
        f->j->film[f->track] = file;
    else
        worse_container(f->j->v, PS_CONTAINER_REMUXED);
    if (!readable)
        return 0;
    check_parameters(f);
    return ps_verdict_align(f->j->v, f->t, &f->rec, f->gops, f->n_gops);
}

/* PS_EIO and PS_ESHORT are answers. */
static int unreadable(struct ps_verdict_job *j, uint32_t track, int err) {
    const char *name = j->v->clip->tracks[track].file.name;
    if (err != PS_EIO && err != PS_ESHORT)
        return err;
    worse_container(j->v, PS_CONTAINER_UNKNOWN);
    ps_verdict_worsen(j->v, PS_CONTENT_UNREADABLE);
    ps_verdict_problem(j->v, "file-unreadable", name, "%s", ps_error_text(err));
    return 0;
}

int ps_verdict_film_track(struct ps_verdict_job *j, uint32_t track) {
    struct film f = {.j = j, .t = &j->v->clip->tracks[track], .track = track};
    const int64_t file = ps_verdict_find(j, f.t->file.name);
    int err = decode_records(&f);
    if (err < 0)
        goto out;
    err = ps_verdict_open(j, f.t->file.name, &f.blob);
    if (err == PS_ENOENT || (err == 0 && no_film(f.t) && f.blob.size == 0)) {
        err = 0;
        if (!no_film(f.t)) {
            worse_container(j->v, PS_CONTAINER_UNKNOWN);
            ps_verdict_worsen(j->v, PS_CONTENT_INCOMPLETE);
            ps_verdict_problem(j->v, "file-missing", f.t->file.name,
                               "the statement names it, and it is not there");
        }
        goto out;
    }
    if (err == 0)
        err = judge(&f, (uint32_t)file);
    err = unreadable(j, track, err);
out:
    free(f.gops);
    ps_mp4_free(&f.mp4);
    free(f.rec.found);
    free(f.rec.sorted);
    free(f.rec.r);
    return err;
}

int ps_verdict_film_container(struct ps_verdict_job *j, uint32_t track) {
    struct ps_blob b;
    const struct ps_file_ref *f = &j->v->clip->tracks[track].file;
    const int64_t file = j->film[track];
    if (file < 0)
        return 0;
    int err = ps_verdict_open(j, f->name, &b);
    if (err == 0)
        err = ps_verdict_digest(j, (size_t)file, &b);
    if (err == 0)
        err = j->digests[file].err;
    if (err == 0 && memcmp(j->digests[file].sha256, f->sha256, 32) != 0)
        worse_container(j->v, PS_CONTAINER_REMUXED);
    return unreadable(j, track, err);
}

static void tell_ranges(struct ps_verdict_job *j, const struct ps_track *t, const struct ps_range *x,
                        uint32_t n, const char *code, const char *text) {
    char where[128];
    for (uint32_t i = 0; i < n; i++) {
        struct ps_record first, last;
        (void)ps_record_decode(&first, t->records[x[i].first]); /* in range: checked with the statement */
        (void)ps_record_decode(&last, t->records[x[i].last]);
        ps_verdict_align_place(where, t->file.name, x[i].first, x[i].last, first.start,
                               last.start + last.duration);
        ps_verdict_problem(j->v, code, where, "%s", text);
    }
}

void ps_verdict_film_stated(struct ps_verdict_job *j, uint32_t track) {
    const struct ps_track *t = &j->v->clip->tracks[track];
    tell_ranges(j, t, t->lost, t->n_lost, "segment-lost-stated",
                "recorded and then lost by the station's disk: the statement says so");
    const struct ps_range before = {0, t->n_preroll - 1};
    tell_ranges(j, t, &before, t->n_preroll > 0, "segments-preroll",
                "recorded before the clip was opened (pre-roll): the signer did not see these");
    for (uint32_t i = 0; i < t->n_unwitnessed; i++) {
        struct ps_range late = t->unwitnessed[i];
        if (late.first < t->n_preroll)
            late.first = t->n_preroll;
        tell_ranges(j, t, &late, late.first <= late.last, "segments-unwitnessed",
                    "the signer did not see these as they were recorded");
    }
}
