/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/viewer_code.h"
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/words.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char help_en[] = "usage: packseal code [--root DIR] [--json]\n"
                              "\n"
                              "Prints the code that shows the web pages that you are at this box. While "
                              "there is no administrator: the code for "
                              "the page\n"
                              "/setup. Afterwards: a new code that pairs one screen, on its page /station, "
                              "within 10 minutes. Say it as root, or "
                              "as the\n"
                              "user that the viewer runs as.\n";
static const char help_zh[] =
    "用法:packseal code [--root 文件夹] [--json]\n"
    "\n"
    "打印证明操作人在本机旁边的代码。尚无管理员时:用于网页 /setup 的代码。之后:一个新的配对码,\n"
    "10 分钟内在工位屏幕的 /station 页面输入,只能用一次。请以 root 或查看程序的用户运行。\n";

static int tell(const char *kind, const char *code, int64_t until, bool json) {
    if (json) {
        json_t *o = json_pack("{s:s, s:s, s:o}", "kind", kind, "code", code, "until",
                              until != 0 ? json_integer(until) : json_null());
        char *s = json_dumps(o, JSON_COMPACT);
        json_decref(o);
        int status = s != NULL && puts(s) >= 0 ? 0 : 1;
        free(s);
        return status;
    }
    printf("%.4s-%s\n", code, code + 4);
    ps_words_note("%s",
                  kind[0] == 's'
                      ? ps_words("open the page /setup and give this code", "打开网页 /setup 并输入此代码")
                      : ps_words("open the page /station on the screen and give this code within 10 minutes",
                                 "10 分钟内在屏幕上打开网页 /station 并输入此代码"));
    return 0;
}

int ps_cmd_code(int argc, char **argv) {
    const struct ps_args_spec spec = {"code", help_en, help_zh, NULL, 0, 0};
    char root[PS_ROOT_PATH], code[PS_VIEWER_CODE_TEXT];
    struct ps_why why = {0};
    bool json = false;
    int status = ps_args_parse_plain(&spec, argc, argv, root, &json);
    if (status != PS_ARGS_GO)
        return status;
    int64_t now = time(NULL), until = now + PS_VIEWER_CODE_PAIR_S;
    int rc = ps_viewer_code_read(root, PS_VIEWER_CODE_SETUP, now, code);
    if (rc == 0)
        return tell("setup", code, 0, json);
    if (rc == PS_ENOENT)
        rc = ps_viewer_code_make(root, PS_VIEWER_CODE_PAIR, until, code, &why);
    if (rc == 0)
        return tell("pair", code, until, json);
    if (rc == PS_ENOENT)
        return ps_words_fail(1, ps_words("the viewer has not run here yet", "查看程序尚未在此运行过"), root,
                             ps_words("set [viewer] listen in packseal.conf, and start the station",
                                      "请在 packseal.conf 设置 [viewer] listen 并启动工位"));
    return ps_words_fail(
        1, rc == PS_EPERM ? ps_words("no permission", "没有权限") : ps_error_text(rc), root,
        ps_words("say it as root, or as the viewer's user", "请以 root 或查看程序的用户运行"));
}
