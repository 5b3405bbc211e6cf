/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/bundle.h"
#include "cli/args.h"
#include "cli/clips.h"
#include "cli/cmd.h"
#include "cli/export_cut.h"
#include "cli/words.h"
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help_en[] =
    "usage: packseal export NUMBER|CLIP... -o FILE.zip [--from T] [--to T] [--json] [--root DIR]\n"
    "\n"
    "Writes a bundle: clips, statements, signatures, key and a text that tells how to check them. Of a "
    "number all "
    "takes\n"
    "go in. FILE must not exist; it appears only when it is whole.\n"
    "\n"
    "  -o, --output FILE   the bundle\n"
    "  --from T, --to T    an excerpt of one clip: the whole segments that touch this time, no picture "
    "changed.\n"
    "                      T is seconds in the clip (12.5, 1:02, 1:02:03.5) or a time "
    "(2026-11-21T08:15:30Z)\n"
    "  --json              one object: path, bytes, clips, excerpt\n";
static const char help_zh[] =
    "用法:packseal export 号码|录像… -o 文件.zip [--from 时间] [--to 时间] [--json] [--root 文件夹]\n"
    "\n"
    "导出证据包:录像、声明、签名、公钥和核验说明。一个号码有多次录像时全部导出。文件不得已存在,\n"
    "完整写好后才出现。\n"
    "\n"
    "  -o, --output 文件        证据包\n"
    "  --from 时间 --to 时间    一段录像的节选:该时段涉及的完整片段,画面不作任何改动。\n"
    "                           时间为录像中的秒数(12.5、1:02、1:02:03.5)或时刻(2026-11-21T08:15:30Z)\n"
    "  --json                   输出一个对象:path、bytes、clips、excerpt\n";

static volatile sig_atomic_t interrupted;

static void on_signal(int number) {
    interrupted = number;
}

struct told {
    bool shown;
    unsigned percent;
    uint64_t total;
};

static int progress(void *ctx, uint64_t done, uint64_t total) {
    struct told *t = ctx;
    t->total = total;
    unsigned percent = total > 0 ? (unsigned)(done / (total / 100 + 1)) : 100;
    if (t->shown && percent != t->percent) {
        t->percent = percent;
        fprintf(stderr, "\r%3u %%", percent);
    }
    return interrupted != 0;
}

static const char *name_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static const char *advice(int rc) {
    switch (rc) {
    case PS_EEXIST: return ps_words("choose another name with -o", "请用 -o 另取文件名");
    case PS_EFULL: return ps_words("make room, or choose another disk", "请腾出空间或另选磁盘");
    case PS_ENOENT: return ps_words("look at the clip: packseal verify", "请核验该录像:packseal verify");
    default: return NULL;
    }
}

static int write_bundle(const char *root, const struct ps_clips *l, const struct ps_cut *cut, const char *out,
                        bool json) {
    struct ps_why why = {0};
    struct told t = {.shown = !json && isatty(STDERR_FILENO), .percent = 101};
    struct ps_bundle_spec spec = {
        .root = root, .paths = (const char *const *)l->v, .n = l->n, .cut = cut, .out = out};
    struct sigaction act = {.sa_handler = on_signal};
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    int rc = ps_bundle_write(&spec, progress, &t, &why);
    if (t.shown)
        fputs("\r      \r", stderr);
    if (rc < 0)
        return ps_words_fail(interrupted != 0 ? 128 + interrupted : 1, why.text, why.where, advice(rc));
    if (json) {
        json_t *o = json_pack("{s:s, s:I, s:[]}", "path", out, "bytes", (json_int_t)t.total, "clips");
        for (unsigned i = 0; i < l->n; i++)
            json_array_append_new(json_object_get(o, "clips"), json_string(name_of(l->v[i])));
        if (cut != NULL)
            json_object_set_new(o, "excerpt", ps_export_cut_json(cut));
        json_dumpf(o, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(o);
        return 0;
    }
    for (unsigned i = 0; i < l->n; i++)
        printf(ps_words("clip      %s\n", "录像    %s\n"), name_of(l->v[i]));
    if (cut != NULL)
        ps_export_cut_tell(cut);
    printf(ps_words("bundle    %s\nto check  packseal verify --trust KEY %s\n",
                    "证据包  %s\n核验    packseal verify --trust 公钥 %s\n"),
           out, out);
    return 0;
}

/* An excerpt is of one clip: seconds in several mean nothing, and a descriptor speaks of one statement. */
static int write_part(const char *root, const struct ps_clips *l, const char *from, const char *to,
                      const char *out, bool json) {
    struct ps_cut *cut = NULL;
    if (l->n != 1)
        return ps_words_fail(2, ps_words("an excerpt is of one clip", "节选只能取自一段录像"), "--from, --to",
                             ps_words("name the clip: packseal find", "请指明录像:packseal find"));
    int status = ps_export_cut_open(&cut, root, l->v[0], from, to);
    if (status == 0)
        status = write_bundle(root, l, cut, out, json);
    ps_cut_free(cut);
    return status;
}

int ps_cmd_export(int argc, char **argv) {
    const char *root_arg = NULL, *out = NULL, *from = NULL, *to = NULL;
    char root[PS_ROOT_PATH];
    bool json = false;
    const struct ps_args_option options[] = {
        {"--root", NULL, PS_ARGS_TEXT, &root_arg}, {"--json", NULL, PS_ARGS_FLAG, &json},
        {"--from", NULL, PS_ARGS_TEXT, &from},     {"--to", NULL, PS_ARGS_TEXT, &to},
        {"--output", "-o", PS_ARGS_TEXT, &out},    {NULL, NULL, PS_ARGS_FLAG, NULL}};
    const struct ps_args_spec spec = {"export", help_en, help_zh, options, 1, PS_ARGS_LIST_MAX};
    int n, status = ps_args_parse(&spec, argc, argv, &n);
    if (status != PS_ARGS_GO)
        return status;
    if (out == NULL || out[0] == '\0')
        return ps_words_fail(2, ps_words("no file is named", "没有给出文件名"), "-o",
                             ps_words("see: packseal export --help", "参见:packseal export --help"));
    if (!ps_args_root(root_arg, root))
        return 2;
    struct ps_clips l = {0};
    bool paths = true;
    for (int i = 0; i < n; i++)
        paths &= strchr(argv[i], '/') != NULL;
    struct ps_index *x = paths ? NULL : ps_clips_index(root);
    status = paths || x != NULL ? 0 : 1;
    for (int i = 0; i < n && status == 0; i++)
        status = ps_clips_add(&l, root, x, argv[i]);
    ps_index_close(x);
    if (status == 0)
        status = from != NULL || to != NULL ? write_part(root, &l, from, to, out, json)
                                            : write_bundle(root, &l, NULL, out, json);
    ps_clips_free(&l);
    return status;
}
