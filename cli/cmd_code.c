/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/viewer_code.h"
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/words.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char help_en[] =
    "usage: packseal code [--root DIR] [--json] [--output FILE]\n"
    "\n"
    "Prints the code that shows the web pages that you are at this box. While "
    "there is no administrator: the code for "
    "the page\n"
    "/setup. Afterwards: a new code that pairs one screen, on its page /station, "
    "within 10 minutes. Say it as root, or "
    "as the\n"
    "user that the viewer runs as.\n"
    "\n"
    "  --output FILE  a pairing code into a new file, and no word; a file that is there "
    "is replaced\n";
static const char help_zh[] =
    "用法:packseal code [--root 文件夹] [--json] [--output 文件]\n"
    "\n"
    "打印证明操作人在本机旁边的代码。尚无管理员时:用于网页 /setup 的代码。之后:一个新的配对码,\n"
    "10 分钟内在工位屏幕的 /station 页面输入,只能用一次。请以 root 或查看程序的用户运行。\n"
    "\n"
    "  --output 文件  将配对码写入新文件,不输出文字;已有的文件被替换\n";

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

/* For a program of another user, in a folder of his: root must not write where a link of his leads. */
static int put(const char *path, const char *code) {
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    size_t n = strlen(code);
    bool ok = fd >= 0 && fchmod(fd, 0644) == 0 && write(fd, code, n) == (ssize_t)n;
    int err = errno;
    if (fd >= 0)
        close(fd);
    return ok ? 0
              : ps_words_fail(1, strerrordesc_np(err), path,
                              ps_words("name a file in a folder that is there", "请指定已有文件夹中的文件"));
}

int ps_cmd_code(int argc, char **argv) {
    const char *root_arg = NULL, *out = NULL;
    bool json = false;
    const struct ps_args_option options[] = {{"--root", NULL, PS_ARGS_TEXT, &root_arg},
                                             {"--json", NULL, PS_ARGS_FLAG, &json},
                                             {"--output", "-o", PS_ARGS_TEXT, &out},
                                             {NULL, NULL, PS_ARGS_FLAG, NULL}};
    const struct ps_args_spec spec = {"code", help_en, help_zh, options, 0, 0};
    char root[PS_ROOT_PATH], code[PS_VIEWER_CODE_TEXT];
    struct ps_why why = {0};
    int n, status = ps_args_parse(&spec, argc, argv, &n);
    if (status != PS_ARGS_GO)
        return status;
    if (!ps_args_root(root_arg, root))
        return 2;
    int64_t now = time(NULL), until = now + PS_VIEWER_CODE_PAIR_S;
    int rc = ps_viewer_code_read(root, PS_VIEWER_CODE_SETUP, now, code);
    if (rc == 0 && out != NULL)
        return ps_words_fail(
            1, ps_words("no screen can be paired yet", "还不能配对屏幕"), root,
            ps_words("make an administrator first, on the page /setup", "请先在网页 /setup 设置管理员"));
    if (rc == 0)
        return tell("setup", code, 0, json);
    if (rc == PS_ENOENT)
        rc = ps_viewer_code_make(root, PS_VIEWER_CODE_PAIR, until, code, &why);
    if (rc == 0)
        return out != NULL ? put(out, code) : tell("pair", code, until, json);
    if (rc == PS_ENOENT)
        return ps_words_fail(1, ps_words("the viewer has not run here yet", "查看程序尚未在此运行过"), root,
                             ps_words("set [viewer] listen in packseal.conf, and start the station",
                                      "请在 packseal.conf 设置 [viewer] listen 并启动工位"));
    return ps_words_fail(
        1, rc == PS_EPERM ? ps_words("no permission", "没有权限") : ps_error_text(rc), root,
        ps_words("say it as root, or as the viewer's user", "请以 root 或查看程序的用户运行"));
}
