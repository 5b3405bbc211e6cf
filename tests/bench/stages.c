/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the time of one recorded picture goes: milliseconds of CPU a frame of each stage, one thread.
 *
 *     stages [WIDTHxHEIGHT] [FRAMES] [QP]        (1920x1080, 150 frames, qp 29)
 *
 * Film: box-640x480.mp4 ($PACKSEAL_FOOTAGE, or beside the source tree) scaled up with a sensor's noise added, as a camera
 * would deliver it: MJPEG 4:2:2, full range. Without it or without ffmpeg a drawn scene, and the table says so.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <turbojpeg.h>

#include "evidence/record.h"
#include "recorder/burn.h"
#include "recorder/decode.h"
#include "recorder/encoder.h"
#include "recorder/mp4w.h"
#include "tests/unit/scene.h"

#define MAX_FRAMES 600
#define ROUNDS 5
#define GOP 60

enum stage { JPEG, CHROMA, YUYV, BANNER, ENCODE, KEYFRAME, WRITE, N_STAGES };

static const char *const names[N_STAGES] = {"JPEG to planes (libturbojpeg alone)",
                                            "4:2:2 to 4:2:0, checks",
                                            "YUYV to 4:2:0 (instead of both)",
                                            "banner",
                                            "H.264, pictures between",
                                            "H.264, keyframes",
                                            "records, fragments, fdatasync"};

static struct ps_frame film[MAX_FRAMES];
static int n_film;
static double ms[N_STAGES][ROUNDS];
static double mbit;

static _Noreturn void die(const char *what) {
    fprintf(stderr, "stages: %s\n", what);
    exit(1);
}

static double cpu_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* ---- material ---- */

static void add_jpeg(const uint8_t *p, size_t n, int width, int height) {
    struct ps_frame *f = &film[n_film++];
    if (ps_frame_reserve(f, n) < 0)
        die("out of memory");
    memcpy(f->data, p, n);
    f->size = n;
    f->pixels = PS_PIXELS_JPEG;
    f->width = (uint16_t)width;
    f->height = (uint16_t)height;
}

/* A stream of JPEGs, one after another: each begins with FF D8 FF and ends where the next one begins. */
static void load_film(const char *path, int width, int height, int frames) {
    char cmd[2048];
    size_t cap = (size_t)frames * (size_t)width * (size_t)height / 2, n, at = 0;
    uint8_t *all = malloc(cap);
    snprintf(cmd, sizeof cmd,
             "ffmpeg -v quiet -i '%s' -frames:v %d -vf "
             "'scale=%d:%d:flags=bicubic,noise=c0s=4:c0f=t:c1s=2:c1f=t:c2s=2:c2f=t,"
             "scale=out_range=full,format=yuvj422p' -c:v mjpeg -huffman default -q:v 6 -threads 1 -f mjpeg -",
             path, frames, width, height);
    FILE *f = popen(cmd, "r");
    if (all == NULL || f == NULL)
        die("no memory or no ffmpeg");
    n = fread(all, 1, cap, f);
    pclose(f);
    for (size_t i = 3; i + 3 <= n && n_film < frames; i++)
        if (memcmp(all + i, "\xff\xd8\xff", 3) == 0) {
            add_jpeg(all + at, i - at, width, height);
            at = i;
        }
    if (n > at && n_film < frames)
        add_jpeg(all + at, n - at, width, height);
    free(all);
}

static void draw_film(int width, int height, int frames) {
    struct ps_picture p;
    tjhandle tj = tjInitCompress();
    if (tj == NULL || ps_picture_alloc(&p, (uint16_t)width, (uint16_t)height) < 0)
        die("out of memory");
    for (int i = 0; i < frames; i++) {
        const unsigned char *planes[3];
        unsigned char *jpeg = NULL;
        unsigned long size = 0;
        scene_draw(&p, i);
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                p.plane[0][y * p.stride[0] + x] = (uint8_t)(p.plane[0][y * p.stride[0] + x] + rand() % 5);
        for (int k = 0; k < 3; k++)
            planes[k] = p.plane[k];
        if (tjCompressFromYUVPlanes(tj, planes, width, p.stride, height, TJSAMP_420, &jpeg, &size, 85, 0) !=
            0)
            die("cannot make a JPEG");
        add_jpeg(jpeg, size, width, height);
        tjFree(jpeg);
    }
    tjDestroy(tj);
    ps_picture_free(&p);
}

/* ---- stages ---- */

static void time_jpeg(int round, int width, int height) {
    tjhandle tj = tjInitDecompress();
    size_t luma = (size_t)width * (size_t)height;
    uint8_t *room = calloc(3, luma);
    unsigned char *planes[3] = {room, room + luma, room + 2 * luma};
    int strides[3] = {width, width / 2, width / 2};
    double t = cpu_ms();
    for (int i = 0; i < n_film; i++)
        if (tjDecompressToYUVPlanes(tj, film[i].data, film[i].size, planes, 0, strides, 0, 0) != 0)
            die(tjGetErrorStr2(tj));
    ms[JPEG][round] = (cpu_ms() - t) / n_film;
    tjDestroy(tj);
    free(room);
}

static void time_yuyv(int round, struct ps_decoder *d, int width, int height) {
    struct ps_frame f = {.pixels = PS_PIXELS_YUYV, .width = (uint16_t)width, .height = (uint16_t)height};
    struct ps_picture p = {0};
    size_t n = 2 * (size_t)width * (size_t)height;
    if (ps_frame_reserve(&f, n) < 0)
        die("out of memory");
    memset(f.data, 100, n);
    f.size = n;
    for (int i = 0; i < 3; i++)
        ps_decoder_decode(d, &f, &p);
    double t = cpu_ms();
    for (int i = 0; i < 50; i++)
        ps_decoder_decode(d, &f, &p);
    ms[YUYV][round] = (cpu_ms() - t) / 50;
    ps_frame_free(&f);
    ps_picture_free(&p);
}

struct path { /* the rest of the way, as the recorder goes it */
    struct ps_decoder *decoder;
    struct ps_burn *burn;
    struct ps_encoder *encoder;
    struct ps_mp4w *film;
    struct ps_mp4w_sample samples[GOP];
    uint8_t *gop;
    size_t used;
    uint32_t n;
};

static void open_path(struct path *p, const char *dir, int width, int height, int qp) {
    struct ps_why why = {.text = "out of memory"};
    const struct ps_encoder_spec s = {.width = (uint16_t)width,
                                      .height = (uint16_t)height,
                                      .fps = 30,
                                      .qp = (uint8_t)qp,
                                      .full_range = true};
    *p = (struct path){.gop = malloc((size_t)32 << 20)};
    int fd = open(dir, O_RDONLY | O_DIRECTORY);
    if (p->gop == NULL || fd < 0 || ps_decoder_new(&p->decoder) < 0 ||
        ps_burn_new(&p->burn, s.width, s.height, NULL, &why) < 0 || ps_encoder_new(&p->encoder, &s, &why) < 0)
        die(why.text);
    struct ps_mp4w_spec m = {.width = s.width, .height = s.height, .full_range = true};
    m.avcc = ps_encoder_avcc(p->encoder, &m.avcc_len);
    unlinkat(fd, "film.mp4", 0);
    if (ps_mp4w_create(&p->film, fd, "film.mp4", &m, &why) < 0)
        die(why.text);
    ps_burn_set(p->burn, &(struct ps_banner_text){.codes = "SF1234567890123",
                                                  .station = "打包三号台",
                                                  .operator_id = "0017",
                                                  .clip = "ST03-0000123"});
    close(fd);
}

static void write_gop(struct path *p) {
    struct ps_record_builder b;
    struct ps_record r;
    struct ps_why why;
    const uint8_t avcc[32] = {0}, *at = p->gop;
    uint64_t offset;
    ps_record_begin(&b, 0, 0, 0, avcc);
    for (uint32_t i = 0; i < p->n; i++) {
        ps_record_add(&b, at, p->samples[i].size, p->samples[i].ticks);
        at += p->samples[i].size;
    }
    if (ps_record_end(&b, &r) < 0 ||
        ps_mp4w_fragment(p->film, p->samples, p->n, p->gop, p->used, &offset, &why) < 0)
        die("cannot write the film");
    p->n = 0;
    p->used = 0;
}

static void time_path(int round, const char *dir, int width, int height, int qp) {
    struct path p;
    struct ps_picture picture = {0};
    double sum[N_STAGES] = {0};
    int keys = 0;
    uint64_t bytes = 0, size;
    uint8_t sha[32];
    open_path(&p, dir, width, height, qp);
    for (int i = 0; i < n_film; i++) {
        struct ps_access_unit u;
        double t0 = cpu_ms();
        if (ps_decoder_decode(p.decoder, &film[i], &picture) < 0)
            die("a frame does not decode");
        double t1 = cpu_ms();
        ps_burn_draw(p.burn, &picture, 1795248930123000000LL + i * 33333333LL, 28800, false, (uint64_t)i);
        double t2 = cpu_ms();
        if (ps_encoder_encode(p.encoder, &picture, (int64_t)i * 3000, i % GOP == 0, &u) < 0)
            die("a frame does not encode");
        double t3 = cpu_ms();
        memcpy(p.gop + p.used, u.data, u.size);
        p.used += u.size;
        p.samples[p.n++] = (struct ps_mp4w_sample){.size = u.size, .ticks = 3000};
        bytes += u.size;
        if (p.n == GOP || i + 1 == n_film)
            write_gop(&p);
        sum[CHROMA] += t1 - t0;
        sum[BANNER] += t2 - t1;
        sum[u.idr ? KEYFRAME : ENCODE] += t3 - t2;
        keys += u.idr;
        sum[WRITE] += cpu_ms() - t3;
    }
    if (ps_mp4w_finish(p.film, &size, sha, NULL) < 0)
        die("cannot finish the film");
    ms[CHROMA][round] = sum[CHROMA] / n_film - ms[JPEG][round];
    ms[BANNER][round] = sum[BANNER] / n_film;
    ms[ENCODE][round] = n_film > keys ? sum[ENCODE] / (n_film - keys) : 0;
    ms[KEYFRAME][round] = sum[KEYFRAME] / keys;
    ms[WRITE][round] = sum[WRITE] / n_film;
    mbit = (double)bytes * 8 * 30 / n_film / 1e6;
    time_yuyv(round, p.decoder, width, height);
    ps_picture_free(&picture);
    ps_decoder_free(p.decoder);
    ps_burn_free(p.burn);
    ps_encoder_free(p.encoder);
    free(p.gop);
}

/* ---- the table ---- */

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_table(int width, int height, int qp, const char *what) {
    double median[N_STAGES];
    struct rusage use;
    for (int i = 0; i < N_STAGES; i++) {
        qsort(ms[i], ROUNDS, sizeof ms[i][0], compare);
        median[i] = ms[i][ROUNDS / 2];
    }
    printf("%dx%d, %d frames of %s, qp %d; ms of CPU a frame, median of %d rounds\n", width, height, n_film,
           what, qp, ROUNDS);
    for (int i = 0; i < N_STAGES; i++)
        printf("  %-38s %8.3f   (%.3f to %.3f)\n", names[i], median[i], ms[i][0], ms[i][ROUNDS - 1]);
    double encode = (median[ENCODE] * (GOP - 1) + median[KEYFRAME]) / GOP;
    double all = median[JPEG] + median[CHROMA] + median[BANNER] + encode + median[WRITE];
    getrusage(RUSAGE_SELF, &use);
    printf("  %-38s %8.3f   = %.3f CPU at 30 pictures a second\n", "all, MJPEG, a keyframe in 60", all,
           all * 0.03);
    printf("  %.2f Mbit/s; memory with all frames loaded %ld MB\n", mbit, use.ru_maxrss / 1024);
}

int main(int argc, char **argv) {
    int width = 1920, height = 1080, frames = 150, qp = 29;
    if (argc > 1 && sscanf(argv[1], "%dx%d", &width, &height) != 2)
        die("usage: stages [WIDTHxHEIGHT] [FRAMES] [QP]");
    if (argc > 2)
        frames = (int)strtol(argv[2], NULL, 10);
    if (argc > 3)
        qp = (int)strtol(argv[3], NULL, 10);
    if (frames < 1 || frames > MAX_FRAMES || width < 16 || height < 16)
        die("1 to 600 frames, at least 16x16");
    const char *path = scene_footage("box-640x480.mp4");
    if (path != NULL && scene_has_ffmpeg())
        load_film(path, width, height, frames);
    bool real = n_film > 0;
    if (!real)
        draw_film(width, height, frames);
    char dir[] = "/tmp/packseal-stages-XXXXXX";
    if (mkdtemp(dir) == NULL)
        die("no folder in /tmp");
    for (int i = 0; i < ROUNDS; i++) {
        time_jpeg(i, width, height);
        time_path(i, dir, width, height, qp);
    }
    print_table(width, height, qp, real ? "real film with noise" : "a DRAWN scene (no film here)");
    scene_remove(dir);
    for (int i = 0; i < n_film; i++)
        ps_frame_free(&film[i]);
    return 0;
}
