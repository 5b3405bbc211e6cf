/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_LEDGER_INTAKE_H
#define PS_CLI_LEDGER_INTAKE_H
/*
 * The part of `packseal ledger check` that holds intakes (docs/FORMAT.md section 17) against their entries.
 */
#include "evidence/error.h"
#include <stddef.h>
#include <stdint.h>

struct ps_ledger_intake;        /* an entry */
struct ps_ledger_intakes {      /* zeroed at the start */
    struct ps_ledger_intake *v; /* in the order of the ledger */
    size_t n, room;
    uint64_t folders, earlier; /* that were looked at; of other ledgers */
};

struct ps_ledger_intake_tell {
    void *ctx;
    /* code: intake-…, as packseal-ledger(1) names them */
    void (*problem)(void *ctx, const char *code, const char *where, const char *text);
    /* a checkpoint that an intake keeps, in folder dir */
    void (*checkpoint)(void *ctx, int dir, const char *name, const char *where);
    /* Is an entry of this index perhaps newer than what was read? */
    int (*newer)(void *ctx, uint64_t index);
};

/* Each leaf, in order; those of other types are passed over. PS_ENOMEM. */
int ps_ledger_intake_leaf(struct ps_ledger_intakes *x, const uint8_t *leaf, size_t n);
/* All folders below root/intake, then the entries without one. */
void ps_ledger_intake_check(struct ps_ledger_intakes *x, const char *root, const uint8_t key[32],
                            const struct ps_ledger_intake_tell *tell);
void ps_ledger_intake_free(struct ps_ledger_intakes *x);

#endif
