/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/verify_report.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive/judged.h"
#include "cli/words.h"
#include "evidence/bytes.h"

/* ---- for programs -------------------------------------------------------------------------------- */

/* A path may hold any bytes; what is not text appears as %XX. */
static json_t *json_path(const char *path) {
    struct ps_buf b;
    json_t *j;
    if (ps_bytes_is_text(path, strlen(path)))
        return json_string(path);
    ps_buf_init(&b, 4 * strlen(path) + 1);
    for (const char *p = path; *p != 0; p++)
        if (*p > 0x20 && *p < 0x7f && *p != '%')
            ps_buf_u8(&b, (uint8_t)*p);
        else
            ps_buf_fmt(&b, "%%%02X", (unsigned char)*p);
    j = b.err != 0 ? NULL : json_stringn((const char *)b.p, b.n);
    ps_buf_free(&b);
    return j;
}

int ps_verify_report_json(const struct ps_verify_report *r) {
    json_t *o = json_pack("{sosssb}", "path", json_path(r->path), "clip", r->clip, "bundle", r->bundle);
    json_t *judged = ps_judged_json(r->v, r->bundle);
    int bad = o == NULL || judged == NULL || json_object_update(o, judged) != 0 ||
              json_object_set_new(o, "trust", r->trust != NULL ? json_path(r->trust) : json_null()) != 0;
    char *text = bad != 0 ? NULL : json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(judged);
    json_decref(o);
    if (text == NULL)
        return PS_ENOMEM;
    int put = fprintf(r->out, "%s\n", text);
    free(text);
    return put < 0 ? PS_EIO : 0;
}

/* ---- for people ---------------------------------------------------------------------------------- */

static void row(FILE *f, const char *question, const char *answer, const char *detail) {
    fputs("  ", f);
    ps_words_pad(f, question, 10);
    if (detail[0] != 0)
        ps_words_pad(f, answer, 15);
    fprintf(f, "%s\n", detail[0] != 0 ? detail : answer);
}

static void content_row(const struct ps_verify_report *r) {
    const struct ps_verdict *v = r->v;
    bool same = v->content == PS_CONTENT_INTACT || v->content == PS_CONTENT_EXCERPT;
    const char *detail = "";
    if (v->content == PS_CONTENT_EXCERPT)
        detail = ps_words("whole segments, with the pictures and times recorded",
                          "完整片段,画面和时间与录制时相同");
    else if (!r->bundle && v->container == PS_CONTAINER_AS_RECORDED)
        detail = ps_words("the files as recorded", "文件与录制时相同");
    else if (!r->bundle && v->container == PS_CONTAINER_REMUXED)
        detail = same ? ps_words("remuxed: another container, the same pictures and times",
                                 "已换封装:画面和时间相同")
                      : ps_words("not the files as recorded", "文件与录制时不同");
    row(r->out, ps_words("content", "内容"), ps_verdict_content(v->content, ps_words_zh()), detail);
}

static void key_row(const struct ps_verify_report *r) {
    char key[57], detail[57 + PS_MAX_STATION_ID + PS_MAX_NAME + 16];
    ps_judged_signer(r->v, key);
    const char *merchant = r->k != NULL ? r->k->merchant : "", *station = r->k != NULL ? r->k->station : "";
    (void)snprintf(detail, sizeof detail, "%s%s%s%s%s", key, merchant[0] != 0 ? "  " : "", merchant,
                   station[0] != 0 ? "  " : "", station);
    row(r->out, ps_words("key", "密钥"), ps_verdict_key(r->v->key, ps_words_zh()), detail);
}

/* Bounds from outside; without any, what the station says itself, and that it does. */
static void time_row(const struct ps_verify_report *r) {
    const struct ps_verdict *v = r->v;
    char from[32], to[32], detail[160] = "";
    ps_statement_time_text(v->not_before_ns, from);
    ps_statement_time_text(v->not_after_ns, to);
    if (v->time == PS_TIME_BOUNDED)
        (void)snprintf(detail, sizeof detail, "A %s – B %s", from, to);
    else if (v->time == PS_TIME_NOT_AFTER)
        (void)snprintf(detail, sizeof detail, "B %s", to);
    else if (v->time == PS_TIME_NOT_BEFORE)
        (void)snprintf(detail, sizeof detail, "A %s", from);
    row(r->out, ps_words("time", "时间"), ps_verdict_time(v->time, ps_words_zh()), detail);
    if (v->clip == NULL)
        return;
    ps_statement_time_text(v->clip->started.wall_ns, from);
    ps_statement_time_text(v->clip->ended.wall_ns, to);
    (void)snprintf(detail, sizeof detail, ps_words("the station says %s – %s", "工位自述 %s – %s"), from, to);
    row(r->out, "", "", detail);
}

/* That there is one history is more than that the clip is in it: whoever of the caller's witnesses says so. */
static void ledger_row(const struct ps_verify_report *r) {
    const struct ps_verdict *v = r->v;
    const char *question = ps_words("ledger", "账本"), *answer = ps_verdict_ledger(v->ledger, ps_words_zh());
    char time[32], detail[PS_NOTE_NAME + 64];
    for (unsigned i = 0; i < v->n_witnesses; i++) {
        ps_statement_time_text(v->witnesses[i].time_ns, time);
        (void)snprintf(detail, sizeof detail, ps_words("cosigned by %s  %s", "联署 %s  %s"),
                       v->witnesses[i].name,
                       v->witnesses[i].time_ns != INT64_MIN ? time : ps_words("at no time", "没有时间"));
        row(r->out, i == 0 ? question : "", i == 0 ? answer : "", detail);
    }
    if (v->n_witnesses == 0)
        row(r->out, question, answer, "");
}

static void problems(FILE *f, const struct ps_verdict *v) {
    for (size_t i = 0; i < v->n_problems; i++) {
        const struct ps_problem *p = &v->problems[i];
        if (ps_words_zh())
            fprintf(f, "  * %s  %s (%s: %s)\n", p->where, ps_verdict_problem_zh(p->code), p->code, p->text);
        else
            fprintf(f, "  * %s  %s: %s\n", p->code, p->where, p->text);
    }
    if (v->n_more > 0) {
        fputs("  * ", f);
        fprintf(f, ps_words("%zu more\n", "另有 %zu 处\n"), v->n_more);
    }
}

/* A path is printed as it is only when it is text: it may come from a stranger's folder. */
static void title(const struct ps_verify_report *r) {
    json_t *path = json_path(r->path);
    const char *text = json_string_value(path);
    if (r->bundle)
        fprintf(r->out, "%s  %s\n", text != NULL ? text : "?",
                ps_words("(the bundle itself)", "(证据包本身)"));
    else if (r->clip[0] != 0)
        fprintf(r->out, "%s  %s\n", r->clip, text != NULL ? text : "?");
    else
        fprintf(r->out, "%s\n", text != NULL ? text : "?");
    json_decref(path);
}

void ps_verify_report_text(const struct ps_verify_report *r) {
    title(r);
    content_row(r);
    if (!r->bundle) {
        key_row(r);
        time_row(r);
        ledger_row(r);
    }
    problems(r->out, r->v);
    fputc('\n', r->out);
}

void ps_verify_report_end(const char *trust) {
    json_t *path = trust != NULL ? json_path(trust) : NULL;
    if (path != NULL)
        printf("%s %s\n", ps_words("Registered keys from:", "登记密钥来自:"), json_string_value(path));
    else
        puts(ps_words("Registered keys: none given (--trust FILE), so every key is unknown.",
                      "没有给出登记密钥(--trust 文件),因此任何密钥都是未登记。"));
    json_decref(path);
    puts(ps_words("This does not show:", "以上不能证明:"));
    for (unsigned i = 0; i < PS_VERDICT_LIMITS; i++)
        printf("  - %s\n", ps_verdict_limit(i, ps_words_zh()));
}
