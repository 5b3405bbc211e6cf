/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_TRUST_H
#define PS_EVIDENCE_TRUST_H
/*
 * Trust file: whom the caller believes (docs/FORMAT.md section 8).
 *
 *   packseal-trust 1
 *   # comment
 *   clip RWQ… station=ST03 merchant="名" from=2026-01-01T00:00:00Z until=2028-01-01T00:00:00Z
 *   revoked RWQ… since=2026-05-01T00:00:00Z
 *   root RWQ… merchant="名"            whom this key certifies is registered (section 14)
 *   tsa SHA256HEX name="…"             trust anchor for time stamps
 *   witness VKEY                       whose cosignatures count
 *   log VKEY                           a station's ledger
 * A bare minisign public key file is a trust file of one key without limits.
 */
#include "evidence/error.h"
#include "evidence/minisign.h"
#include "evidence/note.h"
#include "evidence/timestamp.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ps_trust_key {
    struct ps_pubkey key;
    char station[PS_MAX_STATION_ID + 1]; /* "" any */
    char merchant[PS_MAX_NAME + 1];
    int64_t from_ns, until_ns; /* INT64_MIN / INT64_MAX when absent */
    int64_t revoked_ns;        /* INT64_MAX when not revoked */
    bool only_revoked;         /* no clip line: never trusted by this entry, before the revocation neither */
};

struct ps_trust_root {
    struct ps_pubkey key;
    char merchant[PS_MAX_NAME + 1]; /* "" any */
    int64_t revoked_ns;             /* INT64_MAX when not revoked */
};

struct ps_trust {
    struct ps_trust_key *keys;
    size_t n;
    struct ps_trust_root *roots;
    size_t n_roots;
    struct ps_timestamp_anchor *anchors;
    size_t n_anchors;
    struct ps_vkey *witnesses, *logs;
    size_t n_witnesses, n_logs;
};

struct ps_cert;

/* Lines end in LF or CR LF. Refused: a key with two clip lines, a root, authority, witness or log that stands twice, a
 * root that is a clip key too, an attribute that is unknown or stands twice.
 * A key may be revoked without a clip line; `revoked` without since= is from the beginning of time; the
 * earliest of several revocations counts. why->where is "line N". Free with ps_trust_free. */
int ps_trust_parse(struct ps_trust *out, const void *p, size_t n, struct ps_why *why);
void ps_trust_free(struct ps_trust *t);
/* The entry for a key number and public key, or NULL. */
const struct ps_trust_key *ps_trust_find(const struct ps_trust *t, const struct ps_pubkey *k);
/* Same, by key number alone; key numbers are not authenticated: verify with its key. Looks from entry *from
 * on and leaves the next one there, so that all keys of a number can be tried; NULL begins at the first. */
const struct ps_trust_key *ps_trust_by_id(const struct ps_trust *t, const uint8_t id[8], size_t *from);
const struct ps_trust_root *ps_trust_root(const struct ps_trust *t, const struct ps_pubkey *k);
/* What a clip line would have said, for the clip key of a certificate that root (of t->roots) has signed
 * (ps_cert_open): its station, merchant, validity; revoked as the key's own revoked lines say, and as the root's, for a
 * stolen root dates its certificates as it likes. PS_EPERM when the root stands for another merchant, or the clip key is
 * a root itself. */
int ps_trust_certified(const struct ps_trust *t, const struct ps_trust_root *root, const struct ps_cert *c,
                       struct ps_trust_key *out);

#endif
