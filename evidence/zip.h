/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_ZIP_H
#define PS_EVIDENCE_ZIP_H
/*
 * Strict reading of a stored zip (APPNOTE 6.3.10, with ZIP64). Refused: compression, encryption, data
 * descriptors, links and special files, folders as entries, comments, prefix, gaps, trailing bytes, local
 * headers unlike the central ones, duplicate, case-colliding or non-ASCII names, absolute names, "..", '\'.
 */
#include "evidence/error.h"
#include "evidence/source.h"
#include <stddef.h>
#include <stdint.h>

struct ps_zip_entry {
    char name[PS_MAX_ZIP_NAME + 1];
    uint64_t offset; /* of the data */
    uint64_t size;
    uint32_t crc32; /* as stated; SHA-256 manifests are what is checked */
};

struct ps_zip {
    const struct ps_blob *file; /* borrowed */
    struct ps_zip_entry *entries;
    struct ps_blob_part *parts;
    size_t n;
};

int ps_zip_open(struct ps_zip *out, const struct ps_blob *file, struct ps_why *why);
void ps_zip_free(struct ps_zip *z);
/* The entries as a tree; borrows z. */
struct ps_tree ps_zip_tree(struct ps_zip *z);
/* The rules for names alone, as other readers of trees need them: 0 or PS_EFORMAT. */
int ps_zip_name_ok(const char *name, size_t n);

#endif
