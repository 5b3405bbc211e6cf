/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_QUEUE_H
#define PS_RECORDER_QUEUE_H
/*
 * The bounded queue between a capture thread and its track thread. It never blocks the writer. Frames move by
 * swapping buffers, so memory settles and is not allocated per frame.
 */
#include "recorder/frame.h"

struct ps_queue;

/* At most `frames` frames and `bytes` bytes at once. */
int ps_queue_new(struct ps_queue **out, unsigned frames, size_t bytes);
void ps_queue_free(struct ps_queue *q);

/* Moves the frame in (its buffer is swapped for a spare one; *f can be filled again). When the queue is full
 * the frame is not taken: PS_EFULL; its loss is added to the next accepted frame's queue_lost. When more than
 * three quarters full every second frame is refused too, so that losses are even. */
int ps_queue_put(struct ps_queue *q, struct ps_frame *f);
/* Waits until a frame is there, `wake` was called, or the timeout is over. Looks without taking: 1 and its
 * time stamp, 0 nothing. */
int ps_queue_wait(struct ps_queue *q, int timeout_ms, int64_t *mono_ns);
/* Takes the oldest frame by swapping with *f. *queue_lost: frames refused just before this one. 1 or 0. */
int ps_queue_take(struct ps_queue *q, struct ps_frame *f, uint32_t *queue_lost);
/* Drops all frames stamped before mono_ns: nothing was recording, nothing is lost or counted. */
void ps_queue_discard_before(struct ps_queue *q, int64_t mono_ns);
void ps_queue_wake(struct ps_queue *q);

#endif
