/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_REPORT_PACK_H
#define PS_REPORT_PACK_H
/*
 * The appeal pack: what a form takes that takes no bundle. Evidence card, stills, one small film, the text for a reason. All
 * of it copies, marked as such and never called intact.
 */
#include "evidence/verdict.h"
#include "report/document.h"
#include "report/profile.h"

struct ps_pack {
    const struct ps_document *d;
    const struct ps_verdict *v;
    const struct ps_tree *files;
    const char *prefix; /* of the clip in files */
    const struct ps_profile *profile;
    const struct ps_profile_reason *reason; /* or NULL: no text is written */
    const struct ps_buf *card;              /* the JPEG */
    const char *folder;                     /* made here; must not exist */
    /* What the merchant must look at before sending; called for each. May be NULL. */
    void (*note)(void *ctx, const char *zh, const char *en);
    int (*progress)(void *ctx, uint64_t done, uint64_t total);
    void *ctx;
};

/* PS_ELIMIT when the profile cannot be met, PS_EPERM when the clip is not intact (no appeal is made of it), PS_EEXIST,
 * PS_EIO, PS_ETIME when stopped; why tells. What was begun is removed then. */
int ps_pack_write(const struct ps_pack *k, struct ps_why *why);

#endif
