/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/root.h"
#include "archive/socket.h"
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/words.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES ((size_t)128 << 10)

static const char help_en[] = "usage: packseal events [--json] [--count N] [--root DIR]\n"
                              "\n"
                              "Prints what happens at the station, as it happens: scans, clips, alarms.\n"
                              "\n"
                              "  --json      one object a line, as docs/PROTOCOL.md tells them\n"
                              "  --count N   end after so many events\n";
static const char help_zh[] = "用法:packseal events [--json] [--count N] [--root 文件夹]\n"
                              "\n"
                              "实时显示工位上发生的事:扫码、录像、告警。\n"
                              "\n"
                              "  --json      每行一个对象,格式见 docs/PROTOCOL.md\n"
                              "  --count N   显示 N 条后结束\n";

struct word {
    const char *key, *en, *zh;
};

static const struct word events[] = {
    {"state", "state", "状态"},         {"scan", "scan", "扫码"},       {"opened", "recording", "开始录像"},
    {"frame", "picture", "首帧"},       {"ended", "ended", "录像结束"}, {"sealed", "sealed", "已封存"},
    {"unsealed", "unsealed", "未封存"}, {"alarm", "alarm", "告警"},     {"label", "label", "面单"},
    {"camera", "camera", "摄像头"},     {"weight", "weight", "重量"},
};

static const struct word values[] = {
    {"idle", "idle", "空闲"},
    {"recording", "recording", "录像中"},
    {"sealing", "sealing", "封存中"},
    {"faulted", "faulted", "故障"},
    {"started", "started", "开始"},
    {"next", "next parcel", "下一单"},
    {"ended", "ended", "结束"},
    {"cancelled", "cancelled", "已取消"},
    {"added", "added", "加入"},
    {"named", "named the clip", "定名"},
    {"ignored", "ignored: the same again", "重复扫码，忽略"},
    {"refused", "refused", "拒绝"},
    {"operator", "signed in", "已登录"},
    {"signed-out", "signed out", "已退出"},
    {"next-kind", "kind of the next clip", "下一单类型"},
    {"box", "one more box", "加一箱"},
    {"mark", "marked", "已标记"},
    {"matched", "matched", "一致"},
    {"other", "another order's", "非本单"},
    {"not-seen", "not seen", "未拍清"},
    {"live", "live", "正常"},
    {"away", "away", "断开"},
    {"opening", "opening", "打开中"},
};

static const char *word_of(const struct word *all, size_t n, const char *key) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i].key, key) == 0)
            return ps_words(all[i].en, all[i].zh);
    return key;
}
#define WORD_OF(table, key) word_of(table, sizeof(table) / sizeof(table)[0], key)

static const char *text_of(const json_t *o, const char *key) {
    const char *s = json_string_value(json_object_get(o, key));
    return s != NULL ? s : "";
}

/* The moment in the clock of this machine: people look at the wall, too. */
static void tell_time(const json_t *o) {
    struct tm utc = {0}, local;
    char text[16] = "--:--:--";
    if (strptime(text_of(o, "at"), "%Y-%m-%dT%H:%M:%S", &utc) != NULL) {
        time_t t = timegm(&utc);
        if (localtime_r(&t, &local) != NULL)
            strftime(text, sizeof(text), "%H:%M:%S", &local);
    }
    printf("%s  ", text);
}

static void tell_list(const json_t *list) {
    size_t i;
    json_t *v;
    json_array_foreach(list, i, v) printf("  %s", json_is_string(v) ? json_string_value(v) : "");
}

static void tell(const json_t *o) {
    static const char *const plain[] = {"clip", "code", "alarm", "detail", "name", "reason", "path"};
    static const char *const worded[] = {"said", "state", "verdict"};
    tell_time(o);
    ps_words_pad(stdout, WORD_OF(events, text_of(o, "event")), 10);
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        if (text_of(o, plain[i])[0] != '\0')
            printf(" %s", text_of(o, plain[i]));
    for (size_t i = 0; i < sizeof(worded) / sizeof(worded[0]); i++)
        if (text_of(o, worded[i])[0] != '\0')
            printf("  %s", WORD_OF(values, text_of(o, worded[i])));
    const json_t *on = json_object_get(o, "on"), *grams = json_object_get(o, "grams");
    if (json_is_false(on))
        printf("  %s", ps_words("over", "解除"));
    if (json_is_integer(grams))
        printf("  %lld g", (long long)json_integer_value(grams));
    tell_list(json_object_get(o, "codes"));
    tell_list(json_object_get(o, "warnings"));
    if (text_of(o, "why")[0] != '\0')
        printf("  (%s)", text_of(o, "why"));
    putchar('\n');
}

static int lost(const char *root) {
    return ps_words_fail(1, ps_words("the recorder gives no events any more", "录像程序不再发送事件"), root,
                         ps_words("see: packseal status", "参见:packseal status"));
}

/* Its first line is the answer; false when it is none. */
static bool is_answer(const json_t *o) {
    return json_is_true(json_object_get(o, "ok"));
}

static int follow(FILE *f, const char *root, bool json, unsigned long count) {
    static char line[LINE_MAX_BYTES];
    bool answered = false;
    for (unsigned long n = 0; count == 0 || n < count;) {
        if (fgets(line, sizeof(line), f) == NULL || strchr(line, '\n') == NULL)
            return lost(root);
        json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        bool good = answered ? json_is_string(json_object_get(o, "event")) : is_answer(o);
        if (good && answered) {
            if (json)
                fputs(line, stdout);
            else
                tell(o);
            n++;
        }
        json_decref(o);
        if (!good)
            return lost(root);
        answered = true;
        if (fflush(stdout) != 0)
            return 1; /* main tells of it */
    }
    return 0;
}

static bool number(const char *text, unsigned long *out) {
    char *end;
    *out = 0;
    if (text == NULL)
        return true;
    *out = strtoul(text, &end, 10);
    return text[0] >= '1' && text[0] <= '9' && *end == '\0';
}

int ps_cmd_events(int argc, char **argv) {
    static const char request[] = "{\"do\":\"events\"}\n";
    const char *root_arg = NULL, *count_arg = NULL;
    bool json = false;
    const struct ps_args_option options[] = {{"--root", NULL, PS_ARGS_TEXT, &root_arg},
                                             {"--count", NULL, PS_ARGS_TEXT, &count_arg},
                                             {"--json", NULL, PS_ARGS_FLAG, &json},
                                             {NULL, NULL, PS_ARGS_FLAG, NULL}};
    const struct ps_args_spec spec = {"events", help_en, help_zh, options, 0, 0};
    char root[PS_ROOT_PATH];
    struct ps_why why = {0};
    unsigned long count;
    int n, status = ps_args_parse(&spec, argc, argv, &n);
    if (status != PS_ARGS_GO)
        return status;
    if (!ps_args_root(root_arg, root))
        return 2;
    if (!number(count_arg, &count))
        return ps_words_fail(2, ps_words("not a number", "不是数字"), count_arg,
                             ps_words("give how many events, from 1", "请给出条数,至少为 1"));
    int fd = ps_socket_connect(root, PS_ROOT_CONTROL_SOCKET, SOCK_STREAM, &why);
    if (fd == PS_ENOENT)
        return ps_words_fail(1, ps_words("no recorder is running", "录像程序没有运行"), root,
                             ps_words("start it: packseal run", "请启动:packseal run"));
    if (fd < 0)
        return ps_words_fail(1, why.text, why.where,
                             ps_words("see: packseal status", "参见:packseal status"));
    FILE *f = send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) == (ssize_t)sizeof(request) - 1
                  ? fdopen(fd, "r")
                  : NULL;
    if (f == NULL) {
        close(fd);
        return lost(root);
    }
    status = follow(f, root, json, count);
    fclose(f);
    return status;
}
