/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_TILES_H
#define PS_SIGNER_TILES_H
/*
 * The ledger as others read it: ledger/tile/… (C2SP tlog-tiles) and ledger/checkpoint, both made from
 * ledger/entries. A tile's file is written as ledger/.new, synced, and takes its name only when nothing has it; no
 * file of ledger/tile is ever written again. Behind the system call filter nothing can be opened but that new file.
 */
#include "evidence/error.h"
#include <stddef.h>
#include <stdint.h>

struct ps_ledger;
struct ps_tiles;

#define PS_TILES_CHECKPOINT "checkpoint"

/* Before the filter: compares every tile that is there with the ledger (PS_EFORMAT names the one that differs), makes
 * what is missing up to its size, and takes away partial tiles whose full one is there. dir stays the caller's. */
int ps_tiles_open(struct ps_tiles **out, int dir, const struct ps_ledger *l, struct ps_why *why);
void ps_tiles_close(struct ps_tiles *t);
/* Tiles of the ledger as it is now. 0; PS_EFULL: not all of them, ask again; PS_EIO: the process must end. */
int ps_tiles_sync(struct ps_tiles *t, const struct ps_ledger *l);
/* Replaces the checkpoint. As ps_tiles_sync. */
int ps_tiles_checkpoint(struct ps_tiles *t, const void *note, size_t n);

#endif
