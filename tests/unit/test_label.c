/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "recorder/label.h"
#include "recorder/sight.h"
#include "tests/unit/printed.h"
#include "tests/unit/scene.h"
#include "tests/unit/tap.h"

#define S 1000000000LL
#define AWAY (10 * S)

static struct ps_label_found found[PS_LABEL_MOST];

static unsigned read_with(const struct ps_picture *p, unsigned kinds, unsigned density) {
    struct ps_label_reader *r;
    unsigned n = 0;

    if (ps_label_new(&r, kinds, density) < 0)
        tap_bail("no reader");
    n = ps_label_read(r, p->plane[0], p->stride[0], p->width, p->height, found, PS_LABEL_MOST);
    ps_label_free(r);
    return n;
}

static void fresh(struct ps_picture *p, uint16_t width, uint16_t height) {
    ps_picture_free(p);
    if (ps_picture_alloc(p, width, height) < 0)
        tap_bail("out of memory");
    scene_draw(p, 0);
}

static void test_reading(void) {
    struct ps_picture p = {0};

    fresh(&p, 1280, 720);
    tap_is_uint(read_with(&p, PS_LABEL_CODE128 | PS_LABEL_QR, 3), 0, "a scene without a label has no code");
    if (!tap_ok(printed_code(&p, BARCODE_CODE128, "SF1234567890123", 100, 80, 2) > 0, "a printed Code 128"))
        return;
    tap_is_uint(read_with(&p, PS_LABEL_CODE128, 3), 1, "is read");
    tap_is_str(found[0].text, "SF1234567890123", "as it was printed");
    tap_ok(found[0].linear, "and known as bars");
    tap_ok(found[0].x0 >= 90 && found[0].x1 <= 560 && found[0].y0 >= 70 && found[0].y1 <= 200,
           "its place is told: %d to %d, %d to %d", found[0].x0, found[0].x1, found[0].y0, found[0].y1);
    tap_is_uint(read_with(&p, PS_LABEL_QR, 3), 0, "but not when only QR is asked for");

    tap_ok(printed_code(&p, BARCODE_QRCODE, "SF1234567890999", 600, 80, 4) > 0, "a QR code beside it");
    tap_is_uint(read_with(&p, PS_LABEL_CODE128 | PS_LABEL_QR, 3), 2, "both are read");
    tap_ok(found[0].linear && !found[1].linear, "bars first");
    tap_is_uint(ps_label_prefer(found, 2), 1, "on one label the bars are preferred");
    tap_is_str(found[0].text, "SF1234567890123", "and say the number");

    fresh(&p, 1280, 720);
    printed_code(&p, BARCODE_QRCODE, "line one\nline two", 100, 80, 4);
    tap_is_uint(read_with(&p, PS_LABEL_QR, 3), 0, "a code with a control character is no text, and none");
    printed_code(&p, BARCODE_EANX, "6901234567892", 600, 80, 3);
    tap_is_uint(read_with(&p, PS_LABEL_CODE128 | PS_LABEL_CODE39 | PS_LABEL_CODE93 | PS_LABEL_QR, 3), 0,
                "an item's EAN is no label");

    /* A width whose rows are padded. */
    fresh(&p, 1002, 562);
    tap_ok(p.stride[0] > p.width, "rows of this picture are padded");
    printed_code(&p, BARCODE_CODE128, "YT7654321098765", 300, 200, 3);
    tap_is_uint(read_with(&p, PS_LABEL_CODE128, 2), 1, "padded rows are read");
    tap_is_str(found[0].text, "YT7654321098765", "as they are");
    ps_picture_free(&p);
}

/* A label that lies askew: each column is lower than the one before it. */
static void test_slanted(void) {
    struct ps_picture flat = {0}, p = {0};
    struct ps_label_reader *r;
    const int slope = 40;

    fresh(&flat, 1280, 720);
    fresh(&p, 1280, 720);
    ps_picture_fill(&flat, 200, 128, 128);
    printed_code(&flat, BARCODE_CODE128, "SF1234567890123", 200, 40, 2);
    for (int y = 0; y < p.height; y++)
        for (int x = 0; x < p.width; x++) {
            int from = y - x * slope / 64;
            p.plane[0][y * p.stride[0] + x] =
                from < 0 || from >= flat.height ? 200 : flat.plane[0][from * flat.stride[0] + x];
        }
    tap_is_uint(read_with(&p, PS_LABEL_CODE128, 3), 0, "rows and columns do not cross bars that lie askew");
    if (ps_label_new(&r, PS_LABEL_CODE128, 3) < 0)
        tap_bail("no reader");
    tap_is_uint(ps_label_read_slanted(r, p.plane[0], p.stride[0], p.width, p.height, slope, false, found,
                                      PS_LABEL_MOST),
                1, "slanted lines do");
    tap_is_str(found[0].text, "SF1234567890123", "and read it");
    tap_is_uint(ps_label_read_slanted(r, p.plane[0], p.stride[0], p.width, p.height, -slope, false, found,
                                      PS_LABEL_MOST),
                0, "those of the other side do not");
    for (int s = -64; s <= 64; s += 16)
        for (int columns = 0; columns < 2; columns++)
            for (int w = 16; w < 400; w += 77)
                ps_label_read_slanted(r, p.plane[0], p.stride[0], w, 16 + w % 50, s, columns, found,
                                      PS_LABEL_MOST);
    tap_is_uint(ps_label_read_slanted(r, p.plane[0], p.stride[0], 1280, 720, 65, false, found, PS_LABEL_MOST),
                0, "nothing steeper is looked at");
    ps_label_free(r);
    ps_picture_free(&flat);
    ps_picture_free(&p);
}

static struct ps_label_found at(const char *text, bool linear, int x, int y, int w, int h) {
    struct ps_label_found f = {.linear = linear, .x0 = x, .y0 = y, .x1 = x + w, .y1 = y + h};

    snprintf(f.text, sizeof f.text, "%s", text);
    return f;
}

static void test_prefer(void) {
    struct ps_label_found f[] = {at("A", true, 100, 100, 200, 2), at("Q1", false, 250, 200, 60, 60),
                                 at("Q2", false, 900, 500, 60, 60), at("B", true, 600, 100, 100, 2)};

    tap_is_uint(ps_label_prefer(f, 4), 3, "of a QR beside bars and one far away");
    tap_is_str(f[1].text, "Q2", "the one far away stays");
    tap_is_str(f[2].text, "B", "and so do other bars");
    f[0] = at("Q", false, 0, 0, 10, 10);
    tap_is_uint(ps_label_prefer(f, 1), 1, "a QR alone counts");
    tap_is_uint(ps_label_prefer(f, 0), 0, "nothing stays nothing");
}

static void test_gate(void) {
    static struct ps_label_gate g;
    char text[32];

    tap_ok(!ps_label_gate(&g, "A", 100 * S, AWAY), "seen once is no scan");
    tap_ok(!ps_label_gate(&g, "A", 102 * S, AWAY), "nor seen again after 2 s");
    tap_ok(ps_label_gate(&g, "A", 102 * S + S / 2, AWAY), "seen twice within 1.5 s is one");
    for (int i = 0; i < 100; i++)
        if (ps_label_gate(&g, "A", 103 * S + i * S / 2, AWAY))
            tap_fail("a label that lies there counted again, look %d", i);
    tap_pass("a label that lies there for 50 s counts once");
    tap_ok(!ps_label_gate(&g, "A", 162 * S, AWAY), "after 9.5 s behind a hand");
    tap_ok(!ps_label_gate(&g, "A", 162 * S + S / 2, AWAY), "it does not count again");
    tap_ok(!ps_label_gate(&g, "A", 180 * S, AWAY), "after 17 s away it may");
    tap_ok(ps_label_gate(&g, "A", 180 * S + S / 2, AWAY), "and does when it stays");
    tap_ok(!ps_label_gate(&g, "B", 181 * S, AWAY) && ps_label_gate(&g, "B", 181 * S + S / 2, AWAY),
           "another label counts beside it");
    for (int i = 0; i < PS_LABEL_GATE - 2; i++) {
        snprintf(text, sizeof text, "flood %d", i);
        ps_label_gate(&g, text, 182 * S, AWAY);
    }
    tap_ok(!ps_label_gate(&g, "B", 182 * S, AWAY), "with a table full of others it is still known");
    snprintf(text, sizeof text, "flood %d", PS_LABEL_GATE);
    ps_label_gate(&g, text, 183 * S, AWAY);
    tap_ok(!ps_label_gate(&g, "B", 183 * S, AWAY), "the one that was away for longest gives way first");
}

static void test_same(void) {
    tap_ok(ps_sight_same("SF1234567890123", "SF1234567890123"), "one number is itself");
    tap_ok(ps_sight_same("JD0012345678901", "JD0012345678901-1-1-"), "JD's second code is the same parcel");
    tap_ok(ps_sight_same("JD0012345678901-1-1-", "JD0012345678901"), "either way");
    tap_ok(!ps_sight_same("JD0012345678901-1-2-", "JD0012345678901-2-2-"), "another box is another parcel");
    tap_ok(!ps_sight_same("SF1234567890123", "SF12345678901234"), "a longer number is another one");
    tap_ok(!ps_sight_same("", "-1"), "nothing is like nothing");
    tap_ok(ps_sight_is_source("camera:top") && !ps_sight_is_source("serial:camera:"),
           "camera:NAME is no device");
}

int main(void) {
    test_reading();
    test_slanted();
    test_prefer();
    test_gate();
    test_same();
    return tap_done();
}
