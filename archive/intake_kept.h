/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_INTAKE_KEPT_H
#define PS_ARCHIVE_INTAKE_KEPT_H
/*
 * Intakes that are kept (docs/FORMAT.md section 17), read back: by the audit of the ledger, by proofs, by bundles. What lies on
 * disk is read as if somebody had changed it.
 */
#include "archive/intake.h"

struct ps_intake_kept {
    uint8_t statement[32]; /* SHA-256 of intake.json */
    uint8_t ledger_key[32];
    char station[PS_MAX_STATION_ID + 1];
    struct ps_leaf leaf;
    uint8_t leaf_bytes[PS_MAX_LEAF];
    size_t leaf_n;
    unsigned n;
    struct ps_file_ref files[PS_INTAKE_FILES];
};

/* Every intake in the order of its day and name: path relative to root. Non-zero from found() stops and is returned. No
 * intake is no error. */
int ps_intake_kept_each(const char *root, int (*found)(void *ctx, const char *path, const char *name),
                        void *ctx);
/* The folder of an intake by its name, "ST03-I0000131", or by its path below root. PS_ENOENT. */
int ps_intake_kept_find(const char *root, const char *id, char path[PS_ROOT_PATH], struct ps_why *why);
/* Statement and leaf of one folder; the leaf must hold the statement's digest and the folder bear the leaf's number. PS_ESIG:
 * they do not belong together. PS_ENOENT, PS_EFORMAT, PS_ELIMIT, PS_EIO. */
int ps_intake_kept_load(struct ps_intake_kept *out, int dirfd, const char *name, struct ps_why *why);
/* Is the file what the statement says? PS_ENOENT; PS_ESIG: another; PS_EIO. */
int ps_intake_kept_check(int dirfd, const struct ps_file_ref *f, struct ps_why *why);

#endif
