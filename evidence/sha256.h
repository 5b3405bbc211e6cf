/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_SHA256_H
#define PS_EVIDENCE_SHA256_H
/*
 * SHA-256 (FIPS 180-4), streaming. One header, two implementations chosen at link time: sha256_openssl.c
 * (libcrypto, uses the CPU's SHA extensions: recorder, cli, viewer) and sha256_sodium.c (the signer, which
 * links nothing larger than libsodium).
 */
#include <stddef.h>
#include <stdint.h>

#define PS_SHA256_SIZE 32

struct ps_sha256 {
    union {
        uint64_t align;
        uint8_t room[256]; /* the state of either implementation; checked by a static assertion */
    } u;
};

/* Neither implementation allocates, so nothing is to be freed and a state may be copied by assignment. */
void ps_sha256_init(struct ps_sha256 *h);
void ps_sha256_update(struct ps_sha256 *h, const void *p, size_t n);
void ps_sha256_final(struct ps_sha256 *h, uint8_t out[PS_SHA256_SIZE]);
void ps_sha256(uint8_t out[PS_SHA256_SIZE], const void *p, size_t n);

#endif
