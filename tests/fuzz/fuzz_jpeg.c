/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A photograph: whatever is read of it is text or a size, and lies within the bytes. */
#include <stdlib.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/jpeg.h"
#include "tests/fuzz/fuzz.h"

static void text(const char *s) {
    if (memchr(s, '\0', PS_EXIF_TEXT) == NULL || !ps_bytes_is_text(s, strlen(s)))
        abort();
}

static void exif(const struct ps_exif *e, const uint8_t *p, size_t n) {
    text(e->make);
    text(e->model);
    text(e->software);
    text(e->taken);
    text(e->offset);
    if (e->thumb != NULL && (e->thumb < p || e->thumb_n > n || (size_t)(e->thumb - p) > n - e->thumb_n))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ps_jpeg j;
    struct ps_exif e;
    struct ps_why why = {"", ""};
    ps_exif_read(&e, data, size);
    exif(&e, data, size);
    if (ps_jpeg_parse(&j, data, size, &why) != 0) {
        if (why.text[0] == '\0')
            abort();
        return 0;
    }
    exif(&j.exif, data, size);
    text(j.creator);
    if (j.width == 0 || j.height == 0 || j.tail_n >= size ||
        (j.tail_n == 0) != (j.tail == PS_JPEG_TAIL_NONE) || ps_jpeg_signs(&j) >> PS_JPEG_SIGNS != 0)
        abort();
    return 0;
}
