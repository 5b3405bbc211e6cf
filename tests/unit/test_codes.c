/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a code is, by the table that is shipped and by lists; and tables that are refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recorder/codes.h"
#include "tests/unit/tap.h"

static struct ps_carriers table;
static struct ps_orders *orders;

static void is_code(const char *raw, enum ps_code_type type, const char *carrier, const char *value) {
    struct ps_codes_scan c;

    ps_codes_read(&table, orders, "HZ01", raw, &c);
    tap_ok(c.code.type == type && strcmp(c.code.carrier, carrier) == 0 && strcmp(c.code.value, value) == 0 &&
               strcmp(c.code.raw, raw) == 0,
           "\"%s\" is %s of \"%s\"", raw, ps_opening_code_type((uint8_t)type), carrier);
    if (c.code.type != type || strcmp(c.code.carrier, carrier) != 0 || strcmp(c.code.value, value) != 0)
        tap_diag("got %s of \"%s\": %s", ps_opening_code_type(c.code.type), c.code.carrier, c.code.value);
}

/* Numbers of parcels are made up; those with check digits are the public examples that the table names. */
static void test_carriers(void) {
    is_code("SF1234567890123", PS_CODE_WAYBILL, "SF", "SF1234567890123");
    is_code(" yt7654321098765 ", PS_CODE_WAYBILL, "YTO", "YT7654321098765");
    is_code("78123456789012", PS_CODE_WAYBILL, "ZTO", "78123456789012");
    is_code("773123456789012", PS_CODE_WAYBILL, "STO", "773123456789012");
    is_code("431234567890123", PS_CODE_WAYBILL, "YUNDA", "431234567890123");
    is_code("JDVA00123456789", PS_CODE_WAYBILL, "JD", "JDVA00123456789");
    is_code("EA123456785CN", PS_CODE_WAYBILL, "EMS", "EA123456785CN");
    is_code("EA123456784CN", PS_CODE_UNKNOWN, "", "EA123456784CN");
    is_code("JT0001112223334", PS_CODE_WAYBILL, "JT", "JT0001112223334");
    is_code("DPK123456789012", PS_CODE_WAYBILL, "DBL", "DPK123456789012");
    is_code("1Z5R89390357567127", PS_CODE_WAYBILL, "UPS", "1Z5R89390357567127");
    is_code("1Z5R89390357567128", PS_CODE_UNKNOWN, "", "1Z5R89390357567128");
    is_code("3318810025", PS_CODE_WAYBILL, "DHL", "3318810025");
    is_code("3318810010", PS_CODE_UNKNOWN, "", "3318810010");
    is_code("JJD0099999999", PS_CODE_WAYBILL, "DHL", "JJD0099999999");
    is_code("041441760228964", PS_CODE_WAYBILL, "", "041441760228964");
    is_code("9611020987654312345672", PS_CODE_WAYBILL, "FEDEX", "9611020987654312345672");
    is_code("61299998820821171811", PS_CODE_WAYBILL, "FEDEX", "61299998820821171811");
    is_code("9261292700768711948021", PS_CODE_WAYBILL, "FEDEX", "9261292700768711948021");
    is_code("9261292700768711948020", PS_CODE_UNKNOWN, "", "9261292700768711948020");
    is_code("1001921334250001000300779017972697", PS_CODE_WAYBILL, "FEDEX",
            "1001921334250001000300779017972697");
    is_code("9622001900000000000000776632517510", PS_CODE_WAYBILL, "FEDEX",
            "9622001900000000000000776632517510");
    is_code("00340434000000000018", PS_CODE_WAYBILL, "DHL", "00340434000000000018");
    is_code("77316523125896", PS_CODE_WAYBILL, "STO", "77316523125896");
    is_code("JT300223268224", PS_CODE_WAYBILL, "JT", "JT300223268224");
    is_code("51234567890123", PS_CODE_WAYBILL, "", "51234567890123");
    is_code("SF12", PS_CODE_UNKNOWN, "", "SF12");
    is_code("", PS_CODE_UNKNOWN, "", "");
    is_code("顺丰", PS_CODE_UNKNOWN, "", "顺丰");
}

static void test_parcels(void) {
    struct ps_codes_scan c;

    is_code("JDVA00123456789-1-1-", PS_CODE_WAYBILL, "JD", "JDVA00123456789");
    is_code("jdva00123456789-1-1-28", PS_CODE_WAYBILL, "JD", "JDVA00123456789");
    is_code("JDVA00123456789-2-3-", PS_CODE_PARCEL, "JD", "JDVA00123456789-2-3-");
    is_code("JDVA00123456789-2-3-28", PS_CODE_PARCEL, "JD", "JDVA00123456789-2-3-");
    is_code("JDVA00123456789-4-3-", PS_CODE_UNKNOWN, "", "JDVA00123456789-4-3-");
    is_code("JDVA00123456789-0-3-", PS_CODE_UNKNOWN, "", "JDVA00123456789-0-3-");
    is_code("SF1234567890123-2-3-", PS_CODE_UNKNOWN, "", "SF1234567890123-2-3-");
    ps_codes_read(&table, NULL, "", "JDVA00123456789-2-3-", &c);
    tap_ok(c.part == 2 && c.of == 3 && strcmp(c.parcel, "JDVA00123456789") == 0,
           "parcel 2 of 3 of that waybill");
    ps_codes_read(&table, orders, "", "CHILD00001", &c);
    tap_ok(c.code.type == PS_CODE_PARCEL && strcmp(c.parcel, "MOTHER000001") == 0,
           "the list tells a child's mother");
}

static void test_items(void) {
    is_code("6901234567892", PS_CODE_SKU, "", "6901234567892");
    is_code("4006381333931", PS_CODE_SKU, "", "4006381333931");
    is_code("96385074", PS_CODE_SKU, "", "96385074");
    is_code("036000291452", PS_CODE_SKU, "", "036000291452");
    is_code("6901234567893", PS_CODE_WAYBILL, "", "6901234567893");
    is_code("9812345678901", PS_CODE_WAYBILL, "", "9812345678901");
    is_code("1500000000004", PS_CODE_WAYBILL, "", "1500000000004");
    is_code("6912345678902", PS_CODE_WAYBILL, "", "6912345678902");
    is_code("5012345678900", PS_CODE_SKU, "", "5012345678900");
    is_code("SHELF-A7", PS_CODE_SKU, "", "SHELF-A7");
    tap_ok(!ps_codes_is_item("1500000000004") && ps_carriers_gs1_valid("1500000000004"),
           "a valid check digit alone makes no item: 150 is assigned to nobody");
    tap_ok(!ps_codes_is_item("") && !ps_carriers_gs1_valid("") && !ps_carriers_gs1_valid("12a4"),
           "nor does nothing");
}

static void test_orders(void) {
    is_code("251121-123456789012345", PS_CODE_ORDER, "pinduoduo", "251121-123456789012345");
    is_code("6950000000000000019", PS_CODE_ORDER, "", "6950000000000000019");
    is_code("4707588212345678901A", PS_CODE_ORDER, "douyin", "4707588212345678901A");
    is_code("312345678901", PS_CODE_UNKNOWN, "", "312345678901");
    is_code("612345678901", PS_CODE_WAYBILL, "", "612345678901");
    is_code("KH-2025-7", PS_CODE_ORDER, "", "KH-2025-7");
}

static void test_commands(void) {
    static const struct {
        const char *raw;
        enum ps_codes_command is;
        const char *argument;
    } all[] = {
        {"PS-HZ01-STOP", PS_CODES_STOP, ""},
        {"ps-hz01-stop", PS_CODES_STOP, ""},
        {"PS-HZ01-CANCEL", PS_CODES_CANCEL, ""},
        {"PS-HZ01-PACK", PS_CODES_PACK, ""},
        {"PS-HZ01-RETURN", PS_CODES_RETURN, ""},
        {"PS-HZ01-BOX", PS_CODES_BOX, ""},
        {"PS-HZ01-OP-0017", PS_CODES_SIGN_IN, "0017"},
        {"PS-HZ01-OUT", PS_CODES_SIGN_OUT, ""},
        {"PS-HZ01-MARK", PS_CODES_MARK, ""},
        {"PS-HZ02-STOP", PS_CODES_FOREIGN, ""},
        {"PS-HZ01-X", PS_CODES_BAD, ""},
        {"PS-HZ01-OP-", PS_CODES_BAD, ""},
        {"PS-HZ01-OP-A B", PS_CODES_BAD, ""},
        {"PS-HZ01-OP-12345678901234567", PS_CODES_BAD, ""},
        {"PS-HZ01-STOPP", PS_CODES_BAD, ""},
        {"PS-HZ01", PS_CODES_NONE, ""},
        {"PS-12-STOP", PS_CODES_NONE, ""},
        {"PSHZ01STOP", PS_CODES_NONE, ""},
    };
    struct ps_codes_scan c;

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        ps_codes_read(&table, orders, "hz01", all[i].raw, &c);
        tap_ok(c.command == all[i].is && strcmp(c.argument, all[i].argument) == 0, "\"%s\"", all[i].raw);
    }
    ps_codes_read(&table, NULL, "", "PS-HZ01-STOP", &c);
    tap_is_int(c.command, PS_CODES_FOREIGN, "a station without a site obeys no barcode");
}

static void refused(const char *text, const char *where, const char *says) {
    static struct ps_carriers c;
    struct ps_why why = {0};
    int rc = ps_carriers_parse(&c, text, strlen(text), "t", &why);

    tap_ok(rc == PS_EFORMAT && strstr(why.where, where) && strstr(why.text, says) && c.n_rules == 0,
           "refused: %s: %s", why.where, why.text);
}

static void test_tables(void) {
    static struct ps_carriers c;
    struct ps_carriers_match m;
    char big[4096] = "";

    refused("", "t", "no shape");
    refused("waybill = X#{3}\n", "line 1", "before the first");
    refused("[A]\nwaybill = X#{2,4}Y\n", "line 2", "only stand at the end");
    refused("[A]\nwaybill = X#{0}\n", "line 2", "{n} or {n,m}");
    refused("[A]\nwaybill = X#{9,3}\n", "line 2", "{n} or {n,m}");
    refused("[A]\nwaybill = X#{\n", "line 2", "{n} or {n,m}");
    refused("[A]\nwaybill = #{128}#\n", "line 2", "too long");
    refused("[A]\nwaybill = #{12} check=luhn\n", "line 2", "after a shape");
    refused("[A]\nwaybill =\n", "line 2", "empty");
    refused("[A]\nparcel = #\n", "line 2", "unknown key");
    refused("[A]\n\n[A]\n", "line 3", "given twice");
    refused("[]\n", "line 1", "[NAME]");
    refused("[A\n", "line 1", "[NAME]");
    refused("[A]\nen = \xff\n", "line 2", "UTF-8");
    memset(big, 'x', 400);
    refused(big, "line 1", "too long");
    /* A check that the shape is too short for reads nothing that is not there. */
    tap_is_int(ps_carriers_parse(&c, "[A]\nwaybill = *{1,20} check=s10\n", 32, "t", NULL), 0,
               "a shape of any length");
    ps_carriers_match(&c, "EA1", false, &m);
    tap_is_int(m.type, PS_CODE_UNKNOWN, "s10 of three characters fits nothing");
    ps_carriers_match(&c, "EA123456785CN", false, &m);
    tap_ok(m.type == PS_CODE_WAYBILL && strcmp(m.carrier, "A") == 0, "of thirteen it does");
    ps_carriers_fallback(&c);
    ps_carriers_match(&c, "ANYTHING1234", true, &m);
    tap_ok(m.type == PS_CODE_WAYBILL && m.carrier[0] == '\0',
           "without a table a long number is somebody's waybill");
    tap_ok(ps_carriers_name(&table, "SF") && strcmp(ps_carriers_name(&table, "SF")->zh, "顺丰速运") == 0 &&
               !ps_carriers_name(&table, "NOBODY"),
           "names for people");
}

int main(void) {
    static const char list[] = "\xEF\xBB\xBForder,waybill,parcels,items\r\n"
                               "6950000000000000101,612345678901,,\r\n,6912345678902,,\r\n"
                               "KH-2025-7,MOTHER000001,CHILD00001 CHILD00002,SHELF-A7\r\n";
    const char *src = getenv("PACKSEAL_SRC");
    struct ps_why why = {0};
    char path[1024];

    (void)snprintf(path, sizeof path, "%s/recorder/carriers.conf", src ? src : ".");
    if (!tap_ok(ps_carriers_load(&table, path, &why) == 0, "the table that is shipped is read"))
        tap_diag("%s: %s", why.where, why.text);
    tap_is_int(ps_orders_parse(&orders, list, sizeof list - 1, "list", &why), 0, "so is a list");
    test_carriers();
    test_parcels();
    test_items();
    test_orders();
    test_commands();
    test_tables();
    ps_orders_free(orders);
    return tap_done();
}
