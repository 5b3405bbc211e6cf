/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_LEDGER_LINK_H
#define PS_CLI_LEDGER_LINK_H
/*
 * The part of `packseal ledger check` that holds the numbers learned later (archive/links.h) against their entries.
 */
#include "cli/ledger_intake.h"

struct ps_ledger_link;
struct ps_ledger_links {      /* zeroed at the start */
    struct ps_ledger_link *v; /* in the order of the ledger */
    size_t n, room;
    uint64_t files, earlier; /* that were looked at; of other ledgers */
};

/* Each leaf, in order; of others than links and erasures nothing is kept. PS_ENOMEM. */
int ps_ledger_link_leaf(struct ps_ledger_links *x, const uint8_t *leaf, size_t n);
/* All files below root/links, then the entries without one. tell->problem gets link-unreadable, link-unknown, link-altered,
 * link-missing; tell->checkpoint is not called. */
void ps_ledger_link_check(struct ps_ledger_links *x, const char *root, const uint8_t key[32],
                          const struct ps_ledger_intake_tell *tell);
void ps_ledger_link_free(struct ps_ledger_links *x);

#endif
