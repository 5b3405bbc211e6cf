/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bytes and key events of a scanner. The first byte of an input chooses: even: the rest is a serial line, in which
 * 0x7f also says "drop what has begun"; odd: the rest is key events of 4 bytes: code (2), value, pause in ms. 'R': the length
 * of a report descriptor (1), the descriptor, then reports, each behind its length (1).
 */
#include "recorder/scanner.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

/* What everyone downstream relies on: terminated, bounded, printable ASCII, not blank. */
static void judge(const char text[PS_MAX_CODE + 1]) {
    size_t n = strnlen(text, PS_MAX_CODE + 1);
    bool blank = true;
    if (n == 0 || n > PS_MAX_CODE)
        abort();
    for (size_t i = 0; i < n; i++) {
        if (text[i] < 0x20 || text[i] > 0x7e)
            abort();
        blank = blank && text[i] == ' ';
    }
    if (blank)
        abort();
}

/* No more can come out than went in: a byte becomes at most three characters. */
static void judge_line(const uint8_t *data, size_t size) {
    struct ps_scanner_line l = {0};
    size_t since = 0;
    for (size_t i = 0; i < size; i++) {
        if (data[i] == 0x7f) {
            ps_scanner_line_drop(&l);
            since = 0;
            continue;
        }
        bool complete = ps_scanner_line_byte(&l, data[i]);
        bool end = data[i] == '\r' || data[i] == '\n';
        if (complete) {
            judge(l.text);
            if (!end || strlen(l.text) > 3 * since)
                abort();
        }
        since = end ? 0 : since + 1;
    }
}

static void judge_reports(const uint8_t *data, size_t size) {
    struct ps_scanner_report r;
    struct ps_why why;
    if (size == 0 || data[0] > size - 1 || ps_scanner_report_init(&r, data + 1, data[0], &why) != 0)
        return;
    size_t at = (size_t)1 + data[0], since = 0;
    while (at < size && data[at] <= size - at - 1) {
        ps_scanner_report_take(&r, data + at + 1, data[at]);
        since += r.n;
        while (ps_scanner_report_next(&r)) {
            judge(r.line.text);
            if (strlen(r.line.text) > 3 * since)
                abort();
        }
        at += (size_t)1 + data[at];
    }
}

static void judge_keys(const uint8_t *data, size_t size, bool shared) {
    struct ps_scanner_keys k = {.shared = shared, .end = shared ? PS_CONFIG_END_NONE : PS_CONFIG_END_ANY};
    int64_t mono_ns = INT64_C(1000000000);
    for (size_t i = 0; i + 4 <= size; i += 4) {
        uint16_t code = (uint16_t)(data[i] << 8 | data[i + 1]);
        mono_ns += data[i + 3] * INT64_C(1000000);
        if (ps_scanner_keys_due(&k) < mono_ns && ps_scanner_keys_rest(&k)) {
            judge(k.line.text);
            if (ps_scanner_keys_typed(&k))
                abort();
        }
        if (code == 0xffff) {
            ps_scanner_keys_lost(&k, mono_ns);
        } else if (ps_scanner_keys_event(&k, code, data[i + 2], mono_ns)) {
            judge(k.line.text);
            ps_scanner_keys_manual(&k);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    if (data[0] == 'R')
        judge_reports(data + 1, size - 1);
    else if (data[0] % 2 == 0)
        judge_line(data + 1, size - 1);
    else
        judge_keys(data + 1, size - 1, data[0] & 0x80);
    return 0;
}
