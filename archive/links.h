/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_LINKS_H
#define PS_ARCHIVE_LINKS_H
/*
 * Numbers that were learned after a clip was sealed (docs/FORMAT.md section 4.4): ROOT/links/CLIP/INDEX holds the number and
 * the salt of a link leaf. They are the merchant's entries: the clip's own statement knows nothing of them.
 */
#include "archive/root.h"
#include "evidence/limits.h"
#include <stdint.h>

#define PS_LINKS_FOLDER "links"
#define PS_LINKS_MOST 64 /* of one clip */

struct ps_link {
    char clip[40]; /* "ST03-0000123" */
    char number[PS_MAX_CODE + 1];
    uint8_t salt[16], ledger_key[32];
    uint64_t leaf; /* index of the entry */
    int64_t at_ns; /* the station's clock */
};

/* SHA-256("packseal/link/v1\0" ‖ salt ‖ str number). */
int ps_links_digest(const struct ps_link *l, uint8_t out[32]);
/* A new one appears whole; PS_EEXIST when that entry has a file. */
int ps_links_put(const char *root, const struct ps_link *l, struct ps_why *why);
/* Those of a clip, by the order of their entries; files that do not read are passed over. Returns how many, at most `most`. */
unsigned ps_links_of(const char *root, const char *clip, struct ps_link *out, unsigned most);
/* Every file of every clip, in no order. path is relative to root; l is NULL where the file does not read as the link that its place and
 * name say. What is being written is passed over. No folder is no error. PS_EIO: it cannot be looked through. */
int ps_links_each(const char *root, void (*on_file)(void *ctx, const char *path, const struct ps_link *l),
                  void *ctx);
/* Takes away all links of a clip: somebody in it asked for that. None is no error. */
int ps_links_drop(const char *root, const char *clip, struct ps_why *why);

#endif
