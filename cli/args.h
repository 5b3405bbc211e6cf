/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_ARGS_H
#define PS_CLI_ARGS_H
/*
 * The arguments of a command: "--name", "--name VALUE", "--name=VALUE", "-o VALUE", in any order; "--" ends
 * the options. --help and --lang are known to every command and handled here.
 */
#include "archive/root.h"
#include <stdbool.h>
#include <stddef.h>

enum ps_args_kind {
    PS_ARGS_FLAG, /* to is a bool * */
    PS_ARGS_TEXT, /* to is a const char **; given twice is an error */
    PS_ARGS_LIST  /* to is a struct ps_args_list *; may be given again and again */
};

#define PS_ARGS_LIST_MAX 64
struct ps_args_list {
    const char *v[PS_ARGS_LIST_MAX];
    unsigned n;
};

struct ps_args_option {
    const char *name;  /* "--root" */
    const char *alias; /* "-o" or NULL */
    enum ps_args_kind kind;
    void *to;
};

struct ps_args_spec {
    const char *command;                  /* "find" */
    const char *help_en, *help_zh;        /* whole help texts */
    const struct ps_args_option *options; /* ends with a NULL name; may be NULL */
    unsigned least, most;                 /* number of other arguments */
};

#define PS_ARGS_GO (-1)

/* PS_ARGS_GO: go on, argv[0..*n-1] are now the other arguments. Else the exit status: 0 after --help, 2 after
 * a message. */
int ps_args_parse(const struct ps_args_spec *spec, int argc, char **argv, int *n);
/* Root by --root (may be NULL); false after a message. */
bool ps_args_root(const char *arg, char root[PS_ROOT_PATH]);
/* ps_args_parse for a command with the options --root and --json alone (spec->options is not looked at), and that root.
 * The other arguments are argv[0] and what follows, as many as spec allows. */
int ps_args_parse_plain(const struct ps_args_spec *spec, int argc, char **argv, char root[PS_ROOT_PATH],
                        bool *json);

#endif
