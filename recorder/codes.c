/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/codes.h"

#include <stdio.h>
#include <string.h>

/* Shapes of the usual carriers' waybills: what follows the prefix is digits only unless `mixed`. Lengths are of the whole
 * code. The editable carrier table replaces this list. */
static const struct shape {
    const char *carrier, *prefix;
    size_t shortest, longest;
    bool mixed;
} shapes[] = {
    {"SF", "SF", 14, 17, false},   {"YTO", "YT", 14, 18, false},   {"JD", "JDV", 13, 20, true},
    {"JD", "JD", 12, 24, true},    {"JT", "JT", 14, 16, false},    {"STO", "STO", 12, 18, false},
    {"ZTO", "ZTO", 12, 18, false}, {"YUNDA", "YD", 14, 18, false}, {"DBL", "DPK", 12, 18, false},
    {"UPS", "1Z", 18, 18, true},
};

static bool digits(const char *s) {
    return *s && strspn(s, "0123456789") == strlen(s);
}

static bool mixed(const char *s) {
    return *s && strspn(s, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-") == strlen(s);
}

bool ps_codes_gs1_valid(const char *s) {
    size_t n = strlen(s);
    unsigned sum = 0;

    if (!digits(s))
        return false;
    for (size_t i = 0; i < n; i++) /* weight 1 for the check digit, then 3, 1, 3 … leftwards */
        sum += (unsigned)(s[n - 1 - i] - '0') * (i % 2 ? 3 : 1);
    return sum % 10 == 0;
}

/* UPU S10: two letters, nine digits, two letters of a country. */
static bool is_s10(const char *s) {
    if (strlen(s) != 13)
        return false;
    for (int i = 0; i < 13; i++) {
        bool letter = i < 2 || i > 10;
        if (letter ? s[i] < 'A' || s[i] > 'Z' : s[i] < '0' || s[i] > '9')
            return false;
    }
    return true;
}

static const char *carrier_of(const char *value) {
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        const struct shape *k = &shapes[i];
        size_t n = strlen(k->prefix), len = strlen(value);
        if (strncmp(value, k->prefix, n) != 0 || len < k->shortest || len > k->longest)
            continue;
        if (k->mixed ? mixed(value + n) : digits(value + n))
            return k->carrier;
    }
    return is_s10(value) ? "EMS" : NULL;
}

static bool is_item(const char *value) {
    size_t n = strlen(value);

    return (n == 8 || n == 12 || n == 13) && ps_codes_gs1_valid(value);
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

void ps_codes_classify(const char *raw, struct ps_code *out) {
    memset(out, 0, sizeof *out);
    snprintf(out->raw, sizeof out->raw, "%s", raw);
    normalise(out->raw, out->value, sizeof out->value);
    const char *carrier = carrier_of(out->value);
    if (carrier) {
        out->type = PS_CODE_WAYBILL;
        snprintf(out->carrier, sizeof out->carrier, "%s", carrier);
    } else if (is_item(out->value)) {
        out->type = PS_CODE_SKU;
    } else if (digits(out->value) && strlen(out->value) >= 12 && strlen(out->value) <= 15) {
        /* Carriers whose numbers are digits alone (ZTO, STO, Yunda): 12 to 15 of them. */
        out->type = PS_CODE_WAYBILL;
    } else {
        out->type = PS_CODE_UNKNOWN;
    }
}
