/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bytes and key events of a scanner. The first byte of an input chooses: even: the rest is a serial line, in which
 * 0x7f also says "drop what has begun"; odd: the rest is key events of 4 bytes: code (2), value, pause in ms.
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

static void judge_keys(const uint8_t *data, size_t size) {
    struct ps_scanner_keys k = {0};
    int64_t mono_ns = INT64_C(1000000000);
    for (size_t i = 0; i + 4 <= size; i += 4) {
        uint16_t code = (uint16_t)(data[i] << 8 | data[i + 1]);
        mono_ns += data[i + 3] * INT64_C(1000000);
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
    if (data[0] % 2 == 0)
        judge_line(data + 1, size - 1);
    else
        judge_keys(data + 1, size - 1);
    return 0;
}
