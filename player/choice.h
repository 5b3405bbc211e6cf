/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_PLAYER_CHOICE_H
#define PS_PLAYER_CHOICE_H
/*
 * Which sound is heard, and which gives way. No I/O, no clock: what is to be played in, what to do out.
 *
 * A tone answers somebody's hand: it begins at once, and what was sounding ends. Two things are not cut off: an alarm by
 * what is no alarm, and anything by a word alone, which answers nobody. These wait in one place, where the newest wins;
 * what has waited too long is not said any more, for by then it speaks of another parcel.
 */
#include "player/sound.h"
#include <stdbool.h>

#define PS_CHOICE_STALE_NS 3000000000LL

struct ps_choice_sound {
    const struct ps_sound *tone, *word; /* NULL: none */
    bool alarm;
    uint64_t seq;
    int64_t mono_ns; /* of the event */
};

struct ps_choice {
    bool sounding, waiting;
    struct ps_choice_sound now, next;
};

/* A new sound. True: play c->now from its beginning, whatever sounds. */
bool ps_choice_come(struct ps_choice *c, const struct ps_choice_sound *s, int64_t mono_ns);
/* The sound has ended. True: play c->now. */
bool ps_choice_ended(struct ps_choice *c, int64_t mono_ns);

#endif
