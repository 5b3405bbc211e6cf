/* SPDX-License-Identifier: GPL-3.0-or-later */
/* H.264: keyframes only where asked, one avcC for every QP, no parameter sets in band. */
#include <stdlib.h>
#include <string.h>

#include "evidence/mp4.h"
#include "recorder/encoder.h"
#include "tests/unit/scene.h"
#include "tests/unit/tap.h"

#define STEP 3000 /* ticks of a frame at 30 a second */

static struct ps_encoder *open_encoder(int w, int h, int qp, bool full) {
    struct ps_encoder *e = NULL;
    struct ps_why why = {.text = ""};
    const struct ps_encoder_spec s = {
        .width = (uint16_t)w, .height = (uint16_t)h, .fps = 30, .qp = (uint8_t)qp, .full_range = full};
    if (ps_encoder_new(&e, &s, &why) < 0)
        tap_bail("encoder: %s: %s", why.where, why.text);
    return e;
}

static void test_keyframes(void) {
    struct ps_encoder *e = open_encoder(320, 240, 29, true);
    struct ps_picture p;
    char keys[256] = "";
    size_t n = 0;
    int bad = 0, empty = 0;
    ps_picture_alloc(&p, 320, 240);
    p.full_range = true;
    for (int i = 0; i < 700; i++) {
        struct ps_access_unit u;
        if (i < 120 || i == 400)
            scene_draw(&p, i);
        if (i == 50) /* a cut to black and back must not make a keyframe by itself */
            ps_picture_fill(&p, 0, 128, 128);
        if (ps_encoder_encode(e, &p, (int64_t)i * STEP, i == 37 || i == 38 || i == 95, &u) < 0)
            tap_bail("frame %d does not encode", i);
        if (u.idr)
            n += (size_t)snprintf(keys + n, sizeof keys - n, "%d ", i);
        bad += ps_mp4_nal_ok(u.data, u.size, u.idr) != 0;
        empty += u.size == 0;
    }
    tap_is_str(keys, "0 37 38 95 ", "IDR pictures are the first one and those asked for, in 700");
    tap_is_int(bad, 0, "every access unit is slices and SEI in whole NAL units, without parameter sets");
    tap_is_int(empty, 0, "every picture gives its access unit at once");
    ps_picture_free(&p);
    ps_encoder_free(e);
}

static void test_avcc(void) {
    static const int qps[] = {1, 20, 29, 34, 51};
    uint8_t first[1024];
    size_t first_n = 0, n;
    for (size_t i = 0; i < sizeof qps / sizeof qps[0]; i++) {
        struct ps_encoder *e = open_encoder(640, 480, qps[i], true);
        const uint8_t *a = ps_encoder_avcc(e, &n);
        char codec[16];
        ps_encoder_codec(e, codec);
        if (i == 0) {
            memcpy(first, a, first_n = n);
            tap_ok(n > 30 && a[0] == 1 && a[1] == 100 && a[4] == 0xff && a[5] == 0xe1,
                   "avcC is version 1, High, 4-byte lengths");
            tap_ok(strncmp(codec, "avc1.6400", 9) == 0 && strlen(codec) == 11, "codec string %s", codec);
        } else {
            tap_ok(n == first_n && memcmp(a, first, n) == 0, "qp %d has the same avcC", qps[i]);
        }
        ps_encoder_free(e);
    }
    struct ps_encoder *e = open_encoder(640, 480, 29, false);
    const uint8_t *a = ps_encoder_avcc(e, &n);
    tap_ok(n != first_n || memcmp(a, first, n) != 0, "limited range has another avcC: the range is flagged");
    ps_encoder_free(e);
}

static void test_refusals(void) {
    struct ps_encoder *e = NULL;
    struct ps_why why;
    struct ps_encoder_spec s = {.width = 641, .height = 480, .fps = 30, .qp = 29};
    tap_is_int(ps_encoder_new(&e, &s, &why), PS_EINVAL, "odd width is refused");
    s.width = 640;
    s.qp = 52;
    tap_is_int(ps_encoder_new(&e, &s, &why), PS_EINVAL, "qp 52 is refused");
    e = open_encoder(64, 48, 29, true);
    struct ps_picture p, other;
    struct ps_access_unit u;
    ps_picture_alloc(&p, 64, 48);
    ps_picture_alloc(&other, 64, 32);
    other.full_range = true;
    tap_is_int(ps_encoder_encode(e, &p, 0, false, &u), PS_EINVAL, "a picture of another range is refused");
    p.full_range = true;
    tap_is_int(ps_encoder_encode(e, &other, 0, false, &u), PS_EINVAL, "a picture of another size is refused");
    tap_is_int(ps_encoder_encode(e, &p, 0, false, &u), 0, "the right one is taken");
    tap_is_int(ps_encoder_encode(e, &p, 0, false, &u), PS_EINVAL, "the same time stamp twice is refused");
    tap_is_int(ps_encoder_encode(e, &p, 1, false, &u), 0, "one tick later is taken");
    tap_ok(!u.idr, "and is no keyframe");
    ps_picture_free(&p);
    ps_picture_free(&other);
    ps_encoder_free(e);
}

/* The lent picture must be the one that is coded: a stream of flat pictures, each of its own grey. */
static void test_lent(void) {
    struct ps_encoder *e = open_encoder(64, 48, 20, true);
    struct ps_picture p[2];
    char path[300], cmd[700];
    const char *dir = scene_folder();
    snprintf(path, sizeof path, "%s/grey.h264", dir);
    FILE *f = fopen(path, "wb");
    size_t n;
    const uint8_t *a = ps_encoder_avcc(e, &n), start[4] = {0, 0, 0, 1};
    size_t sps = (size_t)a[6] << 8 | a[7], pps = (size_t)a[9 + sps] << 8 | a[10 + sps];
    fwrite(start, 1, 4, f);
    fwrite(a + 8, 1, sps, f);
    fwrite(start, 1, 4, f);
    fwrite(a + 11 + sps, 1, pps, f);
    for (int i = 0; i < 2; i++) {
        ps_picture_alloc(&p[i], 64, 48);
        p[i].full_range = true;
    }
    for (int i = 0; i < 20; i++) { /* two buffers in turn, as the recorder does */
        struct ps_access_unit u;
        ps_picture_fill(&p[i % 2], (uint8_t)(40 + 10 * i), 128, 128);
        ps_encoder_encode(e, &p[i % 2], (int64_t)i * STEP, false, &u);
        for (uint32_t at = 0; at + 4 <= u.size;) {
            uint32_t len = (uint32_t)u.data[at] << 24 | (uint32_t)u.data[at + 1] << 16 |
                           (uint32_t)u.data[at + 2] << 8 | u.data[at + 3];
            fwrite(start, 1, 4, f);
            fwrite(u.data + at + 4, 1, len, f);
            at += 4 + len;
        }
    }
    fclose(f);
    if (!scene_has_ffmpeg()) {
        tap_diag("NOT CHECKED: what was coded: ffmpeg is missing: run: make deps");
        tap_skip("no ffmpeg");
    } else {
        snprintf(cmd, sizeof cmd,
                 "ffmpeg -v warning -i %s -f rawvideo -pix_fmt gray -vf extractplanes=y %s/out.y", path, dir);
        tap_is_str(scene_run(cmd), "", "ffmpeg decodes the stream without a word");
        snprintf(path, sizeof path, "%s/out.y", dir);
        f = fopen(path, "rb");
        uint8_t y[64 * 48];
        int wrong = 0, frames = 0;
        for (; f != NULL && fread(y, 1, sizeof y, f) == sizeof y; frames++)
            wrong += abs(y[64 * 24 + 32] - (40 + 10 * frames)) > 4;
        if (f != NULL)
            fclose(f);
        tap_is_int(frames, 20, "20 pictures come out");
        tap_is_int(wrong, 0, "each with its own grey");
    }
    for (int i = 0; i < 2; i++)
        ps_picture_free(&p[i]);
    ps_encoder_free(e);
    scene_remove(dir);
}

int main(void) {
    test_keyframes();
    test_avcc();
    test_refusals();
    test_lent();
    return tap_done();
}
