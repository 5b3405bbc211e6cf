/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any files as a bag. The input is a list of files: a line with a name, a line with a number of bytes, the bytes.
 * So a fuzzer can change manifests without minding a zip's structure.
 */
#include <stdlib.h>
#include <string.h>

#include "evidence/bag.h"
#include "evidence/verdict.h"
#include "tests/fuzz/fuzz.h"

#define MOST 64

struct files {
    size_t n;
    char name[MOST][300];
    const uint8_t *p[MOST];
    size_t size[MOST];
};

static const char *name_of(void *ctx, size_t i) {
    return ((struct files *)ctx)->name[i];
}

static int open_one(void *ctx, size_t i, struct ps_blob *out) {
    struct files *f = ctx;
    *out = ps_blob_of_memory(f->p[i], f->size[i]);
    return 0;
}

/* A line's length without its end, or the rest. */
static size_t line(const uint8_t *p, size_t n) {
    const uint8_t *end = n > 0 ? memchr(p, '\n', n) : NULL;
    return end != NULL ? (size_t)(end - p) : n;
}

static void split(struct files *f, const uint8_t *p, size_t n) {
    for (f->n = 0; f->n < MOST && n > 0; f->n++) {
        size_t len = line(p, n), use = len < sizeof f->name[0] ? len : sizeof f->name[0] - 1, size = 0;
        memcpy(f->name[f->n], p, use);
        f->name[f->n][use] = 0;
        len += len < n;
        p += len;
        n -= len;
        len = line(p, n);
        for (size_t i = 0; i < len && i < 6 && p[i] >= '0' && p[i] <= '9'; i++)
            size = size * 10 + (size_t)(p[i] - '0');
        len += len < n;
        p += len;
        n -= len;
        size = size < n ? size : n;
        f->p[f->n] = p;
        f->size[f->n] = size;
        p += size;
        n -= size;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct files f;
    static struct ps_verdict v;
    struct ps_bag bag;
    struct ps_why why;
    split(&f, data, size);
    struct ps_tree t = {.ctx = &f, .n = f.n, .name = name_of, .open = open_one};
    struct ps_verdict_input in = {.files = &t, .prefix = ""};
    if (ps_verdict_clip(&v, &in) == 0)
        ps_verdict_free(&v);
    if (ps_bag_open(&bag, &t, &why) < 0)
        return 0;
    for (size_t i = 0; i < bag.n; i++) {
        int err = ps_bag_check(&bag, i);
        if ((err == PS_ENOENT) != (bag.entries[i].file == PS_BAG_MISSING) ||
            strncmp(bag.entries[i].name, "data/", 5) != 0)
            abort();
    }
    for (size_t i = 0; i < bag.n_unlisted; i++)
        if (bag.unlisted[i] >= f.n)
            abort();
    ps_bag_free(&bag);
    return 0;
}
