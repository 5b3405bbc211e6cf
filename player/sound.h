/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_PLAYER_SOUND_H
#define PS_PLAYER_SOUND_H
/*
 * Sounds as files: WAV, PCM of 16 bits, one or two channels, 8000 to 96000 Hz, at most 20 s. In memory all are of one kind:
 * one channel, PS_SOUND_RATE. The first folder that has a file wins, so a bench may have its own voice.
 */
#include "evidence/error.h"
#include <stddef.h>
#include <stdint.h>

#define PS_SOUND_RATE 48000
#define PS_SOUND_FOLDERS 4
#define PS_SOUND_STEM 48 /* with its folder: "zh-CN/recording" */

struct ps_sound {
    char name[PS_SOUND_STEM];
    int16_t *frames;
    size_t n;
};

struct ps_sounds; /* all that were read, or looked for in vain */

/* folders: first wins; names that are not there are fine. PS_ENOMEM. */
int ps_sound_open(struct ps_sounds **out, const char *const *folders, unsigned n);
void ps_sound_close(struct ps_sounds *s);
/* "tones" or a language, and a stem of a-z, 0-9 and '-'. NULL: no folder has it, or it cannot be read (why->text[0] is set
 * the first time). Borrowed until close. */
const struct ps_sound *ps_sound_get(struct ps_sounds *s, const char *kind, const char *stem,
                                    struct ps_why *why);
/* Reads each file of a kind, so that the first of them is heard as fast as the second. Returns how many there are. */
unsigned ps_sound_warm(struct ps_sounds *s, const char *kind);

/* The bytes of a WAV file. PS_EFORMAT with why, PS_ELIMIT, PS_ENOMEM. frames is malloc. */
int ps_sound_parse(const uint8_t *p, size_t n, int16_t **frames, size_t *count, struct ps_why *why);

#endif
