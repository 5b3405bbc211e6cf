/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_INTAKE_PROOF_H
#define PS_CLI_INTAKE_PROOF_H
/*
 * Photographs that were taken in, with all that somebody else needs to check them by stock tools.
 */
#include "archive/root.h"
#include <stdbool.h>

/* A new folder dir with what `packseal export --intake` would put into a bundle, the ledger's key and a text that tells how to
 * check. id: the intake's name or path. Prints; returns the exit status. */
int ps_intake_proof(const char *root, const char *id, const char *dir, bool json);

#endif
