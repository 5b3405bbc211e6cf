/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_VERDICT_INTERNAL_H
#define PS_EVIDENCE_VERDICT_INTERNAL_H
/*
 * Shared by verdict.c (statement, signature, files), verdict_film.c (one film's pictures), verdict_team.c (who reads what,
 * when there are two threads), verdict_align.c (which segment is where), verdict_ledger.c (proofs), verdict_time.c
 * (tokens), verdict_key.c (who is believed), verdict_excerpt.c (what an excerpt leaves out) and judge.c.
 * Nobody else includes this.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "evidence/excerpt.h"
#include "evidence/mp4.h"
#include "evidence/verdict.h"

/* What one thread reads with. */
struct ps_verdict_hand {
    uint8_t *buf;
    size_t cap;
    uint64_t window; /* where in the film buf begins, */
    size_t held;     /* and how many bytes of it are there */
    bool beside;     /* this is the helper's */
};

/* The digest of a file of the tree, worked out at most once, however many rules ask for it. */
struct ps_verdict_digest {
    enum { PS_VERDICT_FREE, PS_VERDICT_TAKEN, PS_VERDICT_KNOWN } state;
    int err; /* why there is none */
    uint8_t sha256[32];
};

#define PS_VERDICT_EARLY 64

/* A file that the helper may digest as soon as it is there. */
struct ps_verdict_early {
    size_t file;
    struct ps_blob blob;
    bool wanted;      /* a rule has asked for it; the judging thread's own */
    atomic_bool drop; /* none will */
};

/* The judging thread and its helper; all under the lock but early, which is filled before there are two. */
struct ps_verdict_team {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    bool here, closed; /* the helper has come; is to leave */
    struct ps_verdict_early early[PS_VERDICT_EARLY];
    unsigned n_early;
    /* The pieces of the film in work: n of them, those below next are taken by somebody. */
    int (*piece)(void *ctx, struct ps_verdict_hand *h, uint32_t i);
    void *ctx;
    uint32_t next, n;
    unsigned busy;
    int err;
};

struct ps_verdict_job {
    struct ps_verdict *v;
    const struct ps_verdict_input *in;
    int (*judge)(struct ps_verdict_job *j); /* what the judging thread does */
    int err;                                /* what came of it */
    uint8_t statement[32];                  /* SHA-256 of clip.json */
    struct ps_excerpt *excerpt;             /* NULL: the whole clip is here; freed by verdict.c */
    uint64_t done, total;                   /* bytes read and to be read, for progress */
    uint64_t told;                          /* done when progress was last called */
    atomic_ullong beside;                   /* bytes done by the helper */
    atomic_bool stop;                       /* it is to give up */
    struct ps_verdict_digest *digests;      /* one for each file of the tree */
    struct ps_verdict_hand hand;            /* of the judging thread */
    struct ps_verdict_team team;
    /* Of each original: it is to be judged. Of each film: the file of the tree that has to have the statement's digest, or
     * -1. */
    bool original[PS_MAX_ORIGINALS];
    int64_t film[PS_MAX_TRACKS];
};

/* What a segment of the film is among the records of its track. */
enum ps_verdict_match {
    PS_VERDICT_NONE,   /* no record has these pictures */
    PS_VERDICT_TIMING, /* its pictures, but with other times */
    PS_VERDICT_FULL
};

struct ps_verdict_gop {
    uint32_t first, frames; /* samples of the film */
    uint64_t bytes, start, duration;
    uint32_t nal; /* the first sample that holds other NAL units than it may, or UINT32_MAX */
    bool hashed;  /* the digests below are there */
    uint8_t timing[32], samples[32];
    enum ps_verdict_match match;
    uint32_t seq;  /* of the record that matches */
    bool again;    /* that record was matched before */
    bool in_order; /* part of the longest run of rising seq */
};

/* The records of one track, decoded, and sorted for search. */
struct ps_verdict_records {
    struct ps_record *r; /* by seq */
    uint32_t *sorted;    /* seqs by bytes, frames, samples, duration, timing, seq */
    bool *found;         /* by seq */
    uint32_t n;
    bool excerpt;        /* the film holds this run alone, and whatever else it holds is too much */
    uint32_t first, end; /* the run: seqs; all of them when it is no excerpt */
};

/* Bytes done by that hand; PS_ETIME when the caller wants to stop. */
int ps_verdict_step(struct ps_verdict_job *j, const struct ps_verdict_hand *h, uint64_t bytes);
/* Room for n bytes in h->buf, which then holds nothing. */
int ps_verdict_room(struct ps_verdict_hand *h, size_t n);
/* Adds the bytes from..to-1 of a blob. drop (may be NULL) ends it with PS_ETIME. */
int ps_verdict_hash(struct ps_verdict_job *j, struct ps_verdict_hand *h, const struct ps_blob *b,
                    uint64_t from, uint64_t to, struct ps_sha256 *sum, const atomic_bool *drop);

/* Before and after all that follows. 0 or PS_ENOMEM. */
int ps_verdict_team_begin(struct ps_verdict_job *j);
void ps_verdict_team_end(struct ps_verdict_job *j);
/* Runs j->judge, with a helper beside it where the caller lends a thread and the clip is worth it. */
int ps_verdict_team_run(struct ps_verdict_job *j);
/* No helper has come (yet): who reads a film may as well do it once for all. */
bool ps_verdict_team_alone(struct ps_verdict_job *j);
/* Does piece(ctx, hand, 0..n-1), by both threads, in no order. The first error ends it. */
int ps_verdict_team_share(struct ps_verdict_job *j, uint32_t n,
                          int (*piece)(void *ctx, struct ps_verdict_hand *h, uint32_t i), void *ctx);
/* A file that is open already, or NULL: while there are two threads it is not opened again. */
const struct ps_blob *ps_verdict_team_blob(const struct ps_verdict_job *j, size_t file);
/* The helper need not digest this file. */
void ps_verdict_team_drop(struct ps_verdict_job *j, size_t file);

/* Works the digest out unless somebody has or does. What came of it is in j->digests, at the latest when the team has
 * ended; PS_ETIME and PS_ENOMEM alone are returned. */
int ps_verdict_digest(struct ps_verdict_job *j, size_t file, const struct ps_blob *b);
/* The same in two halves, for who reads the file anyway: true when nobody has it; then give it, or the error. */
bool ps_verdict_digest_take(struct ps_verdict_job *j, size_t file);
void ps_verdict_digest_put(struct ps_verdict_job *j, size_t file, struct ps_sha256 *sum, int err);

/* ps_verdict_clip, with one digest for each file of the tree: what is known of them, before and after. */
int ps_verdict_clip_known(struct ps_verdict *v, const struct ps_verdict_input *in,
                          struct ps_verdict_digest *digests);
/* As a verdict is before anything is known. */
void ps_verdict_start(struct ps_verdict *v);
/* Index in the tree of a file of the clip; PS_ENOENT when there is none. */
int64_t ps_verdict_find(struct ps_verdict_job *j, const char *name);
/* Opens it. */
int ps_verdict_open(struct ps_verdict_job *j, const char *name, struct ps_blob *out);
/* A small file of the clip (malloc, NUL added); PS_ENOENT when there is none. */
int ps_verdict_load(struct ps_verdict_job *j, const char *name, size_t max, uint8_t **p, size_t *n);
/* The two proofs: sets v->ledger and v->witnesses. When included, *stamped gets the bytes that a token over the seal proof's
 * checkpoint covers. */
struct ps_buf;
int ps_verdict_ledger_proofs(struct ps_verdict_job *j, struct ps_buf *stamped);
/* A witness tells whole seconds: the last that leave room for the next in nanoseconds. */
#define PS_VERDICT_SECOND INT64_C(1000000000)
#define PS_VERDICT_LATEST (INT64_MAX / PS_VERDICT_SECOND - 1)
/* The bundle's tokens, and what witnesses said: sets v->time and the bounds. */
int ps_verdict_time_bounds(struct ps_verdict_job *j, const struct ps_buf *stamped);
/* The signing key against the caller's keys, and the station's certificate against his roots: sets v->key. */
int ps_verdict_key_trust(struct ps_verdict_job *j);
/* Judges one track's film, and sees to its file's digest; when the team has ended compares that. */
int ps_verdict_film_track(struct ps_verdict_job *j, uint32_t track);
int ps_verdict_film_container(struct ps_verdict_job *j, uint32_t track);
/* What the statement itself says of its segments: told after all that was found, which must not be crowded out. */
void ps_verdict_film_stated(struct ps_verdict_job *j, uint32_t track);

/* excerpt.json, if there is one: into j->excerpt. */
int ps_verdict_excerpt_read(struct ps_verdict_job *j);
/* Whether it is to be judged. When an excerpt leaves it out it must not be there. */
bool ps_verdict_excerpt_film(struct ps_verdict_job *j, uint32_t track);
bool ps_verdict_excerpt_original(struct ps_verdict_job *j, const char *name);
/* What was left out; told last, as what the statement says itself. */
void ps_verdict_excerpt_stated(struct ps_verdict_job *j);

/* Puts the segments of the film beside the records, and names what is missing, altered, foreign or out of order. */
int ps_verdict_align(struct ps_verdict *v, const struct ps_track *t, const struct ps_verdict_records *rec,
                     struct ps_verdict_gop *g, uint32_t n);
/* "top.mp4 segments 3-5 (00:06.000-00:12.000)". */
void ps_verdict_align_place(char out[128], const char *file, uint32_t first, uint32_t last, uint64_t from,
                            uint64_t to);

#endif
