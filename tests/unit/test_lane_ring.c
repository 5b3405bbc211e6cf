/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pre-roll in memory: what goes when, by time and by size. */
#include "recorder/lane_ring.h"
#include "tests/unit/tap.h"

#include <stdlib.h>

#define SECOND ((uint64_t)PS_TICKS_PER_SECOND)

static struct ps_lane_ring ring;

static void put(uint64_t n, uint64_t ticks, size_t size, uint64_t most) {
    struct ps_lane_ring_gop g = {.ticks = n, .duration = ticks, .n = 1, .size = size};

    g.samples = calloc(1, sizeof *g.samples);
    g.bytes = malloc(size);
    if (!g.samples || !g.bytes)
        tap_bail("no memory");
    ps_lane_ring_put(&ring, &g, most);
}

static uint64_t oldest(void) {
    return ring.n ? ps_lane_ring_at(&ring, 0)->ticks : UINT64_MAX;
}

static void by_time(void) {
    uint64_t most = 0;

    for (uint64_t i = 0; i < 1000; i++) {
        put(i, SECOND, 100, 5 * SECOND);
        most = ring.ticks > most ? ring.ticks : most;
    }
    tap_ok(most == 5 * SECOND && ring.n == 5 && oldest() == 995, "never more than 5 s, and these the newest");
    tap_is_uint(ps_lane_ring_at(&ring, 4)->ticks, 999, "in order");
    tap_is_uint(ring.bytes, 500, "their bytes");
    put(1000, 3 * SECOND / 2, 100, 5 * SECOND);
    tap_is_uint(ring.n, 4, "whole GOPs go: 4.5 s are left");
    put(1001, 6 * SECOND, 100, 5 * SECOND);
    tap_is_uint(ring.n, 0, "one that is longer than all of it is not kept");
    tap_ok(ring.ticks == 0 && ring.bytes == 0, "and nothing is counted");
}

static void by_size(void) {
    size_t most = 0;

    for (uint64_t i = 0; i < 20; i++) {
        put(i, SECOND, (size_t)10 << 20, 30 * SECOND);
        most = ring.bytes > most ? ring.bytes : most;
    }
    tap_ok(most <= PS_LANE_RING_BYTES && ring.n == 4 && oldest() == 16, "never more bytes than stated: %zu",
           most);
    ps_lane_ring_clear(&ring);
    for (uint64_t i = 0; i < 3 * PS_LANE_RING_GOPS; i++)
        put(i, 1, 10, 30 * SECOND);
    tap_ok(ring.n == PS_LANE_RING_GOPS && oldest() == 2 * PS_LANE_RING_GOPS, "nor more GOPs");
    ps_lane_ring_clear(&ring);
    tap_ok(ring.n == 0 && ring.ticks == 0 && ring.bytes == 0, "cleared");
}

int main(void) {
    by_time();
    by_size();
    return tap_done();
}
