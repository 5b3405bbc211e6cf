/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Printed codes for tests of the label reader: rendered by libzint, laid into a picture.
 */
#ifndef PS_TESTS_PRINTED_H
#define PS_TESTS_PRINTED_H

#include <string.h>
#include <zint.h>

#include "recorder/picture.h"

/* Lays the code at (x, y), each module so many pixels wide, white round it. Gives its width, 0 when it does not fit. */
static inline int printed_code(struct ps_picture *p, int symbology, const char *text, int x, int y,
                               int module) {
    struct zint_symbol *z = ZBarcode_Create();
    int width = 0;

    if (z == NULL)
        return 0;
    z->symbology = symbology;
    z->scale = 0.5F; /* a pixel a module */
    z->height = symbology == BARCODE_QRCODE ? 0 : 40;
    z->whitespace_width = z->whitespace_height = symbology == BARCODE_QRCODE ? 4 : 10;
    z->show_hrt = 0;
    if (ZBarcode_Encode_and_Buffer(z, (const unsigned char *)text, (int)strlen(text), 0) < ZINT_ERROR &&
        x + z->bitmap_width * module <= p->width && y + z->bitmap_height * module <= p->height) {
        width = z->bitmap_width * module;
        for (int j = 0; j < z->bitmap_height * module; j++)
            for (int i = 0; i < width; i++)
                p->plane[0][(y + j) * p->stride[0] + x + i] =
                    z->bitmap[3 * (j / module * z->bitmap_width + i / module)] ? 235 : 20;
    }
    ZBarcode_Delete(z);
    return width;
}

#endif
