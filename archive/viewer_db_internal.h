/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_VIEWER_DB_INTERNAL_H
#define PS_ARCHIVE_VIEWER_DB_INTERNAL_H
/*
 * What the files of viewer_db share: one statement at a time, within the object's turn.
 */
#include "archive/viewer_db.h"
#include <pthread.h>
#include <sqlite3.h>

struct ps_viewer_db {
    sqlite3 *db;
    pthread_mutex_t lock;
};

/* A statement with its parameters, by letters: 't' const char *, 'i' int64_t, 'b' a digest. Takes the turn and prepares;
 * ps_viewer_db_end gives both back, and must follow also after an error. */
struct ps_viewer_db_turn {
    struct ps_viewer_db *d;
    sqlite3_stmt *s;
    int rc; /* 0, or what failed first */
};
void ps_viewer_db_begin(struct ps_viewer_db_turn *t, struct ps_viewer_db *d, const char *sql,
                        const char *kinds, ...);
/* Another statement within the same turn. */
void ps_viewer_db_next(struct ps_viewer_db_turn *t, const char *sql, const char *kinds, ...);
/* True while there are rows. */
bool ps_viewer_db_row(struct ps_viewer_db_turn *t);
/* Steps to the end; rows changed. */
int ps_viewer_db_run(struct ps_viewer_db_turn *t);
/* Errors of the turn, or 0. */
int ps_viewer_db_end(struct ps_viewer_db_turn *t);
/* One statement that gives no rows, alone: rows changed, or an error. */
int ps_viewer_db_do(struct ps_viewer_db *d, const char *sql, const char *kinds, ...);

const char *ps_viewer_db_text(struct ps_viewer_db_turn *t, int column); /* never NULL */
int64_t ps_viewer_db_number(struct ps_viewer_db_turn *t, int column);
void ps_viewer_db_copy(struct ps_viewer_db_turn *t, int column, char *to, size_t cap);

#endif
