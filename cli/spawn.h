/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_SPAWN_H
#define PS_CLI_SPAWN_H
/*
 * Our own programs as children: found beside this one or in ../libexec/packseal, started without a shell.
 */
#include "evidence/error.h"
#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct ps_user;

/* Path of a program of ours; PS_ENOENT with why. */
int ps_spawn_find(const char *name, char out[PATH_MAX], struct ps_why *why);

struct ps_spawn_how {
    bool own_group;             /* a process group of its own: Ctrl-C on the terminal is not for it */
    bool keep_stdin;            /* else /dev/null */
    int keep;                   /* one more descriptor that it inherits; 0: none */
    const struct ps_user *user; /* whom it runs as, when we are root; NULL: as we do */
};

/* Starts path with argv. *out is the reading end of its standard output. The child gets SIGTERM when this
 * process dies. Signal mask and dispositions are the default ones. */
int ps_spawn_start(const char *path, char *const argv[], const struct ps_spawn_how *how, pid_t *pid, int *out,
                   struct ps_why *why);
/* Waits for a child that ps_spawn_start made, and passes its output on, or drops it when quiet; fd is closed. Its exit status; 1,
 * told with the program's name, when it had none. */
int ps_spawn_follow(pid_t pid, int fd, const char *program, bool quiet);
/* "exit status 3", "killed by signal 9 (Killed)" */
void ps_spawn_status_text(int status, char out[96]);

#endif
