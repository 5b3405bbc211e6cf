/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_TIMESTAMP_CHAIN_H
#define PS_EVIDENCE_TIMESTAMP_CHAIN_H
/*
 * What is kept beside a token so that it can be judged when its authority is gone: the certificates from the signing one
 * up to the anchor, and revocation lists, as PEM (docs/FORMAT.md section 15).
 */
#include "evidence/timestamp.h"

struct ps_buf;

#define PS_TIMESTAMP_ANCHORS 64

/* The anchors that a PEM file names: its self-issued certificates, or all when there are none. */
int ps_timestamp_chain_anchors(struct ps_timestamp_anchor out[PS_TIMESTAMP_ANCHORS], unsigned *n,
                               const void *pem, size_t pem_n, struct ps_why *why);
/* Verifies as ps_timestamp_verify does, with the certificates in `pem` at hand, and appends the chain that was found
 * as PEM, the signing certificate first. */
int ps_timestamp_chain_make(struct ps_timestamp *out, struct ps_buf *chain, const void *token, size_t n,
                            const void *pem, size_t pem_n, const struct ps_timestamp_anchor *anchors,
                            size_t n_anchors, struct ps_why *why);
/* Calls found() with each http or https address of a revocation list that the certificates name, the last of several
 * excepted: it is the anchor. Non-zero from found() stops and is returned. */
int ps_timestamp_chain_lists(const void *chain, size_t n, int (*found)(void *ctx, const char *url), void *ctx,
                             struct ps_why *why);
/* Appends a revocation list (DER or PEM) to the chain as PEM. PS_ESIG when none of the chain's certificates signed
 * it; a list that is there already is not added again. */
int ps_timestamp_chain_add_list(struct ps_buf *chain, const void *crl, size_t n, struct ps_why *why);

#endif
