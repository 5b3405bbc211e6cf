/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Camera frame to planar 4:2:0. The loops below work in blocks of a constant length: that is what gcc turns
 * into vector code at -O2, and rows are padded so that the last block may run over.
 */
#include "recorder/decode.h"

#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#include "evidence/error.h"
#include "evidence/limits.h"

#define BLOCK 64
#define MIN_SIDE 16 /* pixels; a macroblock. Smaller "pictures" come from damaged headers */

struct ps_decoder {
    tjhandle jpeg;
    struct ps_picture spare; /* decoded into, then swapped with the caller's */
    uint8_t *scratch;        /* planes as the JPEG has them */
    size_t scratch_cap;
};

struct plane { /* of a JPEG, in scratch */
    uint8_t *p;
    int width, height, stride;
};

int ps_decoder_new(struct ps_decoder **out) {
    struct ps_decoder *d = calloc(1, sizeof *d);
    if (d == NULL)
        return PS_ENOMEM;
    d->jpeg = tjInitDecompress();
    if (d->jpeg == NULL) {
        free(d);
        return PS_ENOMEM;
    }
    *out = d;
    return 0;
}

void ps_decoder_free(struct ps_decoder *d) {
    if (d == NULL)
        return;
    if (d->jpeg != NULL)
        tjDestroy(d->jpeg);
    ps_picture_free(&d->spare);
    free(d->scratch);
    free(d);
}

/* ---- rows ---- */

/* out[i] = mean of a[i] and b[i], rounded up; n is rounded up to whole blocks. */
static void mean_rows(uint8_t *restrict out, const uint8_t *restrict a, const uint8_t *restrict b, int n) {
    for (int x = 0; x < n; x += BLOCK)
        for (int i = 0; i < BLOCK; i++)
            out[x + i] = (uint8_t)((a[x + i] + b[x + i] + 1) >> 1);
}

/* out[i] = mean of a[2i] and a[2i + 1]; reads and writes whole blocks. */
static void mean_pairs(uint8_t *restrict out, const uint8_t *restrict a, int n) {
    for (int x = 0; x < n; x += BLOCK)
        for (int i = 0; i < BLOCK; i++)
            out[x + i] = (uint8_t)((a[2 * (x + i)] + a[2 * (x + i) + 1] + 1) >> 1);
}

static void copy_plane(uint8_t *to, int to_stride, const uint8_t *from, int from_stride, int width,
                       int height) {
    for (int y = 0; y < height; y++)
        memcpy(to + (ptrdiff_t)y * to_stride, from + (ptrdiff_t)y * from_stride, (size_t)width);
}

/* One block of luma of two rows, and the mean of their chroma. Loops that skip no input are what gcc turns into
 * vector code: hence this and the next function, and no other split of the work. */
static void unpack_block(uint8_t *restrict y0, uint8_t *restrict y1, uint8_t *restrict chroma,
                         const uint8_t *restrict a, const uint8_t *restrict b) {
    for (int i = 0; i < BLOCK; i++) {
        y0[i] = a[2 * i];
        y1[i] = b[2 * i];
        chroma[i] = (uint8_t)((a[2 * i + 1] + b[2 * i + 1] + 1) >> 1);
    }
}

static void unzip(uint8_t *restrict even, uint8_t *restrict odd, const uint8_t *restrict in) {
    for (int i = 0; i < BLOCK / 2; i++) {
        even[i] = in[2 * i];
        odd[i] = in[2 * i + 1];
    }
}

/* Two rows of Y U Y V to two rows of luma and one of each chroma. Reads no byte beyond the rows. */
static void unpack_rows(struct ps_picture *p, int row, const uint8_t *a, const uint8_t *b) {
    uint8_t *y0 = p->plane[0] + (ptrdiff_t)row * p->stride[0], *y1 = y0 + p->stride[0];
    uint8_t *u = p->plane[1] + (ptrdiff_t)(row / 2) * p->stride[1];
    uint8_t *v = p->plane[2] + (ptrdiff_t)(row / 2) * p->stride[2];
    int x = 0;
    for (; x + BLOCK <= p->width; x += BLOCK) {
        uint8_t chroma[BLOCK];
        unpack_block(y0 + x, y1 + x, chroma, a + 2 * x, b + 2 * x);
        unzip(u + x / 2, v + x / 2, chroma);
    }
    for (; x < p->width; x += 2) {
        const uint8_t *m = a + 2 * x, *n = b + 2 * x;
        y0[x] = m[0];
        y0[x + 1] = m[2];
        y1[x] = n[0];
        y1[x + 1] = n[2];
        u[x / 2] = (uint8_t)((m[1] + n[1] + 1) >> 1);
        v[x / 2] = (uint8_t)((m[3] + n[3] + 1) >> 1);
    }
}

/* ---- JPEG ---- */

static int want_spare(struct ps_decoder *d, int width, int height) {
    width &= ~1;
    height &= ~1;
    if (width < MIN_SIDE || height < MIN_SIDE)
        return PS_EFORMAT;
    if (width > PS_MAX_PICTURE || height > PS_MAX_PICTURE)
        return PS_ELIMIT;
    if (d->spare.width == width && d->spare.height == height)
        return 0;
    ps_picture_free(&d->spare);
    return ps_picture_alloc(&d->spare, (uint16_t)width, (uint16_t)height);
}

/* Places the JPEG's planes: straight into the picture where they fit it exactly, else into scratch. */
static int place_planes(struct ps_decoder *d, int width, int height, int sampling, struct plane plane[3]) {
    int n = sampling == TJSAMP_GRAY ? 1 : 3;
    size_t need = 0;
    for (int i = 0; i < n; i++) {
        struct plane *q = &plane[i];
        q->width = tjPlaneWidth(i, width, sampling);
        q->height = tjPlaneHeight(i, height, sampling);
        if (q->width <= 0 || q->height <= 0)
            return PS_EFORMAT;
        if (q->width == (i ? d->spare.width / 2 : d->spare.width) &&
            q->height == (i ? d->spare.height / 2 : d->spare.height)) {
            q->p = d->spare.plane[i];
            q->stride = d->spare.stride[i];
        } else {
            q->stride = (q->width + BLOCK - 1) / BLOCK * BLOCK;
            need += (size_t)q->stride * (size_t)q->height;
        }
    }
    need += 2 * BLOCK; /* mean_pairs reads two blocks for one */
    if (need > d->scratch_cap) {
        free(d->scratch);
        d->scratch_cap = 0;
        d->scratch = calloc(1, need);
        if (d->scratch == NULL)
            return PS_ENOMEM;
        d->scratch_cap = need;
    }
    uint8_t *at = d->scratch;
    for (int i = 0; i < n; i++)
        if (plane[i].p == NULL) {
            plane[i].p = at;
            at += (size_t)plane[i].stride * (size_t)plane[i].height;
        }
    return 0;
}

/* One chroma plane of any sampling to half width and half height. */
static void halve_chroma(struct ps_picture *p, int i, const struct plane *q, int sampling) {
    int width = p->width / 2, height = p->height / 2;
    uint8_t row[PS_MAX_PICTURE + 4 * BLOCK] __attribute__((aligned(BLOCK)));
    if (q->p == p->plane[i])
        return;
    for (int y = 0; y < height; y++) {
        uint8_t *out = p->plane[i] + (ptrdiff_t)y * p->stride[i];
        const uint8_t *a = q->p + (ptrdiff_t)(2 * y) * q->stride, *b = a + q->stride;
        switch (sampling) {
        case TJSAMP_422: mean_rows(out, a, b, width); break;
        case TJSAMP_444:
            mean_rows(row, a, b, 2 * width);
            mean_pairs(out, row, width);
            break;
        case TJSAMP_440: mean_pairs(out, q->p + (ptrdiff_t)y * q->stride, width); break;
        case TJSAMP_411:
            mean_rows(row, a, b, (width + 1) / 2);
            for (int x = 0; x < width; x++)
                out[x] = row[x / 2];
            break;
        default: memcpy(out, q->p + (ptrdiff_t)y * q->stride, (size_t)width); break; /* 4:2:0 of odd size */
        }
    }
}

static int decode_jpeg(struct ps_decoder *d, const struct ps_frame *f) {
    int width, height, sampling, colours;
    if (tjDecompressHeader3(d->jpeg, f->data, f->size, &width, &height, &sampling, &colours) != 0)
        return PS_EFORMAT;
    /* A picture of another size than the camera agreed to is a damaged header. */
    if ((f->width && width != f->width) || (f->height && height != f->height))
        return PS_EFORMAT;
    if (sampling == TJSAMP_GRAY ? colours != TJCS_GRAY : colours != TJCS_YCbCr)
        return PS_EFORMAT;
    if (sampling < 0 || sampling >= TJ_NUMSAMP)
        return PS_EFORMAT;
    int rc = want_spare(d, width, height);
    struct plane plane[3] = {{0}};
    if (rc == 0)
        rc = place_planes(d, width, height, sampling, plane);
    if (rc < 0)
        return rc;
    unsigned char *planes[3] = {plane[0].p, plane[1].p, plane[2].p};
    int strides[3] = {plane[0].stride, plane[1].stride, plane[2].stride};
    /* One warning is enough: where libjpeg-turbo warns, it has made up blocks that the camera never saw. */
    if (tjDecompressToYUVPlanes(d->jpeg, f->data, f->size, planes, 0, strides, 0,
                                TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS) != 0)
        return PS_EFORMAT;
    struct ps_picture *p = &d->spare;
    if (plane[0].p != p->plane[0])
        copy_plane(p->plane[0], p->stride[0], plane[0].p, plane[0].stride, p->width, p->height);
    for (int i = 1; i < 3; i++) {
        if (sampling == TJSAMP_GRAY)
            memset(p->plane[i], 128, (size_t)p->stride[i] * (p->height / 2u));
        else
            halve_chroma(p, i, &plane[i], sampling);
    }
    p->full_range = true;
    return 0;
}

/* ---- raw ---- */

static int decode_yuyv(struct ps_decoder *d, const struct ps_frame *f) {
    size_t stride = 2 * (size_t)f->width;
    if (f->size < stride * f->height)
        return PS_EFORMAT;
    int rc = want_spare(d, f->width, f->height);
    if (rc < 0)
        return rc;
    for (int y = 0; y < d->spare.height; y += 2)
        unpack_rows(&d->spare, y, f->data + (size_t)y * stride, f->data + (size_t)(y + 1) * stride);
    d->spare.full_range = f->full_range;
    return 0;
}

static int decode_i420(struct ps_decoder *d, const struct ps_frame *f) {
    int width = f->width, height = f->height, half_width = (width + 1) / 2, half_height = (height + 1) / 2;
    size_t luma = (size_t)width * (size_t)height, chroma = (size_t)half_width * (size_t)half_height;
    if (f->size < luma + 2 * chroma)
        return PS_EFORMAT;
    int rc = want_spare(d, width, height);
    if (rc < 0)
        return rc;
    struct ps_picture *p = &d->spare;
    copy_plane(p->plane[0], p->stride[0], f->data, width, p->width, p->height);
    copy_plane(p->plane[1], p->stride[1], f->data + luma, half_width, p->width / 2, p->height / 2);
    copy_plane(p->plane[2], p->stride[2], f->data + luma + chroma, half_width, p->width / 2, p->height / 2);
    p->full_range = f->full_range;
    return 0;
}

int ps_decoder_decode(struct ps_decoder *d, const struct ps_frame *f, struct ps_picture *p) {
    int rc = PS_EFORMAT;
    if (f->damaged || f->data == NULL || f->size == 0)
        return PS_EFORMAT;
    switch (f->pixels) {
    case PS_PIXELS_JPEG:
        if (d->jpeg == NULL && (d->jpeg = tjInitDecompress()) == NULL)
            return PS_ENOMEM;
        rc = decode_jpeg(d, f);
        /* libjpeg-turbo 2.1 leaves a decoder that met a broken header in the middle of that header, and refuses every
         * good frame after it. */
        if (rc < 0) {
            tjDestroy(d->jpeg);
            d->jpeg = NULL;
        }
        break;
    case PS_PIXELS_YUYV: rc = decode_yuyv(d, f); break;
    case PS_PIXELS_I420: rc = decode_i420(d, f); break;
    }
    if (rc < 0)
        return rc;
    struct ps_picture done = d->spare;
    d->spare = *p;
    *p = done;
    return 0;
}
