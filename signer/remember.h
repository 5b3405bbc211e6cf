/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_REMEMBER_H
#define PS_SIGNER_REMEMBER_H
/*
 * What others remember of this ledger: checkpoints that left it. A ledger that does not extend every one of them is an
 * old copy, or another: appending to it would make two histories under one name.
 *
 * Looked at, and only read: ledger/checkpoint; tokens/NAME/checkpoint and witness/NAME, of each the newest
 * PS_REMEMBER_FILES by name; checkpoint in the newest PS_REMEMBER_CLIPS folders below clips/. A file counts when it
 * is a checkpoint of this origin with a valid signature of this ledger's key; any other says nothing and is passed
 * over.
 */
#include "evidence/error.h"
#include "evidence/note.h"
#include <stddef.h>

#define PS_REMEMBER_CLIPS 200
#define PS_REMEMBER_FILES 256

struct ps_ledger;

/* One that counts: its name for people, the parsed text and the whole note. Not 0 ends the walk. */
struct ps_remember_found {
    const char *name;
    struct ps_checkpoint checkpoint;
    const char *note;
    size_t note_len;
};
typedef int ps_remember_each(void *ctx, const struct ps_remember_found *f);

/* Calls each for all that count; root is ROOT's folder, ledger that of the ledger. What each returned, or PS_EIO
 * with why when a folder or checkpoint cannot be read. */
int ps_remember_walk(int root, int ledger, const struct ps_vkey *key, ps_remember_each *each, void *ctx,
                     struct ps_why *why);
/* 0 when l extends all of them. PS_EPERM names the first that it does not. */
int ps_remember_check(int root, int ledger, const struct ps_vkey *key, const struct ps_ledger *l,
                      struct ps_why *why);

#endif
