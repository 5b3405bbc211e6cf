/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * viewer.db: notes, tags, the audit trail, hooks and what waits for them.
 */
#include "archive/viewer_db_internal.h"
#include "evidence/bytes.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

#define WAITING 10000 /* deliveries of one hook */

/* ---- notes and tags */

int ps_viewer_db_note_add(struct ps_viewer_db *d, const char *clip, const char *who, int64_t at_ns,
                          const char *text, int64_t *id) {
    size_t n = strlen(text);
    struct ps_viewer_db_turn t;
    if (n == 0 || n > PS_VIEWER_DB_NOTE)
        return PS_ELIMIT;
    ps_viewer_db_begin(
        &t, d,
        "INSERT INTO notes SELECT NULL,?1,?2,?3,?4 WHERE (SELECT count(*) FROM notes WHERE clip=?1)<?5",
        "titti", clip, at_ns, who, text, (int64_t)PS_VIEWER_DB_NOTES);
    int changed = ps_viewer_db_run(&t);
    *id = sqlite3_last_insert_rowid(d->db);
    int rc = ps_viewer_db_end(&t);
    return rc < 0 ? rc : changed == 0 ? PS_EFULL : 0;
}

int ps_viewer_db_notes(struct ps_viewer_db *d, const char *clip,
                       int (*row)(void *ctx, const struct ps_viewer_db_note *n), void *ctx) {
    struct ps_viewer_db_turn t;
    ps_viewer_db_begin(&t, d, "SELECT id, at, clip, who, text FROM notes WHERE clip=?1 ORDER BY id", "t",
                       clip);
    while (ps_viewer_db_row(&t)) {
        struct ps_viewer_db_note n = {.id = ps_viewer_db_number(&t, 0),
                                      .at_ns = ps_viewer_db_number(&t, 1),
                                      .clip = ps_viewer_db_text(&t, 2),
                                      .who = ps_viewer_db_text(&t, 3),
                                      .text = ps_viewer_db_text(&t, 4)};
        if (row(ctx, &n) != 0)
            break;
    }
    return ps_viewer_db_end(&t);
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int ps_viewer_db_tags_put(struct ps_viewer_db *d, const char *clip, const char *const *tags, size_t n) {
    struct ps_viewer_db_turn t;
    if (n > PS_VIEWER_DB_TAGS)
        return PS_ELIMIT;
    for (size_t i = 0; i < n; i++)
        if (tags[i][0] == '\0' || strlen(tags[i]) > PS_VIEWER_DB_TAG ||
            !ps_bytes_is_text(tags[i], strlen(tags[i])))
            return PS_EINVAL;
    int64_t at = now_ns();
    ps_viewer_db_begin(&t, d, "BEGIN IMMEDIATE", "");
    ps_viewer_db_run(&t);
    ps_viewer_db_next(&t, "DELETE FROM tags WHERE clip=?1", "t", clip);
    ps_viewer_db_run(&t);
    for (size_t i = 0; i < n; i++) {
        ps_viewer_db_next(&t, "INSERT OR IGNORE INTO tags VALUES(?1,?2,?3)", "tti", clip, tags[i], at);
        ps_viewer_db_run(&t);
    }
    return ps_viewer_db_end(&t);
}

static int texts(struct ps_viewer_db *d, const char *sql, const char *key,
                 int (*row)(void *ctx, const char *text), void *ctx) {
    struct ps_viewer_db_turn t;
    ps_viewer_db_begin(&t, d, sql, "t", key);
    while (ps_viewer_db_row(&t))
        if (row(ctx, ps_viewer_db_text(&t, 0)) != 0)
            break;
    return ps_viewer_db_end(&t);
}

int ps_viewer_db_tags(struct ps_viewer_db *d, const char *clip, int (*row)(void *ctx, const char *tag),
                      void *ctx) {
    return texts(d, "SELECT tag FROM tags WHERE clip=?1 ORDER BY tag", clip, row, ctx);
}

int ps_viewer_db_tagged(struct ps_viewer_db *d, const char *tag, int (*row)(void *ctx, const char *clip),
                        void *ctx) {
    return texts(d, "SELECT clip FROM tags WHERE tag=?1 ORDER BY at DESC, clip", tag, row, ctx);
}

int ps_viewer_db_all_tags(struct ps_viewer_db *d, int (*row)(void *ctx, const char *tag, uint64_t clips),
                          void *ctx) {
    struct ps_viewer_db_turn t;
    ps_viewer_db_begin(&t, d, "SELECT tag, count(*) FROM tags GROUP BY tag ORDER BY tag", "");
    while (ps_viewer_db_row(&t))
        if (row(ctx, ps_viewer_db_text(&t, 0), (uint64_t)ps_viewer_db_number(&t, 1)) != 0)
            break;
    return ps_viewer_db_end(&t);
}

/* ---- audit trail */

int ps_viewer_db_audit_add(struct ps_viewer_db *d, const struct ps_viewer_db_audit *a) {
    char detail[PS_VIEWER_DB_DETAIL + 1];
    size_t n = strnlen(a->detail, sizeof(detail));
    if (n == sizeof(detail)) /* not in the middle of a character */
        for (n = PS_VIEWER_DB_DETAIL; n > 0 && ((unsigned char)a->detail[n] & 0xC0) == 0x80; n--)
            continue;
    memcpy(detail, a->detail, n);
    detail[n] = '\0';
    int rc = ps_viewer_db_do(d, "INSERT INTO audit VALUES(NULL,?1,?2,?3,?4,?5,?6)", "ittttt", a->at_ns,
                             a->who, a->from, a->what, a->clip, detail);
    return rc < 0 ? rc : 0;
}

int ps_viewer_db_audits(struct ps_viewer_db *d, const struct ps_viewer_db_audit_query *q,
                        int (*row)(void *ctx, const struct ps_viewer_db_audit *a), void *ctx) {
    struct ps_viewer_db_turn t;
    ps_viewer_db_begin(&t, d,
                       "SELECT at, who, address, what, clip, detail FROM audit WHERE at>=?1 AND at<?2"
                       " AND (?3='' OR who=?3) AND (?4='' OR what=?4) ORDER BY id DESC LIMIT ?5 OFFSET ?6",
                       "iittii", q->from_ns, q->to_ns, q->who != NULL ? q->who : "",
                       q->what != NULL ? q->what : "", (int64_t)q->limit, (int64_t)q->offset);
    while (ps_viewer_db_row(&t)) {
        struct ps_viewer_db_audit a = {.at_ns = ps_viewer_db_number(&t, 0),
                                       .who = ps_viewer_db_text(&t, 1),
                                       .from = ps_viewer_db_text(&t, 2),
                                       .what = ps_viewer_db_text(&t, 3),
                                       .clip = ps_viewer_db_text(&t, 4),
                                       .detail = ps_viewer_db_text(&t, 5)};
        if (row(ctx, &a) != 0)
            break;
    }
    return ps_viewer_db_end(&t);
}

int ps_viewer_db_audit_prune(struct ps_viewer_db *d, int64_t before_ns, uint64_t *n) {
    int rc = ps_viewer_db_do(d, "DELETE FROM audit WHERE at<?1", "i", before_ns);
    *n = rc > 0 ? (uint64_t)rc : 0;
    return rc < 0 ? rc : 0;
}

/* ---- hooks */

int ps_viewer_db_hook_add(struct ps_viewer_db *d, struct ps_viewer_db_hook *h) {
    struct ps_viewer_db_turn t;
    ps_viewer_db_begin(&t, d, "INSERT INTO hooks VALUES(NULL,?1,?2,?3,0,0,0)", "ttt", h->url, h->events,
                       h->secret);
    if (ps_viewer_db_run(&t) > 0)
        h->id = sqlite3_last_insert_rowid(d->db);
    return ps_viewer_db_end(&t);
}

int ps_viewer_db_hook_put(struct ps_viewer_db *d, const struct ps_viewer_db_hook *h) {
    int rc = ps_viewer_db_do(d, "UPDATE hooks SET last=?2, failing=?3, dropped=?4 WHERE id=?1", "iiii", h->id,
                             h->last_ns, (int64_t)h->failing, (int64_t)h->dropped);
    return rc < 0 ? rc : rc == 0 ? PS_ENOENT : 0;
}

int ps_viewer_db_hook_drop(struct ps_viewer_db *d, int64_t id) {
    struct ps_viewer_db_turn t;
    ps_viewer_db_begin(&t, d, "BEGIN IMMEDIATE", "");
    ps_viewer_db_run(&t);
    ps_viewer_db_next(&t, "DELETE FROM deliveries WHERE hook=?1", "i", id);
    ps_viewer_db_run(&t);
    ps_viewer_db_next(&t, "DELETE FROM hooks WHERE id=?1", "i", id);
    int changed = ps_viewer_db_run(&t);
    int rc = ps_viewer_db_end(&t);
    return rc < 0 ? rc : changed == 0 ? PS_ENOENT : 0;
}

int ps_viewer_db_hooks(struct ps_viewer_db *d, int (*row)(void *ctx, const struct ps_viewer_db_hook *h),
                       void *ctx) {
    struct ps_viewer_db_turn t;
    ps_viewer_db_begin(&t, d, "SELECT id, url, events, secret, last, failing, dropped FROM hooks ORDER BY id",
                       "");
    while (ps_viewer_db_row(&t)) {
        struct ps_viewer_db_hook h = {.id = ps_viewer_db_number(&t, 0),
                                      .last_ns = ps_viewer_db_number(&t, 4),
                                      .failing = (uint32_t)ps_viewer_db_number(&t, 5),
                                      .dropped = (uint64_t)ps_viewer_db_number(&t, 6)};
        ps_viewer_db_copy(&t, 1, h.url, sizeof(h.url));
        ps_viewer_db_copy(&t, 2, h.events, sizeof(h.events));
        ps_viewer_db_copy(&t, 3, h.secret, sizeof(h.secret));
        if (row(ctx, &h) != 0)
            break;
    }
    return ps_viewer_db_end(&t);
}

int ps_viewer_db_delivery_add(struct ps_viewer_db *d, const struct ps_viewer_db_delivery *v, int64_t *id) {
    struct ps_viewer_db_turn t;
    ps_viewer_db_begin(&t, d,
                       "INSERT INTO deliveries SELECT NULL,?1,?2,?3,?4,?5"
                       " WHERE (SELECT count(*) FROM deliveries WHERE hook=?1)<?6",
                       "ittiii", v->hook, v->event, v->body, (int64_t)v->tries, v->next_ns, (int64_t)WAITING);
    int changed = ps_viewer_db_run(&t);
    *id = sqlite3_last_insert_rowid(d->db);
    int rc = ps_viewer_db_end(&t);
    return rc < 0 ? rc : changed == 0 ? PS_EFULL : 0;
}

int ps_viewer_db_delivery_put(struct ps_viewer_db *d, int64_t id, uint32_t tries, int64_t next_ns) {
    int rc = ps_viewer_db_do(d, "UPDATE deliveries SET tries=?2, next=?3 WHERE id=?1", "iii", id,
                             (int64_t)tries, next_ns);
    return rc < 0 ? rc : 0;
}

int ps_viewer_db_delivery_drop(struct ps_viewer_db *d, int64_t id) {
    int rc = ps_viewer_db_do(d, "DELETE FROM deliveries WHERE id=?1", "i", id);
    return rc < 0 ? rc : 0;
}

int ps_viewer_db_deliveries(struct ps_viewer_db *d, int64_t now, unsigned limit,
                            int (*row)(void *ctx, const struct ps_viewer_db_delivery *v), void *ctx) {
    struct ps_viewer_db_turn t;
    ps_viewer_db_begin(
        &t, d,
        "SELECT id, hook, event, body, tries, next FROM deliveries WHERE next<=?1 ORDER BY next, id"
        " LIMIT ?2",
        "ii", now, (int64_t)limit);
    while (ps_viewer_db_row(&t)) {
        struct ps_viewer_db_delivery v = {.id = ps_viewer_db_number(&t, 0),
                                          .hook = ps_viewer_db_number(&t, 1),
                                          .event = ps_viewer_db_text(&t, 2),
                                          .body = ps_viewer_db_text(&t, 3),
                                          .tries = (uint32_t)ps_viewer_db_number(&t, 4),
                                          .next_ns = ps_viewer_db_number(&t, 5)};
        if (row(ctx, &v) != 0)
            break;
    }
    return ps_viewer_db_end(&t);
}

int ps_viewer_db_delivery_next(struct ps_viewer_db *d, int64_t *next_ns) {
    struct ps_viewer_db_turn t;
    ps_viewer_db_begin(&t, d, "SELECT min(next) FROM deliveries HAVING count(*)>0", "");
    *next_ns = ps_viewer_db_row(&t) ? ps_viewer_db_number(&t, 0) : INT64_MAX;
    return ps_viewer_db_end(&t);
}
