/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_TIMESTAMP_INTERNAL_H
#define PS_EVIDENCE_TIMESTAMP_INTERNAL_H
/*
 * Between timestamp.c (reading), timestamp_verify.c (judging) and timestamp_chain.c (what is kept beside a token).
 */
#include "evidence/timestamp.h"
#include <openssl/cms.h>
#include <openssl/ts.h>
#include <openssl/x509.h>

#define PS_TIMESTAMP_CERTS 64 /* certificates, or revocation lists, in one token or PEM */

struct ps_timestamp_parts {
    CMS_ContentInfo *cms;
    CMS_SignerInfo *signer; /* the only one; borrowed from cms */
    TS_TST_INFO *info;
};

struct ps_timestamp_pem {
    STACK_OF(X509) * certs;
    STACK_OF(X509_CRL) * crls;
};

/* Takes a response or token apart; shape only, nothing is judged. Free with _close, also after a failure. */
int ps_timestamp_open(struct ps_timestamp_parts *t, const void *token, size_t n, struct ps_why *why);
void ps_timestamp_close(struct ps_timestamp_parts *t);
/* What TSTInfo and the signature's octets tell. */
int ps_timestamp_fill(struct ps_timestamp *out, const struct ps_timestamp_parts *t, struct ps_why *why);
/* Name and end of validity of the signing certificate. */
void ps_timestamp_fill_signer(struct ps_timestamp *out, X509 *cert);
/* Seconds of an ASN.1 time as nanoseconds; what lies outside int64_t is its nearest end. PS_EFORMAT. */
int ps_timestamp_ns(const ASN1_TIME *t, int64_t *ns);
/* The certificate that the signer info names, borrowed from the stack; NULL. */
X509 *ps_timestamp_signer_of(const struct ps_timestamp_parts *t, STACK_OF(X509) * certs);

/* Blocks CERTIFICATE and X509 CRL; other kinds are refused, text between them is not looked at. Free with
 * _pem_free, also after a failure. */
int ps_timestamp_pem_read(struct ps_timestamp_pem *out, const void *p, size_t n, struct ps_why *why);
void ps_timestamp_pem_free(struct ps_timestamp_pem *p);

/* ps_timestamp_verify, and the chain from the signing certificate to the anchor (caller frees; NULL allowed). */
int ps_timestamp_verify_chain(struct ps_timestamp *out, STACK_OF(X509) * *chain, const void *token, size_t n,
                              const struct ps_timestamp_pem *pem, const struct ps_timestamp_anchor *anchors,
                              size_t n_anchors, struct ps_why *why);
/* SHA-256 of a certificate's DER. */
int ps_timestamp_cert_hash(const X509 *cert, uint8_t out[32]);
#endif
