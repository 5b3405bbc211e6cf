/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_JUDGED_H
#define PS_ARCHIVE_JUDGED_H
/*
 * The verdict over a clip where it lies, with what a bundle of it would bring along: proofs out of the ledger, tokens. It is the
 * checker's own verdict (evidence/verdict.h) over the bytes on disk, made now; nothing is copied, written or remembered.
 */
#include "evidence/verdict.h"
#include <jansson.h>

struct ps_judged {
    const char *root, *path;      /* the clip's folder, relative to the root */
    const struct ps_trust *trust; /* NULL: every key is unknown */
    /* As in struct ps_verdict_input: non-zero stops with PS_ETIME. May be NULL. */
    int (*progress)(void *ctx, uint64_t done, uint64_t total);
    void *ctx;
};

/* 0 with *v filled, whatever the verdict: ps_verdict_free. PS_ENOENT, PS_ENOMEM, PS_ETIME, PS_EIO with why. */
int ps_judged_clip(struct ps_verdict *v, const struct ps_judged *j, struct ps_why *why);
/* ROOT/public/trust; PS_ENOENT, PS_EFORMAT with why. Free with ps_trust_free. */
int ps_judged_trust(struct ps_trust *trust, const char *root, struct ps_why *why);
/* A verdict for programs: content, and of a clip key, time, ledger, witnesses, container, signer; problems, problems_more.
 * NULL without memory. */
json_t *ps_judged_json(const struct ps_verdict *v, bool bundle);
/* The key that signed, as minisign writes it; "" when no signature verified. */
void ps_judged_signer(const struct ps_verdict *v, char out[57]);

#endif
