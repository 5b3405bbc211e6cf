/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_LEDGER_H
#define PS_SIGNER_LEDGER_H
/*
 * ledger/entries (docs/FORMAT.md section 4.2): every leaf in order, each as u16 length ‖ leaf. Append only;
 * at the start all of it is read and checked. In memory are 16 bytes a leaf, the right edge of the RFC 6962
 * tree, which is enough for its root, and the hash of every full 256 leaves, from which any older root follows.
 */
#include "evidence/error.h"
#include "evidence/leaf.h"
#include <stddef.h>
#include <stdint.h>

struct ps_ledger;

/* Opens dir/entries, which must exist. Each entry must decode, stand at its index, bear this log id, and end
 * only an open clip. The first `leaves` of them must have this root: that is what the journal remembers. An
 * incomplete entry after these is cut, for the journal has it whole. */
int ps_ledger_open(struct ps_ledger **out, int dir, const uint8_t log[16], uint64_t leaves,
                   const uint8_t root[32], struct ps_why *why);
void ps_ledger_close(struct ps_ledger *l);
uint64_t ps_ledger_size(const struct ps_ledger *l);
uint64_t ps_ledger_opens(const struct ps_ledger *l); /* number of open leaves */
void ps_ledger_root(const struct ps_ledger *l, uint8_t out[32]);
/* Root of the first n leaves. PS_EINVAL when there are fewer, PS_EIO. */
int ps_ledger_root_at(const struct ps_ledger *l, uint64_t n, uint8_t out[32]);
/* The first `width` hashes of a tile (evidence/tile.h), level 0 or higher; all of them must be complete. */
int ps_ledger_tile(const struct ps_ledger *l, int level, uint64_t index, unsigned width, uint8_t *hashes);
#define PS_LEDGER_BUNDLE ((size_t)256 * (2 + PS_MAX_LEAF))
/* Leaves [first, first + width) as they are in the file, at most 256, into out (PS_LEDGER_BUNDLE). Length or an error. */
int ps_ledger_bundle(const struct ps_ledger *l, uint64_t first, unsigned width, uint8_t *out);
/* The leaf at its index: appended and durable when the index is the size; compared when it is there already
 * (PS_EEXIST when it differs). PS_EINVAL when it does not fit this ledger; PS_EIO: the process must end. */
int ps_ledger_put(struct ps_ledger *l, const uint8_t *leaf, size_t n);
/* The leaf itself into out (PS_MAX_LEAF); its length, or PS_ENOENT, PS_EIO. */
int ps_ledger_get(const struct ps_ledger *l, uint64_t index, uint8_t *out);
/* Type of the leaf at an index below the size. */
uint8_t ps_ledger_type(const struct ps_ledger *l, uint64_t index);
/* May a tombstone, export or link speak of this leaf? 0; PS_ENOENT: it opens no clip; PS_ESTATE: that clip is not
 * sealed; PS_EEXIST: it has a tombstone already (of a tombstone alone). */
int ps_ledger_may_mark(const struct ps_ledger *l, uint8_t type, uint64_t clip);
/* Index of the seal or abort of an open leaf; PS_ENOENT when there is no such open leaf, PS_ESTATE when it
 * has no end yet. */
int ps_ledger_end_of(const struct ps_ledger *l, uint64_t clip, uint64_t *end);

#endif
