/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_MP4_INTERNAL_H
#define PS_EVIDENCE_MP4_INTERNAL_H
/*
 * Shared by mp4.c (the file's boxes, the rules), mp4_moov.c (headers and sample tables) and mp4_moof.c
 * (fragments). Nobody else includes this.
 */
#include "evidence/bytes.h"
#include "evidence/mp4.h"

struct ps_mp4_range {
    uint64_t off, end;
};

/* A box inside one that is held in memory. */
struct ps_mp4_box {
    char type[5];
    struct ps_rd body;
};

struct ps_mp4_reader {
    const struct ps_blob *file;
    struct ps_mp4 *out;
    struct ps_why *why;
    uint32_t cap; /* room in out->samples */

    bool have_moov, fragments;
    uint64_t moov_off;
    uint32_t movie_scale, scale; /* units a second: mvhd, mdhd */
    uint64_t movie_duration, track_duration, media_duration;
    uint32_t track_id;
    uint32_t track_width, track_height; /* 16.16 */
    bool have_edit;
    uint64_t edit_duration;
    struct ps_rd stts, stss, stsc, stsz, chunks, ctts; /* bodies after version and flags; p NULL: absent */
    bool co64;
    uint32_t trex_ticks, trex_size, trex_flags; /* defaults, ticks in media units */

    uint64_t decode;   /* sum of the durations so far, media units */
    uint64_t data_end; /* end of the last sample */

    struct ps_mp4_range *mdats;
    uint32_t n_mdats, cap_mdats;
};

/* 1 with *b filled, 0 at the end, or an error. `in` names the parent in messages. */
int ps_mp4_next_box(struct ps_mp4_reader *r, struct ps_rd *in, struct ps_mp4_box *b, const char *parent);
bool ps_mp4_is(const struct ps_mp4_box *b, const char *type);
/* Refuses a second box of a kind: `seen` collects the bits. */
int ps_mp4_once(struct ps_mp4_reader *r, uint32_t *seen, uint32_t bit, const char *where);
/* Version and flags of a full box. */
uint8_t ps_mp4_full(struct ps_rd *r, uint32_t *flags);
/* One more sample; `units` in the media's scale. Checks order, size, scale and all bounds. */
int ps_mp4_add(struct ps_mp4_reader *r, uint64_t offset, uint32_t size, uint32_t units, bool sync,
               const char *where);

/* The moov's payload. Fills the reader; samples come later, from ps_mp4_table or ps_mp4_moof. */
int ps_mp4_moov(struct ps_mp4_reader *r, const uint8_t *p, size_t n);
int ps_mp4_table(struct ps_mp4_reader *r);
/* A moof's payload; `at` is the box's offset in the file. */
int ps_mp4_moof(struct ps_mp4_reader *r, const uint8_t *p, size_t n, uint64_t at);

#endif
