/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a camera's descriptors say of the USB line it wants; and that no bytes lead out of them. */
#include "recorder/usb_line.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/tap.h"

/* Device, configuration, a streaming interface with one MJPEG frame of 1280x720 at most 27648000 bytes a second, and two
 * alternate settings of it: 3 x 1024 and 1 x 512 bytes a microframe; then a microphone with an endpoint of its own. */
static const uint8_t camera[] = {
    18, 1,    0, 2, 0xef, 2,    1,    64,   0x6b, 0x1d, 2,    1,    0, 1,    1,    2,    3,    1, /* device */
    9,  2,    0, 0, 2,    1,    0,    0x80, 250, /* configuration */
    9,  4,    1, 0, 0,    0x0e, 2,    0,    0,   /* streaming, 0 */
    30, 0x24, 7, 1, 0,    0x00, 0x05, 0xd0, 0x02, 0,    0,    0,    1, 0x00, 0x00, 0x2f, 0x0d, 0,
    0,  0,    0, 0, 0,    0,    0,    1,    0x15, 0x16, 0x05, 0,                       /* frame */
    9,  4,    1, 1, 1,    0x0e, 2,    0,    0,    7,    5,    0x81, 5, 0x00, 0x14, 1,  /* 3 x 1024 */
    9,  4,    1, 2, 1,    0x0e, 2,    0,    0,    7,    5,    0x81, 5, 0x00, 0x02, 1,  /* 512 */
    9,  4,    2, 1, 1,    1,    2,    0,    0,    7,    5,    0x82, 5, 0xff, 0x17, 1}; /* microphone */

static struct ps_usb_line line;

static void sound(void) {
    ps_usb_line_parse(&line, camera, sizeof camera, 480);
    tap_is_uint(line.most_bytes, 3 * 1024 * 8000, "the largest setting for pictures, not the microphone's");
    tap_is_uint(line.n_frames, 1, "one frame of motion JPEG");
    tap_ok(line.frames[0].width == 1280 && line.frames[0].height == 720, "its size");
    tap_is_uint(line.frames[0].bytes, 0x0d2f0000 / 8, "and the most that it takes");
    tap_ok(!line.bulk, "no bulk endpoint");
    ps_usb_line_parse(&line, camera, sizeof camera, 12);
    tap_is_uint(line.most_bytes, 1024 * 1000, "at full speed one packet a frame");
    static const uint8_t fast[] = {9,    4, 1,    1,    1, 0x0e, 2,    0, 0, 7,    5,
                                   0x81, 5, 0x00, 0x04, 1, 6,    0x30, 3, 0, 0x00, 0x10};
    ps_usb_line_parse(&line, fast, sizeof fast, 5000);
    tap_is_uint(line.most_bytes, 4096 * 8000, "SuperSpeed: what the companion says");
    static const uint8_t bulk[] = {9, 4, 1, 0, 1, 0x0e, 2, 0, 0, 7, 5, 0x81, 2, 0x00, 0x02, 0};
    ps_usb_line_parse(&line, bulk, sizeof bulk, 480);
    tap_ok(line.bulk && line.most_bytes == 0, "bulk reserves nothing");
    tap_is_uint(ps_usb_line_gives(480), 48000000, "80 percent of a high-speed line");
    tap_is_uint(ps_usb_line_gives(7), 0, "an unknown speed gives nothing known");
}

/* Each cut and each changed byte, in memory that ends where the bytes do: a sanitizer sees a step too far. */
static void hostile(void) {
    unsigned kept = 0, frames = 0;
    for (size_t n = 0; n <= sizeof camera; n++) {
        uint8_t *p = malloc(n ? n : 1);
        memcpy(p, camera, n);
        ps_usb_line_parse(&line, p, n, 480);
        kept += line.n_frames <= 1;
        free(p);
    }
    tap_is_uint(kept, sizeof camera + 1, "cut anywhere it says no more than it held");
    for (size_t i = 0; i < sizeof camera; i++)
        for (int value = 0; value < 256; value++) {
            uint8_t *p = malloc(sizeof camera);
            memcpy(p, camera, sizeof camera);
            p[i] = (uint8_t)value;
            ps_usb_line_parse(&line, p, sizeof camera, value & 1 ? 480 : 5000);
            frames += line.n_frames <= PS_USB_LINE_FRAMES;
            free(p);
        }
    tap_is_uint(frames, sizeof camera * 256, "nor with any byte changed");
    uint8_t many[200 * 30];
    for (int i = 0; i < 200; i++)
        memcpy(many + (size_t)i * 30, camera + 36, 30);
    uint8_t *all = malloc(9 + sizeof many);
    memcpy(all, camera + 27, 9);
    memcpy(all + 9, many, sizeof many);
    ps_usb_line_parse(&line, all, 9 + sizeof many, 480);
    tap_is_uint(line.n_frames, PS_USB_LINE_FRAMES, "more frames than there is room for are left out");
    free(all);
}

int main(void) {
    sound();
    hostile();
    return tap_done();
}
