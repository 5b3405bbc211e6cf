/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as packseal.conf: refused with a line, or values within their bounds. */
#include <stdlib.h>
#include <string.h>

#include "archive/config.h"
#include "evidence/bytes.h"
#include "tests/fuzz/fuzz.h"

static void text(const char *s, size_t cap) {
    size_t n = strnlen(s, cap);
    if (n == cap || !ps_bytes_is_text(s, n))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct ps_config c;
    struct ps_why why = {0};
    char *copy = malloc(size + 1); /* of its exact size: a read past the end is seen */
    if (copy == NULL)
        return 0;
    memcpy(copy, data, size);
    int rc = ps_config_parse(&c, copy, size, "packseal.conf", &why);
    free(copy);
    if (rc < 0) {
        if (why.text[0] == '\0')
            abort();
        return 0;
    }
    text(c.station_id, sizeof(c.station_id));
    text(c.station_name, sizeof(c.station_name));
    text(c.operator_id, sizeof(c.operator_id));
    text(c.font, sizeof(c.font));
    if (c.n_cameras > PS_CONFIG_CAMERAS || c.n_scanners > PS_CONFIG_SCANNERS || c.station_id[0] == '\0' ||
        c.qp < 18 || c.qp > 40 || c.segment_seconds < 1 || c.segment_seconds > 10 || c.max_seconds < 1 ||
        c.max_seconds > PS_MAX_CLIP_SECONDS)
        abort();
    for (unsigned i = 0; i < c.n_cameras; i++) {
        text(c.cameras[i].name, sizeof(c.cameras[i].name));
        text(c.cameras[i].source, sizeof(c.cameras[i].source));
    }
    for (unsigned i = 0; i < c.n_scanners; i++)
        text(c.scanners[i].source, sizeof(c.scanners[i].source));
    return 0;
}
