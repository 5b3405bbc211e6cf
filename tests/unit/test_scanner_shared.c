/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A scanner whose keys other programs get as well, and scanners without an Enter. */
#include "recorder/scanner.h"
#include "tests/unit/tap.h"

#include <linux/input-event-codes.h>
#include <stdio.h>
#include <string.h>

#define MS INT64_C(1000000)

struct typing {
    struct ps_scanner_keys keys;
    int64_t now_ns;
    char out[1024];
};

static const uint16_t digits[] = {KEY_0, KEY_1, KEY_2, KEY_3, KEY_4, KEY_5, KEY_6, KEY_7, KEY_8, KEY_9};

static void keep(struct typing *t) {
    size_t used = strlen(t->out);
    snprintf(t->out + used, sizeof t->out - used, "%s|", t->keys.line.text);
}

/* As the recorder does it: what a pause has ended comes before the key that follows it. */
static void press(struct typing *t, uint16_t code, int64_t after_ms) {
    t->now_ns += after_ms * MS;
    if (ps_scanner_keys_due(&t->keys) < t->now_ns && ps_scanner_keys_rest(&t->keys))
        keep(t);
    if (ps_scanner_keys_event(&t->keys, code, 1, t->now_ns))
        keep(t);
    ps_scanner_keys_event(&t->keys, code, 0, t->now_ns);
}

static void type(struct typing *t, const char *number, int64_t gap_ms) {
    for (; *number != '\0'; number++)
        press(t, digits[*number - '0'], gap_ms);
}

static struct typing start(bool shared, uint8_t end) {
    return (struct typing){.now_ns = 5000 * MS, .keys = {.shared = shared, .end = end}};
}

static void test_shared(void) {
    struct typing t = start(true, PS_CONFIG_END_ANY);
    type(&t, "4401234567890", 8);
    press(&t, KEY_ENTER, 8);
    tap_is_str(t.out, "4401234567890|", "a scan on a shared scanner is one");
    t.out[0] = '\0';
    type(&t, "4401234567890", 140);
    press(&t, KEY_ENTER, 140);
    tap_is_str(t.out, "", "the same number typed by a person is not");
    type(&t, "123456", 75);
    press(&t, KEY_ENTER, 75);
    tap_is_str(t.out, "", "a quick typist, 75 ms a key, neither");
    type(&t, "12345", 8);
    press(&t, KEY_ENTER, 8);
    tap_is_str(t.out, "", "nor five digits, however fast");
    press(&t, KEY_F5, 500);
    press(&t, KEY_ENTER, 500);
    tap_is_uint(t.keys.dropped + t.keys.line.dropped, 0, "what people type is no loss to tell of");
    type(&t, "99", 150);
    t.now_ns += 45 * MS;
    type(&t, "4401234567890", 8);
    press(&t, KEY_ENTER, 8);
    tap_is_str(t.out, "4401234567890|", "digits typed a moment before a scan are not glued to it");
    type(&t, "44012345", 8);
    press(&t, KEY_F5, 8);
    press(&t, KEY_ENTER, 8);
    tap_is_uint(t.keys.dropped, 1, "a scan that was spoiled is told");
    t = start(true, PS_CONFIG_END_ANY);
    t.keys.least = 3;
    type(&t, "123", 8);
    press(&t, KEY_ENTER, 8);
    tap_is_str(t.out, "123|", "the least length is a setting");
}

static void test_numpad(void) {
    struct typing t = start(true, PS_CONFIG_END_ANY);
    static const uint16_t pad[] = {KEY_KP4, KEY_KP4, KEY_KP0, KEY_KP1, KEY_KP2, KEY_KP3};
    for (size_t i = 0; i < sizeof pad / sizeof pad[0]; i++)
        press(&t, pad[i], 4);
    press(&t, KEY_KPENTER, 4);
    tap_is_str(t.out, "440123|", "a scanner that types on the numpad, shared");
}

static void test_ends(void) {
    struct typing t = start(false, PS_CONFIG_END_NONE);
    tap_ok(ps_scanner_keys_due(&t.keys) == INT64_MAX, "nothing is due of nothing");
    type(&t, "123456", 8);
    tap_ok(ps_scanner_keys_due(&t.keys) == t.now_ns + 100 * MS,
           "without Enter a code is due after a tenth of a second");
    type(&t, "7", 300);
    tap_is_str(t.out, "123456|", "a pause ends it, and the key behind the pause is not lost");
    type(&t, "89", 8);
    press(&t, KEY_ENTER, 8);
    tap_is_str(t.out, "123456|789|", "an Enter that comes all the same ends it at once");
    tap_ok(!ps_scanner_keys_rest(&t.keys), "and nothing is left to end");

    t = start(true, PS_CONFIG_END_NONE);
    type(&t, "123456", 90);
    t.now_ns += 500 * MS;
    tap_ok(!ps_scanner_keys_rest(&t.keys), "shared and without Enter: typing is still none");
    tap_is_uint(t.keys.dropped, 0, "and no loss");

    t = start(false, PS_CONFIG_END_TAB);
    type(&t, "123456", 8);
    press(&t, KEY_ENTER, 8);
    type(&t, "7890", 8);
    press(&t, KEY_TAB, 8);
    tap_is_str(t.out, "7890|", "only Tab ends the codes of a scanner set to Tab");
    tap_is_uint(t.keys.dropped, 1, "what ended with Enter is told");
    t = start(false, PS_CONFIG_END_ENTER);
    type(&t, "123456", 8);
    press(&t, KEY_TAB, 8);
    type(&t, "7890", 8);
    press(&t, KEY_KPENTER, 8);
    tap_is_str(t.out, "7890|", "and only Enter those of one set to Enter");

    t = start(false, PS_CONFIG_END_ANY);
    t.keys.gap_ns = 20 * MS;
    type(&t, "12", 8);
    type(&t, "345", 21);
    press(&t, KEY_ENTER, 8);
    tap_is_str(t.out, "", "a scanner's own pause tears its codes");
    t.keys.gap_ns = 900 * MS;
    type(&t, "12", 800);
    press(&t, KEY_ENTER, 8);
    tap_is_str(t.out, "12|", "or lets them be slow");
}

static void test_bare(void) {
    static const struct {
        const char *text, *prefix, *suffix, *bare;
        bool whole;
    } cases[] = {
        {"SF123", "", "", "SF123", true},   {"~SF123", "~", "", "SF123", true},
        {"SF123#", "", "#", "SF123", true}, {"%02SF123%03", "%02", "%03", "SF123", true},
        {"SF123", "~", "", "SF123", false}, {"~SF123", "~", "#", "~SF123", false},
        {"~~SF", "~", "", "~SF", true},     {"~", "~", "", "~", false},
        {"~#", "~", "#", "~#", false},      {"aba", "ab", "ba", "aba", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[PS_MAX_CODE + 1];
        snprintf(text, sizeof text, "%s", cases[i].text);
        bool whole = ps_scanner_bare(text, cases[i].prefix, cases[i].suffix);
        tap_ok(whole == cases[i].whole && strcmp(text, cases[i].bare) == 0, "%s without %s and %s is %s",
               cases[i].text, cases[i].prefix, cases[i].suffix, cases[i].bare);
    }
}

static void test_lines(void) {
    struct ps_scanner_line l = {.tab = true};
    unsigned n = 0;
    for (const char *p = "A1\rB2\tC3\t\r\n"; *p != '\0'; p++)
        n += ps_scanner_line_byte(&l, (uint8_t)*p);
    tap_is_uint(n, 2, "a line that ends with Tab: two codes");
    tap_is_uint(l.dropped, 1, "the one with CR is dropped");
    tap_ok(!ps_scanner_line_begun(&l), "and nothing has begun");
}

int main(void) {
    test_shared();
    test_numpad();
    test_ends();
    test_bare();
    test_lines();
    return tap_done();
}
