/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_HOLDS_H
#define PS_ARCHIVE_HOLDS_H
/*
 * Clips that retention must not touch: a file ROOT/holds/CLIP for each (docs/FORMAT.md section 18.2). That the file is
 * there is the hold; what stands in it is for people.
 */
#include "archive/root.h"
#include <stdint.h>

#define PS_HOLD_NOTE 256 /* bytes, UTF-8 */

struct ps_hold {
    char clip[40];    /* "ST03-0000123" */
    int64_t since_ns; /* wall clock; 0 when the file does not tell */
    char note[PS_HOLD_NOTE + 1];
};

/* Whoever holds, releases or removes does it under this lock, so that no clip is held between the look for its hold and its
 * entry in the ledger. Makes the folder where missing. A descriptor to be closed, or PS_EBUSY. */
int ps_holds_lock(const char *root, struct ps_why *why);
/* Under the lock, by one of these: */

/* Holds a published clip; once more: another note. PS_ENOENT when it is not among the clips, PS_ESTATE when it was
 * removed, PS_EINVAL. Durable when it returns; on a full disk without its text. */
int ps_holds_put(const char *root, const struct ps_hold *h, struct ps_why *why);
/* PS_ENOENT when it is not held. */
int ps_holds_drop(const char *root, const char *clip, struct ps_why *why);

/* PS_ENOENT when it is not held. A text that cannot be read holds all the same. */
int ps_holds_get(const char *root, const char *clip, struct ps_hold *out);
/* All, by name. Non-zero from found() stops and is returned. */
int ps_holds_each(const char *root, int (*found)(void *ctx, const struct ps_hold *h), void *ctx);

#endif
