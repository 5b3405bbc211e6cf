/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_OPTIONS_H
#define PS_SIGNER_OPTIONS_H
/*
 * The command line (docs/man/packseal-signer.8).
 */
#include "evidence/error.h"
#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct ps_keyfile_passphrase;

struct ps_options {
    const char *dir;       /* signer's folder */
    char ledger[PATH_MAX]; /* given, or beside dir */
    char public_dir[PATH_MAX];
    char run[PATH_MAX]; /* folder of the default socket; "" when one was given */
    char socket[PATH_MAX];
    int fd;                                         /* handed-over listener, or -1 */
    const char *station;                            /* for init */
    uid_t recorder;                                 /* (uid_t)-1: own user, unseparated */
    uid_t viewer, stamp, pruner;                    /* (uid_t)-1: the same as the recorder */
    int passphrase_fd;                              /* or -1 */
    const char *passphrase_file;                    /* or NULL */
    const struct ps_keyfile_passphrase *passphrase; /* for init: what they held, or NULL */
    bool init, recover, allow_unconfined, no_seccomp;
    bool help, version;
};

/* 0; or PS_EINVAL with why. Argument strings are borrowed. */
int ps_options_read(struct ps_options *o, int argc, char **argv, struct ps_why *why);
extern const char ps_options_usage[];

#endif
