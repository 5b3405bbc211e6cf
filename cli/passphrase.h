/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_PASSPHRASE_H
#define PS_CLI_PASSPHRASE_H
/*
 * Passphrases on their way from a person or a file to packseal-signer, which alone uses them: asked on the terminal
 * without echo, passed through a pipe, never an argument or a part of the environment.
 */
#include <stdbool.h>

struct ps_passphrase_ask {
    const char *file;   /* its first line, instead of asking; NULL: ask on /dev/tty */
    const char *prompt; /* "Passphrase of root.key"; a colon follows */
    bool fresh;         /* asked twice, and not too short */
};

/* The reading end of a pipe with a line for each; -1 after a message. */
int ps_passphrase_pipe(const struct ps_passphrase_ask *asks, unsigned n);

#endif
