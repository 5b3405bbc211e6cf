/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_ENCODER_H
#define PS_RECORDER_ENCODER_H
/*
 * H.264 through libavcodec's libx264: superfast, zerolatency, constant QP, no B-frames, closed GOPs, one thread
 * (measured in docs/PERFORMANCE.md). stitchable=1 keeps SPS and PPS the same for every QP.
 */
#include "evidence/error.h"
#include "recorder/picture.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ps_encoder_spec {
    uint16_t width, height, fps;
    uint8_t qp; /* 29 */
    bool full_range;
};

struct ps_encoder;

int ps_encoder_new(struct ps_encoder **out, const struct ps_encoder_spec *s, struct ps_why *why);
void ps_encoder_free(struct ps_encoder *e);
/* Payload of avcC (ISO/IEC 14496-15 5.3.3.1), borrowed. */
const uint8_t *ps_encoder_avcc(const struct ps_encoder *e, size_t *n);
/* "avc1.64001F" (RFC 6381); out takes 16. */
void ps_encoder_codec(const struct ps_encoder *e, char out[16]);

struct ps_access_unit {
    const uint8_t *data; /* length-prefixed NAL units without parameter sets; borrowed until the next call */
    uint32_t size;
    bool idr;
};
/* One picture in, its access unit out at once. pts in 90 kHz ticks, strictly increasing. idr forces a keyframe on this very
 * picture. The encoder starts with one and makes one by itself only when asked (GOP length is the caller's). */
int ps_encoder_encode(struct ps_encoder *e, const struct ps_picture *p, int64_t pts, bool idr,
                      struct ps_access_unit *out);

#endif
