/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "player/choice.h"

static bool stale(const struct ps_choice_sound *s, int64_t mono_ns) {
    return mono_ns - s->mono_ns > PS_CHOICE_STALE_NS;
}

bool ps_choice_come(struct ps_choice *c, const struct ps_choice_sound *s, int64_t mono_ns) {
    if ((!s->tone && !s->word) || stale(s, mono_ns))
        return false;
    if (c->sounding && (!s->tone || (c->now.alarm && !s->alarm))) {
        if (!c->waiting || !c->next.alarm || s->alarm)
            c->next = *s;
        c->waiting = true;
        return false;
    }
    c->now = *s;
    c->sounding = true;
    /* What waited is older than this. */
    c->waiting = false;
    return true;
}

bool ps_choice_ended(struct ps_choice *c, int64_t mono_ns) {
    c->sounding = false;
    if (!c->waiting)
        return false;
    c->waiting = false;
    if (stale(&c->next, mono_ns))
        return false;
    c->now = c->next;
    c->sounding = true;
    return true;
}
