/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_PLUG_H
#define PS_RECORDER_PLUG_H
/*
 * Devices that come and go while the station runs: scanners are opened again, and a person is told of each change in one
 * line, however often a loose plug makes it.
 */
#include "recorder/feed.h"
#include <stdbool.h>
#include <stdint.h>

struct ps_station;
struct ps_station_scanner;

/* What was said of one device. At most six lines at once, then one in ten seconds. */
struct ps_plug_told {
    enum ps_feed_state state; /* of a camera */
    uint32_t tries;           /* of the absence that is going on */
    int64_t since_ns;         /* since when it goes on */
    int64_t paid_until_ns;
    unsigned unsaid; /* changes that were not told */
};

/* Whether a line may be said now; what may not is counted. */
bool ps_plug_may_say(struct ps_plug_told *t, int64_t mono_ns);

void ps_plug_start(struct ps_station *st);
void ps_plug_stop(struct ps_station *st);
int ps_plug_fd(const struct ps_station *st); /* to be polled; -1: nobody tells, the clock alone does */
void ps_plug_came(struct ps_station *st);    /* it is readable */
void ps_plug_tick(struct ps_station *st);
void ps_plug_scan(struct ps_station *st, struct ps_station_scanner *s); /* it is readable */

#endif
