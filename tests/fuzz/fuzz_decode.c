/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Camera frames: u8 kind ‖ u16 width ‖ u16 height ‖ bytes. Whatever comes, a picture of the agreed size or an error, and
 * the decoder still takes a good frame afterwards. The same for the smaller pictures that people look at: a JPEG, or an error.
 */
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#include "evidence/bytes.h"
#include "recorder/decode.h"
#include "recorder/preview_picture.h"
#include "tests/fuzz/fuzz.h"

static struct ps_decoder *decoder;
static struct ps_preview_picture *preview;
static unsigned char *good;
static unsigned long good_size;
static volatile unsigned sink; /* every sample is read, for the sanitizers */

static void prepare(void) {
    uint8_t luma[16 * 16], chroma[8 * 16];
    const unsigned char *planes[3] = {luma, chroma, chroma};
    tjhandle tj = tjInitCompress();
    memset(luma, 90, sizeof luma);
    memset(chroma, 120, sizeof chroma);
    if (tj == NULL ||
        tjCompressFromYUVPlanes(tj, planes, 16, NULL, 16, TJSAMP_422, &good, &good_size, 90, 0) != 0 ||
        ps_decoder_new(&decoder) < 0 || ps_preview_picture_new(&preview) < 0)
        abort();
    tjDestroy(tj);
}

/* For a width that makes it as it is, and for one that makes it small; then each part, whether it was told or not. */
static void look(const struct ps_frame *f) {
    static const int parts[] = {0, 1, 2, 4, 8};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        const uint8_t *p;
        size_t n;
        int told = ps_preview_picture_part(preview, f, i % 2 ? 4 : 640);
        if (told > 8 || (told == 0 && f->pixels != PS_PIXELS_JPEG))
            abort();
        if ((f->pixels != PS_PIXELS_JPEG && parts[i] == 0) ||
            ps_preview_picture_jpeg(preview, f, parts[i], &p, &n) < 0)
            continue;
        if (told < 0 || n < 4 || n > PS_PREVIEW_PICTURE_MAX || p[0] != 0xff || p[1] != 0xd8)
            abort();
        sink = p[n - 1];
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ps_picture p = {0};
    struct ps_rd r = ps_rd_of(data, size);
    if (decoder == NULL)
        prepare();
    struct ps_frame f = {.pixels = (enum ps_pixels)(ps_rd_u8(&r) % 3)};
    f.width = ps_rd_u16(&r);
    f.height = ps_rd_u16(&r);
    if (r.err != 0 || (size_t)f.width * f.height > 1 << 20)
        return 0;
    f.size = r.left;
    f.data = malloc(f.size ? f.size : 1); /* exact, so that the sanitizer sees one byte too far */
    if (f.data == NULL)
        return 0;
    memcpy(f.data, r.p, f.size);
    look(&f);
    if (ps_decoder_decode(decoder, &f, &p) == 0) {
        unsigned sum = 0;
        if (p.width != (f.width & ~1) || p.height != (f.height & ~1))
            abort();
        for (int i = 0; i < 3; i++)
            for (int y = 0; y < (i ? p.height / 2 : p.height); y++)
                for (int x = 0; x < (i ? p.width / 2 : p.width); x++)
                    sum += p.plane[i][y * p.stride[i] + x];
        sink = sum;
    }
    free(f.data);
    f = (struct ps_frame){
        .pixels = PS_PIXELS_JPEG, .width = 16, .height = 16, .data = good, .size = good_size};
    if (ps_decoder_decode(decoder, &f, &p) != 0 || abs(p.plane[0][0] - 90) > 2)
        abort();
    ps_picture_free(&p);
    return 0;
}
