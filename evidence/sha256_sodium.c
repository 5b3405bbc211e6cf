/* SPDX-License-Identifier: ISC */
#include <sodium.h>

#include "evidence/sha256.h"

_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(struct ps_sha256), "the state fits");
_Static_assert(_Alignof(crypto_hash_sha256_state) <= _Alignof(struct ps_sha256), "the state is aligned");
_Static_assert(crypto_hash_sha256_BYTES == PS_SHA256_SIZE, "the digest fits");

static crypto_hash_sha256_state *state(struct ps_sha256 *h) {
    return (crypto_hash_sha256_state *)(void *)h;
}

void ps_sha256_init(struct ps_sha256 *h) {
    crypto_hash_sha256_init(state(h));
}

void ps_sha256_update(struct ps_sha256 *h, const void *p, size_t n) {
    if (n > 0)
        crypto_hash_sha256_update(state(h), p, n);
}

void ps_sha256_final(struct ps_sha256 *h, uint8_t out[PS_SHA256_SIZE]) {
    crypto_hash_sha256_final(state(h), out);
}

void ps_sha256(uint8_t out[PS_SHA256_SIZE], const void *p, size_t n) {
    struct ps_sha256 h;
    ps_sha256_init(&h);
    ps_sha256_update(&h, p, n);
    ps_sha256_final(&h, out);
}
