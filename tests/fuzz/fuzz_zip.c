/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a zip: entries lie inside, one after the other, under names that are allowed, and no two alike. */
#include <stdlib.h>
#include <string.h>

#include "evidence/zip.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ps_blob b = ps_blob_of_memory(data, size), f;
    struct ps_zip z;
    struct ps_why why;
    uint8_t digest[32];
    uint64_t end = 0;
    (void)ps_zip_name_ok((const char *)data, size);
    if (ps_zip_open(&z, &b, &why) < 0)
        return 0;
    struct ps_tree t = ps_zip_tree(&z);
    for (size_t i = 0; i < t.n; i++) {
        const char *name = t.name(t.ctx, i);
        if (ps_zip_name_ok(name, strlen(name)) < 0 || ps_tree_find(&t, name) != (int64_t)i)
            abort();
        if (z.entries[i].offset < end || t.open(t.ctx, i, &f) < 0 || ps_blob_sha256(&f, digest) < 0)
            abort();
        end = z.entries[i].offset + z.entries[i].size;
    }
    ps_zip_free(&z);
    return 0;
}
