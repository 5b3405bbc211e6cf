/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_LANE_TRACK_H
#define PS_RECORDER_LANE_TRACK_H
/*
 * One track in the making, inside a lane: pictures in, fragments and records out. No threads, no queue, no clock of its
 * own: the time of each picture is given.
 *
 * A track may begin before its clip, as pre-roll: then its GOPs go into a ring in memory, until the clip is there and
 * takes them over (ps_lane_track_join). The encoder runs on.
 */
#include "recorder/clock.h"
#include "recorder/lane.h"
#include "recorder/lane_ring.h"
#include "recorder/picture.h"

struct ps_lane_track;

struct ps_lane_track_spec {
    const struct ps_lane_spec *lane;
    const struct ps_lane_job *job; /* NULL: pre-roll, with the banner of `text`, into `ring` */
    const struct ps_banner_text *text;
    struct ps_lane_ring *ring; /* borrowed until the clip has joined; empty at the start */
    const struct ps_camera_info *camera;
    uint32_t index;
    unsigned part; /* 1, 2 …: camera.mp4, camera-2.mp4 */
    uint16_t width, height;
    bool full_range;
    int64_t first_mono_ns;
};

/* Letters are handed to post(ctx, letter), which owns them (malloc). */
int ps_lane_track_new(struct ps_lane_track **out, const struct ps_lane_track_spec *s,
                      void (*post)(void *ctx, struct ps_letter *l), void *ctx, struct ps_why *why);
/* Burns in and encodes the picture (it is drawn upon). mono_ns grows strictly. `counts` is the lane's, stated with each
 * segment that closes. */
int ps_lane_track_picture(struct ps_lane_track *t, struct ps_picture *p, int64_t mono_ns,
                          const struct ps_counts *counts, struct ps_why *why);
/* Pre-roll only: pictures were lost before the one that came last. */
void ps_lane_track_lost(struct ps_lane_track *t, int64_t from_ns, int64_t to_ns, uint64_t frames,
                        const char *reason);
/* Pre-roll becomes the beginning of a clip, whose first picture is that of mono_ns, later than the last one of here and and
 * comes next: film, declaration and records of what the ring holds, which is then empty. *counts: in, of all pictures since the
 * track began; out, of those that the clip got. PS_ENOENT: none, nothing was made. After an error the track must be dropped. */
int ps_lane_track_join(struct ps_lane_track *t, const struct ps_lane_job *job, int64_t mono_ns,
                       struct ps_counts *counts, struct ps_why *why);
/* Another text of the banner, from the next picture on, which becomes a keyframe. */
void ps_lane_track_text(struct ps_lane_track *t, const struct ps_banner_text *text);
bool ps_lane_track_fits(const struct ps_lane_track *t, uint16_t width, uint16_t height, bool full_range);
/* Media time of a moment, in ticks. */
uint64_t ps_lane_track_ticks(const struct ps_lane_track *t, int64_t mono_ns);
uint32_t ps_lane_track_index(const struct ps_lane_track *t);
/* Puts large words on an empty picture of the track's size. */
struct ps_picture *ps_lane_track_slate(struct ps_lane_track *t, const char *words);
/* The last picture lasts until mono_ns; closes the segment, posts the film, frees the track. */
int ps_lane_track_end(struct ps_lane_track *t, int64_t mono_ns, const struct ps_counts *counts,
                      struct ps_why *why);
/* After a fault, and of pre-roll that no clip takes: posts what film there is and frees. */
void ps_lane_track_drop(struct ps_lane_track *t);

#endif
