/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_MP4_WRITE_H
#define PS_EVIDENCE_MP4_WRITE_H
/*
 * The boxes of a film as bytes (docs/FORMAT.md section 7), for whoever writes one: the recorder, and cuts of what it
 * recorded. No file here. What is wrong (memory, bounds) stays in the buffer's err.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ps_buf;

#define PS_MP4_WRITE_FREE_AT 32 /* ftyp before it; where the 16 bytes lie that turn fragments into one mdat */
#define PS_MP4_WRITE_FRONT 48   /* ftyp and free */
#define PS_MP4_WRITE_MDAT 16    /* head of an mdat with a 64-bit size */

struct ps_mp4_write_sample {
    uint32_t size, ticks;
};

struct ps_mp4_write_chunk { /* the samples of one segment; the first is the sync sample */
    uint64_t offset;        /* of the first one's bytes in the file */
    uint32_t first, n;
};

struct ps_mp4_write_film {
    uint16_t width, height;
    bool full_range; /* colr: primaries 1, transfer 13, matrix 6, full range flag */
    uint8_t avcc[1024];
    size_t avcc_len;
    uint64_t ticks; /* of all samples */
    uint32_t n_samples, n_chunks;
    struct ps_mp4_write_sample *samples;
    struct ps_mp4_write_chunk *chunks;
};

void ps_mp4_write_ftyp(struct ps_buf *b);
/* ftyp and free, PS_MP4_WRITE_FRONT bytes. */
void ps_mp4_write_front(struct ps_buf *b);
/* moov: for fragments (empty tables, mvex), or with the tables of all samples. */
void ps_mp4_write_moov(struct ps_buf *b, const struct ps_mp4_write_film *f, bool fragments);
/* moof of n samples that start at `decode` ticks, and the head of their mdat of `bytes`. sequence is from 1. */
void ps_mp4_write_moof(struct ps_buf *b, uint32_t sequence, uint64_t decode,
                       const struct ps_mp4_write_sample *s, uint32_t n, uint32_t bytes);
/* Head of an mdat, PS_MP4_WRITE_MDAT bytes; size is that of the whole box. */
void ps_mp4_write_mdat(struct ps_buf *b, uint64_t size);

#endif
