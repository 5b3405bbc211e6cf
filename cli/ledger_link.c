/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/ledger_link.h"
#include "archive/links.h"
#include "evidence/leaf.h"
#include "evidence/statement.h"
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct ps_ledger_link {
    uint64_t index, clip;
    uint8_t digest[32];
    bool seen; /* its file was there, or it was erased */
};

/* Who asked to be erased was taken out of the links, too: the entry stays, and nothing is missing. */
static void erased(struct ps_ledger_links *x, uint64_t clip) {
    for (size_t i = 0; i < x->n; i++)
        x->v[i].seen |= x->v[i].clip == clip;
}

int ps_ledger_link_leaf(struct ps_ledger_links *x, const uint8_t *leaf, size_t n) {
    struct ps_leaf l;
    if (ps_leaf_decode(&l, leaf, n) < 0)
        return 0;
    if (l.type == PS_LEAF_TOMBSTONE && l.extra_len == 1 && l.extra[0] == PS_TOMBSTONE_ERASURE)
        erased(x, l.subject);
    if (l.type != PS_LEAF_LINK)
        return 0;
    if (x->n == x->room) {
        size_t room = x->room == 0 ? 64 : x->room * 2;
        struct ps_ledger_link *v = reallocarray(x->v, room, sizeof(*v));
        if (v == NULL)
            return PS_ENOMEM;
        x->v = v;
        x->room = room;
    }
    struct ps_ledger_link *e = &x->v[x->n++];
    *e = (struct ps_ledger_link){.index = l.index, .clip = l.subject};
    memcpy(e->digest, l.digest, sizeof(e->digest));
    return 0;
}

void ps_ledger_link_free(struct ps_ledger_links *x) {
    free(x->v);
    *x = (struct ps_ledger_links){0};
}

/* ---- the files ---- */

struct check {
    struct ps_ledger_links *x;
    const struct ps_ledger_intake_tell *tell; /* NULL: only looks which are there */
    const uint8_t *key;
};

static struct ps_ledger_link *entry(const struct ps_ledger_links *x, uint64_t index) {
    size_t from = 0, to = x->n;
    while (from < to) {
        size_t at = from + (to - from) / 2;
        if (x->v[at].index == index)
            return &x->v[at];
        if (x->v[at].index < index)
            from = at + 1;
        else
            to = at;
    }
    return NULL;
}

static void problem(const struct check *c, const char *code, const char *path, const char *text) {
    if (c->tell != NULL)
        c->tell->problem(c->tell->ctx, code, path, text);
}

/* "ST03-0000123" is clip 123, of whatever station. */
static bool is_clip(const char *name, uint64_t number) {
    const char *dash = strrchr(name, '-');
    return dash != NULL && strtoull(dash + 1, NULL, 10) == number;
}

static void on_file(void *ctx, const char *path, const struct ps_link *l) {
    struct check *c = ctx;
    uint8_t digest[32];
    c->x->files += c->tell != NULL;
    if (l == NULL) {
        problem(c, "link-unreadable", path, "is not the link that its place and name say");
        return;
    }
    if (memcmp(l->ledger_key, c->key, sizeof(l->ledger_key)) != 0) {
        c->x->earlier += c->tell != NULL;
        return;
    }
    struct ps_ledger_link *e = entry(c->x, l->leaf);
    if (e == NULL) {
        if (c->tell != NULL && !c->tell->newer(c->tell->ctx, l->leaf))
            problem(c, "link-unknown", path, "the ledger has no link in this entry");
        return;
    }
    e->seen = true; /* altered, but there */
    if (!is_clip(l->clip, e->clip))
        problem(c, "link-altered", path, "its entry speaks of another clip");
    else if (ps_links_digest(l, digest) != 0 || memcmp(digest, e->digest, sizeof(digest)) != 0)
        problem(c, "link-altered", path, "number or salt are not those that its entry holds the digest of");
}

static bool all_seen(const struct ps_ledger_links *x) {
    for (size_t i = 0; i < x->n; i++)
        if (!x->v[i].seen)
            return false;
    return true;
}

void ps_ledger_link_check(struct ps_ledger_links *x, const char *root, const uint8_t key[32],
                          const struct ps_ledger_intake_tell *tell) {
    struct check c = {x, tell, key};
    char where[64], text[160];
    if (ps_links_each(root, on_file, &c) < 0)
        tell->problem(tell->ctx, "link-unreadable", PS_LINKS_FOLDER, "cannot be looked through");
    if (!all_seen(x)) {
        /* A link that is just being made has its file a moment after its entry. */
        const struct timespec moment = {.tv_nsec = 300000000};
        nanosleep(&moment, NULL);
        c.tell = NULL;
        (void)ps_links_each(root, on_file, &c);
    }
    for (size_t i = 0; i < x->n; i++) {
        if (x->v[i].seen)
            continue;
        snprintf(where, sizeof(where), "entry %" PRIu64, x->v[i].index);
        snprintf(text, sizeof(text), "a number was linked with clip %" PRIu64 ", and no file holds it",
                 x->v[i].clip);
        tell->problem(tell->ctx, "link-missing", where, text);
    }
}
