/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/scanner.h"

#include <string.h>

/* Room for n bytes and the terminator, or the code is too long. */
static void append(struct ps_scanner_line *l, const char *text, size_t n) {
    if (l->overlong)
        return;
    if (n > PS_MAX_CODE - l->n) {
        l->overlong = true;
        return;
    }
    memcpy(l->text + l->n, text, n);
    l->n += n;
    l->text[l->n] = '\0';
}

static void start_anew(struct ps_scanner_line *l) {
    l->n = 0;
    l->text[0] = '\0';
    l->overlong = l->printable = l->done = l->torn = false;
}

/* Two ends in a row are one: the second ends nothing. */
bool ps_scanner_line_end(struct ps_scanner_line *l) {
    if (l->done)
        start_anew(l);
    if (l->n == 0 && !l->overlong && !l->torn)
        return false;
    if (l->overlong || !l->printable || l->torn) {
        l->dropped++;
        l->torn_n += l->torn;
        start_anew(l);
        return false;
    }
    l->done = true;
    return true;
}

void ps_scanner_line_put(struct ps_scanner_line *l, uint8_t byte) {
    static const char hex[] = "0123456789ABCDEF";
    if (l->done)
        start_anew(l);
    if (byte >= 0x20 && byte < 0x7f) {
        const char c = (char)byte;
        append(l, &c, 1);
        l->printable = l->printable || byte != ' ';
    } else {
        const char escaped[3] = {'%', hex[byte >> 4], hex[byte & 15]};
        append(l, escaped, sizeof escaped);
    }
}

bool ps_scanner_line_byte(struct ps_scanner_line *l, uint8_t byte) {
    bool ends_lines = byte == '\r' || byte == '\n';
    if (l->tab ? byte == '\t' : ends_lines)
        return ps_scanner_line_end(l);
    if (ends_lines)
        ps_scanner_line_drop(l);
    else
        ps_scanner_line_put(l, byte);
    return false;
}

bool ps_scanner_line_begun(const struct ps_scanner_line *l) {
    return !l->done && (l->n > 0 || l->overlong || l->torn);
}

void ps_scanner_line_drop(struct ps_scanner_line *l) {
    if (ps_scanner_line_begun(l))
        l->dropped++;
    start_anew(l);
}

void ps_scanner_line_tear(struct ps_scanner_line *l) {
    if (!ps_scanner_line_begun(l))
        return;
    start_anew(l);
    l->torn = true;
}
