/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tiles against two others: evidence/merkle.c, which holds all leaves, and tests/golden/tlog.py, which wrote
 * tests/golden/v1/tlog.txt from the words of RFC 6962.
 */
#include "evidence/tile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/leaf.h"
#include "evidence/merkle.h"
#include "evidence/sha256.h"
#include "tests/golden/sample.h"
#include "tests/unit/tap.h"

#define MOST 70000
#define LEVELS 3 /* of tiles that so many leaves have */

/* The hashes of each level, and the same leaves as merkle.c keeps them. */
struct log {
    uint8_t (*level[LEVELS])[32];
    uint64_t size;    /* what the tiles are asked for */
    uint64_t asked;   /* tiles read */
    uint64_t wrong;   /* asked for with a width that a log of this size does not have */
    uint64_t fail_at; /* the read that fails; 0 none */
    struct ps_merkle tree;
};

static struct log *log_new(void) {
    struct log *l = calloc(1, sizeof *l);
    uint64_t n = MOST;
    if (l == NULL)
        tap_bail("out of memory");
    for (int i = 0; i < LEVELS; i++, n /= 256)
        l->level[i] = calloc((size_t)n + 1, 32);
    ps_merkle_init(&l->tree);
    for (uint32_t i = 0; i < MOST; i++) {
        uint8_t leaf[4] = {(uint8_t)(i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        ps_leaf_hash(l->level[0][i], leaf, sizeof leaf);
        ps_merkle_append(&l->tree, l->level[0][i]);
        for (int up = 1, width = 256; up < LEVELS && (i + 1) % (unsigned)width == 0; up++, width *= 256)
            ps_tile_fold(l->level[up][i / (unsigned)width],
                         (const uint8_t(*)[32])l->level[up - 1][(i / (unsigned)width) * 256]);
    }
    return l;
}

static void log_free(struct log *l) {
    for (int i = 0; i < LEVELS; i++)
        free(l->level[i]);
    ps_merkle_free(&l->tree);
    free(l);
}

static int log_read(void *ctx, int level, uint64_t index, unsigned width, uint8_t *hashes) {
    struct log *l = ctx;
    uint64_t have = level >= 0 && level < LEVELS ? l->size >> 8 * level : 0;
    if (++l->asked == l->fail_at)
        return PS_EIO;
    if (width < 1 || index * 256 >= have || width != (have - index * 256 < 256 ? have - index * 256 : 256)) {
        l->wrong++;
        return PS_EINVAL;
    }
    memcpy(hashes, l->level[level][index * 256], (size_t)width * 32);
    return 0;
}

static struct ps_tile_source source_of(struct log *l, uint64_t size) {
    l->size = size;
    l->fail_at = 0;
    l->asked = 0;
    return (struct ps_tile_source){l, log_read};
}

/* ---- the kept vectors ---- */

static void listed(struct ps_sha256 *h, uint8_t (*proof)[32], unsigned count) {
    uint8_t n = (uint8_t)count;
    ps_sha256_update(h, &n, 1);
    ps_sha256_update(h, proof, (size_t)count * 32);
}

static void finish(struct ps_sha256 *h, char out[65]) {
    uint8_t sum[32];
    ps_sha256_final(h, sum);
    ps_bytes_hex(out, sum, 8);
}

static int add_path(void *ctx, int level, uint64_t index, unsigned width) {
    char path[PS_TILE_PATH];
    int err = ps_tile_path(path, level, index, width);
    ps_sha256_update(ctx, path, strlen(path));
    ps_sha256_update(ctx, "\n", 1);
    return err;
}

static void paths(uint64_t old, uint64_t n, char out[65]) {
    struct ps_sha256 h;
    ps_sha256_init(&h);
    if (ps_tile_new(old, n, add_path, &h) != 0)
        out[0] = '\0';
    else
        finish(&h, out);
}

/* The places that tlog.py takes of a tree. */
static uint64_t step_of(uint64_t n) {
    return n <= 130 ? 1 : n / 40 + 1;
}

static size_t indices_of(uint64_t n, uint64_t out[1024]) {
    size_t count = 0;
    if (n <= 600) {
        for (uint64_t i = 0; i < n; i += step_of(n))
            out[count++] = i;
        if (n > 0)
            out[count++] = n - 1;
        return count;
    }
    const uint64_t some[] = {0, 1, 255, 256, 257, n / 2, n - 257, n - 256, n - 2, n - 1};
    memcpy(out, some, sizeof some);
    return sizeof some / sizeof some[0];
}

static size_t sizes_of(uint64_t n, uint64_t out[1024]) {
    size_t count = 0;
    if (n <= 600) {
        for (uint64_t m = 0; m <= n; m += step_of(n))
            out[count++] = m;
        out[count++] = n;
        return count;
    }
    const uint64_t some[] = {0,     1,     2,     255,     256,     257,   511, 512,
                             32768, 65534, 65535, n - 257, n - 256, n - 1, n};
    memcpy(out, some, sizeof some);
    return sizeof some / sizeof some[0];
}

/* Everything that the vectors tell of one tree, in their words. The log may be larger than the tree. */
static void tree_text(struct log *l, uint64_t size, uint64_t n, char out[512]) {
    struct ps_tile_source s = source_of(l, size);
    uint8_t root[32], proof[64][32];
    char hex[65], inclusion[65], consistency[65], tiles[65];
    struct ps_sha256 h;
    uint64_t at[1024];
    unsigned count = 0;
    int err = ps_tile_root(&s, size, n, root);
    ps_bytes_hex(hex, root, 8);
    ps_sha256_init(&h);
    for (size_t i = 0, end = indices_of(n, at); err == 0 && i < end; i++) {
        err = ps_tile_inclusion(&s, size, at[i], n, proof, &count);
        listed(&h, proof, count);
    }
    finish(&h, inclusion);
    ps_sha256_init(&h);
    for (size_t i = 0, end = sizes_of(n, at); err == 0 && i < end; i++) {
        err = ps_tile_consistency(&s, size, at[i], n, proof, &count);
        listed(&h, proof, count);
    }
    finish(&h, consistency);
    paths(0, n, tiles);
    snprintf(out, 512, "tree %llu %s %s %s %s%s", (unsigned long long)n, hex, inclusion, consistency, tiles,
             err != 0 ? " failed" : "");
}

static void vectors(struct log *l) {
    size_t n = 0, trees = 0, wrong = 0, inside = 0;
    char *text = (char *)sample_golden("tlog.txt", &n), *rest = text, got[512];
    if (!tap_ok(text != NULL, "the vectors are there"))
        return;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        unsigned long long a = 0, b = 0;
        unsigned width = 0;
        int level = 0;
        char want[128] = "";
        if (sscanf(line, "tree %llu", &a) == 1) {
            trees++;
            tree_text(l, a, a, got);
            if (strcmp(got, line) != 0 && wrong++ == 0)
                tap_diag("want %s\ngot  %s", line, got);
            if (a % 5 != 0 && a <= 600)
                continue;
            /* Also as a tree of a log that has grown since. */
            uint64_t larger = a <= 600 ? a * 2 + 300 : MOST;
            tree_text(l, larger, a, got);
            inside += strcmp(got, line) != 0;
        } else if (sscanf(line, "new %llu %llu %127s", &a, &b, want) == 3) {
            paths(a, b, got);
            tap_is_str(got, want, "new tiles from %llu to %llu", a, b);
        } else if (sscanf(line, "path %d %llu %u %127s", &level, &a, &width, want) == 4) {
            tap_is_int(ps_tile_path(got, level, a, width), 0, "a tile's name");
            tap_is_str(got, want, "as %s", want);
        } else {
            tap_fail("a vector is understood: %s", line);
        }
    }
    tap_is_uint(trees, 608, "the vectors of so many trees");
    tap_is_uint(wrong, 0, "roots, inclusion and consistency proofs, tiles: none differs");
    tap_is_uint(inside, 0, "nor inside a larger log");
    tap_is_uint(l->wrong, 0, "no tile was asked for that such a log does not have");
    free(text);
}

/* ---- against merkle.c ---- */

static void against_merkle(struct log *l) {
    size_t roots = 0, proofs = 0, unproven = 0;
    uint8_t a[32], b[32], one[64][32], two[64][32];
    unsigned count = 0;
    for (uint64_t n = 1; n <= MOST; n += n < 520 ? 7 : 4999) {
        struct ps_tile_source s = source_of(l, n);
        ps_tile_root(&s, n, n, a);
        ps_merkle_root(&l->tree, n, b);
        roots += memcmp(a, b, 32) != 0;
        for (uint64_t i = 0; i < n; i += n / 40 + 1) {
            int err = ps_tile_inclusion(&s, n, i, n, one, &count);
            int len = ps_merkle_proof(&l->tree, i, n, two);
            proofs += err != 0 || len != (int)count || memcmp(one, two, (size_t)count * 32) != 0;
            unproven += ps_merkle_check(l->level[0][i], i, n, (const uint8_t(*)[32])one, (int)count, b) != 0;
        }
    }
    tap_is_uint(roots, 0, "roots are those of the tree in memory");
    tap_is_uint(proofs, 0, "proofs too");
    tap_is_uint(unproven, 0, "and they prove");
}

static void few_reads(struct log *l) {
    struct ps_tile_source s = source_of(l, MOST);
    uint8_t proof[64][32];
    unsigned count = 0;
    ps_tile_inclusion(&s, MOST, 12345, MOST, proof, &count);
    tap_ok(l->asked <= 8, "a proof reads few tiles (%llu)", (unsigned long long)l->asked);
    size_t bad = 0;
    for (uint64_t at = 1, reads = l->asked; at <= reads; at++) {
        s = source_of(l, MOST);
        l->fail_at = at;
        bad += ps_tile_inclusion(&s, MOST, 12345, MOST, proof, &count) != PS_EIO || count != 0;
    }
    tap_is_uint(bad, 0, "a tile that cannot be read is told, whichever it is");
    s = source_of(l, MOST);
    l->fail_at = 2;
    tap_is_int(ps_tile_consistency(&s, MOST, 65537, MOST, proof, &count), PS_EIO,
               "also of a consistency proof");
    s = source_of(l, MOST);
    l->fail_at = 2;
    tap_is_int(ps_tile_root(&s, MOST, MOST, proof[0]), PS_EIO, "and of a root");
}

/* ---- consistency: what proves, and what must not ---- */

static int consistent(uint64_t m, const uint8_t *a, uint64_t n, const uint8_t *b, uint8_t (*p)[32],
                      unsigned count) {
    return ps_tile_consistent(m, a, n, b, (const uint8_t(*)[32])p, count);
}

static void pair(struct log *l, uint64_t m, uint64_t n, size_t *refused, size_t *accepted) {
    struct ps_tile_source s = source_of(l, n);
    uint8_t a[32], b[32], p[64][32];
    unsigned count = 0;
    ps_merkle_root(&l->tree, m, a);
    ps_merkle_root(&l->tree, n, b);
    *refused += ps_tile_consistency(&s, n, m, n, p, &count) != 0 || consistent(m, a, n, b, p, count) != 0;
    a[7] ^= 1;
    *accepted += consistent(m, a, n, b, p, count) == 0;
    a[7] ^= 1;
    b[31] ^= 0x80;
    *accepted += m > 0 && consistent(m, a, n, b, p, count) == 0;
    b[31] ^= 0x80;
    for (unsigned i = 0; i < count; i++) {
        p[i][i % 32] ^= 4;
        *accepted += consistent(m, a, n, b, p, count) == 0;
        p[i][i % 32] ^= 4;
    }
    if (count > 0)
        *accepted += consistent(m, a, n, b, p, count - 1) == 0;
    memset(p[count], 0x55, 32);
    *accepted += consistent(m, a, n, b, p, count + 1) == 0;
    if (m < n && count > 0) {
        *accepted += consistent(n, b, m, a, p, count) == 0; /* backwards */
        *accepted += consistent(m, a, n, a, p, count) == 0; /* nothing was added */
    }
}

static void consistency(struct log *l) {
    size_t refused = 0, accepted = 0;
    uint8_t a[32], b[32], p[65][32] = {{0}};
    for (uint64_t n = 0; n <= 130; n++) {
        for (uint64_t m = 0; m <= n; m++)
            pair(l, m, n, &refused, &accepted);
    }
    static const uint64_t large[] = {255, 256, 257, 511, 512, 4095, 65535, 65536, 65537, 65792, 65793, MOST};
    for (size_t i = 0; i < sizeof large / sizeof large[0]; i++) {
        for (size_t j = 0; j <= i; j++)
            pair(l, large[j], large[i], &refused, &accepted);
    }
    tap_is_uint(refused, 0, "every tree extends every smaller one of its log");
    tap_is_uint(accepted, 0, "with another root, another, shorter or longer proof none does");

    /* Two heads of one size, and a leaf changed in the middle. */
    struct ps_merkle fork;
    unsigned count = 0;
    size_t forks = 0;
    ps_merkle_init(&fork);
    for (uint64_t i = 0; i < 300; i++) {
        memcpy(a, l->level[0][i], 32);
        a[0] ^= i == 100;
        ps_merkle_append(&fork, a);
    }
    for (uint64_t m = 101; m <= 300; m++) {
        struct ps_tile_source s = source_of(l, 300);
        ps_merkle_root(&fork, m, a);
        ps_merkle_root(&l->tree, 300, b);
        ps_tile_consistency(&s, 300, m, 300, p, &count);
        forks += consistent(m, a, 300, b, p, count) == 0;
    }
    tap_is_uint(forks, 0, "a fork is no extension, at no size");
    ps_merkle_free(&fork);
    ps_merkle_root(&l->tree, 1, a);
    ps_merkle_root(&l->tree, 2, b);
    tap_is_int(consistent(1, a, 2, b, p, 65), PS_ESIG, "more hashes than any proof has");
    tap_is_int(consistent(UINT64_MAX, a, UINT64_MAX, a, NULL, 0), 0, "the largest size, twice the same");
    tap_is_int(consistent(3, a, UINT64_MAX, b, NULL, 0), PS_ESIG, "no proof at all");
    tap_is_int(consistent((uint64_t)1 << 63, a, UINT64_MAX, b, p, 64), PS_ESIG, "sizes beyond every log");
}

/* ---- arguments ---- */

static int stop_at_third(void *ctx, int level, uint64_t index, unsigned width) {
    (void)level;
    (void)index;
    (void)width;
    return ++*(int *)ctx == 3 ? 42 : 0;
}

static void arguments(struct log *l) {
    struct ps_tile_source s = source_of(l, 10);
    uint8_t p[64][32];
    char path[PS_TILE_PATH];
    unsigned count = 9;
    int calls = 0;
    tap_is_int(ps_tile_root(&s, 10, 11, p[0]), PS_EINVAL, "no root of leaves that are not there");
    tap_is_int(ps_tile_inclusion(&s, 10, 10, 10, p, &count), PS_EINVAL, "no proof of a leaf behind the tree");
    tap_is_uint(count, 0, "and no hashes");
    tap_is_int(ps_tile_inclusion(&s, 10, 0, 0, p, &count), PS_EINVAL, "none in an empty tree");
    tap_is_int(ps_tile_inclusion(&s, 10, 3, 11, p, &count), PS_EINVAL, "none in a larger tree");
    tap_is_int(ps_tile_consistency(&s, 10, 5, 4, p, &count), PS_EINVAL, "no way back");
    tap_is_int(ps_tile_consistency(&s, 10, 5, 11, p, &count), PS_EINVAL, "nor beyond the log");
    tap_is_int(ps_tile_root(&s, UINT64_MAX, 5, p[0]), PS_EINVAL, "no log is so large");
    tap_is_uint(l->asked, 0, "nothing was read for that");
    tap_is_int(ps_tile_root(&s, 10, 0, p[0]), 0, "the root of nothing");
    ps_sha256(p[1], "", 0);
    tap_is_mem(p[0], p[1], 32, "is the digest of nothing");
    tap_is_int(ps_tile_path(path, -2, 0, 1), PS_EINVAL, "no level below the entries");
    tap_is_int(ps_tile_path(path, 64, 0, 1), PS_EINVAL, "none above 63");
    tap_is_int(ps_tile_path(path, 0, 0, 0), PS_EINVAL, "no empty tile");
    tap_is_int(ps_tile_path(path, 0, 0, 257), PS_EINVAL, "none wider than 256");
    tap_is_str(path, "", "and no name");
    tap_is_int(ps_tile_new(0, 70000, stop_at_third, &calls), 42, "what a caller says ends the walk");
    tap_is_int(calls, 3, "there");
    tap_is_int(ps_tile_new(5, 4, stop_at_third, &calls), PS_EINVAL, "a log does not shrink");
    tap_is_int(ps_tile_new(0, UINT64_MAX, stop_at_third, &calls), PS_EINVAL, "nor is it so large");
    tap_is_int(ps_tile_new(((uint64_t)1 << 62) - 1, (uint64_t)1 << 62, stop_at_third, &(int){-99}), 0,
               "the last leaf of a huge log");
}

int main(void) {
    struct log *l = log_new();
    vectors(l);
    against_merkle(l);
    few_reads(l);
    consistency(l);
    arguments(l);
    log_free(l);
    return tap_done();
}
