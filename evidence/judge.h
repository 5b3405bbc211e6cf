/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_JUDGE_H
#define PS_EVIDENCE_JUDGE_H
/*
 * Judges whatever one is handed: a bundle as a zip or unpacked, a clip's folder, a lone film (docs/FORMAT.md sections 9
 * and 11). One answer for each clip, and one for the bundle itself where something concerns none of its clips. This is
 * the door for a platform's program; docs/examples/verify-bundle.c goes through it.
 *
 * Bytes come through callbacks (source.h), answers go through another; there is no I/O, no printing and no thread of its
 * own. Calls that share nothing but the trust may run at the same time.
 */
#include "evidence/verdict.h"
#include <stdbool.h>

struct ps_judge_answer {
    const char
        *clip;   /* "ST03-0000123" as stated, else its folder in the bundle; "" of what is not told apart */
    bool bundle; /* of the bundle itself: only content and problems */
    struct ps_verdict *v; /* borrowed until the callback returns, which may add problems of its own */
};

struct ps_judge {
    const struct ps_trust *trust; /* NULL: every key is unknown */
    /* Non-zero stops with PS_ETIME. Not NULL. */
    int (*answer)(void *ctx, const struct ps_judge_answer *a);
    void *answer_ctx;
    /* As in struct ps_verdict_input, clip by clip; both may be NULL. */
    int (*progress)(void *ctx, uint64_t done, uint64_t total);
    void *progress_ctx;
    void (*both)(void *ctx, void (*a)(void *), void *a_arg, void (*b)(void *), void *b_arg);
    void *both_ctx;
};

/* A file, by its first bytes, else by the end of `name`: a torn zip is still to be called a zip. What is wrong with it is
 * an answer, too. 0 after the last answer; else PS_ENOMEM, PS_ETIME, or PS_EIO when its first bytes cannot be read. */
int ps_judge_file(const struct ps_judge *j, const struct ps_blob *file, const char *name);
/* A clip's folder or an unpacked bundle. 0, PS_ENOMEM, PS_ETIME. */
int ps_judge_tree(const struct ps_judge *j, const struct ps_tree *tree);
/* The exit status that an answer stands for (docs/FORMAT.md section 9); combine with ps_verdict_worst. */
int ps_judge_exit(const struct ps_judge_answer *a);

#endif
