/* SPDX-License-Identifier: GPL-3.0-or-later */
/* This program gets the signer's SHA-256, of libsodium; it is held against that of OpenSSL. */
#include <openssl/sha.h>
#include <string.h>

#include "evidence/sha256.h"
#include "tests/unit/tap.h"

int main(void) {
    uint8_t data[1000], got[32], want[32];
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * i + 3 * i);
    for (size_t n = 0; n <= sizeof data; n++) {
        ps_sha256(got, data, n);
        SHA256(data, n, want);
        wrong += memcmp(got, want, 32) != 0;
    }
    tap_is_uint(wrong, 0, "texts of 0 to 1000 bytes");
    ps_sha256(want, data, sizeof data);
    for (size_t cut = 0; cut <= sizeof data; cut++) {
        struct ps_sha256 h, copy;
        ps_sha256_init(&h);
        ps_sha256_update(&h, data, cut);
        copy = h;
        ps_sha256_update(&h, "other", 5);
        ps_sha256_update(&copy, data + cut, sizeof data - cut);
        ps_sha256_final(&copy, got);
        wrong += memcmp(got, want, 32) != 0;
    }
    tap_is_uint(wrong, 0, "in two pieces, cut anywhere, by a copied state");
    return tap_done();
}
