/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "evidence/merkle.h"

#include <stdbool.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/error.h"
#include "evidence/leaf.h"
#include "evidence/sha256.h"
#include "tests/unit/tap.h"

/* The leaves and roots that certificate-transparency programs test with. */
static void known_roots(void) {
    static const struct {
        const char *leaf;
        size_t n;
        const char *root; /* of all up to this one */
    } t[] = {
        {"", 0, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
        {"\x00", 1, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
        {"\x10", 1, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
        {"\x20\x21", 2, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
        {"\x30\x31", 2, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
        {"\x40\x41\x42\x43", 4, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
        {"\x50\x51\x52\x53\x54\x55\x56\x57", 8,
         "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
        {"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16,
         "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
    };
    struct ps_merkle tree;
    uint8_t h[32];
    char hex[65];
    ps_merkle_init(&tree);
    tap_is_int(ps_merkle_root(&tree, 0, h), 0, "an empty tree");
    ps_bytes_hex(hex, h, 32);
    tap_is_str(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
               "has the digest of nothing");
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        ps_leaf_hash(h, t[i].leaf, t[i].n);
        ps_merkle_append(&tree, h);
        ps_merkle_root(&tree, i + 1, h);
        ps_bytes_hex(hex, h, 32);
        tap_is_str(hex, t[i].root, "root of %zu leaves", i + 1);
    }
    tap_is_int(ps_merkle_root(&tree, 9, h), PS_EINVAL, "no root of leaves that are not there");
    ps_merkle_free(&tree);
}

/* RFC 6962 section 2.1 word for word, as slow as it likes. */
static void mth(uint8_t (*leaf)[32], size_t n, uint8_t out[32]) {
    if (n == 1) {
        memcpy(out, leaf[0], 32);
        return;
    }
    uint8_t both[65] = {1};
    size_t k = 1;
    while (k * 2 < n)
        k *= 2;
    mth(leaf, k, both + 1);
    mth(leaf + k, n - k, both + 33);
    ps_sha256(out, both, sizeof both);
}

static void every_proof(void) {
    enum { N = 70 };
    struct ps_merkle tree;
    uint8_t leaf[N][32], root[32], want[32], proof[64][32] = {{0}};
    size_t bad_root = 0, bad_proof = 0, accepted = 0;
    ps_merkle_init(&tree);
    for (size_t i = 0; i < N; i++) {
        leaf[i][0] = (uint8_t)i;
        ps_sha256(leaf[i], leaf[i], 1);
        ps_merkle_append(&tree, leaf[i]);
        /* As whole tree now, and again below as part of the larger one. */
        mth(leaf, i + 1, want);
        ps_merkle_root(&tree, i + 1, root);
        bad_root += memcmp(root, want, 32) != 0;
    }
    for (size_t n = 1; n <= N; n++) {
        mth(leaf, n, want);
        ps_merkle_root(&tree, n, root);
        bad_root += memcmp(root, want, 32) != 0;
        for (size_t i = 0; i < n; i++) {
            int len = ps_merkle_proof(&tree, i, n, proof);
            const uint8_t(*p)[32] = (const uint8_t(*)[32])proof;
            bad_proof += len < 0 || ps_merkle_check(leaf[i], i, n, p, len, root) != 0;
            accepted += ps_merkle_check(leaf[i], i + 1, n, p, len, root) == 0;
            accepted += ps_merkle_check(leaf[i], i, n, p, len - 1, root) == 0;
            accepted += ps_merkle_check(leaf[i], i, n, p, len + 1, root) == 0;
            accepted += ps_merkle_check(leaf[(i + 1) % N], i, n, p, len, root) == 0;
            for (int j = 0; j < len; j++) {
                proof[j][i % 32] ^= (uint8_t)(1u << n % 8);
                accepted += ps_merkle_check(leaf[i], i, n, p, len, root) == 0;
                proof[j][i % 32] ^= (uint8_t)(1u << n % 8);
            }
            root[n % 32] ^= 1;
            accepted += ps_merkle_check(leaf[i], i, n, p, len, root) == 0;
            root[n % 32] ^= 1;
        }
    }
    tap_is_uint(bad_root, 0, "roots of 1 to %d leaves, whole and as parts", N);
    tap_is_uint(bad_proof, 0, "each leaf's proof in each tree holds");
    tap_is_uint(accepted, 0, "none that was changed, cut, lengthened or is of another leaf does");
    tap_is_int(ps_merkle_proof(&tree, 5, 5, proof), PS_EINVAL, "no proof of a leaf outside the tree");
    tap_is_int(ps_merkle_proof(&tree, 5, N + 1, proof), PS_EINVAL, "nor in a tree that is not there");
    tap_is_int(ps_merkle_check(leaf[0], 0, 0, NULL, 0, leaf[0]), PS_ESIG, "nothing is in an empty tree");
    tap_is_int(ps_merkle_check(leaf[0], 0, 1, NULL, 0, leaf[0]), 0, "the only leaf is its root");
    tap_is_int(ps_merkle_check(leaf[0], 0, 1, NULL, -1, leaf[0]), PS_ESIG, "a failed proof proves nothing");
    ps_merkle_free(&tree);
}

static void growing(void) {
    struct ps_merkle tree;
    uint8_t h[32], whole[32], walked[32];
    ps_merkle_init(&tree);
    for (uint32_t i = 0; i < 5000; i++) {
        ps_sha256(h, &i, sizeof i);
        if (ps_merkle_append(&tree, h) != 0)
            tap_bail("out of memory");
    }
    ps_merkle_root(&tree, 5000, whole);
    mth(tree.leaf, 5000, walked);
    tap_is_mem(whole, walked, 32, "five thousand leaves");
    ps_merkle_free(&tree);
    tap_ok(tree.leaf == NULL && tree.size == 0, "freed");
}

int main(void) {
    known_roots();
    every_proof();
    growing();
    return tap_done();
}
