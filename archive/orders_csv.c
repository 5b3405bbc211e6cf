/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/orders_csv.h"
#include "evidence/bytes.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what the file is ---- */

static bool starts(const struct ps_orders_csv *c, const char *mark, size_t n) {
    return (size_t)(c->end - c->p) >= n && memcmp(c->p, mark, n) == 0;
}

/* Bytes of the UTF-8 character at p; 0 when there is none. */
static size_t utf8(const unsigned char *p, size_t left) {
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : p[0] < 0xF5 ? 4 : 0;
    if (n > left)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return n;
}

/* One damaged line must not turn a whole list into another encoding: lines vote. */
static bool looks_gb(const char *p, const char *end) {
    uint64_t good = 0, bad = 0;
    while (p < end) {
        const char *nl = memchr(p, '\n', (size_t)(end - p)), *stop = nl != NULL ? nl : end;
        bool wide = false, ok = true;
        for (const char *s = p; s < stop && ok;) {
            size_t n = utf8((const unsigned char *)s, (size_t)(stop - s));
            wide |= n != 1;
            ok = n > 0;
            s += n;
        }
        good += wide && ok;
        bad += !ok;
        p = stop < end ? stop + 1 : end;
    }
    return bad > good;
}

static char find_delimiter(const char *p, const char *end) {
    size_t commas = 0, semicolons = 0, tabs = 0;
    for (; p < end && *p != '\n'; p++) {
        commas += *p == ',';
        semicolons += *p == ';';
        tabs += *p == '\t';
    }
    return tabs > commas && tabs > semicolons ? '\t' : semicolons > commas ? ';' : ',';
}

int ps_orders_csv_open(struct ps_orders_csv *c, const void *p, size_t n, const char *name,
                       struct ps_why *why) {
    memset(c, 0, offsetof(struct ps_orders_csv, room));
    c->p = p;
    c->end = c->p + n;
    c->line = 1;
    c->conv = (iconv_t)-1;
    if (n > PS_ORDERS_FILE_MAX)
        return ps_error_why(why, PS_ELIMIT, name, "is larger than %zu MB", PS_ORDERS_FILE_MAX >> 20);
    if (starts(c, "\xFF\xFE", 2) || starts(c, "\xFE\xFF", 2))
        return ps_error_why(why, PS_EFORMAT, name, "is UTF-16: save it as CSV UTF-8");
    if (starts(c, "PK\x03\x04", 4) || starts(c, "\xD0\xCF\x11\xE0", 4))
        return ps_error_why(why, PS_EFORMAT, name, "is a spreadsheet: save it as CSV");
    if (starts(c, "\xEF\xBB\xBF", 3)) {
        c->p += 3;
    } else if (starts(c, "\x84\x31\x95\x33", 4)) {
        c->p += 4;
        c->gb = true;
    } else {
        c->gb = looks_gb(c->p, c->end);
    }
    if (c->gb && (c->conv = iconv_open("UTF-8", "GB18030")) == (iconv_t)-1)
        return ps_error_why(why, PS_EIO, name, "is GB18030, which this system cannot read: save it as UTF-8");
    c->delimiter = find_delimiter(c->p, c->end);
    return 0;
}

void ps_orders_csv_close(struct ps_orders_csv *c) {
    if (c->conv != (iconv_t)-1)
        iconv_close(c->conv);
    c->conv = (iconv_t)-1;
}

/* ---- one record ---- */

static int bad(char text[96], const char *what) {
    snprintf(text, 96, "%s", what);
    return PS_EFORMAT;
}

/* The raw bytes of a field to UTF-8 in the reader's room. NULL: not this encoding, control characters, no room. */
static const char *settle(struct ps_orders_csv *c, char *raw, size_t n) {
    char *out = c->room + c->used;
    size_t left = sizeof(c->room) - c->used - 1;
    char *to = out;
    bool wide = false;
    for (size_t i = 0; i < n; i++) { /* spreadsheets put a tab before long numbers; notes have line breaks */
        if (raw[i] == '\t' || raw[i] == '\r' || raw[i] == '\n')
            raw[i] = ' ';
        wide |= (unsigned char)raw[i] >= 0x80;
    }
    while (n > 0 && raw[0] == ' ')
        raw++, n--;
    while (n > 0 && raw[n - 1] == ' ')
        n--;
    if (wide && c->gb) {
        iconv(c->conv, NULL, NULL, NULL, NULL);
        if (iconv(c->conv, &raw, &n, &to, &left) == (size_t)-1 || n > 0)
            return NULL;
    } else {
        if (n > left)
            return NULL;
        memcpy(to, raw, n);
        to += n;
    }
    if (!ps_bytes_is_text(out, (size_t)(to - out)))
        return NULL;
    *to = '\0';
    c->used += (size_t)(to - out) + 1;
    return out;
}

struct cutting {
    char raw[PS_ORDERS_RECORD];
    size_t n;
    const char *p;
    uint64_t lines; /* line feeds stepped over */
};

/* One field into k->raw; ends before a delimiter, a line feed or the end. 0, or an error of bounds or quotes. */
static int cut(const struct ps_orders_csv *c, struct cutting *k, char text[96]) {
    bool quoted = false;
    k->n = 0;
    if (k->p < c->end && *k->p == '"') {
        quoted = true;
        k->p++;
    }
    for (; k->p < c->end; k->p++) {
        char ch = *k->p;
        if (quoted && ch == '"') {
            if (k->p + 1 < c->end && k->p[1] == '"') {
                k->p++;
            } else {
                quoted = false;
                continue;
            }
        } else if (!quoted && (ch == c->delimiter || ch == '\n')) {
            return 0;
        }
        k->lines += ch == '\n';
        if (k->n == sizeof(k->raw) || k->p - c->p >= (ptrdiff_t)PS_ORDERS_RECORD)
            return bad(text, quoted ? "a quotation mark is not closed" : "the line is too long");
        k->raw[k->n++] = ch;
    }
    return quoted ? bad(text, "a quotation mark is not closed") : 0;
}

static int record(struct ps_orders_csv *c, struct cutting *k, char text[96]) {
    for (;;) {
        int rc = cut(c, k, text);
        if (rc < 0)
            return rc;
        if (c->n < PS_ORDERS_CSV_FIELDS) {
            const char *field = settle(c, k->raw, k->n);
            if (field == NULL)
                return bad(text, c->gb ? "is no GB18030 text" : "is no UTF-8 text");
            c->field[c->n++] = field;
        }
        if (k->p == c->end || *k->p == '\n')
            return 1;
        k->p++;
    }
}

static void pass_line(struct ps_orders_csv *c) {
    const char *nl = memchr(c->p, '\n', (size_t)(c->end - c->p));
    c->p = nl != NULL ? nl + 1 : c->end;
    c->line++;
}

int ps_orders_csv_next(struct ps_orders_csv *c, char text[96]) {
    struct cutting k;
    for (;;) {
        while (c->p < c->end && (*c->p == '\n' || *c->p == '\r'))
            c->line += *c->p++ == '\n';
        if (c->p == c->end)
            return 0;
        c->record_line = c->line;
        c->n = 0;
        c->used = 0;
        k.p = c->p;
        k.lines = 0;
        int rc = record(c, &k, text);
        if (rc < 0) { /* an open quotation mark has swallowed good lines: go on behind the first */
            pass_line(c);
            return rc;
        }
        c->p = k.p < c->end ? k.p + 1 : c->end;
        c->line += k.lines + 1;
        bool empty = true;
        for (unsigned i = 0; i < c->n; i++)
            empty &= c->field[i][0] == '\0';
        if (!empty)
            return 1;
    }
}
