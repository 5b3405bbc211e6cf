/* SPDX-License-Identifier: ISC */
#include "evidence/proof.h"

#include <inttypes.h>
#include <string.h>

#include "evidence/merkle.h"
#include "evidence/note_internal.h"

#define FIRST_LINE "c2sp.org/tlog-proof@v1"
#define MAX_HASHES 64

/* What follows a word and a space; NULL when the line begins otherwise. */
static const char *after(const char *line, size_t *len, const char *word) {
    size_t n = strlen(word);
    if (line == NULL || *len < n || memcmp(line, word, n) != 0)
        return NULL;
    *len -= n;
    return line + n;
}

/* The siblings up to the blank line. */
static int read_hashes(struct ps_proof *p, struct ps_rd *r) {
    for (;;) {
        size_t len = 0, got = 0;
        const char *line = ps_note_line(r, &len);
        if (line == NULL)
            return r->err;
        if (len == 0)
            return 0;
        if (p->n == MAX_HASHES)
            return PS_ELIMIT;
        if (ps_note_unbase64(p->hash[p->n++], 32, &got, line, len) != 0 || got != 32)
            return PS_EFORMAT;
    }
}

int ps_proof_parse(struct ps_proof *out, const void *p, size_t n) {
    struct ps_rd r = ps_rd_of(p, n);
    struct ps_note note;
    size_t len = 0;
    *out = (struct ps_proof){0};
    if (n == 0)
        return PS_ESHORT;
    if (n > PS_PROOF_MAX)
        return PS_ELIMIT;
    const char *text = ps_note_line(&r, &len);
    if (text != NULL && (len != strlen(FIRST_LINE) || memcmp(text, FIRST_LINE, len) != 0))
        return PS_EFORMAT;
    text = ps_note_line(&r, &len);
    text = after(text, &len, "extra ");
    if (text == NULL)
        return r.err != 0 ? r.err : PS_EFORMAT;
    struct ps_proof proof = {.n = 0};
    int err = ps_note_unbase64(proof.leaf, sizeof proof.leaf, &proof.leaf_len, text, len);
    if (err == 0 && proof.leaf_len == 0)
        err = PS_EFORMAT;
    if (err != 0)
        return err;
    text = ps_note_line(&r, &len);
    text = after(text, &len, "index ");
    if (text == NULL)
        return r.err != 0 ? r.err : PS_EFORMAT;
    if (!ps_note_decimal(text, len, &proof.index))
        return PS_EFORMAT;
    err = read_hashes(&proof, &r);
    if (err == 0)
        err = ps_note_parse(&note, r.p, r.left);
    if (err != 0)
        return err;
    proof.note = (const char *)r.p;
    proof.note_len = r.left;
    *out = proof;
    return 0;
}

void ps_proof_write(struct ps_buf *b, const struct ps_proof *p) {
    if (b->err == 0 &&
        (p->leaf_len == 0 || p->leaf_len > PS_MAX_LEAF || p->n > MAX_HASHES || p->index > INT64_MAX))
        b->err = PS_EINVAL;
    if (b->err != 0)
        return;
    ps_buf_text(b, FIRST_LINE "\nextra ");
    ps_note_base64(b, p->leaf, p->leaf_len);
    ps_buf_fmt(b, "\nindex %" PRIu64 "\n", p->index);
    for (unsigned i = 0; i < p->n; i++) {
        ps_note_base64(b, p->hash[i], 32);
        ps_buf_text(b, "\n");
    }
    ps_buf_text(b, "\n");
    ps_buf_bytes(b, p->note, p->note_len);
}

int ps_proof_check_in(const struct ps_proof *p, const struct ps_vkey *log, const struct ps_checkpoint *c) {
    struct ps_leaf leaf;
    uint8_t hash[32], id[16];
    ps_leaf_hash(hash, p->leaf, p->leaf_len);
    int err = ps_merkle_check(hash, p->index, c->size, p->hash, (int)p->n, c->root);
    if (err == 0)
        err = ps_leaf_decode(&leaf, p->leaf, p->leaf_len);
    if (err != 0)
        return err == PS_ESHORT || err == PS_ETRAIL ? PS_EFORMAT : err;
    /* The log may hold what it likes; a leaf that speaks of another place or log is none of this ledger. */
    ps_leaf_log_id(id, log->key);
    if (leaf.index != p->index || memcmp(leaf.log, id, sizeof id) != 0)
        return PS_ESIG;
    return 0;
}

int ps_proof_check(const struct ps_proof *p, const struct ps_vkey *log, struct ps_checkpoint *out) {
    struct ps_checkpoint c;
    if (out != NULL)
        *out = (struct ps_checkpoint){.size = 0};
    int err = ps_checkpoint_open(&c, p->note, p->note_len, log);
    if (err == 0)
        err = ps_proof_check_in(p, log, &c);
    if (err == 0 && out != NULL)
        *out = c;
    return err;
}
