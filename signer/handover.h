/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_HANDOVER_H
#define PS_SIGNER_HANDOVER_H
/*
 * What root makes in a station that belongs to other users becomes theirs: nothing of root's may stay there, for the
 * signer could not open it. Each does nothing unless root runs, and the folder is somebody else's.
 */
#include <stdbool.h>

/* One entry, if it is root's, to the owner and group of its folder. 0 or PS_EIO with errno. */
int ps_handover_entry(int dir, const char *name);
/* All entries of a folder that are root's, and those of its folders when deep is set. 0 or PS_EIO with errno. */
int ps_handover_folder(int dir, bool deep);
/* A folder that root made, and what is in it, to the owner of dir and the group of readers. */
int ps_handover_made(const char *path, int dir, int readers);

#endif
