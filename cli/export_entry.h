/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_EXPORT_ENTRY_H
#define PS_CLI_EXPORT_ENTRY_H
/*
 * An export is an entry of the ledger: the SHA-256 of the bundle, as it lies on disk (docs/FORMAT.md section 4.4).
 */
#include "evidence/error.h"
#include <stdbool.h>
#include <stdint.h>

struct ps_export_entry {
    uint8_t sha256[32]; /* of the bundle */
    bool ledgered;
    uint64_t index;    /* of the leaf */
    struct ps_why why; /* when not ledgered: what stood in the way */
};

/* After the bundle at zip is whole on disk. paths: its clip folders below root. Reading the bundle back fails with PS_EIO; that
 * there is no entry is no error, for the bundle is good without. */
int ps_export_entry_make(struct ps_export_entry *e, const char *root, const char *const *paths, unsigned n,
                         const char *zip, struct ps_why *why);
/* Tells ROOT/run that the ledger's head wants to be stamped, if somebody stamps here. Failing is no error: the timer comes
 * anyway. */
void ps_export_entry_want_stamp(const char *root);

#endif
