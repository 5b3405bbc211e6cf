/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_MINISIGN_H
#define PS_EVIDENCE_MINISIGN_H
/*
 * Public keys and prehashed ("ED") detached signatures in minisign's format
 * (https://jedisct1.github.io/minisign/): Ed25519 over BLAKE2b-512 of the file, and a second Ed25519 over
 * signature ‖ trusted comment. Making signatures is in signer/key.c alone.
 */
#include "evidence/error.h"
#include "evidence/limits.h"
#include <stddef.h>
#include <stdint.h>

struct ps_buf;

struct ps_pubkey {
    uint8_t id[8]; /* key number, as stored (minisign prints it little-endian) */
    uint8_t key[32];
};

struct ps_minisig {
    uint8_t id[8];
    uint8_t sig[64];
    char comment[PS_MAX_TRUSTED_COMMENT + 1];
    uint8_t global[64];
};

/* A public key file (two lines), or its bare base64 line. Legacy and trailing text are PS_EFORMAT. */
int ps_minisign_pubkey_parse(struct ps_pubkey *out, const void *p, size_t n);
void ps_minisign_pubkey_write(struct ps_buf *b, const struct ps_pubkey *k, const char *untrusted_comment);
/* The 56 characters of base64 line; out takes 57. */
void ps_minisign_pubkey_text(const struct ps_pubkey *k, char out[57]);
/* The key number as minisign prints it, 16 upper-case hex digits; out takes 17. */
void ps_minisign_id_text(const uint8_t id[8], char out[17]);
/* What two people compare on the telephone (docs/FORMAT.md section 16.1): the first 16 bytes of SHA-256 over the 42 bytes of the
 * key's base64 line, as eight groups of four hexadecimal digits. out takes 40. */
void ps_minisign_fingerprint(const struct ps_pubkey *k, char out[40]);

/* Four lines, strict; "Ed" (not prehashed) is PS_EVERSION; empty input PS_ESHORT. */
int ps_minisign_sig_parse(struct ps_minisig *out, const void *p, size_t n);
void ps_minisign_sig_write(struct ps_buf *b, const struct ps_minisig *s, const char *untrusted_comment);
/* BLAKE2b-512 of the file. */
void ps_minisign_prehash(uint8_t out[64], const void *p, size_t n);
/* 0, PS_ENOENT when the key number differs, PS_ESIG when either signature fails. */
int ps_minisign_verify(const struct ps_minisig *s, const struct ps_pubkey *k, const void *p, size_t n);

#endif
