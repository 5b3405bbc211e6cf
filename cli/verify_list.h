/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_VERIFY_LIST_H
#define PS_CLI_VERIFY_LIST_H
/*
 * The paths that are to be judged: arguments, then the lines of a file, read as they are needed.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct ps_verify_list {
    char **argv;
    int n, at;
    FILE *file;         /* NULL: arguments only */
    const char *name;   /* of the file, for messages */
    bool null;          /* its paths end in NUL bytes, not in line feeds */
    uint64_t size, got; /* of the file, 0 where it has none; read so far */
    bool failed;        /* it could not be read to its end; a message was printed */
};

/* `from` is a file's name, "-" for standard input, or NULL. False after a message. */
bool ps_verify_list_open(struct ps_verify_list *l, char **argv, int n, const char *from, bool null);
void ps_verify_list_close(struct ps_verify_list *l);
/* As struct ps_verify_pool_spec asks for them; ctx is the list. A path that is too long is cut to a length that no file
 * can have, so that it fails by its name, and alone. */
char *ps_verify_list_next(void *ctx);
double ps_verify_list_taken(void *ctx);

#endif
