/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/proof.h"
#include "evidence/verdict_internal.h"

/* One of the two proofs of a clip. */
struct side {
    const char *name;
    bool there;
    bool holds;    /* in cp, whose signature is right */
    uint8_t *text; /* the file; the proof borrows from it */
    struct ps_proof p;
    struct ps_vkey log;
    struct ps_checkpoint cp;
};

static void contradiction(struct ps_verdict *v, const char *code, const char *where, const char *text) {
    v->ledger = PS_LEDGER_INCONSISTENT;
    ps_verdict_problem(v, code, where, "%s", text);
}

/* The log's key is the one that the statement states; its name is the checkpoint's origin. */
static int log_of(struct side *s, const struct ps_clip *c) {
    struct ps_note note;
    struct ps_checkpoint cp;
    int err = ps_note_parse(&note, s->p.note, s->p.note_len);
    if (err == 0)
        err = ps_checkpoint_parse(&cp, note.text, note.text_len);
    return err < 0 ? err : ps_note_vkey_make(&s->log, cp.origin, PS_NOTE_ED25519, c->ledger_key);
}

/* A token stamps the log's own line, which therefore stands in the checkpoint once: with two there would be two answers. */
static int check_stampable(const struct side *s) {
    struct ps_buf b;
    ps_buf_init(&b, PS_NOTE_MAX);
    int err = ps_checkpoint_stamped(&b, s->p.note, s->p.note_len, &s->log);
    ps_buf_free(&b);
    return err;
}

/* A line that bears the name and number of a witness whom the caller trusts is its, or the note is none. */
static int check_cosignatures(const struct ps_verdict_job *j, const struct side *s) {
    const struct ps_trust *t = j->in->trust;
    struct ps_note note;
    int err = t == NULL || t->n_witnesses == 0 ? 0 : ps_note_parse(&note, s->p.note, s->p.note_len);
    for (size_t i = 0; t != NULL && i < t->n_witnesses && err == 0; i++) {
        err = ps_note_verify(&note, &t->witnesses[i], NULL);
        if (err == PS_ENOENT)
            err = 0;
    }
    return err;
}

/* As the exporter writes them both proofs end in one and the same checkpoint: its signatures are checked once. */
static int check_proof(const struct ps_verdict_job *j, struct side *s, const struct side *other) {
    if (!other->holds || other->p.note_len != s->p.note_len ||
        memcmp(other->p.note, s->p.note, s->p.note_len) != 0) {
        int err = ps_proof_check(&s->p, &s->log, &s->cp);
        return err == 0 ? check_cosignatures(j, s) : err;
    }
    s->cp = other->cp;
    return ps_proof_check_in(&s->p, &s->log, &s->cp);
}

/* 0; the ledger is inconsistent when the proof does not hold. */
static int read_side(struct ps_verdict_job *j, struct side *s, const struct side *other) {
    size_t n = 0;
    int err = ps_verdict_load(j, s->name, PS_PROOF_MAX, &s->text, &n);
    if (err == PS_ENOMEM || err == PS_ENOENT)
        return err == PS_ENOENT ? 0 : err;
    s->there = true;
    if (err == 0)
        err = ps_proof_parse(&s->p, s->text, n);
    if (err == 0)
        err = log_of(s, j->v->clip);
    if (err == 0)
        err = check_proof(j, s, other);
    if (err == 0)
        err = check_stampable(s);
    s->holds = err == 0;
    if (err == PS_ENOMEM)
        return err;
    if (err < 0)
        contradiction(j->v, "proof-invalid", s->name,
                      err == PS_ENOENT ? "its checkpoint is not signed by the ledger key of the statement"
                      : err == PS_ESIG
                          ? "the leaf is not in the checkpoint, or a signature of the checkpoint is wrong"
                          : "not a proof");
    return 0;
}

static bool leaf_is_open(const struct side *s, const struct ps_clip *c) {
    return s->p.index == c->number && s->p.leaf_len == c->open_leaf_len &&
           memcmp(s->p.leaf, c->open_leaf, c->open_leaf_len) == 0;
}

static bool leaf_is_seal(const struct side *s, const struct ps_clip *c, const uint8_t statement[32]) {
    struct ps_leaf l;
    uint8_t heads[32], log[16];
    if (ps_leaf_decode(&l, s->p.leaf, s->p.leaf_len) < 0)
        return false;
    ps_statement_heads(c, heads);
    ps_leaf_log_id(log, c->ledger_key);
    return l.type == PS_LEAF_SEAL && l.index == s->p.index && l.subject == c->number &&
           memcmp(l.digest, statement, 32) == 0 && memcmp(l.head, heads, 32) == 0 &&
           memcmp(l.log, log, 16) == 0;
}

/* A caller who registered this ledger knows its name and its key; either of them with another other is another ledger,
 * a recovery's new origin among them. */
static void check_registered(struct ps_verdict_job *j, const struct side *s) {
    const struct ps_trust *t = j->in->trust;
    bool known = false, other = false;
    for (size_t i = 0; t != NULL && i < t->n_logs; i++) {
        bool name = strcmp(t->logs[i].name, s->log.name) == 0,
             key = memcmp(t->logs[i].key, s->log.key, 32) == 0;
        known = known || (name && key);
        other = other || name != key;
    }
    if (other && !known)
        contradiction(j->v, "log-key", s->log.name,
                      "registered with another key, or this key for another ledger");
}

static void compare(struct ps_verdict_job *j, const struct side *open, const struct side *seal) {
    struct ps_verdict *v = j->v;
    if (!leaf_is_open(open, v->clip))
        contradiction(v, "proof-leaf", open->name, "proves another leaf than the one that opened this clip");
    if (!leaf_is_seal(seal, v->clip, j->statement))
        contradiction(v, "proof-leaf", seal->name, "proves another leaf than the seal of this statement");
    if (strcmp(open->cp.origin, seal->cp.origin) != 0 ||
        (open->cp.size == seal->cp.size && memcmp(open->cp.root, seal->cp.root, 32) != 0))
        contradiction(v, "proof-fork", seal->name, "the two proofs end in two different ledgers");
    check_registered(j, seal);
    if (v->ledger != PS_LEDGER_INCONSISTENT)
        v->ledger = PS_LEDGER_INCLUDED;
}

/* All of them verified when the proof was read. */
static int tell_witnesses(struct ps_verdict_job *j, const struct side *seal) {
    const struct ps_trust *t = j->in->trust;
    struct ps_verdict *v = j->v;
    struct ps_note note;
    uint64_t time;
    int err = ps_note_parse(&note, seal->p.note, seal->p.note_len);
    for (size_t i = 0; err == 0 && t != NULL && i < t->n_witnesses && v->n_witnesses < PS_NOTE_SIGNATURES;
         i++) {
        if (ps_note_verify(&note, &t->witnesses[i], &time) != 0)
            continue;
        struct ps_verdict_witness *w = &v->witnesses[v->n_witnesses++];
        memcpy(w->name, t->witnesses[i].name, sizeof w->name);
        w->time_ns = time > 0 && time <= PS_VERDICT_LATEST ? (int64_t)time * PS_VERDICT_SECOND : INT64_MIN;
    }
    return err;
}

int ps_verdict_ledger_proofs(struct ps_verdict_job *j, struct ps_buf *stamped) {
    struct side open = {.name = "open.tlog-proof"}, seal = {.name = "seal.tlog-proof"};
    struct ps_verdict *v = j->v;
    int err = read_side(j, &open, &seal);
    if (err == 0)
        err = read_side(j, &seal, &open);
    if (err == 0 && open.there != seal.there)
        contradiction(v, "proof-missing", open.there ? seal.name : open.name,
                      "only one of the two proofs is here");
    else if (err == 0 && open.there && v->ledger != PS_LEDGER_INCONSISTENT)
        compare(j, &open, &seal);
    if (err == 0 && v->ledger == PS_LEDGER_INCLUDED)
        err = ps_checkpoint_stamped(stamped, seal.p.note, seal.p.note_len, &seal.log);
    if (err == 0 && v->ledger == PS_LEDGER_INCLUDED)
        err = tell_witnesses(j, &seal);
    free(open.text);
    free(seal.text);
    return err;
}
