/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/clock.h"

#include <stdio.h>
#include <sys/timex.h>
#include <time.h>

#define NS_PER_S INT64_C(1000000000)

static int64_t read_clock(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

int64_t ps_clock_mono_ns(void) {
    return read_clock(CLOCK_MONOTONIC);
}

int64_t ps_clock_boot_ns(void) {
    return read_clock(CLOCK_BOOTTIME);
}

int64_t ps_clock_wall_ns(void) {
    return read_clock(CLOCK_REALTIME);
}

/* With modes 0 adjtimex only asks, and needs no right. */
static void ask_kernel(struct ps_clock_map *out) {
    struct timex t = {0};
    int state = adjtimex(&t);
    out->state = PS_CLOCK_UNKNOWN;
    out->max_error_us = UINT32_MAX;
    if (state < 0)
        return;
    out->state = state == TIME_ERROR || (t.status & STA_UNSYNC) ? PS_CLOCK_UNSYNCED : PS_CLOCK_SYNCED;
    if (t.maxerror >= 0 && t.maxerror < UINT32_MAX)
        out->max_error_us = (uint32_t)t.maxerror;
}

/* A thread may be put aside between two readings: of a few tries the tightest is taken. */
void ps_clock_sample(struct ps_clock_map *out) {
    ask_kernel(out);
    out->spread_ns = INT64_MAX;
    for (int i = 0; i < 4 && out->spread_ns > 2000; i++) {
        int64_t before = ps_clock_mono_ns();
        int64_t boot = ps_clock_boot_ns();
        int64_t wall = ps_clock_wall_ns();
        int64_t spread = ps_clock_mono_ns() - before;
        if (spread >= out->spread_ns)
            continue;
        out->mono_ns = before + spread / 2;
        out->boot_ns = boot;
        out->wall_ns = wall;
        out->spread_ns = spread;
    }
}

int64_t ps_clock_wall_of(const struct ps_clock_map *m, int64_t mono_ns) {
    return m->wall_ns + (mono_ns - m->mono_ns);
}

int64_t ps_clock_boot_of(const struct ps_clock_map *m, int64_t mono_ns) {
    return m->boot_ns + (mono_ns - m->mono_ns);
}

void ps_clock_text(int64_t wall_ns, char out[PS_CLOCK_TEXT]) {
    time_t seconds = (time_t)(wall_ns / NS_PER_S);
    struct tm tm = {0};

    gmtime_r(&seconds, &tm);
    size_t n = strftime(out, PS_CLOCK_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, PS_CLOCK_TEXT - n, ".%03dZ", (int)(wall_ns / 1000000 % 1000));
}

int ps_clock_utc_offset(int64_t wall_ns) {
    time_t seconds = (time_t)(wall_ns / NS_PER_S - (wall_ns % NS_PER_S < 0));
    struct tm local;
    return localtime_r(&seconds, &local) ? (int)local.tm_gmtoff : 0;
}
