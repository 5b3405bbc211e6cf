/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_STORE_H
#define PS_ARCHIVE_STORE_H
/*
 * Clip folders on disk: atomic publication, nothing overwritten (docs/FORMAT.md sections 1 and 10).
 */
#include "archive/root.h"
#include "evidence/statement.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes ROOT's folders (2750, clips and run included) where missing. */
int ps_store_init(const char *root, struct ps_why *why);

/* A new folder clips/.part/ID (ID random), with originals/ inside. Gives an open O_DIRECTORY fd and the id. */
int ps_store_part_new(const char *root, char id[40], int *dirfd, struct ps_why *why);
/* Ids of all half-done clips, sorted by age. Calls found() for each. */
int ps_store_part_each(const char *root, int (*found)(void *ctx, const char *id), void *ctx);
int ps_store_part_open(const char *root, const char *id, int *dirfd, struct ps_why *why);
/* Renames .part/ID to clips/YYYY/MM/DD/NAME (UTC day of started), fsyncs files, folder and parents. PS_EEXIST when that
 * clip is there; where it is one of another ledger, whose numbers were the same, the next day's folder is taken. path gets
 * the final folder relative to ROOT. Writes nothing else. */
int ps_store_publish(const char *root, const char *id, const struct ps_clip *clip, char path[PS_ROOT_PATH],
                     struct ps_why *why);
/* Moves a half-done folder that holds nothing to seal to clips/.aborted/ID (kept, never deleted here). */
int ps_store_part_abandon(const char *root, const char *id, struct ps_why *why);

/* Writes a small file in a folder: O_EXCL|O_NOFOLLOW, fsync, 0640. */
int ps_store_write_file(int dirfd, const char *name, const void *p, size_t n, struct ps_why *why);
/* Reads a small file (malloc, caller frees, NUL added). */
int ps_store_read_file(int dirfd, const char *name, size_t max, uint8_t **out, size_t *n, struct ps_why *why);

/* Walks all published clips, oldest day first: found(ctx, path relative to ROOT, folder name). Non-zero stops. */
int ps_store_each(const char *root, int (*found)(void *ctx, const char *path, const char *name), void *ctx);
/* The same for what is kept of clips that were removed (archive/removal.h); none is no error. */
int ps_store_each_removed(const char *root, int (*found)(void *ctx, const char *path, const char *name),
                          void *ctx);
/* "ST03-0000123"? */
bool ps_store_is_clip_name(const char *s);
/* Loads and strictly parses clip.json of a published folder. */
int ps_store_load(const char *root, const char *path, struct ps_clip **out, struct ps_why *why);
/* Free bytes of the file system that holds ROOT, for this user. */
int ps_store_free_bytes(const char *root, uint64_t *bytes);
/* Bytes of that file system in all. */
int ps_store_disk_bytes(const char *root, uint64_t *bytes);

#endif
