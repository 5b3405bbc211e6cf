/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_TIMESTAMP_H
#define PS_EVIDENCE_TIMESTAMP_H
/*
 * RFC 3161 time-stamp tokens, by OpenSSL's libcrypto (never linked into the signer). A token proves that its imprint
 * existed at genTime, by the authority's clock and accuracy. docs/FORMAT.md section 15. What is kept beside a token is
 * made by timestamp_chain.h.
 */
#include "evidence/error.h"
#include <stddef.h>
#include <stdint.h>

#define PS_TIMESTAMP_MAX 262144        /* bytes of a response or token */
#define PS_TIMESTAMP_CHAIN_MAX 1048576 /* bytes of PEM: certificates and revocation lists */

struct ps_timestamp {
    int64_t time_ns;     /* genTime, UTC */
    int64_t accuracy_ns; /* as stated, at most a day; 0 when it is not */
    uint8_t imprint[32]; /* SHA-256 of what was stamped */
    uint8_t root[32];    /* SHA-256 of the DER of the trust anchor that the chain ends in */
    char authority
        [256];    /* subject of the signing certificate as RFC 2253 text, UTF-8; "" when it is not there */
    char code[9]; /* freshness code of this token */
    int64_t until_ns; /* the signing certificate expires */
};

/* Which anchors the caller trusts: SHA-256 over the DER of a root (or any CA) certificate. */
struct ps_timestamp_anchor {
    uint8_t sha256[32];
    char name[128];
};

/* Verifies a TimeStampResp or a bare token: status granted, signature over SHA-256 or better, ESS certificate binding,
 * imprint algorithm SHA-256, timeStamping as the only and critical EKU, chain from the certificates of the token and of
 * the PEM in `chain` up to an anchor, each certificate valid at genTime, and not revoked by the CRLs in `chain`: before
 * genTime plus accuracy, or at any time when the entry gives compromise or no reason (RFC 3161, section 4). The anchor's
 * certificate must be in token or chain. Errors: PS_EFORMAT, PS_ETRAIL, PS_ELIMIT, PS_EVERSION, PS_ESIG (does not
 * verify, in this order before the chain), PS_EPERM (refused by the authority, or chain ends in no anchor), PS_ETIME
 * (expired or revoked); why says which. `out` is filled as far as it was read. */
int ps_timestamp_verify(struct ps_timestamp *out, const void *token, size_t n, const void *chain,
                        size_t chain_n, const struct ps_timestamp_anchor *anchors, size_t n_anchors,
                        struct ps_why *why);
/* Reads without judging the chain (out->root zeros): for codes and lists. */
int ps_timestamp_read(struct ps_timestamp *out, const void *token, size_t n, struct ps_why *why);
/* A request (DER) for this imprint with a nonce, certificates wanted; caller frees *der by free(). */
int ps_timestamp_request(const uint8_t imprint[32], uint64_t nonce, uint8_t **der, size_t *n);
/* Does the response answer that request? 0; PS_EPERM when it is refused, why in the authority's words; PS_ESTATE when it
 * is for another imprint or nonce; as ps_timestamp_read when it cannot be read. */
int ps_timestamp_answers(const void *response, size_t n, const uint8_t imprint[32], uint64_t nonce,
                         struct ps_why *why);
/* First 40 bits of SHA-256("packseal/freshness/v1\0" ‖ SignerInfo signature octets) in Crockford's base32; the
 * unsigned attributes do not enter, so adding some does not move the code. */
int ps_timestamp_code(const void *token, size_t n, char out[9]);

#endif
