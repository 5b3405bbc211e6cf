/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reports of scanners that are neither keyboard nor serial line. Nothing is guessed: a layout that is not one of the two in
 * scanner.h is refused, for a wrong guess would sign a wrong number.
 */
#include "recorder/scanner.h"

#include <string.h>

#define PAGE_DESKTOP 0x01
#define USAGE_KEYBOARD 0x06
#define PAGE_BAR_CODE 0x8C
#define PAGE_VENDOR 0xFF00 /* and above */

#define POS_REPORT 2
#define POS_SIZE 64
#define POS_DATA 5
#define POS_MOST 56
#define POS_FLAGS 63

/* ---- the descriptor ---- */

/* Items, HID 1.11 section 6.2.2: a prefix of size, type and tag, then 0, 1, 2 or 4 bytes. */
enum {
    GLOBAL_USAGE_PAGE = 0x04,
    GLOBAL_REPORT_ID = 0x84,
    LOCAL_USAGE = 0x08,
    MAIN_COLLECTION = 0xA0,
    LONG_ITEM = 0xFE
};
#define COLLECTION_APPLICATION 1

struct described {
    uint32_t page, usage;
    bool pos, keyboard, vendor;
    uint8_t number; /* of the vendor's first report; 0: none has a number */
    bool in_vendor; /* the collection that is open */
};

static void collection(struct described *d) {
    uint32_t page = d->usage >> 16 ? d->usage >> 16 : d->page;
    d->in_vendor = page >= PAGE_VENDOR;
    d->vendor = d->vendor || d->in_vendor;
    d->pos = d->pos || page == PAGE_BAR_CODE;
    d->keyboard = d->keyboard || (page == PAGE_DESKTOP && (d->usage & 0xFFFF) == USAGE_KEYBOARD);
}

static void item(struct described *d, uint8_t what, uint32_t value) {
    switch (what) {
    case GLOBAL_USAGE_PAGE: d->page = value & 0xFFFF; break;
    case GLOBAL_REPORT_ID:
        if (d->in_vendor && d->number == 0)
            d->number = (uint8_t)value;
        break;
    case LOCAL_USAGE: d->usage = value; break;
    case MAIN_COLLECTION:
        if (value == COLLECTION_APPLICATION)
            collection(d);
        break;
    default: break;
    }
}

static bool read_descriptor(struct described *d, const uint8_t *p, size_t n) {
    while (n > 0) {
        static const size_t sizes[] = {0, 1, 2, 4};
        const uint8_t prefix = p[0];
        const size_t size = prefix == LONG_ITEM ? (n > 1 ? p[1] + (size_t)2 : n) : sizes[prefix & 3];
        uint32_t value = 0;
        if (size > n - 1)
            return false;
        for (size_t i = 0; prefix != LONG_ITEM && i < size; i++)
            value |= (uint32_t)p[1 + i] << (8 * i);
        if (prefix != LONG_ITEM)
            item(d, prefix & 0xFC, value);
        p += 1 + size;
        n -= 1 + size;
    }
    return true;
}

int ps_scanner_report_init(struct ps_scanner_report *r, const uint8_t *descriptor, size_t n,
                           struct ps_why *why) {
    struct described d = {.page = 0};
    memset(r, 0, sizeof *r);
    if (!read_descriptor(&d, descriptor, n))
        return ps_error_why(why, PS_EFORMAT, "hidraw", "its report descriptor is torn");
    if (d.pos)
        r->layout = PS_SCANNER_POS;
    else if (d.keyboard)
        return ps_error_why(why, PS_EFORMAT, "hidraw",
                            "this one types as a keyboard: name its evdev: device");
    else if (d.vendor)
        r->layout = PS_SCANNER_COUNTED;
    else
        return ps_error_why(
            why, PS_EFORMAT, "hidraw",
            "neither a point-of-sale scanner nor a serial line in reports: set it to HID POS");
    r->number = d.number;
    return 0;
}

/* ---- reports ---- */

/* A suffix that somebody has set up belongs to no code; within a code a line break is data. */
static size_t without_end(const uint8_t *p, size_t n) {
    while (n > 0 && (p[n - 1] == '\r' || p[n - 1] == '\n' || p[n - 1] == '\t'))
        n--;
    return n;
}

static void take_pos(struct ps_scanner_report *r, const uint8_t *p, size_t n) {
    if (n == 0 || p[0] != POS_REPORT)
        return; /* of its state, or an answer */
    if (n != POS_SIZE || p[1] > POS_MOST || (p[2] != ']' && p[2] != '\0')) {
        r->dropped++;
        ps_scanner_line_drop(&r->line);
        r->goes_on = false;
        return;
    }
    const bool more = p[POS_FLAGS] & 1;
    r->n = more ? p[1] : without_end(p + POS_DATA, p[1]);
    memcpy(r->bytes, p + POS_DATA, r->n);
    r->goes_on = more;
}

static void take_counted(struct ps_scanner_report *r, const uint8_t *p, size_t n) {
    if (r->number != 0 && (n == 0 || p[0] != r->number))
        return;
    const size_t head = r->number != 0 ? 2 : 1;
    if (n < head || p[head - 1] > n - head) {
        r->dropped++;
        ps_scanner_line_drop(&r->line);
        return;
    }
    r->n = p[head - 1];
    memcpy(r->bytes, p + head, r->n);
}

void ps_scanner_report_take(struct ps_scanner_report *r, const uint8_t *p, size_t n) {
    r->at = r->n = 0;
    if (n > sizeof r->bytes)
        r->dropped++;
    else if (r->layout == PS_SCANNER_POS)
        take_pos(r, p, n);
    else if (r->layout == PS_SCANNER_COUNTED)
        take_counted(r, p, n);
}

bool ps_scanner_report_next(struct ps_scanner_report *r) {
    if (r->layout == PS_SCANNER_POS) {
        const bool some = r->at < r->n;
        while (r->at < r->n)
            ps_scanner_line_put(&r->line, r->bytes[r->at++]);
        return (some || ps_scanner_line_begun(&r->line)) && !r->goes_on && ps_scanner_line_end(&r->line);
    }
    while (r->at < r->n)
        if (ps_scanner_line_byte(&r->line, r->bytes[r->at++]))
            return true;
    return false;
}
