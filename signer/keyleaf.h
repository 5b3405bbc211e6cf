/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_KEYLEAF_H
#define PS_SIGNER_KEYLEAF_H
/*
 * What the merchant's root key signed about this station, told by the ledger (docs/FORMAT.md section 16.5): a certificate
 * of its keys, a revocation. The root key is the one that was installed (packseal key install): a leaf is appended for its
 * signature and for nothing else, once for each file.
 */
#include "evidence/error.h"
#include "evidence/wire.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ps_state;

/* At the start: takes the root key from DIR/../public/root.pub, and appends a leaf for each certificate and revocation that
 * lies in public/ and is not told yet. A folder without any, or files by others, are no error. 0, or as ps_state_commit. */
int ps_keyleaf_installed(struct ps_state *s, int dir);
/* The word KEY. 0 with the leaf, new or that of the same file before; or a refusal with its text. *stop when the process
 * must end. encoded takes PS_MAX_LEAF. */
int ps_keyleaf_append(struct ps_state *s, const struct ps_wire_key *k, uint8_t *encoded, size_t *n,
                      struct ps_wire_refused *no, bool *stop);

#endif
