/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What reading labels and judging pictures costs, and at which size, angle and blur a label is read.
 *
 *     label [FRAMES]        (30: fifteen seconds of looks)
 *
 * Film: box-640x480.mp4 ($PACKSEAL_FOOTAGE, or beside the source tree) scaled to 1920x1080, a label printed by libzint
 * laid in by ffmpeg, a sensor's noise added, coded and decoded as motion JPEG 4:2:2 at a camera's quality.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "recorder/gauge.h"
#include "recorder/label.h"
#include "tests/unit/printed.h"
#include "tests/unit/scene.h"

#define W 1920
#define H 1080
#define LABEL_W 480
#define LABEL_H 300
#define OWN "SF1234567890123"
#define MAX_FRAMES 120

static uint8_t *frames[MAX_FRAMES];
static int n_frames;
static char dir[] = "/tmp/packseal-label-XXXXXX";

static _Noreturn void die(const char *what) {
    fprintf(stderr, "label: %s\n", what);
    exit(1);
}

static double cpu_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* ---- material ---- */

enum what { NO_LABEL, OWN_LABEL, OTHER_LABEL, QR_LABEL };

/* White, with bars two pixels a module (LABEL_W pixels hold 145 modules and margins), or QR of six. */
static void print_label(enum what what) {
    char path[128];
    struct ps_picture p;

    if (ps_picture_alloc(&p, LABEL_W, LABEL_H) < 0)
        die("out of memory");
    ps_picture_fill(&p, 235, 128, 128);
    if (what == QR_LABEL
            ? !printed_code(&p, BARCODE_QRCODE, OWN, 120, 40, 6)
            : !printed_code(&p, BARCODE_CODE128, what == OWN_LABEL ? OWN : "YT7654321098765", 40, 40, 2))
        die("libzint prints no label");
    snprintf(path, sizeof path, "%s/label.pgm", dir);
    FILE *f = fopen(path, "wb");
    if (f == NULL)
        die(path);
    fprintf(f, "P5 %d %d 255\n", LABEL_W, LABEL_H);
    for (int y = 0; y < LABEL_H; y++)
        fwrite(p.plane[0] + y * p.stride[0], 1, LABEL_W, f);
    fclose(f);
    ps_picture_free(&p);
}

/* module: pixels of the picture that one bar's module takes; angle in degrees; blur: sigma in pixels. */
static void make_frames(enum what what, double module, int angle, double blur, int count) {
    char cmd[2048], label[512] = "[0]null";
    double scale = module / (what == QR_LABEL ? 6 : 2);

    print_label(what == NO_LABEL ? OWN_LABEL : what); /* an input that is not used must be there, too */
    if (what != NO_LABEL) {
        snprintf(label, sizeof label,
                 "[1]format=yuva420p,scale=iw*%.3f:ih*%.3f:flags=area,rotate=%d*PI/"
                 "180:c=none:ow=hypot(iw\\,ih):oh=ow[l];"
                 "[0][l]overlay=80+(main_w-overlay_w-160)/2:main_h-overlay_h-20",
                 scale, scale, angle);
    }
    snprintf(
        cmd, sizeof cmd,
        "ffmpeg -v quiet -nostdin -ss 1 -i '%s' -loop 1 -i '%s/label.pgm' -filter_complex "
        "\"[0]scale=%d:-1:flags=bicubic,crop=%d:%d,fps=%d[b];%s%s,gblur=sigma=%.1f,noise=c0s=4:c0f=t,"
        "scale=out_range=full,format=yuvj422p\" -frames:v %d -c:v mjpeg -huffman default -q:v 6 -f mjpeg - "
        "| ffmpeg -v quiet -nostdin -f mjpeg -i - -pix_fmt gray -f rawvideo -",
        scene_footage("box-640x480.mp4"), dir, W, W, H, 2, what == NO_LABEL ? "[b]" : "",
        what == NO_LABEL ? "null" : strstr(label, "[1]"), blur > 0 ? blur : 0.01, count);
    for (char *at; what != NO_LABEL && (at = strstr(cmd, "[0][l]")) != NULL;)
        memcpy(at, "[b][l]", 6);
    FILE *f = popen(cmd, "r");
    if (f == NULL)
        die("no ffmpeg");
    for (n_frames = 0; n_frames < count; n_frames++) {
        if (frames[n_frames] == NULL)
            frames[n_frames] = malloc((size_t)W * H);
        if (frames[n_frames] == NULL || fread(frames[n_frames], 1, (size_t)W * H, f) != (size_t)W * H)
            break;
    }
    pclose(f);
    if (n_frames == 0)
        die("ffmpeg makes no film");
}

/* ---- what a clip of these pictures would say ---- */

struct score {
    int own, other; /* pictures that show it */
    double ms;
};

static const int slopes[] = {34, -34, 34, -34, 58, -58};

static struct score read_all(unsigned kinds, unsigned density) {
    struct ps_label_reader *r;
    struct ps_label_found f[PS_LABEL_MOST];
    struct score s = {0};

    if (ps_label_new(&r, kinds, density) < 0)
        die("out of memory");
    double t = cpu_ms();
    for (int i = 0; i < n_frames; i++) {
        unsigned n = ps_label_read(r, frames[i], W, W, H, f, PS_LABEL_MOST);
        if (n == 0) /* as recorder/watch.c does */
            n = ps_label_read_slanted(r, frames[i], W, W, H, slopes[i % 6], i % 6 == 2 || i % 6 == 3, f,
                                      PS_LABEL_MOST);
        bool own = false, other = false;
        for (unsigned k = 0; k < n; k++)
            *(strcmp(f[k].text, OWN) == 0 ? &own : &other) = true;
        s.own += own;
        s.other += other;
    }
    s.ms = (cpu_ms() - t) / n_frames;
    ps_label_free(r);
    return s;
}

static const char *verdict(const struct score *s) {
    return s->own > 0 ? "matched" : s->other > 1 ? "other" : "not-seen";
}

static void row(enum what what, double module, int angle, double blur, int count) {
    static const char *const names[] = {"none", "own, bars", "another's, bars", "own, QR"};

    make_frames(what, module, angle, blur, count);
    struct score s = read_all(PS_LABEL_CODE128 | PS_LABEL_QR, 3);
    printf("  %-16s %7.1f %7d %7.1f %8d/%d %8d/%d   %s\n", names[what], module, angle, blur, s.own, n_frames,
           s.other, n_frames, verdict(&s));
}

static void table(int count) {
    static const double modules[] = {4, 3, 2, 1.5, 1.2, 1};
    static const int angles[] = {5, 15, 30, 45, 90};
    static const double blurs[] = {1, 1.5, 2, 3};

    printf("%dx%d, %d looks each; module: pixels of the narrowest bar; angle in degrees; blur: sigma in "
           "pixels\n",
           W, H, count);
    printf("  %-16s %7s %7s %7s %11s %11s   %s\n", "label", "module", "angle", "blur", "own read",
           "other read", "clip says");
    row(NO_LABEL, 0, 0, 0, count);
    for (size_t i = 0; i < sizeof modules / sizeof modules[0]; i++)
        row(OWN_LABEL, modules[i], 0, 0, count);
    for (size_t i = 0; i < sizeof angles / sizeof angles[0]; i++)
        row(OWN_LABEL, 2, angles[i], 0, count);
    row(OWN_LABEL, 3, 20, 0, count);
    row(OWN_LABEL, 3, 30, 0, count);
    for (size_t i = 0; i < sizeof blurs / sizeof blurs[0]; i++)
        row(OWN_LABEL, 2, 0, blurs[i], count);
    row(OTHER_LABEL, 2, 0, 0, count);
    row(OTHER_LABEL, 2, 15, 1, count);
    for (size_t i = 1; i < 4; i++)
        row(QR_LABEL, 2 * modules[i], 0, 0, count);
    row(QR_LABEL, 4, 45, 0, count);
    row(QR_LABEL, 4, 0, 2, count);
}

static void cost(const char *name, unsigned kinds, unsigned density) {
    struct score s = read_all(kinds, density);
    printf("  %-44s %7.1f ms a look   %.3f of a core at two a second\n", name, s.ms, s.ms * 2 / 1000);
}

static void gauge_cost(void) {
    static struct ps_gauge_eye e;
    struct ps_gauge_look l;
    double t = cpu_ms();
    for (int i = 0; i < n_frames; i++) {
        ps_gauge_measure(&e, frames[i], W, W, H, true, &l);
        if (i == 0)
            ps_gauge_refer(&e, l.detail);
    }
    t = (cpu_ms() - t) / n_frames;
    printf("  %-44s %7.1f ms a look   %.3f of a core at two a second\n", "judging the picture, motion", t,
           t * 2 / 1000);
}

int main(int argc, char **argv) {
    int count = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 30;

    if (count < 1 || count > MAX_FRAMES)
        die("1 to 120 frames");
    if (scene_footage("box-640x480.mp4") == NULL || !scene_has_ffmpeg()) {
        printf("label: no film or no ffmpeg here: nothing measured\n");
        return 0;
    }
    if (mkdtemp(dir) == NULL)
        die("no folder in /tmp");
    make_frames(NO_LABEL, 0, 0, 0, count);
    printf("cost, busy film without a label in it\n");
    cost("Code 128 and QR, every third line (as it is)", PS_LABEL_CODE128 | PS_LABEL_QR, 3);
    cost("Code 128 alone, every third line", PS_LABEL_CODE128, 3);
    cost("Code 128 and QR, every second line", PS_LABEL_CODE128 | PS_LABEL_QR, 2);
    cost("Code 128 and QR, every line", PS_LABEL_CODE128 | PS_LABEL_QR, 1);
    cost("Code 128, 39, 93 and QR, every third line", 15, 3);
    gauge_cost();
    table(count);
    for (int i = 0; i < MAX_FRAMES; i++)
        free(frames[i]);
    scene_remove(dir);
    return 0;
}
