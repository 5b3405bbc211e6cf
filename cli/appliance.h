/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_APPLIANCE_H
#define PS_CLI_APPLIANCE_H
/*
 * The places of an installed station, and starting its units (docs/APPLIANCE.md). All of it may be done again: what is
 * there as it should be stays, what is there otherwise is told and left alone.
 */
#include "archive/root.h"
#include "cli/user.h"
#include <stdbool.h>
#include <stddef.h>

#define PS_APPLIANCE_PLACES 15

struct ps_appliance_place { /* a folder, as it should be */
    const char *name;       /* below the root; "" is itself */
    uid_t uid;
    gid_t gid;
    mode_t mode;
};
struct ps_appliance {
    const char *id; /* of the station, borrowed */
    char root[PS_ROOT_PATH];
    char config[PS_ROOT_PATH];
    struct ps_user recorder, signer, viewer;
    gid_t readers;
    bool there;    /* an earlier init was here: what is made now is told */
    unsigned made; /* and counted */
};

/* Users, and where station id lies: root_arg, else where it was made before, else the default root if that is free or its
 * own, else one beside it. False after a message. */
bool ps_appliance_find(struct ps_appliance *a, const char *id, const char *root_arg);
/* The same for whoever asks, without a word: false unless root is the installed station id, and its users are known. */
bool ps_appliance_is(struct ps_appliance *a, const char *id, const char *root);
/* The folders of a station, in the order in which they are made. */
void ps_appliance_list(const struct ps_appliance *a, struct ps_appliance_place out[PS_APPLIANCE_PLACES]);
/* Folders with owners and modes, links, the environment file, the tmpfiles entry. Exit status. */
int ps_appliance_places(struct ps_appliance *a);
/* Makes a file of root's with this group and mode, whole or not at all; one that is there stays, and *kept says so. Exit
 * status. */
int ps_appliance_file(struct ps_appliance *a, const char *path, gid_t gid, unsigned mode, const void *p,
                      size_t n, bool *kept);
/* Enables the station's target, and starts it when start is true and systemd runs. Exit status. */
int ps_appliance_enable(const struct ps_appliance *a, bool start);

#endif
