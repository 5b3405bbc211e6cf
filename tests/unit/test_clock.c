/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/clock.h"
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <time.h>

#define SECOND INT64_C(1000000000)

static void test_map(void) {
    struct ps_clock_map m;
    int64_t before = ps_clock_mono_ns(), wall_before = ps_clock_wall_ns();
    ps_clock_sample(&m);
    int64_t after = ps_clock_mono_ns(), wall_after = ps_clock_wall_ns();
    tap_ok(m.mono_ns >= before && m.mono_ns <= after, "the sample's instant lies within the call");
    tap_ok(m.wall_ns >= wall_before && m.wall_ns <= wall_after, "so does its wall time");
    tap_ok(m.spread_ns >= 0 && m.spread_ns <= after - before, "the spread is no larger than the call");
    tap_ok(m.state <= PS_CLOCK_UNSYNCED, "the kernel's word is one of three");

    struct ps_clock_map fixed = {.mono_ns = 100, .boot_ns = 700, .wall_ns = 1000000};
    tap_is_int(ps_clock_wall_of(&fixed, 150), 1000050, "wall time after the sample");
    tap_is_int(ps_clock_wall_of(&fixed, 40), 999940, "wall time before the sample");
    tap_is_int(ps_clock_boot_of(&fixed, 150), 750, "boot time after the sample");
}

static void test_offset(void) {
    setenv("TZ", "CST-8", 1);
    tzset();
    tap_is_int(ps_clock_utc_offset(1795248930 * SECOND), 8 * 3600, "China is 8 hours east");
    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
    /* 2026-03-29 01:00 UTC, the last Sunday of March; one nanosecond before it is winter still. */
    tap_is_int(ps_clock_utc_offset(1774746000 * SECOND - 1), 3600, "winter time up to the change");
    tap_is_int(ps_clock_utc_offset(1774746000 * SECOND), 7200, "summer time from the change");
    setenv("TZ", "UTC0", 1);
    tzset();
    tap_is_int(ps_clock_utc_offset(-1), 0, "before 1970");
}

int main(void) {
    test_map();
    test_offset();
    return tap_done();
}
