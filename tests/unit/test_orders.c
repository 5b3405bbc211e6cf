/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of orders: encodings, what spreadsheets do to numbers, bad lines, bounds, a file that changes. */
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/orders.h"
#include "tests/unit/tap.h"

static struct ps_orders *o;
static struct ps_orders_summary sum;
static struct ps_why why;

static int parse_n(const char *text, size_t n) {
    ps_orders_free(o);
    o = NULL;
    memset(&why, 0, sizeof why);
    memset(&sum, 0, sizeof sum);
    int rc = ps_orders_parse(&o, text, n, "list.csv", &why);
    if (rc == 0)
        ps_orders_summary(o, &sum);
    return rc;
}

static int parse(const char *text) {
    return parse_n(text, strlen(text));
}

static bool finds(const char *number, uint8_t type, const char *link) {
    struct ps_orders_found f;

    ps_orders_find(o, number, &f);
    bool linked = !link;
    for (unsigned i = 0; link && i < f.n_links; i++)
        linked |= strcmp(f.links[i].value, link) == 0;
    return f.known && f.type == type && linked;
}

static void test_encodings(void) {
    static const char text[] = "订单号,运单号,备注,退款状态\nORDER-1,SF1234567890123,易碎,退款成功\n";
    char gb[256], *to = gb, *from = (char *)(uintptr_t)text;
    size_t left = sizeof gb - 4, n = sizeof text - 1;
    struct ps_orders_found f;
    iconv_t c = iconv_open("GB18030", "UTF-8");

    tap_ok(parse(text) == 0 && sum.rows == 1 && sum.refunded == 1 && strcmp(sum.encoding, "UTF-8") == 0,
           "UTF-8");
    ps_orders_find(o, "sf1234567890123", &f);
    tap_ok(f.refunded && strcmp(f.refunded_order, "ORDER-1") == 0 && strcmp(f.note, "易碎") == 0,
           "the refund and the note, asked in small letters");
    char bom[256] = "\xEF\xBB\xBF";
    memcpy(bom + 3, text, sizeof text);
    tap_ok(parse(bom) == 0 && finds("ORDER-1", PS_CODE_ORDER, "SF1234567890123"), "UTF-8 with a mark");
    tap_ok(c != (iconv_t)-1 && iconv(c, &from, &n, &to, &left) == 0, "the same in GB18030");
    tap_ok(parse_n(gb, (size_t)(to - gb)) == 0 && strcmp(sum.encoding, "GB18030") == 0 &&
               finds("ORDER-1", PS_CODE_ORDER, "SF1234567890123"),
           "is read");
    ps_orders_find(o, "ORDER-1", &f);
    tap_is_str(f.note, "易碎", "and its note is Chinese");
    memmove(gb + 4, gb, (size_t)(to - gb));
    memcpy(gb, "\x84\x31\x95\x33", 4);
    tap_ok(parse_n(gb, (size_t)(to - gb) + 4) == 0 && sum.rows == 1, "GB18030 with a mark");
    iconv_close(c);
    tap_ok(parse_n("\xFF\xFEo\0r\0", 6) == PS_EFORMAT && strstr(why.text, "UTF-16"),
           "UTF-16 is refused in words");
    tap_ok(parse_n("PK\x03\x04xxxx", 8) == PS_EFORMAT && strstr(why.text, "spreadsheet"),
           "so is a spreadsheet");
    tap_ok(parse("订单号,备注\nORDER-1,好\nORDER-2,\xC4\xFF\nORDER-3,中\n") == 0 && sum.rows == 2 &&
               sum.n_bad == 1 && sum.bad[0].line == 3 && strcmp(sum.encoding, "UTF-8") == 0,
           "one damaged line makes no other encoding of the list");
}

static void test_cells(void) {
    tap_ok(parse("order;waybill;items\n=\"0012345\";'SF0000000000001;6901234567892 x2 红色\n") == 0 &&
               finds("0012345", PS_CODE_ORDER, "SF0000000000001") &&
               finds("6901234567892", PS_CODE_SKU, NULL),
           "semicolons, =\"…\", an apostrophe, goods with names");
    tap_ok(parse("Order\tTracking Number\n\"\t12345678\"\tA1B2C3D4\n") == 0 &&
               finds("12345678", PS_CODE_ORDER, "A1B2C3D4"),
           "tabs, and a tab before a number");
    tap_ok(parse("order,waybill\nORDER-1,\"W1111;W2222\nW3333\"\nORDER-2,W4444\n") == 0 && sum.rows == 2 &&
               finds("ORDER-1", PS_CODE_ORDER, "W3333") && finds("W4444", PS_CODE_WAYBILL, "ORDER-2"),
           "several numbers in a cell, over two lines");
    tap_ok(parse("order,waybill,parcels\nO-11,MOTHER1,\"C-0001,C-0002\"\nO-12,MOTHER1,\n") == 0 &&
               finds("C-0002", PS_CODE_PARCEL, "O-11") && finds("MOTHER1", PS_CODE_WAYBILL, "O-12") &&
               finds("O-11", PS_CODE_ORDER, "C-0001"),
           "mother and child waybills, two orders in one parcel");
    tap_ok(parse("unknown,order,more\nx,ORDER-9,y,z,1,2\n") == 0 && finds("ORDER-9", PS_CODE_ORDER, NULL),
           "columns that nobody knows, and more cells than headings");
    tap_ok(parse("order\n\n\r\nORDER-1\r\n,,,\nORDER-2") == 0 && sum.rows == 2 && sum.n_bad == 0,
           "empty lines, and no line feed at the end");
}

static void bad(const char *text, uint64_t line, const char *says) {
    int rc = parse(text);

    tap_ok(rc == 0 && sum.n_bad == 1 && sum.bad[0].line == line && strstr(sum.bad[0].text, says) &&
               finds("GOOD-1", PS_CODE_ORDER, NULL) && finds("GOOD-2", PS_CODE_ORDER, NULL),
           "line %d: %s; the others stand", (int)line, sum.kept ? sum.bad[0].text : "?");
}

static void test_bad_lines(void) {
    char *big = malloc(70000);

    bad("order,waybill\nGOOD-1,\n6.95E+18,W1234\nGOOD-2,\n", 3, "rounded");
    bad("order,waybill\nGOOD-1,\n,\"W12\n\n\nGOOD-2,\n", 3, "quotation");
    bad("order,waybill\nGOOD-1,\n无,W1234\nGOOD-2,\n", 3, "no number");
    bad("order,note\nGOOD-1,\n,nothing\nGOOD-2,\n", 3, "neither");
    bad("order,refunded\nGOOD-1,no\nGOOD-3,perhaps\nGOOD-2,yes\n", 3, "neither yes nor no");
    tap_ok(finds("GOOD-3", PS_CODE_ORDER, NULL), "whose numbers count all the same");
    bad("order,waybill\nGOOD-1,\nABC,W1\nGOOD-2,\n", 3, "no number");
    bad("order,note\nGOOD-1,\nBAD-1,a\x01z\nGOOD-2,\n", 3, "UTF-8");
    if (!big)
        return;
    strcpy(big, "order,note\nGOOD-1,\n");
    size_t n = strlen(big);
    memset(big + n, 'x', 20000);
    strcpy(big + n + 20000, "\nGOOD-2,\n");
    bad(big, 3, "too long");
    strcpy(big, "order,waybill\nGOOD-1,\nGOOD-9,");
    for (int i = 0; i < 40; i++)
        sprintf(big + strlen(big), "W%04d;", i);
    strcat(big, "\nGOOD-2,\n");
    bad(big, 3, "too many");
    free(big);
    tap_ok(parse("") == PS_EFORMAT && parse("\n\n") == PS_EFORMAT && parse("a,b\n1,2\n") == PS_EFORMAT,
           "no headings: no list");
    tap_ok(parse("order\n") == 0 && sum.rows == 0 && !finds("ORDER-1", PS_CODE_ORDER, NULL),
           "an empty list is one");
}

static void test_file(void) {
    static struct ps_orders_file f;
    char dir[] = "/tmp/packseal-orders.XXXXXX";
    FILE *out;

    if (!mkdtemp(dir))
        return;
    (void)ps_orders_path(dir, "list.csv", f.path);
    tap_is_int(ps_orders_file_look(&f, &why), PS_ENOENT, "a list that is not there is told");
    tap_is_int(ps_orders_file_look(&f, &why), 0, "once");
    if ((out = fopen(f.path, "w")) != NULL) {
        (void)fputs("order,waybill\nORDER-1,W1111\n", out);
        (void)fclose(out);
    }
    tap_is_int(ps_orders_file_look(&f, &why), 1, "then it is read");
    tap_is_int(ps_orders_file_look(&f, &why), 0, "and not again");
    if ((out = fopen(f.path, "w")) != NULL) {
        (void)fputs("nothing at all\n", out);
        (void)fclose(out);
    }
    tap_is_int(ps_orders_file_look(&f, &why), 0, "a change is left alone while it may go on");
    tap_is_int(ps_orders_file_look(&f, &why), PS_EFORMAT, "what is no list is told");
    struct ps_orders_found found;
    ps_orders_find(f.orders, "W1111", &found);
    tap_ok(found.known && ps_orders_file_look(&f, &why) == 0, "once; the one that was read before counts");
    unlink(f.path);
    tap_is_int(ps_orders_file_look(&f, &why), PS_ENOENT, "it went away");
    ps_orders_file_close(&f);
    rmdir(dir);
}

int main(void) {
    test_encodings();
    test_cells();
    test_bad_lines();
    test_file();
    ps_orders_free(o);
    return tap_done();
}
