/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_TILE_H
#define PS_EVIDENCE_TILE_H
/*
 * C2SP tlog-tiles: the tree as files. A tile of level L and index N holds up to 256 hashes of level 8·L; an entry
 * bundle holds up to 256 leaves, each u16 length ‖ leaf. Paths: tile/L/N, tile/entries/N, partial ones .p/W.
 */
#include "evidence/error.h"
#include <stddef.h>
#include <stdint.h>

#define PS_TILE_WIDTH 256
#define PS_TILE_PATH 96
#define PS_TILE_ENTRIES (-1) /* as level: an entry bundle */

/* "tile/0/x001/234" with ".p/W" when width < 256. Level -1 is "tile/entries/…". */
int ps_tile_path(char out[PS_TILE_PATH], int level, uint64_t index, unsigned width);
/* Which tiles of a tree of n leaves hold something new since `old` leaves: calls each(ctx, level, index, width), entry
 * bundles first, then level by level. What each() returns but 0 ends it and is returned. */
int ps_tile_new(uint64_t old, uint64_t n, int (*each)(void *ctx, int level, uint64_t index, unsigned width),
                void *ctx);

/* The hash that stands for a full tile one level up: of its 256 hashes. */
void ps_tile_fold(uint8_t out[32], const uint8_t (*hashes)[32]);

/* Reads hashes through the caller: width hashes of a tile (32 bytes each). 0 or an error. */
struct ps_tile_source {
    void *ctx;
    int (*read)(void *ctx, int level, uint64_t index, unsigned width, uint8_t *hashes);
};
/* Root, inclusion proof (RFC 6962 2.1.1) and consistency proof (2.1.2) of trees inside a log of `size` leaves, below
 * 2^63. Tiles are asked for in the width that they have in a log of that size. Proofs hold at most 64 hashes;
 * *count gets their number. The proof from m = 0 is empty. What was read is not checked: compare the root. */
int ps_tile_root(const struct ps_tile_source *s, uint64_t size, uint64_t n, uint8_t out[32]);
int ps_tile_inclusion(const struct ps_tile_source *s, uint64_t size, uint64_t index, uint64_t n,
                      uint8_t out[64][32], unsigned *count);
int ps_tile_consistency(const struct ps_tile_source *s, uint64_t size, uint64_t m, uint64_t n,
                        uint8_t out[64][32], unsigned *count);
/* Checks that the tree of n leaves with root b extends that of m leaves with root a. 0 or PS_ESIG. The tree
 * of no leaves has the digest of nothing as its root, and every tree extends it by an empty proof. */
int ps_tile_consistent(uint64_t m, const uint8_t a[32], uint64_t n, const uint8_t b[32],
                       const uint8_t (*proof)[32], unsigned count);

#endif
