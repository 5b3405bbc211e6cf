/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/cert.h"
#include "evidence/limits.h"
#include "evidence/verdict_internal.h"

#define KEYS "keys/"
#define CERT KEYS "cert.json"
#define CERT_MAX PS_CERT_MAX
#define FILES_MAX 64 /* of a bundle's certificates, and of its revocations, that are looked at */

/* A revocation of the clip's key that a bundle brings, signed by a root that the caller trusts. */
struct revocation {
    int64_t since_ns;
    char merchant[PS_MAX_NAME + 1], where[PS_MAX_ZIP_NAME + 1];
};

struct revocations {
    struct revocation list[FILES_MAX];
    size_t n;
};

/* Without time from outside only the statement itself says when it was signed, and who holds a key can backdate: a
 * revoked key is revoked, whatever the statement's clock says. A trusted not-after time before the revocation lifts
 * it. Validity is held against that time, else against the station's clock. */
static void hold(struct ps_verdict *v, const struct ps_trust_key *k, const char *key) {
    bool outside = v->not_after_ns != INT64_MAX;
    int64_t made = outside ? v->not_after_ns : v->clip->ended.wall_ns;
    char when[32];

    if (k->revoked_ns != INT64_MAX && !(outside && v->not_after_ns < k->revoked_ns)) {
        v->key = PS_KEY_REVOKED;
        ps_statement_time_text(k->revoked_ns, when);
        ps_verdict_problem(v, "key-revoked", key,
                           "revoked since %s; no time from outside shows that the clip is older", when);
    } else if (k->station[0] != 0 && strcmp(k->station, v->clip->opening.station) != 0) {
        ps_verdict_problem(v, "key-station", key, "registered for station %s, the statement says %s",
                           k->station, v->clip->opening.station);
    } else if (made < k->from_ns || made > k->until_ns) {
        bool early = made < k->from_ns;
        v->key = PS_KEY_EXPIRED;
        ps_statement_time_text(early ? k->from_ns : k->until_ns, when);
        ps_verdict_problem(v, "key-expired", key, "valid %s %s, but %s says otherwise for this clip",
                           early ? "from" : "until", when,
                           outside ? "the time from outside" : "the station's own clock");
    } else if (!k->only_revoked) {
        v->key = PS_KEY_TRUSTED;
    }
}

/* ---- files of the bundle's keys/ ---------------------------------------------------------------------- */

static int load_key_file(struct ps_verdict_job *j, const char *file, uint8_t **p, size_t *n) {
    char name[2 * PS_MAX_ZIP_NAME];
    struct ps_blob b;
    (void)snprintf(name, sizeof name, "%s%s", j->in->bundle, file);
    int64_t at = ps_tree_find(j->in->files, name);
    int err = at < 0 ? PS_ENOENT : j->in->files->open(j->in->files->ctx, (size_t)at, &b);
    return err < 0 ? err : ps_blob_load(&b, CERT_MAX, p, n);
}

/* Its name below data/ when it is keys/BEGIN….json, else NULL. */
static const char *named(const struct ps_verdict_job *j, size_t i, const char *begin) {
    const char *name = j->in->files->name(j->in->files->ctx, i);
    size_t base = strlen(j->in->bundle), head = strlen(KEYS), n = strlen(begin);
    if (strncmp(name, j->in->bundle, base) != 0 || strncmp(name + base, KEYS, head) != 0)
        return NULL;
    const char *rest = name + base + head;
    size_t len = strlen(rest);
    bool ours = strncmp(rest, begin, n) == 0 && len >= n + strlen(".json") &&
                strcmp(rest + len - strlen(".json"), ".json") == 0 && strchr(rest, '/') == NULL;
    return ours ? name + base : NULL;
}

/* One of them with its signature; the caller frees both, whatever this returns. PS_ENOENT when it has none. */
struct pair {
    uint8_t *p, *sig;
    size_t n, sig_n;
};

static int load_pair(struct ps_verdict_job *j, const char *file, struct pair *out) {
    char beside[PS_MAX_ZIP_NAME + 16];
    *out = (struct pair){.p = NULL};
    (void)snprintf(beside, sizeof beside, "%s.minisig", file);
    int err = load_key_file(j, file, &out->p, &out->n);
    return err < 0 ? err : load_key_file(j, beside, &out->sig, &out->sig_n);
}

static void drop_pair(struct pair *f) {
    free(f->p);
    free(f->sig);
}

/* ---- revocations ------------------------------------------------------------------------------------- */

/* Which registered root signed it: 0 and *root, PS_ENOENT, PS_ESIG, PS_EFORMAT. */
static int revoker_of(const struct ps_trust *t, const struct pair *f, struct ps_revocation *r,
                      const struct ps_trust_root **root, struct ps_why *why) {
    int err = PS_ENOENT;
    for (size_t i = 0; err == PS_ENOENT && i < t->n_roots; i++) {
        *root = &t->roots[i];
        err = ps_cert_open_revocation(r, f->p, f->n, f->sig, f->sig_n, &(*root)->key, why);
    }
    return err;
}

/* One file; what does not count is told, and that of another key is none of this clip's business. */
static int read_revocation(struct ps_verdict_job *j, const char *file, struct revocations *all) {
    struct ps_verdict *v = j->v;
    const struct ps_trust_root *root = NULL;
    struct ps_revocation r;
    struct ps_why why = {{0}, {0}};
    struct pair f;
    int err = load_pair(j, file, &f);
    bool unsigned_ = err == PS_ENOENT;
    if (err == 0 || unsigned_)
        err = ps_cert_parse_revocation(&r, f.p, f.n, &why);
    if (err == 0 && memcmp(&r.clip_key, &v->signer, sizeof r.clip_key) != 0)
        goto out;
    if (err == 0 && !unsigned_)
        err = revoker_of(j->in->trust, &f, &r, &root, &why);
    if (err == PS_ENOMEM)
        goto out;
    if (unsigned_ && err == 0)
        ps_verdict_problem(v, "revocation-invalid", file, "nobody signed it: it is ignored");
    else if (err == PS_ENOENT)
        ps_verdict_problem(v, "revocation-unknown", file,
                           "signed by a root key that the caller has not registered: it is ignored");
    else if (err < 0)
        ps_verdict_problem(v, "revocation-invalid", file, "%s: it is ignored",
                           why.text[0] != 0 ? why.text : ps_error_text(err));
    else if (root->merchant[0] != 0 && strcmp(root->merchant, r.merchant) != 0)
        ps_verdict_problem(v, "revocation-other", file,
                           "in another merchant's name than the root's: it is ignored");
    else {
        struct revocation *one = &all->list[all->n++];
        one->since_ns = r.since_ns;
        memcpy(one->merchant, r.merchant, sizeof one->merchant);
        (void)snprintf(one->where, sizeof one->where, "%s", file);
    }
out:
    drop_pair(&f);
    return err == PS_ENOMEM ? err : 0;
}

static int read_revocations(struct ps_verdict_job *j, struct revocations *all) {
    unsigned looked = 0;
    int err = 0;
    for (size_t i = 0; err == 0 && j->in->bundle != NULL && looked < FILES_MAX && i < j->in->files->n; i++) {
        const char *file = named(j, i, "revocation-");
        if (file == NULL)
            continue;
        looked++;
        err = read_revocation(j, file, all);
    }
    return err;
}

/* A root revokes what it might have certified: keys of its merchant, and those of which no merchant is known. */
static void apply(struct ps_verdict *v, struct revocations *all, struct ps_trust_key *k) {
    for (size_t i = 0; i < all->n; i++) {
        struct revocation *r = &all->list[i];
        if (k->merchant[0] != 0 && strcmp(k->merchant, r->merchant) != 0)
            ps_verdict_problem(v, "revocation-other", r->where,
                               "in another merchant's name than the key's: it is ignored");
        else if (r->since_ns < k->revoked_ns)
            k->revoked_ns = r->since_ns;
    }
}

/* ---- certificates ------------------------------------------------------------------------------------ */

static bool certifies(const struct ps_verdict *v, const struct ps_cert *c) {
    return memcmp(c->clip_key.key, v->signer.key, 32) == 0 && memcmp(c->clip_key.id, v->signer.id, 8) == 0 &&
           strcmp(c->station, v->clip->opening.station) == 0 &&
           memcmp(c->ledger_key.key, v->clip->ledger_key, 32) == 0;
}

/* Which registered root signed it: 0 and *root, PS_ENOENT, PS_ESIG, PS_EFORMAT. */
static int root_of(const struct ps_trust *t, const struct pair *f, struct ps_cert *c,
                   const struct ps_trust_root **root, struct ps_why *why) {
    int err = PS_ENOENT;
    for (size_t i = 0; err == PS_ENOENT && i < t->n_roots; i++) {
        err = ps_cert_open(c, f->p, f->n, f->sig, f->sig_n, &t->roots[i].key, why);
        *root = &t->roots[i];
    }
    return err;
}

/* What the bundle's certificates come to. */
struct certs {
    struct ps_trust_key as; /* what a clip line would have said */
    bool found, covers;     /* one speaks for the clip's key; and it covers its time */
    const char *code;       /* of the problem to tell when none does; "" */
    struct ps_why why;
};

/* The one to tell: the first that is more than a certificate for another key, of which a bundle of many clips is full. */
static void keep_problem(struct certs *c, const char *code, const char *file, const char *text) {
    if (c->code[0] != 0 && (strcmp(c->code, "cert-other") != 0 || strcmp(code, "cert-other") == 0))
        return;
    c->code = code;
    (void)ps_error_why(&c->why, 0, file, "%s", text);
}

/* Of those that speak for the key the first that covers the clip's time counts, else the first. */
static void keep_key(const struct ps_verdict *v, struct certs *c, const struct ps_trust_key *as) {
    int64_t made = v->not_after_ns != INT64_MAX ? v->not_after_ns : v->clip->ended.wall_ns;
    bool covers = made >= as->from_ns && made <= as->until_ns;
    if (c->found && (c->covers || !covers))
        return;
    c->as = *as;
    c->found = true;
    c->covers = covers;
}

static int judge_cert(struct ps_verdict_job *j, const char *file, struct certs *c) {
    const struct ps_trust_root *root = NULL;
    struct ps_trust_key as;
    struct ps_cert cert;
    struct ps_why why = {{0}, {0}};
    struct pair f;
    int err = load_pair(j, file, &f);
    bool whole = err == 0;
    if (whole)
        err = root_of(j->in->trust, &f, &cert, &root, &why);
    if (err == PS_ENOMEM)
        goto out;
    if (whole && err == PS_ENOENT)
        keep_problem(c, "cert-unknown", file, "signed by a root key that the caller has not registered");
    else if (err < 0)
        keep_problem(c, "cert-invalid", file, why.text[0] != 0 ? why.text : ps_error_text(err));
    else if (!certifies(j->v, &cert) || ps_trust_certified(j->in->trust, root, &cert, &as) < 0)
        keep_problem(c, "cert-other", file, "certifies another key, station, ledger or merchant");
    else
        keep_key(j->v, c, &as);
    err = 0;
out:
    drop_pair(&f);
    return err;
}

/* cert.json, and what a bundle of clips under several keys brings besides. */
static int by_certificates(struct ps_verdict_job *j, struct revocations *revoked, const char *key) {
    struct certs c = {.code = ""};
    char first[PS_MAX_ZIP_NAME + sizeof CERT];
    unsigned looked = 0;
    int err = 0;
    (void)snprintf(first, sizeof first, "%s%s", j->in->bundle, CERT);
    if (ps_tree_find(j->in->files, first) >= 0)
        err = judge_cert(j, CERT, &c);
    for (size_t i = 0; err == 0 && looked < FILES_MAX && i < j->in->files->n; i++) {
        const char *file = named(j, i, "cert-");
        if (file == NULL)
            continue;
        looked++;
        err = judge_cert(j, file, &c);
    }
    if (err < 0)
        return err;
    if (c.found) {
        apply(j->v, revoked, &c.as);
        hold(j->v, &c.as, key);
    } else if (c.code[0] != 0) {
        ps_verdict_problem(j->v, c.code, c.why.where, "%s", c.why.text);
    }
    return 0;
}

/* ---- who is believed --------------------------------------------------------------------------------- */

static int follow(struct ps_verdict_job *j, struct revocations *revoked) {
    struct ps_verdict *v = j->v;
    const struct ps_trust *trust = j->in->trust;
    struct ps_trust_key line;
    char key[57];
    int err = 0;
    ps_minisign_pubkey_text(&v->signer, key);
    const struct ps_trust_key *k = ps_trust_find(trust, &v->signer);
    if (k != NULL) {
        line = *k;
        apply(v, revoked, &line);
        hold(v, &line, key);
    } else if (ps_trust_by_id(trust, v->signer.id, &(size_t){0}) != NULL) {
        ps_verdict_problem(v, "key-number", key, "a registered key has the same number, but is another key");
    }
    if (v->key == PS_KEY_UNKNOWN && trust->n_roots > 0 && j->in->bundle != NULL)
        err = by_certificates(j, revoked, key);
    /* As a `revoked` line does: it makes no key known, but an unknown one is no better for it. */
    if (err == 0 && v->key == PS_KEY_UNKNOWN && k == NULL && revoked->n > 0) {
        line = (struct ps_trust_key){
            .from_ns = INT64_MIN, .until_ns = INT64_MAX, .revoked_ns = INT64_MAX, .only_revoked = true};
        apply(v, revoked, &line);
        hold(v, &line, key);
    }
    return err;
}

int ps_verdict_key_trust(struct ps_verdict_job *j) {
    static const struct ps_pubkey none;
    struct ps_verdict *v = j->v;
    if (j->in->trust == NULL || memcmp(&v->signer, &none, sizeof none) == 0)
        return 0;
    struct revocations *revoked = calloc(1, sizeof *revoked);
    int err = revoked == NULL ? PS_ENOMEM : read_revocations(j, revoked);
    if (err == 0)
        err = follow(j, revoked);
    free(revoked);
    return err;
}
