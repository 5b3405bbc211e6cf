/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/ledger_intake.h"
#include "archive/intake_kept.h"
#include "archive/store.h"
#include "evidence/sha256.h"
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATEMENT_MAX ((size_t)256 << 10)

struct ps_ledger_intake {
    uint64_t index;
    uint8_t digest[32], leaf[32]; /* of the statement; SHA-256 of the leaf's bytes */
    bool seen;
};

int ps_ledger_intake_leaf(struct ps_ledger_intakes *x, const uint8_t *leaf, size_t n) {
    struct ps_leaf l;
    if (ps_leaf_decode(&l, leaf, n) < 0 || l.type != PS_LEAF_INTAKE)
        return 0;
    if (x->n == x->room) {
        size_t room = x->room == 0 ? 64 : x->room * 2;
        struct ps_ledger_intake *v = reallocarray(x->v, room, sizeof(*v));
        if (v == NULL)
            return PS_ENOMEM;
        x->v = v;
        x->room = room;
    }
    struct ps_ledger_intake *e = &x->v[x->n++];
    *e = (struct ps_ledger_intake){.index = l.index};
    memcpy(e->digest, l.digest, sizeof(e->digest));
    ps_sha256(e->leaf, leaf, n);
    return 0;
}

void ps_ledger_intake_free(struct ps_ledger_intakes *x) {
    free(x->v);
    *x = (struct ps_ledger_intakes){0};
}

/* ---- one folder ---- */

struct check {
    struct ps_ledger_intakes *x;
    const struct ps_ledger_intake_tell *tell;
    const uint8_t *key;
    int root;
    struct ps_intake_kept kept;
};

static void problem(const struct check *c, const char *code, const char *path, const struct ps_why *why) {
    char where[PS_ROOT_PATH + 160];
    snprintf(where, sizeof(where), "%s/%s", path, why->where);
    c->tell->problem(c->tell->ctx, code, where, why->text);
}

static struct ps_ledger_intake *entry(struct ps_ledger_intakes *x, uint64_t index) {
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

/* The entry that the folder's leaf is; NULL after telling why there is none. */
static struct ps_ledger_intake *entry_of(struct check *c, const char *path) {
    const struct ps_intake_kept *k = &c->kept;
    struct ps_ledger_intake *e = entry(c->x, k->leaf.index);
    struct ps_why why;
    uint8_t digest[32];
    ps_sha256(digest, k->leaf_bytes, k->leaf_n);
    if (e != NULL && memcmp(digest, e->leaf, sizeof(digest)) == 0)
        return e;
    if (e != NULL || !c->tell->newer(c->tell->ctx, k->leaf.index)) {
        (void)ps_error_why(&why, 0, PS_INTAKE_LEAF, "is no entry of this ledger");
        problem(c, "intake-unknown", path, &why);
    }
    return NULL;
}

static void check_photos(struct check *c, int dir, const char *path) {
    for (unsigned i = 0; i < c->kept.n; i++) {
        struct ps_why why = {0};
        int rc = ps_intake_kept_check(dir, &c->kept.files[i], &why);
        if (rc < 0)
            problem(c,
                    rc == PS_ESIG     ? "intake-altered"
                    : rc == PS_ENOENT ? "intake-incomplete"
                                      : "intake-unreadable",
                    path, &why);
    }
}

static int on_folder(void *ctx, const char *path, const char *name) {
    struct check *c = ctx;
    struct ps_why why = {0};
    char where[PS_ROOT_PATH + 32];
    int dir = openat(c->root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int rc = dir < 0 ? ps_error_why(&why, PS_EIO, "", "is no folder that can be opened")
                     : ps_intake_kept_load(&c->kept, dir, name, &why);
    c->x->folders++;
    if (rc < 0) {
        problem(c, rc == PS_ESIG ? "intake-altered" : "intake-unreadable", path, &why);
    } else if (memcmp(c->kept.ledger_key, c->key, sizeof(c->kept.ledger_key)) != 0) {
        c->x->earlier++;
    } else {
        struct ps_ledger_intake *e = entry_of(c, path);
        if (e != NULL)
            e->seen = true;
        check_photos(c, dir, path);
    }
    if (dir >= 0) {
        snprintf(where, sizeof(where), "%s/" PS_INTAKE_CHECKPOINT, path);
        c->tell->checkpoint(c->tell->ctx, dir, PS_INTAKE_CHECKPOINT, where);
        close(dir);
    }
    return 0;
}

/* ---- work in progress ---- */

/* An intake that was interrupted, or is just being made: what the entry speaks of is there, under a name with a dot. */
static void on_part(struct check *c, int at, const char *name) {
    uint8_t *p = NULL, digest[32];
    size_t n = 0;
    int dir = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0)
        return;
    if (ps_store_read_file(dir, PS_INTAKE_STATEMENT, STATEMENT_MAX, &p, &n, NULL) == 0) {
        ps_sha256(digest, p, n);
        for (size_t i = 0; i < c->x->n; i++)
            if (memcmp(c->x->v[i].digest, digest, sizeof(digest)) == 0)
                c->x->v[i].seen = true;
        free(p);
    }
    close(dir);
}

static void parts(struct check *c) {
    int at = openat(c->root, PS_INTAKE_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = at < 0 ? NULL : fdopendir(at);
    for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
        if (strncmp(e->d_name, ".part-", 6) == 0)
            on_part(c, at, e->d_name);
    if (d != NULL)
        closedir(d);
    else if (at >= 0)
        close(at);
}

void ps_ledger_intake_check(struct ps_ledger_intakes *x, const char *root, const uint8_t key[32],
                            const struct ps_ledger_intake_tell *tell) {
    char where[64], text[160];
    struct check *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return;
    *c = (struct check){.x = x, .tell = tell, .key = key};
    c->root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* First what is in progress: an intake that gets its name meanwhile is seen twice, not never. */
    if (c->root >= 0)
        parts(c);
    if (c->root < 0 || ps_intake_kept_each(root, on_folder, c) < 0)
        tell->problem(tell->ctx, "intake-unreadable", PS_INTAKE_FOLDER, "cannot be looked through");
    for (size_t i = 0; i < x->n; i++) {
        if (x->v[i].seen)
            continue;
        snprintf(where, sizeof(where), "entry %" PRIu64, x->v[i].index);
        snprintf(text, sizeof(text), "photographs were taken in, and no folder holds their statement");
        tell->problem(tell->ctx, "intake-missing", where, text);
    }
    if (c->root >= 0)
        close(c->root);
    free(c);
}
