/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/index.h"
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/user.h"
#include "cli/words.h"
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static const char help_en[] =
    "usage: packseal reindex [--json] [--root DIR]\n"
    "\n"
    "Makes the search index anew from the clip folders alone. The recorder may run meanwhile.\n"
    "Exit status 1 when a folder could not be read; each is named.\n"
    "\n"
    "  --json   one object: clips, bad\n";
static const char help_zh[] =
    "用法:packseal reindex [--json] [--root 文件夹]\n"
    "\n"
    "仅由录像文件夹重建检索索引,录像程序可同时运行。有无法读取的文件夹时逐个指出,并返回 1。\n"
    "\n"
    "  --json   输出一个对象:clips、bad\n";

static void progress(void *ctx, uint64_t done, const char *bad_path, const struct ps_why *why) {
    const bool *shown = ctx;
    char where[PS_ROOT_PATH + 160];
    if (bad_path != NULL) {
        snprintf(where, sizeof(where), "%s %s", bad_path, why->where);
        ps_words_fail(0, why->text, where, ps_words("look at it: packseal verify", "请核验:packseal verify"));
    } else if (*shown && done % 100 == 0) {
        fprintf(stderr, "\r%" PRIu64, done);
    }
}

int ps_cmd_reindex(int argc, char **argv) {
    char root[PS_ROOT_PATH];
    bool json;
    const struct ps_args_spec spec = {"reindex", help_en, help_zh, NULL, 0, 0};
    int status = ps_args_parse_plain(&spec, argc, argv, root, &json);
    if (status != PS_ARGS_GO)
        return status;
    if (!ps_user_of_station(root))
        return 2;
    char clips[PS_ROOT_PATH];
    if (ps_root_path(root, PS_ROOT_CLIPS, clips) < 0 || access(clips, F_OK) != 0)
        return ps_words_fail(1, ps_words("there is no station", "此处没有工位"), root,
                             ps_words("name its folder with --root", "请用 --root 指定"));
    struct ps_why why = {0};
    uint64_t done = 0, bad = 0;
    bool shown = !json && isatty(STDERR_FILENO);
    int rc = ps_index_rebuild(root, &done, &bad, progress, &shown, &why);
    if (shown)
        fputs("\r          \r", stderr);
    if (rc < 0)
        return ps_words_fail(1, why.text, why.where,
                             ps_words("is there a station? see --root", "此处有工位吗?参见 --root"));
    if (json)
        printf("{\"clips\":%" PRIu64 ",\"bad\":%" PRIu64 "}\n", done, bad);
    else
        printf(ps_words("indexed   %" PRIu64 " clips, %" PRIu64 " could not be read\n",
                        "已索引  %" PRIu64 " 段录像,%" PRIu64 " 段无法读取\n"),
               done, bad);
    return bad > 0 ? 1 : 0;
}
