/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_MERKLE_H
#define PS_EVIDENCE_MERKLE_H
/*
 * RFC 6962 section 2.1 Merkle tree over leaf hashes, in memory. 32 bytes a leaf.
 */
#include <stddef.h>
#include <stdint.h>

struct ps_merkle {
    uint8_t (*leaf)[32];
    uint64_t size, cap;
    uint8_t edge[64]
                [32]; /* full subtrees on the right edge, by height: the whole tree's root without a walk */
};

/* The node over two: SHA-256(0x01 ‖ left ‖ right). out may be either. */
void ps_merkle_node(uint8_t out[32], const uint8_t left[32], const uint8_t right[32]);

void ps_merkle_init(struct ps_merkle *t);
void ps_merkle_free(struct ps_merkle *t);
int ps_merkle_append(struct ps_merkle *t, const uint8_t leaf_hash[32]); /* PS_ENOMEM */
/* Root of the first n leaves (n <= size); n = 0 gives SHA-256 of nothing. */
int ps_merkle_root(const struct ps_merkle *t, uint64_t n, uint8_t out[32]);
/* Inclusion proof of leaf `index` in the tree of n leaves: siblings from the leaf upwards, at most 64.
 * Returns their number or an error. */
int ps_merkle_proof(const struct ps_merkle *t, uint64_t index, uint64_t n, uint8_t out[64][32]);
/* Checks a proof. 0 or PS_ESIG. */
int ps_merkle_check(const uint8_t leaf_hash[32], uint64_t index, uint64_t n, const uint8_t (*proof)[32],
                    int len, const uint8_t root[32]);

#endif
