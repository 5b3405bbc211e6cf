/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_TESTS_GOLDEN_SAMPLE_TLOG_H
#define PS_TESTS_GOLDEN_SAMPLE_TLOG_H
/*
 * The ledger around the sample's clip: 130 leaves, of which 123 opens and 124 seals it; a checkpoint over them, signed
 * by the ledger's key and cosigned by a witness; the seal's proof; the station's certificate. Keys come from fixed seeds
 * and guard nothing.
 */
#include "evidence/cert.h"
#include "evidence/merkle.h"
#include "evidence/proof.h"
#include "tests/golden/sample.h"

#define SAMPLE_TLOG_SIZE 130
#define SAMPLE_TLOG_TIME 1795249800 /* 2026-11-21T08:30:00Z */

struct sample_tlog {
    struct sample *s;
    struct ps_vkey log, witness;
    struct ps_pubkey root;
    uint8_t witness_secret[64], root_secret[64];
    struct ps_merkle tree;
    uint8_t seal[PS_MAX_LEAF];
    size_t seal_len;
};

/* Leaves that are none of the clip's are starts of the station, each with a nonce made from its place. */
static inline size_t sample_tlog_leaf(const struct sample_tlog *t, uint64_t index, uint8_t out[PS_MAX_LEAF]) {
    struct ps_leaf l = {.type = PS_LEAF_STARTUP, .clock = PS_CLOCK_SYNCED, .index = index, .subject = index};
    if (index == SAMPLE_NUMBER) {
        memcpy(out, t->s->clip.open_leaf, t->s->clip.open_leaf_len);
        return t->s->clip.open_leaf_len;
    }
    if (index == SAMPLE_NUMBER + 1) {
        memcpy(out, t->seal, t->seal_len);
        return t->seal_len;
    }
    memcpy(l.log, t->s->open.log, sizeof l.log);
    l.wall_ns = SAMPLE_WALL_NS - (int64_t)(SAMPLE_TLOG_SIZE - index) * 3600 * 1000000000;
    uint8_t nonce = (uint8_t)index;
    ps_sha256(l.digest, &nonce, 1);
    int n = ps_leaf_encode(&l, out);
    return n > 0 ? (size_t)n : 0;
}

static inline struct sample_tlog *sample_tlog_new(void) {
    struct sample_tlog *t = calloc(1, sizeof *t);
    uint8_t seed[32], key[32], digest[32], leaf[PS_MAX_LEAF], hash[32];
    struct ps_buf statement;
    if (t == NULL || (t->s = sample_new()) == NULL)
        abort();
    ps_note_vkey_make(&t->log, "packseal.invalid/ST03", PS_NOTE_ED25519, t->s->clip.ledger_key);
    memset(seed, 3, sizeof seed);
    crypto_sign_seed_keypair(t->root.key, t->root_secret, seed);
    memcpy(t->root.id, "PSgroot1", 8);
    memset(seed, 4, sizeof seed);
    crypto_sign_seed_keypair(key, t->witness_secret, seed);
    ps_note_vkey_make(&t->witness, "witness.example/w1", PS_NOTE_COSIGNATURE, key);
    ps_buf_init(&statement, PS_MAX_STATEMENT);
    ps_statement_write(&t->s->clip, &statement);
    ps_sha256(digest, statement.p, statement.n);
    ps_buf_free(&statement);
    struct ps_leaf seal = sample_seal(t->s, digest);
    t->seal_len = (size_t)ps_leaf_encode(&seal, t->seal);
    ps_merkle_init(&t->tree);
    for (uint64_t i = 0; i < SAMPLE_TLOG_SIZE; i++) {
        size_t n = sample_tlog_leaf(t, i, leaf);
        ps_leaf_hash(hash, leaf, n);
        if (ps_merkle_append(&t->tree, hash) != 0)
            abort();
    }
    return t;
}

static inline void sample_tlog_free(struct sample_tlog *t) {
    ps_merkle_free(&t->tree);
    free(t->s);
    free(t);
}

/* A note over this text, signed as packseal-signer does. */
static inline void sample_tlog_note(const struct sample_tlog *t, const char *text, size_t n,
                                    struct ps_buf *b) {
    uint8_t sig[64];
    crypto_sign_detached(sig, NULL, (const uint8_t *)text, n, t->s->ledger_secret);
    ps_buf_bytes(b, text, n);
    ps_buf_text(b, "\n");
    ps_note_append(b, &t->log, sig);
}

static inline void sample_tlog_cosign(const struct sample_tlog *t, const char *text, size_t n, uint64_t time,
                                      struct ps_buf *b) {
    struct ps_buf covered;
    uint8_t sig[64];
    ps_buf_init(&covered, PS_NOTE_MAX + 64);
    ps_note_cosigned(&covered, text, n, time);
    crypto_sign_detached(sig, NULL, covered.p, covered.n, t->witness_secret);
    ps_note_append_cosignature(b, &t->witness, time, sig);
    ps_buf_free(&covered);
}

/* The checkpoint over the first `size` leaves, without the witness. */
static inline void sample_tlog_checkpoint(const struct sample_tlog *t, uint64_t size, struct ps_buf *b) {
    struct ps_checkpoint c = {.size = size};
    struct ps_buf text;
    SAMPLE_PUT(c.origin, t->log.name);
    ps_merkle_root(&t->tree, size, c.root);
    ps_buf_init(&text, PS_NOTE_MAX);
    ps_checkpoint_write(&text, &c);
    sample_tlog_note(t, (const char *)text.p, text.n, b);
    ps_buf_free(&text);
}

/* With the witness: what the golden file holds. */
static inline void sample_tlog_cosigned(const struct sample_tlog *t, struct ps_buf *b) {
    struct ps_note note;
    sample_tlog_checkpoint(t, SAMPLE_TLOG_SIZE, b);
    if (ps_note_parse(&note, b->p, b->n) != 0)
        abort();
    char text[1024];
    memcpy(text, note.text, note.text_len); /* b grows */
    sample_tlog_cosign(t, text, note.text_len, SAMPLE_TLOG_TIME, b);
}

/* The seal's proof; borrows the note. */
static inline struct ps_proof sample_tlog_proof(const struct sample_tlog *t, const struct ps_buf *note) {
    struct ps_proof p = {.leaf_len = t->seal_len, .index = SAMPLE_NUMBER + 1};
    memcpy(p.leaf, t->seal, t->seal_len);
    p.n = (unsigned)ps_merkle_proof(&t->tree, p.index, SAMPLE_TLOG_SIZE, p.hash);
    p.note = (const char *)note->p;
    p.note_len = note->n;
    return p;
}

static inline struct ps_cert sample_tlog_cert(const struct sample_tlog *t) {
    struct ps_cert c = {.clip_key = t->s->clip.key, .ledger_key = t->log, .serial = 7};
    SAMPLE_PUT(c.merchant, "封箱 \"店\"");
    SAMPLE_PUT(c.station, "ST03");
    c.from_ns = 1767225600000000000;  /* 2026-01-01T00:00:00Z */
    c.until_ns = 1830297600000000000; /* 2028-01-01T00:00:00Z */
    return c;
}

/* The root's signature over p, as a signature file. */
static inline void sample_tlog_sign(const struct sample_tlog *t, const void *p, size_t n, const char *comment,
                                    struct ps_buf *b) {
    struct ps_minisig sig = {0};
    uint8_t digest[64], covered[64 + PS_MAX_TRUSTED_COMMENT];
    memcpy(sig.id, t->root.id, 8);
    snprintf(sig.comment, sizeof sig.comment, "%s", comment);
    ps_minisign_prehash(digest, p, n);
    crypto_sign_detached(sig.sig, NULL, digest, sizeof digest, t->root_secret);
    memcpy(covered, sig.sig, 64);
    memcpy(covered + 64, sig.comment, strlen(sig.comment));
    crypto_sign_detached(sig.global, NULL, covered, 64 + strlen(sig.comment), t->root_secret);
    ps_minisign_sig_write(b, &sig, "signature by PackSeal");
}

#endif
