/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_INDEX_INTERNAL_H
#define PS_ARCHIVE_INDEX_INTERNAL_H
/*
 * What the files of the index share, and its test.
 *
 * Tables, schema 2:
 *
 *   clips  one row a clip; `started` and `ended` in nanoseconds since 1970; `codes`, `spellings` (codes as they came, where
 *          that differs), `links` (numbers that the merchant linked later) and `tracks` joined by line feeds: a page of
 *          results reads rows of this table and nothing else. `flags` is NULL until the statement of a clip that an
 *          older version has put was read.
 *   codes  each way to write a number of a clip, by value and then by time: newest first is the order in which they lie,
 *          however many clips an article's number has.
 *   tails  the same backwards, so that the last digits of a number are a prefix.
 *   state  generation: a rebuild adds one, marks what it finds, and then drops what has an older mark. So a
 *          recorder can go on to write while the rebuild walks, and readers never see an empty index.
 *
 * Letters of either case are the same. A row of codes or tails is found again by what its clip's row holds, so these two need no
 * index by clip. Indexes end in what is filtered by, so that a filter does not read the rows it leaves out.
 */
#include "archive/index.h"
#include <sqlite3.h>

#define PS_INDEX_SCHEMA 2
#define PS_INDEX_WORTH "511" /* PS_FLAGS_WORTH_A_LOOK, in the index of such clips */

struct ps_buf;

struct ps_index {
    sqlite3 *db;
    char root[PS_ROOT_PATH];
    sqlite3_stmt *old_row, *put_clip, *put_code, *put_tail, *drop_code, *drop_tail, *count;
};

int ps_index_error(int sql);
int ps_index_failed(struct ps_index *x, struct ps_why *why);
int ps_index_run(struct ps_index *x, const char *sql);
int ps_index_prepare(struct ps_index *x, const char *sql, sqlite3_stmt **out);
int ps_index_one_number(struct ps_index *x, const char *sql, sqlite3_int64 *out);
/* Path of a file of the index. */
int ps_index_place(const char *root, const char *name, char out[PS_ROOT_PATH]);
/* Inside a transaction. */
int ps_index_put_row(struct ps_index *x, const struct ps_clip *c, const char *path);
int ps_index_drop_row(struct ps_index *x, const char *path);
/* The text backwards, character by character; s is UTF-8; out as long. */
void ps_index_turn(const char *s, char *out);
/* Tables and indexes of schema 2 from nothing, or from schema 1; inside a transaction. */
int ps_index_make(struct ps_index *x, sqlite3_int64 version);
/* The statement of a query, with its NUL. */
void ps_index_find_text(const struct ps_index_query *q, struct ps_buf *b);

#endif
