/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_KEYFILE_H
#define PS_SIGNER_KEYFILE_H
/*
 * Secret key files as bytes: plain (version 1) and under a passphrase (version 2). Each is one line of text, its
 * fields parted by single blanks; numbers of bytes are lower-case hexadecimal, counts are decimal.
 *
 *   "packseal-key 1 " name " " id[8] " " seed[32] " " check[8] "\n"
 *   "packseal-key 2 " name " " id[8] " " public[32] " " ops " " mem " " salt[16] " " nonce[24] " " box[48] " " label "\n"
 *
 * name is `clip`, `ledger` or `root`; id is the key number of minisign; seed the private key of RFC 8032. check is the
 * first 8 bytes of BLAKE2b-256 over name ‖ id ‖ seed, against a mistyped copy. label says whose key it is: the
 * merchant's name for a root key, the station's id for the others.
 *
 * box is XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha) of the seed; all else of the line, without the box, is its
 * associated data, so that no bit of the file can be changed unnoticed. Its key is Argon2id (RFC 9106) of the
 * passphrase's bytes with salt, ops passes over mem bytes, one lane.
 */
#include "evidence/error.h"
#include "evidence/limits.h"
#include <stddef.h>
#include <stdint.h>

#define PS_KEYFILE_MAX 640
#define PS_KEYFILE_PASSPHRASE_MIN 8 /* bytes of a new one */
#define PS_KEYFILE_PASSPHRASE_MAX 1024
#define PS_KEYFILE_OPS_MAX 32
#define PS_KEYFILE_MEM_MAX ((uint64_t)1 << 30) /* what a file may make us allocate */

/* Whoever owns one keeps it in guarded memory (sodium_malloc). */
struct ps_keyfile {
    char name[8];
    uint8_t id[8];
    uint8_t pub[32];
    uint8_t seed[32];
    char label[PS_MAX_NAME + 1]; /* "" in version 1 */
};

struct ps_keyfile_cost {
    uint64_t ops, mem;
};
/* crypto_pwhash's MODERATE (256 MiB: a station starts unattended on a small machine) and SENSITIVE (1 GiB). */
extern const struct ps_keyfile_cost ps_keyfile_cost_station, ps_keyfile_cost_root;

struct ps_keyfile_passphrase; /* in guarded memory */

/* Under what a new file is put: NULL is version 1. */
struct ps_keyfile_lock {
    const struct ps_keyfile_passphrase *passphrase;
    struct ps_keyfile_cost cost;
};

enum ps_keyfile_rest { PS_KEYFILE_PLAIN = 1, PS_KEYFILE_PASSPHRASE = 2 };

/* The line for k, in guarded memory of PS_KEYFILE_MAX bytes. PS_EINVAL: the passphrase is too short for a new file,
 * or the label is not text; PS_ENOMEM also when there is not as much memory as the cost asks for. */
int ps_keyfile_encode(char *line, size_t *n, const struct ps_keyfile *k, const struct ps_keyfile_lock *lock,
                      struct ps_why *why);
/* Reads the line of the key `name`; where names the file in why. pub is filled in by version 2 only: compare it with
 * the seed's. PS_EFORMAT: no such key file; PS_ENOENT: it needs a passphrase and there is none; PS_EPERM: the
 * passphrase is another, or the file was changed. */
int ps_keyfile_decode(struct ps_keyfile *out, const char *line, size_t n, const char *name,
                      const struct ps_keyfile_passphrase *p, const char *where, struct ps_why *why);
/* What can be told without a passphrase: enum ps_keyfile_rest or PS_EFORMAT. Of version 2 id, pub and label, not
 * authenticated. */
int ps_keyfile_peek(struct ps_keyfile *out, const char *line, size_t n, const char *name);

/* One line from a descriptor, read byte by byte so that another may follow: up to LF, a CR before it dropped, or the
 * end. 1 to 1024 bytes, no control characters. */
int ps_keyfile_passphrase_read(struct ps_keyfile_passphrase **out, int fd, struct ps_why *why);
void ps_keyfile_passphrase_free(struct ps_keyfile_passphrase *p); /* wipes */

#endif
