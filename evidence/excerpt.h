/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_EXCERPT_H
#define PS_EVIDENCE_EXCERPT_H
/*
 * Descriptor of an excerpt, excerpt.json (docs/FORMAT.md section 11): which run of segments each film of a clip's folder
 * holds. Nobody signs it: it claims, and the records of the signed statement show whether that is so.
 */
#include "evidence/error.h"
#include "evidence/statement.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ps_buf;

struct ps_excerpt_track {
    uint32_t track;                  /* index in the statement's tracks[] */
    uint32_t first, last;            /* seq, both ends included */
    char file[PS_MAX_FILE_NAME + 1]; /* the statement's name of its film */
};

struct ps_excerpt {
    uint8_t statement_sha256[32];
    uint32_t n_tracks; /* 1 to PS_MAX_TRACKS, in growing order; what is not listed is left out whole */
    struct ps_excerpt_track tracks[PS_MAX_TRACKS];
    uint32_t n_originals;
    char (*originals)[PS_MAX_FILE_NAME + 1]; /* names, each once */
};

/* Writes it, one line feed at the end. b->err tells of bounds and memory. */
void ps_excerpt_write(const struct ps_excerpt *x, struct ps_buf *b);
/* Strict reading, of the text alone. *out is the caller's: ps_excerpt_free. why->where is a JSON path or "byte N".
 * PS_EFORMAT, PS_ELIMIT, PS_EVERSION, PS_ENOMEM. */
int ps_excerpt_parse(struct ps_excerpt **out, const void *p, size_t n, struct ps_why *why);
void ps_excerpt_free(struct ps_excerpt *x);

/* Whether it can be of this clip, whose clip.json has that digest: the tracks, files, segments (none that the statement
 * calls lost) and originals that it names are the statement's. 0 or PS_EFORMAT. */
int ps_excerpt_check(const struct ps_excerpt *x, const struct ps_clip *c, const uint8_t statement_sha256[32],
                     struct ps_why *why);
/* Number of a track's segments that its film holds: all but those stated as lost, which are a tail. */
uint32_t ps_excerpt_kept(const struct ps_track *t);
/* What it says of a track of the statement, or NULL: left out. */
const struct ps_excerpt_track *ps_excerpt_track(const struct ps_excerpt *x, uint32_t track);
bool ps_excerpt_has_original(const struct ps_excerpt *x, const char *name);

#endif
