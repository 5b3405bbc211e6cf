/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A ledger made leaf by leaf: its rules, its roots and tiles against the other implementation, and a clip's statement
 * against its leaves. */
#include "evidence/audit.h"

#include "evidence/bytes.h"
#include "evidence/merkle.h"
#include "evidence/tile.h"
#include "tests/golden/sample.h"
#include "tests/unit/tap.h"

static const uint8_t log_id[16] = {7};

static int add_as(struct ps_audit *a, uint64_t index, uint8_t type, uint64_t subject, uint8_t digest,
                  struct ps_why *why) {
    struct ps_leaf l = {.type = type, .index = index, .subject = subject};
    uint8_t out[PS_MAX_LEAF];
    memcpy(l.log, log_id, sizeof l.log);
    l.digest[0] = digest;
    l.extra_len = type == PS_LEAF_OPEN ? 4 : type == PS_LEAF_ABORT || type == PS_LEAF_TOMBSTONE;
    if (l.extra_len > 0)
        l.extra[l.extra_len - 1] = 1;
    int n = ps_leaf_encode(&l, out);
    if (n < 0)
        tap_bail("no leaf of type %d", type);
    return ps_audit_leaf(a, out, (size_t)n, why);
}

static int add(struct ps_audit *a, uint8_t type, uint64_t subject, uint8_t digest, struct ps_why *why) {
    return add_as(a, ps_audit_size(a), type, subject, digest, why);
}

static void rules(void) {
    struct ps_audit *a = NULL;
    struct ps_why why = {0};
    size_t n = 0;
    tap_is_int(ps_audit_new(&a, log_id), 0, "an audit");
    tap_is_int(add(a, PS_LEAF_STARTUP, 0, 1, &why), 0, "a start");
    tap_is_int(add(a, PS_LEAF_OPEN, 1, 2, &why), 0, "a clip");
    tap_is_int(add(a, PS_LEAF_EXPORT, 1, 2, &why), PS_ESTATE, "is not exported before it is sealed");
    tap_is_int(add(a, PS_LEAF_SEAL, 1, 3, &why), 0, "but sealed");
    tap_is_int(add(a, PS_LEAF_SEAL, 1, 3, &why), PS_ESTATE, "once");
    tap_is_str(why.where, "entry 4", "and the entry is named");
    tap_is_int(add(a, PS_LEAF_SEAL, 0, 3, &why), PS_ESTATE, "a start is not sealed");
    tap_is_int(add(a, PS_LEAF_LINK, 1, 3, &why), 0, "a sealed clip is linked");
    tap_is_int(add(a, PS_LEAF_TOMBSTONE, 1, 9, &why), PS_ESTATE, "a tombstone has the seal's digest");
    tap_is_int(add(a, PS_LEAF_TOMBSTONE, 1, 3, &why), PS_ESTATE, "and there is one of a clip");
    tap_is_int(add(a, PS_LEAF_OPEN, 9, 2, &why), 0, "another clip");
    tap_is_int(add(a, PS_LEAF_ABORT, 9, 0, &why), 0, "is aborted");
    tap_is_int(add(a, PS_LEAF_TOMBSTONE, 9, 0, &why), PS_ESTATE, "and has no tombstone");
    tap_is_int(add(a, PS_LEAF_OPEN, 12, 2, &why), 0, "a third stays open");
    tap_is_int(add_as(a, 14, PS_LEAF_STARTUP, 14, 2, &why), PS_EFORMAT, "a number is left out");
    tap_is_int(add_as(a, 12, PS_LEAF_STARTUP, 12, 2, &why), PS_EFORMAT, "or comes again");
    tap_is_int(ps_audit_leaf(a, "x", 1, &why), PS_ESHORT, "and this is no leaf");
    tap_is_uint(ps_audit_size(a), 13, "what broke a rule was counted, what was none was not");
    tap_is_uint(ps_audit_count(a, PS_LEAF_OPEN), 3, "three clips");
    const struct ps_audit_clip *c = ps_audit_clips(a, &n);
    tap_ok(n == 3 && c[0].end == 3 && c[0].tomb == 7 && c[1].end == 10 && c[2].end == 0, "with their ends");
    ps_audit_free(a);

    uint8_t other[16] = {8};
    tap_is_int(ps_audit_new(&a, other), 0, "of another ledger");
    tap_is_int(add(a, PS_LEAF_STARTUP, 0, 1, &why), PS_EFORMAT, "no leaf is taken");
    ps_audit_free(a);
}

/* Roots, checkpoints and tiles of 70000 leaves. */
static void trees(void) {
    struct ps_audit *a = NULL;
    struct ps_merkle t;
    uint8_t hash[32], root[32], want[32], tile[PS_TILE_WIDTH][32];
    struct ps_checkpoint k = {.size = 1000};
    size_t wrong = 0;
    ps_merkle_init(&t);
    if (ps_audit_new(&a, NULL) != 0)
        tap_bail("out of memory");
    for (uint64_t i = 0; i < 70000; i++) {
        struct ps_leaf l = {.type = PS_LEAF_STARTUP, .index = i, .subject = i};
        uint8_t out[PS_MAX_LEAF];
        int n = ps_leaf_encode(&l, out);
        wrong += ps_audit_leaf(a, out, (size_t)n, NULL) != 0;
        ps_leaf_hash(hash, out, (size_t)n);
        ps_merkle_append(&t, hash);
    }
    tap_is_uint(wrong, 0, "70000 leaves");
    for (uint64_t n = 1; n < 70000; n = n * 3 + 1)
        wrong +=
            ps_audit_root(a, n, root) != 0 || ps_merkle_root(&t, n, want) != 0 || memcmp(root, want, 32) != 0;
    tap_is_uint(wrong, 0, "old roots");
    ps_audit_root(a, k.size, k.root);
    tap_is_int(ps_audit_checkpoint(a, &k), 0, "a checkpoint of it");
    k.root[0] ^= 1;
    tap_is_int(ps_audit_checkpoint(a, &k), PS_ESIG, "one of another history");
    k.size = 70001;
    tap_is_int(ps_audit_checkpoint(a, &k), PS_ELIMIT, "one of a longer ledger");
    tap_is_int(ps_audit_tile(a, 0, 273, 112, tile[0]), 0, "the last tile");
    tap_is_mem(tile[111], t.leaf[69999], 32, "ends with the last leaf");
    tap_is_int(ps_audit_tile(a, 0, 273, 113, tile[0]), PS_EINVAL, "and there is no more");
    tap_is_int(ps_audit_tile(a, 1, 0, 256, tile[0]), 0, "a tile of tiles");
    ps_tile_fold(hash, (const uint8_t(*)[32])tile);
    ps_merkle_root(&t, 65536, want);
    tap_is_mem(hash, want, 32, "folds to the root of 65536");
    tap_is_int(ps_audit_tile(a, 2, 0, 1, root), 0, "as the next level says");
    tap_is_mem(root, want, 32, "too");
    tap_is_int(ps_audit_tile(a, 2, 0, 2, tile[0]), PS_EINVAL, "once");
    tap_is_int(ps_audit_tile(a, 8, 0, 1, root), PS_EINVAL, "and there is no ninth level");
    ps_merkle_free(&t);
    ps_audit_free(a);
}

/* The golden clip's own leaves, after 123 others. */
static void statements(void) {
    struct ps_audit *a = NULL;
    struct ps_clip *c = NULL;
    struct ps_why why = {0};
    size_t n = 0, m = 0;
    uint8_t *text = sample_golden("clip.json", &n), *open = sample_golden("leaf-open.bin", &m), digest[32];
    if (text == NULL || open == NULL || ps_statement_parse(&c, text, n, &why) != 0)
        tap_bail("no golden clip");
    ps_sha256(digest, text, n);
    struct ps_leaf l;
    uint8_t out[PS_MAX_LEAF];
    ps_leaf_decode(&l, open, m);
    if (ps_audit_new(&a, l.log) != 0)
        tap_bail("out of memory");
    for (uint64_t i = 0; i < c->number; i++) {
        struct ps_leaf s = {.type = PS_LEAF_STARTUP, .index = i, .subject = i};
        memcpy(s.log, l.log, sizeof s.log);
        ps_audit_leaf(a, out, (size_t)ps_leaf_encode(&s, out), NULL);
    }
    tap_is_int(ps_audit_statement(a, c, digest, &why), PS_ENOENT, "not opened yet");
    tap_is_int(ps_audit_leaf(a, open, m, &why), 0, "opened");
    tap_is_int(ps_audit_statement(a, c, digest, &why), PS_ESTATE, "not sealed yet");
    struct ps_leaf seal = l;
    seal.type = PS_LEAF_SEAL;
    seal.index = c->number + 1;
    seal.extra_len = 0;
    ps_statement_heads(c, seal.head);
    memcpy(seal.digest, digest, 32);
    tap_is_int(ps_audit_leaf(a, out, (size_t)ps_leaf_encode(&seal, out), &why), 0, "sealed");
    digest[0] ^= 1;
    tap_is_int(ps_audit_statement(a, c, digest, &why), PS_ESIG, "with another digest");
    digest[0] ^= 1;
    const struct ps_audit_clip *clips = ps_audit_clips(a, &n);
    tap_ok(n == 1 && !clips[0].seen, "not seen by that");
    tap_is_int(ps_audit_statement(a, c, digest, &why), 0, "with its own");
    tap_ok(clips[0].seen, "seen");
    c->tracks[0].head[0] ^= 1;
    tap_is_int(ps_audit_statement(a, c, digest, &why), PS_ESIG, "with other heads");
    c->tracks[0].head[0] ^= 1;
    c->open_leaf[100] ^= 1;
    tap_is_int(ps_audit_statement(a, c, digest, &why), PS_EFORMAT, "with another open leaf");
    ps_statement_free(c);
    ps_audit_free(a);
    free(open);
    free(text);
}

int main(void) {
    rules();
    trees();
    statements();
    return tap_done();
}
