/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_STATE_H
#define PS_SIGNER_STATE_H
/*
 * Keys, journal, ledger, takes and pending clips as one thing, brought into agreement at the start.
 *
 * Order of durability: the journal's fsync is the commit point; then the ledger's entry, then the takes, then, at a
 * seal, tiles and checkpoint, then the reply. Whatever a crash leaves half-done is completed by ps_state_open from
 * the journal.
 */
#include "evidence/error.h"
#include "evidence/leaf.h"
#include "evidence/note.h"
#include "signer/clock.h"
#include "signer/journal.h"
#include "signer/key.h"
#include "signer/ledger.h"
#include "signer/takes.h"
#include "signer/tiles.h"
#include "signer/witness.h"
#include <stdbool.h>
#include <stdint.h>

#define PS_STATE_APPENDS 64 /* appended leaves that are known again when they are asked for once more */

struct ps_state {
    struct ps_key *key;
    struct ps_journal *journal;
    struct ps_ledger *ledger;
    struct ps_takes *takes;
    struct ps_tiles *tiles;
    struct ps_vkey vkey;                /* of the ledger: its name is the origin of checkpoints */
    int ledger_dir;                     /* borrowed */
    uint64_t published;                 /* size of ledger/checkpoint as this process wrote it */
    uint64_t appends[PS_STATE_APPENDS]; /* indexes of the last leaves that came by APPEND; a ring */
    uint64_t n_appends;                 /* ever */
    struct ps_pubkey root;              /* the merchant's, as installed when this process started */
    bool rooted;                        /* there is one */
    struct ps_clock_watch watch;
    struct ps_witness witness;
    char station[PS_MAX_STATION_ID + 1];
    uint8_t log[16];
    uint8_t boot_id[16];
    uint8_t exe_sha256[32];
    uint8_t confined;      /* bits of ps_wire_status */
    bool separate;         /* clients have users of their own */
    uint64_t rotate_bytes; /* how much the journal may hold beyond need: PS_STATE_ROTATE_BYTES */
};

/* Everything out of the signer's folder and the ledger's; checks what others remember of it (signer/remember.h);
 * completes the tiles; appends the start-up leaf, after a recovery's own; publishes. Errors name the file and what to do. One process at a time: PS_EBUSY.
 * The folders stay the caller's, and stay open. */
int ps_state_open(struct ps_state **out, int dir, int ledger_dir, struct ps_why *why);
void ps_state_close(struct ps_state *s);

/* A leaf of this ledger's next index with the clocks of now; subject = index. The caller fills in the rest. */
void ps_state_leaf(const struct ps_state *s, uint8_t type, struct ps_leaf *out);
/* Commits: journal (before ‖ leaf) as `kind`, then the ledger. 0; PS_EFULL: nothing happened; PS_EIO or others: the
 * process must end, and the next start completes it. encoded takes PS_MAX_LEAF. */
int ps_state_commit(struct ps_state *s, uint8_t kind, const void *before, size_t before_n,
                    const struct ps_leaf *leaf, uint8_t *encoded, size_t *encoded_n);
/* Rewrites the journal when it has grown beyond use. PS_EIO: the process must end. */
int ps_state_tidy(struct ps_state *s);

#endif
