/* SPDX-License-Identifier: ISC */
#include "evidence/tile.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "evidence/merkle.h"
#include "evidence/sha256.h"

#define HEIGHT 8 /* of a tile, in levels of the tree */
#define LEVELS 8 /* of tiles that a tree of less than 2^63 leaves has */
#define MAX_HASHES 64

/* ---- names ---- */

int ps_tile_path(char out[PS_TILE_PATH], int level, uint64_t index, unsigned width) {
    char digits[24], kind[16];
    out[0] = '\0';
    if (level < PS_TILE_ENTRIES || level > 63 || width < 1 || width > PS_TILE_WIDTH)
        return PS_EINVAL;
    snprintf(kind, sizeof kind, level == PS_TILE_ENTRIES ? "entries" : "%d", level);
    /* Three digits an element, filled up with zeros in front; all but the last begin with x. */
    int n = snprintf(digits, sizeof digits, "%03" PRIu64, index);
    int fill = (3 - n % 3) % 3;
    int at = snprintf(out, PS_TILE_PATH, "tile/%s", kind);
    for (int i = -fill; i < n; i++) {
        if ((i + fill) % 3 == 0)
            at += snprintf(out + at, PS_TILE_PATH - (size_t)at, i + 3 < n ? "/x" : "/");
        out[at++] = i < 0 ? '0' : digits[i];
    }
    out[at] = '\0';
    if (width < PS_TILE_WIDTH)
        snprintf(out + at, PS_TILE_PATH - (size_t)at, ".p/%u", width);
    return 0;
}

int ps_tile_new(uint64_t old, uint64_t n, int (*each)(void *ctx, int level, uint64_t index, unsigned width),
                void *ctx) {
    if (old > n || n > INT64_MAX)
        return PS_EINVAL;
    for (int level = PS_TILE_ENTRIES; level < LEVELS; level++) {
        int shift = HEIGHT * (level > 0 ? level : 0);
        uint64_t had = old >> shift, has = n >> shift;
        if (had == has)
            continue;
        for (uint64_t i = had / PS_TILE_WIDTH; i <= has / PS_TILE_WIDTH; i++) {
            unsigned width = i < has / PS_TILE_WIDTH ? PS_TILE_WIDTH : (unsigned)(has % PS_TILE_WIDTH);
            int err = width > 0 ? each(ctx, level, i, width) : 0;
            if (err != 0)
                return err;
        }
    }
    return 0;
}

/* ---- hashes ---- */

/* Folds n hashes, a power of two, into the node over them; the array is used up. */
static void fold(uint8_t (*h)[32], unsigned n) {
    for (; n > 1; n /= 2) {
        for (unsigned i = 0; i < n / 2; i++)
            ps_merkle_node(h[i], h[2 * i], h[2 * i + 1]);
    }
}

void ps_tile_fold(uint8_t out[32], const uint8_t (*hashes)[32]) {
    uint8_t h[PS_TILE_WIDTH][32];
    memcpy(h, hashes, sizeof h);
    fold(h, PS_TILE_WIDTH);
    memcpy(out, h[0], 32);
}

/* A walk over one tree. The tile read last is kept: neighbours on the way from the root to a leaf lie in one. */
struct walk {
    const struct ps_tile_source *s;
    uint64_t size; /* of the log */
    bool have;
    int level;
    uint64_t index;
    uint8_t tile[PS_TILE_WIDTH][32];
};

static int load(struct walk *w, int level, uint64_t index) {
    if (w->have && w->level == level && w->index == index)
        return 0;
    uint64_t behind = (w->size >> HEIGHT * level) - index * PS_TILE_WIDTH;
    unsigned width = behind < PS_TILE_WIDTH ? (unsigned)behind : PS_TILE_WIDTH;
    w->have = false;
    int err = w->s->read(w->s->ctx, level, index, width, w->tile[0]);
    if (err != 0)
        return err;
    w->have = true;
    w->level = level;
    w->index = index;
    return 0;
}

/* The node over the 2^height leaves from `from` on, all of which the log has. */
static int node(struct walk *w, uint64_t from, int height, uint8_t out[32]) {
    uint8_t h[PS_TILE_WIDTH / 2][32];
    int level = height / HEIGHT;
    unsigned n = 1u << height % HEIGHT;
    uint64_t at = from >> HEIGHT * level;
    int err = load(w, level, at / PS_TILE_WIDTH);
    if (err != 0)
        return err;
    memcpy(h, w->tile[at % PS_TILE_WIDTH], (size_t)n * 32);
    fold(h, n);
    memcpy(out, h[0], 32);
    return 0;
}

/* Height of the largest full subtree on the left of n leaves, n > 1, but not all of them. */
static int split(uint64_t n) {
    int height = 0;
    while ((n - 1) >> height > 1)
        height++;
    return height;
}

/* MTH of leaves [from, from + n), n > 0, from a multiple of the smallest power of two that is not below n. */
static int range(struct walk *w, uint64_t from, uint64_t n, uint8_t out[32]) {
    uint8_t left[MAX_HASHES][32];
    unsigned lefts = 0;
    int err = 0, height = 0;
    /* Full subtrees from the left, each smaller than the one before, joined from the right. */
    while (err == 0 && (n & (n - 1)) != 0) {
        height = split(n);
        err = node(w, from, height, left[lefts++]);
        from += 1ULL << height;
        n -= 1ULL << height;
    }
    for (height = 0; n >> height > 1;)
        height++;
    if (err == 0)
        err = node(w, from, height, out);
    while (err == 0 && lefts > 0)
        ps_merkle_node(out, left[--lefts], out);
    return err;
}

static void start(struct walk *w, const struct ps_tile_source *s, uint64_t size) {
    w->s = s;
    w->size = size;
    w->have = false;
}

int ps_tile_root(const struct ps_tile_source *s, uint64_t size, uint64_t n, uint8_t out[32]) {
    struct walk w;
    if (n > size || size > INT64_MAX)
        return PS_EINVAL;
    if (n == 0) {
        ps_sha256(out, "", 0);
        return 0;
    }
    start(&w, s, size);
    return range(&w, 0, n, out);
}

/* Proofs are met from the root down and listed from the leaf up. */
static void turn(uint8_t h[MAX_HASHES][32], unsigned n) {
    for (unsigned i = 0; i < n / 2; i++) {
        uint8_t swap[32];
        memcpy(swap, h[i], 32);
        memcpy(h[i], h[n - 1 - i], 32);
        memcpy(h[n - 1 - i], swap, 32);
    }
}

int ps_tile_inclusion(const struct ps_tile_source *s, uint64_t size, uint64_t index, uint64_t n,
                      uint8_t out[64][32], unsigned *count) {
    struct walk w;
    uint64_t from = 0;
    int err = 0;
    *count = 0;
    if (n > size || size > INT64_MAX || index >= n)
        return PS_EINVAL;
    start(&w, s, size);
    while (err == 0 && n > 1) {
        uint64_t k = 1ULL << split(n);
        if (index - from < k) {
            err = range(&w, from + k, n - k, out[(*count)++]);
            n = k;
        } else {
            err = range(&w, from, k, out[(*count)++]);
            from += k;
            n -= k;
        }
    }
    turn(out, *count);
    *count = err == 0 ? *count : 0;
    return err;
}

int ps_tile_consistency(const struct ps_tile_source *s, uint64_t size, uint64_t m, uint64_t n,
                        uint8_t out[64][32], unsigned *count) {
    struct walk w;
    uint64_t from = 0;
    int err = 0;
    *count = 0;
    if (n > size || size > INT64_MAX || m > n)
        return PS_EINVAL;
    if (m == 0)
        return 0;
    start(&w, s, size);
    /* SUBPROOF: down to where the old tree's last part is a subtree of the new one. */
    while (err == 0 && m < n) {
        uint64_t k = 1ULL << split(n);
        if (m <= k) {
            err = range(&w, from + k, n - k, out[(*count)++]);
            n = k;
        } else {
            err = range(&w, from, k, out[(*count)++]);
            from += k;
            m -= k;
            n -= k;
        }
    }
    if (err == 0 && from > 0) /* else it is the whole old tree, whose root the verifier has */
        err = range(&w, from, m, out[(*count)++]);
    turn(out, *count);
    *count = err == 0 ? *count : 0;
    return err;
}

int ps_tile_consistent(uint64_t m, const uint8_t a[32], uint64_t n, const uint8_t b[32],
                       const uint8_t (*proof)[32], unsigned count) {
    uint8_t old_root[32], new_root[32];
    if (m == 0) {
        ps_sha256(old_root, "", 0);
        if (count != 0 || memcmp(a, old_root, 32) != 0)
            return PS_ESIG;
        return n > 0 || memcmp(b, old_root, 32) == 0 ? 0 : PS_ESIG;
    }
    if (m == n)
        return count == 0 && memcmp(a, b, 32) == 0 ? 0 : PS_ESIG;
    if (m > n || count > MAX_HASHES)
        return PS_ESIG;
    /* RFC 9162 section 2.1.4.2: places of the old and of the new tree's last node, level by level; those levels
     * on which the old tree is full are skipped. */
    uint64_t fn = m - 1, sn = n - 1;
    unsigned i = 0;
    while ((fn & 1) != 0) {
        fn >>= 1;
        sn >>= 1;
    }
    const uint8_t *first = a; /* an old tree that is full is its own first node */
    if ((m & (m - 1)) != 0)
        first = count > 0 ? proof[i++] : NULL;
    if (first == NULL)
        return PS_ESIG;
    memcpy(old_root, first, 32);
    memcpy(new_root, first, 32);
    for (; i < count; i++) {
        if (sn == 0)
            return PS_ESIG;
        if ((fn & 1) != 0 || fn == sn) {
            ps_merkle_node(old_root, proof[i], old_root);
            ps_merkle_node(new_root, proof[i], new_root);
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            ps_merkle_node(new_root, new_root, proof[i]);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && memcmp(old_root, a, 32) == 0 && memcmp(new_root, b, 32) == 0 ? 0 : PS_ESIG;
}
