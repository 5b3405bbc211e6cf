/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_LANE_RING_H
#define PS_RECORDER_LANE_RING_H
/*
 * Closed GOPs in memory, the newest so many seconds of them: pre-roll, before there is a clip for it (docs/FORMAT.md
 * section 5.1). Bounded twice: by time, and by PS_LANE_RING_BYTES, whichever is reached first; the oldest go.
 */
#include "evidence/statement.h"
#include "recorder/mp4w.h"
#include <stdint.h>

#define PS_LANE_RING_BYTES ((size_t)48 << 20) /* of coded film, a camera: 30 s at 12 Mbit/s are 43 MiB */
#define PS_LANE_RING_GOPS 64

struct ps_lane_ring_gop {
    int64_t mono_ns;                /* of its first picture */
    uint64_t ticks, duration;       /* on the line of whoever fills the ring */
    struct ps_counts counts;        /* of this GOP alone */
    struct ps_gap gap;              /* pictures lost just before or in it; frames 0: none */
    struct ps_mp4w_sample *samples; /* malloc, n of them */
    uint32_t n;
    uint8_t *bytes; /* malloc, one sample behind the other */
    size_t size;
};

struct ps_lane_ring { /* all zero: empty */
    struct ps_lane_ring_gop gop[PS_LANE_RING_GOPS];
    uint32_t first, n;
    uint64_t ticks; /* sum of the durations */
    size_t bytes;   /* sum of the sizes */
};

/* Takes the GOP's memory; then the oldest go until what is left is at most so long. */
void ps_lane_ring_put(struct ps_lane_ring *r, const struct ps_lane_ring_gop *g, uint64_t most_ticks);
/* The i-th, 0 being the oldest; i < r->n. */
const struct ps_lane_ring_gop *ps_lane_ring_at(const struct ps_lane_ring *r, uint32_t i);
void ps_lane_ring_clear(struct ps_lane_ring *r);

#endif
