/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_INDEX_H
#define PS_ARCHIVE_INDEX_H
/*
 * The search index: SQLite, WAL, synchronous FULL, persistent WAL (readers of other users work after a clean close).
 * A cache: ps_index_rebuild makes it from the folders alone.
 */
#include "archive/root.h"
#include "evidence/statement.h"
#include <stdbool.h>
#include <stdint.h>

struct ps_index;

/* One writer (recorder, reindex); any number of readers. A newer schema is PS_EVERSION. An older one a writer brings up to
 * date here, but for what only the statements tell: ps_index_catch_up; a reader gets PS_ESTATE. */
int ps_index_open(struct ps_index **out, const char *root, bool write, struct ps_why *why);
void ps_index_close(struct ps_index *x);
/* Adds or replaces one clip (same path). */
int ps_index_put(struct ps_index *x, const struct ps_clip *c, const char *path);
/* A clip's folder has become another; clip NULL: nothing is left of it to be found. */
int ps_index_moved(struct ps_index *x, const struct ps_clip *clip, const char *from, const char *to);
/* Reads the statements of at most `most` clips that an older version has put, the newest first; *left: how many remain.
 * Returns how many it read, or an error. Until then no search by flags finds them. */
int ps_index_catch_up(struct ps_index *x, unsigned most, uint64_t *left);
/* Drops all and walks the folders; reports through progress(ctx, done). Folders that do not parse are counted in *bad
 * and named through bad_clip. */
int ps_index_rebuild(const char *root, uint64_t *done, uint64_t *bad,
                     void (*progress)(void *ctx, uint64_t done, const char *bad_path,
                                      const struct ps_why *why),
                     void *ctx, struct ps_why *why);

struct ps_index_query {
    const char *code;       /* exact value (case-insensitive), or NULL */
    const char *suffix;     /* last digits, at least 4, or NULL */
    int64_t from_ns, to_ns; /* started within; INT64_MIN / INT64_MAX for open */
    const char *operator_id, *kind;
    uint32_t flags;           /* one of these (archive/flags.h), or 0 */
    const char *const *names; /* one of these clips, or NULL: what is tagged or held is known elsewhere */
    unsigned n_names;
    unsigned limit; /* 0: no limit */
    uint64_t offset;
    unsigned budget_ms;     /* PS_ETIME after so long; 0: never */
    const char *clip;       /* this clip by name, "ST03-0000123", or NULL */
    const uint64_t *number; /* clips of this number (of one station there is one), or NULL */
};
struct ps_index_row { /* strings live until the next row */
    const char *clip; /* "ST03-0000123" */
    uint64_t number;
    const char *station, *path, *operator_id, *kind, *end_reason;
    const char *codes;  /* joined by one line feed, in order */
    const char *links;  /* what the merchant linked later, the same way */
    const char *tracks; /* file names joined by a line feed */
    const char *thumb;  /* the first original of the first track that has one, or "" */
    int64_t started_ns, ended_ns;
    uint32_t take;
    uint32_t flags; /* archive/flags.h */
};
/* Newest first. row() non-zero stops. Returns rows given or an error. */
int ps_index_find(struct ps_index *x, const struct ps_index_query *q,
                  int (*row)(void *ctx, const struct ps_index_row *r), void *ctx, struct ps_why *why);
/* How many started within. */
int ps_index_total(struct ps_index *x, int64_t from_ns, int64_t to_ns, uint64_t *n);
/* Earlier clips whose codes hold this value: for the duplicate warning. */
int ps_index_count(struct ps_index *x, const char *code, uint64_t *n);

#endif
