/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/args.h"
#include "cli/cameras.h"
#include "cli/cmd.h"
#include "cli/control.h"
#include "cli/words.h"
#include <stdio.h>
#include <string.h>

static const char help_en[] = "usage: packseal status [--json] [--root DIR]\n"
                              "\n"
                              "Tells what the station is doing. Exit status 0 when it is able to record.\n"
                              "\n"
                              "  --json   one object: state, codes, clip, cameras, alarms, …\n";
static const char help_zh[] = "用法:packseal status [--json] [--root 文件夹]\n"
                              "\n"
                              "显示工位状态。可以录像时返回 0。\n"
                              "\n"
                              "  --json   输出一个对象:state、codes、clip、cameras、alarms……\n";

static const char *text_of(const json_t *o, const char *key) {
    const char *s = json_string_value(json_object_get(o, key));
    return s != NULL ? s : "";
}

static const char *state_words(const char *state) {
    static const char *const words[][3] = {{"idle", "idle", "空闲"},
                                           {"recording", "recording", "录像中"},
                                           {"sealing", "sealing", "封存中"},
                                           {"faulted", "faulted", "故障"}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(state, words[i][0]) == 0)
            return ps_words(words[i][1], words[i][2]);
    return state;
}

/* "WHAT: DETAIL" as the recorder says it (docs/PROTOCOL.md); WHAT in words, where it is known. */
static void tell_alarm(const char *s) {
    static const char *const words[][3] = {
        {"camera-lost", "camera lost", "摄像头断开"},
        {"camera-reduced", "camera gives a smaller picture", "摄像头画面降级"},
        {"scanner-lost", "scanner lost", "扫码枪断开"},
        {"scale-lost", "scale lost", "电子秤断开"},
        {"scale-strange", "scale sends what its protocol does not know", "电子秤数据与所设协议不符"},
        {"signer-away", "the signer is away", "签名程序不在"},
        {"disk-low", "disk nearly full", "磁盘将满"},
        {"disk-full", "disk full, no clip begins", "磁盘已满，不再开始录像"},
        {"clock-unsynced", "clock not synchronised", "时钟未同步"},
        {"unsealed", "clips not sealed yet", "有录像未封存"},
        {"fault", "fault", "故障"},
        {"label-not-seen", "label not seen yet", "面单未拍清"},
        {"picture-dark", "picture dark", "画面太暗"},
        {"picture-covered", "lens covered", "镜头被遮挡"},
        {"picture-blurred", "picture out of focus", "画面模糊"},
        {"picture-frozen", "picture frozen", "画面停住"},
        {"camera-moved", "camera moved", "摄像头移位"},
    };
    size_t n = strcspn(s, ":");
    const char *what = NULL;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strlen(words[i][0]) == n && strncmp(s, words[i][0], n) == 0)
            what = ps_words(words[i][1], words[i][2]);
    if (what != NULL)
        printf(ps_words("alarm     %s%s\n", "告警    %s%s\n"), what, s + n);
    else
        printf(ps_words("alarm     %s\n", "告警    %s\n"), s);
}

static void tell_scale(const json_t *o) {
    const json_t *grams = json_object_get(o, "grams");
    const char *state = text_of(o, "state");
    printf(ps_words("scale   %s  ", "电子秤  %s  "), text_of(o, "name"));
    if (json_is_integer(grams))
        printf("%lld g%s%s\n", (long long)json_integer_value(grams),
               json_is_true(json_object_get(o, "net")) ? ps_words(", net", ",净重") : "",
               json_is_true(json_object_get(o, "stable")) ? "" : ps_words(", moving", ",未稳定"));
    else if (strcmp(state, "away") == 0)
        puts(ps_words("not there", "未连接"));
    else if (strcmp(state, "strange") == 0)
        puts(ps_words("sends what its protocol does not know: mend protocol or line in packseal.conf",
                      "数据与所设协议不符:请修正 packseal.conf 的 protocol 或 line"));
    else
        puts(ps_words("no weight", "无读数"));
}

static void tell(const json_t *o) {
    size_t i;
    json_t *v;
    printf(ps_words("state     %s", "状态    %s"), state_words(text_of(o, "state")));
    if (text_of(o, "clip")[0] != '\0')
        printf("  %s", text_of(o, "clip"));
    json_array_foreach(json_object_get(o, "codes"), i, v)
        printf("  %s", json_is_string(v) ? json_string_value(v) : "");
    printf(ps_words("\nstation   %s\nsigner    %s\ndisk      %lld MB free\n",
                    "\n工位    %s\n签名    %s\n磁盘    余 %lld MB\n"),
           text_of(o, "station"), text_of(o, "signer"),
           (long long)json_integer_value(json_object_get(o, "free_mb")));
    ps_cameras_print(json_object_get(o, "cameras"));
    json_array_foreach(json_object_get(o, "scales"), i, v) {
        tell_scale(v);
    }
    json_array_foreach(json_object_get(o, "alarms"), i, v)
        tell_alarm(json_is_string(v) ? json_string_value(v) : "");
}

int ps_cmd_status(int argc, char **argv) {
    char root[PS_ROOT_PATH];
    bool json;
    const struct ps_args_spec spec = {"status", help_en, help_zh, NULL, 0, 0};
    int status = ps_args_parse_plain(&spec, argc, argv, root, &json);
    if (status != PS_ARGS_GO)
        return status;
    json_t *reply = ps_control_request(root, "status", NULL, false, 10);
    if (reply == NULL)
        return 1;
    json_t *able = json_object_get(reply, "able");
    bool good = json_is_boolean(able) ? json_is_true(able) : strcmp(text_of(reply, "state"), "faulted") != 0;
    if (json) {
        json_object_del(reply, "ok");
        json_dumpf(reply, stdout, JSON_COMPACT);
        putchar('\n');
    } else {
        tell(reply);
    }
    json_decref(reply);
    return good ? 0 : 1;
}
