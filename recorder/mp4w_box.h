/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_MP4W_BOX_H
#define PS_RECORDER_MP4W_BOX_H
/*
 * The boxes of a film as bytes; no file here. What is wrong (memory, bounds) stays in the buffer's err.
 */
#include "recorder/mp4w.h"

struct ps_buf;

#define PS_MP4W_FREE_AT 32 /* where the 16 bytes lie that turn fragments into one mdat */
#define PS_MP4W_FRONT 48   /* ftyp and free */

struct ps_mp4w_chunk { /* the samples of one fragment */
    uint64_t offset;   /* of the first one's bytes in the file */
    uint32_t first, n;
};

struct ps_mp4w_film {
    uint16_t width, height;
    bool full_range;
    uint8_t avcc[1024];
    size_t avcc_len;
    uint64_t ticks; /* of all samples */
    uint32_t n_samples, n_chunks;
    struct ps_mp4w_sample *samples;
    struct ps_mp4w_chunk *chunks;
};

/* ftyp and free, PS_MP4W_FRONT bytes. */
void ps_mp4w_box_front(struct ps_buf *b);
/* moov: for fragments (empty tables, mvex), or with the tables of all samples. */
void ps_mp4w_box_moov(struct ps_buf *b, const struct ps_mp4w_film *f, bool fragments);
/* moof of n samples that follow those of f, and the head of their mdat of `bytes`. */
void ps_mp4w_box_moof(struct ps_buf *b, const struct ps_mp4w_film *f, const struct ps_mp4w_sample *s,
                      uint32_t n, uint32_t bytes);
/* The 16 bytes at PS_MP4W_FREE_AT of a finished film whose sample table is at moov_at. */
void ps_mp4w_box_mdat(struct ps_buf *b, uint64_t moov_at);

#endif
