/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/lane_ring.h"

#include <stdlib.h>
#include <string.h>

static void drop_oldest(struct ps_lane_ring *r) {
    struct ps_lane_ring_gop *g = &r->gop[r->first];

    r->ticks -= g->duration;
    r->bytes -= g->size;
    free(g->samples);
    free(g->bytes);
    memset(g, 0, sizeof *g);
    r->first = (r->first + 1) % PS_LANE_RING_GOPS;
    r->n--;
}

void ps_lane_ring_put(struct ps_lane_ring *r, const struct ps_lane_ring_gop *g, uint64_t most_ticks) {
    if (r->n == PS_LANE_RING_GOPS)
        drop_oldest(r);
    r->gop[(r->first + r->n++) % PS_LANE_RING_GOPS] = *g; /* transferred */
    r->ticks += g->duration;
    r->bytes += g->size;
    while (r->n && (r->ticks > most_ticks || r->bytes > PS_LANE_RING_BYTES))
        drop_oldest(r);
}

const struct ps_lane_ring_gop *ps_lane_ring_at(const struct ps_lane_ring *r, uint32_t i) {
    return &r->gop[(r->first + i) % PS_LANE_RING_GOPS];
}

void ps_lane_ring_clear(struct ps_lane_ring *r) {
    while (r->n)
        drop_oldest(r);
}
