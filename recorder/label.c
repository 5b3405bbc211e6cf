/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/label.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zbar.h>

#include "evidence/bytes.h"
#include "evidence/error.h"

#define SHORTEST 6 /* characters: no carrier's number is shorter, and noise reads as short codes */

struct ps_label_reader {
    zbar_image_scanner_t *scanner;
    zbar_image_scanner_t *rows; /* bars alone, along rows alone: for slanted ones */
    zbar_image_t *image;
    int density;
    uint8_t *slanted;
    size_t room; /* of slanted */
};

static const struct kind {
    unsigned bit;
    zbar_symbol_type_t type;
    bool linear;
} kinds_known[] = {
    {PS_LABEL_CODE128, ZBAR_CODE128, true},
    {PS_LABEL_CODE39, ZBAR_CODE39, true},
    {PS_LABEL_CODE93, ZBAR_CODE93, true},
    {PS_LABEL_QR, ZBAR_QRCODE, false},
};

#define KINDS (sizeof kinds_known / sizeof kinds_known[0])

static void enable(zbar_image_scanner_t *s, const struct kind *k) {
    zbar_image_scanner_set_config(s, k->type, ZBAR_CFG_ENABLE, 1);
    if (k->linear)
        zbar_image_scanner_set_config(s, k->type, ZBAR_CFG_MIN_LEN, SHORTEST);
}

int ps_label_new(struct ps_label_reader **out, unsigned kinds, unsigned density) {
    struct ps_label_reader *r = calloc(1, sizeof *r);

    *out = NULL;
    if (!r)
        return PS_ENOMEM;
    r->density = (int)density;
    r->scanner = zbar_image_scanner_create();
    r->rows = zbar_image_scanner_create();
    r->image = zbar_image_create();
    if (!r->scanner || !r->rows || !r->image) {
        ps_label_free(r);
        return PS_ENOMEM;
    }
    /* All off first: DataBar stops the program with an assertion, and item codes are no labels. */
    zbar_image_scanner_set_config(r->scanner, ZBAR_NONE, ZBAR_CFG_ENABLE, 0);
    zbar_image_scanner_set_config(r->rows, ZBAR_NONE, ZBAR_CFG_ENABLE, 0);
    for (size_t i = 0; i < KINDS; i++) {
        if (kinds & kinds_known[i].bit)
            enable(r->scanner, &kinds_known[i]);
        if (kinds & kinds_known[i].bit && kinds_known[i].linear)
            enable(r->rows, &kinds_known[i]);
    }
    zbar_image_scanner_set_config(r->scanner, ZBAR_NONE, ZBAR_CFG_X_DENSITY, (int)density);
    zbar_image_scanner_set_config(r->scanner, ZBAR_NONE, ZBAR_CFG_Y_DENSITY, (int)density);
    zbar_image_scanner_set_config(r->rows, ZBAR_NONE, ZBAR_CFG_X_DENSITY, 0);
    zbar_image_scanner_set_config(r->rows, ZBAR_NONE, ZBAR_CFG_Y_DENSITY, 1);
    zbar_image_set_format(r->image, zbar_fourcc('Y', '8', '0', '0'));
    *out = r; /* transferred */
    return 0;
}

void ps_label_free(struct ps_label_reader *r) {
    if (!r)
        return;
    if (r->image)
        zbar_image_destroy(r->image);
    if (r->rows)
        zbar_image_scanner_destroy(r->rows);
    if (r->scanner)
        zbar_image_scanner_destroy(r->scanner);
    free(r->slanted);
    free(r);
}

/* False for what is too long, or no text. */
static bool take_symbol(const zbar_symbol_t *s, struct ps_label_found *f) {
    unsigned n = zbar_symbol_get_data_length(s);
    const char *text = zbar_symbol_get_data(s);

    if (n == 0 || n > PS_MAX_CODE || !ps_bytes_is_text(text, n))
        return false;
    memset(f, 0, sizeof *f);
    memcpy(f->text, text, n);
    f->linear = zbar_symbol_get_type(s) != ZBAR_QRCODE;
    for (unsigned i = 0; i < zbar_symbol_get_loc_size(s); i++) {
        int x = zbar_symbol_get_loc_x(s, i), y = zbar_symbol_get_loc_y(s, i);
        f->x0 = i && f->x0 < x ? f->x0 : x;
        f->y0 = i && f->y0 < y ? f->y0 : y;
        f->x1 = i && f->x1 > x ? f->x1 : x;
        f->y1 = i && f->y1 > y ? f->y1 : y;
    }
    return true;
}

static bool is_among(const struct ps_label_found *f, unsigned n, const char *text) {
    for (unsigned i = 0; i < n; i++)
        if (strcmp(f[i].text, text) == 0)
            return true;
    return false;
}

static unsigned scan(struct ps_label_reader *r, zbar_image_scanner_t *scanner, const uint8_t *luma,
                     int stride, int width, int height, struct ps_label_found *out, unsigned most) {
    unsigned n = 0;

    /* Rows may be padded: libzbar knows no stride, but a part of a picture. */
    zbar_image_set_size(r->image, (unsigned)stride, (unsigned)height);
    zbar_image_set_data(r->image, luma, (unsigned long)stride * (unsigned long)height, NULL);
    zbar_image_set_crop(r->image, 0, 0, (unsigned)width, (unsigned)height);
    if (zbar_scan_image(scanner, r->image) <= 0)
        return 0;
    /* Bars first: what is given twice, as bars and as QR, is the bars. */
    for (int linear = 1; linear >= 0; linear--)
        for (const zbar_symbol_t *s = zbar_image_first_symbol(r->image); s && n < most;
             s = zbar_symbol_next(s))
            if (linear == (zbar_symbol_get_type(s) != ZBAR_QRCODE) && take_symbol(s, &out[n]) &&
                !is_among(out, n, out[n].text))
                n++;
    return n;
}

unsigned ps_label_read(struct ps_label_reader *r, const uint8_t *luma, int stride, int width, int height,
                       struct ps_label_found *out, unsigned most) {
    if (width < 16 || height < 16 || stride < width)
        return 0;
    return scan(r, r->scanner, luma, stride, width, height, out, most);
}

/* Line `line` of the picture that slanted lines make: it begins where it meets the side, and is grey where it has left the
 * picture. Bars that it crosses at a right angle are longer by 1 / cos of the slope, and jagged by less than half a sample. */
static void slanted_line(const uint8_t *luma, int stride, int width, int height, int slope, bool columns,
                         int start, uint8_t *to) {
    int along = columns ? height : width, across = columns ? width : height;

    for (int i = 0; i < along; i++) {
        int k = start + i * slope / 64;
        to[i] = k < 0 || k >= across ? 128
                : columns            ? luma[(size_t)i * (size_t)stride + (size_t)k]
                                     : luma[(size_t)k * (size_t)stride + (size_t)i];
    }
}

unsigned ps_label_read_slanted(struct ps_label_reader *r, const uint8_t *luma, int stride, int width,
                               int height, int slope, bool columns, struct ps_label_found *out,
                               unsigned most) {
    if (width < 16 || height < 16 || stride < width || slope < -64 || slope > 64)
        return 0;
    int along = columns ? height : width, across = columns ? width : height;
    int rise = along * slope / 64, first = rise > 0 ? -rise : 0, last = rise > 0 ? across : across - rise;
    int step = 2 * r->density, lines = (last - first) / step;
    size_t need = (size_t)lines * (size_t)along;
    if (need > r->room) {
        free(r->slanted);
        r->slanted = malloc(need);
        r->room = r->slanted ? need : 0;
    }
    if (!r->slanted || lines < 16)
        return 0;
    for (int i = 0; i < lines; i++)
        slanted_line(luma, stride, width, height, slope, columns, first + i * step,
                     r->slanted + (size_t)i * (size_t)along);
    unsigned n = scan(r, r->rows, r->slanted, along, along, lines, out, most);
    for (unsigned i = 0; i < n; i++)
        out[i].x0 = out[i].y0 = out[i].x1 = out[i].y1 = 0;
    return n;
}

/* ---- what counts ---- */

static int gap(int a0, int a1, int b0, int b1) {
    return b0 > a1 ? b0 - a1 : a0 > b1 ? a0 - b1 : 0;
}

static bool beside(const struct ps_label_found *qr, const struct ps_label_found *bars) {
    int length = bars->x1 - bars->x0 > bars->y1 - bars->y0 ? bars->x1 - bars->x0 : bars->y1 - bars->y0;

    return gap(qr->x0, qr->x1, bars->x0, bars->x1) <= length &&
           gap(qr->y0, qr->y1, bars->y0, bars->y1) <= length;
}

unsigned ps_label_prefer(struct ps_label_found *f, unsigned n) {
    unsigned kept = 0;

    for (unsigned i = 0; i < n; i++) {
        bool drop = false;
        for (unsigned k = 0; k < n && !f[i].linear && !drop; k++)
            drop = f[k].linear && beside(&f[i], &f[k]); /* bars keep their place or move to the front of it */
        if (!drop)
            f[kept++] = f[i];
    }
    return kept;
}

bool ps_label_gate(struct ps_label_gate *g, const char *text, int64_t mono_ns, int64_t away_ns) {
    unsigned at = 0;

    for (unsigned i = 0; i < PS_LABEL_GATE; i++) {
        if (strcmp(g->seen[i].text, text) == 0) {
            at = i;
            break;
        }
        if (!g->seen[i].text[0] || (g->seen[at].text[0] && g->seen[i].last_ns < g->seen[at].last_ns))
            at = i; /* free, or the one that was away for longest */
    }
    bool known = strcmp(g->seen[at].text, text) == 0 && mono_ns - g->seen[at].last_ns <= away_ns;
    bool twice = known && mono_ns - g->seen[at].last_ns <= PS_LABEL_DWELL_NS;
    bool counts = twice && !g->seen[at].counted;

    if (!known) {
        snprintf(g->seen[at].text, sizeof g->seen[at].text, "%s", text);
        g->seen[at].counted = false;
    }
    g->seen[at].counted = g->seen[at].counted || counts;
    g->seen[at].last_ns = mono_ns;
    return counts;
}
