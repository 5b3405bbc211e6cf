/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tables, schema 1:
 *
 *   clips  one row a clip; `started` and `ended` in nanoseconds since 1970, `tracks` joined by line feeds.
 *   codes  one row for each way to write a code of a clip: its value (alias 0) and, where it differs, the text
 *          as it came (alias 1); alias 2 are numbers that the merchant linked later. The table is its own index by
 *          value; `turned` is the value backwards, so that the last digits of a number are a prefix. Letters of either
 *          case are the same.
 *   state  generation: a rebuild adds one, marks what it finds, and then drops what has an older mark. So a
 *          recorder can go on to write while the rebuild walks, and readers never see an empty index.
 */
#include "archive/index.h"
#include "archive/links.h"
#include "archive/store.h"
#include "evidence/bytes.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCHEMA 1
#define BUSY_MS 10000
#define FIRST_LINK 1000   /* pos of a clip's first link, behind all its codes */
#define REBUILD_BATCH 256 /* clips a transaction: a waiting recorder gets its turn after it */

static const char *const schema =
    "CREATE TABLE clips(id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, clip TEXT NOT NULL,"
    " number INTEGER NOT NULL, station TEXT NOT NULL, take INTEGER NOT NULL, kind TEXT NOT NULL,"
    " operator TEXT NOT NULL, reason TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER NOT NULL,"
    " tracks TEXT NOT NULL, generation INTEGER NOT NULL);"
    "CREATE INDEX clips_started ON clips(started);"
    "CREATE INDEX clips_number ON clips(number);"
    "CREATE INDEX clips_name ON clips(clip COLLATE NOCASE);"
    "CREATE TABLE codes(value TEXT NOT NULL COLLATE NOCASE, clip INTEGER NOT NULL, pos INTEGER NOT NULL,"
    " alias INTEGER NOT NULL, turned TEXT NOT NULL COLLATE NOCASE, PRIMARY KEY(value, clip, pos)) WITHOUT "
    "ROWID;"
    "CREATE INDEX codes_turned ON codes(turned, clip);"
    "CREATE INDEX codes_clip ON codes(clip, pos);"
    "CREATE TABLE state(generation INTEGER NOT NULL);"
    "INSERT INTO state VALUES(0);"
    "PRAGMA user_version=1;";

struct ps_index {
    sqlite3 *db;
    char root[PS_ROOT_PATH];
    sqlite3_stmt *drop_codes, *put_clip, *put_code, *count;
};

static int error_of(int sql) {
    switch (sql & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return PS_EBUSY;
    case SQLITE_NOMEM: return PS_ENOMEM;
    case SQLITE_FULL: return PS_EFULL;
    case SQLITE_CANTOPEN: return PS_ENOENT;
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY: return PS_EPERM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return PS_EFORMAT;
    default: return PS_EIO;
    }
}

static int failed(struct ps_index *x, struct ps_why *why) {
    return ps_error_why(why, error_of(sqlite3_errcode(x->db)), PS_ROOT_INDEX, "%s", sqlite3_errmsg(x->db));
}

static int run(struct ps_index *x, const char *sql) {
    return sqlite3_exec(x->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : error_of(sqlite3_errcode(x->db));
}

static int prepare(struct ps_index *x, const char *sql, sqlite3_stmt **out) {
    return sqlite3_prepare_v3(x->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) == SQLITE_OK
               ? 0
               : error_of(sqlite3_errcode(x->db));
}

/* One statement whose parameters are bound; leaves it ready for the next time. */
static int step(struct ps_index *x, sqlite3_stmt *s) {
    int sql = sqlite3_step(s);
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return sql == SQLITE_DONE || sql == SQLITE_ROW ? 0 : error_of(sqlite3_errcode(x->db));
}

static int one_number(struct ps_index *x, const char *sql, sqlite3_int64 *out) {
    sqlite3_stmt *s = NULL;
    int rc = prepare(x, sql, &s);
    if (rc == 0) {
        int got = sqlite3_step(s);
        *out = got == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
        rc = got == SQLITE_ROW ? 0 : error_of(sqlite3_errcode(x->db));
    }
    sqlite3_finalize(s);
    return rc;
}

/* ---- opening */

static int make_schema(struct ps_index *x) {
    sqlite3_int64 version = 0;
    int rc = run(x, "BEGIN IMMEDIATE");
    if (rc < 0)
        return rc;
    rc = one_number(x, "PRAGMA user_version", &version); /* another writer may have been first */
    if (rc == 0 && version == 0)
        rc = run(x, schema);
    if (rc == 0)
        rc = run(x, "COMMIT");
    if (rc < 0)
        run(x, "ROLLBACK");
    return rc;
}

static int prepare_writer(struct ps_index *x) {
    int on = 1;
    /* Readers of other users can open what a closed writer left only when the WAL stays. */
    if (sqlite3_file_control(x->db, "main", SQLITE_FCNTL_PERSIST_WAL, &on) != SQLITE_OK)
        return PS_EIO;
    int rc = run(x, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=OFF;");
    if (rc == 0)
        rc = make_schema(x);
    if (rc == 0)
        rc = prepare(x, "DELETE FROM codes WHERE clip=?1", &x->drop_codes);
    if (rc == 0)
        rc = prepare(
            x,
            "INSERT INTO clips VALUES(NULL,?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,(SELECT generation FROM state))"
            " ON CONFLICT(path) DO UPDATE SET clip=?2, number=?3, station=?4, take=?5, kind=?6, operator=?7,"
            " reason=?8, started=?9, ended=?10, tracks=?11, generation=excluded.generation RETURNING id",
            &x->put_clip);
    if (rc == 0)
        rc = prepare(x, "INSERT OR IGNORE INTO codes VALUES(?1,?2,?3,?4,?5)", &x->put_code);
    return rc;
}

/* SQLite gives its companions the mode of the database, whatever the umask is. */
static int make_file(const char *path, struct ps_why *why) {
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (fd < 0)
        return errno == EEXIST
                   ? 0
                   : ps_error_why(why, PS_EIO, path, "cannot be made: %s", strerrordesc_np(errno));
    int rc = fchmod(fd, 0640) == 0 ? 0 : PS_EIO;
    close(fd);
    return rc;
}

/* Where a root is not the recorder's to write in, as on an installed system, the index has a folder of its own. */
static int place(const char *root, const char *name, char out[PS_ROOT_PATH]) {
    char folder[PS_ROOT_PATH];
    int rc = ps_root_path(root, PS_ROOT_INDEX_FOLDER, folder);
    return rc < 0 ? rc : ps_root_path(access(folder, F_OK) == 0 ? folder : root, name, out);
}

int ps_index_open(struct ps_index **out, const char *root, bool write, struct ps_why *why) {
    char path[PS_ROOT_PATH];
    int rc = place(root, PS_ROOT_INDEX, path);
    if (rc < 0)
        return ps_error_why(why, rc, "root", "the path is too long");
    if (write && (rc = make_file(path, why)) < 0)
        return rc;
    if (!write && access(path, F_OK) != 0 && errno == ENOENT)
        return ps_error_why(why, PS_ENOENT, path, "there is no index yet");
    struct ps_index *x = calloc(1, sizeof(*x));
    if (x == NULL)
        return ps_error_why(why, PS_ENOMEM, path, "out of memory");
    snprintf(x->root, sizeof(x->root), "%s", root);
    int flags =
        (write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
    sqlite3_int64 version = 0;
    /* SQLite refuses every link on the way, and a root may well be reached through one. */
    char *real = realpath(path, NULL);
    if (real == NULL || sqlite3_open_v2(real, &x->db, flags, NULL) != SQLITE_OK) {
        rc = ps_error_why(why, PS_EIO, path, "cannot be opened");
        goto out;
    }
    sqlite3_extended_result_codes(x->db, 1);
    sqlite3_busy_timeout(x->db, BUSY_MS);
    rc = one_number(x, "PRAGMA user_version", &version);
    if (rc == 0 && version > SCHEMA) {
        rc = ps_error_why(why, PS_EVERSION, path, "schema %lld is newer than this program's %d", version,
                          SCHEMA);
        goto out;
    }
    if (rc == 0 && write)
        rc = prepare_writer(x);
    else if (rc == 0 && version == 0)
        rc = ps_error_why(why, PS_ENOENT, path, "there is no index yet");
    if (rc < 0 && rc != PS_ENOENT)
        failed(x, why);
out:
    free(real);
    if (rc < 0)
        ps_index_close(x);
    else
        *out = x;
    return rc;
}

void ps_index_close(struct ps_index *x) {
    if (x == NULL)
        return;
    sqlite3_finalize(x->drop_codes);
    sqlite3_finalize(x->put_clip);
    sqlite3_finalize(x->put_code);
    sqlite3_finalize(x->count);
    sqlite3_close(x->db);
    free(x);
}

/* ---- writing */

/* The text backwards, character by character; s is UTF-8. */
static void turn(const char *s, char *out) {
    size_t n = strlen(s), at = n;
    out[n] = '\0';
    while (*s != '\0') {
        size_t k = 1;
        while ((s[k] & 0xC0) == 0x80)
            k++;
        at -= k;
        memcpy(out + at, s, k);
        s += k;
    }
}

static int put_code(struct ps_index *x, sqlite3_int64 clip, int pos, int alias, const char *value) {
    char turned[PS_MAX_CODE + 1];
    turn(value, turned);
    sqlite3_bind_text(x->put_code, 1, value, -1, SQLITE_STATIC);
    sqlite3_bind_int64(x->put_code, 2, clip);
    sqlite3_bind_int(x->put_code, 3, pos);
    sqlite3_bind_int(x->put_code, 4, alias);
    sqlite3_bind_text(x->put_code, 5, turned, -1, SQLITE_STATIC);
    return step(x, x->put_code);
}

static int put_codes(struct ps_index *x, sqlite3_int64 id, const struct ps_clip *c) {
    unsigned n = c->opening.n_codes, all = n + c->n_added_codes;
    int rc = 0;
    for (unsigned i = 0; i < all && rc == 0; i++) {
        const struct ps_code *code = i < n ? &c->opening.codes[i] : &c->added_codes[i - n];
        rc = put_code(x, id, (int)(2 * i), 0, code->value);
        if (rc == 0 && code->raw[0] != '\0' && strcasecmp(code->raw, code->value) != 0)
            rc = put_code(x, id, (int)(2 * i + 1), 1, code->raw);
    }
    return rc;
}

/* Links outlive a rebuild: their files are as much the truth as the clip folders. */
static int put_links(struct ps_index *x, sqlite3_int64 id, const char *clip) {
    struct ps_link *all = calloc(PS_LINKS_MOST, sizeof(*all));
    unsigned n = all != NULL ? ps_links_of(x->root, clip, all, PS_LINKS_MOST) : 0;
    int rc = all != NULL ? 0 : PS_ENOMEM;
    for (unsigned i = 0; i < n && rc == 0; i++)
        rc = put_code(x, id, FIRST_LINK + (int)i, 2, all[i].number);
    free(all);
    return rc;
}

static int put_row(struct ps_index *x, const struct ps_clip *c, const char *path) {
    char name[40];
    struct ps_buf tracks;
    ps_buf_init(&tracks, PS_MAX_TRACKS * (PS_MAX_FILE_NAME + 1));
    for (unsigned i = 0; i < c->n_tracks; i++) {
        ps_buf_text(&tracks, i > 0 ? "\n" : "");
        ps_buf_text(&tracks, c->tracks[i].file.name);
    }
    ps_statement_clip_name(c->opening.station, c->number, name);
    const char *kind = ps_opening_kind(c->opening.kind), *reason = ps_statement_end_reason(c->end_reason);
    int rc = tracks.err;
    if (rc == 0 && (kind == NULL || reason == NULL || c->number > INT64_MAX))
        rc = PS_EINVAL;
    if (rc < 0)
        goto out;
    sqlite3_stmt *s = x->put_clip;
    sqlite3_bind_text(s, 1, path, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 2, name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 3, (sqlite3_int64)c->number);
    sqlite3_bind_text(s, 4, c->opening.station, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 5, c->take);
    sqlite3_bind_text(s, 6, kind, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 7, c->opening.operator_id, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 8, reason, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 9, c->started.wall_ns);
    sqlite3_bind_int64(s, 10, c->ended.wall_ns);
    sqlite3_bind_text(s, 11, tracks.n > 0 ? (const char *)tracks.p : "", (int)tracks.n, SQLITE_STATIC);
    sqlite3_int64 id = 0;
    int sql = sqlite3_step(s);
    if (sql == SQLITE_ROW) {
        id = sqlite3_column_int64(s, 0);
        sql = sqlite3_step(s);
    }
    rc = sql == SQLITE_DONE ? 0 : error_of(sqlite3_errcode(x->db));
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    if (rc == 0) {
        sqlite3_bind_int64(x->drop_codes, 1, id);
        rc = step(x, x->drop_codes);
    }
    if (rc == 0)
        rc = put_codes(x, id, c);
    if (rc == 0)
        rc = put_links(x, id, name);
out:
    ps_buf_free(&tracks);
    return rc;
}

int ps_index_put(struct ps_index *x, const struct ps_clip *c, const char *path) {
    int rc = run(x, "BEGIN IMMEDIATE");
    if (rc < 0)
        return rc;
    rc = put_row(x, c, path);
    if (rc == 0)
        rc = run(x, "COMMIT");
    if (rc < 0)
        run(x, "ROLLBACK");
    return rc;
}

static int drop_row(struct ps_index *x, const char *path) {
    static const char *const drops[] = {"DELETE FROM codes WHERE clip=(SELECT id FROM clips WHERE path=?1)",
                                        "DELETE FROM clips WHERE path=?1"};
    int rc = 0;
    for (size_t i = 0; i < sizeof(drops) / sizeof(drops[0]) && rc == 0; i++) {
        sqlite3_stmt *s = NULL;
        rc = prepare(x, drops[i], &s);
        if (rc == 0) {
            sqlite3_bind_text(s, 1, path, -1, SQLITE_STATIC);
            rc = step(x, s);
        }
        sqlite3_finalize(s);
    }
    return rc;
}

int ps_index_moved(struct ps_index *x, const struct ps_clip *clip, const char *from, const char *to) {
    int rc = run(x, "BEGIN IMMEDIATE");
    if (rc < 0)
        return rc;
    rc = drop_row(x, from);
    if (rc == 0)
        rc = clip != NULL ? put_row(x, clip, to) : drop_row(x, to);
    if (rc == 0)
        rc = run(x, "COMMIT");
    if (rc < 0)
        run(x, "ROLLBACK");
    return rc;
}

/* ---- rebuild */

struct rebuild {
    struct ps_index *x;
    const char *root;
    uint64_t done, bad;
    bool removed; /* walking what is left of removed clips, of which some have no statement */
    unsigned in_batch;
    void (*progress)(void *ctx, uint64_t done, const char *bad_path, const struct ps_why *why);
    void *ctx;
};

static int next_batch(struct rebuild *r) {
    int rc = run(r->x, "COMMIT");
    r->in_batch = 0;
    return rc < 0 ? rc : run(r->x, "BEGIN IMMEDIATE");
}

static int rebuild_one(void *ctx, const char *path, const char *name) {
    struct rebuild *r = ctx;
    struct ps_clip *clip = NULL;
    struct ps_why why = {0};
    char stated[40];
    int rc = ps_store_load(r->root, path, &clip, &why);
    if (rc == PS_ENOMEM)
        return rc;
    if (rc == PS_ENOENT && r->removed)
        return 0;
    if (rc == 0) {
        ps_statement_clip_name(clip->opening.station, clip->number, stated);
        if (strcmp(stated, name) != 0)
            rc = ps_error_why(&why, PS_EFORMAT, "clip.json", "speaks of clip %s", stated);
    }
    if (rc < 0) {
        r->bad++;
        if (r->progress != NULL)
            r->progress(r->ctx, r->done, path, &why);
        ps_statement_free(clip);
        return 0;
    }
    rc = put_row(r->x, clip, path);
    ps_statement_free(clip);
    if (rc < 0)
        return rc;
    r->done++;
    if (r->progress != NULL)
        r->progress(r->ctx, r->done, NULL, NULL);
    return ++r->in_batch >= REBUILD_BATCH ? next_batch(r) : 0;
}

/* A damaged database goes: it holds nothing that the folders do not. */
static int open_sound(struct ps_index **x, const char *root, struct ps_why *why) {
    static const char *const files[] = {"index.db", "index.db-wal", "index.db-shm"};
    int rc = ps_index_open(x, root, true, why);
    if (rc == 0) {
        sqlite3_stmt *s = NULL;
        bool sound = prepare(*x, "PRAGMA quick_check(1)", &s) == 0 && sqlite3_step(s) == SQLITE_ROW &&
                     strcmp((const char *)sqlite3_column_text(s, 0), "ok") == 0;
        sqlite3_finalize(s);
        if (sound)
            return 0;
        ps_index_close(*x);
        *x = NULL;
    } else if (rc != PS_EFORMAT && rc != PS_EIO) {
        return rc;
    }
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char path[PS_ROOT_PATH];
        if (place(root, files[i], path) == 0 && unlink(path) != 0 && errno != ENOENT)
            return ps_error_why(why, PS_EIO, path, "is damaged and cannot be removed: %s",
                                strerrordesc_np(errno));
    }
    return ps_index_open(x, root, true, why);
}

int ps_index_rebuild(const char *root, uint64_t *done, uint64_t *bad,
                     void (*progress)(void *ctx, uint64_t done, const char *bad_path,
                                      const struct ps_why *why),
                     void *ctx, struct ps_why *why) {
    struct rebuild r = {.root = root, .progress = progress, .ctx = ctx};
    int rc = open_sound(&r.x, root, why);
    if (rc < 0)
        return rc;
    rc = run(r.x, "UPDATE state SET generation=generation+1");
    if (rc == 0)
        rc = run(r.x, "BEGIN IMMEDIATE");
    if (rc < 0) {
        failed(r.x, why);
        goto out;
    }
    rc = ps_store_each(root, rebuild_one, &r);
    r.removed = true;
    if (rc == 0)
        rc = ps_store_each_removed(root, rebuild_one, &r);
    if (rc == 0)
        rc = run(r.x, "DELETE FROM codes WHERE clip IN (SELECT id FROM clips WHERE generation<>(SELECT "
                      "generation FROM state));"
                      "DELETE FROM clips WHERE generation<>(SELECT generation FROM state);"
                      "COMMIT;");
    if (rc < 0) {
        ps_error_why(why, rc, PS_ROOT_INDEX, "%s",
                     sqlite3_errcode(r.x->db) != SQLITE_OK ? sqlite3_errmsg(r.x->db) : ps_error_text(rc));
        run(r.x, "ROLLBACK");
    }
out:
    ps_index_close(r.x);
    *done = r.done;
    *bad = r.bad;
    return rc;
}

/* ---- reading */

static const char *const select_row =
    "SELECT clip,number,station,path,operator,kind,reason,"
    "(SELECT group_concat(value,char(10)) FROM (SELECT value FROM codes WHERE clip=c.id AND alias=0 ORDER BY "
    "pos)),"
    "(SELECT group_concat(value,char(10)) FROM (SELECT value FROM codes WHERE clip=c.id AND alias=2 ORDER BY "
    "pos)),"
    "tracks,started,ended,take FROM clips AS c WHERE started BETWEEN ?1 AND ?2";

static void query_text(const struct ps_index_query *q, struct ps_buf *b) {
    ps_buf_text(b, select_row);
    if (q->code != NULL)
        ps_buf_text(b, " AND id IN (SELECT clip FROM codes WHERE value=?3)");
    if (q->suffix != NULL) /* no character sorts after U+10FFFF */
        ps_buf_text(b, " AND id IN (SELECT clip FROM codes WHERE turned>=?4 AND turned<?4||char(1114111))");
    if (q->operator_id != NULL)
        ps_buf_text(b, " AND operator=?5");
    if (q->kind != NULL)
        ps_buf_text(b, " AND kind=?6");
    if (q->clip != NULL)
        ps_buf_text(b, " AND clip=?9 COLLATE NOCASE");
    if (q->number != NULL)
        ps_buf_text(b, " AND number=?10");
    ps_buf_text(b, " ORDER BY started DESC, id DESC LIMIT ?7 OFFSET ?8");
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
                               .started_ns = sqlite3_column_int64(s, 10),
                               .ended_ns = sqlite3_column_int64(s, 11),
                               .take = (uint32_t)sqlite3_column_int64(s, 12)};
}

int ps_index_find(struct ps_index *x, const struct ps_index_query *q,
                  int (*row)(void *ctx, const struct ps_index_row *r), void *ctx, struct ps_why *why) {
    char turned[PS_MAX_CODE + 1] = "";
    if (q->suffix != NULL) {
        size_t n = strlen(q->suffix);
        if (n < 4 || n > PS_MAX_CODE || !ps_bytes_is_text(q->suffix, n))
            return ps_error_why(why, PS_EINVAL, "suffix", "the end of a number has 4 characters or more");
        turn(q->suffix, turned);
    }
    struct ps_buf text;
    ps_buf_init(&text, 4096);
    query_text(q, &text);
    sqlite3_stmt *s = NULL;
    int rc = text.err, n = 0;
    if (rc == 0)
        rc = prepare(x, (const char *)text.p, &s);
    ps_buf_free(&text);
    if (rc < 0)
        return failed(x, why);
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
    if (q->clip != NULL)
        sqlite3_bind_text(s, 9, q->clip, -1, SQLITE_STATIC);
    if (q->number != NULL)
        sqlite3_bind_int64(s, 10, *q->number > INT64_MAX ? -1 : (sqlite3_int64)*q->number);
    sqlite3_bind_int64(s, 7, q->limit > 0 ? (sqlite3_int64)q->limit : -1);
    sqlite3_bind_int64(s, 8, q->offset > INT64_MAX ? INT64_MAX : (sqlite3_int64)q->offset);
    int sql;
    while ((sql = sqlite3_step(s)) == SQLITE_ROW) {
        struct ps_index_row r;
        read_row(s, &r);
        if (n < INT_MAX)
            n++;
        if (row != NULL && row(ctx, &r) != 0) {
            sql = SQLITE_DONE;
            break;
        }
    }
    rc = sql == SQLITE_DONE ? n : failed(x, why);
    sqlite3_finalize(s);
    return rc;
}

int ps_index_count(struct ps_index *x, const char *code, uint64_t *n) {
    int rc =
        x->count != NULL ? 0 : prepare(x, "SELECT count(DISTINCT clip) FROM codes WHERE value=?1", &x->count);
    if (rc < 0)
        return rc;
    sqlite3_bind_text(x->count, 1, code, -1, SQLITE_STATIC);
    int sql = sqlite3_step(x->count);
    *n = sql == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(x->count, 0) : 0;
    rc = sql == SQLITE_ROW ? 0 : error_of(sqlite3_errcode(x->db));
    sqlite3_reset(x->count);
    sqlite3_clear_bindings(x->count);
    return rc;
}
