/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "viewer/times.h"
#include <stdio.h>
#include <time.h>

int64_t ps_times_now_ns(void) {
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void ps_times_text(int64_t wall_ns, char out[40]) {
    int64_t ms = wall_ns / 1000000 - (wall_ns % 1000000 < 0);
    time_t s = (time_t)(ms / 1000 - (ms % 1000 < 0));
    struct tm tm;

    out[0] = '\0';
    if (gmtime_r(&s, &tm) && tm.tm_year >= -900 && tm.tm_year < 8100)
        snprintf(out, 40, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (tm.tm_year + 1900) % 10000, tm.tm_mon + 1,
                 tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(ms - (int64_t)s * 1000));
}
