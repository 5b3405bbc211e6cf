/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_VERDICT_INTERNAL_H
#define PS_EVIDENCE_VERDICT_INTERNAL_H
/*
 * Shared by verdict.c (statement, signature, files), verdict_film.c (one film's pictures), verdict_align.c
 * (which segment is where), verdict_ledger.c (proofs), verdict_time.c (tokens), verdict_key.c (who is believed) and
 * verdict_excerpt.c (what an excerpt leaves out).
 * Nobody else includes this.
 */
#include <stdatomic.h>

#include "evidence/excerpt.h"
#include "evidence/mp4.h"
#include "evidence/verdict.h"

struct ps_verdict_job {
    struct ps_verdict *v;
    const struct ps_verdict_input *in;
    uint8_t statement[32];      /* SHA-256 of clip.json */
    struct ps_excerpt *excerpt; /* NULL: the whole clip is here; freed by verdict.c */
    uint64_t done, total;       /* bytes read and to be read, for progress */
    uint64_t told;              /* done when progress was last called */
    atomic_ullong beside;       /* bytes done by the other of two passes that run at once */
    atomic_bool stop;           /* that one is to give up */
    uint8_t *buf;               /* grows to the largest piece; freed by verdict.c */
    size_t cap;
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
    bool hashed; /* the digests below are there */
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

/* Bytes done; PS_ETIME when the caller wants to stop. */
int ps_verdict_step(struct ps_verdict_job *j, uint64_t bytes);
/* Room for n bytes in j->buf. */
int ps_verdict_room(struct ps_verdict_job *j, size_t n);
/* SHA-256 of a file, with progress. */
int ps_verdict_digest(struct ps_verdict_job *j, const struct ps_blob *b, uint8_t out[32]);
/* The same, from another thread than the job's: counts in j->beside, looks at j->stop. */
int ps_verdict_digest_beside(struct ps_verdict_job *j, const struct ps_blob *b, uint8_t out[32]);
/* As a verdict is before anything is known. */
void ps_verdict_start(struct ps_verdict *v);
/* Opens a file of the clip; PS_ENOENT when there is none. */
int ps_verdict_open(struct ps_verdict_job *j, const char *name, struct ps_blob *out);
/* A small file of the clip (malloc, NUL added); PS_ENOENT when there is none. */
int ps_verdict_load(struct ps_verdict_job *j, const char *name, size_t max, uint8_t **p, size_t *n);
/* The two proofs: sets v->ledger. When included, *stamped gets the bytes that a token over the seal proof's
 * checkpoint covers. */
struct ps_buf;
int ps_verdict_ledger_proofs(struct ps_verdict_job *j, struct ps_buf *stamped);
/* The bundle's tokens: sets v->time and the bounds. */
int ps_verdict_time_bounds(struct ps_verdict_job *j, const struct ps_buf *stamped);
/* The signing key against the caller's keys, and the station's certificate against his roots: sets v->key. */
int ps_verdict_key_trust(struct ps_verdict_job *j);
/* Judges one track's film. */
int ps_verdict_film_track(struct ps_verdict_job *j, uint32_t track);
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
