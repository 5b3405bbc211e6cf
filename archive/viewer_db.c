/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Schema 1. Times are nanoseconds since 1970. Nothing here refers to a clip's row in the index, which may be made anew at any
 * time: clips are named by their name.
 */
#include "archive/viewer_db.h"
#include "archive/root.h"
#include "archive/viewer_db_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCHEMA 1
#define BUSY_MS 5000
#define FOLDER "viewer"
#define FILE_NAME FOLDER "/viewer.db"

static const char *const schema =
    "CREATE TABLE accounts(name TEXT NOT NULL COLLATE NOCASE PRIMARY KEY, role TEXT NOT NULL, hash TEXT NOT "
    "NULL,"
    " language TEXT NOT NULL, disabled INTEGER NOT NULL, made INTEGER NOT NULL, seen INTEGER NOT NULL) "
    "WITHOUT ROWID;"
    "CREATE TABLE sessions(digest BLOB NOT NULL PRIMARY KEY, name TEXT NOT NULL COLLATE NOCASE, screen "
    "INTEGER NOT NULL,"
    " made INTEGER NOT NULL, seen INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE tokens(id INTEGER PRIMARY KEY AUTOINCREMENT, digest BLOB NOT NULL UNIQUE,"
    " name TEXT NOT NULL COLLATE NOCASE UNIQUE, scope TEXT NOT NULL, made INTEGER NOT NULL, used INTEGER NOT "
    "NULL);"
    "CREATE TABLE notes(id INTEGER PRIMARY KEY AUTOINCREMENT, clip TEXT NOT NULL, at INTEGER NOT NULL,"
    " who TEXT NOT NULL, text TEXT NOT NULL);"
    "CREATE INDEX notes_clip ON notes(clip, id);"
    "CREATE TABLE tags(clip TEXT NOT NULL, tag TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY(clip, tag))"
    " WITHOUT ROWID;"
    "CREATE INDEX tags_tag ON tags(tag, at DESC, clip);"
    "CREATE TABLE audit(id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, who TEXT NOT NULL,"
    " address TEXT NOT NULL, what TEXT NOT NULL, clip TEXT NOT NULL, detail TEXT NOT NULL);"
    "CREATE INDEX audit_at ON audit(at);"
    "CREATE TABLE hooks(id INTEGER PRIMARY KEY AUTOINCREMENT, url TEXT NOT NULL, events TEXT NOT NULL,"
    " secret TEXT NOT NULL, last INTEGER NOT NULL, failing INTEGER NOT NULL, dropped INTEGER NOT NULL);"
    "CREATE TABLE deliveries(id INTEGER PRIMARY KEY AUTOINCREMENT, hook INTEGER NOT NULL, event TEXT NOT "
    "NULL,"
    " body TEXT NOT NULL, tries INTEGER NOT NULL, next INTEGER NOT NULL);"
    "CREATE INDEX deliveries_next ON deliveries(next);"
    "CREATE INDEX deliveries_hook ON deliveries(hook);"
    "PRAGMA user_version=1;";

/* ---- statements */

static int error_of(int sql) {
    switch (sql & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return PS_EBUSY;
    case SQLITE_NOMEM: return PS_ENOMEM;
    case SQLITE_FULL: return PS_EFULL;
    case SQLITE_CONSTRAINT: return PS_EEXIST;
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN: return PS_EPERM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return PS_EFORMAT;
    default: return PS_EIO;
    }
}

static void prepare(struct ps_viewer_db_turn *t, const char *sql, const char *kinds, va_list ap) {
    if (t->rc < 0)
        return;
    if (sqlite3_prepare_v2(t->d->db, sql, -1, &t->s, NULL) != SQLITE_OK) {
        t->rc = error_of(sqlite3_errcode(t->d->db));
        return;
    }
    for (int i = 1; *kinds != '\0' && t->rc == 0; kinds++, i++) {
        int sql_rc = SQLITE_MISUSE;
        if (*kinds == 't')
            sql_rc = sqlite3_bind_text(t->s, i, va_arg(ap, const char *), -1, SQLITE_STATIC);
        else if (*kinds == 'i')
            sql_rc = sqlite3_bind_int64(t->s, i, va_arg(ap, int64_t));
        else if (*kinds == 'b')
            sql_rc =
                sqlite3_bind_blob(t->s, i, va_arg(ap, const uint8_t *), PS_VIEWER_DB_DIGEST, SQLITE_STATIC);
        if (sql_rc != SQLITE_OK)
            t->rc = error_of(sql_rc);
    }
}

void ps_viewer_db_begin(struct ps_viewer_db_turn *t, struct ps_viewer_db *d, const char *sql,
                        const char *kinds, ...) {
    va_list ap;
    *t = (struct ps_viewer_db_turn){.d = d};
    pthread_mutex_lock(&d->lock);
    va_start(ap, kinds);
    prepare(t, sql, kinds, ap);
    va_end(ap);
}

void ps_viewer_db_next(struct ps_viewer_db_turn *t, const char *sql, const char *kinds, ...) {
    va_list ap;
    sqlite3_finalize(t->s);
    t->s = NULL;
    va_start(ap, kinds);
    prepare(t, sql, kinds, ap);
    va_end(ap);
}

bool ps_viewer_db_row(struct ps_viewer_db_turn *t) {
    if (t->rc < 0 || t->s == NULL)
        return false;
    int sql = sqlite3_step(t->s);
    if (sql != SQLITE_ROW && sql != SQLITE_DONE)
        t->rc = error_of(sqlite3_errcode(t->d->db));
    return sql == SQLITE_ROW;
}

int ps_viewer_db_run(struct ps_viewer_db_turn *t) {
    while (ps_viewer_db_row(t))
        continue;
    return t->rc < 0 ? t->rc : sqlite3_changes(t->d->db);
}

int ps_viewer_db_end(struct ps_viewer_db_turn *t) {
    sqlite3_finalize(t->s);
    /* A turn that began a transaction and failed leaves none behind. */
    if (!sqlite3_get_autocommit(t->d->db))
        sqlite3_exec(t->d->db, t->rc < 0 ? "ROLLBACK" : "COMMIT", NULL, NULL, NULL);
    if (t->rc == 0 && !sqlite3_get_autocommit(t->d->db)) {
        t->rc = error_of(sqlite3_errcode(t->d->db));
        sqlite3_exec(t->d->db, "ROLLBACK", NULL, NULL, NULL);
    }
    pthread_mutex_unlock(&t->d->lock);
    return t->rc;
}

int ps_viewer_db_do(struct ps_viewer_db *d, const char *sql, const char *kinds, ...) {
    struct ps_viewer_db_turn t = {.d = d};
    va_list ap;
    pthread_mutex_lock(&d->lock);
    va_start(ap, kinds);
    prepare(&t, sql, kinds, ap);
    va_end(ap);
    int changed = ps_viewer_db_run(&t);
    int rc = ps_viewer_db_end(&t);
    return rc < 0 ? rc : changed;
}

const char *ps_viewer_db_text(struct ps_viewer_db_turn *t, int column) {
    const unsigned char *s = sqlite3_column_text(t->s, column);
    return s != NULL ? (const char *)s : "";
}

int64_t ps_viewer_db_number(struct ps_viewer_db_turn *t, int column) {
    return sqlite3_column_int64(t->s, column);
}

void ps_viewer_db_copy(struct ps_viewer_db_turn *t, int column, char *to, size_t cap) {
    snprintf(to, cap, "%s", ps_viewer_db_text(t, column));
}

/* ---- opening */

static int version_of(struct ps_viewer_db *d, int64_t *version) {
    struct ps_viewer_db_turn t;
    *version = 0;
    ps_viewer_db_begin(&t, d, "PRAGMA user_version", "");
    if (ps_viewer_db_row(&t))
        *version = ps_viewer_db_number(&t, 0);
    return ps_viewer_db_end(&t);
}

/* SQLite gives its companions the mode of the database. */
static int make_file(const char *folder, const char *path, struct ps_why *why) {
    if (mkdir(folder, 0750) != 0 && errno != EEXIST)
        return ps_error_why(why, errno == EACCES ? PS_EPERM : PS_EIO, folder, "cannot be made: %s",
                            strerrordesc_np(errno));
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return ps_error_why(why, errno == EACCES ? PS_EPERM : PS_EIO, path, "cannot be opened: %s",
                            strerrordesc_np(errno));
    close(fd);
    return 0;
}

static int set_up(struct ps_viewer_db *d, const char *path, struct ps_why *why) {
    int64_t version = 0;
    sqlite3_extended_result_codes(d->db, 1);
    sqlite3_busy_timeout(d->db, BUSY_MS);
    int rc = version_of(d, &version);
    if (rc == 0 && version > SCHEMA)
        return ps_error_why(why, PS_EVERSION, path, "schema %lld is newer than this program's %d",
                            (long long)version, SCHEMA);
    if (rc == 0 &&
        sqlite3_exec(d->db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;",
                     NULL, NULL, NULL) != SQLITE_OK)
        rc = error_of(sqlite3_errcode(d->db));
    if (rc == 0 && version == 0) {
        /* One writer: nobody else makes tables between the two. */
        if (sqlite3_exec(d->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK ||
            sqlite3_exec(d->db, schema, NULL, NULL, NULL) != SQLITE_OK ||
            sqlite3_exec(d->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
            rc = error_of(sqlite3_errcode(d->db));
    }
    return rc < 0 ? ps_error_why(why, rc, path, "%s", sqlite3_errmsg(d->db)) : 0;
}

int ps_viewer_db_open(struct ps_viewer_db **out, const char *root, struct ps_why *why) {
    char folder[PS_ROOT_PATH], path[PS_ROOT_PATH];
    if (ps_root_path(root, FOLDER, folder) < 0 || ps_root_path(root, FILE_NAME, path) < 0)
        return ps_error_why(why, PS_ELIMIT, "root", "the path is too long");
    int rc = make_file(folder, path, why);
    if (rc < 0)
        return rc;
    struct ps_viewer_db *d = calloc(1, sizeof(*d));
    if (d == NULL)
        return ps_error_why(why, PS_ENOMEM, path, "out of memory");
    pthread_mutex_init(&d->lock, NULL);
    /* SQLite refuses every link on the way, and a root may well be reached through one. */
    char *real = realpath(path, NULL);
    if (real == NULL ||
        sqlite3_open_v2(real, &d->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
                        NULL) != SQLITE_OK)
        rc = ps_error_why(why, PS_EIO, path, "cannot be opened");
    else
        rc = set_up(d, path, why);
    free(real);
    if (rc < 0)
        ps_viewer_db_close(d);
    else
        *out = d;
    return rc;
}

void ps_viewer_db_close(struct ps_viewer_db *d) {
    if (d == NULL)
        return;
    sqlite3_close(d->db);
    pthread_mutex_destroy(&d->lock);
    free(d);
}
