/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_REMOVAL_H
#define PS_ARCHIVE_REMOVAL_H
/*
 * Removing a clip from disk after its tombstone is in the ledger (docs/FORMAT.md section 18.1). The folder is renamed aside,
 * to clips/.removing/DAY-CLIP, which is the point of no return; emptied there but for what is kept; and put to
 * clips/.removed/YYYY/MM/DD/CLIP. Each step may be cut off and done again.
 */
#include "archive/root.h"
#include "evidence/leaf.h"
#include "evidence/statement.h"
#include <stdbool.h>
#include <stdint.h>

#define PS_REMOVAL_TEXT 256 /* bytes, UTF-8 */
#define PS_REMOVAL_ASIDE 64

struct ps_removal { /* removed.json */
    char clip[40];
    char text[PS_REMOVAL_TEXT + 1]; /* a person's reason, "" none */
    struct ps_leaf leaf;            /* the tombstone: when, why, which entry */
    uint8_t bytes[PS_MAX_LEAF];     /* as the signer gave it */
    size_t n;
};

/* Fills leaf from the bytes; PS_EFORMAT when they are no tombstone. */
int ps_removal_of_leaf(struct ps_removal *r, const char *clip, const uint8_t *leaf, size_t n);
/* "days", "space", "erasure", "manual". */
const char *ps_removal_reason(uint8_t reason);

/* One at a time: makes clips/.removing where missing; a descriptor to be closed, or PS_EBUSY. What follows is done under
 * this lock. */
int ps_removal_lock(const char *root, struct ps_why *why);
/* path: of a published clip, "clips/2026/11/21/ST03-0000123". */
int ps_removal_aside(const char *root, const char *path, char aside[PS_REMOVAL_ASIDE], struct ps_why *why);
/* Calls found() for each that is aside. Non-zero stops and is returned. */
int ps_removal_each_aside(const char *root, int (*found)(void *ctx, const char *aside), void *ctx);
/* Of one that is aside: its clip's name, the place that it will have, and its statement's path meanwhile. PS_EINVAL. */
int ps_removal_names(const char *aside, char clip[40], char place[PS_ROOT_PATH], char now[PS_ROOT_PATH]);
/* Writes removed.json unless it is there, and takes away all but it, clip.json, its signatures and the checkpoint; after
 * an erasure the statement and its signatures as well. */
int ps_removal_clear(const char *root, const char *aside, const struct ps_removal *r, struct ps_why *why);
/* To its place. */
int ps_removal_settle(const char *root, const char *aside, struct ps_why *why);

/* Does a path lie among the removed clips? */
bool ps_removal_is(const char *path);
/* removed.json in the folder of that path; PS_ENOENT when there is none. */
int ps_removal_read(const char *root, const char *path, struct ps_removal *out, struct ps_why *why);
/* Bytes that the files of a clip take on disk. */
uint64_t ps_removal_weigh(const char *root, const char *path);

#endif
