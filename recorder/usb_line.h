/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_USB_LINE_H
#define PS_RECORDER_USB_LINE_H
/*
 * What a USB camera asks of its line, read off its descriptors (USB 2.0 9.6, USB 3.2 9.6.7, UVC 1.5 3.9 to 3.11) as sysfs
 * has them. Hostile bytes: the device wrote them.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PS_USB_LINE_FRAMES 64

struct ps_usb_line {
    bool bulk; /* pictures come over a bulk endpoint, which reserves nothing */
    uint32_t
        most_bytes; /* a second, of the largest alternate setting; 0: no isochronous endpoint for pictures */
    unsigned n_frames;
    struct {
        uint16_t width, height;
        uint32_t
            bytes; /* a second, motion JPEG, in the camera's own words: an upper bound, often a lazy one */
    } frames[PS_USB_LINE_FRAMES];
};

/* mbit: speed of the device. Stops at the first descriptor that does not hold together; what came before counts. */
void ps_usb_line_parse(struct ps_usb_line *out, const uint8_t *p, size_t n, uint32_t mbit);
/* Bytes a second that a line of this speed gives to all isochronous devices together; 0 for an unknown speed. */
uint64_t ps_usb_line_gives(uint32_t mbit);

#endif
