/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_BAG_H
#define PS_EVIDENCE_BAG_H
/*
 * A BagIt bag (RFC 8493) inside a tree: bagit.txt, manifest-sha256.txt, tagmanifest-sha256.txt, data/…
 * All in one base folder (or at the root). fetch.txt and other manifests are refused.
 */
#include "evidence/error.h"
#include "evidence/source.h"
#include <stddef.h>
#include <stdint.h>

struct ps_bag_entry {
    char name[PS_MAX_ZIP_NAME + 1]; /* below the base folder */
    uint8_t sha256[32];
    size_t file; /* index in the tree, or PS_BAG_MISSING */
};
#define PS_BAG_MISSING SIZE_MAX

struct ps_bag {
    const struct ps_tree *tree;     /* borrowed */
    char base[PS_MAX_ZIP_NAME + 1]; /* "" or "name/" */
    struct ps_bag_entry *entries;   /* of manifest-sha256.txt, all below data/ */
    size_t n;
    size_t *unlisted; /* files of the tree that no manifest names */
    size_t n_unlisted;
    struct ps_bag_entry *tags; /* of tagmanifest-sha256.txt that are missing or have another digest */
    size_t n_tags;
};

/* Reads the manifests and checks the tag files' digests. What is missing, unlisted or another tag file is told in
 * *out and is no failure: the bag can be judged. Payload digests are checked by ps_bag_check, file by file. */
int ps_bag_open(struct ps_bag *out, const struct ps_tree *tree, struct ps_why *why);
void ps_bag_free(struct ps_bag *b);
/* 0, PS_ESIG when the digest differs, PS_EIO. */
int ps_bag_check(const struct ps_bag *b, size_t entry);

#endif
