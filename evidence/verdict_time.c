/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/verdict_internal.h"

#define TOKENS "tokens/"
#define TOKEN_FILE "/token.tsr"

struct token {
    char id[PS_MAX_ZIP_NAME + 1]; /* folder below tokens/ */
    uint8_t *token, *chain;
    size_t token_n, chain_n;
    bool fresh;  /* the statement's freshness names it */
    bool stamps; /* it covers the checkpoint that the seal proof ends in */
    struct ps_timestamp ts;
};

/* "ID" of "BUNDLEtokens/ID/token.tsr", else false. */
static bool token_id(const struct ps_verdict_job *j, size_t i, char id[PS_MAX_ZIP_NAME + 1]) {
    const char *name = j->in->files->name(j->in->files->ctx, i);
    size_t base = strlen(j->in->bundle), head = strlen(TOKENS), tail = strlen(TOKEN_FILE), n;
    if (strncmp(name, j->in->bundle, base) != 0 || strncmp(name + base, TOKENS, head) != 0)
        return false;
    name += base + head;
    n = strlen(name);
    if (n <= tail || strcmp(name + n - tail, TOKEN_FILE) != 0 || memchr(name, '/', n - tail) != NULL)
        return false;
    (void)snprintf(id, PS_MAX_ZIP_NAME + 1, "%.*s", (int)(n - tail), name);
    return true;
}

static int load_part(struct ps_verdict_job *j, const char *id, const char *file, size_t max, uint8_t **p,
                     size_t *n) {
    char name[2 * PS_MAX_ZIP_NAME];
    (void)snprintf(name, sizeof name, "%s" TOKENS "%s/%s", j->in->bundle, id, file);
    int64_t at = ps_tree_find(j->in->files, name);
    struct ps_blob b;
    int err = at < 0 ? PS_ENOENT : j->in->files->open(j->in->files->ctx, (size_t)at, &b);
    return err < 0 ? err : ps_blob_load(&b, max, p, n);
}

static void no_bound(struct ps_verdict *v, const struct token *t, const char *code, const char *text) {
    char where[PS_MAX_ZIP_NAME + 16];
    (void)snprintf(where, sizeof where, TOKENS "%s", t->id);
    ps_verdict_problem(v, code, where, "%s", text);
}

/* The token against the caller's anchors; false with a problem when it bounds nothing. */
static bool believed(struct ps_verdict_job *j, struct token *t) {
    const struct ps_trust *trust = j->in->trust;
    struct ps_why why = {{0}, {0}};
    int err = ps_timestamp_verify(&t->ts, t->token, t->token_n, t->chain, t->chain_n,
                                  trust != NULL ? trust->anchors : NULL, trust != NULL ? trust->n_anchors : 0,
                                  &why);
    if (err == 0)
        return true;
    if (err == PS_EPERM)
        no_bound(j->v, t, t->fresh ? "freshness-untrusted" : "token-untrusted",
                 "its authority is none that the caller has registered");
    else
        no_bound(j->v, t,
                 err == PS_ETIME  ? "token-expired"
                 : err == PS_ESIG ? "token-invalid"
                                  : "token-unreadable",
                 why.text);
    return false;
}

static void bound(struct ps_verdict_job *j, const struct token *t) {
    struct ps_verdict *v = j->v;
    if (t->fresh && strcmp(t->ts.code, v->clip->opening.freshness) != 0)
        no_bound(v, t, "freshness-mismatch", "the code that was burned in is not this token's");
    else if (t->fresh)
        v->not_before_ns = t->ts.time_ns - t->ts.accuracy_ns;
    if (t->stamps && t->ts.time_ns + t->ts.accuracy_ns < v->not_after_ns)
        v->not_after_ns = t->ts.time_ns + t->ts.accuracy_ns;
}

static int judge_token(struct ps_verdict_job *j, struct token *t, const uint8_t imprint[32], bool *fresh) {
    struct ps_verdict *v = j->v;
    struct ps_why why = {{0}, {0}};
    uint8_t digest[32];
    int err = load_part(j, t->id, "token.tsr", PS_TIMESTAMP_MAX, &t->token, &t->token_n);
    if (err == 0)
        err = load_part(j, t->id, "chain.pem", PS_TIMESTAMP_CHAIN_MAX, &t->chain, &t->chain_n);
    if (err == PS_ENOENT) /* a token can bring its own chain */
        err = 0;
    if (err == 0)
        err = ps_timestamp_read(&t->ts, t->token, t->token_n, &why);
    if (err == PS_ENOMEM)
        return err;
    if (err < 0) {
        no_bound(v, t, "token-unreadable", why.text[0] != 0 ? why.text : ps_error_text(err));
        return 0;
    }
    ps_sha256(digest, t->token, t->token_n);
    t->fresh = v->clip->opening.freshness[0] != 0 && memcmp(digest, v->clip->opening.token, 32) == 0;
    t->stamps = v->ledger == PS_LEDGER_INCLUDED && memcmp(t->ts.imprint, imprint, 32) == 0;
    *fresh = *fresh || t->fresh;
    if (!t->fresh && !t->stamps)
        no_bound(v, t, v->ledger == PS_LEDGER_INCLUDED ? "token-other" : "token-without-ledger",
                 v->ledger == PS_LEDGER_INCLUDED
                     ? "stamps another checkpoint than the one of the proofs"
                     : "stamps a checkpoint, and no proof leads from the clip to it");
    else if (believed(j, t))
        bound(j, t);
    return 0;
}

/* A second that a witness tells began before it cosigned: it may have been its last moment. */
static void bound_by_witnesses(struct ps_verdict *v) {
    for (unsigned i = 0; i < v->n_witnesses; i++) {
        int64_t t = v->witnesses[i].time_ns;
        if (t != INT64_MIN && t + PS_VERDICT_SECOND < v->not_after_ns)
            v->not_after_ns = t + PS_VERDICT_SECOND;
    }
}

static enum ps_time_basis basis(const struct ps_verdict *v) {
    bool before = v->not_before_ns != INT64_MIN, after = v->not_after_ns != INT64_MAX;
    return before && after ? PS_TIME_BOUNDED
           : after         ? PS_TIME_NOT_AFTER
           : before        ? PS_TIME_NOT_BEFORE
                           : PS_TIME_SELF;
}

int ps_verdict_time_bounds(struct ps_verdict_job *j, const struct ps_buf *stamped) {
    struct ps_verdict *v = j->v;
    uint8_t imprint[32];
    bool fresh = false;
    unsigned judged = 0;
    int err = 0;
    ps_sha256(imprint, stamped->p, stamped->n);
    for (size_t i = 0; j->in->bundle != NULL && err == 0 && judged < PS_MAX_TOKENS && i < j->in->files->n;
         i++) {
        struct token *t = calloc(1, sizeof *t);
        if (t == NULL)
            return PS_ENOMEM;
        if (token_id(j, i, t->id)) {
            err = judge_token(j, t, imprint, &fresh);
            judged++;
        }
        free(t->token);
        free(t->chain);
        free(t);
    }
    if (err == 0 && j->in->bundle != NULL && !fresh && v->clip->opening.freshness[0] != 0)
        ps_verdict_problem(v, "freshness-token", v->clip->opening.freshness,
                           "the token of this code is not enclosed: it bounds nothing");
    bound_by_witnesses(v);
    v->time = basis(v);
    if (err == 0 && v->not_before_ns > v->not_after_ns)
        ps_verdict_problem(v, "bounds-order", "time",
                           "not before lies after not after: one of both is wrong");
    return err;
}
