/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_REPORT_PROFILE_H
#define PS_REPORT_PROFILE_H
/*
 * What a platform's form takes: an INI file that the merchant may edit (packseal-report(1)). A limit that is not known is
 * left out of the file; no number is ever guessed.
 */
#include "evidence/error.h"
#include "report/facts.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PS_PROFILE_REASONS 32
#define PS_PROFILE_TEXT 8192
#define PS_PROFILE_NAME 64

struct ps_profile_reason { /* [reason KEY] */
    char key[PS_PROFILE_NAME + 1];
    char title[256]; /* as the platform words it */
    char needs[512]; /* what else the form asks for, "" unknown */
    char text[PS_PROFILE_TEXT];
};

struct ps_profile {
    char name[128];   /* for people */
    char source[512]; /* where the numbers come from */
    /* [pictures]; 0: not known */
    unsigned pictures_most;
    uint64_t picture_bytes;
    /* [film]; 0: not known */
    uint64_t film_bytes;
    unsigned film_seconds;
    int film_width;      /* ours to choose; default 1280 */
    unsigned most_speed; /* a longer film is shown at most so much faster; 1: never; default 8 */
    unsigned n_reasons;
    struct ps_profile_reason reasons[PS_PROFILE_REASONS];
};

/* Strict: an unknown section, key or {variable}, a number out of range, a line over 190 bytes is PS_EFORMAT with the
 * line. */
int ps_profile_parse(struct ps_profile *p, const char *text, size_t n, const char *name, struct ps_why *why);
int ps_profile_load(struct ps_profile *p, const char *path, struct ps_why *why);
const struct ps_profile_reason *ps_profile_reason(const struct ps_profile *p, const char *key);

/* What {variables} of a reason's text stand for; each a clean string. */
struct ps_profile_words {
    const char *codes, *clip, *take, *station, *operator_id, *started, *ended, *length, *lost, *digest,
        *not_after;
};
/* The text with its variables filled in, malloc; NULL when out of memory. */
char *ps_profile_fill(const struct ps_profile_reason *r, const struct ps_profile_words *w);

/* How a film of so many milliseconds is made to fit: speed 1, 2, 4, 8 … 0 when it cannot, with why. */
unsigned ps_profile_speed(const struct ps_profile *p, uint64_t film_ms, struct ps_why *why);

#endif
