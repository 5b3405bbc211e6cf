/* SPDX-License-Identifier: ISC */
#include "evidence/record.h"

#include <string.h>

#include "evidence/bytes.h"
#include "evidence/error.h"
#include "evidence/limits.h"

static uint8_t *put(uint8_t *at, uint64_t v, size_t n) {
    for (size_t i = n; i > 0; i--, v >>= 8)
        at[i - 1] = (uint8_t)v;
    return at + n;
}

void ps_record_encode(const struct ps_record *r, uint8_t out[PS_RECORD_SIZE]) {
    uint8_t *at = put(out, r->track, 4);
    at = put(at, r->seq, 4);
    at = put(at, r->start, 8);
    at = put(at, r->duration, 8);
    at = put(at, r->frames, 4);
    at = put(at, r->bytes, 8);
    memcpy(at, r->avcc, 32);
    memcpy(at + 32, r->timing, 32);
    memcpy(at + 64, r->samples, 32);
}

/* A segment may begin until the clip's time is up and then end by itself. */
static int check(const struct ps_record *r) {
    bool inside = r->track < PS_MAX_TRACKS && r->seq < PS_MAX_SEGMENTS &&
                  r->start <= (uint64_t)PS_MAX_CLIP_SECONDS * PS_TICKS_PER_SECOND && r->duration > 0 &&
                  r->duration <= PS_MAX_SEGMENT_TICKS && r->frames > 0 &&
                  r->frames <= PS_MAX_SEGMENT_FRAMES && r->bytes >= r->frames &&
                  r->bytes <= (uint64_t)r->frames * PS_MAX_SAMPLE;
    return inside ? 0 : PS_ELIMIT;
}

int ps_record_decode(struct ps_record *r, const uint8_t in[PS_RECORD_SIZE]) {
    struct ps_rd rd = ps_rd_of(in, PS_RECORD_SIZE);
    r->track = ps_rd_u32(&rd);
    r->seq = ps_rd_u32(&rd);
    r->start = ps_rd_u64(&rd);
    r->duration = ps_rd_u64(&rd);
    r->frames = ps_rd_u32(&rd);
    r->bytes = ps_rd_u64(&rd);
    ps_rd_bytes(&rd, r->avcc, 32);
    ps_rd_bytes(&rd, r->timing, 32);
    ps_rd_bytes(&rd, r->samples, 32);
    return check(r);
}

void ps_record_chain(uint8_t head[32], const uint8_t record[PS_RECORD_SIZE]) {
    static const char name[] = "packseal/segment/v1"; /* with its NUL */
    struct ps_sha256 h;
    ps_sha256_init(&h);
    ps_sha256_update(&h, name, sizeof name);
    ps_sha256_update(&h, head, 32);
    ps_sha256_update(&h, record, PS_RECORD_SIZE);
    ps_sha256_final(&h, head);
}

void ps_record_begin(struct ps_record_builder *b, uint32_t track, uint32_t seq, uint64_t start,
                     const uint8_t avcc[32]) {
    b->r = (struct ps_record){.track = track, .seq = seq, .start = start};
    memcpy(b->r.avcc, avcc, 32);
    ps_sha256_init(&b->timing);
    ps_sha256_init(&b->samples);
}

int ps_record_add_start(struct ps_record_builder *b, uint32_t size, uint32_t ticks) {
    if (size == 0 || size > PS_MAX_SAMPLE || b->r.frames >= PS_MAX_SEGMENT_FRAMES ||
        ticks > PS_MAX_SEGMENT_TICKS - b->r.duration)
        return PS_ELIMIT;
    uint8_t be[4];
    put(be, ticks, 4);
    ps_sha256_update(&b->timing, be, 4);
    put(be, size, 4);
    ps_sha256_update(&b->samples, be, 4);
    b->r.frames++;
    b->r.duration += ticks;
    b->r.bytes += size;
    return 0;
}

void ps_record_add_piece(struct ps_record_builder *b, const void *p, size_t n) {
    ps_sha256_update(&b->samples, p, n);
}

int ps_record_add(struct ps_record_builder *b, const void *sample, uint32_t size, uint32_t ticks) {
    int err = ps_record_add_start(b, size, ticks);
    if (err == 0)
        ps_record_add_piece(b, sample, size);
    return err;
}

int ps_record_end(struct ps_record_builder *b, struct ps_record *out) {
    if (b->r.frames == 0)
        return PS_ESTATE;
    *out = b->r;
    ps_sha256_final(&b->timing, out->timing);
    ps_sha256_final(&b->samples, out->samples);
    return check(out);
}
