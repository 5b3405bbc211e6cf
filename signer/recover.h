/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_RECOVER_H
#define PS_SIGNER_RECOVER_H
/*
 * Which ledger a station keeps, and how it begins another one after the first was lost (docs/FORMAT.md section 4.6).
 *
 * DIR/origin holds the ledger's name (evidence/origin.h) and a line feed; a folder without it is of PackSeal's first
 * version, whose first ledgers were all "packseal.invalid/STATION". DIR/recovery is the newest checkpoint of the ledger
 * before, as it was found; the first leaf names it. What belonged to that ledger is kept in DIR/old.N.
 */
#include "evidence/leaf.h"
#include "evidence/note.h"
#include "evidence/origin.h"
#include <stdbool.h>

struct ps_options;

struct ps_recover {
    char origin[PS_NOTE_NAME + 1];
    struct ps_origin name; /* the same, in its parts */
    bool after;            /* there was one before: the next two hold */
    bool half;             /* a recovery was begun and not ended */
    struct ps_checkpoint old;
    uint8_t digest[32]; /* of the checkpoint's file */
};

/* PS_ESTATE while a recovery is half-done. */
int ps_recover_read(struct ps_recover *r, int dir, const char *station, struct ps_why *why);
/* A ledger keeps its name: PS_EPERM when ledger/checkpoint or ROOT/public/log.vkey, where they are this key's, know another
 * one, or when the name is another key's. So a lost DIR/origin is noticed and never makes a new name. */
int ps_recover_agrees(const struct ps_vkey *key, const struct ps_recover *r, int root, int ledger,
                      struct ps_why *why);
/* Fills in what a recovery leaf says. */
void ps_recover_leaf(const struct ps_recover *r, struct ps_leaf *leaf);
/* By hand, while no signer runs: sets the ledger, its key, journal and takes aside, makes new ones and the public files
 * of the next origin. Cut short, it goes on where it stopped. report holds lines for people. */
int ps_recover_station(const struct ps_options *o, char report[1024], struct ps_why *why);

#endif
