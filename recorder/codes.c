/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/codes.h"

#include <stdio.h>
#include <string.h>

/* Set once, before threads begin, and never written again. */
static const struct ps_carriers *the_table;

void ps_codes_table(const struct ps_carriers *table) {
    the_table = table;
}

static void normalise(const char *raw, char *out, size_t cap) {
    size_t n = strlen(raw), i = 0, k = 0;

    while (i < n && raw[i] == ' ')
        i++;
    while (n > i && raw[n - 1] == ' ')
        n--;
    for (; i < n && k + 1 < cap; i++)
        out[k++] = raw[i] >= 'a' && raw[i] <= 'z' ? (char)(raw[i] - 'a' + 'A') : raw[i];
    out[k] = '\0';
}

/* ---- command barcodes ---- */

static bool plain(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!(s[i] >= '0' && s[i] <= '9') && !(s[i] >= 'A' && s[i] <= 'Z'))
            return false;
    return true;
}

/* PS-<4 site characters>-WORD, upper case by now. Other things that begin with PS- are ordinary codes. */
static enum ps_codes_command command_of(const char *s, const char *site, char argument[17]) {
    static const struct {
        const char *word;
        enum ps_codes_command command;
    } words[] = {
        {"STOP", PS_CODES_STOP},     {"CANCEL", PS_CODES_CANCEL}, {"PACK", PS_CODES_PACK},
        {"RETURN", PS_CODES_RETURN}, {"BOX", PS_CODES_BOX},       {"OUT", PS_CODES_SIGN_OUT},
        {"MARK", PS_CODES_MARK},
    };
    char own[5] = "";

    if (strncmp(s, "PS-", 3) != 0 || strlen(s) < 9 || !plain(s + 3, 4) || s[7] != '-')
        return PS_CODES_NONE;
    normalise(site, own, sizeof own);
    if (strlen(own) != 4 || strncmp(s + 3, own, 4) != 0)
        return PS_CODES_FOREIGN;
    s += 8;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(s, words[i].word) == 0)
            return words[i].command;
    size_t n = strlen(s);
    if (strncmp(s, "OP-", 3) != 0 || n < 4 || n > 3 + 16 || !plain(s + 3, n - 3))
        return PS_CODES_BAD;
    snprintf(argument, 17, "%s", s + 3);
    return PS_CODES_SIGN_IN;
}

/* ---- items ---- */

/* First three digits of an EAN-13 that GS1 has given to a member organisation or a use (gs1.org, "GS1 prefix", 2025);
 * what is not listed is no item's code. */
static bool prefix_assigned(unsigned p) {
    static const struct {
        uint16_t from, to;
    } ranges[] = {
        {0, 139},   {200, 380}, {383, 383}, {385, 385}, {387, 387}, {389, 390}, {400, 440}, {450, 471},
        {474, 499}, {500, 509}, {520, 521}, {528, 531}, {535, 535}, {539, 549}, {560, 560}, {569, 579},
        {590, 590}, {594, 594}, {599, 601}, {603, 609}, {611, 611}, {613, 613}, {615, 631}, {640, 649},
        {680, 681}, {690, 709}, {729, 746}, {750, 750}, {754, 755}, {759, 771}, {773, 773}, {775, 775},
        {777, 780}, {784, 784}, {786, 786}, {789, 790}, {800, 850}, {858, 860}, {865, 865}, {867, 881},
        {883, 885}, {888, 888}, {890, 890}, {893, 894}, {896, 896}, {899, 919}, {930, 952}, {955, 955},
        {958, 969}, {977, 984}, {990, 999},
    };

    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (p >= ranges[i].from && p <= ranges[i].to)
            return true;
    return false;
}

bool ps_codes_is_item(const char *value) {
    size_t n = strlen(value);

    if ((n != 8 && n != 12 && n != 13) || !ps_carriers_gs1_valid(value))
        return false;
    /* A UPC-A is an EAN-13 with a zero before it. An EAN-8 has the same prefixes (GS1 General Specifications 2.1.3). */
    unsigned p = (unsigned)(value[0] - '0') * 10 + (unsigned)(value[1] - '0');
    return prefix_assigned(n == 12 ? p : p * 10 + (unsigned)(value[2] - '0'));
}

/* ---- parcels and orders ---- */

static void of_table(struct ps_codes_scan *s, const struct ps_carriers_match *m) {
    s->code.type = m->type;
    snprintf(s->code.carrier, sizeof s->code.carrier, "%s", m->carrier);
    if (m->type != PS_CODE_WAYBILL)
        return;
    snprintf(s->parcel, sizeof s->parcel, "%s", m->base);
    s->part = m->part;
    s->of = m->of;
    if (!m->of)
        return;
    /* The only parcel of its waybill is known by the waybill alone; another keeps its number. */
    if (m->of == 1) {
        snprintf(s->code.value, sizeof s->code.value, "%s", m->base);
        return;
    }
    s->code.type = PS_CODE_PARCEL;
    snprintf(s->code.value, sizeof s->code.value, "%.110s-%u-%u-", m->base, m->part, m->of);
}

/* The list knows what the number is; the table may still know whose. */
static void of_list(struct ps_codes_scan *s) {
    s->code.type = s->list.type;
    if (s->list.type == PS_CODE_WAYBILL)
        snprintf(s->parcel, sizeof s->parcel, "%s", s->code.value);
    if (s->list.type == PS_CODE_PARCEL) {
        snprintf(s->parcel, sizeof s->parcel, "%s", s->list.waybill[0] ? s->list.waybill : s->code.value);
        s->part = s->of = 0;
    }
    if (s->list.type == PS_CODE_ORDER || s->list.type == PS_CODE_SKU)
        s->parcel[0] = '\0';
}

static void shapes(const struct ps_carriers *table, struct ps_codes_scan *s) {
    struct ps_carriers_match m = {.carrier = ""};

    if (table)
        ps_carriers_match(table, s->spelling, false, &m);
    if (m.type == PS_CODE_UNKNOWN && !s->list.known && ps_codes_is_item(s->spelling)) {
        s->code.type = PS_CODE_SKU;
        return;
    }
    if (m.type == PS_CODE_UNKNOWN && table)
        ps_carriers_match(table, s->spelling, true, &m);
    if (m.type != PS_CODE_UNKNOWN)
        of_table(s, &m);
}

void ps_codes_read(const struct ps_carriers *table, const struct ps_orders *orders, const char *site,
                   const char *raw, struct ps_codes_scan *out) {
    memset(out, 0, sizeof *out);
    snprintf(out->code.raw, sizeof out->code.raw, "%s", raw);
    normalise(out->code.raw, out->spelling, sizeof out->spelling);
    memcpy(out->code.value, out->spelling, sizeof out->code.value);
    out->command = command_of(out->spelling, site, out->argument);
    if (out->command != PS_CODES_NONE)
        return;
    ps_orders_find(orders, out->spelling, &out->list);
    shapes(table, out);
    /* "-1-1-": the list may have the bare waybill. */
    if (!out->list.known && out->parcel[0] && strcmp(out->parcel, out->spelling) != 0)
        ps_orders_find(orders, out->parcel, &out->list);
    else if (out->list.known)
        of_list(out);
}

void ps_codes_classify(const char *raw, struct ps_code *out) {
    struct ps_codes_scan s;

    ps_codes_read(the_table, NULL, "", raw, &s);
    *out = s.code;
}
