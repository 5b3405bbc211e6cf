/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_PROOFS_H
#define PS_ARCHIVE_PROOFS_H
/*
 * Reads ROOT/ledger as C2SP tlog-tiles (docs/FORMAT.md section 13), and makes a clip's two proofs from it. The ledger's
 * only writer is the signer; nothing here trusts it: every root is compared with the checkpoint.
 */
#include "archive/root.h"
#include "evidence/statement.h"
#include "evidence/tile.h"
#include <stdint.h>

struct ps_buf;

struct ps_proofs { /* the ledger of one root */
    int dir;       /* ROOT/ledger */
    uint64_t size; /* of the newest checkpoint: the widths of tiles on disk */
};

int ps_proofs_open(struct ps_proofs *p, const char *root, struct ps_why *why);
/* A ledger that was given up: folder is "ledger.1" and so on, below root. */
int ps_proofs_open_in(struct ps_proofs *p, const char *root, const char *folder, struct ps_why *why);
void ps_proofs_close(struct ps_proofs *p);
/* Tiles for evidence/tile.h; borrows p. */
struct ps_tile_source ps_proofs_source(struct ps_proofs *p);
/* The leaf at an index, into out (PS_MAX_LEAF); its length, PS_ENOENT past the end, PS_EFORMAT. */
int ps_proofs_leaf(struct ps_proofs *p, uint64_t index, uint8_t *out);
/* Every leaf in order. What each() returns but 0 ends it and is returned; PS_ENOENT and PS_EFORMAT as above. */
int ps_proofs_each(struct ps_proofs *p, int (*each)(void *ctx, uint64_t index, const uint8_t *leaf, size_t n),
                   void *ctx);
/* Index of the seal or abort of a clip; PS_ENOENT when it has none yet. */
int ps_proofs_end_of(struct ps_proofs *p, uint64_t clip, uint64_t *index);
/* Both proofs of a clip in this checkpoint (a signed note). PS_ESTATE when the checkpoint is older than the seal; PS_ESIG when the
 * tiles do not give the checkpoint's root. */
int ps_proofs_of_clip(struct ps_proofs *p, uint64_t clip, const char *note, size_t note_len,
                      struct ps_buf *open, struct ps_buf *seal, struct ps_why *why);

/* The same for one leaf of any kind. */
int ps_proofs_of_leaf(struct ps_proofs *p, uint64_t index, const char *note, size_t note_len,
                      struct ps_buf *out, struct ps_why *why);

#endif
