/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_CLIPS_H
#define PS_CLI_CLIPS_H
/*
 * What a person types for a clip, and how a clip is told.
 */
#include "archive/index.h"
#include <stdbool.h>

struct ps_clips { /* paths relative to the root, without repeats */
    char **v;
    unsigned n;
};

/* Opens the index for reading; NULL after a message. */
struct ps_index *ps_clips_index(const char *root);
/* Adds the clips that text means: a path of a clip folder, a clip's name, a code, a clip's number; the first
 * of these that is there, and of a code all its takes. 0 found; 1 after a message; x may be NULL for a path.
 */
int ps_clips_add(struct ps_clips *l, const char *root, struct ps_index *x, const char *text);
void ps_clips_free(struct ps_clips *l);

/* "2026-11-21 08:15:30", local time; out takes 32. */
void ps_clips_time(int64_t wall_ns, char out[32]);
/* RFC 3339, or local "2026-11-21", "2026-11-21 08:15", "2026-11-21 08:15:30". end: a date means its last
 * moment. */
bool ps_clips_time_of(const char *text, bool end, int64_t *wall_ns);
/* Words for enums of the statement, in the language in use; the word itself when it is not known. */
const char *ps_clips_kind(const char *kind);
const char *ps_clips_reason(const char *reason);

#endif
