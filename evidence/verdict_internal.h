/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_VERDICT_INTERNAL_H
#define PS_EVIDENCE_VERDICT_INTERNAL_H
/*
 * Shared by verdict.c (statement, signature, key, files), verdict_film.c (one film's pictures) and verdict_align.c
 * (which segment is where). Nobody else includes this.
 */
#include "evidence/mp4.h"
#include "evidence/verdict.h"

struct ps_verdict_job {
    struct ps_verdict *v;
    const struct ps_verdict_input *in;
    uint64_t done, total; /* bytes read and to be read, for progress */
    uint64_t told;        /* done when progress was last called */
    uint8_t *buf;         /* grows to the largest piece; freed by verdict.c */
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
};

/* Bytes done; PS_ETIME when the caller wants to stop. */
int ps_verdict_step(struct ps_verdict_job *j, uint64_t bytes);
/* Room for n bytes in j->buf. */
int ps_verdict_room(struct ps_verdict_job *j, size_t n);
/* SHA-256 of a file, with progress. */
int ps_verdict_digest(struct ps_verdict_job *j, const struct ps_blob *b, uint8_t out[32]);
/* Opens a file of the clip; PS_ENOENT when there is none. */
int ps_verdict_open(struct ps_verdict_job *j, const char *name, struct ps_blob *out);
/* Judges one track's film. */
int ps_verdict_film_track(struct ps_verdict_job *j, uint32_t track);
/* What the statement itself says of its segments: told after all that was found, which must not be crowded out. */
void ps_verdict_film_stated(struct ps_verdict_job *j, uint32_t track);

/* Puts the segments of the film beside the records, and names what is missing, altered, foreign or out of order. */
int ps_verdict_align(struct ps_verdict *v, const struct ps_track *t, const struct ps_verdict_records *rec,
                     struct ps_verdict_gop *g, uint32_t n);
/* "top.mp4 segments 3-5 (00:06.000-00:12.000)". */
void ps_verdict_align_place(char out[128], const char *file, uint32_t first, uint32_t last, uint64_t from,
                            uint64_t to);

#endif
