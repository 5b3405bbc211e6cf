/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "evidence/source.h"

#include <stdlib.h>
#include <string.h>

#include "evidence/error.h"
#include "evidence/sha256.h"
#include "tests/unit/tap.h"

static int asked; /* reads of the failing source */

static int fails(void *ctx, uint64_t off, void *buf, size_t n) {
    (void)ctx;
    (void)off;
    (void)buf;
    (void)n;
    asked++;
    return PS_EIO;
}

/* Byte i is i * 7; no memory behind it. */
static int counting(void *ctx, uint64_t off, void *buf, size_t n) {
    (void)ctx;
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)buf)[i] = (uint8_t)((off + i) * 7);
    return 0;
}

static void test_read(void) {
    uint8_t buf[16] = {0};
    struct ps_blob b = ps_blob_of_memory("0123456789", 10);
    tap_is_int(ps_blob_read(&b, 3, buf, 4), 0, "inside");
    tap_is_mem(buf, "3456", 4, "the bytes asked for");
    tap_is_int(ps_blob_read(&b, 10, buf, 0), 0, "nothing at the end");
    tap_is_int(ps_blob_read(&b, 9, buf, 2), PS_ESHORT, "over the end");
    tap_is_int(ps_blob_read(&b, 11, buf, 0), PS_ESHORT, "nothing behind the end");
    tap_is_int(ps_blob_read(&b, UINT64_MAX, buf, 2), PS_ESHORT, "a sum that would wrap");
    struct ps_blob bad = {.size = 10, .read = fails};
    tap_is_int(ps_blob_read(&bad, 11, buf, 1), PS_ESHORT, "a source is not asked for what it has not");
    tap_is_int(asked, 0, "indeed not asked");
    tap_is_int(ps_blob_read(&bad, 1, buf, 1), PS_EIO, "its failure is handed on");
}

static void test_part(void) {
    uint8_t buf[4];
    struct ps_blob whole = ps_blob_of_memory("0123456789", 10), p, q;
    struct ps_blob_part part, inner;
    tap_is_int(ps_blob_part(&p, &part, &whole, 2, 6), 0, "a part");
    tap_is_int(ps_blob_part(&q, &inner, &p, 1, 3), 0, "a part of a part");
    tap_is_int(ps_blob_read(&q, 0, buf, 3), 0, "is read");
    tap_is_mem(buf, "345", 3, "at the right place");
    tap_is_int(ps_blob_read(&q, 1, buf, 3), PS_ESHORT, "and not past its end");
    tap_is_int(ps_blob_part(&p, &part, &whole, 2, 9), PS_ESHORT, "no part past the end");
    tap_is_int(ps_blob_part(&p, &part, &whole, UINT64_MAX, 9), PS_ESHORT, "no sum that wraps");
}

static void test_load(void) {
    uint8_t *p;
    size_t n;
    struct ps_blob b = ps_blob_of_memory("0123456789", 10), huge = {.size = UINT64_MAX, .read = counting};
    tap_is_int(ps_blob_load(&b, 10, &p, &n), 0, "loaded");
    tap_ok(n == 10 && strcmp((char *)p, "0123456789") == 0, "with a NUL behind");
    free(p);
    tap_is_int(ps_blob_load(&b, 9, &p, &n), PS_ELIMIT, "above the maximum");
    tap_ok(p == NULL && n == 0, "nothing is given then");
    tap_is_int(ps_blob_load(&huge, SIZE_MAX, &p, &n), PS_ELIMIT, "a size that no memory holds");
    struct ps_blob bad = {.size = 10, .read = fails};
    tap_is_int(ps_blob_load(&bad, 10, &p, &n), PS_EIO, "a failure is handed on");
}

static void test_sha256(void) {
    enum { SIZE = 200001 };
    uint8_t got[32], want[32], *all = malloc(SIZE);
    struct ps_blob b = {.size = SIZE, .read = counting};
    counting(NULL, 0, all, SIZE);
    ps_sha256(want, all, SIZE);
    tap_is_int(ps_blob_sha256(&b, got), 0, "digest of several pieces");
    tap_is_mem(got, want, 32, "as in one");
    b = ps_blob_of_memory("", 0);
    ps_sha256(want, "", 0);
    tap_is_int(ps_blob_sha256(&b, got), 0, "digest of nothing");
    tap_is_mem(got, want, 32, "as it should be");
    struct ps_blob bad = {.size = 10, .read = fails};
    tap_is_int(ps_blob_sha256(&bad, got), PS_EIO, "a failure is handed on");
    free(all);
}

int main(void) {
    test_read();
    test_part();
    test_load();
    test_sha256();
    return tap_done();
}
