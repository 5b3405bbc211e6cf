/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_REMOVED_H
#define PS_CLI_REMOVED_H
/*
 * What people are told of clips that were removed (archive/removal.h) or are held.
 */
#include "archive/index.h"
#include "cli/clips.h"
#include <jansson.h>
#include <stdbool.h>

/* Of "days", "space", "erasure", "manual": why, in words. */
const char *ps_removed_because(const char *reason);
/* "removed on 2026-11-21 08:15:30: its days were over"; false when the clip of that path was not removed. */
bool ps_removed_text(const char *root, const char *path, char out[512]);
/* Takes the removed ones out of the list, with a remark for each, and puts their names into gone (may be NULL). Exit status
 * 1, after a message, when none is left. */
int ps_removed_leave_out(const char *root, struct ps_clips *l, json_t *gone);
/* Adds "removed" and "held" to what `find --json` tells of a row. */
void ps_removed_json(const char *root, const struct ps_index_row *r, json_t *o);

#endif
