/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A scan that is torn by pauses inside it: whatever its pieces, no code comes of it that was not scanned whole; and what is whole, and
 * not on the heels of a torn one, is never lost.
 */
#include "recorder/scanner.h"
#include "tests/unit/tap.h"

#include <linux/input-event-codes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS INT64_C(1000000)
#define SCANS 4000

static const uint16_t digits[] = {KEY_0, KEY_1, KEY_2, KEY_3, KEY_4, KEY_5, KEY_6, KEY_7, KEY_8, KEY_9};

static uint64_t seed = 20261122;

static unsigned random_below(unsigned n) {
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(seed >> 33) % n;
}

struct bench {
    struct ps_scanner_keys keys;
    int64_t now_ns;
    char last[PS_MAX_CODE + 1]; /* that came out */
    unsigned out, strange;      /* codes; of these not the one that was scanned just now */
};

static void press(struct bench *b, uint16_t code, int64_t after_ms, const char *whole) {
    b->now_ns += after_ms * MS;
    if (ps_scanner_keys_event(&b->keys, code, 1, b->now_ns)) {
        b->out++;
        b->strange += strcmp(b->keys.line.text, whole) != 0;
        snprintf(b->last, sizeof b->last, "%s", b->keys.line.text);
    }
    ps_scanner_keys_event(&b->keys, code, 0, b->now_ns);
}

/* A scan of 6 to 20 digits, its keys up to 30 ms apart, with so many tears in it, each up to a second long. */
static void scan(struct bench *b, const char *number, unsigned tears, unsigned gap_ms) {
    const unsigned n = (unsigned)strlen(number);
    bool torn[32] = {false};
    for (unsigned i = 0; i < tears; i++)
        torn[1 + random_below(n)] = true; /* before a digit, or before the end */
    for (unsigned i = 0; i <= n; i++)
        press(b, i < n ? digits[number[i] - '0'] : KEY_ENTER,
              torn[i] ? gap_ms + 1 + random_below(1000)
              : i     ? 1 + random_below(30)
                      : 0,
              number);
}

static void number_of(char number[32], unsigned i) {
    snprintf(number, 32, "%06u%0*u", 100000 + i % 900000, 1 + (int)random_below(13), random_below(10));
}

static void test_own(void) {
    struct bench b = {.now_ns = 5000 * MS};
    unsigned whole = 0, torn = 0, lost = 0;
    for (unsigned i = 0; i < SCANS; i++) {
        char number[32];
        const unsigned tears = random_below(4), out = b.out;
        number_of(number, i);
        b.now_ns += (int64_t)(1 + random_below(3000)) * MS; /* the next one may follow at once */
        scan(&b, number, tears, 220);
        torn += tears > 0;
        whole += tears == 0;
        lost += tears == 0 && b.out == out;
    }
    tap_ok(torn > SCANS / 2 && whole > SCANS / 5, "%u scans torn up to three times, %u whole", torn, whole);
    tap_is_uint(b.strange, 0, "no code came that was not scanned whole");
    tap_is_uint(b.out, whole, "as many codes as whole scans");
    tap_is_uint(lost, 0, "none of them lost: the end of a torn scan is known");
    tap_is_uint(b.keys.torn_n, torn, "each torn scan is counted, once");
}

/* The scanner goes out in the middle, and does not come to the end of its code. */
static void test_without_end(void) {
    struct bench b = {.now_ns = 5000 * MS};
    unsigned lost = 0, expected = 0;
    for (unsigned i = 0; i < SCANS; i++) {
        char number[32];
        const unsigned out = b.out, cut = random_below(2), pause = 1 + random_below(2500);
        number_of(number, i);
        if (cut) {
            for (unsigned k = 0; k < 5; k++)
                press(&b, digits[number[k] - '0'], 5, number);
            b.now_ns += (int64_t)(221 + pause) * MS;
        }
        scan(&b, number, 0, 220);
        if (!cut || pause > 999) {
            expected++;
            lost += b.out == out;
        }
        b.now_ns += 3000 * MS;
    }
    tap_is_uint(b.strange, 0, "after one that was cut off: no code that was not scanned whole");
    tap_ok(lost == 0 && expected > SCANS / 2, "a second later the next is well: %u lost of %u", lost,
           expected);
    tap_is_uint(b.out, expected, "sooner it is dropped, too");
}

static void typed(struct bench *b, unsigned n, bool enter) {
    for (unsigned i = 0; i < n; i++)
        press(b, digits[random_below(10)], 70 + random_below(250), "");
    if (enter)
        press(b, KEY_ENTER, 70 + random_below(250), "");
}

static void test_shared(void) {
    struct bench b = {.now_ns = 5000 * MS, .keys = {.shared = true}};
    unsigned whole = 0, told = 0, long_ones = 0;
    for (unsigned i = 0; i < SCANS; i++)
        typed(&b, 1 + random_below(20), random_below(2));
    tap_is_uint(b.out, 0, "%u times typed on what is shared: no code", SCANS);
    tap_is_uint(b.keys.dropped, 0, "and nothing to tell");
    for (unsigned i = 0; i < SCANS; i++) {
        char number[32];
        const unsigned tears = random_below(2);
        const uint64_t before = b.keys.torn_n;
        typed(&b, random_below(5), true);
        b.now_ns += 2000 * MS;
        number_of(number, i);
        scan(&b, number, tears, 50);
        whole += tears == 0;
        if (tears && strlen(number) > 12) {
            long_ones++;
            told += b.keys.torn_n == before + 1;
        }
    }
    tap_is_uint(b.strange, 0, "scans torn once between what is typed: no code that was not scanned whole");
    tap_is_uint(b.out, whole, "and as many codes as whole scans");
    tap_ok(long_ones > 100 && told == long_ones, "torn ones of more than 12 characters are told: %u of %u",
           told, long_ones);
    b = (struct bench){.now_ns = 5000 * MS, .keys = {.shared = true}};
    for (unsigned i = 0; i < 200; i++) {
        char number[32];
        number_of(number, i);
        typed(&b, 2 + random_below(9), false);
        b.now_ns += (int64_t)(60 + random_below(100)) * MS;
        scan(&b, number, 0, 50);
    }
    tap_ok(b.out == 200 && b.strange == 0, "a scan right behind what is typed is well: %u of 200", b.out);
}

static void test_line(void) {
    struct ps_scanner_line l = {0};
    unsigned n = 0;
    for (const char *p = "SF12"; *p != '\0'; p++)
        n += ps_scanner_line_byte(&l, (uint8_t)*p);
    ps_scanner_line_tear(&l);
    tap_ok(ps_scanner_line_begun(&l), "a torn line has begun");
    for (const char *p = "34567\r\nYT1\r"; *p != '\0'; p++)
        n += ps_scanner_line_byte(&l, (uint8_t)*p);
    tap_ok(n == 1 && strcmp(l.text, "YT1") == 0, "its rest is no code, the next line is");
    tap_ok(l.dropped == 1 && l.torn_n == 1, "counted once");
    ps_scanner_line_tear(&l);
    tap_ok(!ps_scanner_line_begun(&l), "a pause between two lines tears nothing");
}

int main(void) {
    test_own();
    test_without_end();
    test_shared();
    test_line();
    return tap_done();
}
