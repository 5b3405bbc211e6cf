/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/frame.h"

#include <stdlib.h>

#include "evidence/error.h"

/* A raw 4:2:2 frame of 8192 x 4320, the largest that a camera may announce, takes 71 MB. */
#define MAX_FRAME ((size_t)80 << 20)

int ps_frame_reserve(struct ps_frame *f, size_t n) {
    if (n > MAX_FRAME)
        return PS_ELIMIT;
    if (n <= f->cap)
        return 0;
    /* A quarter more: the sizes of JPEG frames wander, and buffers travel round the queue for hours. */
    size_t cap = n + n / 4;
    if (cap > MAX_FRAME)
        cap = MAX_FRAME;
    uint8_t *data = malloc(cap);
    if (data == NULL)
        return PS_ENOMEM;
    free(f->data);
    f->data = data;
    f->cap = cap;
    f->size = 0;
    return 0;
}

void ps_frame_free(struct ps_frame *f) {
    free(f->data);
    f->data = NULL;
    f->size = f->cap = 0;
}
