/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/picture.h"

#include <stdlib.h>
#include <string.h>

#include "evidence/error.h"
#include "evidence/limits.h"

#define ALIGN 64 /* bytes: one cache line, and the widest vector */

static size_t up(size_t n) {
    return (n + ALIGN - 1) / ALIGN * ALIGN;
}

/* Every row, the last too, is followed by at least 64 bytes of this allocation. */
int ps_picture_alloc(struct ps_picture *p, uint16_t width, uint16_t height) {
    if (width < 2 || height < 2 || width > PS_MAX_PICTURE || height > PS_MAX_PICTURE || width % 2 ||
        height % 2)
        return PS_ELIMIT;
    size_t luma = up(width), chroma = up(width / 2u);
    size_t size = luma * height + 2 * chroma * (height / 2u) + ALIGN;
    uint8_t *memory = aligned_alloc(ALIGN, size);
    if (memory == NULL)
        return PS_ENOMEM;
    memset(memory, 0, size); /* the padding is read by vector code, though never shown */
    *p = (struct ps_picture){.width = width, .height = height, .memory = memory};
    p->stride[0] = (int)luma;
    p->stride[1] = p->stride[2] = (int)chroma;
    p->plane[0] = memory;
    p->plane[1] = memory + luma * height;
    p->plane[2] = p->plane[1] + chroma * (height / 2u);
    return 0;
}

void ps_picture_free(struct ps_picture *p) {
    free(p->memory);
    *p = (struct ps_picture){0};
}

void ps_picture_fill(struct ps_picture *p, uint8_t y, uint8_t u, uint8_t v) {
    const uint8_t value[3] = {y, u, v};
    for (int i = 0; i < 3; i++)
        memset(p->plane[i], value[i], (size_t)p->stride[i] * (i ? p->height / 2u : p->height));
}
