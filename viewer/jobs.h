/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_VIEWER_JOBS_H
#define PS_VIEWER_JOBS_H
/*
 * Exports, one after another: a thread that runs `packseal export` as a child, so that what a clerk gets is what the command line
 * gives, and packs what it made into one download below ROOT/viewer/exports. Downloads are copies: they go when the viewer starts,
 * and the oldest when there are many; the same export gives the same bundle again.
 */
#include "evidence/error.h"
#include <stdbool.h>
#include <stdint.h>

#define PS_JOBS 64         /* kept, whatever their state */
#define PS_JOBS_WAITING 16 /* more are refused */
#define PS_JOBS_CLIPS 64
#define PS_JOBS_SECONDS 7200

struct ps_job_ask {
    unsigned n_clips;
    char clip[PS_JOBS_CLIPS][40]; /* names, as ST03-0000123 */
    bool cut;                     /* an excerpt of the one clip */
    int64_t from_ms, to_ms;       /* in the clip */
    char profile[64], reason[64]; /* "" for none; [a-z0-9-]; a key of the profile, any text */
    bool report, page;
    bool chinese;
    char by[64];
};

enum ps_job_state { PS_JOB_WAITING, PS_JOB_RUNNING, PS_JOB_DONE, PS_JOB_FAILED };

struct ps_job {
    char id[17];
    enum ps_job_state state;
    unsigned percent;
    char error[512]; /* one line, of who failed */
    uint64_t bytes;  /* of the download */
    char name[64];   /* its file name, ASCII */
    char sha256[65]; /* of the bundle in it */
    int64_t leaf;    /* the bundle's entry in the ledger; -1: none, and `unledgered` says why */
    char unledgered[256];
    int64_t made_ns; /* asked for */
    struct ps_job_ask ask;
};

struct ps_jobs;
struct ps_viewer;

/* ROOT/viewer/exports is made, or emptied. v is borrowed. An export ends when there is no room for it (viewer/room.h). Owned by the caller: ps_jobs_free stops what runs. */
int ps_jobs_new(struct ps_jobs **out, const struct ps_viewer *v, struct ps_why *why);
void ps_jobs_free(struct ps_jobs *j);
/* PS_EFULL: too many wait. */
int ps_jobs_add(struct ps_jobs *j, const struct ps_job_ask *ask, char id[17]);
/* Newest first; returns how many. */
unsigned ps_jobs_list(struct ps_jobs *j, struct ps_job *out, unsigned max);
bool ps_jobs_get(struct ps_jobs *j, const char *id, struct ps_job *out);
/* The finished download; PS_ENOENT, PS_ESTATE when it is not finished. */
int ps_jobs_open(struct ps_jobs *j, const char *id, int *fd);

#endif
