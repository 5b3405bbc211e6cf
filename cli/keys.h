/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_KEYS_H
#define PS_CLI_KEYS_H
/*
 * What the subcommands of `packseal key` share: packseal-signer's key modes as children (signer/keymode.h), for secret
 * keys are its affair alone; and the list.
 */
#include "archive/root.h"
#include "evidence/bytes.h"
#include "evidence/minisign.h"
#include <stdbool.h>

#define PS_KEYS_ARGS 768

struct ps_keys_job { /* arguments are borrowed; start with {0} */
    const char *args[PS_KEYS_ARGS];
    unsigned n;
    int fd; /* passphrases, or 0; closed by ps_keys_run */
};

/* --name value; value NULL: the name alone. */
void ps_keys_arg(struct ps_keys_job *j, const char *name, const char *value);
/* Runs it; its standard output goes to out. The exit status; what went wrong has been said. */
int ps_keys_run(struct ps_keys_job *j, struct ps_buf *out);
/* Prints a report of packseal-signer in the language in use. */
void ps_keys_tell(const struct ps_buf *report);
/* Are the station's keys under a passphrase? 1, 0; -1 after a message. */
int ps_keys_sealed(const char *root);

/* packseal key list */
int ps_keys_list(const char *root, bool json);

#endif
