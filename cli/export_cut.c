/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/export_cut.h"
#include "archive/store.h"
#include "cli/clips.h"
#include "cli/words.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_S 1000000000

/* ---- what was typed ---- */

/* ".5" as nanoseconds, nine digits at most; nothing is zero. *text moves behind it. */
static bool fraction(const char **text, int64_t *ns) {
    *ns = 0;
    if (**text != '.')
        return true;
    const char *p = *text + 1;
    int64_t unit = NS_PER_S / 10;
    for (; *p >= '0' && *p <= '9'; p++, unit /= 10) {
        if (unit == 0)
            return false;
        *ns += (*p - '0') * unit;
    }
    bool some = p > *text + 1;
    *text = p;
    return some;
}

bool ps_export_cut_offset(const char *text, int64_t *ticks) {
    int64_t seconds = 0, ns;
    const char *p = text;
    for (int part = 0;; part++, p++) {
        int64_t n = 0;
        int digits = 0;
        for (; *p >= '0' && *p <= '9' && digits < 6; p++, digits++)
            n = n * 10 + (*p - '0');
        if (digits == 0 || part == 3 || (part > 0 && (digits != 2 || n > 59)))
            return false;
        seconds = seconds * 60 + n;
        if (*p != ':')
            break;
    }
    if (!fraction(&p, &ns) || *p != '\0')
        return false;
    *ticks = seconds * PS_TICKS_PER_SECOND + ns / 100000 * 9 + ns % 100000 * 9 / 100000;
    return true;
}

/* "Z", "+08:00": seconds to take away. */
static bool zone(const char *text, int64_t *seconds) {
    unsigned h, m;
    int n = 0;
    *seconds = 0;
    if (strcmp(text, "Z") == 0)
        return true;
    if ((text[0] != '+' && text[0] != '-') || sscanf(text + 1, "%2u:%2u%n", &h, &m, &n) != 2 || n != 5 ||
        text[6] != '\0' || h > 23 || m > 59)
        return false;
    *seconds = (int64_t)(h * 60 + m) * 60 * (text[0] == '+' ? 1 : -1);
    return true;
}

bool ps_export_cut_wall(const char *text, bool end, int64_t *wall_ns) {
    struct tm tm = {0};
    int64_t ns, away;
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (rest != NULL && tm.tm_year >= 70 && tm.tm_year < 300 && fraction(&rest, &ns) && zone(rest, &away)) {
        *wall_ns = ((int64_t)timegm(&tm) - away) * NS_PER_S + ns;
        return true;
    }
    return ps_clips_time_of(text, end, wall_ns);
}

static void offset_text(int64_t ticks, char out[24]) {
    int64_t ms = ticks / (PS_TICKS_PER_SECOND / 1000);
    snprintf(out, 24, "%s%d:%02d.%03d", ms < 0 ? "-" : "", (int)(llabs(ms) / 60000 % 1000000),
             (int)(llabs(ms) / 1000 % 60), (int)(llabs(ms) % 1000));
}

/* ---- cutting ---- */

static int place(const struct ps_clip *c, const char *text, bool end, const char *option, int64_t *ticks) {
    int64_t wall_ns;
    if (ps_export_cut_offset(text, ticks))
        return 0;
    if (ps_export_cut_wall(text, end, &wall_ns)) {
        *ticks = ps_cut_of_wall(c, wall_ns);
        return 0;
    }
    char where[160];
    snprintf(where, sizeof(where), "%s %.120s", option, text);
    return ps_words_fail(
        2, ps_words("is no time", "不是时间"), where,
        ps_words("seconds in the clip (12.5, 1:02, 1:02:03.5) or a time (2026-11-21T08:15:30Z)",
                 "请给出录像中的秒数(12.5、1:02、1:02:03.5)或时刻(2026-11-21T08:15:30Z)"));
}

static int refuse(const struct ps_clip *c, const char *what, int64_t from, int64_t to) {
    char a[24], b[24], length[24], where[64], todo[96];
    offset_text(from, a);
    offset_text(to, b);
    offset_text(ps_cut_length(c), length);
    snprintf(where, sizeof(where), "%s - %s", a, b);
    snprintf(todo, sizeof(todo), ps_words("the clip is 0:00.000 - %s", "录像为 0:00.000 - %s"), length);
    return ps_words_fail(2, what, where, todo);
}

static int cut(struct ps_cut **out, const char *root, const char *path, const struct ps_clip *c,
               const char *from_text, const char *to_text) {
    struct ps_why why = {0};
    int64_t from = 0, to = ps_cut_length(c);
    int status = from_text != NULL ? place(c, from_text, false, "--from", &from) : 0;
    if (status == 0 && to_text != NULL)
        status = place(c, to_text, true, "--to", &to);
    if (status != 0)
        return status;
    if (from >= ps_cut_length(c) || (to_text != NULL && to <= 0))
        return refuse(c, ps_words("lies outside the clip", "不在录像时间之内"), from, to);
    if (from >= to)
        return refuse(c, ps_words("ends before it begins", "结束早于开始"), from, to);
    int rc = ps_cut_open(out, root, path, from, to, &why);
    if (rc == PS_ENOENT && strcmp(why.where, "range") == 0)
        return refuse(c, ps_words("nothing was recorded then", "该时段没有录像"), from, to);
    return rc < 0
               ? ps_words_fail(1, why.text, why.where,
                               ps_words("look at the clip: packseal verify", "请核验该录像:packseal verify"))
               : 0;
}

int ps_export_cut_open(struct ps_cut **out, const char *root, const char *path, const char *from,
                       const char *to) {
    struct ps_why why = {0};
    struct ps_clip *c = NULL;
    if (ps_store_load(root, path, &c, &why) < 0)
        return ps_words_fail(1, why.text, why.where,
                             ps_words("look at the clip: packseal verify", "请核验该录像:packseal verify"));
    int status = cut(out, root, path, c, from, to);
    ps_statement_free(c);
    return status;
}

/* ---- what a judge will miss ---- */

struct warning {
    int label; /* enum ps_label that it is about, or -1 */
    const char *code, *en, *zh;
};

static const struct warning warnings[] = {
    {PS_LABEL_NOT_CHECKED, "label-not-checked",
     "nobody looked for the label in the picture: see yourself that it is in the excerpt",
     "没有检查画面中的面单,请自行确认节选中能看到面单"},
    {PS_LABEL_NOT_SEEN, "label-not-seen", "the label was not seen in the whole clip",
     "整段录像中都没有看到面单"},
    {PS_LABEL_OTHER, "label-other", "another label was seen in the clip", "录像中看到的是其他面单"},
    {PS_LABEL_MATCHED, "label-outside",
     "the label was not seen within the excerpt: widen it with --from and --to",
     "节选中没有看到面单,请用 --from、--to 扩大范围"},
    {-1, "start-left-out", "the start of the clip is not in the excerpt", "节选不含录像的开头"},
    {-1, "end-left-out", "the end of the clip is not in the excerpt", "节选不含录像的结尾"},
};

/* The recorder notes an event `label` whenever it reads the clip's label in a picture. */
static bool label_inside(const struct ps_cut *cut) {
    const struct ps_clip *c = cut->clip;
    for (uint32_t i = 0; i < c->n_events; i++) {
        const struct ps_event *e = &c->events[i];
        if (strcmp(e->what, "label") != 0 || e->ms > PS_MAX_CLIP_SECONDS * UINT64_C(1000))
            continue;
        int64_t at = ps_cut_of_boot(c, c->started.boot_ns) + (int64_t)e->ms * (PS_TICKS_PER_SECOND / 1000);
        if (at >= cut->from && at < cut->to)
            return true;
    }
    return false;
}

static bool holds(const struct ps_cut *c, const struct warning *w) {
    if (w->label >= 0)
        return c->clip->label == w->label && (w->label != PS_LABEL_MATCHED || !label_inside(c));
    return strcmp(w->code, "start-left-out") == 0 ? c->from > 0 : c->to < ps_cut_length(c->clip);
}

void ps_export_cut_tell(const struct ps_cut *c) {
    char from[24], to[24];
    offset_text(c->from, from);
    offset_text(c->to, to);
    printf(ps_words("excerpt   %s - %s, whole segments\n", "节选    %s - %s,按完整片段\n"), from, to);
    for (uint32_t i = 0; i < c->n; i++) {
        const struct ps_cut_film *f = &c->films[i];
        offset_text(f->from, from);
        offset_text(f->to, to);
        printf(ps_words("          %s: segments %u-%u of 0-%u (%s - %s)\n",
                        "        %s:片段 %u-%u,共 0-%u(%s - %s)\n"),
               f->name, f->first, f->last, ps_excerpt_kept(&c->clip->tracks[f->track]) - 1, from, to);
    }
    if (c->clip->n_originals > 0)
        printf(ps_words("          originals: %u of %u\n", "        原始图片:%u / %u\n"), c->what.n_originals,
               c->clip->n_originals);
    for (size_t i = 0; i < sizeof(warnings) / sizeof(warnings[0]); i++)
        if (holds(c, &warnings[i]))
            ps_words_note("%s", ps_words(warnings[i].en, warnings[i].zh));
}

json_t *ps_export_cut_json(const struct ps_cut *c) {
    json_t *tracks = json_array(), *originals = json_array(), *told = json_array();
    for (uint32_t i = 0; i < c->n; i++)
        json_array_append_new(tracks, json_pack("{sssisi}", "file", c->films[i].name, "first",
                                                (int)c->films[i].first, "last", (int)c->films[i].last));
    for (uint32_t i = 0; i < c->what.n_originals; i++)
        json_array_append_new(originals, json_string(c->what.originals[i]));
    for (size_t i = 0; i < sizeof(warnings) / sizeof(warnings[0]); i++)
        if (holds(c, &warnings[i]))
            json_array_append_new(told, json_string(warnings[i].code));
    return json_pack("{sIsIsososo}", "from_ms", (json_int_t)(c->from / 90), "to_ms", (json_int_t)(c->to / 90),
                     "tracks", tracks, "originals", originals, "warnings", told);
}
