/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/cert.h"
#include "evidence/verdict_internal.h"

#define CERT "keys/cert.json"
#define CERT_MAX 16384

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

static int load_key_file(struct ps_verdict_job *j, const char *file, uint8_t **p, size_t *n) {
    char name[2 * PS_MAX_ZIP_NAME];
    struct ps_blob b;
    (void)snprintf(name, sizeof name, "%s%s", j->in->bundle, file);
    int64_t at = ps_tree_find(j->in->files, name);
    int err = at < 0 ? PS_ENOENT : j->in->files->open(j->in->files->ctx, (size_t)at, &b);
    return err < 0 ? err : ps_blob_load(&b, CERT_MAX, p, n);
}

static bool certifies(const struct ps_verdict *v, const struct ps_cert *c) {
    return memcmp(c->clip_key.key, v->signer.key, 32) == 0 && memcmp(c->clip_key.id, v->signer.id, 8) == 0 &&
           strcmp(c->station, v->clip->opening.station) == 0 &&
           memcmp(c->ledger_key.key, v->clip->ledger_key, 32) == 0;
}

/* Which registered root signed it: 0 and *root, PS_ENOENT, PS_ESIG, PS_EFORMAT. */
static int root_of(const struct ps_trust *t, const uint8_t *p, size_t n, const uint8_t *sig, size_t sig_n,
                   struct ps_cert *c, const struct ps_trust_root **root, struct ps_why *why) {
    int err = PS_ENOENT;
    for (size_t i = 0; err == PS_ENOENT && i < t->n_roots; i++) {
        err = ps_cert_open(c, p, n, sig, sig_n, &t->roots[i].key, why);
        *root = &t->roots[i];
    }
    return err;
}

/* The station's certificate, when the bundle brings one and the caller has registered roots. */
static int by_certificate(struct ps_verdict_job *j, const char *key) {
    struct ps_verdict *v = j->v;
    const struct ps_trust_root *root = NULL;
    struct ps_trust_key as_line;
    struct ps_why why = {{0}, {0}};
    struct ps_cert c;
    uint8_t *p = NULL, *sig = NULL;
    size_t n = 0, sig_n = 0;
    int err = load_key_file(j, CERT, &p, &n);
    if (err == 0)
        err = load_key_file(j, CERT ".minisig", &sig, &sig_n);
    if (err == PS_ENOENT && p == NULL) {
        err = 0; /* a station without a certificate */
        goto out;
    }
    if (err == 0)
        err = root_of(j->in->trust, p, n, sig, sig_n, &c, &root, &why);
    if (err == PS_ENOMEM)
        goto out;
    if (err == PS_ENOENT && sig != NULL)
        ps_verdict_problem(v, "cert-unknown", CERT,
                           "signed by a root key that the caller has not registered");
    else if (err < 0)
        ps_verdict_problem(v, "cert-invalid", CERT, "%s", why.text[0] != 0 ? why.text : ps_error_text(err));
    else if (!certifies(v, &c) || ps_trust_certified(j->in->trust, root, &c, &as_line) < 0)
        ps_verdict_problem(v, "cert-other", CERT, "certifies another key, station, ledger or merchant");
    else
        hold(v, &as_line, key);
    err = 0;
out:
    free(p);
    free(sig);
    return err;
}

int ps_verdict_key_trust(struct ps_verdict_job *j) {
    static const struct ps_pubkey none;
    struct ps_verdict *v = j->v;
    const struct ps_trust *trust = j->in->trust;
    char key[57];
    if (trust == NULL || (memcmp(v->signer.id, none.id, 8) == 0 && memcmp(v->signer.key, none.key, 32) == 0))
        return 0;
    ps_minisign_pubkey_text(&v->signer, key);
    const struct ps_trust_key *k = ps_trust_find(trust, &v->signer);
    if (k != NULL)
        hold(v, k, key);
    if (k == NULL) {
        size_t from = 0;
        if (ps_trust_by_id(trust, v->signer.id, &from) != NULL)
            ps_verdict_problem(v, "key-number", key,
                               "a registered key has the same number, but is another key");
    }
    return v->key == PS_KEY_UNKNOWN && trust->n_roots > 0 && j->in->bundle != NULL ? by_certificate(j, key)
                                                                                   : 0;
}
