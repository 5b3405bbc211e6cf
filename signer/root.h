/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_ROOT_H
#define PS_SIGNER_ROOT_H
/*
 * What the merchant's root key is for, off the station (docs/KEYS.md): certifying stations, revoking keys, and the note
 * by which a platform enrols the merchant (docs/FORMAT.md section 16). It signs nothing else, and only what was composed
 * here.
 *
 * Each makes new files in the folder `out` and overwrites none; report gets lines for people.
 */
#include "evidence/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ps_buf;
struct ps_keyfile_passphrase;
struct ps_pubkey;

#define PS_ROOT_LIST 256

struct ps_root_job {
    const char *out; /* folder; for enrol the note's path */
    const struct ps_keyfile_passphrase *passphrase;
    const char *key; /* root.key */
    /* new */
    const char *merchant;
    bool moderate; /* 256 MiB instead of 1 GiB for the passphrase */
    /* certify */
    const char *request; /* and request.minisig */
    const char *from, *until;
    /* revoke */
    const char *clip_key, *since, *reason;
    /* enrol */
    const char *certs[PS_ROOT_LIST], *revocations[PS_ROOT_LIST], *authorities[PS_ROOT_LIST];
    size_t n_certs, n_revocations, n_authorities;
};

/* root.key and root.pub. */
int ps_root_new(const struct ps_root_job *j, struct ps_buf *report, struct ps_why *why);
/* cert.json, cert.json.minisig and a copy of root.pub. */
int ps_root_certify(const struct ps_root_job *j, struct ps_buf *report, struct ps_why *why);
/* revocation-KEYID.json and its .minisig. */
int ps_root_revoke(const struct ps_root_job *j, struct ps_buf *report, struct ps_why *why);
/* NOTE, NOTE.minisig and NOTE.trust. An authority is "SHA256HEX NAME". */
int ps_root_enrol(const struct ps_root_job *j, struct ps_buf *report, struct ps_why *why);

#endif
