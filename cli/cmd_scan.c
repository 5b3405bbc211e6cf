/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/control.h"
#include "cli/words.h"
#include <stdio.h>
#include <string.h>

/* Opening a clip asks the signer, which syncs; a stop waits for hashing and the seal. */
#define SCAN_SECONDS 60
#define STOP_SECONDS 180

static const char scan_en[] = "usage: packseal scan CODE [--manual] [--json] [--root DIR]\n"
                              "\n"
                              "As if CODE had been scanned. Returns when the clip has opened (or ended).\n"
                              "\n"
                              "  --manual   typed by a person, and marked so; else it is marked \"api\"\n"
                              "  --json     the recorder's answer as it is\n";
static const char scan_zh[] = "用法:packseal scan 条码 [--manual] [--json] [--root 文件夹]\n"
                              "\n"
                              "等同于扫描该条码。录像开始(或结束)后返回。\n"
                              "\n"
                              "  --manual   人工输入,并如此标记;否则标记为 \"api\"\n"
                              "  --json     原样输出录像程序的答复\n";
static const char stop_en[] = "usage: packseal stop [--json] [--root DIR]\n"
                              "\n"
                              "Ends the clip. Returns when it is sealed and has its place among the clips.\n";
static const char stop_zh[] = "用法:packseal stop [--json] [--root 文件夹]\n"
                              "\n"
                              "结束当前录像。封存并归档后返回。\n";
static const char cancel_en[] = "usage: packseal cancel [--json] [--root DIR]\n"
                                "\n"
                                "Ends the clip as cancelled. It is sealed and kept all the same.\n";
static const char cancel_zh[] = "用法:packseal cancel [--json] [--root 文件夹]\n"
                                "\n"
                                "将当前录像作为“已取消”结束。录像照样封存和保留。\n";

static const char *text_of(const json_t *o, const char *key) {
    const char *s = json_string_value(json_object_get(o, key));
    return s != NULL ? s : "";
}

/* The station's words for people; the word itself where it has none. */
static const char *spoken(const char *word) {
    static const struct {
        const char *word, *en, *zh;
    } all[] = {
        {"added", "added to the clip", "已加入当前录像"},
        {"named", "the clip has its parcel now", "当前录像已确定单号"},
        {"ignored", "ignored: the same code within 5 s", "已忽略:5 秒内重复扫描"},
        {"box", "the next parcel joins this clip", "下一个包裹并入当前录像"},
        {"mark", "marked", "已标记"},
        {"operator", "signed in", "已签到"},
        {"signed-out", "signed out", "已签退"},
        {"next-kind", "the kind of the next clips is set", "已设定后续录像类型"},
        {"duplicate", "recorded before: is it the right parcel?", "此前已录:请确认包裹"},
        {"refunded", "REFUNDED: DO NOT SHIP", "已退款:不要发货"},
        {"nobody-signed-in", "nobody is signed in", "无人签到"},
        {"unclassified", "unknown code: the clip is unclassified", "未知条码:录像未归类"},
        {"list-differs", "the list of orders has another waybill", "与订单表中的运单号不符"},
        {"short", "the clip before was very short", "上一段录像过短"},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (strcmp(word, all[i].word) == 0)
            return ps_words(all[i].en, all[i].zh);
    return word;
}

static void tell(const json_t *o) {
    const char *ended = text_of(o, "ended"), *clip = text_of(o, "clip"), *path = text_of(o, "path");
    if (ended[0] != '\0')
        printf(ps_words("ended      %s\n", "已结束  %s\n"), ended);
    if (path[0] != '\0')
        printf(ps_words("sealed     %s  %s\n", "已封存  %s  %s\n"), clip, path);
    else if (clip[0] != '\0')
        printf(ps_words("%-10s %s", "%s  %s"), text_of(o, "state"), clip);
    else
        printf("%s", text_of(o, "state"));
    size_t i;
    json_t *code;
    json_array_foreach(json_object_get(o, "codes"), i, code)
        printf("  %s", json_is_string(code) ? json_string_value(code) : "");
    if (path[0] == '\0')
        putchar('\n');
    if (text_of(o, "said")[0] != '\0')
        printf(ps_words("said       %s\n", "说明    %s\n"), spoken(text_of(o, "said")));
    json_t *warning;
    json_array_foreach(json_object_get(o, "warnings"), i, warning)
        printf(ps_words("warning    %s\n", "警告    %s\n"),
               json_is_string(warning) ? spoken(json_string_value(warning)) : "");
}

struct asked {
    const char *what, *help_en, *help_zh;
    unsigned seconds, arguments;
};

static int ask(const struct asked *a, int argc, char **argv) {
    const char *root_arg = NULL;
    char root[PS_ROOT_PATH];
    bool manual = false, json = false;
    struct ps_args_option options[] = {{"--root", NULL, PS_ARGS_TEXT, &root_arg},
                                       {"--json", NULL, PS_ARGS_FLAG, &json},
                                       {"--manual", NULL, PS_ARGS_FLAG, &manual},
                                       {NULL, NULL, PS_ARGS_FLAG, NULL}};
    if (a->arguments == 0)
        options[2].name = NULL;
    const struct ps_args_spec spec = {a->what, a->help_en, a->help_zh, options, a->arguments, a->arguments};
    int n, status = ps_args_parse(&spec, argc, argv, &n);
    if (status != PS_ARGS_GO)
        return status;
    if (!ps_args_root(root_arg, root))
        return 2;
    json_t *reply = ps_control_request(root, a->what, n > 0 ? argv[0] : NULL, manual, a->seconds);
    if (reply == NULL)
        return 1;
    if (json) {
        json_dumpf(reply, stdout, JSON_COMPACT);
        putchar('\n');
    } else {
        tell(reply);
    }
    json_decref(reply);
    return 0;
}

int ps_cmd_scan(int argc, char **argv) {
    return ask(&(struct asked){"scan", scan_en, scan_zh, SCAN_SECONDS, 1}, argc, argv);
}

int ps_cmd_stop(int argc, char **argv) {
    return ask(&(struct asked){"stop", stop_en, stop_zh, STOP_SECONDS, 0}, argc, argv);
}

int ps_cmd_cancel(int argc, char **argv) {
    return ask(&(struct asked){"cancel", cancel_en, cancel_zh, STOP_SECONDS, 0}, argc, argv);
}
