/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as the descriptors of a USB camera: what is read off them lies within its bounds. The first byte is the speed. */
#include <stdlib.h>
#include <string.h>

#include "recorder/usb_line.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint32_t speeds[] = {1, 12, 480, 5000, 10000};
    struct ps_usb_line line;
    if (size < 2)
        return 0;
    uint8_t *copy = malloc(size - 1); /* exactly: a read past the end is seen */
    if (!copy)
        return 0;
    memcpy(copy, data + 1, size - 1);
    ps_usb_line_parse(&line, copy, size - 1, speeds[data[0] % 5]);
    free(copy);
    if (line.n_frames > PS_USB_LINE_FRAMES)
        abort();
    return 0;
}
