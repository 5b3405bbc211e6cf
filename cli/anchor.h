/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_ANCHOR_H
#define PS_CLI_ANCHOR_H
/*
 * Tokens whose authority's certificate ends soon are named in the ledger, so that a later token, by a certificate that
 * lasts, carries them on (docs/FORMAT.md section 15).
 */
#include "archive/tokens.h"

#define PS_ANCHOR_DAYS 90  /* so long before the end */
#define PS_ANCHOR_MOST 256 /* in one run; the next one goes on */

struct ps_anchor {
    char token[PS_TOKENS_NAME];
    uint64_t size; /* leaves of its checkpoint */
    int64_t until_ns;
    uint8_t digest[32]; /* SHA-256(token.tsr ‖ chain.pem) */
    uint64_t index;     /* of its leaf */
};

struct ps_anchors {
    struct ps_anchor *v; /* appended now, in the order of their leaves */
    size_t n;
};

/* Has the signer append what is missing, and waits until a checkpoint covers it. cp is the newest checkpoint. What was
 * appended before an error is in *out. Errors as of ps_tokens_list, ps_proofs_open and ps_appending_ask; PS_ETIME too
 * when no checkpoint comes. Free with ps_anchor_free. */
int ps_anchor_make(struct ps_anchors *out, const char *root, const struct ps_checkpoint *cp,
                   struct ps_why *why);
void ps_anchor_free(struct ps_anchors *a);

#endif
