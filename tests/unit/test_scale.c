/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What scales write, and when a weight stands still. The examples are those of the makers' manuals that recorder/scale_frame.h names.
 */
#include "recorder/scale.h"
#include "tests/unit/tap.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MS INT64_C(1000000)

struct heard {
    unsigned weights, none, strange;
    struct ps_scale_frame_weight last;
};

static struct heard hear_unit(uint8_t protocol, uint8_t unit, const char *bytes, size_t n) {
    struct ps_scale_frame f;
    struct ps_scale_frame_weight w;
    struct heard h = {0};
    ps_scale_frame_init(&f, protocol, unit);
    for (size_t i = 0; i < n; i++)
        switch (ps_scale_frame_byte(&f, (uint8_t)bytes[i], &w)) {
        case PS_SCALE_FRAME_MORE: break;
        case PS_SCALE_FRAME_WEIGHT:
            h.weights++;
            h.last = w;
            break;
        case PS_SCALE_FRAME_NONE: h.none++; break;
        case PS_SCALE_FRAME_STRANGE: h.strange++; break;
        }
    return h;
}

#define HEAR(protocol, bytes) hear_unit(protocol, PS_CONFIG_UNIT_ANY, bytes, sizeof(bytes) - 1)

/* One weight, and nothing else. */
static void is_weight(struct heard h, int grams, bool moving, bool net, const char *what) {
    tap_ok(h.weights == 1 && h.none == 0 && h.strange == 0 && h.last.grams == grams &&
               h.last.moving == moving && h.last.net == net,
           "%s: %u weights, %d g%s%s, %u without, %u strange", what, h.weights, (int)h.last.grams,
           h.last.moving ? " moving" : "", h.last.net ? " net" : "", h.none, h.strange);
}

static void is_none(struct heard h, const char *what) {
    tap_ok(h.weights == 0 && h.none == 1 && h.strange == 0, "%s: no weight", what);
}

static void is_strange(struct heard h, const char *what) {
    tap_ok(h.weights == 0 && h.none == 0 && h.strange == 1, "%s: passed over (%u weights, %d g, %u, %u)",
           what, h.weights, (int)h.last.grams, h.none, h.strange);
}

static void test_st(void) {
    const uint8_t p = PS_CONFIG_WEIGHT_ST;
    is_weight(HEAR(p, "ST,+001234.5  g\r\n"), 1235, false, false, "A&D EK, rounded");
    is_weight(HEAR(p, "US,-000183.96 g\r\n"), -184, true, false, "A&D, moving, below zero");
    is_weight(HEAR(p, "ST,GS,+ 0.123 kg\r\n"), 123, false, false, "gross");
    is_weight(HEAR(p, "ST,NT, 000.123,kg\r\n"), 123, false, true, "net, a comma before the unit");
    is_weight(HEAR(p, "ST,GS,1\xC4,   0.123 kg\r\n"), 123, false, false, "CAS, 22 bytes");
    is_weight(HEAR(p, "US,NT,1\x82,  12.345 kg\r\n"), 12345, true, true, "CAS, 22 bytes, moving");
    is_weight(HEAR(p, "ST,GS,   0.123kg\r\n"), 123, false, false, "18 bytes");
    is_weight(HEAR(p, "ST,GS,+0001.50 lb\r\n"), 680, false, false, "pounds");
    is_weight(HEAR(p, "ST,GS,+0010.00 oz\r\n"), 283, false, false, "ounces");
    is_weight(HEAR(p, "\x02ST,GS,+ 0.123 kg\r\n\x03"), 123, false, false, "between STX and ETX");
    is_weight(HEAR(p, "ST,GS,+ 0.123 kg\r"), 123, false, false, "CR alone");
    is_none(HEAR(p, "OL,+999999.9  g\r\n"), "overload");
    is_none(HEAR(p, "QT,+00012345 PC\r\n"), "pieces");
    is_none(HEAR(p, "ST,TR,+ 0.100 kg\r\n"), "a tare");
    is_strange(HEAR(p, "ST,GS,1\x84,   0.123 kg\r\n"), "CAS whose lamps say otherwise");
    is_strange(HEAR(p, "ST,GS,+ 0.123\r\n"), "without a unit");
    is_strange(HEAR(p, "ST,GS,+ 0.123 kgs\r\n"), "a unit that is none");
    is_strange(HEAR(p, "ST,GS,+ 0.1.3 kg\r\n"), "two points");
    is_strange(HEAR(p, "ST,GS,+ 0. kg\r\n"), "a point without decimals");
    is_strange(HEAR(p, "ST,GS,+ 0.123 kg 1\r\n"), "something behind it");
    is_strange(HEAR(p, "ST,GS,+1234567890 g\r\n"), "too many digits");
    is_strange(HEAR(p, "ST,GS,+  999999 kg\r\n"), "heavier than any bench's parcel");
    is_strange(HEAR(p, "ST,GS,+ 0.\0"
                       "23 kg\r\n"),
               "a byte whose parity was wrong");
    is_strange(HEAR(p, "SF1234567890123\r\n"), "a scanner's code");
    is_strange(HEAR(p, "ST,GS,+ 0.1\x02"), "torn by a beginning");
    is_strange(HEAR(p, "ST,GS,+ 0.123 kg                                      kg\r\n"), "an endless line");
    tap_is_int(HEAR(p, "\r\n\r\n\x03").strange, 0, "empty lines are nothing");
    tap_is_int((int)hear_unit(p, PS_CONFIG_UNIT_KG, "ST,GS,+ 0.123 lb\r\n", 18).strange, 1,
               "another unit than the one that was set is passed over");
    is_weight(hear_unit(p, PS_CONFIG_UNIT_KG, "ST,GS,+ 0.123\r\n", 15), 123, false, false,
              "a missing one is the one that was set");
}

static void test_sics(void) {
    const uint8_t p = PS_CONFIG_WEIGHT_SICS;
    is_weight(HEAR(p, "S S     100.00 g\r\n"), 100, false, false, "stable");
    is_weight(HEAR(p, "S D     -0.255 kg\r\n"), -255, true, false, "dynamic");
    is_none(HEAR(p, "S I\r\n"), "not executable");
    is_none(HEAR(p, "S +\r\n"), "overload");
    is_none(HEAR(p, "S -\r\n"), "underload");
    is_strange(HEAR(p, "ES\r\n"), "a syntax error");
    is_strange(HEAR(p, "S X 100.00 g\r\n"), "a status that is none");
    is_strange(HEAR(p, "T S 100.00 g\r\n"), "a tare");
}

static void test_plain(void) {
    const uint8_t p = PS_CONFIG_WEIGHT_PLAIN;
    is_weight(HEAR(p, "0.123kg\r\n"), 123, false, false, "plain");
    is_weight(HEAR(p, "ww00015.000kg\r\n"), 15000, false, false, "gross");
    is_weight(HEAR(p, "wn-0015.000kg\r\n"), -15000, false, true, "net");
    is_weight(hear_unit(p, PS_CONFIG_UNIT_KG, "  0.123\r\n", 9), 123, false, false, "the unit that was set");
    is_strange(HEAR(p, "0.123\r\n"), "no unit");
    is_strange(HEAR(p, "kg\r\n"), "no number");
}

static void test_toledo(void) {
    const uint8_t p = PS_CONFIG_WEIGHT_TOLEDO, q = PS_CONFIG_WEIGHT_TOLEDO_SUM;
    /* A: 0x2D = 3 decimals, B: 0x30 = kg, C: 0x20 */
    is_weight(HEAR(p, "\x02\x2D\x30\x20  1234     0\r"), 1234, false, false, "1.234 kg");
    is_weight(HEAR(p, "\x02\x2D\x30\x20  1234\r"), 1234, false, false, "without a tare");
    is_weight(HEAR(p, "\x02\x2D\x3B\x20  1234   100\r"), -1234, true, true, "net, negative, moving");
    is_weight(HEAR(p, "\x02\xAD\xB0\xA0  1234     0\r\x11"), 1234, false, false,
              "with parity bits and a sum nobody asked for");
    is_weight(HEAR(p, "\x02\x2A\x20\x21   850     0\r"), 850, false, false, "grams");
    is_weight(HEAR(p, "\x02\x28\x20\x21     8     0\r"), 800, false, false, "X00");
    is_weight(HEAR(p, "\x02\x2C\x20\x20   150     0\r"), 680, false, false, "1.50 lb");
    is_none(HEAR(p, "\x02\x2D\x34\x20  1234     0\r"), "out of range");
    is_none(HEAR(p, "\x02\x2D\x70\x20  1234     0\r"), "not zeroed");
    is_strange(HEAR(p, "\x02\x2D\x30\x20  12 4     0\r"), "a hole");
    is_strange(HEAR(p, "\x02\x2D\x30\x20  1234    0\r"), "too short");
    is_strange(HEAR(p, "\x02\x2D\x30\x20  1234      0\r"), "too long");
    is_strange(HEAR(p, "\x02\x2D\x10\x20  1234     0\r"), "a status byte that is none");
    is_strange(HEAR(p, "\x02\x2D\x30\x22  1234     0\r"), "a unit that is not known");
    is_strange(HEAR(p, "\x02\x2D\x30\x20  1234\x02"), "torn");
    char sum[] = "\x02\x2D\x30\x20  1234     0\r?";
    unsigned all = 0;
    for (size_t i = 0; i + 2 < sizeof sum; i++)
        all += (uint8_t)sum[i];
    sum[sizeof sum - 2] = (char)(-all & 0x7f);
    is_weight(hear_unit(q, PS_CONFIG_UNIT_ANY, sum, sizeof sum - 1), 1234, false, false, "with its sum");
    sum[7]++;
    is_strange(hear_unit(q, PS_CONFIG_UNIT_ANY, sum, sizeof sum - 1), "a digit that the sum does not bear");
}

static void test_yaohua(void) {
    const uint8_t p = PS_CONFIG_WEIGHT_YAOHUA;
    is_weight(hear_unit(p, PS_CONFIG_UNIT_KG,
                        "\x02+0020002"
                        "1B\x03",
                        12),
              20000, false, false, "+20.00 kg");
    is_weight(hear_unit(p, PS_CONFIG_UNIT_KG,
                        "\x02-0020002"
                        "1D\x03",
                        12),
              -20000, false, false, "-20.00 kg");
    is_strange(hear_unit(p, PS_CONFIG_UNIT_KG,
                         "\x02+0020003"
                         "1B\x03",
                         12),
               "a digit that the sum does not bear");
    is_strange(hear_unit(p, PS_CONFIG_UNIT_KG,
                         "\x02+002000"
                         "1B\x03",
                         11),
               "too short");
    is_strange(hear_unit(p, PS_CONFIG_UNIT_KG,
                         "\x02+00200020"
                         "1B\x03",
                         13),
               "too long");
    is_strange(HEAR(p, "\x02+0020002"
                       "1B\x03"),
               "a unit that nobody has set");
    is_strange(hear_unit(p, PS_CONFIG_UNIT_KG,
                         "\x02+0020009"
                         "10\x03",
                         12),
               "nine decimals");
}

/* A lost or a bent byte of a frame with a sum never makes another weight; of any frame never more than one. */
static void test_damage(void) {
    static const struct {
        uint8_t protocol, unit;
        const char *frame;
        size_t n;
        bool sum;
    } frames[] = {{PS_CONFIG_WEIGHT_YAOHUA, PS_CONFIG_UNIT_KG,
                   "\x02+0020002"
                   "1B\x03",
                   12, true},
                  {PS_CONFIG_WEIGHT_TOLEDO, 0, "\x02\x2D\x30\x20  1234     0\r", 17, false},
                  {PS_CONFIG_WEIGHT_ST, 0, "ST,GS,1\xC4,   0.123 kg\r\n", 22, false},
                  {PS_CONFIG_WEIGHT_SICS, 0, "S S     100.00 g\r\n", 18, false}};
    unsigned wrong = 0, many = 0;
    for (size_t k = 0; k < sizeof frames / sizeof frames[0]; k++) {
        struct heard good = hear_unit(frames[k].protocol, frames[k].unit, frames[k].frame, frames[k].n);
        for (size_t i = 0; i < frames[k].n; i++)
            for (unsigned to = 0; to <= 256; to++) { /* 256: lost */
                char bytes[32];
                size_t n = 0;
                for (size_t j = 0; j < frames[k].n; j++)
                    if (j != i)
                        bytes[n++] = frames[k].frame[j];
                    else if (to < 256)
                        bytes[n++] = (char)to;
                struct heard h = hear_unit(frames[k].protocol, frames[k].unit, bytes, n);
                many += h.weights + h.none > 1;
                wrong += frames[k].sum && h.weights && h.last.grams != good.last.grams;
            }
    }
    tap_is_int((int)wrong, 0, "no bent frame with a sum is another weight");
    tap_is_int((int)many, 0, "no bent frame is two");
}

static bool settled(struct ps_scale_settle *s, int32_t grams, bool moving, int64_t ms) {
    const struct ps_scale_frame_weight w = {.grams = grams, .moving = moving};
    return ps_scale_settle(s, &w, ms * MS);
}

static void test_settle(void) {
    struct ps_scale_settle s = {.settle_ns = 0};
    tap_ok(settled(&s, 5, false, 0) && !settled(&s, 5, true, 1) && settled(&s, 6, false, 2),
           "a scale that says itself when it rests is believed");
    s = (struct ps_scale_settle){.settle_ns = 1000 * MS};
    tap_ok(!settled(&s, 5, false, 0) && !settled(&s, 5, false, 500) && settled(&s, 5, false, 1000),
           "else a weight has to stand still");
    tap_ok(!settled(&s, 6, false, 1100) && !settled(&s, 6, false, 2000) && settled(&s, 6, false, 2100),
           "and another one anew");
    tap_ok(!settled(&s, 6, true, 2200) && !settled(&s, 6, false, 2300), "moving in between");
    s = (struct ps_scale_settle){.settle_ns = 1000 * MS};
    tap_ok(!settled(&s, 5, false, 0) && !settled(&s, 5, false, 1500) && settled(&s, 5, false, 1600),
           "two readings say nothing of in between");
    tap_ok(!settled(&s, 5, false, 9000), "nor does one of long ago");
    ps_scale_settle_anew(&s);
    tap_ok(!settled(&s, 5, false, 9100), "overload in between");
}

static enum ps_scale_news news(struct ps_scale_stated *s, int32_t grams, bool stable, bool net, int64_t ms) {
    const struct ps_scale_reading r = {.known = true, .grams = grams, .stable = stable, .net = net};
    return ps_scale_news(s, &r, 5, ms * MS);
}

static void test_news(void) {
    struct ps_scale_stated s = {0};
    tap_ok(!news(&s, 0, true, false, 1) && !news(&s, 5, true, false, 2), "an empty scale is no news");
    tap_ok(!news(&s, 900, false, false, 3), "nor is what moves");
    tap_ok(news(&s, 1234, true, false, 4) == PS_SCALE_STATE, "a weight is");
    tap_ok(!news(&s, 1234, true, false, 2004) && !news(&s, 1239, true, false, 3004),
           "once, though its last digit trembles");
    tap_ok(news(&s, 1240, true, false, 4004) == PS_SCALE_STATE, "as far as it creeps from what was told");
    tap_ok(!news(&s, 2000, true, false, 4999) && news(&s, 2000, true, false, 5004) == PS_SCALE_STATE,
           "one in a second");
    tap_ok(news(&s, 2000, true, true, 7000) == PS_SCALE_STATE, "the same net is another");
    tap_ok(news(&s, 0, true, true, 9000) == PS_SCALE_STATE, "an empty scale behind a weight is told");
    struct ps_scale_reading over = {.known = false};
    tap_ok(!ps_scale_news(&s, &over, 5, 11000 * MS), "overload is no weight");
    unsigned stated = 0, left_out = 0;
    s = (struct ps_scale_stated){0};
    for (int i = 0; i < 1000; i++) {
        enum ps_scale_news n = news(&s, i % 2 ? 100 : 200, true, false, 20000 + i * 1000);
        stated += n == PS_SCALE_STATE;
        left_out += n == PS_SCALE_LEFT_OUT;
    }
    tap_ok(stated == 200 && left_out == 1, "a scale that never rests: %u, and that more was left out",
           stated);
}

/* Until the line has brought them; a pty does it at once, or a moment later. */
static int read_scale(struct ps_scale *s, struct ps_scale_reading *r, struct ps_why *why) {
    int result = 0;
    for (int i = 0; i < 200 && (result = ps_scale_read(s, 1, r, why)) == 0; i++)
        usleep(10000);
    return result;
}

static void put(int fd, const char *bytes, size_t n) {
    while (n > 0) {
        const ssize_t did = write(fd, bytes, n);
        if (did <= 0)
            return;
        bytes += did;
        n -= (size_t)did;
    }
}

static void test_line(void) {
    struct ps_config_scale config = {.name = "bench",
                                     .protocol = PS_CONFIG_WEIGHT_ST,
                                     .data_bits = 7,
                                     .parity = 'e',
                                     .stop_bits = 1,
                                     .ask = "Q",
                                     .ask_ms = 500};
    struct ps_scale_reading r;
    struct ps_scale *s;
    struct ps_why why;
    char asked[8] = "", flood[4000];
    int fd = posix_openpt(O_RDWR | O_NOCTTY);
    if (fd < 0 || grantpt(fd) != 0 || unlockpt(fd) != 0) {
        tap_ok(false, "no pseudo terminal");
        return;
    }
    snprintf(config.source, sizeof config.source, "serial:%s?baud=2400", ptsname(fd));
    tap_ok(ps_scale_new(&s, &config) == 0 && !ps_scale_is_open(s), "a scale is away before it is opened");
    tap_is_int(ps_scale_read(s, 1, &r, &why), PS_EGONE, "and cannot be read");
    tap_is_int(ps_scale_open(s, &why), 0, "a pty is a serial line (%s)", why.text);
    tap_is_int(ps_scale_read(s, 1, &r, &why), 0, "nothing has come");
    tap_ok(read(fd, asked, sizeof asked - 1) == 3 && strcmp(asked, "Q\r\n") == 0, "it was asked");
    put(fd, "ST,GS,+ 0.123 kg\r\nOL,+9999999  g\r\n", 34);
    tap_ok(read_scale(s, &r, &why) == 1 && r.known && r.grams == 123 && r.stable, "a weight at rest");
    tap_ok(read_scale(s, &r, &why) == 1 && !r.known && !ps_scale_is_strange(s), "overload");
    for (unsigned i = 0; i < 9; i++)
        put(fd, "hello\r\n", 7);
    int result = 0;
    for (int i = 0; i < 200 && result == 0 && !ps_scale_is_strange(s); i++) {
        result = ps_scale_read(s, 1, &r, &why);
        usleep(10000);
    }
    tap_ok(result == 0 && ps_scale_is_strange(s),
           "what is no weight is none, and told when nothing else comes");
    memset(flood, 'x', sizeof flood);
    put(fd, flood, sizeof flood);
    tap_is_int(read_scale(s, &r, &why), 2, "an endless line is left for the next turn");
    while (ps_scale_read(s, 1, &r, &why) == 2)
        continue;
    put(fd, "\r\nST,GS,+ 0.456 kg\r\n", 20);
    tap_ok(read_scale(s, &r, &why) == 1 && r.grams == 456 && !ps_scale_is_strange(s),
           "the next weight is well");
    close(fd);
    tap_ok(read_scale(s, &r, &why) == PS_EGONE && !ps_scale_is_open(s), "pulled out");
    ps_scale_free(s);
}

int main(void) {
    test_line();
    test_news();
    test_st();
    test_sics();
    test_plain();
    test_toledo();
    test_yaohua();
    test_damage();
    test_settle();
    return tap_done();
}
