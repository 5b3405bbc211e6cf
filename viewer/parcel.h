/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_VIEWER_PARCEL_H
#define PS_VIEWER_PARCEL_H
/*
 * What a clerk downloads: one stored zip of the folder in which an export was made: bundle, verify.html, the folder for forms.
 * A convenience and no evidence; the bundle in it is what is checked.
 */
#include "evidence/error.h"
#include <stdint.h>

struct ps_viewer;

/* Packs the plain files of folder, two levels deep, sorted by name, into a new file `name` inside it, and removes what was packed.
 * PS_EFULL: v has no room for a copy of the next file (ps_room_for). */
int ps_parcel_make(int folder, const char *name, const struct ps_viewer *v, uint64_t *bytes,
                   struct ps_why *why);
/* Removes a folder that an export was made in, and what lies in it. */
void ps_parcel_remove(int parent, const char *folder);

#endif
