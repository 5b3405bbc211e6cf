/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/flags.h"
#include <jansson.h>
#include <stdbool.h>
#include <string.h>

static const char *const words[PS_FLAGS_COUNT] = {"label-not-seen", "label-other", "gap",    "dropped",
                                                  "unwitnessed",    "picture",     "clock",  "reason",
                                                  "warned",         "take",        "preroll"};

const char *ps_flags_word(unsigned i) {
    return i < PS_FLAGS_COUNT ? words[i] : NULL;
}

uint32_t ps_flags_bit(const char *word) {
    for (unsigned i = 0; i < PS_FLAGS_COUNT; i++)
        if (strcmp(words[i], word) == 0)
            return UINT32_C(1) << i;
    return 0;
}

/* Pre-roll was never witnessed, by its nature: more than that is worth a word. */
static bool unwitnessed(const struct ps_track *t) {
    uint64_t n = 0;
    for (uint32_t i = 0; i < t->n_unwitnessed; i++)
        n += (uint64_t)t->unwitnessed[i].last - t->unwitnessed[i].first + 1;
    return n > t->n_preroll;
}

static uint32_t of_track(const struct ps_track *t) {
    uint32_t flags = 0;
    if (t->n_gaps > 0 || t->n_lost > 0)
        flags |= PS_FLAG_GAP;
    if (t->counts.dropped > 0 || t->counts.damaged > 0)
        flags |= PS_FLAG_DROPPED;
    if (unwitnessed(t))
        flags |= PS_FLAG_UNWITNESSED;
    if (t->n_preroll > 0)
        flags |= PS_FLAG_PREROLL;
    return flags;
}

/* Words of docs/FORMAT.md section 5 and of the session's warnings. That an alarm was over ("-over") is no alarm. */
static uint32_t of_event(const char *what) {
    static const struct {
        const char *what;
        uint32_t flag;
    } known[] = {
        {"picture-dark", PS_FLAG_PICTURE},    {"picture-covered", PS_FLAG_PICTURE},
        {"picture-blurred", PS_FLAG_PICTURE}, {"picture-frozen", PS_FLAG_PICTURE},
        {"camera-moved", PS_FLAG_PICTURE},    {"camera-lost", PS_FLAG_GAP},
        {"duplicate", PS_FLAG_WARNED},        {"refunded", PS_FLAG_WARNED},
        {"list-differs", PS_FLAG_WARNED},     {"fault", PS_FLAG_REASON},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i].what, what) == 0)
            return known[i].flag;
    return 0;
}

static uint32_t of_end(uint8_t reason) {
    switch (reason) {
    case PS_END_CANCELLED:
    case PS_END_MAXIMUM:
    case PS_END_SHUTDOWN:
    case PS_END_POWER_LOSS:
    case PS_END_CRASH:
    case PS_END_CAMERA_LOST:
    case PS_END_DISK_FULL:
    case PS_END_FAULT: return PS_FLAG_REASON;
    default: return 0;
    }
}

uint32_t ps_flags_of(const struct ps_clip *c) {
    uint32_t flags = of_end(c->end_reason);
    if (c->label == PS_LABEL_NOT_SEEN)
        flags |= PS_FLAG_LABEL_NOT_SEEN;
    if (c->label == PS_LABEL_OTHER)
        flags |= PS_FLAG_LABEL_OTHER;
    if (c->started.clock != PS_CLOCK_SYNCED || c->ended.clock != PS_CLOCK_SYNCED)
        flags |= PS_FLAG_CLOCK;
    if (c->take > 1)
        flags |= PS_FLAG_TAKE;
    for (unsigned i = 0; i < c->n_tracks; i++)
        flags |= of_track(&c->tracks[i]);
    for (uint32_t i = 0; i < c->n_events; i++)
        flags |= of_event(c->events[i].what);
    return flags;
}

json_t *ps_flags_json(uint32_t flags) {
    json_t *all = json_array();
    for (unsigned i = 0; i < PS_FLAGS_COUNT; i++)
        if (flags & UINT32_C(1) << i)
            json_array_append_new(all, json_string(ps_flags_word(i)));
    return all;
}
