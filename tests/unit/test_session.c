/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recorder/codes.h"
#include "recorder/session.h"
#include "tests/unit/tap.h"

#define S 1000000000LL

static const struct ps_session_rules rules = {
    .same_code_ns = 5 * S, .idle_ns = 300 * S, .maximum_ns = 1800 * S};

static int code(struct ps_session *s, const char *raw, int64_t at, struct ps_session_action out[2]) {
    struct ps_session_event e = {.type = PS_SESSION_CODE, .mono_ns = at};

    ps_codes_classify(raw, &e.code);
    return ps_session_step(s, &e, out);
}

static int event(struct ps_session *s, enum ps_session_event_type type, int64_t at,
                 struct ps_session_action out[2]) {
    struct ps_session_event e = {.type = type, .mono_ns = at};

    return ps_session_step(s, &e, out);
}

static void test_rules(void) {
    struct ps_session_action a[2];
    struct ps_session s;

    ps_session_init(&s, &rules);
    tap_is_int(code(&s, "SF1234567890123", 10 * S, a), 1, "a waybill in idle does one thing");
    tap_is_int(a[0].type, PS_SESSION_DO_START, "it starts");
    tap_is_int(code(&s, "SF1234567890123", 12 * S, a), 1, "the same code within 5 s");
    tap_is_int(a[0].type, PS_SESSION_DO_IGNORE, "is ignored, audibly");
    code(&s, "SF1234567890123", 14 * S, a);
    tap_is_int(a[0].type, PS_SESSION_DO_IGNORE, "again ignored: the window runs from the first scan");
    tap_is_int(code(&s, "6901234567892", 20 * S, a), 1, "an item during a clip");
    tap_is_int(a[0].type, PS_SESSION_DO_ADD, "is added and ends nothing");
    tap_is_int(code(&s, "HELLO", 21 * S, a), 1, "an unknown code during a clip");
    tap_is_int(a[0].type, PS_SESSION_DO_ADD, "is added and ends nothing");
    tap_is_int(code(&s, "YT7654321098765", 30 * S, a), 2, "another parcel's code does two things");
    tap_is_int(a[0].type, PS_SESSION_DO_END, "ends");
    tap_is_int(a[0].reason, PS_END_NEXT_CODE, "with its reason");
    tap_is_int(a[1].type, PS_SESSION_DO_START, "then starts");
    tap_is_str(a[1].code.value, "YT7654321098765", "for the new code");
    tap_is_int(code(&s, "yt7654321098765", 40 * S, a), 1, "the same code in small letters, later");
    tap_is_int(a[0].reason, PS_END_SAME_CODE, "ends the clip");
    tap_is_int(event(&s, PS_SESSION_STOP, 41 * S, a), 1, "stop in idle");
    tap_is_int(a[0].type, PS_SESSION_DO_WARN, "warns");
    code(&s, "HELLO", 50 * S, a);
    tap_is_int(a[0].type, PS_SESSION_DO_START, "an unknown code starts from idle");
    tap_is_int(event(&s, PS_SESSION_CANCEL, 51 * S, a), 1, "cancel");
    tap_is_int(a[0].reason, PS_END_CANCELLED, "ends as cancelled");
}

static void test_time(void) {
    struct ps_session_action a[2];
    struct ps_session s;

    ps_session_init(&s, &rules);
    code(&s, "SF1234567890123", 0, a);
    tap_is_int(event(&s, PS_SESSION_TICK, 299 * S, a), 0, "299 s without anything: nothing");
    tap_is_int(event(&s, PS_SESSION_TICK, 300 * S, a), 1, "300 s: something");
    tap_is_int(a[0].reason, PS_END_IDLE, "idle");
    code(&s, "SF1234567890123", 400 * S, a);
    for (int64_t t = 400; t < 2200; t += 100)
        event(&s, PS_SESSION_MOTION, t * S, a);
    tap_is_int(event(&s, PS_SESSION_TICK, 2199 * S, a), 0, "motion keeps a clip from being idle");
    tap_is_int(event(&s, PS_SESSION_TICK, 2200 * S, a), 1, "at the maximum");
    tap_is_int(a[0].reason, PS_END_MAXIMUM, "it ends as maximum");
    tap_is_int(event(&s, PS_SESSION_SHUTDOWN, 2300 * S, a), 0, "shutdown in idle does nothing");
    code(&s, "SF1234567890123", 2400 * S, a);
    event(&s, PS_SESSION_SHUTDOWN, 2401 * S, a);
    tap_is_int(a[0].reason, PS_END_SHUTDOWN, "shutdown ends the clip");
    ps_session_init(&s, &s.rules);
    tap_ok(s.rules.maximum_ns == rules.maximum_ns, "a session made anew from its own rules keeps them");
}

/* No sequence of events loses a clip or leaves one open: starts and ends alternate, items end nothing. */
static void test_any_sequence(void) {
    static const char *const codes[] = {"SF1234567890123", "YT7654321098765", "6901234567892", "WHAT",
                                        "JD0012345678901-1-1-"};
    bool ok = true;

    srand(7);
    for (int round = 0; round < 500 && ok; round++) {
        struct ps_session s;
        struct ps_session_action a[2];
        int64_t now = 0;
        int open = 0, n;
        ps_session_init(&s, &rules);
        for (int i = 0; i < 400; i++) {
            now += (int64_t)(rand() % 20000) * 1000000;
            int pick = rand() % 12;
            bool item = pick == 2 || pick == 3;
            n = pick < 5 ? code(&s, codes[pick], now, a)
                         : event(&s, (enum ps_session_event_type)(PS_SESSION_STOP + (pick - 5) % 8), now, a);
            for (int k = 0; k < n; k++) {
                if (a[k].type == PS_SESSION_DO_START)
                    open++;
                if (a[k].type == PS_SESSION_DO_END) {
                    open--;
                    ok = ok && a[k].reason && !(item && a[k].reason == PS_END_NEXT_CODE);
                }
                ok = ok && (open == 0 || open == 1);
            }
            ok = ok && open == (s.state == PS_SESSION_RECORDING);
        }
        n = event(&s, PS_SESSION_SHUTDOWN, now, a);
        ok = ok && n == open && s.state == PS_SESSION_IDLE;
    }
    tap_ok(ok, "500 random days: starts and ends alternate, no item ends a clip, nothing stays open");
}

static void is_code(const char *raw, enum ps_code_type type, const char *carrier, const char *value) {
    struct ps_code c;

    ps_codes_classify(raw, &c);
    tap_is_int(c.type, type, "\"%s\": type", raw);
    tap_is_str(c.carrier, carrier, "\"%s\": carrier", raw);
    tap_is_str(c.value, value, "\"%s\": value", raw);
    tap_is_str(c.raw, raw, "\"%s\": raw is kept", raw);
}

static void test_codes(void) {
    is_code("SF1234567890123", PS_CODE_WAYBILL, "SF", "SF1234567890123");
    is_code(" yt7654321098765 ", PS_CODE_WAYBILL, "YTO", "YT7654321098765");
    is_code("JDVA00123456789", PS_CODE_WAYBILL, "JD", "JDVA00123456789");
    is_code("EA123456785CN", PS_CODE_WAYBILL, "EMS", "EA123456785CN");
    is_code("6901234567892", PS_CODE_SKU, "", "6901234567892");
    is_code("6901234567893", PS_CODE_WAYBILL, "", "6901234567893");
    is_code("96385074", PS_CODE_SKU, "", "96385074");
    is_code("SF12", PS_CODE_UNKNOWN, "", "SF12");
    is_code("order 7", PS_CODE_UNKNOWN, "", "ORDER 7");
    tap_ok(ps_codes_gs1_valid("4006381333931"), "a real EAN-13 has a valid check digit");
    tap_ok(!ps_codes_gs1_valid("4006381333932"), "one off is not valid");
    tap_ok(!ps_codes_gs1_valid(""), "nothing is not valid");
}

int main(void) {
    test_rules();
    test_time();
    test_any_sequence();
    test_codes();
    return tap_done();
}
