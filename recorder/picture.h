/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_PICTURE_H
#define PS_RECORDER_PICTURE_H
#include <stdbool.h>
#include <stdint.h>

/* A decoded picture, planar 4:2:0, even width and height, rows padded so that vector code may overrun by 64
 * bytes. Owned by whoever allocated it. */
struct ps_picture {
    uint16_t width, height;
    bool full_range;
    uint8_t *plane[3];
    int stride[3];
    void *memory;
};

int ps_picture_alloc(struct ps_picture *p, uint16_t width, uint16_t height); /* PS_ENOMEM, PS_ELIMIT */
void ps_picture_free(struct ps_picture *p);
void ps_picture_fill(struct ps_picture *p, uint8_t y, uint8_t u, uint8_t v);

#endif
