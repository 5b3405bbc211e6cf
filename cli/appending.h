/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_APPENDING_H
#define PS_CLI_APPENDING_H
/*
 * Asks the signer for leaves (docs/PROTOCOL.md, APPEND): a few datagrams over one connection.
 */
#include "evidence/error.h"
#include "evidence/wire.h"

/* A connection to ROOT's signer, to be closed; errors as ps_socket_connect has them. */
int ps_appending_open(const char *root, struct ps_why *why);
/* One leaf. PS_EPERM with the signer's words when it refuses, PS_ETIME when it does not answer, PS_EGONE. */
int ps_appending_ask(int fd, const struct ps_wire_append *a, struct ps_wire_appended *out,
                     struct ps_why *why);

/* What the root key signed, for the ledger to tell (KEY); as above. */
int ps_appending_key(int fd, const struct ps_wire_key *k, struct ps_wire_appended *out, struct ps_why *why);

#endif
