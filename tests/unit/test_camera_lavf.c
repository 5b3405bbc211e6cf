/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/camera.h"
#include "recorder/clock.h"
#include "tests/unit/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS INT64_C(1000000)

static char folder[] = "/tmp/packseal-test-XXXXXX";

static struct ps_camera_spec spec_of(const char *source) {
    struct ps_camera_spec spec = {.name = "top"};
    snprintf(spec.source, sizeof spec.source, "%s", source);
    return spec;
}

static struct ps_camera *open_or_bail(const struct ps_camera_spec *spec) {
    struct ps_camera *c;
    struct ps_why why = {{0}, {0}};
    if (ps_camera_open(&c, spec, &why) != 0)
        tap_bail("%s: %s: %s", spec->source, why.where, why.text);
    return c;
}

/* The next frame; 0 when none comes in 5 s. */
static int next(struct ps_camera *c, struct ps_frame *f) {
    int result = 0;
    for (int i = 0; i < 50 && result == 0; i++)
        result = ps_camera_read(c, f, 100);
    return result;
}

/* Runs ffmpeg to make a film; false when that is impossible. */
static bool make_film(const char *name, const char *const options[]) {
    const char *argv[40] = {"ffmpeg", "-nostdin", "-v",
                            "error",  "-y",       "-f",
                            "lavfi",  "-i",       "testsrc2=size=320x240:rate=25:duration=1"};
    char path[256];
    size_t n = 9;
    for (; *options; options++)
        argv[n++] = *options;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    argv[n] = path;
    pid_t pid = fork();
    if (pid == 0) {
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    int status = 0;
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void test_jpeg_ends(void) {
    uint8_t jpeg[600] = {0xff, 0xd8, 0xff, 0xe0, 1, 2, 3, 0xff, 0xd9};
    tap_ok(ps_camera_jpeg_whole(jpeg, 9), "a whole JPEG");
    tap_ok(ps_camera_jpeg_whole(jpeg, 600), "padded with zeros, as some cameras do");
    tap_ok(!ps_camera_jpeg_whole(jpeg, 8), "without the last byte");
    tap_ok(!ps_camera_jpeg_whole(jpeg, 0), "nothing");
    tap_ok(!ps_camera_jpeg_whole(jpeg + 1, 8), "without SOI");
    jpeg[9] = 0xff;
    jpeg[10] = 0xd9;
    tap_ok(ps_camera_jpeg_whole(jpeg, 11), "EOI twice");
    uint8_t zeros[64] = {0xff, 0xd8};
    tap_ok(!ps_camera_jpeg_whole(zeros, sizeof zeros), "a start and nothing but zeros");
    uint8_t cut[300] = {0xff, 0xd8, 0xff, 0xd9};
    memset(cut + 4, 0x55, sizeof cut - 4);
    tap_ok(!ps_camera_jpeg_whole(cut, sizeof cut), "an EOI far from the end is none");
}

static void test_names(void) {
    char name[PS_MAX_NAME + 1];
    ps_camera_name(name, "  HD \x1b[31m\xe7 Cam  ", 40);
    tap_is_str(name, "HD ?[31m? Cam", "what a device says of itself is made printable");
    char text[100];
    memset(text, 'x', sizeof text);
    ps_camera_name(name, text, sizeof text);
    tap_is_uint(strlen(name), PS_MAX_NAME, "and cut");
}

static void test_errors(void) {
    struct ps_camera *c;
    struct ps_why why;
    struct ps_camera_spec spec = spec_of("lavf:/nowhere/film.mp4");
    tap_is_int(ps_camera_open(&c, &spec, &why), PS_ENOENT, "no such film: %s", why.text);
    spec = spec_of("lavf:/dev/null");
    tap_is_int(ps_camera_open(&c, &spec, &why), PS_EFORMAT, "no film: %s", why.text);
    spec = spec_of("lavf:lavfi:nosuchfilter");
    tap_ok(ps_camera_open(&c, &spec, &why) < 0, "no such generator: %s", why.text);
    spec = spec_of("lavf:http://admin:secret@127.0.0.1:1/video?pwd=secret");
    tap_ok(ps_camera_open(&c, &spec, &why) < 0, "nobody listens: %s: %s", why.where, why.text);
    tap_ok(!strstr(why.where, "secret") && !strstr(why.text, "secret"), "and no password is told");
    spec = spec_of("webcam:0");
    tap_is_int(ps_camera_open(&c, &spec, &why), PS_EINVAL, "unknown kind: %s", why.text);
    spec = spec_of("lavf:lavfi:testsrc2");
    spec.width = 9000;
    spec.height = 100;
    tap_is_int(ps_camera_open(&c, &spec, &why), PS_EINVAL, "absurd size: %s", why.text);
    ps_camera_close(NULL);
}

/* Real time: stamps on the film's grid, none delivered before its time, and time goes on over the end. */
static void test_pace_and_loop(void) {
    char source[300];
    snprintf(source, sizeof source, "lavf:%s/h264.mp4", folder);
    struct ps_camera_spec spec = spec_of(source);
    struct ps_camera *c = open_or_bail(&spec);
    const struct ps_camera_info *info = ps_camera_info(c);
    tap_ok(info->width == 320 && info->height == 240 && info->fps == 25, "size and rate of the film");
    tap_is_str(info->format, "h264 320x240", "its format");
    tap_is_str(info->model, "h264.mp4", "its name");
    struct ps_frame f = {0};
    int64_t first = 0, last = 0, early = 0, uneven = 0;
    int n = 0;
    for (; n < 60 && next(c, &f) == 1; n++) {
        if (n == 0)
            first = f.mono_ns;
        else if (llabs(f.mono_ns - last - 40 * MS) > MS)
            uneven++;
        early += f.mono_ns > ps_clock_mono_ns();
        last = f.mono_ns;
    }
    tap_is_int(n, 60, "60 frames from a film of 25");
    tap_is_int(uneven, 0, "40 ms apart, over its end too");
    tap_is_int(early, 0, "none before its time");
    tap_is_int((last - first) / MS, 59 * 40, "in real time");
    tap_ok(f.pixels == PS_PIXELS_I420 && f.size == 320 * 240 * 3 / 2 && !f.damaged, "decoded to 4:2:0");
    tap_is_int(ps_camera_read(c, &f, 1), 0, "a time-out shorter than a frame is kept");
    ps_frame_free(&f);
    ps_camera_close(c);
}

static void test_fast_and_once(void) {
    char source[300];
    snprintf(source, sizeof source, "lavf:%s/h264.mp4?pace=0&loop=0", folder);
    struct ps_camera_spec spec = spec_of(source);
    struct ps_camera *c = open_or_bail(&spec);
    struct ps_frame f = {0};
    int64_t first = 0, start = ps_clock_mono_ns();
    int n = 0, result;
    for (; (result = next(c, &f)) == 1; n++)
        first = n == 0 ? f.mono_ns : first;
    tap_is_int(n, 25, "every frame of the film, those behind B-frames too");
    tap_is_int(result, PS_EGONE, "then it has ended");
    tap_is_int((f.mono_ns - first) / MS, 24 * 40, "its stamps run on film time");
    tap_ok(ps_clock_mono_ns() - start < 800 * MS, "though it was read faster");
    ps_frame_free(&f);
    ps_camera_close(c);
}

static void test_mjpeg(void) {
    char source[300];
    snprintf(source, sizeof source, "lavf:%s/mjpeg.avi?pace=0", folder);
    struct ps_camera_spec spec = spec_of(source);
    struct ps_camera *c = open_or_bail(&spec);
    struct ps_frame f = {0};
    int whole = 0;
    for (int i = 0; i < 30 && next(c, &f) == 1; i++)
        whole +=
            f.pixels == PS_PIXELS_JPEG && !f.damaged && f.full_range && ps_camera_jpeg_whole(f.data, f.size);
    tap_is_int(whole, 30, "MJPEG is passed on as it is, round after round");
    tap_is_str(ps_camera_info(c)->format, "MJPG 320x240", "and called so");
    ps_camera_close(c);

    spec.width = 160;
    spec.height = 120;
    c = open_or_bail(&spec);
    tap_is_int(next(c, &f), 1, "in another size");
    tap_ok(f.pixels == PS_PIXELS_I420 && f.width == 160 && f.height == 120 && f.size == 160 * 120 * 3 / 2 &&
               f.full_range,
           "it is decoded and scaled, the full range kept");
    ps_frame_free(&f);
    ps_camera_close(c);
}

/* Mean of the luma plane's middle row. */
static int luma(const struct ps_frame *f) {
    long sum = 0;
    for (int x = 0; x < f->width; x++)
        sum += f->data[(size_t)f->height / 2 * f->width + (size_t)x];
    return (int)(sum / f->width);
}

static void test_generated(void) {
    static const struct {
        const char *source;
        bool full;
        int luma;
    } cases[] = {{"lavf:lavfi:color=white:size=322x241:rate=30,format=yuv420p", false, 235},
                 {"lavf:lavfi:color=white:size=322x240:rate=30,format=rgb24", true, 255},
                 {"lavf:lavfi:color=black:size=322x240:rate=30,format=yuv444p", false, 16}};
    struct ps_frame f = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ps_camera_spec spec = spec_of(cases[i].source);
        struct ps_camera *c = open_or_bail(&spec);
        tap_is_int(next(c, &f), 1, "%s", cases[i].source + 11);
        tap_is_int(f.full_range, cases[i].full, "its range");
        tap_ok(abs(luma(&f) - cases[i].luma) <= 1, "and its luma: %d", luma(&f));
        tap_is_uint(f.size, f.width * f.height + 2 * ((f.width + 1u) / 2) * ((f.height + 1u) / 2),
                    "its size");
        ps_camera_close(c);
    }
    ps_frame_free(&f);
}

/* A film with holes: bytes of every third kilobyte overwritten behind its head. */
static void spoil(const char *from, const char *to) {
    char path[256];
    uint8_t bytes[1 << 20];
    snprintf(path, sizeof path, "%s/%s", folder, from);
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, bytes, sizeof bytes);
    close(fd);
    for (ssize_t i = 6000; i < n; i += 3000)
        memset(bytes + i, 0xa5, n - i < 900 ? (size_t)(n - i) : 900);
    snprintf(path, sizeof path, "%s/%s", folder, to);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (n <= 6000 || write(fd, bytes, (size_t)n) != n)
        tap_bail("%s cannot be made", to);
    close(fd);
}

static void test_damaged(const char *name) {
    char source[300];
    snprintf(source, sizeof source, "lavf:%s/%s?pace=0", folder, name);
    struct ps_camera_spec spec = spec_of(source);
    struct ps_camera *c = open_or_bail(&spec);
    struct ps_frame f = {0};
    int good = 0, damaged = 0, n = 0;
    for (; n < 100 && next(c, &f) == 1; n++) {
        damaged += f.damaged;
        good += !f.damaged;
    }
    tap_is_int(n, 100, "%s: 100 frames, it never stops", name);
    tap_ok(damaged > 0 && good > 0, "some are damaged (%d), some are well (%d)", damaged, good);
    ps_frame_free(&f);
    ps_camera_close(c);
}

int main(void) {
    if (!mkdtemp(folder))
        tap_bail("mkdtemp: %s", strerror(errno));
    test_jpeg_ends();
    test_names();
    test_errors();
    test_generated();
    if (make_film("h264.mp4",
                  (const char *const[]){"-c:v", "libx264", "-g", "10", "-pix_fmt", "yuv420p", NULL}) &&
        make_film("mjpeg.avi",
                  (const char *const[]){"-c:v", "mjpeg", "-pix_fmt", "yuvj422p", "-q:v", "5", NULL}) &&
        make_film("h264.ts", (const char *const[]){"-c:v", "libx264", "-g", "10", "-bf", "0", "-pix_fmt",
                                                   "yuv420p", NULL})) {
        test_pace_and_loop();
        test_fast_and_once();
        test_mjpeg();
        spoil("mjpeg.avi", "holes.avi");
        test_damaged("holes.avi");
        spoil("h264.mp4", "holes.mp4");
        test_damaged("holes.mp4");
        spoil("h264.ts", "holes.ts");
        test_damaged("holes.ts");
    } else {
        tap_diag("NOT CHECKED: films: ffmpeg with libx264 is missing");
        tap_skip("no ffmpeg to make films");
    }
    static const char *const names[] = {"h264.mp4",  "mjpeg.avi", "h264.ts",
                                        "holes.mp4", "holes.avi", "holes.ts"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
    return tap_done();
}
