/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/index.h"
#include "archive/flags.h"
#include "archive/index_internal.h"
#include "archive/links.h"
#include "evidence/bytes.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_MS 10000

int ps_index_error(int sql) {
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

int ps_index_failed(struct ps_index *x, struct ps_why *why) {
    return ps_error_why(why, ps_index_error(sqlite3_errcode(x->db)), PS_ROOT_INDEX, "%s",
                        sqlite3_errmsg(x->db));
}

int ps_index_run(struct ps_index *x, const char *sql) {
    return sqlite3_exec(x->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0
                                                                   : ps_index_error(sqlite3_errcode(x->db));
}

int ps_index_prepare(struct ps_index *x, const char *sql, sqlite3_stmt **out) {
    return sqlite3_prepare_v3(x->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) == SQLITE_OK
               ? 0
               : ps_index_error(sqlite3_errcode(x->db));
}

int ps_index_one_number(struct ps_index *x, const char *sql, sqlite3_int64 *out) {
    sqlite3_stmt *s = NULL;
    int rc = ps_index_prepare(x, sql, &s);
    if (rc == 0) {
        int got = sqlite3_step(s);
        *out = got == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
        rc = got == SQLITE_ROW ? 0 : ps_index_error(sqlite3_errcode(x->db));
    }
    sqlite3_finalize(s);
    return rc;
}

/* ---- opening */

static int make_schema(struct ps_index *x) {
    sqlite3_int64 version = 0;
    int rc = ps_index_run(x, "BEGIN IMMEDIATE");
    if (rc < 0)
        return rc;
    rc = ps_index_one_number(x, "PRAGMA user_version", &version); /* another writer may have been first */
    if (rc == 0 && version < PS_INDEX_SCHEMA)
        rc = ps_index_make(x, version);
    if (rc == 0)
        rc = ps_index_run(x, "COMMIT");
    if (rc < 0)
        ps_index_run(x, "ROLLBACK");
    return rc;
}

static int prepare_writer(struct ps_index *x) {
    int on = 1;
    const struct {
        sqlite3_stmt **s;
        const char *sql;
    } all[] = {
        {&x->old_row, "SELECT id,started,codes,spellings,links FROM clips WHERE path=?1"},
        {&x->put_clip,
         "INSERT INTO clips VALUES(NULL,?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,(SELECT generation FROM state),"
         "?12,?13,?14,?15,?16)"
         " ON CONFLICT(path) DO UPDATE SET clip=?2, number=?3, station=?4, take=?5, kind=?6, operator=?7,"
         " reason=?8, started=?9, ended=?10, tracks=?11, generation=excluded.generation, codes=?12, "
         "spellings=?13,"
         " links=?14, thumb=?15, flags=?16 RETURNING id"},
        {&x->put_code, "INSERT OR IGNORE INTO codes VALUES(?1,?2,?3)"},
        {&x->put_tail, "INSERT OR IGNORE INTO tails VALUES(?1,?2,?3)"},
        {&x->drop_code, "DELETE FROM codes WHERE value=?1 AND started=?2 AND clip=?3"},
        {&x->drop_tail, "DELETE FROM tails WHERE turned=?1 AND started=?2 AND clip=?3"},
    };
    /* Readers of other users can open what a closed writer left only when the WAL stays. */
    if (sqlite3_file_control(x->db, "main", SQLITE_FCNTL_PERSIST_WAL, &on) != SQLITE_OK)
        return PS_EIO;
    int rc = ps_index_run(x, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=OFF;");
    if (rc == 0)
        rc = make_schema(x);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && rc == 0; i++)
        rc = ps_index_prepare(x, all[i].sql, all[i].s);
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
int ps_index_place(const char *root, const char *name, char out[PS_ROOT_PATH]) {
    char folder[PS_ROOT_PATH];
    int rc = ps_root_path(root, PS_ROOT_INDEX_FOLDER, folder);
    return rc < 0 ? rc : ps_root_path(access(folder, F_OK) == 0 ? folder : root, name, out);
}

int ps_index_open(struct ps_index **out, const char *root, bool write, struct ps_why *why) {
    char path[PS_ROOT_PATH];
    int rc = ps_index_place(root, PS_ROOT_INDEX, path);
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
    rc = ps_index_one_number(x, "PRAGMA user_version", &version);
    if (rc == 0 && version > PS_INDEX_SCHEMA) {
        rc = ps_error_why(why, PS_EVERSION, path, "schema %lld is newer than this program's %d", version,
                          PS_INDEX_SCHEMA);
        goto out;
    }
    if (rc == 0 && write)
        rc = prepare_writer(x);
    else if (rc == 0 && version == 0)
        rc = ps_error_why(why, PS_ENOENT, path, "there is no index yet");
    else if (rc == 0 && version < PS_INDEX_SCHEMA)
        rc = ps_error_why(why, PS_ESTATE, path, "is of an earlier version of PackSeal");
    if (rc < 0 && rc != PS_ENOENT && rc != PS_ESTATE)
        ps_index_failed(x, why);
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
    sqlite3_stmt *const all[] = {x->old_row,   x->put_clip,  x->put_code, x->put_tail,
                                 x->drop_code, x->drop_tail, x->count};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        sqlite3_finalize(all[i]);
    sqlite3_close(x->db);
    free(x);
}

/* ---- writing */

/* One statement whose parameters are bound; leaves it ready for the next time. */
static int step(struct ps_index *x, sqlite3_stmt *s) {
    int sql = sqlite3_step(s);
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return sql == SQLITE_DONE || sql == SQLITE_ROW ? 0 : ps_index_error(sqlite3_errcode(x->db));
}

/* The text backwards, character by character; s is UTF-8. */
void ps_index_turn(const char *s, char *out) {
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

struct place { /* where the numbers of a clip lie */
    sqlite3_int64 clip, started;
};

static int number(struct ps_index *x, sqlite3_stmt *s, const char *text, const struct place *at) {
    sqlite3_bind_text(s, 1, text, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, at->started);
    sqlite3_bind_int64(s, 3, at->clip);
    return step(x, s);
}

/* Puts or drops each line of a text. */
static int numbers(struct ps_index *x, bool put, const char *lines, const struct place *at) {
    int rc = 0;
    while (*lines != '\0' && rc == 0) {
        char value[PS_MAX_CODE + 1], turned[PS_MAX_CODE + 1];
        size_t n = (size_t)(strchrnul(lines, '\n') - lines);
        if (n > PS_MAX_CODE)
            return PS_EFORMAT; /* nobody wrote it so */
        memcpy(value, lines, n);
        value[n] = '\0';
        ps_index_turn(value, turned);
        rc = number(x, put ? x->put_code : x->drop_code, value, at);
        if (rc == 0)
            rc = number(x, put ? x->put_tail : x->drop_tail, turned, at);
        lines += n + (lines[n] == '\n');
    }
    return rc;
}

static const char *text_of(sqlite3_stmt *s, int i) {
    const unsigned char *t = sqlite3_column_text(s, i);
    return t != NULL ? (const char *)t : "";
}

/* The numbers of what is there under this path. */
static int drop_numbers(struct ps_index *x, const char *path) {
    sqlite3_stmt *s = x->old_row;
    sqlite3_bind_text(s, 1, path, -1, SQLITE_STATIC);
    int sql = sqlite3_step(s), rc = sql == SQLITE_ROW || sql == SQLITE_DONE ? 0 : ps_index_error(sql);
    if (sql == SQLITE_ROW) {
        const struct place at = {sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1)};
        for (int i = 2; i <= 4 && rc == 0; i++)
            rc = numbers(x, false, text_of(s, i), &at);
    }
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return rc;
}

/* What of a clip is text in its row. */
struct texts {
    struct ps_buf codes, spellings, links, tracks;
};

static void line(struct ps_buf *b, const char *text) {
    if (text[0] == '\0')
        return;
    if (b->n > 0)
        ps_buf_text(b, "\n");
    ps_buf_text(b, text);
}

/* Links outlive a rebuild: their files are as much the truth as the clip folders. */
static int link_lines(struct ps_index *x, const char *clip, struct ps_buf *b) {
    struct ps_link *all = calloc(PS_LINKS_MOST, sizeof(*all));
    if (all == NULL)
        return PS_ENOMEM;
    unsigned n = ps_links_of(x->root, clip, all, PS_LINKS_MOST);
    for (unsigned i = 0; i < n; i++)
        line(b, all[i].number);
    free(all);
    return b->err;
}

static int texts_of(struct ps_index *x, const struct ps_clip *c, const char *name, struct texts *t) {
    unsigned n = c->opening.n_codes, all = n + c->n_added_codes;
    ps_buf_init(&t->codes, (PS_MAX_CODES + UINT16_MAX) * (PS_MAX_CODE + 1));
    ps_buf_init(&t->spellings, (PS_MAX_CODES + UINT16_MAX) * (PS_MAX_CODE + 1));
    ps_buf_init(&t->links, PS_LINKS_MOST * (PS_MAX_CODE + 1));
    ps_buf_init(&t->tracks, PS_MAX_TRACKS * (PS_MAX_FILE_NAME + 1));
    for (unsigned i = 0; i < all; i++) {
        const struct ps_code *code = i < n ? &c->opening.codes[i] : &c->added_codes[i - n];
        line(&t->codes, code->value);
        if (code->raw[0] != '\0' && strcasecmp(code->raw, code->value) != 0)
            line(&t->spellings, code->raw);
    }
    for (unsigned i = 0; i < c->n_tracks; i++)
        line(&t->tracks, c->tracks[i].file.name);
    int rc = link_lines(x, name, &t->links);
    return rc < 0               ? rc
           : t->codes.err != 0  ? t->codes.err
           : t->tracks.err != 0 ? t->tracks.err
                                : t->spellings.err;
}

static void texts_free(struct texts *t) {
    ps_buf_free(&t->codes);
    ps_buf_free(&t->spellings);
    ps_buf_free(&t->links);
    ps_buf_free(&t->tracks);
}

/* The picture that stands for a clip. */
static const char *thumb_of(const struct ps_clip *c) {
    const struct ps_original *best = NULL;
    for (uint32_t i = 0; i < c->n_originals; i++)
        if (best == NULL || c->originals[i].track < best->track)
            best = &c->originals[i];
    return best != NULL ? best->file.name : "";
}

static void bind_buf(sqlite3_stmt *s, int i, const struct ps_buf *b) {
    sqlite3_bind_text(s, i, b->n > 0 ? (const char *)b->p : "", (int)b->n, SQLITE_STATIC);
}

/* As the statement has it: the recorder knows nanoseconds, and an index that is made anew shall be the same. */
static int64_t to_ms(int64_t ns) {
    return ns / 1000000 * 1000000;
}

static int put_clip(struct ps_index *x, const struct ps_clip *c, const char *path, const char *name,
                    const struct texts *t, sqlite3_int64 *id) {
    const char *kind = ps_opening_kind(c->opening.kind), *reason = ps_statement_end_reason(c->end_reason);
    if (kind == NULL || reason == NULL || c->number > INT64_MAX)
        return PS_EINVAL;
    sqlite3_stmt *s = x->put_clip;
    sqlite3_bind_text(s, 1, path, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 2, name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 3, (sqlite3_int64)c->number);
    sqlite3_bind_text(s, 4, c->opening.station, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 5, c->take);
    sqlite3_bind_text(s, 6, kind, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 7, c->opening.operator_id, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 8, reason, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 9, to_ms(c->started.wall_ns));
    sqlite3_bind_int64(s, 10, to_ms(c->ended.wall_ns));
    bind_buf(s, 11, &t->tracks);
    bind_buf(s, 12, &t->codes);
    bind_buf(s, 13, &t->spellings);
    bind_buf(s, 14, &t->links);
    sqlite3_bind_text(s, 15, thumb_of(c), -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 16, ps_flags_of(c));
    int sql = sqlite3_step(s);
    if (sql == SQLITE_ROW) {
        *id = sqlite3_column_int64(s, 0);
        sql = sqlite3_step(s);
    }
    int rc = sql == SQLITE_DONE ? 0 : ps_index_error(sqlite3_errcode(x->db));
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return rc;
}

int ps_index_put_row(struct ps_index *x, const struct ps_clip *c, const char *path) {
    char name[40];
    struct texts t;
    struct place at = {.started = to_ms(c->started.wall_ns)};
    ps_statement_clip_name(c->opening.station, c->number, name);
    int rc = texts_of(x, c, name, &t);
    if (rc == 0)
        rc = drop_numbers(x, path);
    if (rc == 0)
        rc = put_clip(x, c, path, name, &t, &at.clip);
    struct ps_buf *const all[] = {&t.codes, &t.spellings, &t.links};
    for (int i = 0; i < 3 && rc == 0; i++) {
        ps_buf_u8(all[i], 0);
        rc = all[i]->err != 0 ? all[i]->err : numbers(x, true, (const char *)all[i]->p, &at);
    }
    texts_free(&t);
    return rc;
}

int ps_index_put(struct ps_index *x, const struct ps_clip *c, const char *path) {
    int rc = ps_index_run(x, "BEGIN IMMEDIATE");
    if (rc < 0)
        return rc;
    rc = ps_index_put_row(x, c, path);
    if (rc == 0)
        rc = ps_index_run(x, "COMMIT");
    if (rc < 0)
        ps_index_run(x, "ROLLBACK");
    return rc;
}

int ps_index_drop_row(struct ps_index *x, const char *path) {
    sqlite3_stmt *s = NULL;
    int rc = drop_numbers(x, path);
    if (rc == 0)
        rc = ps_index_prepare(x, "DELETE FROM clips WHERE path=?1", &s);
    if (rc == 0) {
        sqlite3_bind_text(s, 1, path, -1, SQLITE_STATIC);
        rc = step(x, s);
    }
    sqlite3_finalize(s);
    return rc;
}

int ps_index_moved(struct ps_index *x, const struct ps_clip *clip, const char *from, const char *to) {
    int rc = ps_index_run(x, "BEGIN IMMEDIATE");
    if (rc < 0)
        return rc;
    rc = ps_index_drop_row(x, from);
    if (rc == 0)
        rc = clip != NULL ? ps_index_put_row(x, clip, to) : ps_index_drop_row(x, to);
    if (rc == 0)
        rc = ps_index_run(x, "COMMIT");
    if (rc < 0)
        ps_index_run(x, "ROLLBACK");
    return rc;
}
