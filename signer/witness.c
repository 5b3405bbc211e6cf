/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signer/witness.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/error.h"
#include "evidence/sha256.h"
#include "signer/bounds.h"

#define SAMPLES_OFFSET (PS_RECORD_SIZE - 32) /* of the digest of the samples in a record */

int ps_witness_refuse(struct ps_wire_refused *why, uint8_t reason, const char *fmt, ...) {
    va_list ap;

    why->reason = reason;
    va_start(ap, fmt);
    vsnprintf(why->text, sizeof(why->text), fmt, ap);
    va_end(ap);
    return reason;
}

void ps_witness_drop(struct ps_witness_clip *c) {
    if (c == NULL)
        return;
    free(c->records);
    free(c);
}

void ps_witness_free(struct ps_witness *w) {
    for (size_t i = 0; i < w->n; i++)
        ps_witness_drop(w->clips[i]);
    w->n = 0;
}

struct ps_witness_clip *ps_witness_find(const struct ps_witness *w, uint64_t clip) {
    for (size_t i = 0; i < w->n; i++)
        if (w->clips[i]->clip == clip)
            return w->clips[i];
    return NULL;
}

struct ps_witness_clip *ps_witness_current(const struct ps_witness *w) {
    for (size_t i = 0; i < w->n; i++)
        if (!w->clips[i]->ended)
            return w->clips[i];
    return NULL;
}

int ps_witness_may_open(const struct ps_witness *w, struct ps_wire_refused *why) {
    const struct ps_witness_clip *open = ps_witness_current(w);

    if (open != NULL)
        return ps_witness_refuse(why, PS_REFUSED_STATE, "clip %" PRIu64 " is open: end it first", open->clip);
    if (w->n > PS_WIRE_MAX_PENDING)
        return ps_witness_refuse(why, PS_REFUSED_STATE,
                                 "%zu clips wait for their seal: seal or abort one first", w->n);
    return 0;
}

struct ps_witness_clip *ps_witness_new(const uint8_t *leaf, size_t n, const uint8_t take_hash[16],
                                       const uint8_t boot_id[16], int64_t since_ns) {
    struct ps_witness_clip *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    if (n > sizeof(c->leaf) || ps_leaf_decode(&c->open, leaf, n) != 0 || c->open.type != PS_LEAF_OPEN) {
        free(c);
        return NULL;
    }
    c->clip = c->open.index;
    memcpy(c->leaf, leaf, n);
    c->leaf_len = n;
    memcpy(c->take_hash, take_hash, sizeof(c->take_hash));
    c->same_boot = memcmp(c->open.boot_id, boot_id, sizeof(c->open.boot_id)) == 0;
    c->ended = !c->same_boot; /* nothing more of it can be seen as it happens */
    c->since_ns = since_ns;
    for (int i = 0; i < PS_MAX_TRACKS; i++)
        ps_leaf_hash(c->tracks[i].head, leaf, n);
    return c;
}

int ps_witness_add(struct ps_witness *w, struct ps_witness_clip *c) {
    if (w->n > PS_WIRE_MAX_PENDING)
        return PS_EFULL;
    w->clips[w->n++] = c;
    return 0;
}

static int make_room(struct ps_witness_clip *c) {
    if (c->n < c->cap)
        return 0;
    uint32_t cap = c->cap == 0 ? 64 : c->cap * 2;
    if (cap > PS_MAX_SEGMENTS)
        cap = PS_MAX_SEGMENTS;
    struct ps_witness_record *r = reallocarray(c->records, cap, sizeof(*r));
    if (r == NULL)
        return PS_ENOMEM;
    c->records = r;
    c->cap = cap;
    return 0;
}

/* At most PS_MAX_SEGMENTS comparisons: a table would save 50 microseconds in the last minute of an hour. */
static bool seen_before(const struct ps_witness_clip *c, const uint8_t *record) {
    for (uint32_t i = 0; i < c->n; i++)
        if (memcmp(c->records[i].record + SAMPLES_OFFSET, record + SAMPLES_OFFSET, 32) == 0)
            return true;
    return false;
}

/* What must hold of every record, whenever it comes. */
static int in_order(struct ps_witness_clip *c, const struct ps_wire_segment *s, const struct ps_record *r,
                    struct ps_wire_refused *why) {
    const struct ps_witness_track *t = &c->tracks[r->track];

    if (t->n > 0 && memcmp(c->records[t->last].record, s->record, PS_RECORD_SIZE) == 0)
        return PS_WITNESS_AGAIN;
    if (r->seq != t->n)
        return ps_witness_refuse(why, PS_REFUSED_SEQUENCE, "track %u: segment %u came where %u is next",
                                 r->track, r->seq, t->n);
    if (r->start != t->end)
        return ps_witness_refuse(why, PS_REFUSED_SEQUENCE,
                                 "track %u segment %u: starts at %" PRIu64
                                 ", the durations before make %" PRIu64,
                                 r->track, r->seq, r->start, t->end);
    if (r->start >= (uint64_t)PS_MAX_CLIP_SECONDS * PS_TICKS_PER_SECOND)
        return ps_witness_refuse(why, PS_REFUSED_STATE, "clip %" PRIu64 " is %d minutes long: end it",
                                 c->clip, PS_MAX_CLIP_SECONDS / 60);
    if (c->n >= PS_MAX_SEGMENTS)
        return ps_witness_refuse(why, PS_REFUSED_STATE, "clip %" PRIu64 " has %d segments: end it", c->clip,
                                 PS_MAX_SEGMENTS);
    if (seen_before(c, s->record))
        return ps_witness_refuse(why, PS_REFUSED_SEQUENCE,
                                 "track %u segment %u: its content was in this clip before", r->track,
                                 r->seq);
    return 0;
}

/* Pre-roll is what was before the clip: nothing of the clip comes before it. */
static int before_the_clip(const struct ps_witness_clip *c, const struct ps_wire_segment *s,
                           const struct ps_record *r, struct ps_wire_refused *why) {
    const struct ps_witness_track *t = &c->tracks[r->track];

    if (s->late != PS_WIRE_PREROLL)
        return 0;
    if (t->n > t->preroll)
        return ps_witness_refuse(why, PS_REFUSED_SEQUENCE,
                                 "track %u segment %u: pre-roll comes before all else of its track", r->track,
                                 r->seq);
    if (r->start + r->duration > (uint64_t)PS_MAX_PREROLL_SECONDS * PS_TICKS_PER_SECOND)
        return ps_witness_refuse(why, PS_REFUSED_SEQUENCE, "track %u segment %u: more than %d s of pre-roll",
                                 r->track, r->seq, PS_MAX_PREROLL_SECONDS);
    return 0;
}

static int decode(const struct ps_wire_segment *s, struct ps_record *r, struct ps_wire_refused *why) {
    if (ps_record_decode(r, s->record) != 0 || r->track >= PS_MAX_TRACKS || r->duration == 0 ||
        r->duration > PS_MAX_SEGMENT_TICKS)
        return ps_witness_refuse(why, PS_REFUSED_FORMAT, "the record is out of bounds");
    return 0;
}

int ps_witness_judge_replayed(struct ps_witness_clip *c, const struct ps_wire_segment *s,
                              struct ps_wire_refused *why) {
    struct ps_record r;
    int no = decode(s, &r, why);

    if (no == 0)
        no = in_order(c, s, &r, why);
    if (no == 0)
        no = before_the_clip(c, s, &r, why);
    if (no == 0 && make_room(c) != 0)
        no = ps_witness_refuse(why, PS_REFUSED_DISK, "out of memory");
    return no;
}

int ps_witness_judge(struct ps_witness_clip *c, const struct ps_wire_segment *s, int64_t boot_ns,
                     struct ps_wire_refused *why) {
    struct ps_record r;
    int no = decode(s, &r, why);

    if (no == 0)
        no = in_order(c, s, &r, why);
    if (no == 0)
        no = before_the_clip(c, s, &r, why);
    if (no != 0)
        return no;
    if (!s->late) {
        const struct ps_witness_track *t = &c->tracks[r.track];
        if (c->ended)
            return ps_witness_refuse(why, PS_REFUSED_STATE, "clip %" PRIu64 " has ended: only late segments",
                                     c->clip);
        int64_t elapsed = boot_ns > c->since_ns ? boot_ns - c->since_ns : 0;
        uint64_t allowed = (uint64_t)elapsed / 100000 * 9 + PS_WITNESS_SLACK_TICKS; /* 90 kHz */
        if (t->seen > allowed || r.duration > allowed - t->seen)
            return ps_witness_refuse(why, PS_REFUSED_AHEAD,
                                     "track %u segment %u: %" PRIu64 " ms of film, but watched for %" PRId64
                                     " ms",
                                     r.track, r.seq, (t->seen + r.duration) / 90, elapsed / 1000000);
    }
    if (make_room(c) != 0)
        return ps_witness_refuse(why, PS_REFUSED_DISK, "out of memory");
    return 0;
}

void ps_witness_take(struct ps_witness_clip *c, const struct ps_wire_segment *s, bool replayed) {
    struct ps_record r;

    ps_record_decode(&r, s->record);
    struct ps_witness_track *t = &c->tracks[r.track];
    c->records[c->n].late = s->late;
    memcpy(c->records[c->n].record, s->record, PS_RECORD_SIZE);
    t->last = c->n++;
    t->n++;
    t->end += r.duration;
    c->late += s->late != PS_WIRE_WITNESSED;
    t->preroll += s->late == PS_WIRE_PREROLL;
    if (!s->late && !replayed)
        t->seen += r.duration;
    ps_record_chain(t->head, s->record);
}

void ps_witness_remove(struct ps_witness *w, uint64_t clip) {
    for (size_t i = 0; i < w->n; i++) {
        if (w->clips[i]->clip != clip)
            continue;
        ps_witness_drop(w->clips[i]);
        memmove(&w->clips[i], &w->clips[i + 1], (w->n - i - 1) * sizeof(w->clips[0]));
        w->n--;
        return;
    }
}

void ps_witness_heads(const struct ps_witness_clip *c, uint8_t out[32]) {
    struct ps_sha256 h;
    uint32_t tracks = PS_MAX_TRACKS;

    while (tracks > 0 && c->tracks[tracks - 1].n == 0)
        tracks--;
    ps_sha256_init(&h);
    ps_sha256_update(&h, "packseal/heads/v1", sizeof("packseal/heads/v1"));
    for (uint32_t i = 0; i < tracks; i++) {
        const uint8_t index[4] = {0, 0, 0, (uint8_t)i};
        ps_sha256_update(&h, index, sizeof(index));
        ps_sha256_update(&h, c->tracks[i].head, 32);
    }
    ps_sha256_final(&h, out);
}
