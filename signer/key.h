/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_KEY_H
#define PS_SIGNER_KEY_H
/*
 * The station's two Ed25519 keys, and, off the station, the merchant's root key. Nothing else in PackSeal sees secret
 * keys or calls crypto_sign_* to sign.
 *
 * Key files (DIR/clip.key, DIR/ledger.key, root.key) are as signer/keyfile.h tells, plain or under a passphrase, mode
 * 0600, owned by the signer. Where systemd hands over a credential of the same name, that is taken instead; a
 * credential `packseal-passphrase` opens encrypted files. In memory seeds live between guard pages, locked, left out of
 * core dumps, and cannot even be read except while a signature is made.
 */
#include "evidence/error.h"
#include "evidence/minisign.h"
#include "signer/keyfile.h"
#include <stddef.h>
#include <stdint.h>

struct ps_key;

/* Makes both key files in the folder, plain when lock is NULL; PS_EEXIST when either is there, for a key is never
 * overwritten. */
int ps_key_create(int dir, const struct ps_keyfile_lock *lock, const char *station, struct ps_why *why);
/* The passphrase that every ps_key_load of this process tries, before systemd's; borrowed, NULL for none. */
void ps_key_unlock(const struct ps_keyfile_passphrase *p);
/* PS_ENOENT also when a file is encrypted and there is no passphrase, PS_EPERM when that is wrong. */
int ps_key_load(struct ps_key **out, int dir, struct ps_why *why);
void ps_key_free(struct ps_key *k); /* wipes */
const struct ps_pubkey *ps_key_clip(const struct ps_key *k);
const uint8_t *ps_key_ledger(const struct ps_key *k); /* 32 bytes */
/* Did the kernel lock the pages of the secrets into memory? */
int ps_key_locked(const struct ps_key *k);

/* minisign's prehashed signature over n bytes, with its trusted comment (printable ASCII). Deterministic: the
 * same bytes and comment give the same signature. PS_EINVAL when the comment is too long. */
int ps_key_sign_clip(const struct ps_key *k, const void *p, size_t n, const char *comment,
                     struct ps_minisig *out);
/* Ed25519 by the ledger key over a checkpoint's text: C2SP signed-note, the text up to and with the line feed before
 * the blank line. Deterministic. PS_EINVAL when the text is empty. */
int ps_key_sign_checkpoint(const struct ps_key *k, const char *text, size_t n, uint8_t sig[64]);

/* ---- the station's files, while no signer runs; callers hold the folder's lock ---- */

enum ps_key_rest { PS_KEY_PLAIN = 1, PS_KEY_PASSPHRASE, PS_KEY_CREDENTIAL };
/* The public half of `clip` or `ledger` and how the secret one is kept; needs no passphrase. */
int ps_key_look(int dir, const char *name, struct ps_pubkey *pub, enum ps_key_rest *rest, struct ps_why *why);
/* Writes both files anew, under another passphrase or none. Cut short, it can be called again with the same arguments. */
int ps_key_relock(int dir, const struct ps_keyfile_passphrase *old, const struct ps_keyfile_lock *lock,
                  const char *station, struct ps_why *why);
/* A new clip key: first into a file beside, then in the place of the old one, which is wiped. */
#define PS_KEY_FRESH "clip.key.fresh"
int ps_key_fresh_clip(int dir, const struct ps_keyfile_lock *lock, const char *station,
                      struct ps_pubkey *fresh, struct ps_why *why);
int ps_key_take_fresh(int dir, struct ps_why *why);

/* ---- the merchant's root key, on another machine ---- */

struct ps_key_root;

/* Writes DIR/root.key; lock must be given. */
int ps_key_root_create(int dir, const struct ps_keyfile_lock *lock, const char *merchant,
                       struct ps_pubkey *pub, struct ps_why *why);
int ps_key_root_load(struct ps_key_root **out, const char *path, const struct ps_keyfile_passphrase *p,
                     struct ps_why *why);
void ps_key_root_free(struct ps_key_root *k); /* wipes */
const struct ps_pubkey *ps_key_root_public(const struct ps_key_root *k);
const char *ps_key_root_merchant(const struct ps_key_root *k);
/* As ps_key_sign_clip. */
int ps_key_root_sign(const struct ps_key_root *k, const void *p, size_t n, const char *comment,
                     struct ps_minisig *out);

#endif
