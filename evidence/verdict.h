/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_VERDICT_H
#define PS_EVIDENCE_VERDICT_H
/*
 * Four questions, never one lamp (docs/FORMAT.md section 9).
 */
#include "evidence/error.h"
#include "evidence/note.h"
#include "evidence/source.h"
#include "evidence/statement.h"
#include "evidence/trust.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From the best to the worst: of two problems the later value wins. */
enum ps_content {
    PS_CONTENT_INTACT,
    PS_CONTENT_EXCERPT,
    PS_CONTENT_INCOMPLETE,
    PS_CONTENT_ALTERED,
    PS_CONTENT_UNSIGNED,
    PS_CONTENT_UNREADABLE
};
enum ps_key_verdict { PS_KEY_TRUSTED, PS_KEY_UNKNOWN, PS_KEY_REVOKED, PS_KEY_EXPIRED };
enum ps_time_basis { PS_TIME_BOUNDED, PS_TIME_NOT_AFTER, PS_TIME_NOT_BEFORE, PS_TIME_SELF };
enum ps_ledger_verdict { PS_LEDGER_INCLUDED, PS_LEDGER_ABSENT, PS_LEDGER_INCONSISTENT };
enum ps_container { PS_CONTAINER_AS_RECORDED, PS_CONTAINER_REMUXED, PS_CONTAINER_UNKNOWN };

struct ps_problem {
    const char *code; /* constant, e.g. "segment-missing", "segment-altered", "statement-signature" */
    char where[128];  /* "top.mp4 segment 3 (00:06.000-00:08.000)" */
    char text[256];
};

struct ps_verdict_witness { /* one of the caller's that cosigned the checkpoint of the proofs */
    char name[PS_NOTE_NAME + 1];
    int64_t time_ns; /* its time, in whole seconds; INT64_MIN when that is none */
};

struct ps_verdict {
    enum ps_content content;
    enum ps_key_verdict key;
    enum ps_time_basis time;
    enum ps_ledger_verdict ledger;
    enum ps_container container;         /* the worst of the tracks */
    int64_t not_before_ns, not_after_ns; /* INT64_MIN / INT64_MAX when there is no bound */
    struct ps_clip *clip;                /* NULL when there is no readable statement; owned */
    struct ps_pubkey signer;             /* the key that signed, zeros when none verified */
    unsigned n_witnesses; /* in the order of the caller's trust; none unless the clip is included */
    struct ps_verdict_witness witnesses[PS_NOTE_SIGNATURES];
    size_t n_problems, n_more; /* kept and not kept */
    struct ps_problem problems[PS_MAX_PROBLEMS];
};

/* The files of one clip: names as in the clip folder (clip.json, clip.json.minisig, top.mp4, originals/…). */
struct ps_verdict_input {
    const struct ps_tree *files;
    const char *prefix; /* of the clip inside the tree: "" or "packseal-…/data/ST03-0000123/" */
    const char *
        bundle; /* where tokens/ and keys/ lie in the tree: "packseal-…/data/"; NULL for a clip folder alone */
    const struct ps_trust *trust; /* NULL: every key is unknown */
    /* Called between pieces of work with bytes done and bytes to do; non-zero stops with PS_ETIME. May be NULL. */
    int (*progress)(void *ctx, uint64_t done, uint64_t total);
    void *progress_ctx;
    /* Runs a(a_arg) in this thread and, if one is to spare, b(b_arg) in another at the same time; returns when both have
     * ended. b helps a, and ends with it: never b alone or first. Meanwhile the tree's blobs are read from both sides, no
     * blob opened twice; files->open, progress and what else is the caller's are called by this thread alone. NULL: one
     * thread does it all. */
    void (*both)(void *ctx, void (*a)(void *), void *a_arg, void (*b)(void *), void *b_arg);
    void *both_ctx;
};

/* Judges one clip. 0 with *v filled whatever the verdict (unreadable included); negative only on PS_ENOMEM,
 * or PS_ETIME. */
int ps_verdict_clip(struct ps_verdict *v, const struct ps_verdict_input *in);
/* The same for a lone film without a statement: unsigned or unreadable. */
int ps_verdict_film(struct ps_verdict *v, const struct ps_blob *film);
/* Makes the content answer worse, never better. */
void ps_verdict_worsen(struct ps_verdict *v, enum ps_content c);
void ps_verdict_free(struct ps_verdict *v);
void ps_verdict_problem(struct ps_verdict *v, const char *code, const char *where, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Words, English ("intact") and zh-CN ("完好"). */
const char *ps_verdict_content(enum ps_content c, bool zh);
const char *ps_verdict_key(enum ps_key_verdict k, bool zh);
const char *ps_verdict_time(enum ps_time_basis t, bool zh);
const char *ps_verdict_ledger(enum ps_ledger_verdict l, bool zh);
const char *ps_verdict_container(enum ps_container c);
/* zh-CN for a problem's code, "" when it is not known. */
const char *ps_verdict_problem_zh(const char *code);
/* What no verdict proves: always these five sentences. */
#define PS_VERDICT_LIMITS 5
const char *ps_verdict_limit(unsigned i, bool zh);

/* 0 intact or excerpt and key trusted; 1 altered, incomplete, unsigned, inconsistent, revoked, expired, or
 * bounds in the wrong order; 2 cannot judge; 3 intact or excerpt, key unknown. */
int ps_verdict_exit(const struct ps_verdict *v);
/* The worst of several, in the order 1, 2, 3, 0. */
int ps_verdict_worst(int a, int b);

#endif
