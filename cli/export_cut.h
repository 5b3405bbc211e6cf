/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_EXPORT_CUT_H
#define PS_CLI_EXPORT_CUT_H
/*
 * packseal export --from --to: what a person types for a part of a clip, and what he is told of the part that he gets.
 */
#include "archive/cut.h"
#include <jansson.h>
#include <stdbool.h>

/* A place in a clip: seconds "12.5", "1:02", "1:02:03.5" from its first picture. Ticks of 1/90000 s. */
bool ps_export_cut_offset(const char *text, int64_t *ticks);
/* A moment: RFC 3339 "2026-11-21T08:15:30.5Z", "…+08:00", or local time as packseal find takes it. */
bool ps_export_cut_wall(const char *text, bool end, int64_t *wall_ns);

/* Cuts the clip at path (relative to root) from and to what was typed; NULL is the clip's start, its end. 0, or the
 * exit status after a message. */
int ps_export_cut_open(struct ps_cut **out, const char *root, const char *path, const char *from,
                       const char *to);
/* What was cut, on standard output; what a judge will miss in it, on standard error. */
void ps_export_cut_tell(const struct ps_cut *c);
/* The same as an object: from and to in milliseconds, tracks, originals, warnings. A new reference. */
json_t *ps_export_cut_json(const struct ps_cut *c);

#endif
