/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_VIEWER_OPTIONS_H
#define PS_VIEWER_OPTIONS_H
/*
 * The command line, and what it and packseal.conf say together.
 */
#include "viewer/viewer.h"

#define PS_OPTIONS_GO (-1)

struct ps_options {
    const char *root, *listen, *trust;
    bool verify_only;
    char host[64];
    uint16_t port;
    bool off;         /* [viewer] listen = off */
    char *cert, *key; /* PEM texts, or NULL */
};

/* PS_OPTIONS_GO, or the exit status: it has printed then. */
int ps_options_parse(struct ps_options *o, int argc, char **argv);
/* Root, configuration, address, certificate: fills v and the rest of o. PS_OPTIONS_GO or the exit status. */
int ps_options_apply(struct ps_options *o, struct ps_viewer *v);
void ps_options_free(struct ps_options *o);

#endif
