/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/enclosed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive/intake.h"
#include "evidence/bytes.h"
#include "evidence/json.h"
#include "evidence/leaf.h"
#include "evidence/proof.h"
#include "evidence/sha256.h"

#define INTAKE_MAX ((size_t)256 << 10)

struct reading {
    struct ps_enclosed *out;
    const struct ps_verdict_input *in;
    const struct ps_verdict *v;
    const struct ps_pubkey *key; /* the clip's */
    bool checkpoint;             /* there is one, and stamped is what a token over it covers */
    uint8_t stamped[32];
};

/* ---- files of the tree ------------------------------------------------------------------------------------------ */

static int load(const struct reading *r, const char *base, const char *name, size_t max, uint8_t **p,
                size_t *n) {
    char path[2 * PS_MAX_ZIP_NAME];
    struct ps_blob b;
    *p = NULL;
    *n = 0;
    int w = snprintf(path, sizeof path, "%s%s", base, name);
    int64_t at = w < 0 || w >= (int)sizeof path ? PS_ELIMIT : ps_tree_find(r->in->files, path);
    int rc = at < 0 ? PS_ENOENT : r->in->files->open(r->in->files->ctx, (size_t)at, &b);
    return rc < 0 ? rc : ps_blob_load(&b, max, p, n);
}

/* What stands for the * when the file is BUNDLE BEGIN * END, without a slash in it; else false. */
static bool named(const struct reading *r, size_t i, const char *begin, const char *end,
                  char out[PS_MAX_ZIP_NAME + 1]) {
    const char *name = r->in->files->name(r->in->files->ctx, i);
    size_t base = strlen(r->in->bundle), head = strlen(begin), tail = strlen(end);
    if (strncmp(name, r->in->bundle, base) != 0 || strncmp(name + base, begin, head) != 0)
        return false;
    name += base + head;
    size_t n = strlen(name);
    if (n < tail || strcmp(name + n - tail, end) != 0 || memchr(name, '/', n - tail) != NULL)
        return false;
    (void)snprintf(out, PS_MAX_ZIP_NAME + 1, "%.*s", (int)(n - tail), name);
    return true;
}

/* ---- time stamps ------------------------------------------------------------------------------------------------ */

/* The bytes that a token over the seal proof's checkpoint covers. */
static void find_checkpoint(struct reading *r) {
    struct ps_proof proof;
    struct ps_note note;
    struct ps_checkpoint cp;
    struct ps_vkey log;
    struct ps_buf b;
    uint8_t *p;
    size_t n;
    ps_buf_init(&b, PS_NOTE_MAX);
    if (r->v->ledger == PS_LEDGER_INCLUDED &&
        load(r, r->in->prefix, "seal.tlog-proof", PS_PROOF_MAX, &p, &n) == 0) {
        r->checkpoint = ps_proof_parse(&proof, p, n) == 0 &&
                        ps_note_parse(&note, proof.note, proof.note_len) == 0 &&
                        ps_checkpoint_parse(&cp, note.text, note.text_len) == 0 &&
                        ps_note_vkey_make(&log, cp.origin, PS_NOTE_ED25519, r->v->clip->ledger_key) == 0 &&
                        ps_checkpoint_stamped(&b, proof.note, proof.note_len, &log) == 0;
        if (r->checkpoint)
            ps_sha256(r->stamped, b.p, b.n);
        free(p);
    }
    ps_buf_free(&b);
}

static void believe(const struct reading *r, struct ps_enclosed_token *t, const uint8_t *p, size_t n,
                    const uint8_t *chain, size_t chain_n) {
    const struct ps_trust *trust = r->in->trust;
    struct ps_why why = {{0}, {0}};
    if (trust == NULL ||
        ps_timestamp_verify(&t->ts, p, n, chain, chain_n, trust->anchors, trust->n_anchors, &why) < 0)
        return;
    t->trusted = true;
    for (size_t i = 0; i < trust->n_anchors; i++)
        if (memcmp(trust->anchors[i].sha256, t->ts.root, 32) == 0)
            (void)snprintf(t->name, sizeof t->name, "%s", trust->anchors[i].name);
}

static void token(struct reading *r, const char *id) {
    struct ps_enclosed_token t = {.fresh = false};
    const struct ps_opening *o = &r->v->clip->opening;
    char base[2 * PS_MAX_ZIP_NAME];
    struct ps_why why = {{0}, {0}};
    uint8_t digest[32], *p, *chain = NULL;
    size_t n, chain_n = 0;
    (void)snprintf(base, sizeof base, "%stokens/%s/", r->in->bundle, id);
    if (load(r, base, "token.tsr", PS_TIMESTAMP_MAX, &p, &n) == 0 &&
        ps_timestamp_read(&t.ts, p, n, &why) == 0) {
        ps_sha256(digest, p, n);
        t.fresh = o->freshness[0] != '\0' && memcmp(digest, o->token, 32) == 0;
        t.stamps = r->checkpoint && memcmp(t.ts.imprint, r->stamped, 32) == 0;
        (void)load(r, base, "chain.pem", PS_TIMESTAMP_CHAIN_MAX, &chain, &chain_n);
        if (t.fresh || t.stamps) {
            believe(r, &t, p, n, chain, chain_n);
            r->out->tokens[r->out->n_tokens++] = t;
        }
    }
    free(p);
    free(chain);
}

static int by_time(const void *a, const void *b) {
    int64_t x = ((const struct ps_enclosed_token *)a)->ts.time_ns,
            y = ((const struct ps_enclosed_token *)b)->ts.time_ns;
    return x < y ? -1 : x > y;
}

/* ---- keys ------------------------------------------------------------------------------------------------------- */

static void clip_key(struct reading *r, const char *rest) {
    struct ps_enclosed_key k = {.own = false};
    uint8_t *p;
    size_t n;
    (void)snprintf(k.file, sizeof k.file, "clip%.48s.pub", rest);
    char path[80];
    (void)snprintf(path, sizeof path, "keys/%s", k.file);
    if (load(r, r->in->bundle, path, PS_CERT_MAX, &p, &n) == 0 &&
        ps_minisign_pubkey_parse(&k.key, p, n) == 0) {
        k.own = memcmp(&k.key, r->key, sizeof k.key) == 0;
        r->out->keys[r->out->n_keys++] = k;
    }
    free(p);
}

struct pair {
    uint8_t *p, *sig;
    size_t n, sig_n;
};

static bool load_pair(const struct reading *r, const char *kind, const char *rest, struct pair *f) {
    char name[PS_MAX_ZIP_NAME + 48];
    *f = (struct pair){.p = NULL};
    (void)snprintf(name, sizeof name, "keys/%s%s.json", kind, rest);
    bool good = load(r, r->in->bundle, name, PS_CERT_MAX, &f->p, &f->n) == 0;
    (void)snprintf(name, sizeof name, "keys/%s%s.json.minisig", kind, rest);
    return good && load(r, r->in->bundle, name, PS_CERT_MAX, &f->sig, &f->sig_n) == 0;
}

/* May this root speak for this merchant? */
static bool speaks_for(const struct ps_trust_root *root, const char *merchant) {
    return root->revoked_ns == INT64_MAX &&
           (root->merchant[0] == '\0' || strcmp(root->merchant, merchant) == 0);
}

static void cert(struct reading *r, const char *rest) {
    const struct ps_trust *t = r->in->trust;
    struct ps_enclosed_cert c = {.trusted = false};
    struct ps_why why = {{0}, {0}};
    struct pair f;
    if (load_pair(r, "cert", rest, &f) && ps_cert_parse(&c.cert, f.p, f.n, &why) == 0 &&
        memcmp(&c.cert.clip_key, r->key, sizeof *r->key) == 0 &&
        strcmp(c.cert.station, r->v->clip->opening.station) == 0 &&
        memcmp(c.cert.ledger_key.key, r->v->clip->ledger_key, 32) == 0) {
        struct ps_cert again;
        for (size_t i = 0; t != NULL && i < t->n_roots && !c.trusted; i++)
            c.trusted = ps_cert_open(&again, f.p, f.n, f.sig, f.sig_n, &t->roots[i].key, &why) == 0 &&
                        speaks_for(&t->roots[i], c.cert.merchant);
        r->out->certs[r->out->n_certs++] = c;
    }
    free(f.p);
    free(f.sig);
}

static void revocation(struct reading *r, const char *rest) {
    const struct ps_trust *t = r->in->trust;
    struct ps_enclosed_revocation c = {.own = false};
    struct ps_why why = {{0}, {0}};
    struct pair f;
    if (load_pair(r, "revocation-", rest, &f) && ps_cert_parse_revocation(&c.r, f.p, f.n, &why) == 0) {
        struct ps_revocation again;
        c.own = memcmp(&c.r.clip_key, r->key, sizeof *r->key) == 0;
        for (size_t i = 0; t != NULL && i < t->n_roots && !c.trusted; i++)
            c.trusted =
                ps_cert_open_revocation(&again, f.p, f.n, f.sig, f.sig_n, &t->roots[i].key, &why) == 0 &&
                speaks_for(&t->roots[i], c.r.merchant);
        r->out->revocations[r->out->n_revocations++] = c;
    }
    free(f.p);
    free(f.sig);
}

/* ---- photographs ------------------------------------------------------------------------------------------------ */

static void statement(struct ps_enclosed_intake *k, const uint8_t *p, size_t n) {
    struct ps_why why = {{0}, {0}};
    json_t *o = NULL;
    if (ps_json_parse(&o, p, n, &why) < 0)
        return;
    const char *order = json_string_value(json_object_get(o, "order")),
               *type = json_string_value(json_object_get(o, "type"));
    k->photos = (unsigned)json_array_size(json_object_get(o, "files"));
    (void)snprintf(k->order, sizeof k->order, "%s", order != NULL ? order : "");
    k->whole = type != NULL && strcmp(type, "packseal-intake") == 0;
    json_decref(o);
}

static void intake(struct reading *r, const char *name) {
    struct ps_enclosed_intake *k = &r->out->intakes[r->out->n_intakes];
    struct ps_leaf leaf;
    char base[2 * PS_MAX_ZIP_NAME];
    uint8_t *p;
    size_t n;
    *k = (struct ps_enclosed_intake){.whole = false};
    (void)snprintf(k->name, sizeof k->name, "%.40s", name);
    (void)snprintf(base, sizeof base, "%sintake/%s/", r->in->bundle, name);
    if (load(r, base, PS_INTAKE_STATEMENT, INTAKE_MAX, &p, &n) == 0) {
        statement(k, p, n);
        ps_sha256(k->sha256, p, n);
    }
    free(p);
    if (load(r, base, PS_INTAKE_LEAF, PS_MAX_LEAF, &p, &n) == 0 && ps_leaf_decode(&leaf, p, n) == 0) {
        k->entry = leaf.index;
        k->wall_ns = leaf.wall_ns;
        k->whole = k->whole && leaf.type == PS_LEAF_INTAKE && memcmp(leaf.digest, k->sha256, 32) == 0;
    } else {
        k->whole = false;
    }
    free(p);
    r->out->n_intakes++;
}

/* ---- all of it -------------------------------------------------------------------------------------------------- */

static void file(struct reading *r, size_t i) {
    struct ps_enclosed *out = r->out;
    char rest[PS_MAX_ZIP_NAME + 1];
    if (out->n_tokens < PS_ENCLOSED_TOKENS && named(r, i, "tokens/", "/token.tsr", rest))
        token(r, rest);
    else if (out->n_keys < PS_ENCLOSED_KEYS && named(r, i, "keys/clip", ".pub", rest))
        clip_key(r, rest);
    else if (out->n_certs < PS_ENCLOSED_KEYS && named(r, i, "keys/cert", ".json", rest))
        cert(r, rest);
    else if (out->n_revocations < PS_ENCLOSED_KEYS && named(r, i, "keys/revocation-", ".json", rest))
        revocation(r, rest);
    else if (named(r, i, "intake/", "/" PS_INTAKE_STATEMENT, rest)) {
        if (out->n_intakes < PS_ENCLOSED_INTAKES)
            intake(r, rest);
        else
            out->more_intakes++;
    }
}

void ps_enclosed_read(struct ps_enclosed *out, const struct ps_verdict_input *in,
                      const struct ps_verdict *v) {
    static const struct ps_pubkey none;
    struct reading r = {.out = out, .in = in, .v = v};
    *out = (struct ps_enclosed){.n_tokens = 0};
    r.key = memcmp(&v->signer, &none, sizeof none) != 0 ? &v->signer : &v->clip->key;
    if (in->bundle == NULL)
        return;
    find_checkpoint(&r);
    for (size_t i = 0; i < in->files->n; i++)
        file(&r, i);
    qsort(out->tokens, out->n_tokens, sizeof out->tokens[0], by_time);
}
