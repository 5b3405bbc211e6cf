/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_TESTS_FUSECAM_PICTURE_H
#define PS_TESTS_FUSECAM_PICTURE_H
/*
 * The pictures of fusecam and the damage done to them: a header-only part of that one program.
 * Everything is painted in RGB and encoded as a camera would: JPEG full range BT.601, 4:2:2, the standard
 * Huffman tables; YUYV and UYVY in BT.601's limited range. One thread uses a struct picture.
 */
#include <dirent.h>
#include <linux/videodev2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

enum {
    PICTURE_PHASES = 8, /* of the moving bars */
    PICTURE_FILES_MAX = 4096,
    PICTURE_CELLS = 32, /* bits of the counter, most significant first */
    PATCH_COLUMNS = 8,
    PATCH_ROWS = 4
};

/* Greys; primaries; skin; parcels and sky (the last row is from the ColorChecker chart, sRGB). */
/* clang-format off */
static const uint8_t picture_patches[PATCH_ROWS * PATCH_COLUMNS][3] = {
    {0, 0, 0}, {36, 36, 36}, {73, 73, 73}, {109, 109, 109},
    {146, 146, 146}, {182, 182, 182}, {219, 219, 219}, {255, 255, 255},

    {255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {0, 255, 255},
    {255, 0, 255}, {255, 255, 0}, {255, 128, 0}, {128, 0, 255},

    {255, 224, 189}, {255, 205, 148}, {234, 192, 134}, {224, 172, 105},
    {198, 134, 66}, {141, 85, 36}, {100, 65, 40}, {60, 40, 30},

    {98, 122, 157}, {87, 108, 67}, {133, 128, 177}, {103, 189, 170},
    {80, 91, 166}, {193, 90, 99}, {157, 188, 64}, {188, 150, 108},
};
/* clang-format on */

enum picture_pattern { PICTURE_BARS, PICTURE_PATCHES, PICTURE_COUNTER };

struct picture_bytes {
    uint8_t *data; /* from tjAlloc */
    size_t size;
};

struct picture {
    enum picture_pattern pattern;
    int width, height;
    uint32_t fourcc;
    tjhandle encoder, decoder;
    uint8_t *rgb;
    struct picture_bytes phase[PICTURE_PHASES]; /* encoded: painting noise takes longer than a frame */
    struct picture_bytes file[PICTURE_FILES_MAX];
    size_t files;
};

/* Paints one rectangle of p->rgb; the edges are inside the picture. */
static void picture_fill(struct picture *p, int left, int top, int right, int bottom, const uint8_t rgb[3]) {
    for (int y = top; y < bottom; y++) {
        uint8_t *at = p->rgb + 3 * ((size_t)y * (size_t)p->width + (size_t)left);
        for (int x = left; x < right; x++, at += 3)
            memcpy(at, rgb, 3);
    }
}

static void picture_paint_patches(struct picture *p) {
    for (int i = 0; i < PATCH_ROWS * PATCH_COLUMNS; i++) {
        int row = i / PATCH_COLUMNS, column = i % PATCH_COLUMNS;
        picture_fill(p, column * p->width / PATCH_COLUMNS, row * p->height / PATCH_ROWS,
                     (column + 1) * p->width / PATCH_COLUMNS, (row + 1) * p->height / PATCH_ROWS,
                     picture_patches[i]);
    }
}

/* The noise makes JPEGs as large as a real sensor's. */
static void picture_paint_bars(struct picture *p, unsigned phase) {
    uint32_t noise = 2463534242u + phase;
    uint8_t *at = p->rgb;
    for (int y = 0; y < p->height; y++) {
        for (int x = 0; x < p->width; x++) {
            int bar = (x + (int)phase * p->width / PICTURE_PHASES) * 8 / p->width % 8;
            noise ^= noise << 13;
            noise ^= noise >> 17;
            noise ^= noise << 5;
            int grain = (int)(noise % 24);
            *at++ = (uint8_t)((bar & 1 ? 200 : 24) + grain);
            *at++ = (uint8_t)((bar & 2 ? 200 : 24) + grain);
            *at++ = (uint8_t)((bar & 4 ? 200 : 24) + grain);
        }
    }
}

/* The frame's number, as 32 cells for tests (white is 1) and below them as decimal digits for people. */
static void picture_paint_counter(struct picture *p, uint32_t number) {
    static const uint8_t white[3] = {255, 255, 255}, black[3] = {0, 0, 0}, grey[3] = {96, 96, 96};
    static const uint16_t digits[10] = {075557, 026227, 071747, 071717, 055711,
                                        074717, 074757, 071111, 075757, 075717}; /* 5 rows of 3 dots */
    const int top = p->height * 3 / 8, middle = p->height / 2, dot = p->height / 40;

    picture_fill(p, 0, 0, p->width, p->height, grey);
    for (int i = 0; i < PICTURE_CELLS; i++)
        picture_fill(p, i * p->width / PICTURE_CELLS, top, (i + 1) * p->width / PICTURE_CELLS, middle,
                     number >> (PICTURE_CELLS - 1 - i) & 1 ? white : black);
    char text[16];
    int length = snprintf(text, sizeof text, "%u", number);
    for (int i = 0; i < length; i++) {
        uint16_t glyph = digits[text[i] - '0'];
        for (int bit = 0; bit < 15; bit++) {
            int x = (2 + 4 * i + bit % 3) * dot, y = middle + (2 + bit / 3) * dot;
            if (glyph >> (14 - bit) & 1 && x + dot <= p->width)
                picture_fill(p, x, y, x + dot, y + dot, white);
        }
    }
}

/* BT.601 limited range in 16.16 fixed point; chroma is the mean of two pixels. */
static void picture_rgb_to_422(const struct picture *p, uint8_t *out) {
    const size_t luma = p->fourcc == V4L2_PIX_FMT_UYVY ? 1 : 0, chroma = 1 - luma;
    const size_t pairs = (size_t)p->width * (size_t)p->height / 2;
    const int half = 1 << 15;

    for (size_t i = 0; i < pairs; i++, out += 4) {
        const uint8_t *a = p->rgb + 6 * i;
        int r = a[0] + a[3], g = a[1] + a[4], b = a[2] + a[5];
        out[luma] = (uint8_t)((16829 * a[0] + 33039 * a[1] + 6416 * a[2] + (16 << 16) + half) >> 16);
        out[luma + 2] = (uint8_t)((16829 * a[3] + 33039 * a[4] + 6416 * a[5] + (16 << 16) + half) >> 16);
        out[chroma] = (uint8_t)((-9714 * r - 19070 * g + 28784 * b + (256 << 16) + 2 * half) >> 17);
        out[chroma + 2] = (uint8_t)((28784 * r - 24103 * g - 4681 * b + (256 << 16) + 2 * half) >> 17);
    }
}

/* Encodes p->rgb into *out, whose buffer is made at the first call and holds any picture of this size. */
static bool picture_encode(struct picture *p, struct picture_bytes *out) {
    unsigned long size = tjBufSize(p->width, p->height, TJSAMP_422);
    if (!out->data)
        out->data = tjAlloc((int)size);
    if (!out->data)
        return false;
    if (p->fourcc == V4L2_PIX_FMT_MJPEG) {
        int quality = p->pattern == PICTURE_PATCHES ? 95 : 80;
        if (tjCompress2(p->encoder, p->rgb, p->width, 0, p->height, TJPF_RGB, &out->data, &size, TJSAMP_422,
                        quality, TJFLAG_ACCURATEDCT | TJFLAG_NOREALLOC) != 0)
            return false;
        out->size = size;
    } else {
        picture_rgb_to_422(p, out->data);
        out->size = (size_t)p->width * (size_t)p->height * 2;
    }
    return true;
}

/* What is kept encoded belongs to one size and format. */
static bool picture_reset(struct picture *p, int width, int height, uint32_t fourcc) {
    if (p->rgb && p->width == width && p->height == height && p->fourcc == fourcc)
        return true;
    for (size_t i = 0; i < PICTURE_PHASES; i++) {
        tjFree(p->phase[i].data);
        p->phase[i] = (struct picture_bytes){0};
    }
    free(p->rgb);
    p->rgb = malloc((size_t)width * (size_t)height * 3);
    p->width = width;
    p->height = height;
    p->fourcc = fourcc;
    if (!p->encoder)
        p->encoder = tjInitCompress();
    if (!p->decoder)
        p->decoder = tjInitDecompress();
    return p->rgb && p->encoder && p->decoder;
}

/* Frame `number` of the given size and format. The bytes are lent until the next call; NULL: cannot. */
static const struct picture_bytes *picture_make(struct picture *p, int width, int height, uint32_t fourcc,
                                                uint32_t number) {
    if (!picture_reset(p, width, height, fourcc))
        return NULL;
    struct picture_bytes *out = &p->phase[0];
    if (p->files) {
        const struct picture_bytes *file = &p->file[number % p->files];
        if (fourcc == V4L2_PIX_FMT_MJPEG)
            return file;
        if (tjDecompress2(p->decoder, file->data, file->size, p->rgb, width, 0, height, TJPF_RGB, 0) != 0)
            return NULL;
    } else if (p->pattern == PICTURE_COUNTER) {
        picture_paint_counter(p, number);
    } else if (p->pattern == PICTURE_PATCHES) {
        if (out->data)
            return out;
        picture_paint_patches(p);
    } else {
        out = &p->phase[number % PICTURE_PHASES];
        if (out->data)
            return out;
        picture_paint_bars(p, number % PICTURE_PHASES);
    }
    return picture_encode(p, out) ? out : NULL;
}

static bool picture_load_file(struct picture_bytes *out, const char *path) {
    FILE *f = fopen(path, "rb");
    long size = -1;
    if (f && fseek(f, 0, SEEK_END) == 0)
        size = ftell(f);
    bool ok = size > 0 && size <= (1 << 24) && fseek(f, 0, SEEK_SET) == 0;
    if (ok) {
        out->data = tjAlloc((int)size);
        out->size = (size_t)size;
        ok = out->data && fread(out->data, 1, out->size, f) == out->size;
    }
    if (f)
        fclose(f);
    return ok;
}

static int picture_is_jpg(const struct dirent *entry) {
    const char *dot = strrchr(entry->d_name, '.');
    return dot && (strcmp(dot, ".jpg") == 0 || strcmp(dot, ".jpeg") == 0);
}

/* Takes the .jpg files of a folder, in the order of their names; they must be of one size, given back. */
static bool picture_load(struct picture *p, const char *folder, int *width, int *height) {
    struct dirent **names = NULL;
    int count = scandir(folder, &names, picture_is_jpg, alphasort);
    bool ok = count > 0 && count <= PICTURE_FILES_MAX;
    tjhandle header = tjInitDecompress();

    for (int i = 0; i < count; i++) {
        char path[4096];
        struct picture_bytes *file = &p->file[p->files];
        int w = 0, h = 0, sampling, space;
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        if (ok) {
            ok = picture_load_file(file, path) &&
                 tjDecompressHeader3(header, file->data, file->size, &w, &h, &sampling, &space) == 0 &&
                 file->size <= (size_t)w * (size_t)h * 2 && /* what a buffer holds */
                 (i == 0 || (w == *width && h == *height));
            if (!ok)
                fprintf(stderr, "fusecam: %s: no JPEG, or too many bytes, or another size than the first\n",
                        path);
            *width = w;
            *height = h;
            p->files++;
        }
        free(names[i]);
    }
    free(names);
    tjDestroy(header);
    return ok;
}

/* Where the entropy-coded data begin: after the SOS segment. Up to `size` when there are none. */
static size_t picture_entropy(const uint8_t *data, size_t size) {
    size_t at = 2;
    while (size - at > 4 && data[at] == 0xff) {
        size_t length = (size_t)data[at + 2] << 8 | data[at + 3];
        bool scan = data[at + 1] == 0xda;
        if (length + 2 > size - at)
            return size;
        at += length + 2;
        if (scan)
            return at;
    }
    return size;
}

/* The length that cuts a JPEG in the middle of its picture: no EOI, no marker begun. */
static size_t picture_truncated(const uint8_t *data, size_t size) {
    size_t begin = picture_entropy(data, size), end = begin + (size - begin) / 2;
    while (end > begin && data[end - 1] == 0xff)
        end--;
    return end;
}

/*
 * Overwrites part of the entropy-coded data with ones (as stuffed bytes FF 00). No code of the standard
 * Huffman tables is all ones, so a decoder is sure to notice; it goes on and paints rubbish from there.
 * Restart markers and EOI stay as they are.
 */
static void picture_corrupt(uint8_t *data, size_t size) {
    enum { RUN = 64 };
    size_t begin = picture_entropy(data, size), at = begin + (size - begin) / 2;

    for (size_t tries = 0; size - at > RUN + 2; at++) {
        size_t i = 0;
        while (i < RUN && !(data[at + i] == 0xff && data[at + i + 1] != 0))
            i++;
        if (i == RUN && data[at - 1] != 0xff)
            break;
        if (++tries == 65536)
            return;
    }
    for (size_t i = 0; i < RUN && size - at > RUN + 2; i += 2) {
        data[at + i] = 0xff;
        data[at + i + 1] = 0;
    }
}

#endif
