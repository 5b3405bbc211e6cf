/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_KEY_H
#define PS_SIGNER_KEY_H
/*
 * The station's two Ed25519 keys. Nothing else in PackSeal sees secret keys or calls crypto_sign_* to sign.
 *
 * A key file (DIR/clip.key, DIR/ledger.key) is one line of text, mode 0600, owned by the signer:
 *   "packseal-key 1 " name " " id " " seed " " check "\n"
 * name is `clip` or `ledger`, id the 8 bytes of the key number, seed the 32 bytes of RFC 8032's private key,
 * check the first 8 bytes of BLAKE2b-256 over name ‖ id ‖ seed against a mistyped copy; all lower-case
 * hexadecimal. In memory seeds live between guard pages, locked, left out of core dumps, and cannot even be
 * read except while a signature is made.
 */
#include "evidence/error.h"
#include "evidence/minisign.h"
#include <stddef.h>
#include <stdint.h>

struct ps_key;

/* Makes both key files in the folder; PS_EEXIST when either is there, for a key is never overwritten. */
int ps_key_create(int dir, struct ps_why *why);
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

#endif
