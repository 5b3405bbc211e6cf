/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_COSIGNED_H
#define PS_ARCHIVE_COSIGNED_H
/*
 * Checkpoints that a witness cosigned, on disk: ROOT/witness/<size, 12 digits>-<witness>[.N], each the note with the
 * ledger's line and that witness's (docs/FORMAT.md section 13.6). Files appear whole, and are never changed or
 * overwritten. What is read here was verified when it was written; who must not rely on that verifies it again.
 */
#include "archive/root.h"
#include "evidence/note.h"
#include <stdint.h>

#define PS_COSIGNED_NAME 64
#define PS_COSIGNED_WITNESS 32

struct ps_buf;

struct ps_cosigned {
    char name[PS_COSIGNED_NAME]; /* of the file */
    struct ps_checkpoint checkpoint;
    uint8_t *note; /* owned */
    size_t note_n;
};

/* The newest that this witness cosigned of this ledger; PS_ENOENT when there is none. Free with ps_cosigned_free. */
int ps_cosigned_newest(const char *root, const char *origin, const char *witness, struct ps_cosigned *out,
                       struct ps_why *why);
/* The earliest that covers the leaf, by any witness; origin NULL is any ledger. PS_ENOENT. */
int ps_cosigned_covering(const char *root, const char *origin, uint64_t leaf, struct ps_cosigned *out,
                         struct ps_why *why);
void ps_cosigned_free(struct ps_cosigned *c);
/* Appends to a checkpoint's note the cosignatures that are kept of that very text, and that it does not bear yet: by
 * the names of the files. */
int ps_cosigned_gather(const char *root, struct ps_buf *note, struct ps_why *why);
/* Under the lock of ps_tokens_lock; makes ROOT/witness where missing. name gets the file's. A further one of this size
 * and witness, of another ledger, gets .2, .3 … */
int ps_cosigned_write(const char *root, const char *witness, uint64_t size, const void *note, size_t n,
                      char name[PS_COSIGNED_NAME], struct ps_why *why);

#endif
