/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_CERT_H
#define PS_EVIDENCE_CERT_H
/*
 * Station certificates and revocations by the merchant's root key (docs/FORMAT.md section 14): strict JSON, signed by
 * minisign as statements are.
 *
 *   {"type":"packseal-cert","version":1,"crit":[],"merchant":"…","station":"ST03","clip_key":"RWQ…",
 *    "ledger_key":"NAME+HASH+BASE64","from":"…Z","until":"…Z","serial":N}
 *   {"type":"packseal-revocation","version":1,"crit":[],"merchant":"…","clip_key":"RWQ…","since":"…Z","reason":"lost"}
 */
#include "evidence/minisign.h"
#include "evidence/note.h"

struct ps_buf;

struct ps_cert {
    char merchant[PS_MAX_NAME + 1];
    char station[PS_MAX_STATION_ID + 1];
    struct ps_pubkey clip_key;
    struct ps_vkey ledger_key;
    int64_t from_ns, until_ns;
    uint64_t serial;
};

struct ps_revocation {
    char merchant[PS_MAX_NAME + 1];
    struct ps_pubkey clip_key;
    int64_t since_ns;
    char reason[PS_MAX_NAME + 1]; /* lost, stolen, replaced, closed */
};

#define PS_CERT_MAX 16384 /* bytes of a certificate or revocation */
#define PS_CERT_COMMENT 160

void ps_cert_write(const struct ps_cert *c, struct ps_buf *b);
int ps_cert_parse(struct ps_cert *out, const void *p, size_t n, struct ps_why *why);
void ps_cert_write_revocation(const struct ps_revocation *r, struct ps_buf *b);
int ps_cert_parse_revocation(struct ps_revocation *out, const void *p, size_t n, struct ps_why *why);

/* The usual way in: the root's signature first, then the text. PS_ENOENT when another key has signed, PS_ESIG. Any
 * trusted comment will do, for a root key may be kept in stock minisign. */
int ps_cert_open(struct ps_cert *out, const void *p, size_t n, const void *sig, size_t sig_n,
                 const struct ps_pubkey *root, struct ps_why *why);
int ps_cert_open_revocation(struct ps_revocation *out, const void *p, size_t n, const void *sig, size_t sig_n,
                            const struct ps_pubkey *root, struct ps_why *why);
/* The trusted comments that PackSeal itself signs with, made from the bytes that were written. */
void ps_cert_comment(const struct ps_cert *c, const void *p, size_t n, char out[PS_CERT_COMMENT]);
void ps_cert_comment_revocation(const struct ps_revocation *r, const void *p, size_t n,
                                char out[PS_CERT_COMMENT]);

#endif
