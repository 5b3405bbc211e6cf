/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_BUNDLE_H
#define PS_ARCHIVE_BUNDLE_H
/*
 * Writes the bundle (docs/FORMAT.md section 11): a stored zip of a BagIt bag. The zip writer is ours because a checker
 * refuses data descriptors and local headers unlike central ones, and libarchive writes both for stored entries.
 */
#include "archive/cut.h"
#include "archive/root.h"
#include <stdint.h>

struct ps_bundle_extra { /* a file for people, below data/; nothing vouches for it */
    char folder[80];     /* "report/ST03-0000123" */
    const char *name;
    const void *p;
    size_t n;
};

struct ps_bundle_spec {
    const char *root;
    const char *const *paths; /* clip folders relative to root */
    unsigned n;
    const char *const *intakes; /* folders of photographs that were taken in, relative to root */
    unsigned n_intakes;
    const struct ps_cut *cut; /* of the only clip: an excerpt instead of all of it; NULL: whole clips */
    const struct ps_bundle_extra *extra;
    unsigned n_extra;
    const char *out; /* final name; must not exist; written as out.part and renamed after fsync */
};
/* progress(ctx, done bytes, total bytes) may be NULL; non-zero stops with PS_ETIME and removes out.part. */
int ps_bundle_write(const struct ps_bundle_spec *s, int (*progress)(void *ctx, uint64_t done, uint64_t total),
                    void *ctx, struct ps_why *why);

#endif
