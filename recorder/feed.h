/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_FEED_H
#define PS_RECORDER_FEED_H
/*
 * The capture thread of one camera: opens it, reads frames into a queue, re-opens it when it goes away or falls silent for
 * 3 s, and says so. Tries again with back-off (0.5 s doubling to 30 s; a network source 8 s), and at once when udev says that
 * a camera was plugged in, or a path that was missing is there. Runs as long as the recorder.
 */
#include "recorder/camera.h"
#include "recorder/queue.h"

/* OPENING only at the start; LIVE from the first frame of an opening; AWAY until the next one, whatever is tried. */
enum ps_feed_state { PS_FEED_OPENING, PS_FEED_LIVE, PS_FEED_AWAY };

struct ps_feed_status {
    enum ps_feed_state state;
    uint32_t generation;        /* grows by one with the first frame of each opening */
    struct ps_camera_info info; /* of that opening */
    struct ps_why why;          /* why it is away */
    int64_t away_mono_ns;       /* since when */
    uint32_t tries;             /* openings that failed since then */
    uint64_t frames;            /* delivered since start */
    int64_t last_mono_ns;       /* stamp of the newest frame */
};

struct ps_feed;

/* notify(ctx) is called from the capture thread whenever state changes (write an eventfd there). */
int ps_feed_start(struct ps_feed **out, const struct ps_camera_spec *spec, unsigned queue_frames,
                  size_t queue_bytes, void (*notify)(void *ctx), void *ctx);
struct ps_queue *ps_feed_queue(struct ps_feed *f);
void ps_feed_status(struct ps_feed *f, struct ps_feed_status *out);
/* A copy of the next frame that is not damaged, beside the queue: for one thread that looks now and then. The capture thread
 * never waits for it. Swaps buffers with *out; false when none came in time. */
bool ps_feed_look(struct ps_feed *f, struct ps_frame *out, int timeout_ms);
/* The same for a second thread, which does not wait either: it asks for the next such frame, fd (an eventfd) is written
 * when the copy is there, and fetch swaps it with *out; false when it is not. -1 takes the question back: once this returns
 * the eventfd may be closed. */
void ps_feed_ask(struct ps_feed *f, int fd);
bool ps_feed_fetch(struct ps_feed *f, struct ps_frame *out);
void ps_feed_stop(struct ps_feed *f); /* joins and frees */

#endif
