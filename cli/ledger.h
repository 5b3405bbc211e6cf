/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_LEDGER_H
#define PS_CLI_LEDGER_H
/*
 * The two halves of packseal-ledger(1): ledger_check.c audits one root, ledger_compare.c holds two ledgers against each
 * other. Both print, and return the exit status.
 */
#include "archive/root.h"
#include "evidence/note.h"
#include <stdbool.h>
#include <stddef.h>

/* 0: nothing to mend, 1: problems, each one line. */
int ps_ledger_check(const char *root, bool json);
/* a, b: folders of ledgers, or files of checkpoints. key: of the log. 0: one history, 1: a fork, 2: cannot be told. */
int ps_ledger_compare(const char *a, const char *b, const struct ps_vkey *key, bool json);

/* A small file, at most max bytes, malloc'ed; NULL with errno set. */
char *ps_ledger_read(int dir, const char *name, size_t max, size_t *n);
/* The key of a file like log.vkey. PS_ENOENT or PS_EFORMAT. */
int ps_ledger_key(const char *path, struct ps_vkey *out);

#endif
