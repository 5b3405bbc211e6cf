/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The thread that looks at pictures, with pictures made here in place of a camera's. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <turbojpeg.h>

#include "evidence/sha256.h"
#include "recorder/clock.h"
#include "recorder/label.h"
#include "recorder/watch.h"
#include "recorder/watch_reference.h"
#include "tests/unit/printed.h"
#include "tests/unit/scene.h"
#include "tests/unit/tap.h"

#define PATIENCE_NS 20000000000LL

static unsigned char *jpeg[2]; /* without and with a label */
static unsigned long size[2];
static atomic_int shown;    /* which of them; -1: the camera is away */
static atomic_uint looks_n; /* how often somebody asked */

static void make_jpeg(int i) {
    struct ps_picture p;
    tjhandle tj = tjInitCompress();

    if (tj == NULL || ps_picture_alloc(&p, 1280, 720) < 0)
        tap_bail("out of memory");
    const unsigned char *planes[3] = {p.plane[0], p.plane[1], p.plane[2]};
    scene_draw(&p, 4);
    if (i == 1 && printed_code(&p, BARCODE_CODE128, "SF1234567890123", 300, 400, 2) == 0)
        tap_bail("libzint prints nothing");
    if (tjCompressFromYUVPlanes(tj, planes, p.width, p.stride, p.height, TJSAMP_420, &jpeg[i], &size[i], 85,
                                0) != 0)
        tap_bail("no JPEG");
    tjDestroy(tj);
    ps_picture_free(&p);
}

static bool look(void *ctx, unsigned camera, struct ps_frame *f, int timeout_ms) {
    int i = atomic_load(&shown);

    (void)ctx;
    (void)camera;
    (void)timeout_ms;
    atomic_fetch_add(&looks_n, 1);
    if (i < 0 || ps_frame_reserve(f, size[i]) < 0)
        return false;
    memcpy(f->data, jpeg[i], size[i]);
    f->size = size[i];
    f->pixels = PS_PIXELS_JPEG;
    f->width = 1280;
    f->height = 720;
    f->full_range = true;
    f->mono_ns = ps_clock_mono_ns();
    return true;
}

/* The next event of this kind, within the patience of a slow machine. */
static bool await(struct ps_watch *w, enum ps_watch_word word, struct ps_watch_event *e) {
    int64_t until = ps_clock_mono_ns() + PATIENCE_NS;

    while (ps_clock_mono_ns() < until) {
        if (ps_watch_take(w, e) && e->word == word)
            return true;
        usleep(10000);
    }
    return false;
}

static bool await_reference(struct ps_watch *w, struct ps_watch_state *s) {
    int64_t until = ps_clock_mono_ns() + PATIENCE_NS;

    do {
        usleep(10000);
        ps_watch_state(w, 0, s);
    } while (!s->has_reference && ps_clock_mono_ns() < until);
    return s->has_reference;
}

static void test_looks(struct ps_watch_spec *spec) {
    struct ps_watch_event e;
    struct ps_watch_state s;
    struct ps_watch *w;
    uint8_t sha256[32];

    atomic_store(&shown, 0);
    if (!tap_is_int(ps_watch_start(&w, spec), 0, "the watch starts"))
        return;
    tap_ok(await_reference(w, &s), "a picture in which nothing moves becomes the day's reference");
    ps_sha256(sha256, jpeg[0], size[0]);
    tap_is_mem(s.reference, sha256, 32, "byte for byte as the camera gave it");
    atomic_store(&shown, 1);
    tap_ok(await(w, PS_WATCH_LABEL, &e), "a label that comes is read");
    tap_is_str(e.text, "SF1234567890123", "as it was printed");
    tap_ok(e.linear && e.camera == 0 && e.mono_ns > 0, "with camera and time");
    tap_ok(await(w, PS_WATCH_MOTION, &e), "and that it came is motion");
    ps_watch_state(w, 0, &s);
    tap_ok(s.looks > 0 && s.reads > 0 && s.reads <= s.looks && s.read_ns > 0 && s.cpu_ns > 0,
           "looks, reads and their cost are counted");
    atomic_store(&shown, -1);
    unsigned before = atomic_load(&looks_n);
    int64_t until = ps_clock_mono_ns() + PATIENCE_NS;
    while (atomic_load(&looks_n) < before + 3 && ps_clock_mono_ns() < until)
        usleep(10000);
    tap_ok(atomic_load(&looks_n) >= before + 3, "a camera that is away is asked again");
    ps_watch_stop(w);
}

static void test_same_day(struct ps_watch_spec *spec) {
    struct ps_watch_state s;
    struct ps_watch *w;
    uint8_t sha256[32];

    atomic_store(&shown, 1);
    if (ps_watch_start(&w, spec) < 0)
        tap_bail("no watch");
    tap_ok(await_reference(w, &s), "started anew it finds a reference");
    ps_sha256(sha256, jpeg[0], size[0]);
    tap_is_mem(s.reference, sha256, 32, "the one of before, not what the camera shows now");
    ps_watch_stop(w);
}

static void test_disk(const char *root) {
    struct ps_frame f = {.pixels = PS_PIXELS_I420};
    struct ps_frame back = {0};
    struct ps_picture p;
    struct ps_why why;
    uint8_t kept[32], found[32];
    char day[11];

    if (ps_picture_alloc(&p, 320, 240) < 0)
        tap_bail("out of memory");
    scene_draw(&p, 1);
    tap_is_int(ps_watch_reference_keep(root, "2026-01-02", "raw", &f, &p, kept, &why), 0,
               "a raw picture is kept as a grey JPEG");
    tap_is_int(ps_watch_reference_load(root, "2026-01-02", "raw", &back, found), 0, "which can be read");
    tap_is_mem(found, kept, 32, "and is the same");
    tap_is_int(ps_watch_reference_keep(root, "2026-01-02", "raw", &f, &p, kept, &why), PS_EEXIST,
               "a day's picture is never replaced");
    tap_is_int(ps_watch_reference_load(root, "2026-01-03", "raw", &back, found), PS_ENOENT,
               "another day has none");
    ps_watch_reference_forget(root, "2026-01-02");
    tap_is_int(ps_watch_reference_load(root, "2026-01-02", "raw", &back, found), 0,
               "what is not older than it must be stays");
    ps_watch_reference_forget(root, "2026-01-03");
    tap_is_int(ps_watch_reference_load(root, "2026-01-02", "raw", &back, found), PS_ENOENT,
               "what is older goes");
    setenv("TZ", "CST-8", 1);
    tzset();
    ps_watch_reference_day(1767283200LL * 1000000000, day); /* 2026-01-01T16:00:00Z */
    tap_is_str(day, "2026-01-02", "a day is a local one");
    ps_frame_free(&back);
    ps_picture_free(&p);
}

int main(void) {
    const char *root = scene_folder();
    struct ps_watch_spec spec = {.n_cameras = 1,
                                 .camera = {"top"},
                                 .label_kinds = PS_LABEL_CODE128 | PS_LABEL_QR,
                                 .label_density = 3,
                                 .alarms = true,
                                 .look = look};
    struct ps_watch *none = NULL;

    if (root == NULL)
        tap_bail("no folder");
    snprintf(spec.root, sizeof spec.root, "%s", root);
    make_jpeg(0);
    make_jpeg(1);
    tap_is_int(ps_watch_fd(none), -1, "no watch has no descriptor");
    test_looks(&spec);
    test_same_day(&spec);
    test_disk(root);
    tjFree(jpeg[0]);
    tjFree(jpeg[1]);
    scene_remove(root);
    return tap_done();
}
