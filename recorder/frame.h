/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_FRAME_H
#define PS_RECORDER_FRAME_H
/*
 * One picture as a camera delivered it, before decoding.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ps_pixels {
    PS_PIXELS_JPEG, /* one JPEG (MJPEG frame), full range BT.601 */
    PS_PIXELS_YUYV, /* packed 4:2:2, stride 2 * width */
    PS_PIXELS_I420  /* planar 4:2:0, strides width and (width + 1) / 2, planes one after another */
};

struct ps_frame {
    int64_t mono_ns; /* CLOCK_MONOTONIC, the driver's stamp where it has one; strictly increasing */
    uint32_t
        opening; /* of the source, counted from 1 by the feed: a frame of another one came after an absence */
    uint32_t lost_before; /* frames that the source's sequence numbers say were lost just before this one */
    bool damaged;         /* error flag, empty, or (JPEG) without SOI/EOI: never to be shown */
    bool full_range;      /* luma 0-255, else 16-235 */
    enum ps_pixels pixels;
    uint16_t width, height;
    size_t size, cap; /* bytes used and allocated */
    uint8_t *data;    /* owned by the frame */
};

/* Room for n bytes (old content is not kept). PS_ENOMEM or PS_ELIMIT. */
int ps_frame_reserve(struct ps_frame *f, size_t n);
void ps_frame_free(struct ps_frame *f); /* frees data, not f */

#endif
