/* SPDX-License-Identifier: ISC */
/*
 * Which segment is where. Segments of the film that match records in rising order are anchors; between two anchors
 * the film's unmatched segments stand against the records that no segment matches.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/verdict_internal.h"

/* Neighbours with the same to say become one problem. */
struct run {
    const char *code;
    enum ps_content content;
    uint32_t first, last;
    uint64_t from, to;
    char text[200];
};

struct align {
    struct ps_verdict *v;
    const struct ps_track *t;
    const struct ps_verdict_records *rec;
    struct ps_verdict_gop *g;
    uint32_t n;
    struct run run;
    uint32_t *pending; /* unmatched segments of the film since the last anchor */
    uint32_t n_pending;
    uint32_t *missing; /* records since the last anchor that no segment matches */
    uint32_t n_missing;
};

static void time_text(char out[16], uint64_t ticks) {
    uint64_t ms = ticks / (PS_TICKS_PER_SECOND / 1000);
    (void)snprintf(out, 16, "%02u:%02u.%03u", (unsigned)(ms / 60000 % 100000), (unsigned)(ms / 1000 % 60),
                   (unsigned)(ms % 1000));
}

void ps_verdict_align_place(char out[128], const char *file, uint32_t first, uint32_t last, uint64_t from,
                            uint64_t to) {
    char a[16], b[16], n[24];
    time_text(a, from);
    time_text(b, to);
    if (first == last)
        (void)snprintf(n, sizeof n, " %u", first);
    else
        (void)snprintf(n, sizeof n, "s %u-%u", first, last);
    (void)snprintf(out, 128, "%.60s segment%s (%s-%s)", file, n, a, b);
}

static void flush(struct align *a) {
    char where[128];
    struct run *r = &a->run;
    if (r->code == NULL)
        return;
    ps_verdict_align_place(where, a->t->file.name, r->first, r->last, r->from, r->to);
    ps_verdict_worsen(a->v, r->content);
    ps_verdict_problem(a->v, r->code, where, "%s", r->text);
    r->code = NULL;
}

static void tell(struct align *a, const char *code, enum ps_content content, uint32_t i, uint64_t from,
                 uint64_t duration, const char *text) {
    struct run *r = &a->run;
    if (r->code != NULL && strcmp(r->code, code) == 0 && i == r->last + 1 && strcmp(r->text, text) == 0) {
        r->last = i;
        r->to = from + duration;
        return;
    }
    flush(a);
    *r = (struct run){
        .code = code, .content = content, .first = i, .last = i, .from = from, .to = from + duration};
    (void)snprintf(r->text, sizeof r->text, "%s", text);
}

static void tell_missing(struct align *a, uint32_t seq) {
    const struct ps_record *r = &a->rec->r[seq];
    if (a->rec->excerpt)
        tell(a, "excerpt-broken", PS_CONTENT_ALTERED, seq, r->start, r->duration,
             "excerpt.json lists it, and it is not in this film");
    else
        tell(a, "segment-missing", PS_CONTENT_INCOMPLETE, seq, r->start, r->duration,
             "recorded and signed, but not in this film");
}

/* Named by its place in this film, for no record has it. */
static void tell_foreign(struct align *a, uint32_t i) {
    const struct ps_verdict_gop *g = &a->g[i];
    tell(a, "segment-foreign", PS_CONTENT_ALTERED, i, g->start, g->duration,
         "in this film, but not recorded in this clip");
}

/* Film segment i stands where record seq belongs. */
static void tell_instead(struct align *a, uint32_t i, uint32_t seq) {
    const struct ps_verdict_gop *g = &a->g[i];
    const struct ps_record *r = &a->rec->r[seq];
    bool same_times = g->hashed && memcmp(g->timing, r->timing, 32) == 0;
    char text[200];
    if (g->frames != r->frames)
        (void)snprintf(text, sizeof text, "holds %u pictures, %u were recorded", g->frames, r->frames);
    else if (g->bytes == r->bytes && same_times)
        (void)snprintf(text, sizeof text, "the pictures are not those recorded; their times are");
    else if (g->bytes == r->bytes)
        (void)snprintf(text, sizeof text, "pictures and times are not those recorded");
    else
        (void)snprintf(text, sizeof text, "other pictures stand in the place of those recorded");
    bool altered = g->frames != r->frames || g->bytes == r->bytes;
    tell(a, altered ? "segment-altered" : "segment-foreign", PS_CONTENT_ALTERED, seq, r->start, r->duration,
         text);
}

static bool stated_lost(const struct ps_track *t, uint32_t seq) {
    for (uint32_t i = 0; i < t->n_lost; i++)
        if (seq >= t->lost[i].first && seq <= t->lost[i].last)
            return true;
    return false;
}

/* Between two anchors: as many on both sides stand for each other; else those that are alike in size do. */
static void resolve(struct align *a) {
    uint32_t k = 0, np = a->n_pending, nm = a->n_missing;
    for (uint32_t i = 0; i < np; i++) {
        uint32_t at = a->pending[i], hit = k;
        if (np != nm) {
            while (hit < nm && (a->rec->r[a->missing[hit]].bytes != a->g[at].bytes ||
                                a->rec->r[a->missing[hit]].frames != a->g[at].frames))
                hit++;
        }
        if (hit == nm) {
            tell_foreign(a, at);
            continue;
        }
        for (; k < hit; k++)
            tell_missing(a, a->missing[k]);
        tell_instead(a, at, a->missing[k++]);
    }
    for (; k < nm; k++)
        tell_missing(a, a->missing[k]);
    a->n_pending = 0;
    a->n_missing = 0;
}

static void collect_missing(struct align *a, uint32_t from, uint32_t to) {
    for (uint32_t s = from; s < to; s++)
        if (s >= a->rec->first && s < a->rec->end && !a->rec->found[s] && !stated_lost(a->t, s))
            a->missing[a->n_missing++] = s;
}

static void tell_out_of_order(struct align *a, uint32_t i) {
    const struct ps_verdict_gop *g = &a->g[i];
    const struct ps_record *r = &a->rec->r[g->seq];
    char text[200], at[16];
    time_text(at, g->start);
    (void)snprintf(
        text, sizeof text,
        g->again ? "stands once more at %s of this film" : "stands at %s of this film, out of order", at);
    tell(a, "segment-order", PS_CONTENT_ALTERED, g->seq, r->start, r->duration, text);
}

/* Recorded, but outside the run that the descriptor of the excerpt lists. */
static void tell_beyond(struct align *a, uint32_t seq) {
    const struct ps_record *r = &a->rec->r[seq];
    if (seq < a->rec->first || seq >= a->rec->end)
        tell(a, "excerpt-broken", PS_CONTENT_ALTERED, seq, r->start, r->duration,
             "in this film, and excerpt.json does not list it");
}

static void walk(struct align *a) {
    uint32_t next = 0;
    for (uint32_t i = 0; i < a->n; i++) {
        const struct ps_verdict_gop *g = &a->g[i];
        if (g->match == PS_VERDICT_NONE) {
            a->pending[a->n_pending++] = i;
            continue;
        }
        if (!g->in_order) {
            tell_out_of_order(a, i);
            continue;
        }
        collect_missing(a, next, g->seq);
        resolve(a);
        next = g->seq + 1;
        tell_beyond(a, g->seq);
        if (g->match == PS_VERDICT_TIMING)
            tell(a, "segment-altered", PS_CONTENT_ALTERED, g->seq, a->rec->r[g->seq].start,
                 a->rec->r[g->seq].duration, "the pictures are those recorded, their times are not");
    }
    collect_missing(a, next, a->rec->n);
    resolve(a);
    flush(a);
}

/* Longest rising subsequence of seq by patience sorting: the fewest segments are called out of order. */
static int mark_order(struct ps_verdict_gop *g, uint32_t n) {
    uint32_t *tops = calloc(n + 1, sizeof *tops), *before = calloc(n + 1, sizeof *before), piles = 0;
    int err = tops == NULL || before == NULL ? PS_ENOMEM : 0;
    for (uint32_t i = 0; err == 0 && i < n; i++) {
        if (g[i].match == PS_VERDICT_NONE || g[i].again)
            continue;
        uint32_t lo = 0, hi = piles;
        while (lo < hi) {
            uint32_t mid = lo + (hi - lo) / 2;
            if (g[tops[mid]].seq < g[i].seq)
                lo = mid + 1;
            else
                hi = mid;
        }
        before[i] = lo > 0 ? tops[lo - 1] : UINT32_MAX;
        tops[lo] = i;
        if (lo == piles)
            piles++;
    }
    if (err == 0 && piles > 0)
        for (uint32_t i = tops[piles - 1]; i != UINT32_MAX; i = before[i])
            g[i].in_order = true;
    free(before);
    free(tops);
    return err;
}

int ps_verdict_align(struct ps_verdict *v, const struct ps_track *t, const struct ps_verdict_records *rec,
                     struct ps_verdict_gop *g, uint32_t n) {
    int err = mark_order(g, n);
    if (err < 0)
        return err;
    struct align a = {.v = v, .t = t, .rec = rec, .g = g, .n = n};
    a.pending = calloc(n + 1, sizeof *a.pending);
    a.missing = calloc(rec->n + 1, sizeof *a.missing);
    if (a.pending != NULL && a.missing != NULL)
        walk(&a);
    else
        err = PS_ENOMEM;
    free(a.missing);
    free(a.pending);
    return err;
}
