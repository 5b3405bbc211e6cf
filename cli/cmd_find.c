/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/flags.h"
#include "archive/holds.h"
#include "cli/args.h"
#include "cli/clips.h"
#include "cli/cmd.h"
#include "cli/removed.h"
#include "cli/words.h"
#include "evidence/opening.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_LIMIT 200 /* lines for people; scripts get all */

static const char help_en[] =
    "usage: packseal find [NUMBER] [--from TIME] [--to TIME] [--operator ID] [--kind pack|return|audit]\n"
    "                     [--flagged] [--flag WORD] [--limit N] [--json] [--root DIR]\n"
    "\n"
    "Finds clips by any number of the order, newest first; where none has the whole number, by its last "
    "digits (4 or\n"
    "more). Exit status 1 when there is none.\n"
    "\n"
    "  --from, --to TIME   started within: 2026-11-21, \"2026-11-21 08:15\" (local), or RFC 3339\n"
    "  --operator ID       staff number\n"
    "  --kind KIND         pack, return or audit\n"
    "  --flagged           clips worth a look: label not seen, gaps, lost pictures, warnings, ended by a "
    "fault, …\n"
    "  --flag WORD         clips with this flag, which may be given more than one with commas: "
    "label-not-seen,\n"
    "                      label-other, gap, dropped, unwitnessed, picture, clock, reason, warned, take, "
    "preroll\n"
    "  --limit N           at most so many (0: all; default 200, with --json all)\n"
    "  --json              one object a line: clip, codes, kind, operator, started, ended, reason, tracks, "
    "path, …\n";
static const char help_zh[] =
    "用法:packseal find [号码] [--from 时间] [--to 时间] [--operator 工号] [--kind pack|return|audit]\n"
    "                   [--flagged] [--flag 标记] [--limit 条数] [--json] [--root 文件夹]\n"
    "\n"
    "按订单的任一号码查找录像,最新的在前;没有完全相同的号码时,按末尾数字(至少 4 位)查找。没有结果时返回 1。\n"
    "\n"
    "  --from, --to 时间   开始时间范围:2026-11-21、\"2026-11-21 08:15\"(本地时间)或 RFC 3339\n"
    "  --operator 工号     员工\n"
    "  --kind 类型         pack 打包、return 退货、audit 盘点\n"
    "  --flagged           值得查看的录像:面单未拍清、中断、丢帧、警告、异常结束……\n"
    "  --flag 标记         有此标记的录像,多个用逗号分隔:label-not-seen 面单未拍清、label-other "
    "非本单面单、\n"
    "                      gap 中断、dropped 丢帧、unwitnessed 未见证、picture 画面、clock 时钟、reason "
    "结束原因、\n"
    "                      warned 警告、take 重复录制、preroll 预录\n"
    "  --limit 条数        最多条数(0 为全部;缺省 200,--json 为全部)\n"
    "  --json              "
    "每行一个对象:clip、codes、kind、operator、started、ended、reason、tracks、path……\n";

struct find {
    const char *root;
    bool json, any, flagged;
    const char *from, *to, *limit, *flag;
};

static json_t *split(const char *lines) {
    json_t *all = json_array();
    while (*lines != '\0') {
        const char *end = strchrnul(lines, '\n');
        json_array_append_new(all, json_stringn(lines, (size_t)(end - lines)));
        lines = *end == '\n' ? end + 1 : end;
    }
    return all;
}

static int print_json(void *ctx, const struct ps_index_row *r) {
    const struct find *f = ctx;
    char started[32], ended[32], path[PS_ROOT_PATH];
    ps_statement_time_text(r->started_ns, started);
    ps_statement_time_text(r->ended_ns, ended);
    if (ps_root_path(f->root, r->path, path) < 0)
        return 1;
    json_t *o =
        json_pack("{s:s, s:I, s:I, s:s, s:o, s:o, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:s}", "clip", r->clip,
                  "number", (json_int_t)r->number, "take", (json_int_t)r->take, "station", r->station,
                  "codes", split(r->codes), "links", split(r->links), "kind", r->kind, "operator",
                  r->operator_id, "started", started, "ended", ended, "reason", r->end_reason, "tracks",
                  split(r->tracks), "flags", ps_flags_json(r->flags), "path", path);
    ps_removed_json(f->root, r, o);
    json_dumpf(o, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(o);
    return ferror(stdout);
}

static void length_text(int64_t ns, char out[32]) {
    int64_t s = ns > 0 ? ns / 1000000000 : 0;
    snprintf(out, 32, "%lld:%02lld", (long long)(s / 60), (long long)(s % 60));
}

static void print_cells(const char *const cell[7]) {
    static const int columns[] = {21, 16, 34, 8, 8, 7, 0};
    for (int i = 0; i < 7; i++) {
        ps_words_pad(stdout, cell[i], columns[i] - 1);
        putchar(i < 6 ? ' ' : '\n');
    }
}

static int print_row(void *ctx, const struct ps_index_row *r) {
    struct find *f = ctx;
    char started[32], length[32], codes[256], reason[96], removed[512];
    struct ps_hold held;
    if (!f->any)
        print_cells((const char *const[]){ps_words("started", "开始时间"), ps_words("clip", "录像"),
                                          ps_words("codes", "号码"), ps_words("kind", "类型"),
                                          ps_words("operator", "工号"), ps_words("length", "时长"),
                                          ps_words("ended by", "结束原因")});
    f->any = true;
    ps_clips_time(r->started_ns, started);
    length_text(r->ended_ns - r->started_ns, length);
    snprintf(codes, sizeof(codes), "%s", r->codes); /* line feeds become blanks */
    if (r->take > 1)
        snprintf(reason, sizeof(reason), ps_words("%s (take %u)", "%s(第 %u 次)"),
                 ps_clips_reason(r->end_reason), r->take);
    else
        snprintf(reason, sizeof(reason), "%s", ps_clips_reason(r->end_reason));
    print_cells((const char *const[]){started, r->clip, codes, ps_clips_kind(r->kind),
                                      r->operator_id[0] != '\0' ? r->operator_id : "-", length, reason});
    if (ps_removed_text(f->root, r->path, removed))
        printf("%21s %s\n", "", removed);
    else if (ps_holds_get(f->root, r->clip, &held) != PS_ENOENT)
        printf(ps_words("%21s held  %s\n", "%21s 已保留  %s\n"), "", held.note);
    return ferror(stdout);
}

static int search(struct find *f, struct ps_index *x, struct ps_index_query *q) {
    struct ps_why why = {0};
    int (*row)(void *, const struct ps_index_row *) = f->json ? print_json : print_row;
    int n = ps_index_find(x, q, row, f, &why);
    if (n == 0 && q->code != NULL && strlen(q->code) >= 4) {
        q->suffix = q->code;
        q->code = NULL;
        n = ps_index_find(x, q, row, f, &why);
        if (n > 0)
            ps_words_note(
                ps_words("no whole number %s: these end with it", "没有完整号码 %s:以下为末尾相同的"),
                q->suffix);
    }
    if (n < 0)
        return ps_words_fail(1, why.text, why.where,
                             ps_words("run: packseal reindex", "请运行:packseal reindex"));
    if (n == 0)
        return ps_words_fail(1, ps_words("no clip found", "没有找到录像"),
                             q->suffix != NULL ? q->suffix : q->code, NULL);
    if (q->limit > 0 && (unsigned)n == q->limit)
        ps_words_note(ps_words("only the newest %u are shown: see --limit", "仅显示最新 %u 条:参见 --limit"),
                      q->limit);
    return 0;
}

static int bad(const char *what, const char *where) {
    return ps_words_fail(2, what, where, ps_words("see: packseal find --help", "参见:packseal find --help"));
}

/* Words with commas between. */
static int flags_of(const struct find *f, struct ps_index_query *q) {
    char words[256], *rest = NULL;
    q->flags = f->flagged ? PS_FLAGS_WORTH_A_LOOK : 0;
    if (f->flag == NULL)
        return 0;
    if (strlen(f->flag) >= sizeof(words))
        return bad(ps_words("is no flag", "不是标记"), f->flag);
    snprintf(words, sizeof(words), "%s", f->flag);
    for (char *w = strtok_r(words, ",", &rest); w != NULL; w = strtok_r(NULL, ",", &rest)) {
        if (ps_flags_bit(w) == 0)
            return bad(ps_words("is no flag", "不是标记"), w);
        q->flags |= ps_flags_bit(w);
    }
    return q->flags != 0 ? 0 : bad(ps_words("is no flag", "不是标记"), f->flag);
}

static int limits(const struct find *f, struct ps_index_query *q) {
    if (f->from != NULL && !ps_clips_time_of(f->from, false, &q->from_ns))
        return bad(ps_words("is no time", "不是时间"), f->from);
    if (f->to != NULL && !ps_clips_time_of(f->to, true, &q->to_ns))
        return bad(ps_words("is no time", "不是时间"), f->to);
    if (q->kind != NULL && ps_opening_kind_of(q->kind) < 0)
        return bad(ps_words("is no kind", "不是类型"), q->kind);
    q->limit = f->json ? 0 : TABLE_LIMIT;
    if (f->limit != NULL) {
        if (f->limit[0] == '\0' || strlen(f->limit) > 9 || strspn(f->limit, "0123456789") != strlen(f->limit))
            return bad(ps_words("is no number", "不是数字"), f->limit);
        q->limit = (unsigned)strtoul(f->limit, NULL, 10);
    }
    return flags_of(f, q);
}

int ps_cmd_find(int argc, char **argv) {
    const char *root_arg = NULL;
    char root[PS_ROOT_PATH];
    struct find f = {.root = root};
    struct ps_index_query q = {.from_ns = INT64_MIN, .to_ns = INT64_MAX};
    const struct ps_args_option options[] = {{"--root", NULL, PS_ARGS_TEXT, &root_arg},
                                             {"--json", NULL, PS_ARGS_FLAG, &f.json},
                                             {"--from", NULL, PS_ARGS_TEXT, &f.from},
                                             {"--to", NULL, PS_ARGS_TEXT, &f.to},
                                             {"--operator", NULL, PS_ARGS_TEXT, &q.operator_id},
                                             {"--kind", NULL, PS_ARGS_TEXT, &q.kind},
                                             {"--limit", NULL, PS_ARGS_TEXT, &f.limit},
                                             {"--flagged", NULL, PS_ARGS_FLAG, &f.flagged},
                                             {"--flag", NULL, PS_ARGS_TEXT, &f.flag},
                                             {NULL, NULL, PS_ARGS_FLAG, NULL}};
    const struct ps_args_spec spec = {"find", help_en, help_zh, options, 0, 1};
    int n, status = ps_args_parse(&spec, argc, argv, &n);
    if (status != PS_ARGS_GO)
        return status;
    if ((status = limits(&f, &q)) != 0 || !ps_args_root(root_arg, root))
        return 2;
    q.code = n > 0 ? argv[0] : NULL;
    struct ps_index *x = ps_clips_index(root);
    if (x == NULL)
        return 1;
    status = search(&f, x, &q);
    ps_index_close(x);
    return status;
}
