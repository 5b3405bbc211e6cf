/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/bundle.h"
#include "archive/intake_kept.h"
#include "cli/args.h"
#include "cli/clips.h"
#include "cli/cmd.h"
#include "cli/export_cut.h"
#include "cli/export_entry.h"
#include "cli/page.h"
#include "cli/removed.h"
#include "cli/report.h"
#include "cli/words.h"
#include "evidence/bytes.h"
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help_en[] =
    "usage: packseal export NUMBER|CLIP... -o FILE.zip [--from T] [--to T] [--intake ID]... [--no-page]\n"
    "                       [--json] [--root DIR]\n"
    "                       [--report [--printed T] [--picked-up T] [--delivered T] [--claimed T]]\n"
    "                       [--profile NAME [--reason KEY]]\n"
    "\n"
    "Writes a bundle: clips, statements, signatures, key and a text that tells how to check them. Of a "
    "number all "
    "takes\n"
    "go in. FILE must not exist; it appears only when it is whole. Its SHA-256 becomes an entry of the "
    "ledger, "
    "if the\n"
    "signer runs and takes it from you; the bundle is good without, too. Beside it verify.html is put, a "
    "courtesy: who\n"
    "checks gets the checker independently.\n"
    "\n"
    "  -o, --output FILE   the bundle\n"
    "  --from T, --to T    an excerpt of one clip: the whole segments that touch this time, no picture "
    "changed.\n"
    "                      T is seconds in the clip (12.5, 1:02, 1:02:03.5) or a time "
    "(2026-11-21T08:15:30Z)\n"
    "  --intake ID         photographs that were taken in, with their proof; see packseal intake\n"
    "  --no-page           leave verify.html out\n"
    "  --report            put a report (PDF, HTML, card) into the bundle, for people; see packseal report\n"
    "  --profile NAME      beside the bundle a folder of what a form takes: card, stills, a small film, the "
    "text\n"
    "                      for --reason KEY; generic-20mb, pdd, shopee, or your own in DIR/profiles\n"
    "  --progress          a line \"progress N\" on standard error for each hundredth, for programs\n"
    "  --json              one object: path, bytes, sha256, clips, intakes, ledgered, leaf, page, excerpt, "
    "pack\n";
static const char help_zh[] =
    "用法:packseal export 号码|录像… -o 文件.zip [--from 时间] [--to 时间] [--intake 编号]… [--no-page]\n"
    "                     [--json] [--root 文件夹]\n"
    "                     [--report [--printed 时间] [--picked-up 时间] [--delivered 时间] [--claimed "
    "时间]]\n"
    "                     [--profile 方案 [--reason 原因]]\n"
    "\n"
    "导出证据包:录像、声明、签名、公钥和核验说明。一个号码有多次录像时全部导出。文件不得已存在,\n"
    "完整写好后才出现。签名程序在运行并接受请求时,证据包的 SHA-256 记入账本;没有入账的证据包同样有效。\n"
    "证据包旁附上 verify.html,仅供方便:核验人应自行取得核验程序。\n"
    "\n"
    "  -o, --output 文件        证据包\n"
    "  --from 时间 --to 时间    一段录像的节选:该时段涉及的完整片段,画面不作任何改动。\n"
    "                           时间为录像中的秒数(12.5、1:02、1:02:03.5)或时刻(2026-11-21T08:15:30Z)\n"
    "  --intake 编号            附上已收存的照片及其证明,参见 packseal intake\n"
    "  --no-page                不附 verify.html\n"
    "  --report                 在证据包内附上供人阅读的报告（PDF、HTML、证据卡）,参见 packseal report\n"
    "  --profile 方案           在证据包旁生成表单所需的文件夹:证据卡、截图、小影片,以及 --reason 对应的\n"
    "                           申诉说明;自带 generic-20mb、pdd、shopee,自定义的放在 根文件夹/profiles\n"
    "  --progress               每完成百分之一在标准错误输出一行 progress N,供程序读取\n"
    "  --json                   "
    "输出一个对象:path、bytes、sha256、clips、intakes、ledgered、leaf、page、excerpt、pack\n";

static volatile sig_atomic_t interrupted;

static void on_signal(int number) {
    interrupted = number;
}

struct told {
    bool shown, lines; /* on a terminal; for a program */
    unsigned percent;
    uint64_t total;
};

static int progress(void *ctx, uint64_t done, uint64_t total) {
    struct told *t = ctx;
    t->total = total;
    unsigned percent = total > 0 ? (unsigned)(done / (total / 100 + 1)) : 100;
    if (percent != t->percent && (t->shown || t->lines))
        fprintf(stderr, t->lines ? "progress %u\n" : "\r%3u %%", percent);
    t->percent = percent;
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

struct asked {
    char root[PS_ROOT_PATH];
    const char *out, *from, *to, *profile, *reason;
    struct ps_report_dates dates;
    bool json, report, no_page, progress;
    struct ps_args_list intake_ids;
    struct ps_clips intakes; /* their folders */
    json_t *gone;            /* names of the clips that were asked for and are removed */
    char profile_file[PS_ROOT_PATH], pack[PS_ROOT_PATH];
};

struct made {
    uint64_t bytes;
    struct ps_export_entry entry;
    char page[PS_ROOT_PATH]; /* "" without */
};

static void tell_json(const struct asked *a, const struct ps_clips *l, const struct ps_cut *cut,
                      const struct made *m) {
    char hex[65];
    ps_bytes_hex(hex, m->entry.sha256, sizeof(m->entry.sha256));
    json_t *o = json_pack("{s:s, s:I, s:s, s:[], s:[], s:b, s:s?}", "path", a->out, "bytes",
                          (json_int_t)m->bytes, "sha256", hex, "clips", "intakes", "ledgered",
                          (int)m->entry.ledgered, "page", m->page[0] != '\0' ? m->page : NULL);
    for (unsigned i = 0; i < l->n; i++)
        json_array_append_new(json_object_get(o, "clips"), json_string(name_of(l->v[i])));
    for (unsigned i = 0; i < a->intakes.n; i++)
        json_array_append_new(json_object_get(o, "intakes"), json_string(name_of(a->intakes.v[i])));
    if (m->entry.ledgered)
        json_object_set_new(o, "leaf", json_integer((json_int_t)m->entry.index));
    else
        json_object_set_new(o, "why", json_sprintf("%s: %s", m->entry.why.where, m->entry.why.text));
    if (cut != NULL)
        json_object_set_new(o, "excerpt", ps_export_cut_json(cut));
    if (a->profile != NULL)
        json_object_set_new(o, "pack", json_string(a->pack));
    if (json_array_size(a->gone) > 0)
        json_object_set(o, "removed", a->gone);
    json_dumpf(o, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(o);
}

static void tell(const struct asked *a, const struct ps_clips *l, const struct ps_cut *cut,
                 const struct made *m) {
    if (a->json) {
        tell_json(a, l, cut, m);
        return;
    }
    for (unsigned i = 0; i < l->n; i++)
        printf(ps_words("clip      %s\n", "录像    %s\n"), name_of(l->v[i]));
    for (unsigned i = 0; i < a->intakes.n; i++)
        printf(ps_words("photos    %s\n", "照片    %s\n"), name_of(a->intakes.v[i]));
    if (cut != NULL)
        ps_export_cut_tell(cut);
    if (a->profile != NULL)
        printf(ps_words("for forms %s%s\n", "附件    %s%s\n"), a->pack, l->n > 1 ? "-…" : "");
    if (m->entry.ledgered)
        printf(ps_words("ledger    entry %" PRIu64 "\n", "账本    第 %" PRIu64 " 条\n"), m->entry.index);
    else
        printf(ps_words("ledger    has no entry of it: %s: %s\n", "账本    没有此次记录:%s:%s\n"),
               m->entry.why.where, m->entry.why.text);
    if (m->page[0] != '\0')
        printf(ps_words("page      %s (a courtesy; who checks gets the checker independently)\n",
                        "核验页  %s(仅供方便,核验人应自行取得核验程序)\n"),
               m->page);
    printf(ps_words("bundle    %s\nto check  packseal verify --trust KEY %s\n",
                    "证据包  %s\n核验    packseal verify --trust 公钥 %s\n"),
           a->out, a->out);
}

/* What follows a bundle that is whole on disk. Neither an entry nor a page that is missing makes it worse. */
static int follow_up(const struct asked *a, const struct ps_clips *l, struct made *m) {
    struct ps_why why = {0};
    int rc = ps_export_entry_make(&m->entry, a->root, (const char *const *)l->v, l->n, a->out, &why);
    if (rc < 0)
        return ps_words_fail(1, why.text, why.where, ps_words("look at the disk", "请检查磁盘"));
    if (m->entry.ledgered)
        ps_export_entry_want_stamp(a->root);
    if (a->no_page)
        return 0;
    rc = ps_page_beside(a->out, m->page, &why);
    if (rc < 0)
        m->page[0] = '\0';
    if (rc == PS_EEXIST)
        ps_words_note(ps_words("left alone, it is not the page of this version: %s",
                               "未改动,该文件不是本版本的核验页:%s"),
                      why.where);
    else if (rc < 0)
        ps_words_note(ps_words("no verify.html beside the bundle: %s: %s", "证据包旁没有 verify.html:%s:%s"),
                      why.where, why.text);
    return 0;
}

static int write_bundle(const struct asked *a, const struct ps_clips *l, const struct ps_cut *cut) {
    struct ps_why why = {0};
    struct told t = {
        .shown = !a->json && !a->progress && isatty(STDERR_FILENO), .lines = a->progress, .percent = 101};
    struct ps_bundle_spec spec = {.root = a->root,
                                  .paths = (const char *const *)l->v,
                                  .n = l->n,
                                  .cut = cut,
                                  .out = a->out,
                                  .intakes = (const char *const *)a->intakes.v,
                                  .n_intakes = a->intakes.n};
    struct ps_report_ask ask = {.root = a->root, .lang = "both", .dates = &a->dates, .quiet = true};
    struct ps_report_inside inside = {0};
    struct made made = {.bytes = 0};
    struct sigaction act = {.sa_handler = on_signal};
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    int status = a->report ? ps_report_inside(&inside, &ask, &spec, progress, &t) : 0;
    spec.extra = inside.extra;
    spec.n_extra = inside.n;
    int rc = status == 0 ? ps_bundle_write(&spec, progress, &t, &why) : 0;
    ps_report_inside_free(&inside);
    if (t.shown)
        fputs("\r      \r", stderr);
    if (rc < 0)
        return ps_words_fail(interrupted != 0 ? 128 + interrupted : 1, why.text, why.where, advice(rc));
    if (status == 0)
        status = follow_up(a, l, &made);
    if (status == 0 && a->profile != NULL) {
        ask.bundle = a->out;
        ask.profile = a->profile_file;
        ask.reason = a->reason;
        ask.pack = a->pack;
        status = ps_report_run(&ask);
    }
    made.bytes = t.total;
    if (status == 0)
        tell(a, l, cut, &made);
    return status;
}

/* An excerpt is of one clip: seconds in several mean nothing, and a descriptor speaks of one statement. */
static int write_part(const struct asked *a, const struct ps_clips *l) {
    struct ps_cut *cut = NULL;
    if (l->n != 1)
        return ps_words_fail(2, ps_words("an excerpt is of one clip", "节选只能取自一段录像"), "--from, --to",
                             ps_words("name the clip: packseal find", "请指明录像:packseal find"));
    int status = ps_export_cut_open(&cut, a->root, l->v[0], a->from, a->to);
    if (status == 0)
        status = write_bundle(a, l, cut);
    ps_cut_free(cut);
    return status;
}

/* The folder of the appeal pack is named by bundle and profile. */
static int choose_pack(struct asked *a) {
    if (a->profile == NULL)
        return a->reason == NULL
                   ? 0
                   : ps_words_fail(2, ps_words("needs --profile", "需要 --profile"), "--reason", NULL);
    if (!ps_report_profile(a->root, a->profile, a->profile_file))
        return 2;
    size_t n = strlen(a->out);
    n -= n > 4 && strcmp(a->out + n - 4, ".zip") == 0 ? 4 : 0;
    const char *name = name_of(a->profile);
    size_t m = strlen(name);
    m -= m > 5 && strcmp(name + m - 5, ".conf") == 0 ? 5 : 0;
    int w = snprintf(a->pack, sizeof(a->pack), "%.*s-%.*s", (int)n, a->out, (int)m, name);
    return w > 0 && w < (int)sizeof(a->pack)
               ? 0
               : ps_words_fail(2, ps_words("the path is too long", "路径过长"), a->out, NULL);
}

static int find_intakes(struct asked *a) {
    char path[PS_ROOT_PATH];
    struct ps_why why = {0};
    a->intakes.v = calloc(PS_ARGS_LIST_MAX, sizeof(*a->intakes.v));
    if (a->intakes.v == NULL)
        return ps_words_fail(1, ps_words("out of memory", "内存不足"), "--intake", NULL);
    for (unsigned i = 0; i < a->intake_ids.n; i++) {
        if (ps_intake_kept_find(a->root, a->intake_ids.v[i], path, &why) < 0)
            return ps_words_fail(
                1, why.text, why.where,
                ps_words("its name stands in intake/, as ST03-I0000131", "名称见 intake/,如 ST03-I0000131"));
        a->intakes.v[a->intakes.n] = strdup(path);
        if (a->intakes.v[a->intakes.n++] == NULL)
            return ps_words_fail(1, ps_words("out of memory", "内存不足"), "--intake", NULL);
    }
    return 0;
}

static int export_clips(struct asked *a, int argc, char **argv) {
    struct ps_clips l = {0};
    bool paths = true;
    for (int i = 0; i < argc; i++)
        paths &= strchr(argv[i], '/') != NULL;
    struct ps_index *x = paths ? NULL : ps_clips_index(a->root);
    int status = paths || x != NULL ? 0 : 1;
    for (int i = 0; i < argc && status == 0; i++)
        status = ps_clips_add(&l, a->root, x, argv[i]);
    ps_index_close(x);
    a->gone = json_array();
    if (status == 0)
        status = ps_removed_leave_out(a->root, &l, a->gone);
    if (status == 0)
        status = a->from != NULL || a->to != NULL ? write_part(a, &l) : write_bundle(a, &l, NULL);
    json_decref(a->gone);
    ps_clips_free(&l);
    return status;
}

int ps_cmd_export(int argc, char **argv) {
    const char *root_arg = NULL;
    struct asked a = {.json = false};
    const struct ps_args_option options[] = {{"--root", NULL, PS_ARGS_TEXT, &root_arg},
                                             {"--json", NULL, PS_ARGS_FLAG, &a.json},
                                             {"--from", NULL, PS_ARGS_TEXT, &a.from},
                                             {"--to", NULL, PS_ARGS_TEXT, &a.to},
                                             {"--output", "-o", PS_ARGS_TEXT, &a.out},
                                             {"--report", NULL, PS_ARGS_FLAG, &a.report},
                                             {"--intake", NULL, PS_ARGS_LIST, &a.intake_ids},
                                             {"--no-page", NULL, PS_ARGS_FLAG, &a.no_page},
                                             {"--progress", NULL, PS_ARGS_FLAG, &a.progress},
                                             {"--profile", NULL, PS_ARGS_TEXT, &a.profile},
                                             {"--reason", NULL, PS_ARGS_TEXT, &a.reason},
                                             {"--printed", NULL, PS_ARGS_TEXT, &a.dates.printed},
                                             {"--picked-up", NULL, PS_ARGS_TEXT, &a.dates.picked_up},
                                             {"--delivered", NULL, PS_ARGS_TEXT, &a.dates.delivered},
                                             {"--claimed", NULL, PS_ARGS_TEXT, &a.dates.claimed},
                                             {NULL, NULL, PS_ARGS_FLAG, NULL}};
    const struct ps_args_spec spec = {"export", help_en, help_zh, options, 1, PS_ARGS_LIST_MAX};
    int n, status = ps_args_parse(&spec, argc, argv, &n);
    if (status != PS_ARGS_GO)
        return status;
    if (a.out == NULL || a.out[0] == '\0')
        return ps_words_fail(2, ps_words("no file is named", "没有给出文件名"), "-o",
                             ps_words("see: packseal export --help", "参见:packseal export --help"));
    if (!ps_report_dates_ok(&a.dates) || !ps_args_root(root_arg, a.root))
        return 2;
    status = choose_pack(&a);
    if (status == 0)
        status = find_intakes(&a);
    if (status == 0)
        status = export_clips(&a, n, argv);
    ps_clips_free(&a.intakes);
    return status;
}
