/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_STATIONKEY_H
#define PS_SIGNER_STATIONKEY_H
/*
 * The life of a station's keys (docs/KEYS.md): asking for a certificate and installing it, a new clip key, a passphrase
 * or none. What changes a key needs the signer stopped.
 *
 * public/ holds clip.pub, log.vkey, trust, and when installed root.pub, cert.json, cert.json.minisig; what was replaced
 * goes to public/old/ as clip-KEYID.pub and cert-SERIAL.json with its .minisig: old clips are still checked by it.
 */
#include "evidence/error.h"
#include "evidence/minisign.h"
#include <stdbool.h>
#include <stdint.h>

struct ps_buf;
struct ps_keyfile_passphrase;

struct ps_stationkey {
    int dir, public_dir; /* open folders */
    char station[PS_MAX_STATION_ID + 1];
    const struct ps_keyfile_passphrase *passphrase; /* of the keys as they are, or NULL */
};

/* Reads the station's name; dir and public_dir are set. */
int ps_stationkey_open(struct ps_stationkey *s, struct ps_why *why);
/* Appends the request and, right after it, its signature. */
int ps_stationkey_request(const struct ps_stationkey *s, struct ps_buf *out, struct ps_why *why);

struct ps_stationkey_cert { /* borrowed bytes of the four files' contents */
    const void *cert, *sig, *root;
    size_t cert_n, sig_n, root_n;
    bool new_root; /* a root key other than the installed one is meant */
};
/* Installs a certificate that the root key signed for just these keys, or a revocation by it: public/revocation-KEYID.json. */
int ps_stationkey_install(const struct ps_stationkey *s, const struct ps_stationkey_cert *c,
                          struct ps_buf *report, struct ps_why *why);
/* A new clip key, kept as the old one was. PS_EBUSY while a signer runs, PS_ESTATE while a clip is pending. */
int ps_stationkey_rotate(const struct ps_stationkey *s, struct ps_buf *report, struct ps_why *why);
/* Both keys under this passphrase, or plain with NULL. */
int ps_stationkey_relock(const struct ps_stationkey *s, const struct ps_keyfile_passphrase *fresh,
                         struct ps_why *why);
/* One line of JSON for each key: {"key","public","at_rest"}. */
int ps_stationkey_list(const struct ps_stationkey *s, struct ps_buf *out, struct ps_why *why);

/* For the signer's start: 1 when a rotation to this clip key has no leaf yet; digest is then the leaf's, SHA-256 of the
 * 32 bytes of the public key. Once the leaf is committed, ps_stationkey_recorded; after a crash in between the leaf
 * stands twice, which says no more than once. */
int ps_stationkey_pending(int dir, const struct ps_pubkey *clip, uint8_t digest[32]);
void ps_stationkey_recorded(int dir);

#endif
