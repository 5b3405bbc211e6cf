/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_FILE_H
#define PS_SIGNER_FILE_H
/*
 * The few file operations that several parts need, whole or not at all.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* All n bytes at off. 0 or PS_EIO (errno is set; ENOSPC and the like included). */
int ps_file_write_at(int fd, const void *p, size_t n, uint64_t off);
/* Exactly n bytes from off. 0, PS_ESHORT or PS_EIO. */
int ps_file_read_at(int fd, void *p, size_t n, uint64_t off);
/* A new file with these bytes, durable with its folder's entry. PS_EEXIST when it is there: nothing is
 * overwritten. mode is set whatever the umask. */
int ps_file_create(int dir, const char *name, const void *p, size_t n, mode_t mode);
/* A small file: at most cap bytes. Returns the length, PS_ENOENT, PS_ELIMIT or PS_EIO. */
ssize_t ps_file_load(int dir, const char *name, void *p, size_t cap);
/* What errno means, in English. Unlike strerror it never looks for a translation, and thus never opens a file: fit
 * for behind the system call filter. */
const char *ps_file_error_text(void);

#endif
