/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/barcodes.h"
#include "report/paint.h"

#include <cairo-pdf.h>
#include <stdio.h>
#include <string.h>
#include <zint.h>

/* In points; a millimetre is 72/25.4 of them. */
#define MM (72 / 25.4)
#define PAGE_W (210 * MM)
#define PAGE_H (297 * MM)
#define MARGIN (13 * MM)
#define TOP (32 * MM)
#define ROW (34 * MM)
#define ROWS 7 /* a page; one code a line, so that the scanner's beam never crosses two */
#define BARS (15 * MM)
#define COLUMN (100 * MM)

/* Cheap scanners read bars of 0.25 mm (10 mil) and wider; office printers print from 0.2 mm on. */
#define MODULE (0.42 * MM)
#define MODULE_LEAST (0.25 * MM)
#define QUIET 10 /* modules on each side: ISO/IEC 15417, section 4.2 */

struct line {
    char code[64];
    const char *zh, *en, *zh_more, *en_more;
};

static const struct {
    const char *word, *zh, *en, *zh_more, *en_more;
} commands[] = {
    {"STOP", "结束录像", "Stop", "结束当前录像并签名封存", "ends the clip and seals it"},
    {"CANCEL", "取消", "Cancel", "结束并标记为已取消，录像仍然保留",
     "ends the clip as cancelled; it is kept"},
    {"PACK", "发货", "Pack", "接下来录的是打包发货", "what follows is packing"},
    {"RETURN", "退货", "Return", "接下来录的是拆退货包裹", "what follows is a returned parcel"},
    {"BOX", "加一箱", "Another box", "同一录像中再加一个包裹", "one more parcel in the same clip"},
    {"MARK", "标记", "Mark", "在录像中记下此刻，便于以后查找", "notes this moment in the clip"},
    {"OUT", "签退", "Sign out", "工号退出，录像照常进行", "nobody is signed in; recording goes on"},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

/* ---- what is printed ---- */

static bool plain(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!(s[i] >= '0' && s[i] <= '9') && !(s[i] >= 'A' && s[i] <= 'Z'))
            return false;
    return true;
}

static int line_of(const struct ps_barcodes *s, unsigned i, struct line *l, struct ps_why *why) {
    if (i < COMMANDS) {
        (void)snprintf(l->code, sizeof l->code, "PS-%s-%s", s->site, commands[i].word);
        l->zh = commands[i].zh;
        l->en = commands[i].en;
        l->zh_more = commands[i].zh_more;
        l->en_more = commands[i].en_more;
        return 0;
    }
    const char *who = s->people[i - COMMANDS];
    size_t n = strcspn(who, "=");
    if (n < 1 || n > 16 || !plain(who, n))
        return ps_error_why(why, PS_EINVAL, who, "a staff number is 1 to 16 of A-Z and 0-9");
    if (who[n] == '=' && !ps_bytes_is_text(who + n + 1, strlen(who + n + 1)))
        return ps_error_why(why, PS_EINVAL, "operator", "a name is plain UTF-8 text");
    (void)snprintf(l->code, sizeof l->code, "PS-%s-OP-%.*s", s->site, (int)n, who);
    l->zh = who[n] == '=' && who[n + 1] != '\0' ? who + n + 1 : l->code + 11;
    l->en = "";
    l->zh_more = "签到：此后的录像记此工号";
    l->en_more = "signs in: clips name this staff number";
    return 0;
}

/* ---- bars ---- */

/* The bars within a column that ends at right, with their quiet zones; each run of dark modules one rectangle, so that a
 * viewer's smoothing leaves no seams. */
static int bars(cairo_t *cr, const char *text, double right, double y, struct ps_why *why) {
    int rc = PS_ELIMIT;
    struct zint_symbol *z = ZBarcode_Create();
    if (z == NULL)
        return ps_error_why(why, PS_ENOMEM, text, "out of memory");
    z->symbology = BARCODE_CODE128;
    if (ZBarcode_Encode(z, (const unsigned char *)text, (int)strlen(text)) >= ZINT_ERROR || z->rows != 1)
        goto out;
    double module = COLUMN / (z->width + 2 * QUIET);
    if (module < MODULE_LEAST)
        goto out;
    module = module > MODULE ? MODULE : module;
    double x = right - module * (z->width + QUIET);
    cairo_set_source_rgb(cr, 0, 0, 0);
    for (int from = 0, to; from < z->width; from = to) {
        bool dark = z->encoded_data[0][from >> 3] >> (from & 7) & 1;
        for (to = from + 1; to < z->width && (z->encoded_data[0][to >> 3] >> (to & 7) & 1) == dark;)
            to++;
        if (dark)
            cairo_rectangle(cr, x + module * from, y, module * (to - from), BARS);
    }
    cairo_fill(cr);
    const struct ps_paint_text t = {.size = 11, .mono = true, .centre = true, .width = module * z->width};
    ps_paint_text(cr, &t, x, y + BARS + 4, text, true, NULL);
    rc = 0;
out:
    ZBarcode_Delete(z);
    return rc == 0 ? 0 : ps_error_why(why, rc, text, "does not fit as Code 128");
}

/* ---- pages ---- */

static void words(cairo_t *cr, double x, double y, double size, double width, struct ps_paint_colour c,
                  const char *s) {
    const struct ps_paint_text t = {.size = size, .width = width, .lines = 1, .colour = c};
    ps_paint_text(cr, &t, x, y, s, true, NULL);
}

static void furniture(cairo_t *cr, const struct ps_barcodes *s, unsigned page, unsigned of) {
    char text[256];
    ps_paint_colour(cr, ps_paint_brand);
    cairo_rectangle(cr, 0, 0, PAGE_W, 7);
    cairo_fill(cr);
    (void)snprintf(text, sizeof text, "封箱存证 · 工位条码  PackSeal · bench barcodes    %s%s%.120s", s->site,
                   s->station[0] != '\0' ? " · " : "", s->station);
    words(cr, MARGIN, 10 * MM, 13, PAGE_W - 2 * MARGIN, ps_paint_ink, text);
    words(cr, MARGIN, 17 * MM, 9, PAGE_W - 2 * MARGIN, ps_paint_grey,
          "按原大小（100%）打印，条码四周留白不要遮挡。只有场所代码相同的工位接受这些条码。");
    words(
        cr, MARGIN, 22 * MM, 9, PAGE_W - 2 * MARGIN, ps_paint_grey,
        "Print at 100 %; leave the white round each code free. Stations of another site refuse these codes.");
    (void)snprintf(text, sizeof text, "%u / %u", page, of);
    words(cr, PAGE_W - MARGIN - 12 * MM, PAGE_H - 12 * MM, 9, 12 * MM, ps_paint_grey, text);
}

static int row(cairo_t *cr, const struct line *l, double y, struct ps_why *why) {
    const double width = PAGE_W - 2 * MARGIN - COLUMN - 4 * MM;
    ps_paint_colour(cr, ps_paint_rule);
    cairo_set_line_width(cr, 0.6);
    cairo_move_to(cr, MARGIN, y);
    cairo_line_to(cr, PAGE_W - MARGIN, y);
    cairo_stroke(cr);
    words(cr, MARGIN, y + 5 * MM, 20, width, ps_paint_ink, l->zh);
    words(cr, MARGIN, y + 13.5 * MM, 13, width, ps_paint_ink, l->en);
    words(cr, MARGIN, y + 20 * MM, 8.5, width, ps_paint_grey, l->zh_more);
    words(cr, MARGIN, y + 24.5 * MM, 8.5, width, ps_paint_grey, l->en_more);
    return bars(cr, l->code, PAGE_W - MARGIN, y + 6 * MM, why);
}

static int pages(cairo_t *cr, const struct ps_barcodes *s, struct ps_why *why) {
    const unsigned lines = (unsigned)COMMANDS + s->n_people, of = (lines + ROWS - 1) / ROWS;
    for (unsigned i = 0; i < lines; i++) {
        struct line l = {.zh = ""};
        if (i % ROWS == 0)
            furniture(cr, s, i / ROWS + 1, of);
        int rc = line_of(s, i, &l, why);
        if (rc == 0)
            rc = row(cr, &l, TOP + ROW * (i % ROWS), why);
        if (rc < 0)
            return rc;
        if (i % ROWS == ROWS - 1 || i + 1 == lines)
            cairo_show_page(cr);
    }
    return 0;
}

static cairo_status_t keep(void *ctx, const unsigned char *p, unsigned n) {
    struct ps_buf *b = ctx;
    ps_buf_bytes(b, p, n);
    return b->err == 0 ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

int ps_barcodes_write(const struct ps_barcodes *s, struct ps_buf *b, struct ps_why *why) {
    if (strlen(s->site) != 4 || !plain(s->site, 4))
        return ps_error_why(why, PS_EINVAL, s->site, "a site is 4 of A-Z and 0-9");
    if (!ps_bytes_is_text(s->station, strlen(s->station)))
        return ps_error_why(why, PS_EINVAL, "station", "a name is plain UTF-8 text");
    int rc = ps_paint_font_check(why);
    if (rc < 0)
        return rc;
    cairo_surface_t *surface = cairo_pdf_surface_create_for_stream(keep, b, PAGE_W, PAGE_H);
    cairo_pdf_surface_restrict_to_version(surface, CAIRO_PDF_VERSION_1_5);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, "PackSeal");
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATOR, "PackSeal " PS_VERSION);
    /* A sheet is of no moment: the same one has the same bytes. */
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, "2000-01-01T00:00:00Z");
    cairo_t *cr = cairo_create(surface);
    rc = pages(cr, s, why);
    cairo_status_t bad = cairo_status(cr);
    cairo_destroy(cr);
    cairo_surface_finish(surface);
    bad = bad == CAIRO_STATUS_SUCCESS ? cairo_surface_status(surface) : bad;
    cairo_surface_destroy(surface);
    if (rc == 0 && (bad != CAIRO_STATUS_SUCCESS || b->err != 0))
        rc = ps_error_why(why, bad == CAIRO_STATUS_NO_MEMORY ? PS_ENOMEM : PS_EIO, "PDF", "cannot be made");
    return rc;
}
