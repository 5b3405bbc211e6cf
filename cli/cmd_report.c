/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/args.h"
#include "cli/clips.h"
#include "cli/cmd.h"
#include "cli/removed.h"
#include "cli/report.h"
#include "cli/words.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help_en[] =
    "usage: packseal report NUMBER|CLIP|FILE.zip -o DIR [--lang zh|en|both] [--printed T] [--picked-up T]\n"
    "                       [--delivered T] [--claimed T] [--trust FILE] [--root DIR]\n"
    "\n"
    "Writes report.pdf, report.html and the evidence card 证据卡.jpg: what was judged, key pictures, times, "
    "digests, all takes\n"
    "of the order, and who says what. Of a number with several takes each gets a folder. Nothing that exists "
    "is overwritten.\n"
    "\n"
    "  -o, --output DIR     where to; made when missing\n"
    "  --lang zh|en|both    language of the report (both)\n"
    "  --printed T, --picked-up T, --delivered T, --claimed T\n"
    "                       dates that you enter: a day, or day and time; shown as the merchant's entries\n"
    "  --trust FILE         compare keys with this file, not with the station's own\n";
static const char help_zh[] =
    "用法:packseal report 号码|录像|文件.zip -o 文件夹 [--lang zh|en|both] [--printed 时间] [--picked-up "
    "时间]\n"
    "                     [--delivered 时间] [--claimed 时间] [--trust 文件] [--root 文件夹]\n"
    "\n"
    "生成 report.pdf、report.html "
    "和证据卡.jpg：核验结果、关键画面、时间、摘要、本订单的全部拍摄，以及每一项由谁陈述。\n"
    "一个号码有多次录像时每次一个文件夹。不覆盖已有文件。\n"
    "\n"
    "  -o, --output 文件夹   写到哪里，没有则新建\n"
    "  --lang zh|en|both     报告的语言（默认两种都有）\n"
    "  --printed 时间、--picked-up 时间、--delivered 时间、--claimed 时间\n"
    "                        面单打印、揽收、签收、申请售后的时间，由您填写，报告中标为商家填写\n"
    "  --trust 文件          与此文件中的密钥比对，而不是工位自己的\n";

/* --lang is the report's here, and may be "both"; messages follow it when it is one language. */
static void message_language(int argc, char **argv) {
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *lang = strncmp(argv[i], "--lang=", 7) == 0              ? argv[i] + 7
                           : strcmp(argv[i], "--lang") == 0 && i + 1 < argc ? argv[i + 1]
                                                                            : NULL;
        if (lang != NULL && strcmp(lang, "both") != 0)
            ps_words_choose(lang);
    }
}

static const char *report_language(const char *lang) {
    if (lang == NULL || strcmp(lang, "both") == 0)
        return "both";
    return strcmp(lang, "en") == 0 ? "en" : strncmp(lang, "zh", 2) == 0 ? "zh" : NULL;
}

static bool is_file(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* What is reported is what would be handed over: a bundle, for a moment. */
static int of_clips(struct ps_report_ask *ask, const char *number) {
    struct ps_clips l = {0};
    struct ps_why why = {0};
    char zip[PS_ROOT_PATH];
    struct ps_index *x = strchr(number, '/') != NULL ? NULL : ps_clips_index(ask->root);
    int status = x == NULL && strchr(number, '/') == NULL ? 1 : ps_clips_add(&l, ask->root, x, number);
    ps_index_close(x);
    if (status == 0)
        status = ps_removed_leave_out(ask->root, &l, NULL);
    if (status == 0 && mkdir(ask->out, 0750) != 0 && errno != EEXIST)
        status = ps_words_fail(1, strerror(errno), ask->out, NULL);
    if (status == 0 &&
        snprintf(zip, sizeof(zip), "%s/.bundle-%d.zip", ask->out, (int)getpid()) >= (int)sizeof(zip))
        status = ps_words_fail(1, ps_words("the path is too long", "路径过长"), ask->out, NULL);
    const struct ps_bundle_spec spec = {
        .root = ask->root, .paths = (const char *const *)l.v, .n = l.n, .out = zip};
    if (status == 0 && ps_bundle_write(&spec, NULL, NULL, &why) < 0)
        status = ps_words_fail(1, why.text, why.where,
                               ps_words("look at the clip: packseal verify", "请核验该录像:packseal verify"));
    if (status == 0) {
        ask->bundle = zip;
        status = ps_report_run(ask);
        unlink(zip);
    }
    ps_clips_free(&l);
    return status;
}

int ps_cmd_report(int argc, char **argv) {
    const char *root_arg = NULL, *out = NULL, *lang = NULL, *trust = NULL;
    struct ps_report_dates dates = {0};
    char root[PS_ROOT_PATH];
    const struct ps_args_option options[] = {{"--root", NULL, PS_ARGS_TEXT, &root_arg},
                                             {"--output", "-o", PS_ARGS_TEXT, &out},
                                             {"--lang", NULL, PS_ARGS_TEXT, &lang},
                                             {"--trust", NULL, PS_ARGS_TEXT, &trust},
                                             {"--printed", NULL, PS_ARGS_TEXT, &dates.printed},
                                             {"--picked-up", NULL, PS_ARGS_TEXT, &dates.picked_up},
                                             {"--delivered", NULL, PS_ARGS_TEXT, &dates.delivered},
                                             {"--claimed", NULL, PS_ARGS_TEXT, &dates.claimed},
                                             {NULL, NULL, PS_ARGS_FLAG, NULL}};
    const struct ps_args_spec spec = {"report", help_en, help_zh, options, 1, 1};
    message_language(argc, argv);
    int n, status = ps_args_parse(&spec, argc, argv, &n);
    if (status != PS_ARGS_GO)
        return status;
    if (report_language(lang) == NULL)
        return ps_words_fail(2, "--lang is zh, en or both", lang, NULL);
    if (out == NULL || out[0] == '\0')
        return ps_words_fail(2, ps_words("no folder is named", "没有给出文件夹"), "-o",
                             ps_words("see: packseal report --help", "参见:packseal report --help"));
    if (!ps_report_dates_ok(&dates) || !ps_args_root(root_arg, root))
        return 2;
    struct ps_report_ask ask = {
        .root = root, .trust = trust, .lang = report_language(lang), .dates = &dates, .out = out};
    if (!is_file(argv[0]))
        return of_clips(&ask, argv[0]);
    ask.bundle = argv[0];
    return ps_report_run(&ask);
}
