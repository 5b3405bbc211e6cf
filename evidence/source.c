/* SPDX-License-Identifier: ISC */
#include "evidence/source.h"

#include <stdlib.h>
#include <string.h>

#include "evidence/error.h"
#include "evidence/sha256.h"

#define PIECE 65536

int ps_blob_read(const struct ps_blob *b, uint64_t off, void *buf, size_t n) {
    if (off > b->size || n > b->size - off)
        return PS_ESHORT;
    if (n == 0)
        return 0;
    return b->read(b->ctx, off, buf, n);
}

static int part_read(void *ctx, uint64_t off, void *buf, size_t n) {
    const struct ps_blob_part *p = ctx;
    return ps_blob_read(p->whole, p->off + off, buf, n);
}

int ps_blob_part(struct ps_blob *out, struct ps_blob_part *part, const struct ps_blob *whole, uint64_t off,
                 uint64_t n) {
    if (off > whole->size || n > whole->size - off)
        return PS_ESHORT;
    *part = (struct ps_blob_part){.whole = whole, .off = off};
    *out = (struct ps_blob){.ctx = part, .size = n, .read = part_read};
    return 0;
}

int ps_blob_load(const struct ps_blob *b, size_t max, uint8_t **out, size_t *n) {
    *out = NULL;
    *n = 0;
    if (b->size > max || max == SIZE_MAX)
        return PS_ELIMIT;
    size_t size = (size_t)b->size;
    uint8_t *p = malloc(size + 1);
    if (p == NULL)
        return PS_ENOMEM;
    int err = ps_blob_read(b, 0, p, size);
    if (err < 0) {
        free(p);
        return err;
    }
    p[size] = 0;
    *out = p;
    *n = size;
    return 0;
}

static int memory_read(void *ctx, uint64_t off, void *buf, size_t n) {
    memcpy(buf, (const uint8_t *)ctx + off, n);
    return 0;
}

struct ps_blob ps_blob_of_memory(const void *p, size_t n) {
    /* The callback takes a plain pointer for the sake of other sources; memory_read only reads. */
    return (struct ps_blob){.ctx = (void *)(uintptr_t)p, .size = n, .read = memory_read};
}

int ps_blob_sha256(const struct ps_blob *b, uint8_t out[32]) {
    uint8_t buf[PIECE];
    struct ps_sha256 h;
    ps_sha256_init(&h);
    for (uint64_t off = 0; off < b->size;) {
        size_t n = b->size - off < PIECE ? (size_t)(b->size - off) : PIECE;
        int err = ps_blob_read(b, off, buf, n);
        if (err < 0)
            return err;
        ps_sha256_update(&h, buf, n);
        off += n;
    }
    ps_sha256_final(&h, out);
    return 0;
}

int64_t ps_tree_find(const struct ps_tree *t, const char *name) {
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->name(t->ctx, i), name) == 0)
            return (int64_t)i;
    return PS_ENOENT;
}
