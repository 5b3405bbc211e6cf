/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_KEYMODE_H
#define PS_SIGNER_KEYMODE_H
/*
 * The modes of packseal-signer that do one thing to keys and end: no socket, no ledger. The first argument names the
 * mode; `packseal key` starts them.
 *
 *   --root-key-new --out DIR --merchant NAME [--moderate]
 *   --root-key-certify --key FILE --request FILE --from T --until T --out DIR
 *   --root-key-revoke --key FILE --clip-key RWQ --since T --reason WORD --out DIR
 *   --root-key-enrol --key FILE [--cert FILE]... [--revocation FILE]... [--authority "SHA256 NAME"]... --out FILE
 *   --key-request | --key-rotate | --key-protect | --key-unprotect | --key-list --dir DIR [--public DIR]
 *   --key-install --dir DIR [--public DIR] --cert FILE [--signature FILE] --root-pub FILE [--new-root]
 * All of them: --passphrase-fd N, whose lines are passphrases: the current one where the keys have one, then a new one.
 */
#include <stdbool.h>

bool ps_keymode_wanted(int argc, char **argv);
/* Exit status; complains on standard error. */
int ps_keymode_run(int argc, char **argv);

#endif
