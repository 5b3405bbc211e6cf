/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_VIEWER_ROWS_H
#define PS_VIEWER_ROWS_H
/*
 * Clips as the interface gives them: rows of the index with what is known elsewhere (holds, tags). The index is opened for each
 * request: that costs a fifth of a millisecond, and one that was made anew meanwhile is the one that is asked.
 */
#include "archive/index.h"
#include "viewer/answer.h"

/* The index; NULL after it answered why not. */
struct ps_index *ps_rows_open(const struct ps_request *r, struct ps_answer *a);
/* A row of docs/API.md. NULL without memory. */
json_t *ps_rows_json(const struct ps_request *r, const struct ps_index_row *row);
/* Answers what a search that failed has to say. */
void ps_rows_failed(struct ps_answer *a, int err, const struct ps_why *why);

/* What a handler keeps of the clip that its path names. */
struct ps_rows_clip {
    char name[40]; /* as it is written in the archive */
    char path[PS_ROOT_PATH];
    char kind[16];
    char thumb[PS_MAX_FILE_NAME + 1];
    char tracks[PS_MAX_TRACKS * (PS_MAX_FILE_NAME + 1)]; /* file names between line feeds */
    char links[8300];                                    /* the merchant's numbers, the same way */
    bool removed;                                        /* nothing is left of it but its statement */
    json_t *row;
};
/* The clip of r->arg[0]. False after it answered not-found or why not; else row is the caller's to release. */
bool ps_rows_find(const struct ps_request *r, struct ps_answer *a, struct ps_index *x,
                  struct ps_rows_clip *out);
/* The same where the index is needed for nothing else. */
bool ps_rows_clip(const struct ps_request *r, struct ps_answer *a, struct ps_rows_clip *out);
/* Calls line() for each line of a text, without its feed; non-zero stops and is returned. */
int ps_rows_lines(const char *text, int (*line)(void *ctx, const char *p, size_t n), void *ctx);

#endif
