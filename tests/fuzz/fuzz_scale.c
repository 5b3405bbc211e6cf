/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What comes over a scale's line. The first byte of an input chooses the protocol (low 3 bits) and the unit (next 3); the rest is the line.
 */
#include "recorder/scale.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ps_scale_frame f;
    struct ps_scale_frame_weight w;
    struct ps_scale_settle settle = {.settle_ns = 3};
    size_t since = 0;
    if (size == 0)
        return 0;
    ps_scale_frame_init(&f, data[0] % (PS_CONFIG_WEIGHT_PLAIN + 1), (data[0] >> 3) % (PS_CONFIG_UNIT_T + 1));
    for (size_t i = 1; i < size; i++) {
        since++;
        enum ps_scale_frame_said said = ps_scale_frame_byte(&f, data[i], &w);
        if (said == PS_SCALE_FRAME_MORE)
            continue;
        /* A weight takes bytes: the shortest is a digit, perhaps its unit, and a line end. */
        if (said == PS_SCALE_FRAME_WEIGHT && since < 2)
            abort();
        since = 0;
        if (said != PS_SCALE_FRAME_WEIGHT)
            continue;
        if (w.grams > PS_SCALE_FRAME_GRAMS || w.grams < -PS_SCALE_FRAME_GRAMS || f.n > sizeof f.bytes)
            abort();
        if (ps_scale_settle(&settle, &w, (int64_t)i) && w.moving)
            abort();
    }
    return 0;
}
