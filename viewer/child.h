/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_VIEWER_CHILD_H
#define PS_VIEWER_CHILD_H
/*
 * Runs one of our own programs as a child: what takes long, decodes film or reads a stranger's bundle does so in a process of its
 * own, with limits that the kernel keeps, and never inside the server. No shell; a path of ours, arguments as they are.
 */
#include "evidence/bytes.h"
#include "evidence/error.h"
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#define PS_CHILD_LINE 512
#define PS_CHILD_KEEP 3 /* the number under which the child finds `keep` */

struct ps_child_ask {
    const char *program;     /* "packseal": beside this program, or in ../../bin */
    const char *const *argv; /* NULL at the end; argv[0] too */
    bool chinese;            /* language of its messages */
    int keep;                /* a descriptor that it inherits as number 3, or -1 */
    unsigned seconds;        /* wall clock; then it and its children are killed */
    unsigned cpu_seconds;    /* RLIMIT_CPU of each process; 0: none */
    uint64_t memory;         /* RLIMIT_AS, bytes; 0: none */
    size_t out_max;          /* bytes of standard output that are kept; more is PS_ELIMIT */
    bool (*stop)(void *ctx); /* asked five times a second: true ends it (PS_ETIME); NULL: never */
    /* Each line of its standard error, without the line feed, cut at PS_CHILD_LINE. May be NULL. */
    void (*line)(void *ctx, const char *line);
    void *ctx;
};

struct ps_child_told {
    int status; /* exit status; 128 + signal when it was killed */
    struct ps_buf out;
    char last[PS_CHILD_LINE]; /* its last line on standard error */
};

/* 0 when it ran to its end, whatever the status; PS_ETIME past its seconds or stopped; PS_ELIMIT, PS_ENOENT, PS_EIO.
 * Nothing of it runs any more afterwards. told->out is the caller's to free, in every case. */
int ps_child_run(const struct ps_child_ask *ask, struct ps_child_told *told, struct ps_why *why);

/* Path of a program of ours; PS_ENOENT. */
int ps_child_find(const char *name, char out[PATH_MAX], struct ps_why *why);

#endif
