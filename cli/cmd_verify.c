/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cmd.h"

#include <errno.h>
#include <sched.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/files.h"
#include "cli/args.h"
#include "cli/verify_list.h"
#include "cli/verify_pool.h"
#include "cli/verify_report.h"
#include "cli/words.h"
#include "evidence/judge.h"

#define SYSTEM_TRUST "/etc/packseal/trust"

static const char help_en[] =
    "usage: packseal verify PATH... [--trust FILE] [--root DIR] [--require LIST] [--json] [--lang en|zh]\n"
    "                       [--files-from FILE] [--null] [--jobs N]\n"
    "\n"
    "Judges bundles (zip, or unpacked), clip folders and lone films. Four questions are answered apart:\n"
    "content, key, time, ledger. Needs no station, no network and no database.\n"
    "\n"
    "  --trust FILE     registered keys: a trust file or a minisign public key\n"
    "  --root DIR       take DIR/public/trust instead\n"
    "  --require LIST   words bounded,included,not-after,not-before,trusted,witnessed: exit 1 unless all "
    "hold\n"
    "  --json           one object a line\n"
    "  --files-from F   judge the paths in F too, one a line; - is standard input\n"
    "  --null, -0       the paths in F end in NUL bytes, not in line feeds\n"
    "  --jobs, -j N     threads (default: one for each processor); answers keep the order of the paths\n"
    "\n"
    "Exit: 0 intact or excerpt and key trusted; 1 altered, incomplete, unsigned, revoked or expired;\n"
    "2 cannot judge; 3 intact or excerpt, key unknown. Of several paths the worst of 1, 2, 3, 0.\n";

static const char help_zh[] =
    "用法:packseal verify 路径... [--trust 文件] [--root 目录] [--require 列表] [--json] [--lang en|zh]\n"
    "                      [--files-from 文件] [--null] [--jobs N]\n"
    "\n"
    "核验证据包(zip 或已解开的目录)、录像目录或单个影片。内容、密钥、时间、账本四个问题分别回答。\n"
    "不需要工位、网络或数据库。\n"
    "\n"
    "  --trust 文件     登记的密钥:信任文件或 minisign 公钥\n"
    "  --root 目录      改用 目录/public/trust\n"
    "  --require 列表   bounded,included,not-after,not-before,trusted,witnessed,有一项不满足则返回 1\n"
    "  --json           每行一个对象\n"
    "  --files-from F   另从文件 F 读取路径,每行一个;- 为标准输入\n"
    "  --null, -0       F 中的路径以 NUL 字节结尾,而不是换行\n"
    "  --jobs, -j N     线程数(默认每个处理器一个);结果按路径的顺序给出\n"
    "\n"
    "返回:0 完好或节选且密钥已登记;1 已改动、不完整、无签名、已吊销或已过期;2 无法判断;\n"
    "3 完好或节选,密钥未登记。多个路径取 1、2、3、0 中最靠前的。\n";

enum {
    NEED_BOUNDED = 1,
    NEED_NOT_AFTER = 2,
    NEED_NOT_BEFORE = 4,
    NEED_INCLUDED = 8,
    NEED_TRUSTED = 16,
    NEED_WITNESSED = 32
};

static const struct {
    const char *word;
    unsigned bit;
} needs[] = {{"bounded", NEED_BOUNDED},       {"included", NEED_INCLUDED}, {"not-after", NEED_NOT_AFTER},
             {"not-before", NEED_NOT_BEFORE}, {"trusted", NEED_TRUSTED},   {"witnessed", NEED_WITNESSED}};

struct verify {
    bool json;
    unsigned need;
    struct ps_trust trust;
    bool have_trust;
    char trust_name[PS_ROOT_PATH];
};

/* ---- what the caller asks ------------------------------------------------------------------------ */

static int parse_needs(const char *list, unsigned *need) {
    while (list != NULL && *list != 0) {
        size_t n = strcspn(list, ","), i = 0;
        while (i < sizeof needs / sizeof needs[0] &&
               (strlen(needs[i].word) != n || strncmp(needs[i].word, list, n) != 0))
            i++;
        if (i == sizeof needs / sizeof needs[0])
            return ps_words_fail(2, ps_words("unknown requirement", "未知的要求"), list,
                                 "bounded, included, not-after, not-before, trusted, witnessed");
        *need |= needs[i].bit;
        list += n + (list[n] == ',');
    }
    return 0;
}

static bool holds(const struct ps_verdict *v, unsigned bit) {
    switch (bit) {
    case NEED_BOUNDED: return v->time == PS_TIME_BOUNDED;
    case NEED_NOT_AFTER: return v->time == PS_TIME_BOUNDED || v->time == PS_TIME_NOT_AFTER;
    case NEED_NOT_BEFORE: return v->time == PS_TIME_BOUNDED || v->time == PS_TIME_NOT_BEFORE;
    case NEED_WITNESSED: return v->n_witnesses > 0;
    case NEED_INCLUDED: return v->ledger == PS_LEDGER_INCLUDED;
    default: return v->key == PS_KEY_TRUSTED;
    }
}

static int check_needs(const struct verify *c, struct ps_verdict *v) {
    int status = 0;
    for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++) {
        if ((c->need & needs[i].bit) == 0 || holds(v, needs[i].bit))
            continue;
        ps_verdict_problem(v, "require", needs[i].word, "asked for with --require, and it does not hold");
        status = 1;
    }
    return status;
}

static int load_trust(struct verify *c, const char *name, bool must) {
    struct ps_files *files;
    struct ps_blob b;
    struct ps_why why = {{0}, {0}};
    uint8_t *p = NULL;
    size_t n = 0;
    int err = ps_files_open(&files, name, &why);
    if (err == PS_ENOENT && !must)
        return 0;
    if (err < 0)
        return ps_words_fail(2, ps_words("cannot read the registered keys", "无法读取登记密钥"), name,
                             why.text);
    struct ps_tree t = ps_files_tree(files);
    err = ps_files_is_folder(files) ? ps_error_why(&why, PS_EFORMAT, name, "is a folder")
                                    : t.open(t.ctx, 0, &b);
    if (err == 0)
        err = ps_blob_load(&b, PS_MAX_TRUST, &p, &n);
    if (err < 0)
        (void)ps_error_why(&why, err, name, "%s", ps_error_text(err));
    else
        err = ps_trust_parse(&c->trust, p, n, &why);
    free(p);
    ps_files_close(files);
    if (err < 0) {
        char where[PS_ROOT_PATH + 160];
        (void)snprintf(where, sizeof where, "%s %s", name, why.where);
        return ps_words_fail(2, ps_words("not a trust file or public key", "不是信任文件或公钥"), where,
                             why.text);
    }
    c->have_trust = true;
    (void)snprintf(c->trust_name, sizeof c->trust_name, "%s", name);
    return 0;
}

/* --trust, else the root that was named, else the machine's. Never a root that nobody named: a checker's verdict must
 * not depend on what happens to be installed beside it. */
static int choose_trust(struct verify *c, const char *trust, const char *root_arg) {
    char root[PS_ROOT_PATH], name[PS_ROOT_PATH];
    const char *env = getenv("PACKSEAL_ROOT");
    if (trust != NULL)
        return load_trust(c, trust, true);
    if (root_arg == NULL && (env == NULL || env[0] == 0))
        return load_trust(c, SYSTEM_TRUST, false);
    if (!ps_args_root(root_arg, root))
        return 2;
    if (ps_root_path(root, PS_ROOT_PUBLIC "/trust", name) < 0)
        return ps_words_fail(2, ps_words("path too long", "路径过长"), root, NULL);
    return load_trust(c, name, root_arg != NULL);
}

/* ---- one path ------------------------------------------------------------------------------------ */

struct path {
    const struct verify *c;
    struct ps_verify_pool_job *job;
    int exit; /* the worst so far; -1 before the first */
};

static void count(struct path *p, int status) {
    p->exit = p->exit < 0 ? status : ps_verdict_worst(p->exit, status);
}

static void fail(struct path *p, const char *what, const char *where, const char *todo) {
    count(p, ps_words_fail_to(p->job->err, 2, what, where, todo));
}

static int answer(void *ctx, const struct ps_judge_answer *a) {
    struct path *p = ctx;
    const struct verify *c = p->c;
    struct ps_verify_report r = {.out = p->job->out,
                                 .path = p->job->path,
                                 .clip = a->clip,
                                 .bundle = a->bundle,
                                 .v = a->v,
                                 .k = c->have_trust ? ps_trust_find(&c->trust, &a->v->signer) : NULL,
                                 .trust = c->have_trust ? c->trust_name : NULL};
    int status = ps_judge_exit(a);
    if (!a->bundle && a->v->content != PS_CONTENT_UNREADABLE && check_needs(c, a->v) != 0)
        status = 1;
    count(p, status);
    if (!c->json)
        ps_verify_report_text(&r);
    else if (ps_verify_report_json(&r) < 0)
        fail(p, ps_words("cannot write the answer", "无法输出结果"), r.path, NULL);
    ps_verify_pool_answered(p->job);
    return 0;
}

/* 0, or an error that was told. */
static int open_path(struct path *p, struct ps_files **files) {
    struct ps_why why = {{0}, {0}};
    const char *path = p->job->path;
    int err = ps_files_open(files, path, &why);
    if (err < 0) {
        char where[PS_ROOT_PATH + 160];
        bool same = strncmp(path, why.where, sizeof why.where - 1) == 0;
        (void)snprintf(where, sizeof where, "%.1000s%s%s", path, same ? "" : " ", same ? "" : why.where);
        fail(p, ps_words("cannot read", "无法读取"), where, why.text);
    }
    return err;
}

static int judge_path(void *ctx, struct ps_verify_pool_job *job) {
    const struct verify *c = ctx;
    struct path p = {.c = c, .job = job, .exit = -1};
    const struct ps_judge j = {.trust = c->have_trust ? &c->trust : NULL,
                               .answer = answer,
                               .answer_ctx = &p,
                               .progress = ps_verify_pool_progress,
                               .progress_ctx = job,
                               .both = ps_verify_pool_both,
                               .both_ctx = job};
    struct ps_files *files;
    struct ps_blob b;
    if (open_path(&p, &files) < 0)
        return p.exit;
    struct ps_tree t = ps_files_tree(files);
    int err;
    if (ps_files_is_folder(files)) {
        err = ps_judge_tree(&j, &t);
    } else {
        err = t.open(t.ctx, 0, &b);
        job->size = err == 0 ? b.size : 0;
        err = err == 0 ? ps_judge_file(&j, &b, job->path) : err;
    }
    ps_files_close(files);
    if (err == PS_EIO)
        fail(&p, ps_words("cannot read", "无法读取"), job->path, ps_words("check the file", "请检查该文件"));
    else if (err == PS_ENOMEM)
        fail(&p, ps_words("out of memory", "内存不足"), job->path, NULL);
    else if (err < 0)
        fail(&p, ps_words("cannot judge", "无法判断"), job->path, ps_error_text(err));
    return p.exit;
}

/* ---- all of them --------------------------------------------------------------------------------- */

/* --jobs, else one for each processor that this process may use. 0 after a message. */
static unsigned parse_jobs(const char *text) {
    char *end;
    cpu_set_t set;
    if (text == NULL) {
        int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
        return n < 1 ? 1 : n > PS_VERIFY_POOL_MOST ? PS_VERIFY_POOL_MOST : (unsigned)n;
    }
    errno = 0;
    long n = strtol(text, &end, 10);
    if (errno == 0 && end != text && *end == 0 && n >= 1 && n <= PS_VERIFY_POOL_MOST)
        return (unsigned)n;
    ps_words_fail(2, ps_words("--jobs is a number from 1 to 256", "--jobs 应为 1 到 256 的数"), text, NULL);
    return 0;
}

static int judge_all(struct verify *c, struct ps_verify_list *l, unsigned jobs) {
    const struct ps_verify_pool_spec spec = {.jobs = jobs,
                                             .n = l->file == NULL ? (uint64_t)l->n : 0,
                                             .progress = isatty(STDERR_FILENO) == 1,
                                             .next = ps_verify_list_next,
                                             .next_ctx = l,
                                             .taken = ps_verify_list_taken,
                                             .judge = judge_path,
                                             .judge_ctx = c};
    int status = ps_verify_pool_run(&spec);
    if (status < 0 && !l->failed)
        return ps_words_fail(2, ps_words("nothing to judge", "没有可核验的路径"),
                             l->name != NULL ? l->name : "verify",
                             ps_words("see: packseal verify --help", "参见:packseal verify --help"));
    if (!c->json)
        ps_verify_report_end(c->have_trust ? c->trust_name : NULL);
    return l->failed ? ps_verdict_worst(status < 0 ? 2 : status, 2) : status;
}

int ps_cmd_verify(int argc, char **argv) {
    struct verify c = {0};
    struct ps_verify_list list = {0};
    const char *trust = NULL, *root = NULL, *require = NULL, *jobs = NULL, *from = NULL;
    bool null = false;
    int n = 0;
    const struct ps_args_option options[] = {
        {"--trust", NULL, PS_ARGS_TEXT, &trust},     {"--root", NULL, PS_ARGS_TEXT, &root},
        {"--require", NULL, PS_ARGS_TEXT, &require}, {"--json", NULL, PS_ARGS_FLAG, &c.json},
        {"--jobs", "-j", PS_ARGS_TEXT, &jobs},       {"--files-from", NULL, PS_ARGS_TEXT, &from},
        {"--null", "-0", PS_ARGS_FLAG, &null},       {0},
    };
    const struct ps_args_spec spec = {"verify", help_en, help_zh, options, 0, UINT32_MAX};
    int status = ps_args_parse(&spec, argc, argv, &n);
    if (status != PS_ARGS_GO)
        return status;
    if (sodium_init() < 0) /* before there are threads */
        return ps_words_fail(2, ps_words("libsodium does not start", "libsodium 无法启动"), "verify", NULL);
    unsigned threads = parse_jobs(jobs);
    status = threads == 0 ? 2 : parse_needs(require, &c.need);
    if (status == 0)
        status = choose_trust(&c, trust, root);
    if (status == 0)
        status = ps_verify_list_open(&list, argv, n, from, null) ? judge_all(&c, &list, threads) : 2;
    if (fflush(stdout) != 0 || ferror(stdout))
        status = ps_words_fail(2, ps_words("cannot write the answer", "无法输出结果"), strerror(errno), NULL);
    ps_verify_list_close(&list);
    ps_trust_free(&c.trust);
    return status;
}
