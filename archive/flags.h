/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_FLAGS_H
#define PS_ARCHIVE_FLAGS_H
/*
 * What a clerk should look at in a clip, as words: derived from its statement alone, so that search can pick such clips
 * and nobody has to keep anything. The bits lie in the index: a bit is never given another meaning.
 */
#include "evidence/statement.h"
#include <stdint.h>

enum ps_flag {
    PS_FLAG_LABEL_NOT_SEEN = 1 << 0, /* pictures were looked at, none showed a label */
    PS_FLAG_LABEL_OTHER = 1 << 1,    /* another parcel's label was read in them */
    PS_FLAG_GAP = 1 << 2,            /* a camera was away, or the disk lost a tail */
    PS_FLAG_DROPPED = 1 << 3,        /* pictures were lost or damaged on their way */
    PS_FLAG_UNWITNESSED = 1 << 4,    /* segments that the signer did not see as they closed; pre-roll apart */
    PS_FLAG_PICTURE = 1 << 5,        /* dark, covered, blurred, frozen, moved */
    PS_FLAG_CLOCK = 1 << 6,          /* not known to be synchronised, at start or end */
    PS_FLAG_REASON = 1 << 7,         /* ended by a fault, a limit or a cancel */
    PS_FLAG_WARNED = 1 << 8,         /* duplicate, refunded, another than the list says */
    PS_FLAG_TAKE = 1 << 9,           /* not the first of its order */
    PS_FLAG_PREROLL = 1 << 10,       /* begins before its scan */
};
#define PS_FLAGS_COUNT 11
/* What "flagged" means: everything but what is usual on a good day. */
#define PS_FLAGS_WORTH_A_LOOK ((uint32_t)(((1 << PS_FLAGS_COUNT) - 1) & ~(PS_FLAG_TAKE | PS_FLAG_PREROLL)))

/* Bits of enum ps_flag. */
uint32_t ps_flags_of(const struct ps_clip *c);
/* "label-not-seen" of bit i < PS_FLAGS_COUNT (docs/API.md); NULL beyond. */
const char *ps_flags_word(unsigned i);
/* The bit of a word; 0 when it is none. */
uint32_t ps_flags_bit(const char *word);

/* The words of a set as a list, a new reference; NULL: out of memory. */
struct json_t;
struct json_t *ps_flags_json(uint32_t flags);

#endif
