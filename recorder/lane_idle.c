/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A lane between clips: pictures are let go, or made into pre-roll (docs/FORMAT.md section 5.1). */
#include <string.h>
#include <time.h>

#include "recorder/clock.h"
#include "recorder/lane_internal.h"

#define KEEP_NS 250000000LL    /* of frames kept in the queue: a scan waits for the signer's answer */
#define HOLE_NS 1000000000LL   /* film with a longer one is not kept: it has no room for a slate */
#define AGAIN_NS 10000000000LL /* after an encoder that failed */

void ps_lane_idle_drop(struct ps_lane *l) {
    ps_lane_track_drop(l->pre);
    l->pre = NULL;
    ps_lane_ring_clear(&l->ring);
}

static int begin_film(struct ps_lane *l, const struct ps_feed_status *st, const struct ps_banner_text *text) {
    const struct ps_lane_track_spec s = {
        .lane = &l->s,
        .text = text,
        .ring = &l->ring,
        .camera = &l->status.info, /* borrowed by the track, into the clip */
        .index = l->s.number,
        .part = 1,
        .width = l->picture.width,
        .height = l->picture.height,
        .full_range = l->picture.full_range,
        .first_mono_ns = l->frame.mono_ns,
    };
    struct ps_why why;

    l->status = *st;
    l->pre_text = *text;
    l->pre_generation = st->generation;
    memset(&l->pre_counts, 0, sizeof l->pre_counts);
    return ps_lane_track_new(&l->pre, &s, ps_lane_post, l, &why);
}

/* Whether the film that is kept can go on with the picture at hand. */
static bool goes_on(const struct ps_lane *l, const struct ps_feed_status *st,
                    const struct ps_banner_text *text) {
    return l->pre && st->generation == l->pre_generation && l->frame.mono_ns - l->pre_last_ns <= HOLE_NS &&
           ps_lane_track_fits(l->pre, l->picture.width, l->picture.height, l->picture.full_range) &&
           strcmp(text->freshness, l->pre_text.freshness) == 0;
}

static void add_picture(struct ps_lane *l, uint32_t queue_lost) {
    uint32_t lost = l->frame.lost_before + queue_lost;
    struct ps_feed_status st;
    struct ps_banner_text text;
    struct ps_why why;
    int64_t before = l->pre_last_ns;

    pthread_mutex_lock(&l->lock);
    text = l->idle_text;
    pthread_mutex_unlock(&l->lock);
    if (!text.kind[0])
        return; /* the station has not said yet what it shows */
    ps_feed_status(l->feed, &st);
    if (!goes_on(l, &st, &text)) {
        ps_lane_idle_drop(l);
        if (begin_film(l, &st, &text) < 0) {
            l->pre_not_before_ns = l->frame.mono_ns + AGAIN_NS;
            return;
        }
        lost = 0; /* before there was any film */
    }
    if (ps_lane_track_picture(l->pre, &l->picture, l->frame.mono_ns, &l->pre_counts, &why) < 0) {
        ps_lane_idle_drop(l);
        l->pre_not_before_ns = l->frame.mono_ns + AGAIN_NS;
        return;
    }
    if (lost)
        ps_lane_track_lost(l->pre, before, l->frame.mono_ns, lost,
                           queue_lost ? "queue-full" : "driver-dropped");
    l->pre_counts.captured += 1 + (uint64_t)lost;
    l->pre_counts.dropped += lost;
    l->pre_counts.encoded++;
    l->pre_last_ns = l->frame.mono_ns;
}

/* Takes the oldest frame. A damaged one leaves the last good picture on the screen a little longer. */
static void take(struct ps_lane *l) {
    uint32_t queue_lost = 0;
    uint64_t lost;

    if (!ps_queue_take(ps_feed_queue(l->feed), &l->frame, &queue_lost) ||
        l->frame.mono_ns < l->pre_not_before_ns)
        return;
    if (!l->frame.damaged && ps_decoder_decode(l->decoder, &l->frame, &l->picture) == 0) {
        add_picture(l, queue_lost);
        return;
    }
    lost = (uint64_t)l->frame.lost_before + queue_lost;
    l->pre_counts.captured += 1 + lost;
    l->pre_counts.dropped += lost;
    l->pre_counts.damaged++;
}

void ps_lane_idle_finish(struct ps_lane *l, int64_t mono_ns) {
    int64_t stamp;

    while (ps_queue_wait(ps_feed_queue(l->feed), 0, &stamp) > 0 && stamp < mono_ns)
        take(l);
}

void ps_lane_idle_step(struct ps_lane *l, int64_t hold) {
    int64_t stamp, until = ps_clock_mono_ns() - KEEP_NS;

    if (until > hold)
        until = hold;
    if (!l->s.preroll_seconds)
        ps_queue_discard_before(ps_feed_queue(l->feed), until);
    if (ps_queue_wait(ps_feed_queue(l->feed), 50, &stamp) <= 0)
        return;
    if (l->s.preroll_seconds && stamp < until) {
        take(l);
    } else {
        struct timespec nap = {.tv_nsec = 20000000};
        nanosleep(&nap, NULL); /* frames may stay for a while: do not spin over them */
    }
}
