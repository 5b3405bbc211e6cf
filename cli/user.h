/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_USER_H
#define PS_CLI_USER_H
/*
 * The fixed users of an installed station (docs/APPLIANCE.md), and how root becomes one of them.
 */
#include "evidence/error.h"
#include <stdbool.h>
#include <sys/types.h>

#define PS_USER_GROUPS 64

#define PS_USER_RECORDER "packseal"
#define PS_USER_SIGNER "packseal-signer"
#define PS_USER_VIEWER "packseal-viewer"
#define PS_USER_READERS "packseal-read" /* the group */

struct ps_user {
    uid_t uid;
    gid_t gid;
    gid_t groups[PS_USER_GROUPS];
    int n_groups;
};

/* With all groups that the system says; PS_ENOENT with why. */
int ps_user_find(struct ps_user *u, const char *name, struct ps_why *why);
/* For good. Only system calls, so that a child may do it after fork. 0 or -1. */
int ps_user_become(const struct ps_user *u);
/* Run by root on a station that belongs to another user: becomes that user, so that no file of root's is left there,
 * and the signer hears a user it knows. False after a message. */
bool ps_user_of_station(const char *root);

#endif
