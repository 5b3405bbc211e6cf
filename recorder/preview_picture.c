/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/preview_picture.h"

#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#include "evidence/error.h"
#include "evidence/limits.h"
#include "recorder/decode.h"

#define QUALITY 75
#define QUALITY_LEAST 35 /* when even that gives too many bytes, the picture is left out */
#define STRICT (TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS)

struct ps_preview_picture {
    tjhandle in, out;
    struct ps_decoder *decoder; /* of raw frames */
    struct ps_picture picture;
    uint8_t *planes; /* of the smaller picture */
    size_t cap;
    unsigned char *jpeg; /* libturbojpeg's */
};

int ps_preview_picture_new(struct ps_preview_picture **out) {
    struct ps_preview_picture *p = calloc(1, sizeof *p);

    if (!p)
        return PS_ENOMEM;
    p->in = tjInitDecompress();
    p->out = tjInitCompress();
    if (!p->in || !p->out || ps_decoder_new(&p->decoder) < 0) {
        ps_preview_picture_free(p);
        return PS_ENOMEM;
    }
    *out = p;
    return 0;
}

void ps_preview_picture_free(struct ps_preview_picture *p) {
    if (!p)
        return;
    if (p->in)
        tjDestroy(p->in);
    if (p->out)
        tjDestroy(p->out);
    ps_decoder_free(p->decoder);
    ps_picture_free(&p->picture);
    tjFree(p->jpeg);
    free(p->planes);
    free(p);
}

/* Browsers want the tables that some cameras leave out (RFC 2435 has them): SOI, then segments up to SOS. */
static bool has_tables(const uint8_t *p, size_t n) {
    for (size_t at = 2; n - at >= 4 && at < n && p[at] == 0xff && p[at + 1] != 0xda;) {
        size_t size = (size_t)p[at + 2] << 8 | p[at + 3];
        if (p[at + 1] == 0xc4)
            return true;
        if (size < 2 || n - at - 2 < size)
            return false;
        at += 2 + size;
    }
    return false;
}

static int header(struct ps_preview_picture *p, const struct ps_frame *f, int *width, int *height,
                  int *sampling) {
    int colours;

    if (tjDecompressHeader3(p->in, f->data, f->size, width, height, sampling, &colours) != 0 ||
        *sampling < 0 || *sampling >= TJ_NUMSAMP || *width > PS_MAX_PICTURE || *height > PS_MAX_PICTURE ||
        *width < 16 || *height < 16)
        return PS_EFORMAT;
    return colours == TJCS_YCbCr || colours == TJCS_GRAY ? 0 : PS_EFORMAT;
}

int ps_preview_picture_part(struct ps_preview_picture *p, const struct ps_frame *f, unsigned width) {
    int w = f->width, h, sampling, part = 1;

    if (f->pixels == PS_PIXELS_JPEG) {
        int err = header(p, f, &w, &h, &sampling);
        if (err < 0)
            return err;
        if ((unsigned)w <= 2 * width && f->size <= PS_PREVIEW_PICTURE_MAX && has_tables(f->data, f->size))
            return 0;
    }
    while (part < 8 && (unsigned)w / (2u * (unsigned)part) >= width)
        part *= 2;
    return part;
}

static int want_planes(struct ps_preview_picture *p, size_t n) {
    if (n <= p->cap)
        return 0;
    free(p->planes);
    p->cap = 0;
    p->planes = malloc(n);
    if (!p->planes)
        return PS_ENOMEM;
    p->cap = n;
    return 0;
}

/* Three planes one behind the other. */
static int place(struct ps_preview_picture *p, int width, int height, int sampling, unsigned char *plane[3]) {
    size_t size[3] = {0}, need = 0;
    int n = sampling == TJSAMP_GRAY ? 1 : 3;

    for (int i = 0; i < n; i++) {
        int w = tjPlaneWidth(i, width, sampling), h = tjPlaneHeight(i, height, sampling);
        if (w <= 0 || h <= 0)
            return PS_EFORMAT;
        size[i] = (size_t)w * (size_t)h;
        need += size[i];
    }
    int err = want_planes(p, need);
    if (err < 0)
        return err;
    plane[0] = p->planes;
    plane[1] = n == 1 ? NULL : plane[0] + size[0];
    plane[2] = n == 1 ? NULL : plane[1] + size[1];
    return 0;
}

static int compress(struct ps_preview_picture *p, unsigned char *plane[3], int width, int height,
                    int sampling, const uint8_t **data, size_t *size) {
    const unsigned char *planes[3] = {plane[0], plane[1], plane[2]};

    for (int quality = QUALITY; quality >= QUALITY_LEAST; quality -= 20) {
        unsigned long n = 0;
        tjFree(p->jpeg);
        p->jpeg = NULL;
        if (tjCompressFromYUVPlanes(p->out, planes, width, NULL, height, sampling, &p->jpeg, &n, quality,
                                    TJFLAG_FASTDCT) != 0)
            return PS_ENOMEM;
        *data = p->jpeg;
        *size = n;
        if (n <= PS_PREVIEW_PICTURE_MAX)
            return 0;
    }
    return PS_ELIMIT;
}

/* Of a JPEG, the decoder itself leaves out what a smaller picture does not need. */
static int smaller_jpeg(struct ps_preview_picture *p, const struct ps_frame *f, int part,
                        const uint8_t **data, size_t *size) {
    unsigned char *plane[3];
    int width, height, sampling, err = header(p, f, &width, &height, &sampling);

    if (err < 0)
        return err;
    width = TJSCALED(width, ((tjscalingfactor){1, part}));
    height = TJSCALED(height, ((tjscalingfactor){1, part}));
    err = place(p, width, height, sampling, plane);
    if (err < 0)
        return err;
    if (tjDecompressToYUVPlanes(p->in, f->data, f->size, plane, width, NULL, height, STRICT) != 0)
        return PS_EFORMAT;
    return compress(p, plane, width, height, sampling, data, size);
}

/* Each so-many squared samples to their mean; a studio range becomes a JPEG's full one. */
static void shrink(uint8_t *to, int width, int height, const uint8_t *from, int stride, int part,
                   const uint8_t range[256]) {
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            unsigned sum = 0;
            for (int j = 0; j < part; j++)
                for (int i = 0; i < part; i++)
                    sum += from[(ptrdiff_t)(y * part + j) * stride + x * part + i];
            to[(size_t)y * (size_t)width + (size_t)x] = range[sum / (unsigned)(part * part)];
        }
}

static void range_table(uint8_t table[256], bool full, bool chroma) {
    for (int i = 0; i < 256; i++) {
        int v = full ? i : chroma ? (i - 128) * 255 / 224 + 128 : (i - 16) * 255 / 219;
        table[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
}

static int smaller_raw(struct ps_preview_picture *p, const struct ps_frame *f, int part, const uint8_t **data,
                       size_t *size) {
    struct ps_picture *from = &p->picture;
    unsigned char *plane[3];
    uint8_t luma[256], chroma[256];
    int err = ps_decoder_decode(p->decoder, f, from);

    if (err < 0)
        return err;
    int width = from->width / part & ~1, height = from->height / part & ~1;
    err = width > 0 && height > 0 ? place(p, width, height, TJSAMP_420, plane) : PS_EFORMAT;
    if (err < 0)
        return err;
    range_table(luma, from->full_range, false);
    range_table(chroma, from->full_range, true);
    for (int i = 0; i < 3; i++)
        shrink(plane[i], i ? width / 2 : width, i ? height / 2 : height, from->plane[i], from->stride[i],
               part, i ? chroma : luma);
    return compress(p, plane, width, height, TJSAMP_420, data, size);
}

/* The camera's own bytes go to people only when they decode without a remark; an eighth of the size tells that, too. */
static int check(struct ps_preview_picture *p, const struct ps_frame *f) {
    unsigned char *plane[3];
    int width, height, sampling, err = header(p, f, &width, &height, &sampling);

    if (err < 0)
        return err;
    width = TJSCALED(width, ((tjscalingfactor){1, 8}));
    height = TJSCALED(height, ((tjscalingfactor){1, 8}));
    err = place(p, width, height, sampling, plane);
    if (err < 0)
        return err;
    return tjDecompressToYUVPlanes(p->in, f->data, f->size, plane, width, NULL, height, STRICT) != 0
               ? PS_EFORMAT
               : 0;
}

int ps_preview_picture_jpeg(struct ps_preview_picture *p, const struct ps_frame *f, int part,
                            const uint8_t **data, size_t *size) {
    if (f->damaged)
        return PS_EFORMAT;
    if (part == 0) {
        *data = f->data;
        *size = f->size;
        return check(p, f);
    }
    return f->pixels == PS_PIXELS_JPEG ? smaller_jpeg(p, f, part, data, size)
                                       : smaller_raw(p, f, part, data, size);
}
