/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/weigh.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recorder/announce.h"
#include "recorder/clock.h"
#include "recorder/scale.h"
#include "recorder/station.h"

#define SECOND INT64_C(1000000000)
#define BACK_OFF_NS (SECOND / 2)
#define BACK_OFF_MAX_NS (30 * SECOND)
#define BACK_OFF_BLIND_NS (8 * SECOND) /* without udev */
#define READINGS 64                    /* looked at in one turn */
#define FRESH_NS (3 * SECOND)          /* a weight that was told so long ago is not the weight of now */

struct bench_scale {
    const struct ps_config_scale *config;
    struct ps_scale *dev;
    struct ps_plug_told told;
    int64_t next_try_ns, back_off_ns;
    /* What has come since a look came after it: no weight of before a clip counts as one of it. */
    int64_t looked_ns;
    bool some;
    struct ps_scale_reading last;
    int64_t since_ns, at_ns; /* it came between these two */
    /* of the clip */
    uint64_t serial;
    struct ps_scale_stated stated;
};

struct ps_weigh {
    unsigned n;
    struct bench_scale scale[PS_CONFIG_SCALES];
};

int ps_weigh_start(struct ps_station *st) {
    if (st->config.n_scales == 0)
        return 0;
    st->weigh = calloc(1, sizeof *st->weigh);
    if (!st->weigh)
        return PS_ENOMEM;
    for (unsigned i = 0; i < st->config.n_scales; i++) {
        struct bench_scale *b = &st->weigh->scale[st->weigh->n];
        b->config = &st->config.scales[i];
        if (ps_scale_new(&b->dev, b->config) < 0)
            return PS_ENOMEM;
        st->weigh->n++;
    }
    return 0;
}

void ps_weigh_stop(struct ps_station *st) {
    for (unsigned i = 0; st->weigh && i < st->weigh->n; i++)
        ps_scale_free(st->weigh->scale[i].dev);
    free(st->weigh);
    st->weigh = NULL;
}

/* ---- coming and going ---- */

static void changed(struct bench_scale *b, enum ps_feed_state state) {
    b->told.state = state;
    b->told.changes++;
}

static void try_open(struct ps_station *st, struct bench_scale *b, int64_t now) {
    const bool first = b->next_try_ns == 0;
    struct ps_why why;

    if (ps_scale_open(b->dev, &why) == 0) {
        if (!first)
            changed(b, PS_FEED_LIVE);
        b->back_off_ns = 0;
        b->next_try_ns = 1;
        b->looked_ns = now;
        return;
    }
    if (first)
        ps_station_alarm("scale %s: %s: plug it in, or mend [scale %s] in packseal.conf", b->config->name,
                         why.text, b->config->name);
    const int64_t most = st->watch ? BACK_OFF_MAX_NS : BACK_OFF_BLIND_NS;
    b->back_off_ns = b->back_off_ns ? b->back_off_ns * 2 : BACK_OFF_NS;
    if (b->back_off_ns > most)
        b->back_off_ns = most;
    b->next_try_ns = now + b->back_off_ns;
}

static void tell_plug(struct bench_scale *b, int64_t now) {
    if (!ps_plug_may_say(&b->told, now))
        return;
    b->told.changes = 0;
    if (b->told.state == PS_FEED_LIVE)
        ps_station_say("scale %s is there", b->config->name);
    else
        ps_station_alarm("scale %s went away", b->config->name);
}

void ps_weigh_came(struct ps_station *st) {
    for (unsigned i = 0; st->weigh && i < st->weigh->n; i++)
        if (!ps_scale_is_open(st->weigh->scale[i].dev) && st->weigh->scale[i].next_try_ns)
            st->weigh->scale[i].next_try_ns = 1;
}

/* ---- weights ---- */

static void event(struct ps_station *st, int64_t now, const char *what, const char *text) {
    if (ps_recording_event(st->rec, now, what, text) < 0)
        ps_station_alarm("an event could not be kept: %s %s", what, text);
}

static void announce(struct ps_station *st, const struct bench_scale *b) {
    ps_announce_event(st, "weight",
                      json_pack("{s:s, s:i, s:b}", "scale", b->config->name, "grams", (int)b->last.grams,
                                "net", b->last.net),
                      NULL, NULL);
}

/* What came before the clip began is no weight of it. */
static void state(struct ps_station *st, struct bench_scale *b, int64_t now) {
    char text[96];

    if (!st->rec || st->ending)
        return;
    if (b->serial != st->serial) {
        b->serial = st->serial;
        b->stated = (struct ps_scale_stated){0};
    }
    if (!b->some || b->since_ns < st->rec->started_mono_ns)
        return;
    switch (ps_scale_news(&b->stated, &b->last, b->config->change_grams, now)) {
    case PS_SCALE_NOTHING: return;
    case PS_SCALE_LEFT_OUT: event(st, now, "weight-left-out", b->config->name); return;
    case PS_SCALE_STATE: break;
    }
    snprintf(text, sizeof text, "%d g %s%s", (int)b->last.grams, b->config->name, b->last.net ? " net" : "");
    event(st, now, "weight", text);
    ps_station_say("weight: %s", text);
    announce(st, b);
}

static void look(struct ps_station *st, struct bench_scale *b, int64_t now) {
    struct ps_scale_reading r;
    struct ps_why why;
    int result = 1;

    for (unsigned n = 0; n < READINGS && (result = ps_scale_read(b->dev, now, &r, &why)) == 1; n++) {
        b->some = true;
        b->last = r;
        b->since_ns = b->looked_ns;
        b->at_ns = now;
        state(st, b, now);
    }
    if (result > 0) /* what is left is of before now */
        return;
    b->looked_ns = now;
    if (result == 0) {
        state(st, b, now); /* one that came too soon after another */
        return;
    }
    b->some = false;
    changed(b, PS_FEED_AWAY);
    if (st->rec && !st->ending)
        event(st, now, "scale-lost", b->config->name);
    b->back_off_ns = 0;
    b->next_try_ns = now + BACK_OFF_NS;
}

/* Ten times a second, as the loop turns at least: scales tell their weight no oftener, a byte at a time. */
void ps_weigh_tick(struct ps_station *st) {
    const int64_t now = ps_clock_mono_ns();

    for (unsigned i = 0; st->weigh && i < st->weigh->n; i++) {
        struct bench_scale *b = &st->weigh->scale[i];
        if (ps_scale_is_open(b->dev))
            look(st, b, now);
        else if (now >= b->next_try_ns)
            try_open(st, b, now);
        tell_plug(b, now);
    }
}

/* ---- telling ---- */

static const char *state_word(const struct bench_scale *b, int64_t now) {
    return !ps_scale_is_open(b->dev)               ? "away"
           : ps_scale_is_strange(b->dev)           ? "strange"
           : b->some && now - b->at_ns <= FRESH_NS ? "live"
                                                   : "silent";
}

json_t *ps_weigh_status(struct ps_station *st) {
    const int64_t now = ps_clock_mono_ns();
    json_t *all = json_array();

    for (unsigned i = 0; st->weigh && i < st->weigh->n; i++) {
        const struct bench_scale *b = &st->weigh->scale[i];
        const char *word = state_word(b, now);
        const bool known = strcmp(word, "live") == 0 && b->last.known;
        json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:o, s:b, s:b}", "name", b->config->name,
                                             "source", b->config->source, "state", word, "grams",
                                             known ? json_integer(b->last.grams) : json_null(), "stable",
                                             known && b->last.stable, "net", known && b->last.net));
    }
    return all;
}

void ps_weigh_alarms(struct ps_station *st, json_t *alarms) {
    char text[PS_MAX_NAME + 32];

    for (unsigned i = 0; st->weigh && i < st->weigh->n; i++) {
        const struct bench_scale *b = &st->weigh->scale[i];
        const bool away = !ps_scale_is_open(b->dev);
        if (!away && !ps_scale_is_strange(b->dev))
            continue;
        snprintf(text, sizeof text, "%s: %s", away ? "scale-lost" : "scale-strange", b->config->name);
        json_array_append_new(alarms, json_string(text));
    }
}
