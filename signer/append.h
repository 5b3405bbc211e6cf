/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_APPEND_H
#define PS_SIGNER_APPEND_H
/*
 * Leaves beside a clip's own: what clients ask for by APPEND, and the signer's word on its clock.
 */
#include "evidence/error.h"
#include "evidence/wire.h"
#include <stddef.h>
#include <stdint.h>

struct ps_state;

/* Who a peer is; one user may be all of them. */
enum ps_append_role {
    PS_ROLE_RECORDER = 1, /* every word about clips; health, intake, link, export */
    PS_ROLE_VIEWER = 2,   /* export */
    PS_ROLE_STAMP = 4,    /* anchor */
    PS_ROLE_PRUNER = 8    /* tombstone */
};

/* 0 with the leaf, new or that of the same request among the last PS_STATE_APPENDS; or a refusal with its text.
 * *stop when the process must end. encoded takes PS_MAX_LEAF. */
int ps_append_leaf(struct ps_state *s, const struct ps_wire_append *a, unsigned roles, uint8_t *encoded,
                   size_t *n, struct ps_wire_refused *no, bool *stop);
/* At the start: which of the ledger's last leaves came by APPEND, and what its last leaf says of the clock. */
int ps_append_recall(struct ps_state *s, struct ps_why *why);
/* Looks at the clocks, and appends a leaf when the wall clock was stepped. 0, or as ps_state_commit. */
int ps_append_clock_step(struct ps_state *s);

#endif
