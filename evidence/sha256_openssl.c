/* SPDX-License-Identifier: ISC */
/*
 * OpenSSL 3 deprecates SHA256_CTX in favour of EVP, whose contexts live on the heap. A state that can be
 * copied by assignment and never fails is worth more here, and it runs the same code, SHA extensions
 * included.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include "evidence/sha256.h"

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct ps_sha256), "the state fits");
_Static_assert(_Alignof(SHA256_CTX) <= _Alignof(struct ps_sha256), "the state is aligned");

static SHA256_CTX *state(struct ps_sha256 *h) {
    return (SHA256_CTX *)(void *)h;
}

void ps_sha256_init(struct ps_sha256 *h) {
    SHA256_Init(state(h));
}

void ps_sha256_update(struct ps_sha256 *h, const void *p, size_t n) {
    if (n > 0)
        SHA256_Update(state(h), p, n);
}

void ps_sha256_final(struct ps_sha256 *h, uint8_t out[PS_SHA256_SIZE]) {
    SHA256_Final(out, state(h));
}

void ps_sha256(uint8_t out[PS_SHA256_SIZE], const void *p, size_t n) {
    struct ps_sha256 h;
    ps_sha256_init(&h);
    ps_sha256_update(&h, p, n);
    ps_sha256_final(&h, out);
}
