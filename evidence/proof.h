/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_PROOF_H
#define PS_EVIDENCE_PROOF_H
/*
 * Inclusion of one leaf in a checkpoint: a C2SP tlog-proof file.
 *
 *   c2sp.org/tlog-proof@v1
 *   extra BASE64            the leaf itself; not optional here
 *   index N
 *   BASE64 …                siblings, from the leaf upwards
 *                           (blank line)
 *   the signed checkpoint
 */
#include "evidence/leaf.h"
#include "evidence/note.h"

struct ps_buf;

#define PS_PROOF_MAX 131072

struct ps_proof {
    uint8_t leaf[PS_MAX_LEAF];
    size_t leaf_len;
    uint64_t index;
    unsigned n;
    uint8_t hash[64][32];
    const char *note; /* borrowed: the checkpoint, signatures and cosignatures */
    size_t note_len;
};

/* All of it is read, the note's lines too; no signature is judged. */
int ps_proof_parse(struct ps_proof *out, const void *p, size_t n);
void ps_proof_write(struct ps_buf *b, const struct ps_proof *p);
/* The checkpoint is signed by `log`, and the leaf at index is in it; the leaf is one (PS_EFORMAT, PS_EVERSION), and says
 * that index and that log's key itself. 0, PS_ESIG, PS_ENOENT (no signature of this log), PS_EFORMAT. What the leaf
 * says of a clip is the caller's to compare. */
int ps_proof_check(const struct ps_proof *p, const struct ps_vkey *log, struct ps_checkpoint *out);
/* The same in a checkpoint that was opened with that log's key before: its signature is judged once for many proofs. */
int ps_proof_check_in(const struct ps_proof *p, const struct ps_vkey *log, const struct ps_checkpoint *c);

#endif
