/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/paint.h"

#include <pango/pangocairo.h>
#include <stdio.h>
#include <string.h>
#include <zint.h>

/* One family for all, so that a report looks the same wherever it is made; Debian's fonts-wqy-zenhei. */
#define FAMILY "WenQuanYi Zen Hei"
#define FAMILY_MONO "WenQuanYi Zen Hei Mono, WenQuanYi Zen Hei"

const struct ps_paint_colour ps_paint_ink = {0.11, 0.13, 0.16}, ps_paint_grey = {0.40, 0.43, 0.48},
                             ps_paint_rule = {0.84, 0.86, 0.89}, ps_paint_warn = {0.70, 0.16, 0.10},
                             ps_paint_brand = {0.08, 0.24, 0.42}, ps_paint_pale = {0.95, 0.96, 0.975};

void ps_paint_colour(cairo_t *cr, struct ps_paint_colour c) {
    cairo_set_source_rgb(cr, c.r, c.g, c.b);
}

/* ---- text ------------------------------------------------------------------------------------------------------- */

static PangoLayout *layout_of(cairo_t *cr, const struct ps_paint_text *t, const char *text) {
    PangoLayout *l = pango_cairo_create_layout(cr);
    PangoFontDescription *font = pango_font_description_from_string(t->mono ? FAMILY_MONO : FAMILY);
    cairo_font_options_t *options = cairo_font_options_create();
    pango_font_description_set_absolute_size(font, t->size * PANGO_SCALE);
    /* Measures must not depend on the pixels of a screen. */
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    pango_cairo_context_set_font_options(pango_layout_get_context(l), options);
    pango_cairo_context_set_resolution(pango_layout_get_context(l), 72);
    pango_context_set_base_dir(pango_layout_get_context(l), PANGO_DIRECTION_LTR);
    pango_layout_set_auto_dir(l, FALSE);
    pango_layout_set_font_description(l, font);
    pango_layout_set_text(l, text, -1);
    pango_layout_set_wrap(l, PANGO_WRAP_WORD_CHAR);
    pango_layout_set_line_spacing(l, 1.12f);
    if (t->width > 0)
        pango_layout_set_width(l, (int)(t->width * PANGO_SCALE));
    if (t->lines > 0) {
        pango_layout_set_height(l, -t->lines);
        pango_layout_set_ellipsize(l, PANGO_ELLIPSIZE_END);
    }
    pango_layout_set_alignment(l, t->right    ? PANGO_ALIGN_RIGHT
                                  : t->centre ? PANGO_ALIGN_CENTER
                                              : PANGO_ALIGN_LEFT);
    cairo_font_options_destroy(options);
    pango_font_description_free(font);
    return l;
}

double ps_paint_text(cairo_t *cr, const struct ps_paint_text *t, double x, double y, const char *text,
                     bool draw, double *w) {
    PangoLayout *l = layout_of(cr, t, text);
    int lw, lh;
    pango_layout_get_size(l, &lw, &lh);
    if (draw) {
        ps_paint_colour(cr, t->colour);
        cairo_move_to(cr, x, y);
        pango_cairo_show_layout(cr, l);
    }
    g_object_unref(l);
    if (w != NULL)
        *w = (double)lw / PANGO_SCALE;
    return (double)lh / PANGO_SCALE;
}

int ps_paint_font_check(struct ps_why *why) {
    cairo_surface_t *s = cairo_recording_surface_create(CAIRO_CONTENT_COLOR_ALPHA, NULL);
    cairo_t *cr = cairo_create(s);
    const struct ps_paint_text t = {.size = 10};
    PangoLayout *l = layout_of(cr, &t, "封箱存证录像工位签名账本");
    int unknown = pango_layout_get_unknown_glyphs_count(l);
    g_object_unref(l);
    cairo_destroy(cr);
    cairo_surface_destroy(s);
    return unknown == 0
               ? 0
               : ps_error_why(why, PS_ENOENT, "fonts", "no font here has Chinese; install fonts-wqy-zenhei");
}

/* ---- marks ------------------------------------------------------------------------------------------------------ */

static struct ps_paint_colour colour_of(enum ps_facts_who who) {
    static const struct ps_paint_colour colours[PS_FACTS_WHO] = {
        {0.08, 0.24, 0.42}, {0.20, 0.45, 0.36}, {0.55, 0.35, 0.05}, {0.47, 0.16, 0.47}, {0.40, 0.43, 0.48}};
    return colours[who];
}

void ps_paint_mark(cairo_t *cr, enum ps_facts_who who, double x, double y, double r) {
    cairo_save(cr);
    cairo_new_path(cr);
    if (who == PS_FACTS_SIGNER || who == PS_FACTS_REPORT) {
        cairo_rectangle(cr, x - r * 0.85, y - r * 0.85, r * 1.7, r * 1.7);
    } else if (who == PS_FACTS_OUTSIDE) {
        cairo_move_to(cr, x, y - r * 1.25);
        cairo_line_to(cr, x + r * 1.25, y);
        cairo_line_to(cr, x, y + r * 1.25);
        cairo_line_to(cr, x - r * 1.25, y);
        cairo_close_path(cr);
    } else {
        cairo_arc(cr, x, y, r, 0, 6.283185307179586);
    }
    if (who == PS_FACTS_MERCHANT || who == PS_FACTS_REPORT) {
        cairo_set_source_rgb(cr, 1, 1, 1);
        cairo_fill_preserve(cr);
        cairo_set_line_width(cr, r * 0.42);
        ps_paint_colour(cr, colour_of(who));
        cairo_stroke(cr);
    } else {
        ps_paint_colour(cr, colour_of(who));
        cairo_fill(cr);
    }
    cairo_restore(cr);
}

/* ---- the line of times ------------------------------------------------------------------------------------------ */

/* The moments stand in their order at equal distances: hours of film and days of delivery fit no common scale. */
double ps_paint_timeline(cairo_t *cr, const struct ps_facts *f, enum ps_facts_lang lang, double x, double y,
                         double width, double size, bool draw) {
    size_t n = f->n_moments;
    double cell = width / (double)(n > 0 ? n : 1), names = 0, axis, low = 0;
    double film_from = 0, film_to = 0;
    struct ps_paint_text t = {
        .size = size, .width = cell - size * 0.4, .centre = true, .colour = ps_paint_ink};
    struct ps_paint_text small = t;
    small.size = size * 0.86;
    small.colour = ps_paint_grey;
    for (size_t i = 0; i < n; i++) {
        char both[128];
        const struct ps_facts_moment *m = &f->moments[i];
        (void)snprintf(both, sizeof both, "%s%s%s", lang & PS_FACTS_ZH ? m->name.zh : "",
                       lang == PS_FACTS_BOTH ? "\n" : "", lang & PS_FACTS_EN ? m->name.en : "");
        double h = ps_paint_text(cr, &t, 0, 0, both, false, NULL);
        names = h > names ? h : names;
        double cx = x + cell * ((double)i + 0.5);
        film_from = m->kind == PS_FACTS_STARTED ? cx : film_from;
        film_to = m->kind == PS_FACTS_ENDED ? cx : film_to;
    }
    axis = y + names + size * 1.1;
    if (draw && n > 0) {
        cairo_set_line_width(cr, size * 0.12);
        ps_paint_colour(cr, ps_paint_grey);
        cairo_move_to(cr, x + cell * 0.25, axis);
        cairo_line_to(cr, x + width - cell * 0.25, axis);
        cairo_stroke(cr);
        cairo_set_line_width(cr, size * 0.5);
        ps_paint_colour(cr, colour_of(PS_FACTS_RECORDER));
        cairo_move_to(cr, film_from, axis);
        cairo_line_to(cr, film_to, axis);
        cairo_stroke(cr);
    }
    for (size_t i = 0; i < n; i++) {
        const struct ps_facts_moment *m = &f->moments[i];
        char both[128], when[64];
        double left = x + cell * (double)i + size * 0.2;
        (void)snprintf(both, sizeof both, "%s%s%s", lang & PS_FACTS_ZH ? m->name.zh : "",
                       lang == PS_FACTS_BOTH ? "\n" : "", lang & PS_FACTS_EN ? m->name.en : "");
        (void)snprintf(when, sizeof when, "%s\n%.8s", m->day, m->time);
        double h = ps_paint_text(cr, &t, 0, 0, both, false, NULL);
        (void)ps_paint_text(cr, &t, left, y + names - h, both, draw, NULL);
        if (draw)
            ps_paint_mark(cr, m->who, left + (cell - size * 0.4) / 2, axis, size * 0.55);
        h = ps_paint_text(cr, &small, left, axis + size * 1.0, when, draw, NULL);
        low = h > low ? h : low;
    }
    return names + size * 2.1 + low;
}

/* ---- QR --------------------------------------------------------------------------------------------------------- */

void ps_paint_qr_text(const struct ps_facts *f, char out[160]) {
    (void)snprintf(out, 160, "packseal:%s:%s", f->clip, f->statement);
}

int ps_paint_qr(cairo_t *cr, const char *text, double x, double y, double side) {
    struct zint_symbol *z = ZBarcode_Create();
    if (z == NULL)
        return PS_ENOMEM;
    z->symbology = BARCODE_QRCODE;
    z->option_1 = 2; /* correction level M */
    int rc = ZBarcode_Encode(z, (const unsigned char *)text, (int)strlen(text));
    if (rc >= ZINT_ERROR) {
        ZBarcode_Delete(z);
        return PS_ELIMIT;
    }
    double unit = side / (z->width + 8); /* four modules of quiet zone on each side, ISO/IEC 18004 */
    cairo_save(cr);
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_rectangle(cr, x, y, side, side);
    cairo_fill(cr);
    cairo_set_source_rgb(cr, 0, 0, 0);
    cairo_set_antialias(cr, CAIRO_ANTIALIAS_NONE);
    for (int row = 0; row < z->rows; row++)
        for (int col = 0; col < z->width; col++)
            if (z->encoded_data[row][col >> 3] >> (col & 7) & 1)
                cairo_rectangle(cr, x + unit * (col + 4), y + unit * (row + 4), unit, unit);
    cairo_fill(cr);
    cairo_restore(cr);
    ZBarcode_Delete(z);
    return 0;
}
