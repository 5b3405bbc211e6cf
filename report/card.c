/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * 证据卡: one upright picture for a form that takes pictures only, readable on a phone.
 */
#include "report/document.h"
#include "report/paint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#define W 1080.0
#define PAD 54.0
#define INNER (W - 2 * PAD)
#define MAX_H 2600.0

struct card {
    const struct ps_document *d;
    cairo_t *cr;
    double y;
};

static bool zh(const struct card *c) {
    return (c->d->lang & PS_FACTS_ZH) != 0;
}

static double draw(struct card *c, double x, double width, double size, struct ps_paint_colour colour,
                   int lines, const char *s) {
    const struct ps_paint_text t = {.size = size, .width = width, .lines = lines, .colour = colour};
    return ps_paint_text(c->cr, &t, x, c->y, s, true, NULL);
}

static void head(struct card *c) {
    const struct ps_paint_colour white = {1, 1, 1}, soft = {0.80, 0.86, 0.93};
    const struct ps_facts *f = c->d->facts;
    ps_paint_colour(c->cr, ps_paint_brand);
    cairo_rectangle(c->cr, 0, 0, W, 132);
    cairo_fill(c->cr);
    c->y = 26;
    c->y += draw(c, PAD, INNER, 46, white, 1, zh(c) ? "打包录像证据卡" : "Packing evidence card") - 2;
    (void)draw(c, PAD, INNER, 23, soft, 1,
               c->d->lang == PS_FACTS_BOTH ? "PackSeal evidence card · 说明用图，证据以证据包为准"
               : zh(c)                     ? "封箱存证 · 说明用图，证据以证据包为准"
                                           : "PackSeal · an explanation; evidence is the bundle");
    c->y = 154;
    c->y += draw(c, PAD, INNER, 40, ps_paint_ink, 2, f->codes) + 4;
    char line[160];
    (void)snprintf(line, sizeof line, zh(c) ? "录像 %s" : "clip %s", f->clip);
    c->y += draw(c, PAD, INNER, 25, ps_paint_grey, 1, line) + 14;
}

/* ---- pictures --------------------------------------------------------------------------------------------------- */

static cairo_surface_t *decode(const struct ps_still *s) {
    cairo_surface_t *image = cairo_image_surface_create(CAIRO_FORMAT_RGB24, s->width, s->height);
    tjhandle j = tjInitDecompress();
    if (j == NULL || cairo_surface_status(image) != CAIRO_STATUS_SUCCESS ||
        tjDecompress2(j, s->jpeg, s->n, cairo_image_surface_get_data(image), s->width,
                      cairo_image_surface_get_stride(image), s->height, TJPF_BGRX, 0) != 0) {
        cairo_surface_destroy(image);
        image = NULL;
    } else {
        cairo_surface_mark_dirty(image);
    }
    if (j != NULL)
        tjDestroy(j);
    return image;
}

static void picture(struct card *c, const struct ps_still *s, double x, double y, double w, double h) {
    cairo_surface_t *image = decode(s);
    char time[40], text[96];
    if (image == NULL)
        return;
    cairo_save(c->cr);
    cairo_translate(c->cr, x, y);
    cairo_scale(c->cr, w / s->width, h / s->height);
    cairo_set_source_surface(c->cr, image, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(c->cr), CAIRO_FILTER_BEST);
    cairo_paint(c->cr);
    cairo_restore(c->cr);
    cairo_surface_destroy(image);
    ps_facts_time(s->wall_ns, time);
    (void)snprintf(text, sizeof text, "%s  %.19s", ps_stills_place(s->place, zh(c)), time);
    const struct ps_paint_text t = {.size = 23, .width = w, .lines = 1, .colour = ps_paint_grey};
    ps_paint_text(c->cr, &t, x, y + h + 5, text, true, NULL);
}

/* The first film: its start large, middle and end below. */
static void pictures(struct card *c) {
    const struct ps_stills *s = c->d->stills;
    const double gap = 16, half = (INNER - gap) / 2;
    unsigned n = 0;
    while (n < s->n && n < 3 && s->v[n].track == s->v[0].track)
        n++;
    if (n == 0)
        return;
    double h = INNER * s->v[0].height / s->v[0].width;
    h = h < 620 ? h : 620;
    double w = h * s->v[0].width / s->v[0].height;
    picture(c, &s->v[0], PAD + (INNER - w) / 2, c->y, w, h);
    c->y += h + 44;
    double low = 0;
    for (unsigned i = 1; i < n; i++) {
        h = half * s->v[i].height / s->v[i].width;
        picture(c, &s->v[i], PAD + (half + gap) * (i - 1), c->y, half, h);
        low = h > low ? h : low;
    }
    c->y += low + (low > 0 ? 46 : 0);
}

/* ---- words ------------------------------------------------------------------------------------------------------ */

static void answers(struct card *c) {
    const struct ps_facts *f = c->d->facts;
    static const char *const questions[4][2] = {
        {"内容", "content"}, {"密钥", "key"}, {"时间", "time"}, {"账本", "ledger"}};
    const struct ps_facts_text *const said[4] = {&f->content, &f->key, &f->time, &f->ledger};
    const double gap = 14, w = (INNER - 3 * gap) / 4, h = 112;
    for (unsigned i = 0; i < 4; i++) {
        double x = PAD + (w + gap) * i;
        char word[96];
        struct ps_paint_text t = {.size = 22, .width = w - 28, .lines = 1, .colour = ps_paint_grey};
        (void)snprintf(word, sizeof word, "%s%s", f->good[i] ? "" : "! ", zh(c) ? said[i]->zh : said[i]->en);
        ps_paint_colour(c->cr, ps_paint_pale);
        cairo_rectangle(c->cr, x, c->y, w, h);
        cairo_fill(c->cr);
        ps_paint_colour(c->cr, f->good[i] ? (struct ps_paint_colour){0.20, 0.45, 0.36} : ps_paint_warn);
        cairo_rectangle(c->cr, x, c->y, w, 6);
        cairo_fill(c->cr);
        ps_paint_text(c->cr, &t, x + 14, c->y + 18, questions[i][zh(c) ? 0 : 1], true, NULL);
        t.size = zh(c) ? 29 : 26;
        t.colour = f->good[i] ? ps_paint_ink : ps_paint_warn;
        ps_paint_text(c->cr, &t, x + 14, c->y + 54, word, true, NULL);
    }
    c->y += h + 22;
}

static void times(struct card *c) {
    c->y += ps_paint_timeline(c->cr, c->d->facts, zh(c) ? PS_FACTS_ZH : PS_FACTS_EN, PAD, c->y, INNER,
                              c->d->facts->n_moments > 5 ? 19 : 22, true) +
            12;
    double x = PAD;
    for (unsigned i = 0; i < PS_FACTS_REPORT; i++) {
        const struct ps_paint_text t = {.size = 19, .colour = ps_paint_grey};
        double w;
        ps_paint_mark(c->cr, i, x + 9, c->y + 14, 7);
        ps_paint_text(c->cr, &t, x + 25, c->y, ps_facts_who_name(i, zh(c)), true, &w);
        x += w + 60;
    }
    c->y += 40;
    const struct ps_facts_text *o = &c->d->facts->outside;
    if (o->zh[0] != '\0')
        c->y += draw(c, PAD, INNER, 21, ps_paint_ink, 3, zh(c) ? o->zh : o->en) + 8;
    c->y += 8;
}

/* The ends of a digest, enough to find it and too little to rely on. */
static void digest(struct card *c, double width, const char *label, const char *hex) {
    char line[256];
    const struct ps_paint_text t = {
        .size = 22, .width = width, .lines = 2, .mono = false, .colour = ps_paint_ink};
    (void)snprintf(line, sizeof line, "%s  SHA-256 %.16s…%s", label, hex, hex + 56);
    c->y += ps_paint_text(c->cr, &t, PAD, c->y, line, true, NULL) + 6;
}

static void foot(struct card *c) {
    const struct ps_clip *clip = c->d->clip;
    const double qr = 236, width = INNER - qr - 24;
    double top = c->y;
    char text[160];
    ps_paint_colour(c->cr, ps_paint_rule);
    cairo_rectangle(c->cr, PAD, c->y - 8, INNER, 2);
    cairo_fill(c->cr);
    c->y += 8;
    digest(c, width, "clip.json", c->d->facts->statement);
    for (unsigned i = 0; i < clip->n_tracks && i < 3; i++) {
        char hex[65];
        ps_bytes_hex(hex, clip->tracks[i].file.sha256, 32);
        if (clip->tracks[i].file.size > 0)
            digest(c, width, clip->tracks[i].file.name, hex);
    }
    c->y += 8;
    c->y +=
        draw(c, PAD, width, 24, ps_paint_ink, 5,
             zh(c) ? "核验：用独立取得的 packseal 和平台登记的商家公钥运行 packseal verify --trust 商家公钥 "
                     "证据包.zip，并比对上面的摘要。"
                   : "To check: with a packseal and merchant's key of your own, run packseal verify --trust "
                     "MERCHANT.pub BUNDLE.zip and compare the digests above.") +
        6;
    c->y += draw(
        c, PAD, width, 21, ps_paint_grey, 3,
        zh(c) ? "它不证明镜头所见就是送达的包裹，也不证明画面发生的时间。"
              : "It does not prove that the camera saw the parcel that was delivered, nor when the scene "
                "happened.");
    ps_paint_qr_text(c->d->facts, text);
    (void)ps_paint_qr(c->cr, text, W - PAD - qr, top, qr);
    c->y = (c->y > top + qr ? c->y : top + qr) + 34;
}

static int compress(cairo_surface_t *s, double height, struct ps_buf *b) {
    struct ps_film_picture p = {.p = cairo_image_surface_get_data(s),
                                .width = (int)W,
                                .height = (int)height,
                                .stride = cairo_image_surface_get_stride(s)};
    cairo_surface_flush(s);
    for (int quality = 90; quality >= 50; quality -= 8) {
        uint8_t *jpeg;
        size_t n;
        int rc = ps_stills_jpeg(&p, quality, true, &jpeg, &n);
        if (rc < 0)
            return rc;
        if (n < PS_CARD_MAX)
            ps_buf_bytes(b, jpeg, n);
        free(jpeg);
        if (n < PS_CARD_MAX)
            return b->err;
    }
    return PS_ELIMIT;
}

int ps_card_write(const struct ps_document *d, struct ps_buf *b, struct ps_why *why) {
    int rc = ps_paint_font_check(why);
    if (rc < 0)
        return rc;
    cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)W, (int)MAX_H);
    struct card c = {.d = d, .cr = cairo_create(s)};
    cairo_set_source_rgb(c.cr, 1, 1, 1);
    cairo_paint(c.cr);
    head(&c);
    answers(&c);
    pictures(&c);
    times(&c);
    foot(&c);
    rc = cairo_status(c.cr) == CAIRO_STATUS_SUCCESS ? compress(s, c.y < MAX_H ? c.y : MAX_H, b) : PS_ENOMEM;
    cairo_destroy(c.cr);
    cairo_surface_destroy(s);
    return rc < 0 ? ps_error_why(why, rc, "card", "cannot be made: %s", ps_error_text(rc)) : 0;
}
