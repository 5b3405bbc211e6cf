/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "recorder/gauge.h"
#include "tests/unit/scene.h"
#include "tests/unit/tap.h"

#define S 1000000000LL
#define W 1280
#define H 720

static struct ps_gauge_eye eye;
static struct ps_gauge_look look;
static int64_t now = S;

/* A bench: boxes and lines all over, the middle for parcels; (dx, dy): the camera was knocked so far. */
static void bench(struct ps_picture *p, int dx, int dy) {
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            unsigned u = (unsigned)(x + dx + 4096), v = (unsigned)(y + dy + 4096);
            unsigned tile = (u / 90 * 2654435761u) ^ (v / 70 * 40503u);
            unsigned luma = 70 + (tile >> 7) % 110;
            if (u % 45 < 2 || v % 35 < 2)
                luma = 40;
            p->plane[0][y * p->stride[0] + x] = (uint8_t)luma;
        }
}

static void noise(struct ps_picture *p) {
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            int v = p->plane[0][y * p->stride[0] + x] + rand() % 9 - 4;
            p->plane[0][y * p->stride[0] + x] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
        }
}

/* Something over a part of the picture, of another luma. */
static void put(struct ps_picture *p, int x, int y, int w, int h, int luma) {
    for (int j = y; j < y + h; j++)
        memset(p->plane[0] + j * p->stride[0] + x, luma, (size_t)w);
}

/* Box blur of 2r + 1, across and down. */
static void blur(struct ps_picture *p, int r) {
    static uint8_t copy[H * W];
    for (int pass = 0; pass < 2; pass++) {
        for (int y = 0; y < H; y++)
            memcpy(copy + y * W, p->plane[0] + y * p->stride[0], W);
        for (int y = r; y < H - r; y++)
            for (int x = r; x < W - r; x++) {
                int sum = 0;
                for (int k = -r; k <= r; k++)
                    sum += pass ? copy[(y + k) * W + x] : copy[y * W + x + k];
                p->plane[0][y * p->stride[0] + x] = (uint8_t)(sum / (2 * r + 1));
            }
    }
}

static unsigned see(const struct ps_picture *p) {
    now += S / 2;
    ps_gauge_measure(&eye, p->plane[0], p->stride[0], W, H, true, &look);
    return ps_gauge_judge(&eye, &look, now);
}

/* The sum of alarms after so many looks at what draw() paints. Three of its pictures, each with other noise, take turns. */
static unsigned after(struct ps_picture *p, int looks, void (*draw)(struct ps_picture *p)) {
    static struct ps_picture turn[3];
    static void (*drawn)(struct ps_picture * p);
    unsigned alarms = 0;
    for (int i = 0; i < 3 && drawn != draw; i++) {
        if (turn[i].memory == NULL && ps_picture_alloc(&turn[i], W, H) < 0)
            tap_bail("out of memory");
        draw(&turn[i]);
    }
    drawn = draw;
    for (int i = 0; i < looks; i++)
        alarms = see(&turn[i % 3]);
    memcpy(p->plane[0], turn[0].plane[0], (size_t)p->stride[0] * H);
    return alarms;
}

static void calm(struct ps_picture *p) {
    bench(p, 0, 0);
    noise(p);
}

static void dark(struct ps_picture *p) {
    bench(p, 0, 0);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            p->plane[0][y * p->stride[0] + x] /= 12;
    noise(p);
}

static void covered(struct ps_picture *p) {
    ps_picture_fill(p, 150, 128, 128);
    noise(p);
}

static void unfocused(struct ps_picture *p) {
    bench(p, 0, 0);
    blur(p, 6);
    noise(p);
}

static void knocked(struct ps_picture *p) {
    bench(p, 40, 24);
    noise(p);
}

static void parcel(struct ps_picture *p) {
    bench(p, 0, 0);
    put(p, W / 4, H / 4, W / 2, H / 2, 165);
    noise(p);
}

static void turned_away(struct ps_picture *p) {
    scene_draw(p, 3);
    noise(p);
}

static void still(struct ps_picture *p) {
    bench(p, 0, 0);
}

static void start(struct ps_picture *p) {
    memset(&eye, 0, sizeof eye);
    after(p, 3, calm);
    ps_gauge_refer(&eye, look.detail);
}

static void test_alarms(struct ps_picture *p) {
    start(p);
    tap_is_uint(after(p, 200, calm), 0, "100 s of a calm bench raise nothing");
    tap_is_uint(after(p, 100, parcel), 0, "a parcel in the middle for 50 s raises nothing");
    start(p);
    tap_is_uint(after(p, 4, dark), 0, "2 s in the dark are no alarm");
    tap_is_uint(after(p, 6, dark), PS_GAUGE_DARK, "5 s are");
    tap_is_uint(after(p, 100, dark), PS_GAUGE_DARK, "and only dark: nothing else can be told");
    tap_is_uint(after(p, 3, calm), PS_GAUGE_DARK, "1 s of light does not end it");
    tap_is_uint(after(p, 5, calm), 0, "3 s do");

    start(p);
    tap_is_uint(after(p, 10, covered), PS_GAUGE_COVERED, "a sheet before the lens");
    tap_is_uint(after(p, 100, covered), PS_GAUGE_COVERED,
                "only covered: neither focus nor place can be told");
    tap_is_uint(after(p, 8, calm), 0, "gone with the sheet");

    start(p);
    tap_is_uint(after(p, 10, unfocused), 0, "5 s without focus are no alarm: lenses hunt");
    tap_ok(after(p, 12, unfocused) & PS_GAUGE_BLURRED, "11 s are");
    tap_is_uint(after(p, 8, calm), 0, "gone when it is sharp again");

    start(p);
    tap_is_uint(after(p, 30, knocked), 0, "15 s of another place are no alarm");
    tap_is_uint(after(p, 16, knocked), PS_GAUGE_MOVED, "23 s are");
    tap_is_uint(after(p, 8, calm), 0, "gone when it was put back");
    tap_ok(after(p, 50, turned_away) & PS_GAUGE_MOVED, "so for a camera that looks elsewhere");

    start(p);
    tap_is_uint(after(p, 55, still), 0, "27 s of one and the same picture are no alarm");
    tap_is_uint(after(p, 10, still), PS_GAUGE_FROZEN, "32 s are");
    tap_is_uint(after(p, 6, calm), 0, "gone when noise is back");
}

static void test_motion(struct ps_picture *p) {
    start(p);
    calm(p);
    see(p);
    tap_ok(!ps_gauge_moves(&look), "noise is no motion (%.2f)", look.motion);
    calm(p);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            p->plane[0][y * p->stride[0] + x] =
                (uint8_t)(p->plane[0][y * p->stride[0] + x] + y / 40 % 2 * 18);
    see(p);
    tap_ok(!ps_gauge_moves(&look), "dark bands of flickering lamps are no motion (%.2f)", look.motion);
    calm(p);
    see(p);
    calm(p);
    put(p, 600, 300, 90, 90, 220);
    see(p);
    tap_ok(ps_gauge_moves(&look), "a hand of 90 pixels is (%.2f)", look.motion);
    see(p);
    see(p);
    tap_ok(look.same && !ps_gauge_moves(&look), "the same picture again is the same");
    p->plane[0][8] ^= 1; /* not in every place: a look at noise, not a comparison of all bytes */
    see(p);
    tap_ok(!look.same, "one sample of one luma makes it another");
}

static void test_bounds(struct ps_picture *p) {
    static const uint16_t sizes[][2] = {{2, 2}, {16, 2}, {2, 600}, {64, 64}, {1922, 1082}, {640, 3000}};
    struct ps_picture odd;

    (void)p;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        memset(&eye, 0, sizeof eye);
        if (ps_picture_alloc(&odd, sizes[i][0], sizes[i][1]) < 0)
            tap_bail("out of memory");
        ps_picture_fill(&odd, 90, 128, 128);
        ps_gauge_measure(&eye, odd.plane[0], odd.stride[0], odd.width, odd.height, true, &look);
        ps_gauge_refer(&eye, look.detail);
        ps_gauge_measure(&eye, odd.plane[0], odd.stride[0], odd.width, odd.height, true, &look);
        tap_ok(look.spread < 1 && look.motion < 1 && look.same, "%ux%u is measured within bounds", odd.width,
               odd.height);
        ps_picture_free(&odd);
    }
    tap_is_str(ps_gauge_alarm_word(0), "picture-dark", "alarms have words");
    tap_is_str(ps_gauge_alarm_word(PS_GAUGE_ALARMS), "", "and no more than there are");
}

int main(void) {
    struct ps_picture p = {0};

    srand(5);
    if (ps_picture_alloc(&p, W, H) < 0)
        tap_bail("out of memory");
    test_alarms(&p);
    test_motion(&p);
    test_bounds(&p);
    ps_picture_free(&p);
    return tap_done();
}
