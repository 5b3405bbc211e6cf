/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_FILES_H
#define PS_ARCHIVE_FILES_H
/*
 * Files and folders of this machine as sources of evidence (evidence/source.h), for files that nobody vouches for:
 * below the path that the user named no symbolic link is followed, and what is neither a plain file nor a folder is
 * refused. The path itself may be a link: the user chose it.
 */
#include "evidence/error.h"
#include "evidence/source.h"
#include <stdbool.h>

struct ps_files;

/* A folder with all below it, or one plain file (a tree of one, named as its last part). Bounds: PS_MAX_ZIP_ENTRIES
 * files, 8 folders deep. why->where is the path. Free with ps_files_close; blobs and tree live as long. Two
 * threads may read and open at once. */
int ps_files_open(struct ps_files **out, const char *path, struct ps_why *why);
void ps_files_close(struct ps_files *f);
/* True when the path was a folder. */
bool ps_files_is_folder(const struct ps_files *f);
struct ps_tree ps_files_tree(struct ps_files *f);
/* A file that is open already, as a blob; *fd is borrowed and read where it stands. */
struct ps_blob ps_files_blob(int *fd, uint64_t size);

#endif
