/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_RECORD_H
#define PS_EVIDENCE_RECORD_H
/*
 * Segment records and head chains (docs/FORMAT.md section 3).
 *
 * A segment is one closed GOP of one track: an IDR access unit and all that follows until the next one. Its
 * record covers the encoded samples and their timing, not the container.
 */
#include "evidence/sha256.h"
#include <stdint.h>

#define PS_RECORD_SIZE 132

struct ps_record {
    uint32_t track;      /* index in the statement's tracks[] */
    uint32_t seq;        /* 0, 1, 2 … of this track */
    uint64_t start;      /* 90 kHz ticks from the track's first frame: the sum of the durations before */
    uint64_t duration;   /* ticks, > 0 */
    uint32_t frames;     /* > 0 */
    uint64_t bytes;      /* of the samples as stored, without the u32 lengths that the digest adds */
    uint8_t avcc[32];    /* SHA-256 of the avcC box's payload */
    uint8_t timing[32];  /* SHA-256 of u32be(ticks) of each sample */
    uint8_t samples[32]; /* SHA-256 of u32be(length) ‖ bytes of each sample, as in the MP4 */
};

void ps_record_encode(const struct ps_record *r, uint8_t out[PS_RECORD_SIZE]);
/* PS_ELIMIT where a field is outside limits.h, else 0. Every 132 bytes decode. */
int ps_record_decode(struct ps_record *r, const uint8_t in[PS_RECORD_SIZE]);

/* head_i = SHA-256("packseal/segment/v1\0" ‖ head_{i-1} ‖ record); head_0 is the hash of the open leaf. */
void ps_record_chain(uint8_t head[32], const uint8_t record[PS_RECORD_SIZE]);

/* Builds a record sample by sample; a plain value, nothing to free. */
struct ps_record_builder {
    struct ps_record r;
    struct ps_sha256 timing, samples;
};

void ps_record_begin(struct ps_record_builder *b, uint32_t track, uint32_t seq, uint64_t start,
                     const uint8_t avcc[32]);
/* One sample as stored (length-prefixed NAL units) and its duration in ticks. PS_ELIMIT past a bound. */
int ps_record_add(struct ps_record_builder *b, const void *sample, uint32_t size, uint32_t ticks);
/* Streaming form for large samples: start, pieces, then the next sample or the end. */
int ps_record_add_start(struct ps_record_builder *b, uint32_t size, uint32_t ticks);
void ps_record_add_piece(struct ps_record_builder *b, const void *p, size_t n);
/* PS_ESTATE when the segment holds no sample. */
int ps_record_end(struct ps_record_builder *b, struct ps_record *out);

#endif
