/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/anchor.h"
#include "archive/proofs.h"
#include "cli/appending.h"
#include "evidence/bytes.h"
#include "evidence/leaf.h"
#include "evidence/sha256.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NS INT64_C(1000000000)
#define DAY_NS (24 * 3600 * NS)
#define PUBLISHED_S 10 /* the signer publishes a checkpoint a second after a leaf */
#define LOOK_NS 50000000

/* ---- which tokens */

struct wanted { /* tokens that end soon */
    struct ps_anchor *v;
    size_t n, room;
};

static void digest_of(const struct ps_token *t, uint8_t out[32]) {
    struct ps_sha256 h;
    ps_sha256_init(&h);
    ps_sha256_update(&h, t->token, t->token_n);
    ps_sha256_update(&h, t->chain, t->chain_n);
    ps_sha256_final(&h, out);
}

static int want(void *ctx, const struct ps_token *t) {
    struct wanted *w = ctx;
    if (w->n == w->room) {
        size_t room = w->room == 0 ? 64 : w->room * 2;
        struct ps_anchor *v = reallocarray(w->v, room, sizeof(*v));
        if (v == NULL)
            return PS_ENOMEM;
        w->v = v;
        w->room = room;
    }
    struct ps_anchor *a = &w->v[w->n++];
    *a = (struct ps_anchor){.size = t->entry.size, .until_ns = t->time.until_ns};
    memcpy(a->token, t->entry.name, sizeof(a->token));
    digest_of(t, a->digest);
    return 0;
}

/* ---- which of them the ledger names */

struct named {
    uint8_t (*v)[32];
    size_t n, room;
    int64_t newest_ns; /* by the signer's clock */
};

static int note_anchor(void *ctx, uint64_t index, const uint8_t *bytes, size_t n) {
    struct named *d = ctx;
    struct ps_leaf l;
    (void)index;
    if (ps_leaf_decode(&l, bytes, n) < 0 || l.type != PS_LEAF_ANCHOR)
        return 0;
    if (d->n == d->room) {
        size_t room = d->room == 0 ? 64 : d->room * 2;
        uint8_t(*v)[32] = reallocarray(d->v, room, sizeof(*v));
        if (v == NULL)
            return PS_ENOMEM;
        d->v = v;
        d->room = room;
    }
    memcpy(d->v[d->n++], l.digest, 32);
    d->newest_ns = l.wall_ns > d->newest_ns ? l.wall_ns : d->newest_ns;
    return 0;
}

static int by_digest(const void *a, const void *b) {
    return memcmp(a, b, 32);
}

/* A token by the same authority ends as soon as the one that it carries on: it would want an anchor and a stamp again,
 * and so for ever. So a token is named when the ledger has grown past it and is stamped anyway; in a ledger at rest, once
 * a day. */
static bool due(const struct ps_anchor *a, const struct named *d, const struct ps_checkpoint *cp,
                int64_t now) {
    bool known = d->n > 0 && bsearch(a->digest, d->v, d->n, 32, by_digest) != NULL;
    return !known && (cp->size > a->size || now >= d->newest_ns + DAY_NS || now < d->newest_ns);
}

static int missing(struct wanted *w, const char *root, const struct ps_checkpoint *cp, int64_t now,
                   struct ps_why *why) {
    struct named d = {.newest_ns = 0};
    struct ps_proofs ledger;
    size_t kept = 0;
    int rc = ps_proofs_open(&ledger, root, why);
    if (rc < 0)
        return rc;
    rc = ps_proofs_each(&ledger, note_anchor, &d);
    ps_proofs_close(&ledger);
    if (rc < 0)
        ps_error_why(why, rc, "ledger", "%s: run packseal ledger check", ps_error_text(rc));
    else if (d.n > 0)
        qsort(d.v, d.n, 32, by_digest);
    for (size_t i = 0; rc == 0 && i < w->n && kept < PS_ANCHOR_MOST; i++)
        if (due(&w->v[i], &d, cp, now))
            w->v[kept++] = w->v[i];
    w->n = kept;
    free(d.v);
    return rc;
}

/* ---- naming them */

static int append(struct ps_anchor *a, int fd, struct ps_why *why) {
    struct ps_wire_append ask = {.type = PS_LEAF_ANCHOR, .extra_len = 8};
    struct ps_wire_appended got;
    memcpy(ask.digest, a->digest, sizeof(ask.digest));
    for (int i = 0; i < 8; i++)
        ask.extra[i] = (uint8_t)(a->size >> (56 - 8 * i));
    int rc = ps_appending_ask(fd, &ask, &got, why);
    if (rc == 0)
        a->index = got.index;
    return rc;
}

static int wait_for(const char *root, uint64_t index, struct ps_why *why) {
    const struct timespec pause = {.tv_nsec = LOOK_NS};
    for (int64_t left = PUBLISHED_S * NS; left > 0; left -= LOOK_NS) {
        struct ps_proofs ledger;
        int rc = ps_proofs_open(&ledger, root, why);
        if (rc < 0)
            return rc;
        ps_proofs_close(&ledger);
        if (ledger.size > index)
            return 0;
        nanosleep(&pause, NULL);
    }
    return ps_error_why(why, PS_ETIME, "ledger/checkpoint", "the signer publishes no checkpoint");
}

int ps_anchor_make(struct ps_anchors *out, const char *root, const struct ps_checkpoint *cp,
                   struct ps_why *why) {
    struct wanted w = {.n = 0};
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    int64_t now = (int64_t)t.tv_sec * NS + t.tv_nsec;
    *out = (struct ps_anchors){0};
    int rc = ps_tokens_expiring(root, cp->origin, now + PS_ANCHOR_DAYS * DAY_NS, want, &w, why);
    if (rc == PS_ENOMEM)
        ps_error_why(why, rc, PS_ROOT_TOKENS, "out of memory");
    if (rc == 0 && w.n > 0)
        rc = missing(&w, root, cp, now, why);
    int fd = rc == 0 && w.n > 0 ? ps_appending_open(root, why) : -1;
    if (rc == 0 && w.n > 0 && fd < 0)
        rc = fd;
    while (rc == 0 && out->n < w.n && (rc = append(&w.v[out->n], fd, why)) == 0)
        out->n++;
    if (fd >= 0)
        close(fd);
    if (rc == 0 && out->n > 0)
        rc = wait_for(root, w.v[out->n - 1].index, why);
    out->v = w.v; /* transferred */
    return rc;
}

void ps_anchor_free(struct ps_anchors *a) {
    free(a->v);
    *a = (struct ps_anchors){0};
}
