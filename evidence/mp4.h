/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_MP4_H
#define PS_EVIDENCE_MP4_H
/*
 * A small, bounded reader of MP4 (ISO/IEC 14496-12, -14, -15), for judging one film: what is judged is what
 * a player shows (docs/FORMAT.md section 7). It reads ordinary files (full moov) and fragmented ones (moov with mvex, moofs).
 */
#include "evidence/error.h"
#include "evidence/source.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ps_mp4_sample {
    uint64_t offset; /* in the file */
    uint32_t size;
    uint32_t ticks; /* duration at 90 kHz */
    bool sync;
};

struct ps_mp4 {
    uint16_t width, height;
    uint8_t avcc[1024]; /* payload of avcC */
    uint16_t avcc_len;
    bool full_range;   /* as the colr box says */
    bool fragmented;   /* samples came from moofs */
    uint64_t tail;     /* offset after the last whole box that was used: a torn file ends there */
    uint64_t duration; /* ticks, sum of the samples */
    uint32_t n_samples;
    struct ps_mp4_sample *samples;
};

/* Rules ("one judged film"): exactly one trak, a video track with one avc1 sample entry with avcC, no other
 * sample entry; time scale that gives whole 90 kHz ticks; no ctts but zeros; no edit list but identity (one
 * entry, media time 0, rate 1, duration to one movie tick); identity matrix in mvhd and tkhd, tkhd size =
 * sample entry size, no clap, pasp only 1:1; either sample tables or fragments, never both; samples inside
 * the file, inside mdat boxes, in file order without overlap; first sample sync; no NAL unit of type 7 or 8
 * in samples is checked by ps_mp4_nal_ok. A torn tail (file ends inside a box) of a fragmented file is
 * PS_ESHORT in why unless `torn_ok`.
 * Errors: PS_EFORMAT (with why), PS_ELIMIT, PS_ESHORT, PS_EIO, PS_ENOMEM. */
int ps_mp4_read(struct ps_mp4 *out, const struct ps_blob *file, bool torn_ok, struct ps_why *why);
void ps_mp4_free(struct ps_mp4 *m);

/* A sample's bytes as stored: u32 length ‖ NAL, filling it exactly; slices (1, 5), SEI (6), AUD (9) and
 * filler (12) only: no parameter sets in band; an IDR slice exactly when sync. 0 or PS_EFORMAT. */
int ps_mp4_nal_ok(const uint8_t *sample, size_t n, bool sync);

#endif
