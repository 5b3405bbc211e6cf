/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The index made anew from the folders, or completed from them.
 */
#include "archive/flags.h"
#include "archive/index_internal.h"
#include "archive/store.h"
#include "evidence/bytes.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REBUILD_BATCH 256 /* clips a transaction: a waiting recorder gets its turn after it */

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
    int rc = ps_index_run(r->x, "COMMIT");
    r->in_batch = 0;
    return rc < 0 ? rc : ps_index_run(r->x, "BEGIN IMMEDIATE");
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
    rc = ps_index_put_row(r->x, clip, path);
    ps_statement_free(clip);
    if (rc < 0)
        return rc;
    r->done++;
    if (r->progress != NULL)
        r->progress(r->ctx, r->done, NULL, NULL);
    return ++r->in_batch >= REBUILD_BATCH ? next_batch(r) : 0;
}

/* What the walk has not met. */
static int drop_old(struct rebuild *r) {
    char path[PS_ROOT_PATH];
    sqlite3_stmt *s = NULL;
    sqlite3_int64 id = INT64_MIN;
    int sql = SQLITE_ROW,
        rc = ps_index_prepare(
            r->x,
            "SELECT id,path FROM clips WHERE id>?1 AND generation<>(SELECT generation FROM state)"
            " ORDER BY id LIMIT 1",
            &s);
    while (rc == 0) {
        sqlite3_bind_int64(s, 1, id);
        if ((sql = sqlite3_step(s)) != SQLITE_ROW)
            break;
        id = sqlite3_column_int64(s, 0);
        snprintf(path, sizeof(path), "%s", (const char *)sqlite3_column_text(s, 1));
        sqlite3_reset(s);
        rc = ps_index_drop_row(r->x, path);
    }
    if (rc == 0 && sql != SQLITE_DONE)
        rc = ps_index_error(sql);
    sqlite3_finalize(s);
    return rc;
}

/* A damaged database goes: it holds nothing that the folders do not. */
static int open_sound(struct ps_index **x, const char *root, struct ps_why *why) {
    static const char *const files[] = {"index.db", "index.db-wal", "index.db-shm"};
    int rc = ps_index_open(x, root, true, why);
    if (rc == 0) {
        sqlite3_stmt *s = NULL;
        bool sound = ps_index_prepare(*x, "PRAGMA quick_check(1)", &s) == 0 &&
                     sqlite3_step(s) == SQLITE_ROW &&
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
        if (ps_index_place(root, files[i], path) == 0 && unlink(path) != 0 && errno != ENOENT)
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
    rc = ps_index_run(r.x, "UPDATE state SET generation=generation+1");
    if (rc == 0)
        rc = ps_index_run(r.x, "BEGIN IMMEDIATE");
    if (rc < 0) {
        ps_index_failed(r.x, why);
        goto out;
    }
    rc = ps_store_each(root, rebuild_one, &r);
    r.removed = true;
    if (rc == 0)
        rc = ps_store_each_removed(root, rebuild_one, &r);
    if (rc == 0)
        rc = drop_old(&r);
    if (rc == 0)
        rc = ps_index_run(r.x, "COMMIT");
    if (rc < 0) {
        ps_error_why(why, rc, PS_ROOT_INDEX, "%s",
                     sqlite3_errcode(r.x->db) != SQLITE_OK ? sqlite3_errmsg(r.x->db) : ps_error_text(rc));
        ps_index_run(r.x, "ROLLBACK");
    }
out:
    ps_index_close(r.x);
    *done = r.done;
    *bad = r.bad;
    return rc;
}

/* ---- after an older version */

struct unread {
    sqlite3_int64 id;
    char path[PS_ROOT_PATH];
};

static int next_unread(struct ps_index *x, struct unread *u) {
    sqlite3_stmt *s = NULL;
    int rc =
        ps_index_prepare(x, "SELECT id,path FROM clips WHERE flags IS NULL ORDER BY id DESC LIMIT 1", &s);
    if (rc == 0) {
        int sql = sqlite3_step(s);
        rc = sql == SQLITE_ROW ? 0 : sql == SQLITE_DONE ? PS_ENOENT : ps_index_error(sql);
        if (sql == SQLITE_ROW) {
            u->id = sqlite3_column_int64(s, 0);
            snprintf(u->path, sizeof(u->path), "%s", (const char *)sqlite3_column_text(s, 1));
        }
    }
    sqlite3_finalize(s);
    return rc;
}

static int read_one(struct ps_index *x, const struct unread *u) {
    char sql[96];
    struct ps_clip *clip = NULL;
    int rc = ps_store_load(x->root, u->path, &clip, NULL);
    if (rc == 0)
        rc = ps_index_put_row(x, clip, u->path);
    else if (rc != PS_ENOMEM) { /* nothing to be read there: never asked again */
        snprintf(sql, sizeof(sql), "UPDATE clips SET flags=0 WHERE id=%lld", (long long)u->id);
        rc = ps_index_run(x, sql);
    }
    ps_statement_free(clip);
    return rc;
}

int ps_index_catch_up(struct ps_index *x, unsigned most, uint64_t *left) {
    struct unread u;
    sqlite3_int64 n = 0;
    unsigned did = 0;
    int rc = ps_index_one_number(x, "SELECT count(*) FROM clips WHERE flags IS NULL", &n);
    *left = (uint64_t)n;
    if (rc < 0 || n == 0 || most == 0)
        return rc;
    rc = ps_index_run(x, "BEGIN IMMEDIATE");
    if (rc < 0)
        return rc;
    while (did < most && (rc = next_unread(x, &u)) == 0 && (rc = read_one(x, &u)) == 0)
        did++;
    if (rc == PS_ENOENT)
        rc = 0;
    if (rc == 0)
        rc = ps_index_run(x, "COMMIT");
    if (rc < 0) {
        ps_index_run(x, "ROLLBACK");
        return rc;
    }
    *left = did < *left ? *left - did : 0;
    return (int)did;
}
