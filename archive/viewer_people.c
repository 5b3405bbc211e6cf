/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * viewer.db: accounts, sessions, bearer tokens.
 */
#include "archive/viewer_db_internal.h"
#include <stdio.h>
#include <string.h>

/* ---- accounts */

#define ACCOUNT "SELECT name, role, hash, language, disabled, made, seen FROM accounts"

static void account_of(struct ps_viewer_db_turn *t, struct ps_viewer_db_account *a) {
    *a = (struct ps_viewer_db_account){.disabled = ps_viewer_db_number(t, 4) != 0,
                                       .made_ns = ps_viewer_db_number(t, 5),
                                       .seen_ns = ps_viewer_db_number(t, 6)};
    ps_viewer_db_copy(t, 0, a->name, sizeof(a->name));
    ps_viewer_db_copy(t, 1, a->role, sizeof(a->role));
    ps_viewer_db_copy(t, 2, a->hash, sizeof(a->hash));
    ps_viewer_db_copy(t, 3, a->language, sizeof(a->language));
}

int ps_viewer_db_account_add(struct ps_viewer_db *d, const struct ps_viewer_db_account *a) {
    int rc = ps_viewer_db_do(d, "INSERT INTO accounts VALUES(?1,?2,?3,?4,?5,?6,?7)", "ttttiii", a->name,
                             a->role, a->hash, a->language, (int64_t)a->disabled, a->made_ns, a->seen_ns);
    return rc < 0 ? rc : 0;
}

int ps_viewer_db_account_get(struct ps_viewer_db *d, const char *name, struct ps_viewer_db_account *out) {
    struct ps_viewer_db_turn t;
    ps_viewer_db_begin(&t, d, ACCOUNT " WHERE name=?1", "t", name);
    bool there = ps_viewer_db_row(&t);
    if (there)
        account_of(&t, out);
    int rc = ps_viewer_db_end(&t);
    return rc < 0 ? rc : there ? 0 : PS_ENOENT;
}

static bool is_as(struct ps_viewer_db_turn *t, const struct ps_viewer_db_account *was) {
    ps_viewer_db_next(t, "SELECT 1 FROM accounts WHERE name=?1 AND role=?2 AND hash=?3 AND disabled=?4",
                      "ttti", was->name, was->role, was->hash, (int64_t)was->disabled);
    return ps_viewer_db_row(t);
}

int ps_viewer_db_account_put(struct ps_viewer_db *d, const struct ps_viewer_db_account *a) {
    return ps_viewer_db_account_change(d, NULL, a);
}

int ps_viewer_db_account_change(struct ps_viewer_db *d, const struct ps_viewer_db_account *was,
                                const struct ps_viewer_db_account *a) {
    struct ps_viewer_db_turn t;
    ps_viewer_db_begin(&t, d, "BEGIN IMMEDIATE", "");
    ps_viewer_db_run(&t);
    if (was != NULL && !is_as(&t, was) && t.rc == 0)
        t.rc = PS_ESTATE;
    ps_viewer_db_next(&t,
                      "UPDATE accounts SET role=?2, hash=?3, language=?4, disabled=?5, seen=?6 WHERE name=?1",
                      "ttttii", a->name, a->role, a->hash, a->language, (int64_t)a->disabled, a->seen_ns);
    if (ps_viewer_db_run(&t) == 0)
        t.rc = PS_ENOENT;
    if (t.rc == 0)
        ps_viewer_db_next(&t, "SELECT count(*) FROM accounts WHERE role='admin' AND disabled=0", "");
    if (ps_viewer_db_row(&t) && ps_viewer_db_number(&t, 0) == 0)
        t.rc = PS_EPERM;
    return ps_viewer_db_end(&t);
}

int ps_viewer_db_accounts(struct ps_viewer_db *d, int (*row)(void *ctx, const struct ps_viewer_db_account *a),
                          void *ctx) {
    struct ps_viewer_db_turn t;
    struct ps_viewer_db_account a;
    ps_viewer_db_begin(&t, d, ACCOUNT " ORDER BY name", "");
    while (ps_viewer_db_row(&t)) {
        account_of(&t, &a);
        if (row(ctx, &a) != 0)
            break;
    }
    return ps_viewer_db_end(&t);
}

int ps_viewer_db_admins(struct ps_viewer_db *d, uint64_t *n) {
    struct ps_viewer_db_turn t;
    ps_viewer_db_begin(&t, d, "SELECT count(*) FROM accounts WHERE role='admin' AND disabled=0", "");
    *n = ps_viewer_db_row(&t) ? (uint64_t)ps_viewer_db_number(&t, 0) : 0;
    return ps_viewer_db_end(&t);
}

/* ---- sessions */

int ps_viewer_db_session_put(struct ps_viewer_db *d, const struct ps_viewer_db_session *s) {
    int rc = ps_viewer_db_do(d, "INSERT OR REPLACE INTO sessions VALUES(?1,?2,?3,?4,?5)", "btiii", s->digest,
                             s->name, (int64_t)s->screen, s->made_ns, s->seen_ns);
    return rc < 0 ? rc : 0;
}

int ps_viewer_db_session_drop(struct ps_viewer_db *d, const uint8_t digest[PS_VIEWER_DB_DIGEST]) {
    int rc = ps_viewer_db_do(d, "DELETE FROM sessions WHERE digest=?1", "b", digest);
    return rc < 0 ? rc : 0;
}

static void digest_of(struct ps_viewer_db_turn *t, int column, uint8_t out[PS_VIEWER_DB_DIGEST]) {
    const void *p = sqlite3_column_blob(t->s, column);
    if (p != NULL && sqlite3_column_bytes(t->s, column) == PS_VIEWER_DB_DIGEST)
        memcpy(out, p, PS_VIEWER_DB_DIGEST);
    else
        t->rc = PS_EFORMAT;
}

int ps_viewer_db_sessions(struct ps_viewer_db *d, int (*row)(void *ctx, const struct ps_viewer_db_session *s),
                          void *ctx) {
    struct ps_viewer_db_turn t;
    ps_viewer_db_begin(&t, d, "SELECT digest, name, screen, made, seen FROM sessions ORDER BY seen DESC", "");
    while (ps_viewer_db_row(&t)) {
        struct ps_viewer_db_session s = {.screen = ps_viewer_db_number(&t, 2) != 0,
                                         .made_ns = ps_viewer_db_number(&t, 3),
                                         .seen_ns = ps_viewer_db_number(&t, 4)};
        digest_of(&t, 0, s.digest);
        ps_viewer_db_copy(&t, 1, s.name, sizeof(s.name));
        if (t.rc < 0 || row(ctx, &s) != 0)
            break;
    }
    return ps_viewer_db_end(&t);
}

/* ---- bearer tokens */

int ps_viewer_db_token_add(struct ps_viewer_db *d, struct ps_viewer_db_token *k) {
    struct ps_viewer_db_turn t;
    ps_viewer_db_begin(&t, d, "INSERT INTO tokens VALUES(NULL,?1,?2,?3,?4,0)", "btti", k->digest, k->name,
                       k->scope, k->made_ns);
    if (ps_viewer_db_run(&t) > 0)
        k->id = sqlite3_last_insert_rowid(d->db);
    return ps_viewer_db_end(&t);
}

int ps_viewer_db_token_used(struct ps_viewer_db *d, int64_t id, int64_t used_ns) {
    int rc = ps_viewer_db_do(d, "UPDATE tokens SET used=?2 WHERE id=?1", "ii", id, used_ns);
    return rc < 0 ? rc : 0;
}

int ps_viewer_db_token_drop(struct ps_viewer_db *d, int64_t id) {
    int rc = ps_viewer_db_do(d, "DELETE FROM tokens WHERE id=?1", "i", id);
    return rc < 0 ? rc : rc == 0 ? PS_ENOENT : 0;
}

int ps_viewer_db_tokens(struct ps_viewer_db *d, int (*row)(void *ctx, const struct ps_viewer_db_token *t),
                        void *ctx) {
    struct ps_viewer_db_turn t;
    ps_viewer_db_begin(&t, d, "SELECT id, digest, name, scope, made, used FROM tokens ORDER BY id", "");
    while (ps_viewer_db_row(&t)) {
        struct ps_viewer_db_token k = {.id = ps_viewer_db_number(&t, 0),
                                       .made_ns = ps_viewer_db_number(&t, 4),
                                       .used_ns = ps_viewer_db_number(&t, 5)};
        digest_of(&t, 1, k.digest);
        ps_viewer_db_copy(&t, 2, k.name, sizeof(k.name));
        ps_viewer_db_copy(&t, 3, k.scope, sizeof(k.scope));
        if (t.rc < 0 || row(ctx, &k) != 0)
            break;
    }
    return ps_viewer_db_end(&t);
}
