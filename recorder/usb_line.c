/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/usb_line.h"

#include <string.h>

enum { INTERFACE = 4, ENDPOINT = 5, CS_INTERFACE = 0x24, COMPANION = 0x30 };
enum { CLASS_VIDEO = 0x0e, SUBCLASS_STREAMING = 2, FRAME_MJPEG = 7 };
enum { ISOCHRONOUS = 1, BULK = 2 };

static uint32_t le16(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t le32(const uint8_t *p) {
    return le16(p) | le16(p + 2) << 16;
}

/* Services of an endpoint in a second: each (micro)frame, or each second, fourth … of them. */
static uint32_t services(uint8_t interval, uint32_t mbit) {
    if (mbit <= 12)
        return 1000 >> (interval >= 1 && interval <= 10 ? interval - 1 : 0);
    return 8000u >> (interval >= 1 && interval <= 13 ? interval - 1 : 0);
}

static void take_endpoint(struct ps_usb_line *out, const uint8_t *d, uint32_t mbit) {
    if ((d[3] & 3) == BULK)
        out->bulk = true;
    if ((d[3] & 3) != ISOCHRONOUS)
        return;
    uint32_t size = le16(d + 4), packet = (size & 0x7ff) * (mbit > 12 ? 1 + (size >> 11 & 3) : 1);
    uint32_t bytes = packet * services(d[6], mbit);
    if (bytes > out->most_bytes)
        out->most_bytes = bytes;
}

/* SuperSpeed: the endpoint's own size is that of one packet, its companion says how many there are. */
static void take_companion(struct ps_usb_line *out, const uint8_t *d, uint8_t interval) {
    uint64_t bytes = (uint64_t)le16(d + 4) * services(interval, 5000);
    if (bytes > out->most_bytes && bytes <= UINT32_MAX)
        out->most_bytes = (uint32_t)bytes;
}

static void take_frame(struct ps_usb_line *out, const uint8_t *d) {
    if (out->n_frames == PS_USB_LINE_FRAMES)
        return;
    out->frames[out->n_frames].width = (uint16_t)le16(d + 5);
    out->frames[out->n_frames].height = (uint16_t)le16(d + 7);
    out->frames[out->n_frames].bytes = le32(d + 13) / 8;
    out->n_frames++;
}

void ps_usb_line_parse(struct ps_usb_line *out, const uint8_t *p, size_t n, uint32_t mbit) {
    bool streaming = false, isochronous = false;
    uint8_t interval = 1;
    memset(out, 0, sizeof *out);
    while (n >= 2 && p[0] >= 2 && p[0] <= n) {
        size_t size = p[0];
        if (p[1] == INTERFACE && size >= 9)
            streaming = p[5] == CLASS_VIDEO && p[6] == SUBCLASS_STREAMING;
        if (p[1] == ENDPOINT && size >= 7 && streaming) {
            isochronous = (p[3] & 3) == ISOCHRONOUS;
            interval = p[6];
            take_endpoint(out, p, mbit);
        }
        if (p[1] == COMPANION && size >= 6 && streaming && isochronous)
            take_companion(out, p, interval);
        if (p[1] == CS_INTERFACE && size >= 17 && streaming && p[2] == FRAME_MJPEG)
            take_frame(out, p);
        p += size;
        n -= size;
    }
}

uint64_t ps_usb_line_gives(uint32_t mbit) {
    /* USB 2.0 5.6.4 and 5.5.4: periodic transfers get at most 90 % of a frame, 80 % of a microframe; USB 3.2: 90 %. */
    if (mbit == 12)
        return 1500000 / 10 * 9;
    if (mbit == 480)
        return 60000000 / 10 * 8;
    if (mbit == 5000)
        return 500000000 / 10 * 9;
    if (mbit == 10000)
        return 1212000000 / 10 * 9;
    return 0;
}
