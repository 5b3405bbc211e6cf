/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "evidence/origin.h"

#include <string.h>

#include "tap.h"

/* The ledger key of the golden files; its SHA-256 begins so by sha256sum. */
static const uint8_t key[32] = {0x81, 0x39, 0x77, 0x0e, 0xa8, 0x7d, 0x17, 0x5f, 0x56, 0xa3, 0x54,
                                0x66, 0xc3, 0x4c, 0x7e, 0xcc, 0xcb, 0x8d, 0x8a, 0x91, 0xb4, 0xee,
                                0x37, 0xa2, 0x5d, 0xf6, 0x0f, 0x5b, 0x8f, 0xc9, 0xb3, 0x94};
#define MARK "6a3803d5f059902a"

static void good(const char *name, const char *station, const char *mark, unsigned generation) {
    struct ps_origin o;
    char back[PS_NOTE_NAME + 1];
    tap_is_int(ps_origin_parse(&o, name), 0, "%s", name);
    ps_origin_name(&o, back);
    tap_ok(strcmp(o.station, station) == 0 && strcmp(o.mark, mark) == 0 && o.generation == generation &&
               strcmp(back, name) == 0,
           "in its parts, and back");
}

int main(void) {
    static const char *const bad[] = {"",
                                      "packseal.invalid/",
                                      "packseal.invalid/-a",
                                      "packseal.invalid/ST03/",
                                      "packseal.invalid/ST03/1",
                                      "packseal.invalid/ST03/0",
                                      "packseal.invalid/ST03/02",
                                      "packseal.invalid/ST03/2x",
                                      "packseal.invalid/ST03/10000",
                                      "packseal.invalid/ST03/99999999999",
                                      "packseal.invalid/ST03/" MARK "/",
                                      "packseal.invalid/ST03/" MARK "/1",
                                      "packseal.invalid/ST03/" MARK "/2/2",
                                      "packseal.invalid/ST03/2/" MARK,
                                      "packseal.invalid/ST03/6A3803D5F059902A",
                                      "packseal.invalid/ST03/6a3803d5f059902",
                                      "packseal.invalid/12345678901234567",
                                      "other.example/ST03"};
    struct ps_origin o;
    char name[PS_NOTE_NAME + 1];
    uint8_t other[32];

    good("packseal.invalid/ST03", "ST03", "", 1);
    good("packseal.invalid/ST03/2", "ST03", "", 2);
    good("packseal.invalid/ST03/" MARK, "ST03", MARK, 1);
    good("packseal.invalid/1234567890123456/" MARK "/9999", "1234567890123456", MARK, 9999);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        tap_is_int(ps_origin_parse(&o, bad[i]), PS_EFORMAT, "refused: %s", bad[i]);

    ps_origin_first(&o, "ST03", key);
    ps_origin_name(&o, name);
    tap_is_str(name, "packseal.invalid/ST03/" MARK, "the name of a first ledger");
    memcpy(other, key, sizeof other);
    other[31] ^= 1;
    tap_ok(ps_origin_fits(&o, key) && !ps_origin_fits(&o, other), "it fits its key and no other");
    o.generation = 2;
    tap_ok(ps_origin_fits(&o, other), "of a ledger begun anew nothing is known");
    ps_origin_parse(&o, "packseal.invalid/ST03");
    tap_ok(ps_origin_fits(&o, other), "nor of an old name");
    return tap_done();
}
