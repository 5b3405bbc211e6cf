/* SPDX-License-Identifier: ISC */
#include "evidence/merkle.h"

#include <stdlib.h>
#include <string.h>

#include "evidence/error.h"
#include "evidence/sha256.h"

void ps_merkle_node(uint8_t out[32], const uint8_t left[32], const uint8_t right[32]) {
    static const uint8_t node_prefix = 0x01;
    struct ps_sha256 h;
    ps_sha256_init(&h);
    ps_sha256_update(&h, &node_prefix, 1);
    ps_sha256_update(&h, left, 32);
    ps_sha256_update(&h, right, 32);
    ps_sha256_final(&h, out);
}

void ps_merkle_init(struct ps_merkle *t) {
    *t = (struct ps_merkle){0};
}

void ps_merkle_free(struct ps_merkle *t) {
    free(t->leaf);
    ps_merkle_init(t);
}

int ps_merkle_append(struct ps_merkle *t, const uint8_t leaf_hash[32]) {
    if (t->size == t->cap) {
        uint64_t cap = t->cap == 0 ? 1024 : t->cap * 2;
        if (cap > SIZE_MAX / 32)
            return PS_ENOMEM;
        uint8_t(*leaf)[32] = realloc(t->leaf, (size_t)cap * 32);
        if (leaf == NULL)
            return PS_ENOMEM;
        t->leaf = leaf;
        t->cap = cap;
    }
    memcpy(t->leaf[t->size], leaf_hash, 32);
    /* Like adding one to a binary number: full subtrees of equal height merge into the next. */
    uint8_t h[32];
    int height = 0;
    memcpy(h, leaf_hash, 32);
    for (; t->size >> height & 1; height++)
        ps_merkle_node(h, t->edge[height], h);
    memcpy(t->edge[height], h, 32);
    t->size++;
    return 0;
}

/* The largest power of two below n; n > 1. */
static uint64_t split(uint64_t n) {
    uint64_t k = 1;
    while (k < n - k)
        k *= 2;
    return k;
}

/* MTH of leaves [from, from + n), n > 0; recursion as deep as the tree is high. */
static void subtree(const struct ps_merkle *t, uint64_t from, uint64_t n, uint8_t out[32]) {
    if (n == 1) {
        memcpy(out, t->leaf[from], 32);
        return;
    }
    uint8_t left[32];
    uint64_t k = split(n);
    subtree(t, from, k, left);
    subtree(t, from + k, n - k, out);
    ps_merkle_node(out, left, out);
}

/* The root of all leaves from the full subtrees on its right edge: no walk over the leaves. */
static void whole(const struct ps_merkle *t, uint8_t out[32]) {
    int height = 0;
    while (!(t->size >> height & 1))
        height++;
    memcpy(out, t->edge[height], 32);
    for (height++; height < 64; height++) {
        if (t->size >> height & 1)
            ps_merkle_node(out, t->edge[height], out);
    }
}

int ps_merkle_root(const struct ps_merkle *t, uint64_t n, uint8_t out[32]) {
    if (n > t->size)
        return PS_EINVAL;
    if (n == 0)
        ps_sha256(out, "", 0);
    else if (n == t->size)
        whole(t, out);
    else
        subtree(t, 0, n, out);
    return 0;
}

int ps_merkle_proof(const struct ps_merkle *t, uint64_t index, uint64_t n, uint8_t out[64][32]) {
    if (n > t->size || index >= n)
        return PS_EINVAL;
    /* PATH(m, D[n]) lists siblings from the leaf upwards; the descent meets them from the root down. */
    int len = 0;
    uint64_t from = 0;
    while (n > 1) {
        uint64_t k = split(n);
        if (index - from < k) {
            subtree(t, from + k, n - k, out[len++]);
            n = k;
        } else {
            subtree(t, from, k, out[len++]);
            from += k;
            n -= k;
        }
    }
    for (int i = 0; i < len / 2; i++) {
        uint8_t swap[32];
        memcpy(swap, out[i], 32);
        memcpy(out[i], out[len - 1 - i], 32);
        memcpy(out[len - 1 - i], swap, 32);
    }
    return len;
}

int ps_merkle_check(const uint8_t leaf_hash[32], uint64_t index, uint64_t n, const uint8_t (*proof)[32],
                    int len, const uint8_t root[32]) {
    /* RFC 9162 section 2.1.3.2: `at` is the node's place on its level, `last` that of the level's last node. */
    uint8_t h[32];
    if (index >= n || len < 0)
        return PS_ESIG;
    uint64_t at = index, last = n - 1;
    memcpy(h, leaf_hash, 32);
    for (int i = 0; i < len; i++) {
        if (last == 0)
            return PS_ESIG; /* longer than the tree is high */
        if ((at & 1) != 0 || at == last) {
            ps_merkle_node(h, proof[i], h);
            /* A last node without a sibling rises until it is a right child. */
            while ((at & 1) == 0 && at != 0) {
                at >>= 1;
                last >>= 1;
            }
        } else {
            ps_merkle_node(h, h, proof[i]);
        }
        at >>= 1;
        last >>= 1;
    }
    return last == 0 && memcmp(h, root, 32) == 0 ? 0 : PS_ESIG;
}
