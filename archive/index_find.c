/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Searching. Each question has one index that answers it newest first, named in its statement: SQLite without statistics
 * would guess, and with ten million clips a wrong guess is seconds. A page far behind steps over entries of that index and does
 * not read the rows (docs/PERFORMANCE.md has the figures).
 */
#include "archive/flags.h"
#include "archive/index_internal.h"
#include "evidence/bytes.h"
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COLUMNS                                                                                            \
    "SELECT c.clip,c.number,c.station,c.path,c.operator,c.kind,c.reason,c.codes,c.links,c.tracks,c.thumb," \
    "c.started,c.ended,c.take,c.flags FROM "
#define CHECK_STEPS 4000 /* of SQLite's machine, between two looks at the clock */

/* Which index leads. */
static const char *lead(const struct ps_index_query *q) {
    if (q->clip != NULL || q->number != NULL || q->names != NULL)
        return "clips_number";
    if (q->operator_id != NULL)
        return "clips_operator";
    if (q->flags != 0 && (q->flags & ~PS_FLAGS_WORTH_A_LOOK) == 0)
        return "clips_flagged";
    return q->kind != NULL ? "clips_kind" : "clips_started";
}

static void filters(const struct ps_index_query *q, struct ps_buf *b) {
    if (q->operator_id != NULL)
        ps_buf_text(b, " AND c.operator=?5");
    if (q->kind != NULL)
        ps_buf_text(b, " AND c.kind=?6");
    if (q->flags != 0)
        ps_buf_text(b, (q->flags & ~PS_FLAGS_WORTH_A_LOOK) == 0 ? " AND c.flags&" PS_INDEX_WORTH
                                                                  " AND c.flags&?11"
                                                                : " AND c.flags&?11");
    if (q->clip != NULL)
        ps_buf_text(b, " AND c.clip=?9 COLLATE NOCASE");
    if (q->names != NULL)
        ps_buf_text(b, " AND c.clip IN (SELECT value FROM json_each(?12))");
}

static bool filtered(const struct ps_index_query *q) {
    return q->operator_id != NULL || q->kind != NULL || q->flags != 0 || q->clip != NULL ||
           q->names != NULL || q->number != NULL;
}

/* By a number: its table leads, and lies in the order of time. By the end of one: few clips of many numbers, put in order first. */
static void by_code(const struct ps_index_query *q, struct ps_buf *b) {
    if (q->suffix == NULL) {
        ps_buf_text(b, COLUMNS "codes AS k CROSS JOIN clips AS c ON c.id=k.clip"
                               " WHERE k.value=?3 AND k.started BETWEEN ?1 AND ?2");
    } else { /* no character sorts after U+10FFFF */
        ps_buf_text(b,
                    COLUMNS "(SELECT DISTINCT started, clip FROM tails"
                            " WHERE turned>=?4 AND turned<?4||char(1114111) AND started BETWEEN ?1 AND ?2");
        if (q->code != NULL)
            ps_buf_text(b, " AND clip IN (SELECT clip FROM codes WHERE value=?3)");
        if (!filtered(q))
            ps_buf_text(b, " ORDER BY started DESC LIMIT ?7 OFFSET ?8");
        ps_buf_text(b, ") AS k CROSS JOIN clips AS c ON c.id=k.clip WHERE 1");
    }
    if (q->number != NULL)
        ps_buf_text(b, " AND c.number=?10");
    filters(q, b);
    ps_buf_text(b, " ORDER BY k.started DESC");
    if (q->suffix == NULL || filtered(q))
        ps_buf_text(b, " LIMIT ?7 OFFSET ?8");
}

void ps_index_find_text(const struct ps_index_query *q, struct ps_buf *b) {
    if (q->code != NULL || q->suffix != NULL) {
        by_code(q, b);
    } else {
        ps_buf_text(b, COLUMNS "clips AS c INDEXED BY ");
        ps_buf_text(b, lead(q));
        if (q->clip != NULL || q->number != NULL)
            ps_buf_text(b, " WHERE c.number=?10 AND +c.started BETWEEN ?1 AND ?2");
        else if (q->names != NULL)
            ps_buf_text(
                b, " WHERE c.number IN (SELECT value FROM json_each(?13)) AND +c.started BETWEEN ?1 AND ?2");
        else
            ps_buf_text(b, " WHERE c.started BETWEEN ?1 AND ?2");
        filters(q, b);
        ps_buf_text(b, " ORDER BY c.started DESC LIMIT ?7 OFFSET ?8");
    }
    ps_buf_u8(b, 0);
}

static const char *column(sqlite3_stmt *s, int i) {
    const unsigned char *t = sqlite3_column_text(s, i);
    return t != NULL ? (const char *)t : "";
}

static void read_row(sqlite3_stmt *s, struct ps_index_row *r) {
    *r = (struct ps_index_row){.clip = column(s, 0),
                               .number = (uint64_t)sqlite3_column_int64(s, 1),
                               .station = column(s, 2),
                               .path = column(s, 3),
                               .operator_id = column(s, 4),
                               .kind = column(s, 5),
                               .end_reason = column(s, 6),
                               .codes = column(s, 7),
                               .links = column(s, 8),
                               .tracks = column(s, 9),
                               .thumb = column(s, 10),
                               .started_ns = sqlite3_column_int64(s, 11),
                               .ended_ns = sqlite3_column_int64(s, 12),
                               .take = (uint32_t)sqlite3_column_int64(s, 13),
                               .flags = (uint32_t)sqlite3_column_int64(s, 14)};
}

/* The number in a clip's name: "ST03-0000123" is 123; -1 when it is no such name. */
static sqlite3_int64 number_in(const char *clip) {
    const char *dash = strrchr(clip, '-');
    if (dash == NULL || dash[1] == '\0' || strlen(dash + 1) > 18 ||
        strspn(dash + 1, "0123456789") != strlen(dash + 1))
        return -1;
    return strtoll(dash + 1, NULL, 10);
}

static void bind_json(sqlite3_stmt *s, int i, json_t *array) {
    char *text = array != NULL ? json_dumps(array, JSON_COMPACT) : NULL;
    sqlite3_bind_text(s, i, text, -1, free);
    json_decref(array);
}

static void bind_names(sqlite3_stmt *s, const struct ps_index_query *q) {
    json_t *names = json_array(), *numbers = json_array();
    for (unsigned i = 0; i < q->n_names; i++) {
        json_array_append_new(names, json_string(q->names[i]));
        json_array_append_new(numbers, json_integer(number_in(q->names[i])));
    }
    bind_json(s, 12, names);
    bind_json(s, 13, numbers);
}

static void bind(sqlite3_stmt *s, const struct ps_index_query *q, const char *turned) {
    sqlite3_bind_int64(s, 1, q->from_ns);
    sqlite3_bind_int64(s, 2, q->to_ns);
    if (q->code != NULL)
        sqlite3_bind_text(s, 3, q->code, -1, SQLITE_STATIC);
    if (q->suffix != NULL)
        sqlite3_bind_text(s, 4, turned, -1, SQLITE_STATIC);
    if (q->operator_id != NULL)
        sqlite3_bind_text(s, 5, q->operator_id, -1, SQLITE_STATIC);
    if (q->kind != NULL)
        sqlite3_bind_text(s, 6, q->kind, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 7, q->limit > 0 ? (sqlite3_int64)q->limit : -1);
    sqlite3_bind_int64(s, 8, q->offset > INT64_MAX ? INT64_MAX : (sqlite3_int64)q->offset);
    if (q->clip != NULL)
        sqlite3_bind_text(s, 9, q->clip, -1, SQLITE_STATIC);
    if (q->number != NULL)
        sqlite3_bind_int64(s, 10, *q->number > INT64_MAX ? -1 : (sqlite3_int64)*q->number);
    else if (q->clip != NULL)
        sqlite3_bind_int64(s, 10, number_in(q->clip));
    if (q->flags != 0)
        sqlite3_bind_int64(s, 11, q->flags);
    if (q->names != NULL)
        bind_names(s, q);
}

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int too_late(void *ctx) {
    return now_ms() >= *(const int64_t *)ctx;
}

static int rows(struct ps_index *x, sqlite3_stmt *s, int (*row)(void *ctx, const struct ps_index_row *r),
                void *ctx, struct ps_why *why) {
    int sql, n = 0;
    while ((sql = sqlite3_step(s)) == SQLITE_ROW) {
        struct ps_index_row r;
        read_row(s, &r);
        if (n < INT_MAX)
            n++;
        if (row != NULL && row(ctx, &r) != 0)
            return n;
    }
    if (sql == SQLITE_INTERRUPT)
        return ps_error_why(why, PS_ETIME, PS_ROOT_INDEX, "the search took too long");
    return sql == SQLITE_DONE ? n : ps_index_failed(x, why);
}

int ps_index_find(struct ps_index *x, const struct ps_index_query *q,
                  int (*row)(void *ctx, const struct ps_index_row *r), void *ctx, struct ps_why *why) {
    char turned[PS_MAX_CODE + 1] = "";
    if (q->suffix != NULL) {
        size_t n = strlen(q->suffix);
        if (n < 4 || n > PS_MAX_CODE || !ps_bytes_is_text(q->suffix, n))
            return ps_error_why(why, PS_EINVAL, "suffix", "the end of a number has 4 characters or more");
        ps_index_turn(q->suffix, turned);
    }
    struct ps_buf text;
    ps_buf_init(&text, 4096);
    ps_index_find_text(q, &text);
    sqlite3_stmt *s = NULL;
    int rc = text.err;
    if (rc == 0)
        rc = ps_index_prepare(x, (const char *)text.p, &s);
    ps_buf_free(&text);
    if (rc < 0)
        return ps_index_failed(x, why);
    bind(s, q, turned);
    int64_t until = now_ms() + q->budget_ms;
    if (q->budget_ms > 0)
        sqlite3_progress_handler(x->db, CHECK_STEPS, too_late, &until);
    rc = rows(x, s, row, ctx, why);
    sqlite3_progress_handler(x->db, 0, NULL, NULL);
    sqlite3_finalize(s);
    return rc;
}

int ps_index_count(struct ps_index *x, const char *code, uint64_t *n) {
    int rc =
        x->count != NULL ? 0 : ps_index_prepare(x, "SELECT count(*) FROM codes WHERE value=?1", &x->count);
    if (rc < 0)
        return rc;
    sqlite3_bind_text(x->count, 1, code, -1, SQLITE_STATIC);
    int sql = sqlite3_step(x->count);
    *n = sql == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(x->count, 0) : 0;
    rc = sql == SQLITE_ROW ? 0 : ps_index_error(sqlite3_errcode(x->db));
    sqlite3_reset(x->count);
    sqlite3_clear_bindings(x->count);
    return rc;
}

int ps_index_total(struct ps_index *x, int64_t from_ns, int64_t to_ns, uint64_t *n) {
    sqlite3_stmt *s = NULL;
    int rc = ps_index_prepare(
        x, "SELECT count(*) FROM clips INDEXED BY clips_started WHERE started BETWEEN ?1 AND ?2", &s);
    if (rc == 0) {
        sqlite3_bind_int64(s, 1, from_ns);
        sqlite3_bind_int64(s, 2, to_ns);
        int sql = sqlite3_step(s);
        *n = sql == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(s, 0) : 0;
        rc = sql == SQLITE_ROW ? 0 : ps_index_error(sql);
    }
    sqlite3_finalize(s);
    return rc;
}
