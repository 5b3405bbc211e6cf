/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_REPORT_PAINT_H
#define PS_REPORT_PAINT_H
/*
 * What page and card share: text that is never taken for markup, the marks of who says what, the line of times, QR.
 */
#include "report/facts.h"
#include <cairo.h>
#include <stdint.h>

struct ps_paint_colour {
    double r, g, b;
};
extern const struct ps_paint_colour ps_paint_ink, ps_paint_grey, ps_paint_rule, ps_paint_warn, ps_paint_brand,
    ps_paint_pale;

/* PS_ENOENT with why when no font here has Chinese. */
int ps_paint_font_check(struct ps_why *why);

struct ps_paint_text {
    double size;  /* in the surface's unit */
    double width; /* wraps there; 0: one line as long as it is */
    int lines;    /* at most so many, the rest an ellipsis; 0: no bound */
    bool mono, right, centre;
    struct ps_paint_colour colour;
};
/* Draws at x, y (top left) when draw; gives the height, and the width in *w when w is not NULL. */
double ps_paint_text(cairo_t *cr, const struct ps_paint_text *t, double x, double y, const char *text,
                     bool draw, double *w);
void ps_paint_colour(cairo_t *cr, struct ps_paint_colour c);

/* Who says it, by shape: signer a filled square, recorder a filled circle, merchant an empty circle, outside a filled
 * diamond, computed here an empty square. Centre and radius. */
void ps_paint_mark(cairo_t *cr, enum ps_facts_who who, double x, double y, double r);

/* The line of times (see ps_facts_moment), width wide. Gives its height. lang as facts_lang. */
double ps_paint_timeline(cairo_t *cr, const struct ps_facts *f, enum ps_facts_lang lang, double x, double y,
                         double width, double size, bool draw);

/* A QR code of this text, side long with its quiet zone. PS_ELIMIT when it does not fit. */
int ps_paint_qr(cairo_t *cr, const char *text, double x, double y, double side);
/* What the codes on report and card say: "packseal:CLIP:SHA-256 of clip.json"; out takes 160. */
void ps_paint_qr_text(const struct ps_facts *f, char out[160]);

#endif
