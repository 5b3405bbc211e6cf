/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_SOURCE_H
#define PS_EVIDENCE_SOURCE_H
/*
 * Where evidence reads from: callbacks of the caller. The library does no I/O of its own.
 */
#include "evidence/limits.h"
#include <stddef.h>
#include <stdint.h>

/* A sequence of bytes of known size. */
struct ps_blob {
    void *ctx;
    uint64_t size;
    /* Reads exactly n bytes at off (off + n <= size is the caller's promise). 0 or PS_EIO. */
    int (*read)(void *ctx, uint64_t off, void *buf, size_t n);
};

/* Bounds-checked: PS_ESHORT past the end. */
int ps_blob_read(const struct ps_blob *b, uint64_t off, void *buf, size_t n);
/* A part of another blob; `part` keeps no memory but borrows whole. */
struct ps_blob_part {
    const struct ps_blob *whole;
    uint64_t off;
};
int ps_blob_part(struct ps_blob *out, struct ps_blob_part *part, const struct ps_blob *whole, uint64_t off,
                 uint64_t n);
/* The whole blob in memory (malloc, caller frees), one NUL added after it; PS_ELIMIT above max. */
int ps_blob_load(const struct ps_blob *b, size_t max, uint8_t **out, size_t *n);
/* A blob over memory, borrowed. */
struct ps_blob ps_blob_of_memory(const void *p, size_t n);
/* SHA-256 of all of it, in pieces of 64 KiB. */
int ps_blob_sha256(const struct ps_blob *b, uint8_t out[32]);

/* A flat set of named blobs: a clip folder or a bag. Names are relative, '/'-separated, ASCII. */
struct ps_tree {
    void *ctx;
    size_t n;                                              /* number of files */
    const char *(*name)(void *ctx, size_t i);              /* borrowed, never NULL for i < n */
    int (*open)(void *ctx, size_t i, struct ps_blob *out); /* borrowed from the tree until it is closed */
};
/* Index of a name (exact bytes), or PS_ENOENT. */
int64_t ps_tree_find(const struct ps_tree *t, const char *name);

#endif
