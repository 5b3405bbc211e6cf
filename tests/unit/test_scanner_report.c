/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/scanner.h"
#include "tests/unit/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of a point-of-sale scanner, as such scanners have it: a counted field, AIM identifier, data, "goes on". */
static const uint8_t pos[] = {0x05, 0x8C, 0x09, 0x02, 0xA1, 0x01, 0x09, 0x12, 0xA1, 0x02, 0x85, 0x02, 0x15,
                              0x00, 0x26, 0xFF, 0x00, 0x75, 0x08, 0x95, 0x01, 0x05, 0x01, 0x09, 0x3B, 0x81,
                              0x02, 0x05, 0x8C, 0x09, 0xFB, 0x09, 0xFC, 0x09, 0xFD, 0x95, 0x03, 0x81, 0x02,
                              0x09, 0xFE, 0x95, 0x38, 0x82, 0x02, 0x01, 0x95, 0x02, 0x06, 0x66, 0xFF, 0x09,
                              0x04, 0x09, 0x00, 0x81, 0x02, 0x05, 0x8C, 0x09, 0xFF, 0x95, 0x01, 0x75, 0x01,
                              0x81, 0x02, 0x75, 0x07, 0x81, 0x03, 0xC0, 0xC0};
static const uint8_t vendor[] = {0x06, 0x00, 0xFF, 0x09, 0x01, 0xA1, 0x01, 0x09, 0x02, 0x15, 0x00,
                                 0x26, 0xFF, 0x00, 0x75, 0x08, 0x95, 0x40, 0x81, 0x02, 0xC0};
static const uint8_t numbered[] = {0x06, 0x00, 0xFF, 0x09, 0x01, 0xA1, 0x01, 0x85, 0x01, 0x09, 0x02, 0x15,
                                   0x00, 0x26, 0xFF, 0x00, 0x75, 0x08, 0x95, 0x3F, 0x81, 0x02, 0xC0};
static const uint8_t keyboard[] = {0x05, 0x01, 0x09, 0x06, 0xA1, 0x01, 0x05, 0x07, 0x19, 0xE0, 0x29, 0xE7,
                                   0x15, 0x00, 0x25, 0x01, 0x75, 0x01, 0x95, 0x08, 0x81, 0x02, 0xC0};
static const uint8_t mouse[] = {0x05, 0x01, 0x09, 0x02, 0xA1, 0x01, 0x05, 0x09,
                                0x75, 0x08, 0x95, 0x03, 0x81, 0x02, 0xC0};

static struct ps_scanner_report r;

static int start(const uint8_t *d, size_t n) {
    struct ps_why why;
    return ps_scanner_report_init(&r, d, n, &why);
}

/* The codes of one report, each followed by '|'. */
static const char *take(const uint8_t *p, size_t n) {
    static char out[1024];
    out[0] = '\0';
    ps_scanner_report_take(&r, p, n);
    while (ps_scanner_report_next(&r)) {
        size_t used = strlen(out);
        snprintf(out + used, sizeof out - used, "%s|", r.line.text);
    }
    return out;
}

static const char *scanned(const char *data, bool more) {
    uint8_t p[64] = {2, (uint8_t)strlen(data), ']', 'C', '0'};
    memcpy(p + 5, data, strlen(data));
    p[61] = 's';
    p[63] = more;
    return take(p, sizeof p);
}

static const char *piece(const char *data) {
    uint8_t p[64] = {(uint8_t)strlen(data)};
    memcpy(p + 1, data, strlen(data));
    return take(p, sizeof p);
}

static void test_layouts(void) {
    struct ps_why why;
    tap_is_int(start(pos, sizeof pos), 0, "a point-of-sale scanner is known by its descriptor");
    tap_is_int(r.layout, PS_SCANNER_POS, "as one");
    tap_is_int(start(vendor, sizeof vendor), 0, "so are counted pieces of a line");
    tap_is_int(r.layout, PS_SCANNER_COUNTED, "as such");
    tap_is_uint(r.number, 0, "without a report number");
    tap_is_int(start(numbered, sizeof numbered), 0, "and with one");
    tap_is_uint(r.number, 1, "which is kept");
    tap_is_int(ps_scanner_report_init(&r, keyboard, sizeof keyboard, &why), PS_EFORMAT,
               "a keyboard is none: %s", why.text);
    tap_is_int(ps_scanner_report_init(&r, mouse, sizeof mouse, &why), PS_EFORMAT, "nor is a mouse: %s",
               why.text);
    tap_is_int(start(pos, 0), PS_EFORMAT, "nor is nothing");
    static const uint8_t long_item[] = {0xFE, 0x02, 0x10, 0x05, 0x8C, 0x05,
                                        0x8C, 0x09, 0x02, 0xA1, 0x01, 0xC0};
    tap_is_int(start(long_item, sizeof long_item), 0, "a long item is stepped over");
    static const uint8_t torn[] = {0x05, 0x8C, 0x09, 0x02, 0xA1, 0x01, 0xFE, 0xFF, 0x10};
    tap_is_int(start(torn, sizeof torn), PS_EFORMAT, "one that is longer than the rest is torn");
}

/* Cut at every length and each bit turned: an answer, and no byte beyond (valgrind and sanitizers look). */
static void test_damaged(void) {
    unsigned known = 0, wrong = 0;
    for (size_t n = 0; n <= sizeof pos; n++) {
        uint8_t *copy = malloc(n + 1); /* exactly so long, that a sanitizer sees the end */
        if (!copy)
            tap_bail("out of memory");
        memcpy(copy, pos, n);
        int err = start(copy, n);
        known += err == 0;
        wrong += err != 0 && err != PS_EFORMAT;
        free(copy);
    }
    tap_ok(known > 0 && known < sizeof pos, "of the cut descriptors some still say what they are (%u)",
           known);
    for (size_t bit = 0; bit < 8 * sizeof pos; bit++) {
        uint8_t copy[sizeof pos];
        memcpy(copy, pos, sizeof pos);
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        int err = start(copy, sizeof copy);
        wrong += err != 0 && err != PS_EFORMAT;
        if (err == 0)
            (void)scanned("SF1234567890123", false);
    }
    tap_is_uint(wrong, 0, "the others are refused");
}

static void test_pos(void) {
    char longest[57];
    start(pos, sizeof pos);
    tap_is_str(scanned("SF1234567890123", false), "SF1234567890123|",
               "a report is a code, without its AIM identifier");
    tap_is_str(scanned("YT7654321098765\r\n", false), "YT7654321098765|",
               "a suffix that was set up is no part of it");
    tap_is_str(scanned("A\nB", false), "A%0AB|", "a line break inside is");
    memset(longest, '7', 56);
    longest[56] = '\0';
    tap_is_str(scanned(longest, true), "", "a code that goes on is none yet");
    tap_is_uint(strlen(scanned("89", false)), 59, "with its rest it is one of 58");
    tap_is_uint(r.dropped + r.line.dropped, 0, "nothing was dropped");
    scanned("PART", true);
    tap_is_str(scanned("", false), "PART|", "an empty report may end it");
    static const uint8_t state[] = {3, 1, 0};
    tap_is_str(take(state, sizeof state), "", "reports with other numbers are passed over");
    tap_is_uint(r.dropped, 0, "and are no fault");
    uint8_t bad[64] = {2, 57, ']', 'C', '0', 'X'};
    tap_is_str(take(bad, sizeof bad), "", "more data than there is room for is refused");
    bad[1] = 1;
    tap_is_str(take(bad, 63), "", "so is a report of another size");
    bad[2] = 'X';
    tap_is_str(take(bad, 64), "", "and one without an AIM identifier");
    tap_is_uint(r.dropped, 3, "each is counted");
    for (int i = 0; i < 3; i++)
        scanned(longest, true);
    tap_is_str(scanned("END", false), "", "a code that never ends is too long");
    tap_is_uint(r.line.dropped, 1, "counted once");
    tap_is_str(scanned("NEXT12", false), "NEXT12|", "the next is well");
}

static void test_counted(void) {
    start(vendor, sizeof vendor);
    tap_is_str(piece("SF1234567890123\r"), "SF1234567890123|", "a counted piece of a line");
    tap_is_str(piece("SF12"), "", "half a line");
    tap_is_str(piece("34\r\nYT1\r\n"), "SF1234|YT1|", "its rest, and another one");
    tap_is_str(piece(""), "", "an empty report is nothing");
    static const uint8_t bad[] = {4, 'A', 'B', '\r'};
    tap_is_str(take(bad, sizeof bad), "", "a count that is larger than the report is refused");
    tap_is_uint(r.dropped, 1, "and counted");
    tap_is_str(take(bad, 0), "", "an empty read too");
    tap_is_uint(r.dropped, 2, "is counted");
    start(numbered, sizeof numbered);
    static const uint8_t good[64] = {1, 4, 'A', 'B', '1', '\r', 'x'};
    static const uint8_t other[64] = {2, 4, 'A', 'B', '1', '\r'};
    tap_is_str(take(good, sizeof good), "AB1|", "behind a report number; padding is no data");
    tap_is_str(take(other, sizeof other), "", "another number is another thing");
    tap_is_uint(r.dropped, 0, "and no fault");
}

int main(void) {
    test_layouts();
    test_damaged();
    test_pos();
    test_counted();
    return tap_done();
}
