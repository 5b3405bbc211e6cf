/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rules of seeing: sequence, sums, repetition, and the signer's own clock. */
#include <stdio.h>
#include <string.h>

#include "evidence/error.h"
#include "evidence/sha256.h"
#include "signer/bounds.h"
#include "signer/bucket.h"
#include "signer/witness.h"
#include "tests/unit/tap.h"

#define SECOND ((int64_t)1000000000)
#define TICKS PS_TICKS_PER_SECOND

static const uint8_t boot[16] = "this boot", other_boot[16] = "another";
static const uint8_t hash[16] = "take";

static size_t open_leaf(uint8_t *out, uint64_t index) {
    struct ps_leaf l = {
        .type = PS_LEAF_OPEN, .index = index, .subject = index, .extra_len = 4, .extra = {0, 0, 0, 1}};

    memcpy(l.boot_id, boot, sizeof(l.boot_id));
    int n = ps_leaf_encode(&l, out);
    if (n < 0)
        tap_bail("no leaf: %s", ps_error_text(n));
    return (size_t)n;
}

static struct ps_witness_clip *clip_of(uint64_t index, const uint8_t *now_boot) {
    uint8_t leaf[PS_MAX_LEAF];
    struct ps_witness_clip *c = ps_witness_new(leaf, open_leaf(leaf, index), hash, now_boot, 100 * SECOND);

    if (c == NULL)
        tap_bail("no clip");
    return c;
}

static struct ps_wire_segment segment(const struct ps_witness_clip *c, uint32_t track, uint64_t ticks,
                                      uint8_t late) {
    struct ps_wire_segment s = {.clip = c->clip, .late = late};
    struct ps_record r = {.track = track,
                          .seq = c->tracks[track].n,
                          .start = c->tracks[track].end,
                          .duration = ticks,
                          .frames = 1,
                          .bytes = 1};

    snprintf((char *)r.samples, sizeof(r.samples), "%u %u", track, r.seq);
    ps_record_encode(&r, s.record);
    return s;
}

/* Asks, and takes when it may. */
static int say(struct ps_witness_clip *c, uint32_t track, uint64_t ticks, uint8_t late, int64_t at) {
    struct ps_wire_segment s = segment(c, track, ticks, late);
    struct ps_wire_refused no = {0};
    int answer = ps_witness_judge(c, &s, 100 * SECOND + at, &no);

    if (answer == 0)
        ps_witness_take(c, &s, false);
    else if (answer > 0 && (no.reason != answer || no.text[0] == '\0'))
        tap_fail("a refusal says why");
    return answer;
}

static void test_clock(void) {
    struct ps_witness_clip *c = clip_of(5, boot);

    tap_is_int(say(c, 0, 2 * TICKS, false, 0), 0, "two seconds of film at once: the slack");
    tap_is_int(say(c, 0, 1, false, 0), PS_REFUSED_AHEAD, "one tick more is ahead");
    tap_is_int(say(c, 0, 2 * TICKS, false, 2 * SECOND - 200000), PS_REFUSED_AHEAD,
               "two seconds later, but for 0.2 ms");
    tap_is_int(say(c, 0, 2 * TICKS, false, 2 * SECOND), 0, "two seconds later");
    tap_is_int(say(c, 1, 4 * TICKS, false, 2 * SECOND), 0, "each track has the clock for itself");
    tap_is_int(say(c, 0, 30 * TICKS, true, 2 * SECOND), 0, "late film has no clock");
    tap_is_int(say(c, 0, 2 * TICKS, false, 4 * SECOND), 0, "and leaves that of the others alone");
    tap_is_int(say(c, 0, 1, false, 4 * SECOND), PS_REFUSED_AHEAD, "to the tick");
    tap_is_int(say(c, 0, 1, false, -SECOND), PS_REFUSED_AHEAD, "a clock before the opening gives nothing");
    tap_is_uint(c->n, 5, "five were taken");
    tap_is_uint(c->late, 1, "one of them late");
    c->ended = true;
    tap_is_int(say(c, 0, 1, false, 400 * SECOND), PS_REFUSED_STATE, "after the end nothing is witnessed");
    tap_is_int(say(c, 0, 1, true, 400 * SECOND), 0, "but late ones are taken");
    ps_witness_drop(c);
    c = clip_of(5, other_boot);
    tap_ok(c->ended && !c->same_boot, "a clip of another boot has ended");
    tap_is_int(say(c, 0, TICKS, false, 400 * SECOND), PS_REFUSED_STATE, "and is not witnessed any more");
    ps_witness_drop(c);
}

/* A signer that was away did not see what was recorded meanwhile. */
static void test_restart(void) {
    struct ps_witness_clip *c = clip_of(5, boot);
    struct ps_wire_refused no = {0};

    for (int i = 0; i < 5; i++) {
        struct ps_wire_segment s = segment(c, 0, 2 * TICKS, false);
        tap_is_int(ps_witness_judge_replayed(c, &s, &no), 0, "from the journal %d", i);
        ps_witness_take(c, &s, true);
    }
    tap_is_int(say(c, 0, 4 * TICKS, false, 1 * SECOND), PS_REFUSED_AHEAD,
               "what came before counts neither way");
    tap_is_int(say(c, 0, 3 * TICKS, false, 1 * SECOND), 0, "only what it watched itself");
    ps_witness_drop(c);
}

/* What was before the clip: first in its track, at most 30 s, and apart from the time that was watched. */
static void test_preroll(void) {
    struct ps_witness_clip *c = clip_of(5, boot);

    for (int i = 0; i < 15; i++)
        if (say(c, 0, 2 * TICKS, PS_WIRE_PREROLL, 0) != 0)
            tap_fail("pre-roll %d is refused", i);
    tap_is_uint(c->tracks[0].preroll, 15, "30 s of pre-roll are taken at once");
    tap_is_int(say(c, 0, 1, PS_WIRE_PREROLL, 0), PS_REFUSED_SEQUENCE, "and no more");
    tap_is_uint(c->late, 15, "it counts among the late ones");
    tap_is_int(say(c, 0, 2 * TICKS + 1, PS_WIRE_WITNESSED, 0), PS_REFUSED_AHEAD, "it uses up no time");
    tap_is_int(say(c, 0, 2 * TICKS, PS_WIRE_WITNESSED, 0), 0, "and gives none");
    tap_is_int(say(c, 1, 2 * TICKS, PS_WIRE_PREROLL, 0), 0, "another camera has its own");
    tap_is_int(say(c, 1, 2 * TICKS, PS_WIRE_LATE, 0), 0, "what follows may be late");
    tap_is_int(say(c, 1, 2 * TICKS, PS_WIRE_PREROLL, 0), PS_REFUSED_SEQUENCE, "but pre-roll comes first");
    tap_is_int(say(c, 2, 2 * TICKS, PS_WIRE_WITNESSED, SECOND), 0, "a third camera without any");
    tap_is_int(say(c, 2, 2 * TICKS, PS_WIRE_PREROLL, SECOND), PS_REFUSED_SEQUENCE, "gets none later");
    c->ended = true;
    tap_is_int(say(c, 3, 2 * TICKS, PS_WIRE_PREROLL, SECOND), 0,
               "after a crash it comes when the clip has ended");
    tap_is_uint(c->tracks[1].preroll + c->tracks[2].preroll + c->tracks[3].preroll, 2,
                "and is counted by track");
    ps_witness_drop(c);
}

static void test_order(void) {
    struct ps_witness_clip *c = clip_of(5, boot);
    struct ps_wire_refused no = {0};
    struct ps_record r;

    say(c, 0, TICKS, false, 9 * SECOND);
    struct ps_wire_segment first = {.clip = 5}, s;
    memcpy(first.record, c->records[0].record, PS_RECORD_SIZE);
    tap_is_int(ps_witness_judge(c, &first, 109 * SECOND, &no), PS_WITNESS_AGAIN, "the last one again");
    c->ended = true;
    tap_is_int(ps_witness_judge(c, &first, 109 * SECOND, &no), PS_WITNESS_AGAIN, "also after the end");
    c->ended = false;
    say(c, 0, TICKS, false, 9 * SECOND);
    tap_is_int(ps_witness_judge(c, &first, 109 * SECOND, &no), PS_REFUSED_SEQUENCE, "not the last one again");

    s = segment(c, 0, TICKS, false);
    ps_record_decode(&r, s.record);
    r.seq = 3;
    ps_record_encode(&r, s.record);
    tap_is_int(ps_witness_judge(c, &s, 109 * SECOND, &no), PS_REFUSED_SEQUENCE, "a hole");
    r.seq = 2;
    r.start--;
    ps_record_encode(&r, s.record);
    tap_is_int(ps_witness_judge(c, &s, 109 * SECOND, &no), PS_REFUSED_SEQUENCE, "a start before the sum");
    s = segment(c, 1, TICKS, false);
    memcpy(s.record + PS_RECORD_SIZE - 32, first.record + PS_RECORD_SIZE - 32, 32);
    tap_is_int(ps_witness_judge(c, &s, 109 * SECOND, &no), PS_REFUSED_SEQUENCE,
               "the same pictures in another track");
    s = segment(c, 0, TICKS, true);
    memset(s.record, 0xff, 4);
    tap_is_int(ps_witness_judge(c, &s, 109 * SECOND, &no), PS_REFUSED_FORMAT, "a track without end");
    s = segment(c, 0, 0, true);
    tap_is_int(ps_witness_judge(c, &s, 109 * SECOND, &no), PS_REFUSED_FORMAT, "no duration");
    s = segment(c, 0, PS_MAX_SEGMENT_TICKS + 1, true);
    tap_is_int(ps_witness_judge(c, &s, 109 * SECOND, &no), PS_REFUSED_FORMAT, "too long a segment");
    ps_witness_drop(c);
}

static void test_length(void) {
    struct ps_witness_clip *c = clip_of(5, boot);
    int answer = 0;

    for (int i = 0; i < 120 && answer == 0; i++)
        answer = say(c, 0, 30 * TICKS, true, 0);
    tap_is_int(answer, 0, "an hour");
    tap_is_int(say(c, 0, 1, true, 0), PS_REFUSED_STATE, "and no more");
    answer = 0;
    for (uint32_t t = 1; t < PS_MAX_TRACKS && answer == 0; t++)
        for (int i = 0; i < 1000 && answer == 0; i++)
            answer = say(c, t, 90, true, 0);
    tap_is_int(answer, PS_REFUSED_STATE, "segments without end are refused");
    tap_is_uint(c->n, PS_MAX_SEGMENTS, "at the bound");
    ps_witness_drop(c);
}

static void test_pending(void) {
    struct ps_witness w = {0};
    struct ps_wire_refused no = {0};

    tap_is_int(ps_witness_may_open(&w, &no), 0, "a first clip");
    ps_witness_add(&w, clip_of(3, boot));
    tap_is_int(ps_witness_may_open(&w, &no), PS_REFUSED_STATE, "one open clip at a time");
    tap_ok(ps_witness_current(&w) == ps_witness_find(&w, 3), "it is the current one");
    for (uint64_t i = 4; i < 4 + PS_WIRE_MAX_PENDING; i++) {
        ps_witness_current(&w)->ended = true;
        tap_is_int(ps_witness_may_open(&w, &no), 0, "another beside %zu that ended", w.n);
        ps_witness_add(&w, clip_of(i, boot));
    }
    ps_witness_current(&w)->ended = true;
    tap_is_int(ps_witness_may_open(&w, &no), PS_REFUSED_STATE, "not beside five");
    struct ps_witness_clip *more = clip_of(99, boot);
    tap_is_int(ps_witness_add(&w, more), PS_EFULL, "nor by force");
    ps_witness_drop(more);
    ps_witness_remove(&w, 4);
    tap_is_uint(w.n, PS_WIRE_MAX_PENDING, "one is sealed");
    tap_ok(ps_witness_find(&w, 4) == NULL && ps_witness_find(&w, 3) != NULL && ps_witness_find(&w, 5) != NULL,
           "that one");
    tap_is_int(ps_witness_may_open(&w, &no), 0, "and there is room");
    ps_witness_remove(&w, 77);
    ps_witness_free(&w);
    tap_is_uint(w.n, 0, "nothing is left");
}

static void test_heads(void) {
    struct ps_witness_clip *c = clip_of(5, boot);
    uint8_t want[32], got[32], head[32];
    struct ps_sha256 h;

    ps_witness_heads(c, got);
    ps_sha256(want, "packseal/heads/v1", 18);
    tap_is_mem(got, want, 32, "heads of nothing");
    say(c, 1, 90, false, SECOND);
    ps_leaf_hash(head, c->leaf, c->leaf_len);
    ps_sha256_init(&h);
    ps_sha256_update(&h, "packseal/heads/v1\0\0\0\0\0", 22);
    ps_sha256_update(&h, head, 32);
    ps_record_chain(head, c->records[0].record);
    ps_sha256_update(&h, "\0\0\0\1", 4);
    ps_sha256_update(&h, head, 32);
    ps_sha256_final(&h, want);
    ps_witness_heads(c, got);
    tap_is_mem(got, want, 32, "heads of an empty track and one with a record");
    ps_witness_drop(c);
    uint8_t leaf[PS_MAX_LEAF];
    tap_ok(ps_witness_new(leaf, open_leaf(leaf, 1) - 1, hash, boot, 0) == NULL, "half a leaf is no clip");
}

static void test_bucket(void) {
    const int64_t token = SECOND / PS_SERVICE_RATE;
    struct ps_bucket b = ps_bucket_full(7);
    int taken = 0;

    while (ps_bucket_take(&b, 1, 7))
        taken++;
    tap_is_int(taken, PS_SERVICE_BURST, "a full bucket holds the burst");
    tap_ok(!ps_bucket_take(&b, 1, 7 + token - 1), "it is empty until the next token is whole");
    tap_ok(ps_bucket_take(&b, 1, 7 + token), "then there is one");
    tap_ok(!ps_bucket_take(&b, 1, 7 + token), "and no other");
    tap_ok(!ps_bucket_take(&b, 50, 7 + 50 * token), "fifty cost fifty");
    tap_ok(ps_bucket_take(&b, 50, 7 + 51 * token), "and a refusal costs nothing");
    for (taken = 0; ps_bucket_take(&b, 1, INT64_MAX); taken++)
        ;
    tap_is_int(taken, PS_SERVICE_BURST, "it never holds more than the burst");
}

int main(void) {
    test_bucket();
    test_clock();
    test_restart();
    test_preroll();
    test_order();
    test_length();
    test_pending();
    test_heads();
    return tap_done();
}
