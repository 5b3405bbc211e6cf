/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/document.h"
#include "report/paint.h"

#include <cairo-pdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A4 in points. */
#define PAGE_W 595.28
#define PAGE_H 841.89
#define MARGIN 46.0
#define TOP 54.0
#define BOTTOM 52.0
#define INNER (PAGE_W - 2 * MARGIN)
#define BODY 9.0
#define SMALL 7.6

/* The pages are made twice: first into nothing, to know how many they are. */
struct pages {
    const struct ps_document *d;
    cairo_t *cr;
    double y;
    unsigned page, of; /* of: 0 while counting */
};

static bool zh(const struct pages *p) {
    return (p->d->lang & PS_FACTS_ZH) != 0;
}

static double draw(struct pages *p, double x, double y, double width, double size, struct ps_paint_colour c,
                   const char *s) {
    const struct ps_paint_text t = {.size = size, .width = width, .colour = c};
    return ps_paint_text(p->cr, &t, x, y, s, true, NULL);
}

/* ---- pages ------------------------------------------------------------------------------------------------------ */

static void furniture(struct pages *p) {
    char text[96];
    const struct ps_facts *f = p->d->facts;
    struct ps_paint_text t = {.size = SMALL, .width = INNER, .colour = ps_paint_grey};
    p->page++;
    ps_paint_colour(p->cr, ps_paint_brand);
    cairo_rectangle(p->cr, 0, 0, PAGE_W, 7);
    cairo_fill(p->cr);
    ps_paint_text(p->cr, &t, MARGIN, 26,
                  zh(p) ? "封箱存证 · 打包录像证据报告" : "PackSeal · evidence report of a packing film",
                  true, NULL);
    t.right = true;
    ps_paint_text(p->cr, &t, MARGIN, 26, f->clip, true, NULL);
    (void)snprintf(text, sizeof text, zh(p) ? "第 %u 页，共 %u 页" : "page %u of %u", p->page, p->of);
    ps_paint_text(p->cr, &t, MARGIN, PAGE_H - 34, text, true, NULL);
    t.right = false;
    (void)snprintf(text, sizeof text, "clip.json SHA-256 %s", f->statement);
    ps_paint_text(p->cr, &t, MARGIN, PAGE_H - 34, text, true, NULL);
    p->y = TOP;
}

/* Room for so much on this page, else the next one. */
static void need(struct pages *p, double height) {
    if (p->y + height <= PAGE_H - BOTTOM || p->y <= TOP)
        return;
    cairo_show_page(p->cr);
    furniture(p);
}

static void rule(struct pages *p, double y, double width, struct ps_paint_colour c) {
    cairo_set_line_width(p->cr, width);
    ps_paint_colour(p->cr, c);
    cairo_move_to(p->cr, MARGIN, y);
    cairo_line_to(p->cr, PAGE_W - MARGIN, y);
    cairo_stroke(p->cr);
}

static void section(struct pages *p, const char *a, const char *b, double more) {
    struct ps_paint_text t = {.size = 12.5, .colour = ps_paint_brand};
    double w, h;
    p->y += 12;
    need(p, 30 + more);
    h = ps_paint_text(p->cr, &t, MARGIN, p->y, zh(p) ? a : b, true, &w);
    if (p->d->lang == PS_FACTS_BOTH)
        draw(p, MARGIN + w + 8, p->y + 3.4, 0, BODY, ps_paint_grey, b);
    p->y += h + 2;
    rule(p, p->y, 1.1, ps_paint_brand);
    p->y += 5;
}

/* ---- two languages in one cell ---------------------------------------------------------------------------------- */

struct cell {
    double x, width, size;
    bool mono;
    struct ps_paint_colour colour;
};

static double cell(struct pages *p, const struct cell *c, double y, const char *a, const char *b, bool show) {
    enum ps_facts_lang lang = p->d->lang;
    bool same = strcmp(a, b) == 0;
    struct ps_paint_text t = {.size = c->size, .width = c->width, .mono = c->mono, .colour = c->colour};
    double h = ps_paint_text(p->cr, &t, c->x, y, lang & PS_FACTS_ZH ? a : b, show, NULL);
    if (lang != PS_FACTS_BOTH || same)
        return h;
    t.size = c->size * 0.86;
    t.colour = ps_paint_grey;
    return h + 0.6 + ps_paint_text(p->cr, &t, c->x, y + h + 0.6, b, show, NULL);
}

/* ---- the first page --------------------------------------------------------------------------------------------- */

static void title(struct pages *p) {
    const struct ps_facts *f = p->d->facts;
    const double qr = 74, width = INNER - qr - 10;
    double top = p->y;
    char text[160];
    p->y += draw(p, MARGIN, p->y, width, 21, ps_paint_brand,
                 zh(p) ? "打包录像证据报告" : "Evidence report of a packing film");
    if (p->d->lang == PS_FACTS_BOTH)
        p->y += draw(p, MARGIN, p->y, width, 10.5, ps_paint_grey, "Evidence report of a packing film");
    p->y += 5;
    p->y += draw(p, MARGIN, p->y, width, 14, ps_paint_ink, f->codes) + 2;
    p->y += draw(p, MARGIN, p->y, width, BODY, ps_paint_grey, f->clip);
    ps_paint_qr_text(f, text);
    (void)ps_paint_qr(p->cr, text, PAGE_W - MARGIN - qr + 6, top - 4, qr);
    p->y = (p->y > top + qr ? p->y : top + qr) + 4;
    const struct cell note = {MARGIN + 10, INNER - 20, BODY, false, ps_paint_ink};
    const char *a = "本报告是说明，不是证据：它没有签名，证据是证据包中的声明和影片。每一行都注明由谁陈述。",
               *b = "This report explains; it is no evidence itself. It is not signed: the evidence is the "
                    "statement and films in the bundle. Each line tells who says it.";
    double h = cell(p, &note, 0, a, b, false) + 10;
    ps_paint_colour(p->cr, ps_paint_pale);
    cairo_rectangle(p->cr, MARGIN, p->y, INNER, h);
    cairo_fill(p->cr);
    ps_paint_colour(p->cr, ps_paint_brand);
    cairo_rectangle(p->cr, MARGIN, p->y, 3, h);
    cairo_fill(p->cr);
    cell(p, &note, p->y + 5, a, b, true);
    p->y += h + 8;
}

static void answers(struct pages *p) {
    const struct ps_facts *f = p->d->facts;
    static const char *const questions[4][2] = {
        {"内容", "content"}, {"密钥", "key"}, {"时间", "time"}, {"账本", "ledger"}};
    const struct ps_facts_text *const said[4] = {&f->content, &f->key, &f->time, &f->ledger};
    const double gap = 8, w = (INNER - 3 * gap) / 4;
    double h = 0;
    for (int pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < 4; i++) {
            double x = MARGIN + (w + gap) * i;
            const struct cell q = {x + 8, w - 16, SMALL, false, ps_paint_grey};
            const struct cell a = {x + 8, w - 16, 11.5, false, f->good[i] ? ps_paint_ink : ps_paint_warn};
            char word[2][96];
            /* A sign besides the colour. */
            (void)snprintf(word[0], sizeof word[0], "%s%s", f->good[i] ? "" : "! ", said[i]->zh);
            (void)snprintf(word[1], sizeof word[1], "%s%s", f->good[i] ? "" : "! ", said[i]->en);
            double one = cell(p, &q, p->y + 8, questions[i][0], questions[i][1], pass == 1);
            double all = one + 3 + cell(p, &a, p->y + 8 + one + 3, word[0], word[1], pass == 1) + 15;
            h = all > h ? all : h;
            if (pass == 0)
                continue;
            cairo_set_line_width(p->cr, 0.6);
            ps_paint_colour(p->cr, ps_paint_rule);
            cairo_rectangle(p->cr, x, p->y, w, h);
            cairo_stroke(p->cr);
            ps_paint_colour(p->cr, f->good[i] ? (struct ps_paint_colour){0.20, 0.45, 0.36} : ps_paint_warn);
            cairo_rectangle(p->cr, x, p->y, w, 3);
            cairo_fill(p->cr);
        }
    p->y += h + 4;
}

/* The JPEG goes into the PDF as it is: small, and the same bytes each time. */
static void still(struct pages *p, const struct ps_still *s, double x, double y, double w, double h) {
    cairo_surface_t *image = cairo_image_surface_create(CAIRO_FORMAT_RGB24, s->width, s->height);
    uint8_t *copy = malloc(s->n);
    if (copy != NULL) {
        memcpy(copy, s->jpeg, s->n);
        if (cairo_surface_set_mime_data(image, CAIRO_MIME_TYPE_JPEG, copy, s->n, free, copy) !=
            CAIRO_STATUS_SUCCESS)
            free(copy);
    }
    cairo_save(p->cr);
    cairo_translate(p->cr, x, y);
    cairo_scale(p->cr, w / s->width, h / s->height);
    cairo_set_source_surface(p->cr, image, 0, 0);
    cairo_paint(p->cr);
    cairo_restore(p->cr);
    cairo_surface_destroy(image);
    cairo_set_line_width(p->cr, 0.5);
    ps_paint_colour(p->cr, ps_paint_rule);
    cairo_rectangle(p->cr, x, y, w, h);
    cairo_stroke(p->cr);
}

static void stills(struct pages *p) {
    const struct ps_stills *s = p->d->stills;
    const double gap = 8, w = (INNER - 2 * gap) / 3;
    section(p, "关键画面", "Key pictures", s->n > 0 ? w * s->v[0].height / s->v[0].width + 30 : 20);
    if (s->n == 0) {
        const struct cell c = {MARGIN, INNER, BODY, false, ps_paint_warn};
        p->y += cell(p, &c, p->y, "没有可解码的画面。", "No picture could be decoded.", true);
    }
    for (unsigned i = 0; i < s->n; i += 3) {
        double row = 0;
        for (unsigned k = i; k < s->n && k < i + 3; k++) {
            double h = w * s->v[k].height / s->v[k].width;
            row = h > row ? h : row;
        }
        need(p, row + 24);
        for (unsigned k = i; k < s->n && k < i + 3; k++) {
            const struct ps_still *one = &s->v[k];
            double x = MARGIN + (w + gap) * (k - i), h = w * one->height / one->width;
            char time[40], a[192], b[192], *camera = ps_facts_clean(p->d->clip->tracks[one->track].camera);
            ps_facts_time(one->wall_ns, time);
            still(p, one, x, p->y, w, h);
            (void)snprintf(a, sizeof a, "%.64s · %s · %.19s", camera != NULL ? camera : "",
                           ps_stills_place(one->place, true), time);
            (void)snprintf(b, sizeof b, "%.64s · %s · %.19s", camera != NULL ? camera : "",
                           ps_stills_place(one->place, false), time);
            draw(p, x, p->y + h + 2, w, SMALL, ps_paint_grey, zh(p) ? a : b);
            free(camera);
        }
        p->y += row + 24;
    }
}

/* ---- tables ----------------------------------------------------------------------------------------------------- */

#define LABEL_W 112.0
#define WHO_W 78.0

static void who_cell(struct pages *p, enum ps_facts_who who, double x, double y) {
    const struct cell c = {x + 11, WHO_W - 11, SMALL, false, ps_paint_grey};
    ps_paint_mark(p->cr, who, x + 4, y + SMALL * 0.66, 2.9);
    cell(p, &c, y, ps_facts_who_name(who, true), ps_facts_who_name(who, false), true);
}

static void row(struct pages *p, const struct ps_fact *k) {
    const struct cell label = {MARGIN + 4, LABEL_W - 14, BODY, false, ps_paint_grey};
    const double x = MARGIN + LABEL_W, w = INNER - LABEL_W - WHO_W - 10;
    const struct cell value = {x, w, k->mono ? 7.9 : BODY, k->mono, k->warn ? ps_paint_warn : ps_paint_ink};
    const struct cell who = {0, WHO_W - 11, SMALL, false, ps_paint_grey};
    double h = cell(p, &label, 0, k->label.zh, k->label.en, false),
           v = cell(p, &value, 0, k->value.zh, k->value.en, false),
           o = cell(p, &who, 0, ps_facts_who_name(k->who, true), ps_facts_who_name(k->who, false), false);
    h = v > h ? v : h;
    h = o > h ? o : h;
    need(p, h + 6);
    cell(p, &label, p->y + 3, k->label.zh, k->label.en, true);
    if (k->warn)
        draw(p, x - 8, p->y + 3, 0, BODY, ps_paint_warn, "!");
    cell(p, &value, p->y + 3, k->value.zh, k->value.en, true);
    who_cell(p, k->who, PAGE_W - MARGIN - WHO_W, p->y + 3);
    p->y += h + 6;
    rule(p, p->y, 0.4, ps_paint_rule);
}

static void group(struct pages *p, const struct ps_fact *k) {
    const struct cell c = {MARGIN + 4, INNER - 8, BODY, false, ps_paint_ink};
    double h = cell(p, &c, 0, k->label.zh, k->label.en, false) + 6;
    need(p, h + 40);
    ps_paint_colour(p->cr, ps_paint_pale);
    cairo_rectangle(p->cr, MARGIN, p->y, INNER, h);
    cairo_fill(p->cr);
    cell(p, &c, p->y + 3, k->label.zh, k->label.en, true);
    p->y += h;
}

static void timeline(struct pages *p) {
    const struct ps_facts *f = p->d->facts;
    double h = ps_paint_timeline(p->cr, f, p->d->lang, MARGIN, p->y, INNER, 8.2, false);
    need(p, h + 18);
    p->y += 4;
    ps_paint_timeline(p->cr, f, p->d->lang, MARGIN, p->y, INNER, 8.2, true);
    p->y += h + 4;
    double x = MARGIN;
    for (unsigned i = 0; i < PS_FACTS_REPORT; i++) {
        const struct ps_paint_text t = {.size = SMALL, .colour = ps_paint_grey};
        double w;
        ps_paint_mark(p->cr, i, x + 4, p->y + SMALL * 0.66, 2.9);
        ps_paint_text(p->cr, &t, x + 11, p->y, ps_facts_who_name(i, zh(p)), true, &w);
        x += w + 26;
    }
    const struct ps_paint_text t = {.size = SMALL, .width = INNER, .right = true, .colour = ps_paint_grey};
    ps_paint_text(p->cr, &t, MARGIN, p->y, zh(p) ? "间距不按比例" : "not to scale", true, NULL);
    p->y += 16;
    rule(p, p->y, 0.4, ps_paint_rule);
}

static void tables(struct pages *p) {
    const struct ps_facts *f = p->d->facts;
    for (unsigned s = 0; s < PS_FACTS_SECTIONS; s++) {
        section(p, ps_facts_section_name(s, true), ps_facts_section_name(s, false),
                s == PS_FACTS_TIME ? 90 : 30);
        if (s == PS_FACTS_TIME)
            timeline(p);
        for (size_t i = 0; i < f->n; i++) {
            if (f->facts[i].section != s)
                continue;
            if (f->facts[i].head)
                group(p, &f->facts[i]);
            else
                row(p, &f->facts[i]);
        }
    }
}

/* ---- the end ---------------------------------------------------------------------------------------------------- */

static void list(struct pages *p, const char *(*item)(unsigned, bool), unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        const struct cell c = {MARGIN + 18, INNER - 18, BODY, false, ps_paint_ink};
        char number[12];
        double h = cell(p, &c, 0, item(i, true), item(i, false), false);
        need(p, h + 5);
        (void)snprintf(number, sizeof number, "%u.", i + 1);
        draw(p, MARGIN + 4, p->y + 2, 0, BODY, ps_paint_brand, number);
        cell(p, &c, p->y + 2, item(i, true), item(i, false), true);
        p->y += h + 5;
    }
}

static void sign_off(struct pages *p) {
    static const char *const fields[3][2] = {
        {"提取人、时间", "extracted by, when"}, {"存储介质", "storage medium"}, {"见证人", "witness"}};
    const struct cell c = {MARGIN + 4, INNER - 8, BODY, false, ps_paint_ink};
    const double gap = 18, w = (INNER - 2 * gap) / 3;
    need(p, 76);
    p->y += 6;
    p->y += cell(p, &c, p->y, "提取时间、存储介质和经手人由提取人填写：",
                 "Time of extraction, medium and persons, filled in by hand:", true) +
            6;
    for (unsigned i = 0; i < 3; i++) {
        double x = MARGIN + (w + gap) * i;
        draw(p, x, p->y, w, SMALL, ps_paint_grey, fields[i][zh(p) ? 0 : 1]);
        cairo_set_line_width(p->cr, 0.6);
        ps_paint_colour(p->cr, ps_paint_ink);
        cairo_move_to(p->cr, x, p->y + 34);
        cairo_line_to(p->cr, x + w, p->y + 34);
        cairo_stroke(p->cr);
    }
    p->y += 40;
}

static void legend(struct pages *p) {
    section(p, "由谁陈述", "Who says what", 30);
    for (unsigned i = 0; i < PS_FACTS_WHO; i++) {
        const struct cell c = {MARGIN + 100, INNER - 100, BODY, false, ps_paint_ink};
        double h = cell(p, &c, 0, ps_facts_who_text(i, true), ps_facts_who_text(i, false), false);
        h = h > 20 ? h : 20;
        need(p, h + 4);
        who_cell(p, i, MARGIN + 4, p->y + 2);
        cell(p, &c, p->y + 2, ps_facts_who_text(i, true), ps_facts_who_text(i, false), true);
        p->y += h + 4;
    }
}

static void all_pages(struct pages *p) {
    furniture(p);
    title(p);
    answers(p);
    stills(p);
    tables(p);
    sign_off(p);
    section(p, "以上不能证明", "What this does not prove", 60);
    list(p, ps_verdict_limit, PS_VERDICT_LIMITS);
    section(p, "如何核验", "How to check", 60);
    list(p, ps_facts_step, PS_FACTS_STEPS);
    legend(p);
    cairo_show_page(p->cr);
}

/* ---- the file --------------------------------------------------------------------------------------------------- */

static cairo_status_t keep(void *ctx, const unsigned char *p, unsigned n) {
    struct ps_buf *b = ctx;
    ps_buf_bytes(b, p, n);
    return b->err == 0 ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

static cairo_status_t forget(void *ctx, const unsigned char *p, unsigned n) {
    (void)ctx;
    (void)p;
    (void)n;
    return CAIRO_STATUS_SUCCESS;
}

/* The dates are the clip's: a report tells when the film ended, not when somebody printed it. */
static void metadata(cairo_surface_t *s, const struct ps_document *d) {
    char date[32], name[128];
    ps_statement_time_text(d->facts->ended_ns, date);
    (void)snprintf(date + 19, sizeof date - 19, "Z");
    (void)snprintf(name, sizeof name, "%s %s", d->facts->clip,
                   d->lang & PS_FACTS_ZH ? "打包录像证据报告" : "evidence report");
    cairo_pdf_surface_set_metadata(s, CAIRO_PDF_METADATA_CREATE_DATE, date);
    cairo_pdf_surface_set_metadata(s, CAIRO_PDF_METADATA_TITLE, name);
    cairo_pdf_surface_set_metadata(s, CAIRO_PDF_METADATA_CREATOR, "PackSeal " PS_VERSION);
}

static int print(const struct ps_document *d, cairo_write_func_t write, void *to, unsigned of,
                 unsigned *pages) {
    cairo_surface_t *s = cairo_pdf_surface_create_for_stream(write, to, PAGE_W, PAGE_H);
    cairo_pdf_surface_restrict_to_version(s, CAIRO_PDF_VERSION_1_5);
    metadata(s, d);
    struct pages p = {.d = d, .cr = cairo_create(s), .of = of};
    all_pages(&p);
    *pages = p.page;
    cairo_status_t bad = cairo_status(p.cr);
    cairo_destroy(p.cr);
    cairo_surface_finish(s);
    bad = bad == CAIRO_STATUS_SUCCESS ? cairo_surface_status(s) : bad;
    cairo_surface_destroy(s);
    return bad == CAIRO_STATUS_SUCCESS ? 0 : bad == CAIRO_STATUS_NO_MEMORY ? PS_ENOMEM : PS_EIO;
}

int ps_pdf_write(const struct ps_document *d, struct ps_buf *b, struct ps_why *why) {
    unsigned pages = 0;
    int rc = ps_paint_font_check(why);
    if (rc < 0)
        return rc;
    rc = print(d, forget, NULL, 0, &pages);
    if (rc == 0)
        rc = print(d, keep, b, pages, &pages);
    rc = rc == 0 ? b->err : rc;
    return rc < 0 ? ps_error_why(why, rc, "report.pdf", "cannot be made: %s", ps_error_text(rc)) : 0;
}
