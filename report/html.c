/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/document.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/sha256.h"

static const char style[] =
    ":root{--ink:#1c2129;--grey:#666e7a;--rule:#d6dbe3;--pale:#f2f5f9;--warn:#b2291a;--brand:#143d6b}"
    "*{box-sizing:border-box}html{background:#e9edf2}body{margin:0 auto;max-width:60rem;padding:2.2rem "
    "2.4rem;background:#fff;color:var(--ink);font:15px/1.55 "
    "\"PingFang SC\",\"Microsoft YaHei\",\"Noto Sans CJK SC\",\"WenQuanYi Zen "
    "Hei\",system-ui,sans-serif;overflow-wrap:"
    "anywhere}"
    "header{border-top:.45rem solid var(--brand);padding-top:1rem}"
    "header p{margin:.1rem 0;color:var(--grey)}h1{font-size:1.7rem;font-weight:600;margin:.2rem 0 "
    ".2rem;color:var(--brand)}"
    "h1 .en{display:block;font-size:1rem}.codes{font-size:1.35rem;color:var(--ink)!important;margin:.7rem 0 "
    ".3rem!important}"
    "h2{font-size:1.12rem;color:var(--brand);border-bottom:2px solid "
    "var(--brand);padding-bottom:.25rem;margin:2.1rem 0 "
    ".7rem}"
    ".en{color:var(--grey);font-size:.9em}h2 .en{margin-left:.6em;font-weight:400}"
    ".note{background:var(--pale);border-left:.25rem solid var(--brand);padding:.6rem .9rem;margin:1rem 0}"
    ".answers{display:grid;grid-template-columns:repeat(4,1fr);gap:.8rem;margin:1.1rem 0}"
    ".answers div{border:1px solid var(--rule);border-top:.25rem solid #33735c;padding:.6rem .8rem}"
    ".answers .warn{border-top-color:var(--warn)}.answers b{display:block;font-size:1.12rem;font-weight:600}"
    ".answers span.q{color:var(--grey)}"
    "figure{margin:0}figure img{width:100%;display:block;border:1px solid "
    "var(--rule)}figcaption{font-size:.85em;"
    "color:var(--grey);margin:.25rem 0 .2rem}"
    ".stills{display:grid;grid-template-columns:repeat(3,1fr);gap:.8rem}"
    "table{width:100%;border-collapse:collapse;font-size:.93em}td,th{padding:.36rem .5rem;vertical-align:top;"
    "text-align:left;border-bottom:1px solid var(--rule);font-weight:400}"
    "th{width:24%;color:var(--grey)}td.who{width:11.5rem;white-space:nowrap;font-size:.88em;color:var(--grey)"
    "}"
    "tr.head th{background:var(--pale);color:var(--ink)}.mono{font-family:ui-monospace,Consolas,\"WenQuanYi "
    "Zen Hei "
    "Mono\",monospace;font-size:.92em}"
    "tr.warn td.v{color:var(--warn)}tr.warn td.v::before{content:\"\\26A0\\00A0\"}"
    "td .en,th .en{display:block}ol li{margin:.3rem 0}ol .en{display:block}"
    "svg.line{width:100%;height:auto;display:block}svg text{font-family:inherit}td.who "
    "svg{vertical-align:-1px;margin-right:.45em}"
    ".sign{display:grid;grid-template-columns:repeat(3,1fr);gap:1.6rem;margin-top:1rem}.sign "
    "div{border-bottom:1px solid "
    "var(--ink);height:3.4rem;color:var(--grey);font-size:.9em}"
    "footer{margin-top:2.2rem;border-top:1px solid "
    "var(--rule);padding-top:.6rem;color:var(--grey);font-size:.85em}"
    "@media(max-width:46rem){body{padding:1rem}.stills,.answers,.sign{grid-template-columns:1fr "
    "1fr}td.who{white-space:normal;width:6rem}}"
    "@media "
    "print{html{background:#fff}body{max-width:none;padding:0;font-size:11px}h2{break-after:avoid}tr,figure,"
    "li{"
    "break-inside:avoid}}";

struct page {
    struct ps_buf *b;
    enum ps_facts_lang lang;
};

/* ---- escaping --------------------------------------------------------------------------------------------------- */

static void text(struct page *p, const char *s) {
    for (; *s != '\0'; s++) {
        switch (*s) {
        case '&': ps_buf_text(p->b, "&amp;"); break;
        case '<': ps_buf_text(p->b, "&lt;"); break;
        case '>': ps_buf_text(p->b, "&gt;"); break;
        case '"': ps_buf_text(p->b, "&quot;"); break;
        case '\'': ps_buf_text(p->b, "&#39;"); break;
        default: ps_buf_u8(p->b, (uint8_t)*s); break;
        }
    }
}

static void raw(struct page *p, const char *s) {
    ps_buf_text(p->b, s);
}

/* Both languages, the second set apart; once when they are the same. */
static void both(struct page *p, const char *zh, const char *en) {
    bool same = strcmp(zh, en) == 0;
    if (p->lang & PS_FACTS_ZH || same)
        text(p, zh);
    if (!(p->lang & PS_FACTS_EN) || same)
        return;
    if (p->lang == PS_FACTS_EN) {
        text(p, en);
        return;
    }
    raw(p, " <span class=\"en\" lang=\"en\">");
    text(p, en);
    raw(p, "</span>");
}

static void base64(struct page *p, const uint8_t *bytes, size_t n) {
    char out[65];
    for (size_t at = 0; at < n; at += 48) {
        size_t piece = n - at < 48 ? n - at : 48;
        sodium_bin2base64(out, sizeof out, bytes + at, piece, sodium_base64_VARIANT_ORIGINAL);
        raw(p, out);
    }
}

/* ---- parts ------------------------------------------------------------------------------------------------------ */

static void head(struct page *p, const struct ps_document *d) {
    uint8_t digest[32];
    raw(p, d->lang == PS_FACTS_EN ? "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
                                  : "<!DOCTYPE html>\n<html lang=\"zh-CN\">\n<head>\n");
    raw(p, "<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
           "'none'; "
           "img-src data:; style-src 'sha256-");
    ps_sha256(digest, style, sizeof style - 1);
    base64(p, digest, sizeof digest);
    raw(p, "'; base-uri 'none'; form-action 'none'\">\n<meta name=\"viewport\" "
           "content=\"width=device-width,initial-scale=1\">\n<meta name=\"referrer\" "
           "content=\"no-referrer\">\n<title>");
    text(p, d->facts->clip);
    raw(p, d->lang == PS_FACTS_EN ? " PackSeal</title>\n<style>" : " 封箱存证</title>\n<style>");
    raw(p, style);
    raw(p, "</style>\n</head>\n<body>\n");
}

static void title(struct page *p, const struct ps_document *d) {
    raw(p, "<header>\n<p>");
    both(p, "封箱存证", "PackSeal");
    raw(p, "</p>\n<h1>");
    both(p, "打包录像证据报告", "Evidence report of a packing film");
    raw(p, "</h1>\n<p class=\"codes\">");
    text(p, d->facts->codes);
    raw(p, "</p>\n<p>");
    both(p, "录像", "clip");
    raw(p, " ");
    text(p, d->facts->clip);
    raw(p, "</p>\n<p>clip.json SHA-256 <span class=\"mono\">");
    text(p, d->facts->statement);
    raw(p, "</span></p>\n</header>\n<p class=\"note\">");
    both(p, "本报告是说明，不是证据：它没有签名，证据是证据包中的声明和影片。每一行都注明由谁陈述。",
         "This report explains; it is no evidence itself. It is not signed: the evidence is the statement "
         "and films in the bundle. Each line tells who says it.");
    raw(p, "</p>\n");
}

static void answer(struct page *p, bool good, const char *zh, const char *en, const struct ps_facts_text *t) {
    raw(p, good ? "<div><span class=\"q\">" : "<div class=\"warn\"><span class=\"q\">");
    both(p, zh, en);
    raw(p, "</span><b>");
    raw(p, good ? "" : "\xE2\x9A\xA0\xC2\xA0");
    both(p, t->zh, t->en);
    raw(p, "</b></div>\n");
}

static void answers(struct page *p, const struct ps_facts *f) {
    raw(p, "<div class=\"answers\">\n");
    answer(p, f->good[0], "内容", "content", &f->content);
    answer(p, f->good[1], "密钥", "key", &f->key);
    answer(p, f->good[2], "时间", "time", &f->time);
    answer(p, f->good[3], "账本", "ledger", &f->ledger);
    raw(p, "</div>\n");
}

static void section(struct page *p, const char *zh, const char *en) {
    raw(p, "<h2>");
    both(p, zh, en);
    raw(p, "</h2>\n");
}

static void stills(struct page *p, const struct ps_document *d) {
    section(p, "关键画面", "Key pictures");
    if (d->stills->n == 0) {
        raw(p, "<p>");
        both(p, "没有可解码的画面。", "No picture could be decoded.");
        raw(p, "</p>\n");
    }
    raw(p, "<div class=\"stills\">\n");
    for (unsigned i = 0; i < d->stills->n; i++) {
        const struct ps_still *s = &d->stills->v[i];
        char time[40], *camera = ps_facts_clean(d->clip->tracks[s->track].camera);
        ps_facts_time(s->wall_ns, time);
        raw(p, "<figure><img alt=\"");
        text(p, camera != NULL ? camera : "");
        raw(p, "\" src=\"data:image/jpeg;base64,");
        base64(p, s->jpeg, s->n);
        raw(p, "\"><figcaption>");
        text(p, camera != NULL ? camera : "");
        raw(p, " · ");
        both(p, ps_stills_place(s->place, true), ps_stills_place(s->place, false));
        raw(p, " · ");
        text(p, time);
        raw(p, "</figcaption></figure>\n");
        free(camera);
    }
    raw(p, "</div>\n");
}

static const char *const mark_colour[PS_FACTS_WHO] = {"#143d6b", "#33735c", "#8c590d", "#782978", "#666e7a"};

/* The same shapes as in the PDF (report/paint.h). */
static void mark(struct page *p, enum ps_facts_who who, double x, double y, double r) {
    bool hollow = who == PS_FACTS_MERCHANT || who == PS_FACTS_REPORT;
    const char *fill = hollow ? "#fff" : mark_colour[who];
    if (who == PS_FACTS_SIGNER || who == PS_FACTS_REPORT)
        ps_buf_fmt(p->b, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"", x - r * .85,
                   y - r * .85, r * 1.7, r * 1.7);
    else if (who == PS_FACTS_OUTSIDE)
        ps_buf_fmt(p->b, "<path d=\"M%.1f %.1fL%.1f %.1fL%.1f %.1fL%.1f %.1fZ\"", x, y - r * 1.25,
                   x + r * 1.25, y, x, y + r * 1.25, x - r * 1.25, y);
    else
        ps_buf_fmt(p->b, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"", x, y, r);
    ps_buf_fmt(p->b, " fill=\"%s\" stroke=\"%s\" stroke-width=\"%.1f\"/>", fill, mark_colour[who], r * .4);
}

static void svg_text(struct page *p, double x, double y, double size, const char *colour, const char *s) {
    ps_buf_fmt(p->b, "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%.1f\" fill=\"%s\" text-anchor=\"middle\">", x,
               y, size, colour);
    text(p, s);
    raw(p, "</text>");
}

static void timeline(struct page *p, const struct ps_facts *f) {
    double cell = 900.0 / (double)(f->n_moments > 0 ? f->n_moments : 1), from = 0, to = 0;
    for (size_t i = 0; i < f->n_moments; i++) {
        double x = cell * ((double)i + .5);
        from = f->moments[i].kind == PS_FACTS_STARTED ? x : from;
        to = f->moments[i].kind == PS_FACTS_ENDED ? x : to;
    }
    raw(p, "<svg class=\"line\" viewBox=\"0 0 900 112\" role=\"img\">");
    ps_buf_fmt(p->b, "<path d=\"M%.1f 55H%.1f\" stroke=\"#666e7a\" stroke-width=\"1.5\"/>", cell * .25,
               900 - cell * .25);
    ps_buf_fmt(p->b, "<path d=\"M%.1f 55H%.1f\" stroke=\"#33735c\" stroke-width=\"6\"/>", from, to);
    for (size_t i = 0; i < f->n_moments; i++) {
        const struct ps_facts_moment *m = &f->moments[i];
        double x = cell * ((double)i + .5);
        char time[16];
        (void)snprintf(time, sizeof time, "%.8s", m->time);
        if (p->lang & PS_FACTS_ZH)
            svg_text(p, x, p->lang == PS_FACTS_BOTH ? 16 : 32, 14, "#1c2129", m->name.zh);
        if (p->lang & PS_FACTS_EN)
            svg_text(p, x, 34, p->lang == PS_FACTS_BOTH ? 12 : 13,
                     p->lang == PS_FACTS_BOTH ? "#666e7a" : "#1c2129", m->name.en);
        mark(p, m->who, x, 55, 7);
        svg_text(p, x, 84, 12, "#666e7a", m->day);
        svg_text(p, x, 101, 12, "#666e7a", time);
    }
    raw(p, "</svg>\n");
}

static void who_cell(struct page *p, enum ps_facts_who who) {
    raw(p, "<td class=\"who\"><svg viewBox=\"0 0 20 20\" width=\"12\" height=\"12\">");
    mark(p, who, 10, 10, 7);
    raw(p, "</svg>");
    both(p, ps_facts_who_name(who, true), ps_facts_who_name(who, false));
    raw(p, "</td>");
}

static void table(struct page *p, const struct ps_facts *f, enum ps_facts_section s) {
    raw(p, "<table>\n");
    for (size_t i = 0; i < f->n; i++) {
        const struct ps_fact *k = &f->facts[i];
        if (k->section != s)
            continue;
        if (k->head) {
            raw(p, "<tr class=\"head\"><th colspan=\"3\">");
            both(p, k->label.zh, k->label.en);
            raw(p, "</th></tr>\n");
            continue;
        }
        raw(p, k->warn ? "<tr class=\"warn\"><th>" : "<tr><th>");
        both(p, k->label.zh, k->label.en);
        raw(p, k->mono ? "</th><td class=\"v mono\">" : "</th><td class=\"v\">");
        both(p, k->value.zh, k->value.en);
        raw(p, "</td>");
        who_cell(p, k->who);
        raw(p, "</tr>\n");
    }
    raw(p, "</table>\n");
}

static void list(struct page *p, const char *(*item)(unsigned, bool), unsigned n) {
    raw(p, "<ol>\n");
    for (unsigned i = 0; i < n; i++) {
        raw(p, "<li>");
        both(p, item(i, true), item(i, false));
        raw(p, "</li>\n");
    }
    raw(p, "</ol>\n");
}

static void legend(struct page *p) {
    section(p, "由谁陈述", "Who says what");
    raw(p, "<table>\n");
    for (unsigned i = 0; i < PS_FACTS_WHO; i++) {
        raw(p, "<tr>");
        who_cell(p, i);
        raw(p, "<td>");
        both(p, ps_facts_who_text(i, true), ps_facts_who_text(i, false));
        raw(p, "</td></tr>\n");
    }
    raw(p, "</table>\n");
}

static void sign_off(struct page *p) {
    raw(p, "<p>");
    both(p, "提取时间、存储介质和经手人由提取人填写：",
         "Time of extraction, medium and persons, filled in by hand:");
    raw(p, "</p>\n<div class=\"sign\"><div>");
    both(p, "提取人、时间", "extracted by, when");
    raw(p, "</div><div>");
    both(p, "存储介质", "storage medium");
    raw(p, "</div><div>");
    both(p, "见证人", "witness");
    raw(p, "</div></div>\n");
}

void ps_html_write(const struct ps_document *d, struct ps_buf *b) {
    struct page p = {.b = b, .lang = d->lang};
    const struct ps_facts *f = d->facts;
    head(&p, d);
    title(&p, d);
    answers(&p, f);
    stills(&p, d);
    for (unsigned s = 0; s < PS_FACTS_SECTIONS; s++) {
        section(&p, ps_facts_section_name(s, true), ps_facts_section_name(s, false));
        if (s == PS_FACTS_TIME)
            timeline(&p, f);
        table(&p, f, s);
    }
    sign_off(&p);
    section(&p, "以上不能证明", "What this does not prove");
    list(&p, ps_verdict_limit, PS_VERDICT_LIMITS);
    section(&p, "如何核验", "How to check");
    list(&p, ps_facts_step, PS_FACTS_STEPS);
    legend(&p);
    raw(&p, "<footer>");
    both(&p, "由 PackSeal " PS_VERSION " 制作；未签名。", "Made by PackSeal " PS_VERSION "; not signed.");
    raw(&p, "</footer>\n</body>\n</html>\n");
}
