/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The banner: what it covers, what it never touches, and that nothing in it jumps. */
#include <stdlib.h>
#include <string.h>

#include "recorder/burn.h"
#include "tests/unit/scene.h"
#include "tests/unit/tap.h"

#define T0 1795248930123000000LL /* 2026-11-21 16:15:30.123 +08:00 */
#define CHINA 28800
#define MARK 77

static struct ps_burn *open_burn(int w, int h) {
    struct ps_burn *b = NULL;
    struct ps_why why = {.text = ""};
    int rc = ps_burn_new(&b, (uint16_t)w, (uint16_t)h, NULL, &why);
    if (rc == PS_ENOENT)
        tap_skip_all("%s", why.text);
    if (rc < 0)
        tap_bail("%s: %s", why.where, why.text);
    return b;
}

static const struct ps_banner_text usual = {.codes = "SF1234567890123  JD0099887766-1-1-",
                                            .station = "打包三号台",
                                            .operator_id = "0017",
                                            .clip = "ST03-0000123",
                                            .freshness = "7K3M9QXZ",
                                            .kind = "RETURN"};

static void draw(struct ps_burn *b, struct ps_picture *p, int64_t wall_ns, int offset_s, bool unsynced,
                 uint64_t n) {
    ps_picture_fill(p, MARK, MARK, MARK);
    ps_burn_draw(b, p, wall_ns, offset_s, unsynced, n);
}

/* Luma pixels with value v inside a rectangle. */
static long count(const struct ps_picture *p, int x0, int y0, int x1, int y1, int v) {
    long n = 0;
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++)
            n += p->plane[0][(ptrdiff_t)y * p->stride[0] + x] == v;
    return n;
}

/* Whether all pixels, and the padding of rows, outside rows 0 to h are MARK. */
static bool untouched_below(const struct ps_picture *p, int h) {
    for (int i = 0; i < 3; i++)
        for (int y = 0; y < (i ? p->height / 2 : p->height); y++) {
            const uint8_t *row = p->plane[i] + (ptrdiff_t)y * p->stride[i];
            for (int x = y < (i ? h / 2 : h) ? (i ? p->width / 2 : p->width) : 0; x < p->stride[i]; x++)
                if (row[x] != MARK)
                    return false;
        }
    return true;
}

static bool neutral(const struct ps_picture *p, int h) {
    for (int i = 1; i < 3; i++)
        for (int y = 0; y < h / 2; y++)
            for (int x = 0; x < p->width / 2; x++)
                if (p->plane[i][y * p->stride[i] + x] != 128)
                    return false;
    return true;
}

static void test_sizes(void) {
    static const int sizes[][2] = {{640, 480},   {1280, 720}, {1920, 1080}, {160, 120},
                                   {1080, 1920}, {3840, 64},  {162, 902},   {16, 16},
                                   {2, 2},       {640, 14},   {8192, 200}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        int w = sizes[i][0], h = sizes[i][1];
        struct ps_burn *b = open_burn(w, h);
        struct ps_picture p;
        struct ps_banner d;
        ps_picture_alloc(&p, (uint16_t)w, (uint16_t)h);
        ps_burn_set(b, &usual);
        draw(b, &p, T0, CHINA, false, 123);
        ps_burn_describe(b, &d);
        tap_ok(d.x == 0 && d.y == 0 && d.w == w && d.h % 2 == 0 && d.h <= (h >= 40 ? h / 2 : h),
               "%dx%d: the banner takes %d rows, at most half", w, h, d.h);
        tap_ok(untouched_below(&p, d.h) && neutral(&p, d.h), "%dx%d: and touches nothing else", w, h);
        long black = count(&p, 0, 0, w, d.h, 16), white = 0;
        for (int v = 200; v < 256; v++)
            white += count(&p, 0, 0, w, d.h, v);
        if (w >= 160 && h >= 120) {
            tap_ok(black > 4 * white && white > 300, "%dx%d: white letters on black: %ld of %ld", w, h, white,
                   black);
            tap_ok(count(&p, 0, 0, w, d.h, MARK) < black / 20, "%dx%d: nothing shines through", w, h);
        }
        ps_burn_words(b, &p,
                      "NO CAMERA 没有摄像头 — a text that is much too long for any picture of this size");
        ps_burn_words(b, &p, "");
        ps_picture_free(&p);
        ps_burn_free(b);
    }
}

static void test_fields(void) {
    struct ps_burn *b = open_burn(1280, 720);
    struct ps_banner d;
    tap_is_int(ps_burn_set(b, &usual), 0, "Chinese and Latin: no glyph is missing");
    ps_burn_describe(b, &d);
    tap_is_str(d.layout, "top-v1", "the layout has a name");
    tap_is_str(d.fields, "codes time station operator clip frame freshness kind",
               "all fields find a place at 720p");
    tap_is_int(d.h, 64, "in two rows");
    ps_burn_set(b, &(struct ps_banner_text){.codes = "A1"});
    ps_burn_describe(b, &d);
    tap_is_str(d.fields, "codes time frame freshness", "an empty text is no field, freshness always is");
    ps_burn_set(b, &(struct ps_banner_text){.kind = "PRE-ROLL", .uncounted = true});
    ps_burn_describe(b, &d);
    tap_is_str(d.fields, "time freshness kind", "pictures of no clip have no number");
    ps_burn_free(b);
    b = open_burn(160, 120);
    ps_burn_set(b, &usual);
    ps_burn_describe(b, &d);
    tap_is_str(d.fields, "codes time frame", "what has no place in a small picture is not stated");
    ps_burn_free(b);
}

/* Columns and rows in which two pictures differ. */
struct box {
    int x0, y0, x1, y1;
};

static struct box difference(const struct ps_picture *a, const struct ps_picture *b) {
    struct box d = {a->width, a->height, 0, 0};
    for (int y = 0; y < a->height; y++)
        for (int x = 0; x < a->width; x++)
            if (a->plane[0][y * a->stride[0] + x] != b->plane[0][y * b->stride[0] + x]) {
                d.x0 = x < d.x0 ? x : d.x0;
                d.y0 = y < d.y0 ? y : d.y0;
                d.x1 = x + 1 > d.x1 ? x + 1 : d.x1;
                d.y1 = y + 1 > d.y1 ? y + 1 : d.y1;
            }
    return d;
}

static void test_steady(void) {
    struct ps_burn *b = open_burn(1280, 720), *other = open_burn(1280, 720);
    struct ps_picture p, q;
    ps_picture_alloc(&p, 1280, 720);
    ps_picture_alloc(&q, 1280, 720);
    ps_burn_set(b, &usual);
    ps_burn_set(other, &usual);
    draw(b, &p, T0, CHINA, false, 123);
    draw(b, &q, T0, CHINA, false, 123);
    struct box d = difference(&p, &q);
    tap_ok(d.x1 == 0, "the same moment is the same picture");
    draw(b, &q, T0, CHINA, false, 124);
    struct box frame = difference(&p, &q);
    tap_ok(frame.x1 > frame.x0 && frame.x1 - frame.x0 < 20 && frame.y1 <= 32,
           "the next frame's number changes one digit");
    draw(b, &q, T0, CHINA, true, 123);
    struct box mark = difference(&p, &q);
    tap_ok(mark.x1 > mark.x0 && mark.x1 - mark.x0 < 20, "an unsynchronised clock changes one sign");
    /* One after another in one object gives what a fresh object gives: nothing of the frame before stays. */
    int differ = 0;
    static const int64_t moments[] = {T0,        T0 + 999999999, 0, -1, 4102444800000000000LL,
                                      INT64_MAX, INT64_MIN,      T0};
    for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++) {
        int offset = i % 3 == 0 ? CHINA : i % 3 == 1 ? -34200 : 1000000;
        draw(b, &p, moments[i], offset, i % 2 == 0, i * 111111111);
        struct ps_burn *fresh = open_burn(1280, 720);
        ps_burn_set(fresh, &usual);
        draw(fresh, &q, moments[i], offset, i % 2 == 0, i * 111111111);
        differ += difference(&p, &q).x1 != 0;
        ps_burn_free(fresh);
    }
    tap_is_int(differ, 0, "a banner that ran is the same as a new one, at any time");
    /* Over many moments the signs between the digits keep their columns: - - : : . + : # and the offset's digits. */
    bool changed[1280] = {false};
    draw(b, &p, T0, 0, false, 0);
    for (int i = 0; i < 300; i++) {
        int64_t wall = 1000000000LL * (946684800 + (int64_t)(rand() % 30000) * 86400 + rand() % 86400) +
                       rand() % 1000 * 1000000LL;
        draw(b, &q, wall, 0, false, (uint64_t)(rand() % 1000000));
        for (int x = 0; x < 1280; x++)
            for (int y = 0; y < 64; y++)
                changed[x] |= p.plane[0][y * p.stride[0] + x] != q.plane[0][y * q.stride[0] + x];
    }
    int runs = 0, last = 0;
    for (int x = 1; x < frame.x1; x++) {
        bool ink = !changed[x] && count(&p, x, 0, x + 1, 32, 16) < 32;
        bool before = !changed[x - 1] && count(&p, x - 1, 0, x, 32, 16) < 32;
        runs += ink && !before;
    }
    for (int x = 0; x < 1280; x++)
        last = changed[x] ? x : last;
    tap_ok(runs >= 8, "the signs between changing digits stay where they are (%d runs of columns)", runs);
    tap_ok(last < frame.x1 + 2, "and nothing changes beyond the frame number");
    ps_picture_free(&p);
    ps_picture_free(&q);
    ps_burn_free(b);
    ps_burn_free(other);
}

static void test_hostile(void) {
    struct ps_burn *b = open_burn(1280, 720);
    struct ps_picture p;
    struct ps_banner d;
    ps_picture_alloc(&p, 1280, 720);
    static const struct {
        const char *station;
        int missing;
        const char *what;
    } texts[] = {
        {"ok", 0, "plain text"},
        {"\xf0\x9f\x93\xa6", 1, "a parcel emoji"},
        {"\xe2\x80\x8b", 1, "a zero-width space"},
        {"\xe2\x80\xae", 1, "a right-to-left override"},
        {"a\x01\x1b[2Jb", 2, "control characters"},
        {"\xff\xfe", 2, "bytes that are not UTF-8"},
        {"\xc0\x80", 2, "an overlong zero"},
        {"\xed\xa0\x80", 3, "a surrogate"},
        {"\xe6\x89", 2, "a character cut short"},
        {"\xf4\x90\x80\x80", 4, "a code point above U+10FFFF"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct ps_banner_text t = {.codes = "X"};
        snprintf(t.station, sizeof t.station, "%s", texts[i].station);
        int missing = ps_burn_set(b, &t);
        /* U+FFFD is a glyph of some fonts and not of others */
        bool replaced = strstr(texts[i].what, "not UTF-8") || strstr(texts[i].what, "overlong") ||
                        strstr(texts[i].what, "surrogate") || strstr(texts[i].what, "short") ||
                        strstr(texts[i].what, "above");
        if (!tap_ok(missing == texts[i].missing || (replaced && missing == 0),
                    "%s: shown as it is, or as U+XXXX", texts[i].what))
            tap_diag("%d missing, expected %d", missing, texts[i].missing);
        ps_burn_describe(b, &d);
        tap_ok(strstr(d.fields, "station") != NULL, "and never as nothing");
    }
    struct ps_banner_text full;
    for (unsigned seed = 0; seed < 400; seed++) {
        uint8_t *raw = (uint8_t *)&full;
        srand(seed);
        for (size_t i = 0; i < sizeof full; i++)
            raw[i] = (uint8_t)(seed % 2 ? rand() >> 5 : 0x20 + (rand() >> 5) % 95);
        full.codes[sizeof full.codes - 1] = full.station[PS_MAX_NAME] = full.operator_id[PS_MAX_NAME] = 0;
        full.clip[sizeof full.clip - 1] = full.freshness[8] = full.kind[sizeof full.kind - 1] = 0;
        full.uncounted = seed % 3 == 0;
        int w = seed % 4 < 2 ? 1280 : 160, h = w == 1280 ? 720 : 120;
        if (p.width != w) {
            ps_picture_free(&p);
            ps_burn_free(b);
            ps_picture_alloc(&p, (uint16_t)w, (uint16_t)h);
            b = open_burn(w, h);
        }
        ps_burn_set(b, &full);
        draw(b, &p, T0 + seed, CHINA, false, seed);
        ps_burn_describe(b, &d);
        if (!untouched_below(&p, d.h) || d.h > h / 2) {
            tap_fail("random text %u leaves the banner", seed);
            break;
        }
    }
    tap_pass("400 random texts of full length stay within the banner");
    ps_picture_free(&p);
    ps_burn_free(b);
}

/* A long list of codes keeps one row, and its end changes with the count. */
static void test_many_codes(void) {
    struct ps_burn *b = open_burn(1280, 720);
    struct ps_banner_text t = usual;
    struct ps_picture p[2];
    struct ps_banner d;
    for (int k = 0; k < 2; k++) {
        size_t n = 0;
        ps_picture_alloc(&p[k], 1280, 720);
        for (int i = 0; i < 20 + k; i++)
            n += (size_t)snprintf(t.codes + n, sizeof t.codes - n, "%sSF1234567890%02d", i ? "  " : "", i);
        ps_burn_set(b, &t);
        draw(b, &p[k], T0, CHINA, false, 1);
        ps_burn_describe(b, &d);
        tap_ok(d.h == 96 && strstr(d.fields, "codes") != NULL, "%d codes take one row of three", 20 + k);
    }
    struct box x = difference(&p[0], &p[1]);
    tap_ok(x.x0 > 1000 && x.x1 - x.x0 < 60, "20 and 21 codes differ in the count at the end alone");
    for (int k = 0; k < 2; k++)
        ps_picture_free(&p[k]);
    ps_burn_free(b);
}

static void test_refusals(void) {
    struct ps_burn *b = NULL;
    struct ps_why why;
    tap_is_int(ps_burn_new(&b, 1280, 720, "/nonexistent.ttf", &why), PS_ENOENT, "a missing font is told");
    tap_is_str(why.where, "/nonexistent.ttf", "by name");
    tap_is_int(ps_burn_new(&b, 1281, 720, NULL, &why), PS_EINVAL, "an odd width is refused");
    b = open_burn(64, 48);
    struct ps_picture p;
    ps_picture_alloc(&p, 48, 32);
    ps_picture_fill(&p, MARK, MARK, MARK);
    ps_burn_draw(b, &p, T0, 0, false, 1);
    ps_burn_words(b, &p, "X");
    tap_ok(untouched_below(&p, 0), "a picture of another size is not drawn into");
    ps_picture_free(&p);
    ps_burn_free(b);
}

int main(void) {
    ps_burn_free(open_burn(64, 48)); /* skips all where no font is */
    test_sizes();
    test_fields();
    test_steady();
    test_hostile();
    test_many_codes();
    test_refusals();
    return tap_done();
}
