/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_VERIFY_POOL_H
#define PS_CLI_VERIFY_POOL_H
/*
 * Many paths judged by several threads, and answered in the order in which they were given. What is in memory at any time
 * is bounded, however many paths there are: few paths are ahead of the one whose turn it is to be answered, and one with
 * much to say waits for its turn.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define PS_VERIFY_POOL_MOST 256 /* threads */

struct ps_verify_pool;

/* One path in work. */
struct ps_verify_pool_job {
    struct ps_verify_pool *pool;
    const char *path;
    FILE *out, *err; /* to be written to standard output and error when it is this path's turn */
    uint64_t size;   /* bytes of the file; 0: not known */
    /* The pool's own. */
    uint64_t seq, earlier, now, counted;
    char *out_text, *err_text;
    size_t out_size, err_size;
};

struct ps_verify_pool_spec {
    unsigned jobs; /* threads that judge at one time, 1 to PS_VERIFY_POOL_MOST */
    uint64_t n;    /* paths, when that is known: no more threads than these; else 0 */
    bool progress; /* on standard error, while it lasts */
    /* The next path, borrowed until it is freed: malloc, freed by the pool. NULL at the end. One thread at a time. */
    char *(*next)(void *ctx);
    /* How much of the list was taken so far, 0 to 1; negative: not known. */
    double (*taken)(void *ctx);
    /* Judges job->path and returns an exit status. */
    int (*judge)(void *ctx, struct ps_verify_pool_job *job);
    void *next_ctx, *judge_ctx;
};

/* The worst exit status in the order of ps_verdict_worst, or -1 when there was no path. Ends early when standard output
 * cannot be written; that is for the caller to look at. */
int ps_verify_pool_run(const struct ps_verify_pool_spec *spec);

/* For the judge: after each answer; may wait for the path's turn. */
void ps_verify_pool_answered(struct ps_verify_pool_job *job);
/* For struct ps_judge, with the job as context: progress, and b beside a while a thread is to spare, else a alone. */
int ps_verify_pool_progress(void *job, uint64_t done, uint64_t total);
void ps_verify_pool_both(void *job, void (*a)(void *), void *a_arg, void (*b)(void *), void *b_arg);

#endif
