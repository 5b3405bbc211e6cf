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

/* What is to be said of one device: ten lines at once at most, then one in ten seconds, which tells how it is then. */
struct ps_plug_told {
    enum ps_feed_state state; /* a scanner is AWAY or LIVE */
    unsigned changes;         /* not told yet */
    uint32_t tries;           /* of the absence that is going on, or was the last */
    int64_t since_ns;         /* when it began */
    int64_t paid_until_ns;
};

/* Whether there is something to say, and a line may be said now. */
bool ps_plug_may_say(struct ps_plug_told *t, int64_t mono_ns);

void ps_plug_start(struct ps_station *st);
void ps_plug_stop(struct ps_station *st);
int ps_plug_fd(const struct ps_station *st); /* to be polled; -1: nobody tells, the clock alone does */
void ps_plug_came(struct ps_station *st);    /* it is readable */
void ps_plug_tick(struct ps_station *st);
void ps_plug_scan(struct ps_station *st, struct ps_station_scanner *s); /* it is readable */

#endif
