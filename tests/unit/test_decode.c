/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Camera frames to planar 4:2:0: every sampling, every cut, no damaged picture accepted. */
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#include "evidence/error.h"
#include "recorder/decode.h"
#include "tests/unit/scene.h"
#include "tests/unit/tap.h"

static uint8_t luma_at(int x, int y) {
    return (uint8_t)(60 + x / 4 + y / 8);
}

static uint8_t chroma_at(int plane, double x, double y) { /* in luma coordinates */
    return (uint8_t)(plane == 1 ? 90 + x / 6 + y / 12 : 160 - x / 8 + y / 16);
}

/* A JPEG of the two gradients above. */
static void make_jpeg(struct ps_frame *f, int width, int height, int sampling) {
    uint8_t *planes[3];
    int strides[3], n = sampling == TJSAMP_GRAY ? 1 : 3;
    for (int i = 0; i < n; i++) {
        int w = tjPlaneWidth(i, width, sampling), h = tjPlaneHeight(i, height, sampling);
        double sx = (double)tjPlaneWidth(0, width, sampling) / w,
               sy = (double)tjPlaneHeight(0, height, sampling) / h;
        planes[i] = malloc((size_t)w * (size_t)h);
        strides[i] = w;
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++)
                planes[i][y * w + x] =
                    i == 0 ? luma_at(x, y) : chroma_at(i, sx * x + (sx - 1) / 2, sy * y + (sy - 1) / 2);
    }
    tjhandle tj = tjInitCompress();
    unsigned char *jpeg = NULL;
    unsigned long size = 0;
    if (tjCompressFromYUVPlanes(tj, (const unsigned char **)planes, width, strides, height, sampling, &jpeg,
                                &size, 95, 0) != 0)
        tap_bail("cannot make a JPEG: %s", tjGetErrorStr2(tj));
    if (ps_frame_reserve(f, size) < 0)
        tap_bail("out of memory");
    memcpy(f->data, jpeg, size);
    f->size = size;
    f->pixels = PS_PIXELS_JPEG;
    f->width = (uint16_t)width;
    f->height = (uint16_t)height;
    tjFree(jpeg);
    tjDestroy(tj);
    for (int i = 0; i < n; i++)
        free(planes[i]);
}

/* Largest difference of a plane from the gradient. */
static int worst(const struct ps_picture *p, int i) {
    int most = 0, w = i ? p->width / 2 : p->width, h = i ? p->height / 2 : p->height;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            int want = i == 0 ? luma_at(x, y) : chroma_at(i, 2 * x + 0.5, 2 * y + 0.5);
            int d = abs(p->plane[i][y * p->stride[i] + x] - want);
            most = d > most ? d : most;
        }
    return most;
}

static void test_samplings(struct ps_decoder *d) {
    static const struct {
        const char *name;
        int sampling;
    } s[] = {{"4:2:2", TJSAMP_422}, {"4:2:0", TJSAMP_420}, {"4:4:4", TJSAMP_444},
             {"4:4:0", TJSAMP_440}, {"4:1:1", TJSAMP_411}, {"grey", TJSAMP_GRAY}};
    static const int sizes[][2] = {{320, 240}, {162, 122}, {161, 121}, {67, 35}, {16, 16}};
    for (size_t i = 0; i < sizeof s / sizeof s[0]; i++)
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
            struct ps_frame f = {0};
            struct ps_picture p = {0};
            int w = sizes[k][0], h = sizes[k][1];
            make_jpeg(&f, w, h, s[i].sampling);
            int rc = ps_decoder_decode(d, &f, &p);
            bool ok =
                rc == 0 && p.width == (w & ~1) && p.height == (h & ~1) && p.full_range && worst(&p, 0) <= 4;
            for (int c = 1; ok && c < 3; c++)
                ok = s[i].sampling == TJSAMP_GRAY
                         ? p.plane[c][0] == 128 && p.plane[c][p.stride[c] * (p.height / 2 - 1)] == 128
                         : worst(&p, c) <= 5;
            if (!tap_ok(ok, "%s JPEG %dx%d keeps its gradients", s[i].name, w, h) && rc == 0)
                tap_diag("worst %d %d %d", worst(&p, 0), worst(&p, 1), worst(&p, 2));
            ps_picture_free(&p);
            ps_frame_free(&f);
        }
}

static uint64_t sum_of(const struct ps_picture *p) {
    uint64_t sum = 0;
    for (int i = 0; i < 3; i++)
        for (int y = 0; y < (i ? p->height / 2 : p->height); y++)
            for (int x = 0; x < (i ? p->width / 2 : p->width); x++)
                sum = sum * 31 + p->plane[i][y * p->stride[i] + x];
    return sum;
}

static void test_strict(struct ps_decoder *d) {
    struct ps_frame f = {0}, cut = {0};
    struct ps_picture p = {0};
    make_jpeg(&f, 64, 48, TJSAMP_422);
    tap_is_int(ps_decoder_decode(d, &f, &p), 0, "the whole JPEG decodes");
    uint64_t before = sum_of(&p);
    int accepted = 0, changed = 0;
    cut = f;
    for (cut.size = 0; cut.size < f.size; cut.size++) {
        /* on the heap at its exact length, so that the sanitizer sees one byte too far */
        uint8_t *exact = malloc(cut.size ? cut.size : 1);
        memcpy(exact, f.data, cut.size);
        cut.data = exact;
        accepted += ps_decoder_decode(d, &cut, &p) == 0;
        changed += sum_of(&p) != before;
        free(exact);
    }
    tap_is_int(accepted, 0, "no JPEG cut at any length is accepted");
    tap_is_int(changed, 0, "and the picture keeps its old content each time");
    int survived = 0, poisoned = 0;
    for (size_t bit = 0; bit < f.size * 8; bit++) {
        f.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        int rc = ps_decoder_decode(d, &f, &p);
        survived += rc == 0 ? p.width == 64 && p.height == 48 : rc < 0;
        f.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (rc < 0)
            poisoned += ps_decoder_decode(d, &f, &p) != 0 || sum_of(&p) != before;
    }
    tap_is_int(poisoned, 0, "after each refused frame the next good one decodes as ever");
    tap_is_int(survived, (long long)f.size * 8,
               "each flipped bit gives an error or a picture of the agreed size");
    f.width = 128;
    tap_is_int(ps_decoder_decode(d, &f, &p), PS_EFORMAT,
               "a JPEG of another size than the camera's is refused");
    f.width = 64;
    f.damaged = true;
    tap_is_int(ps_decoder_decode(d, &f, &p), PS_EFORMAT, "a frame that is flagged as damaged is refused");
    f.damaged = false;
    uint8_t *data = f.data;
    f.data = NULL;
    tap_is_int(ps_decoder_decode(d, &f, &p), PS_EFORMAT, "an empty frame is refused");
    f.data = data;
    ps_frame_free(&f);
    ps_picture_free(&p);
}

/* Many UVC cameras leave the standard Huffman tables out of each frame. */
static void test_without_tables(struct ps_decoder *d) {
    struct ps_frame f = {0};
    struct ps_picture p = {0};
    make_jpeg(&f, 320, 240, TJSAMP_422);
    ps_decoder_decode(d, &f, &p);
    uint64_t with = sum_of(&p);
    size_t removed = 0;
    for (size_t i = 2; i + 4 < f.size && f.data[i] == 0xff && f.data[i + 1] != 0xda;) {
        size_t n = 2 + ((size_t)f.data[i + 2] << 8 | f.data[i + 3]);
        if (f.data[i + 1] == 0xc4) {
            memmove(f.data + i, f.data + i + n, f.size - i - n);
            f.size -= n;
            removed += n;
        } else {
            i += n;
        }
    }
    tap_ok(removed > 400 && ps_decoder_decode(d, &f, &p) == 0 && sum_of(&p) == with,
           "a JPEG without Huffman tables (%zu bytes fewer) is the same picture", removed);
    ps_frame_free(&f);
    ps_picture_free(&p);
}

static void test_rgb(struct ps_decoder *d) {
    uint8_t rgb[32 * 32 * 4];
    memset(rgb, 90, sizeof rgb);
    tjhandle tj = tjInitCompress();
    unsigned char *jpeg = NULL;
    unsigned long size = 0;
    struct ps_frame f = {.pixels = PS_PIXELS_JPEG, .width = 32, .height = 32};
    struct ps_picture p = {0};
    tjCompress2(tj, rgb, 32, 0, 32, TJPF_CMYK, &jpeg, &size, TJSAMP_444, 90, 0);
    f.data = jpeg;
    f.size = size;
    tap_ok(size > 0 && ps_decoder_decode(d, &f, &p) == PS_EFORMAT,
           "a JPEG of other colours than YCbCr is refused");
    tjFree(jpeg);
    tjDestroy(tj);
    ps_picture_free(&p);
}

static void test_raw(struct ps_decoder *d) {
    static const int sizes[][2] = {{16, 16}, {64, 18}, {66, 20}, {190, 24}, {191, 25}, {640, 16}};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        int w = sizes[k][0], h = sizes[k][1], hw = (w + 1) / 2, hh = (h + 1) / 2;
        struct ps_picture p = {0};
        struct ps_frame f = {.pixels = PS_PIXELS_YUYV, .width = (uint16_t)w, .height = (uint16_t)h};
        f.size = 2 * (size_t)w * (size_t)h;
        f.data = malloc(f.size);
        for (size_t i = 0; i < f.size; i++)
            f.data[i] = (uint8_t)(rand() >> 7);
        bool ok = ps_decoder_decode(d, &f, &p) == 0 && !p.full_range;
        for (int y = 0; ok && y < p.height; y++)
            for (int x = 0; x < p.width; x++) {
                const uint8_t *a = f.data + 2 * (size_t)w * (size_t)(y & ~1) + 4 * (x / 2), *b = a + 2 * w;
                ok &= p.plane[0][y * p.stride[0] + x] == f.data[2 * (w * y + x)];
                ok &= p.plane[1][y / 2 * p.stride[1] + x / 2] == (a[1] + b[1] + 1) / 2;
                ok &= p.plane[2][y / 2 * p.stride[2] + x / 2] == (a[3] + b[3] + 1) / 2;
            }
        tap_ok(ok, "YUYV %dx%d: luma as it is, chroma the mean of two lines", w, h);
        f.size--;
        tap_is_int(ps_decoder_decode(d, &f, &p), PS_EFORMAT, "one byte too few is refused");
        f.pixels = PS_PIXELS_I420;
        f.full_range = true;
        f.size = (size_t)w * (size_t)h + 2 * (size_t)hw * (size_t)hh;
        ok = ps_decoder_decode(d, &f, &p) == 0 && p.full_range;
        for (int y = 0; ok && y < p.height; y++)
            for (int x = 0; x < p.width; x++) {
                const uint8_t *u = f.data + w * h, *v = u + hw * hh;
                ok &= p.plane[0][y * p.stride[0] + x] == f.data[w * y + x];
                ok &= p.plane[1][y / 2 * p.stride[1] + x / 2] == u[y / 2 * hw + x / 2];
                ok &= p.plane[2][y / 2 * p.stride[2] + x / 2] == v[y / 2 * hw + x / 2];
            }
        tap_ok(ok, "I420 %dx%d is taken as it is", w, h);
        f.size--;
        tap_is_int(ps_decoder_decode(d, &f, &p), PS_EFORMAT, "one byte too few is refused");
        free(f.data);
        ps_picture_free(&p);
    }
}

static void test_bounds(void) {
    struct ps_picture p;
    struct ps_frame f = {0};
    tap_is_int(ps_picture_alloc(&p, 0, 16), PS_ELIMIT, "no picture without a width");
    tap_is_int(ps_picture_alloc(&p, 17, 16), PS_ELIMIT, "no picture of odd width");
    tap_is_int(ps_picture_alloc(&p, 16, 8194), PS_ELIMIT, "no picture above the bound");
    tap_is_int(ps_frame_reserve(&f, (size_t)1 << 40), PS_ELIMIT, "no frame above the bound");
    tap_is_int(ps_frame_reserve(&f, 1000), 0, "a frame grows");
    uint8_t *old = f.data;
    tap_ok(ps_frame_reserve(&f, 10) == 0 && f.data == old && f.cap >= 1000, "and does not shrink");
    ps_frame_free(&f);
    struct ps_picture a = {0}, b = {0};
    if (ps_picture_alloc(&a, 34, 18) == 0 && ps_picture_alloc(&b, 34, 18) == 0) {
        scene_draw(&a, 3);
        ps_picture_fill(&b, 16, 128, 128);
        tap_ok(sum_of(&a) != sum_of(&b), "a filled picture is not the scene");
    }
    ps_picture_free(&a);
    ps_picture_free(&b);
}

int main(void) {
    struct ps_decoder *d;
    if (ps_decoder_new(&d) < 0)
        tap_bail("no decoder");
    test_samplings(d);
    test_strict(d);
    test_without_tables(d);
    test_rgb(d);
    test_raw(d);
    test_bounds();
    ps_decoder_free(d);
    return tap_done();
}
