/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_LANE_INTERNAL_H
#define PS_RECORDER_LANE_INTERNAL_H
/*
 * Shared by lane.c (thread, station's side), lane_clip.c (while a clip is open) and lane_idle.c (between clips), and by
 * nobody else.
 */
#include <pthread.h>

#include "recorder/decode.h"
#include "recorder/lane.h"
#include "recorder/lane_track.h"

struct ps_lane {
    struct ps_lane_spec s;
    struct ps_mailbox *box;
    struct ps_feed *feed;
    pthread_t thread;
    /* shared with the station */
    pthread_mutex_t lock;
    bool quit, begin;
    struct ps_lane_job job;
    int64_t end_mono_ns;  /* INT64_MAX: none asked */
    int64_t hold_mono_ns; /* INT64_MAX: none asked */
    int64_t mark_mono_ns; /* INT64_MAX: none asked */
    bool text_new;
    struct ps_banner_text text, idle_text;
    struct ps_counts counts;
    /* the thread's own */
    bool recording, failed;
    struct ps_lane_job now;
    struct ps_decoder *decoder;
    struct ps_frame frame, good; /* good: the last JPEG that decoded */
    bool have_good, have_picture, slating;
    uint32_t opening; /* of the newest frame of this clip, 0 before the first */
    int64_t mark_at;  /* a mark that has no original yet; INT64_MAX: none */
    uint64_t good_ticks;
    int64_t good_mono_ns;
    struct ps_picture picture;
    struct ps_lane_track *track;
    unsigned part, originals;
    int64_t last_mono_ns, last_original_ns, away_since_ns;
    struct ps_feed_status status;
    /* pre-roll */
    struct ps_lane_ring ring;
    struct ps_lane_track *pre; /* NULL: no film is kept */
    struct ps_banner_text pre_text;
    struct ps_counts pre_counts;
    uint32_t pre_generation;
    int64_t pre_last_ns;       /* of its last picture */
    int64_t pre_not_before_ns; /* pictures captured sooner are not looked at */
};

/* ---- lane.c ---- */
void ps_lane_post(void *ctx, struct ps_letter *letter); /* ctx: the lane */

/* ---- lane_clip.c ---- */
/* What is left of pre-roll is put before the clip's first picture. */
void ps_lane_clip_begin(struct ps_lane *l, const struct ps_lane_job *job);
/* Waits a moment for a picture, and takes it. end_at: as asked, or INT64_MAX. */
void ps_lane_clip_step(struct ps_lane *l, int64_t end_at);

/* ---- lane_idle.c ---- */
void ps_lane_idle_step(struct ps_lane *l, int64_t hold);
/* A clip begins: the pictures before it that still wait. */
void ps_lane_idle_finish(struct ps_lane *l, int64_t mono_ns);
/* No clip wants what is there. */
void ps_lane_idle_drop(struct ps_lane *l);

#endif
