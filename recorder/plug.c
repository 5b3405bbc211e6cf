/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/plug.h"

#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "recorder/announce.h"
#include "recorder/clock.h"
#include "recorder/station.h"
#include "recorder/weigh.h"

#define SECOND 1000000000LL
#define SCANNER_BACK_OFF_NS (SECOND / 2)
#define SCANNER_BACK_OFF_MAX_NS (30 * SECOND)
#define SCANNER_BACK_OFF_BLIND_NS (8 * SECOND) /* without udev */
#define LINE_NS (10 * SECOND)
#define LINES_AT_ONCE 10

bool ps_plug_may_say(struct ps_plug_told *t, int64_t mono_ns) {
    if (t->paid_until_ns < mono_ns)
        t->paid_until_ns = mono_ns;
    if (!t->changes || t->paid_until_ns - mono_ns > (LINES_AT_ONCE - 1) * LINE_NS)
        return false;
    t->paid_until_ns += LINE_NS;
    return true;
}

/* " (7 changes before it are not told)"; what is told now is told. */
static const char *untold(struct ps_plug_told *t, char out[64]) {
    out[0] = '\0';
    if (t->changes > 1)
        snprintf(out, 64, " (%u changes before it are not told)", t->changes - 1);
    t->changes = 0;
    return out;
}

static void changed(struct ps_plug_told *t, enum ps_feed_state state) {
    t->state = state;
    t->changes++;
}

/* ---- scanners ---- */

static void scanner_lost(struct ps_station *st, struct ps_station_scanner *s) {
    int64_t most = st->watch ? SCANNER_BACK_OFF_MAX_NS : SCANNER_BACK_OFF_BLIND_NS;

    s->back_off_ns = s->back_off_ns ? s->back_off_ns * 2 : SCANNER_BACK_OFF_NS;
    if (s->back_off_ns > most)
        s->back_off_ns = most;
    s->next_try_ns = ps_clock_mono_ns() + s->back_off_ns;
}

static void scanner_try(struct ps_station *st, struct ps_station_scanner *s) {
    struct ps_why why;
    bool first = !s->next_try_ns;
    int err = s->dev ? ps_scanner_reopen(s->dev, &why) : ps_scanner_open(&s->dev, &s->config, &why);

    if (err < 0) {
        if (first)
            ps_station_alarm("scanner %s: %s: plug it in, or mend [scanner %s] in packseal.conf",
                             s->config.name, why.text, s->config.name);
        s->told.tries++;
        scanner_lost(st, s);
        return;
    }
    if (!first)
        changed(&s->told, PS_FEED_LIVE);
    s->back_off_ns = 0;
    s->next_try_ns = 1;
}

/* A scan that was dropped: the packer has to hear it, for the parcel is still in his hands. Not of what had begun long ago: who has
 * just scanned something else would take it for a word about that. */
static void dropped(struct ps_station *st, const struct ps_station_scanner *s, uint8_t lost,
                    const struct ps_why *why) {
    const char *word = lost == PS_SCAN_TORN ? "scan-torn" : "scan-unreadable";
    const int64_t now = ps_clock_mono_ns();

    if (lost == PS_SCAN_LONG_AGO) {
        ps_station_say("scanner %s: %s", s->config.name, why->text);
        return;
    }
    ps_station_alarm("scanner %s: %s", s->config.name, why->text);
    if (st->rec && !st->ending && ps_recording_event(st->rec, now, word, s->config.name) < 0)
        ps_station_alarm("an event could not be kept: %s %s", word, s->config.name);
    ps_announce_event(st, "scan",
                      json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:[], s:I}", "code", "", "device",
                                s->config.name, "entry", "scanner", "said", "refused", "why", word, "text",
                                why->text, "warnings", "scan_mono_ns", (json_int_t)now),
                      "refused", "refused");
}

void ps_plug_scan(struct ps_station *st, struct ps_station_scanner *s) {
    struct ps_scan scan;
    struct ps_why why;
    int r;

    /* After a dropped one, too: what is behind it was read from the device already, and no poll tells of it. */
    while ((r = ps_scanner_read(s->dev, &scan, &why)) == 1 || r == PS_EFORMAT) {
        if (r == 1)
            ps_conduct_code(st, scan.text, scan.manual ? PS_ENTRY_MANUAL : PS_ENTRY_SCANNER, scan.device,
                            scan.mono_ns, 0);
        else
            dropped(st, s, scan.lost, &why);
    }
    if (r < 0) {
        changed(&s->told, PS_FEED_AWAY);
        s->told.tries = 0;
        scanner_lost(st, s);
    }
}

static bool is_away(const struct ps_station_scanner *s) {
    return !s->dev || ps_scanner_fd(s->dev) < 0;
}

static void tell_scanner(struct ps_station_scanner *s) {
    char more[64];

    if (!ps_plug_may_say(&s->told, ps_clock_mono_ns()))
        return;
    if (s->told.state == PS_FEED_AWAY)
        ps_station_alarm("scanner %s went away%s", s->config.name, untold(&s->told, more));
    else
        ps_station_say("scanner %s is there, after %u tries%s", s->config.name, s->told.tries + 1,
                       untold(&s->told, more));
}

/* ---- cameras ---- */

static void tell_camera(struct ps_station *st, unsigned i, const struct ps_feed_status *f) {
    struct ps_plug_told *t = &st->told[i];
    const char *name = st->config.cameras[i].name;
    int64_t now = ps_clock_mono_ns();
    char more[64];

    if (!ps_plug_may_say(t, now))
        return;
    if (f->state == PS_FEED_AWAY)
        ps_station_alarm("camera %s is away: %s: clips show NO CAMERA until it is back%s", name, f->why.text,
                         untold(t, more));
    else if (t->since_ns)
        ps_station_say("camera %s is back: %s, after %lld s and %u tries%s", name, f->info.format,
                       (long long)((now - t->since_ns) / SECOND), t->tries + 1, untold(t, more));
    else
        ps_station_alarm("camera %s: %s: not enough room on its USB line: use a port of another controller%s",
                         name, f->info.format, untold(t, more));
}

static void camera_tick(struct ps_station *st, unsigned i) {
    struct ps_plug_told *t = &st->told[i];
    struct ps_feed_status f;

    ps_lane_feed(st->lane[i], &f);
    if (f.state == PS_FEED_AWAY) {
        t->tries = f.tries;
        t->since_ns = f.away_mono_ns;
    }
    if (f.state != t->state) {
        /* What a camera is at the start, the station says when it is ready; but not that it is the smaller picture. */
        bool start = t->state == PS_FEED_OPENING;
        changed(t, f.state);
        if (start && !(f.state == PS_FEED_LIVE && f.info.reduced))
            t->changes = 0;
    }
    tell_camera(st, i, &f);
}

/* ---- all of them ---- */

void ps_plug_start(struct ps_station *st) {
    ps_devices_watch_new(&st->watch); /* without it the clock alone wakes us */
}

void ps_plug_stop(struct ps_station *st) {
    ps_devices_watch_free(st->watch);
    st->watch = NULL;
}

int ps_plug_fd(const struct ps_station *st) {
    return ps_devices_watch_fd(st->watch);
}

void ps_plug_came(struct ps_station *st) {
    if (!ps_devices_watch_came(st->watch))
        return;
    for (unsigned i = 0; i < st->n_scanners; i++)
        if (is_away(&st->scanner[i]) && st->scanner[i].next_try_ns)
            st->scanner[i].next_try_ns = 1;
    ps_weigh_came(st);
}

void ps_plug_tick(struct ps_station *st) {
    int64_t now = ps_clock_mono_ns();

    for (unsigned i = 0; i < st->n_scanners; i++) {
        struct ps_station_scanner *s = &st->scanner[i];
        if (is_away(s) && now >= s->next_try_ns)
            scanner_try(st, s);
        tell_scanner(s);
    }
    for (unsigned i = 0; i < st->n_lanes; i++)
        camera_tick(st, i);
}
