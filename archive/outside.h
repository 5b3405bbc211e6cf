/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_OUTSIDE_H
#define PS_ARCHIVE_OUTSIDE_H
/*
 * What a bundle brings besides the clip folders (docs/FORMAT.md section 11): proofs of inclusion, the tokens that bound
 * the clips in time, and the station's public keys.
 */
#include "archive/intake_kept.h"
#include "archive/root.h"
#include "evidence/statement.h"
#include <stddef.h>
#include <stdint.h>

#define PS_OUTSIDE_NAME 64

struct ps_outside_file {
    char folder[PS_OUTSIDE_NAME]; /* below data/: "ST03-0000123", "tokens/0123456789abcdef", "keys" */
    char name[PS_OUTSIDE_NAME];
    uint8_t *p; /* owned */
    size_t n;
};

struct ps_outside {
    struct ps_outside_file *files;
    unsigned n, capacity;
};

/* Adds the files for one clip, whose folder below root is path; tokens that are there already are not added twice. The proofs
 * end in the earliest stamped checkpoint that covers the seal, else in the one that lies in the clip's folder: what is
 * appended to the ledger later changes nothing. A clip that no checkpoint covers yet, or whose
 * ledger was given up and is not kept beside, gets no proofs: the verdict says what is missing. */
int ps_outside_clip(struct ps_outside *o, const char *root, const char *path, const struct ps_clip *clip,
                    struct ps_why *why);
/* What bounds an intake, into its own folder: leaf.tlog-proof and checkpoint, by the same choice; token.tsr and chain.pem of the earliest
 * token over that checkpoint, if there is one. An entry that no checkpoint covers yet is PS_ESTATE, one of a ledger that
 * is not here PS_ENOENT. folder: below data/, or "". */
int ps_outside_intake(struct ps_outside *o, const char *root, const char *path,
                      const struct ps_intake_kept *intake, const char *folder, struct ps_why *why);
/* The clip's key, and its ledger's key, certificate and revocation when they are there (outside_keys.c): those of this clip,
 * which may be older than the ones in use. The first clip's have the plain names; call it for the newest one first. */
int ps_outside_keys(struct ps_outside *o, const char *root, const struct ps_clip *clip, struct ps_why *why);
/* A file more, unless there is one of that name; copies the bytes. For outside_keys.c. */
int ps_outside_add(struct ps_outside *o, const char *folder, const char *name, const void *p, size_t n);
void ps_outside_free(struct ps_outside *o);

#endif
