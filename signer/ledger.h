/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_LEDGER_H
#define PS_SIGNER_LEDGER_H
/*
 * ledger/entries (docs/FORMAT.md section 4.2): every leaf in order, each as u16 length ‖ leaf. Append only;
 * at the start all of it is read and checked. In memory are 16 bytes a leaf and the right edge of the
 * RFC 6962 tree, which is enough for its root.
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
/* The leaf at its index: appended and durable when the index is the size; compared when it is there already
 * (PS_EEXIST when it differs). PS_EINVAL when it does not fit this ledger; PS_EIO: the process must end. */
int ps_ledger_put(struct ps_ledger *l, const uint8_t *leaf, size_t n);
/* The leaf itself into out (PS_MAX_LEAF); its length, or PS_ENOENT, PS_EIO. */
int ps_ledger_get(const struct ps_ledger *l, uint64_t index, uint8_t *out);
/* Index of the seal or abort of an open leaf; PS_ENOENT when there is no such open leaf, PS_ESTATE when it
 * has no end yet. */
int ps_ledger_end_of(const struct ps_ledger *l, uint64_t clip, uint64_t *end);

#endif
