/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_JOURNAL_H
#define PS_SIGNER_JOURNAL_H
/*
 * What the signer saw and decided, appended and fsynced before anyone hears of it.
 *
 * Two files, journal.a and journal.b, both open for the life of the process, so that no file need be opened
 * or renamed once the sandbox is closed. One of them is current. Integers are big-endian:
 *
 *   header  "PSJ1" ‖ u32 0 ‖ u64 generation ‖ id[16] (random)                                     32 bytes
 *   frame   u16 length ‖ u8 kind ‖ u8 0 ‖ u32 check of these four ‖ payload[length] ‖ check[16]
 *   check = BLAKE2b keyed with id over u64 frame number ‖ u16 length ‖ u8 kind ‖ u8 0 ‖ payload; the short one
 *   is without the payload, its first 4 bytes.
 *
 * A frame thus belongs to one place in one file. The first frame is BASE: how long the ledger was, and the
 * root of its tree. Then what was carried over, then READY. To rotate, the other file gets the next
 * generation with BASE … READY and is synced; then the old one is emptied. At the start the highest
 * generation that has its READY is current.
 *
 * An incomplete last frame was never acknowledged: it is cut. So is one whose end is zeros from a sector's
 * border on: a file system may have kept the new size and lost the data. Any other bad check after READY is
 * damage, and the signer does not start.
 */
#include "evidence/error.h"
#include <stddef.h>
#include <stdint.h>

enum ps_journal_kind {
    PS_JOURNAL_BASE = 1,    /* u64 leaves ‖ root[32] */
    PS_JOURNAL_READY = 2,   /* empty */
    PS_JOURNAL_STARTUP = 3, /* leaf */
    PS_JOURNAL_OPEN = 4,    /* take hash[16] ‖ leaf */
    PS_JOURNAL_SEGMENT = 5, /* u64 clip ‖ u8 late ‖ record */
    PS_JOURNAL_END = 6,     /* u64 clip */
    PS_JOURNAL_SEAL = 7,    /* str trusted comment ‖ leaf (its digest is the statement's) */
    PS_JOURNAL_ABORT = 8,   /* leaf */
    PS_JOURNAL_LEAF = 9     /* leaf of any other type */
};

struct ps_journal_base {
    uint64_t leaves;
    uint8_t root[32];
};

struct ps_journal;

/* Opens or creates the two files in a folder, checks all of the current one and cuts a torn tail.
 * ps_journal_base tells what it stands on; with *fresh there is no usable journal: the caller must know that
 * the ledger is empty, and rotate before the first append. */
int ps_journal_open(struct ps_journal **out, int dir, int *fresh, struct ps_why *why);
void ps_journal_close(struct ps_journal *j);
const struct ps_journal_base *ps_journal_base(const struct ps_journal *j);
/* Calls each for every frame but BASE and READY, in order, until one is not 0; that is returned. Once: the
 * memory is given back then. */
int ps_journal_replay(struct ps_journal *j, int (*each)(void *ctx, uint8_t kind, const uint8_t *p, size_t n),
                      void *ctx);
/* Durable when it returns 0. PS_EFULL: not written, and all is as before. PS_EIO: nobody knows what is on
 * the disk; the process must end, and the next start reads what is there. */
int ps_journal_append(struct ps_journal *j, uint8_t kind, const void *p, size_t n);
uint64_t ps_journal_bytes(const struct ps_journal *j);
/* Starts the next generation. fill calls ps_journal_carry for each frame to keep. PS_EFULL: the old one goes
 * on. PS_EIO as above. */
int ps_journal_rotate(struct ps_journal *j, const struct ps_journal_base *base,
                      void (*fill)(void *ctx, struct ps_journal *j), void *ctx);
void ps_journal_carry(struct ps_journal *j, uint8_t kind, const void *p, size_t n);

#endif
