/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_AUDIT_H
#define PS_EVIDENCE_AUDIT_H
/*
 * A ledger read from its first leaf to its last, and then asked: does it extend this checkpoint, does that clip folder
 * belong to it, which clips has it that have no end. Pure: leaves in, answers out. About 50 bytes a leaf and 120 a clip.
 */
#include "evidence/error.h"
#include "evidence/leaf.h"
#include "evidence/note.h"
#include "evidence/statement.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ps_audit;

struct ps_audit_clip {
    uint64_t number;              /* of the open leaf */
    uint64_t end, tomb;           /* indexes of its seal or abort, and of its tombstone; 0: none */
    uint8_t end_type;             /* PS_LEAF_SEAL or PS_LEAF_ABORT */
    bool seen;                    /* ps_audit_statement found it in order */
    uint8_t head[32], digest[32]; /* of the seal */
};

/* log: the id that every leaf must bear (ps_leaf_log_id), or NULL for that of the first. */
int ps_audit_new(struct ps_audit **out, const uint8_t log[16]);
void ps_audit_free(struct ps_audit *a);
/* The next leaf. 0; PS_ESTATE: taken, but it breaks a rule of the ledger (why); anything else: not taken, and the rest
 * cannot be judged. */
int ps_audit_leaf(struct ps_audit *a, const void *p, size_t n, struct ps_why *why);

uint64_t ps_audit_size(const struct ps_audit *a);
uint64_t ps_audit_count(const struct ps_audit *a, uint8_t type); /* of leaves of this type */
/* Root of the first n leaves. PS_EINVAL when there are fewer. */
int ps_audit_root(const struct ps_audit *a, uint64_t n, uint8_t out[32]);
/* 0 when the ledger extends it; PS_ELIMIT: it is of a longer one; PS_ESIG: of another history. */
int ps_audit_checkpoint(const struct ps_audit *a, const struct ps_checkpoint *c);
/* The hashes of a tile (evidence/tile.h), level 0 or higher. PS_EINVAL when the ledger does not fill it that far. */
int ps_audit_tile(const struct ps_audit *a, int level, uint64_t index, unsigned width, uint8_t *hashes);

/* Clips in the order of their numbers; borrowed until the next leaf. */
const struct ps_audit_clip *ps_audit_clips(const struct ps_audit *a, size_t *n);
/* Is this statement, whose bytes have this SHA-256, the one that its clip's leaves speak of? 0; PS_ENOENT: the number opens no
 * clip; PS_EFORMAT: its open leaf is another; PS_ESTATE: it is not sealed; PS_ESIG: the seal has another digest or
 * other heads. why says which. */
int ps_audit_statement(struct ps_audit *a, const struct ps_clip *c, const uint8_t digest[32],
                       struct ps_why *why);

#endif
