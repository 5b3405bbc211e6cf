/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_CONFIG_INTERNAL_H
#define PS_ARCHIVE_CONFIG_INTERNAL_H
/*
 * What the reader of packseal.conf (config.c) and the list of its keys (config_keys.c) share.
 */
#include "archive/config.h"
#include <stdbool.h>

/* What inih reads from. It knows lines of 200 bytes; longer ones go to it in pieces, as continuations. */
struct ps_config_reading {
    struct ps_config *c;
    const char *p, *end;  /* what is not yet read */
    const char *line_end; /* of the line in pieces, else NULL */
    unsigned line;
    bool piece; /* what was given last is a further piece of its line */
    char section[64], key[64], value[1024];
    unsigned value_line;
    bool has_value;
    char seen[512][132]; /* "section key", to refuse the second of two */
    unsigned n_seen;
    const char *name; /* of the file */
    int rc;
    struct ps_why *why;
};

/* The first refusal counts; returns 0, as inih wants it. */
int ps_config_refuse(struct ps_config_reading *r, unsigned line, const char *rule, const char *found);
/* The key and value that were read, if there are any; 0 after a refusal. */
int ps_config_keys_take(struct ps_config_reading *r);

#endif
