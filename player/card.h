/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_PLAYER_CARD_H
#define PS_PLAYER_CARD_H
/*
 * The sound card, by ALSA: opened for a sound, closed some seconds after the last one, so that others may have it. Nothing
 * here waits for the card.
 */
#include "evidence/error.h"
#include "player/sound.h"
#include <stdbool.h>

struct ps_card;

int ps_card_new(struct ps_card **out, const char *device); /* an ALSA name; opens nothing. PS_ENOMEM */
void ps_card_free(struct ps_card *c);
/* 0, also when it is open; PS_ENOENT: there is no card; PS_EBUSY: somebody else has it; PS_EIO. */
int ps_card_open(struct ps_card *c, struct ps_why *why);
void ps_card_shut(struct ps_card *c);
bool ps_card_is_open(const struct ps_card *c);

/* What sounds is cut off; these, each may be NULL, begin: the first samples are at the card when it returns. On an error the
 * card is shut. */
int ps_card_play(struct ps_card *c, const struct ps_sound *first, const struct ps_sound *second,
                 struct ps_why *why);
/* Come back after so many milliseconds, while something sounds; -1: nothing does. By the clock: what ALSA gives to poll for
 * is another thing with each of its plugins. */
int ps_card_wait_ms(const struct ps_card *c);
/* Then, the next samples. 1: it sounds, 0: it has ended, else an error as above. */
int ps_card_go_on(struct ps_card *c, struct ps_why *why);

#endif
