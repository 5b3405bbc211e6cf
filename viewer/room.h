/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_VIEWER_ROOM_H
#define PS_VIEWER_ROOM_H
/*
 * Room on the disk, which is the recorder's: a copy for a browser must never be what stops a packer.
 */
#include "viewer/viewer.h"

/* May so many more bytes be written below ROOT? Twice min_free_mb stay, from the first of which on nothing is recorded.
 * verify_only: the same of /tmp, of which nobody else needs any. */
bool ps_room_for(const struct ps_viewer *v, uint64_t bytes);

#endif
