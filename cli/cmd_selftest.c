/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a person would try by hand now and then: doctor, ledger check, and verify for clips picked at random. Each is
 * a child, this program once more: a clip that brings the checker down is a failure like another.
 */
#include "archive/store.h"
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/spawn.h"
#include "cli/user.h"
#include "cli/words.h"
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#define CLIPS 5
#define CLIPS_MAX 1000
#define LINE_MAX_BYTES ((size_t)1 << 20)

static const char help_en[] =
    "usage: packseal selftest [--clips N] [--json] [--root DIR]\n"
    "\n"
    "Runs doctor and ledger check, and verifies clips picked at random. One line tells the outcome, and what "
    "failed is\n"
    "named. Run daily by a timer; in the journal a failure is an error.\n"
    "Exit status: 0 all is well, 1 something must be looked after, 2 it could not be done.\n"
    "\n"
    "  --clips N   how many clips (default 5, 0 to 1000)\n"
    "  --json      one object: ok, clips, verified, failed: a list of check, where, text\n";
static const char help_zh[] =
    "用法:packseal selftest [--clips 数量] [--json] [--root 文件夹]\n"
    "\n"
    "运行 doctor 和 ledger "
    "check,并随机抽取录像核验。结果为一行,并列出失败项。由定时器每日运行,失败在日志中记为错误。\n"
    "返回值:0 一切正常,1 有需要处理的问题,2 无法进行。\n"
    "\n"
    "  --clips 数量  抽取的录像数(缺省 5,0 到 1000)\n"
    "  --json        一个对象:ok、clips、verified、failed:每项有 check、where、text\n";

struct selftest {
    char root[PS_ROOT_PATH], self[PATH_MAX];
    unsigned wanted;
    char *picked[CLIPS_MAX];
    unsigned n_picked;
    uint64_t clips; /* there are */
    unsigned verified;
    json_t *failed;
};

static void fail(struct selftest *t, const char *check, const char *where, const char *text) {
    json_array_append_new(t->failed,
                          json_pack("{s:s, s:s, s:s}", "check", check, "where", where, "text", text));
}

static const char *text_of(const json_t *o, const char *key) {
    const char *s = json_string_value(json_object_get(o, key));
    return s != NULL ? s : "";
}

/* ---- children ---- */

/* Runs this program with argv (argv[0] is filled in); each line of its output goes to take(). Returns how it ended, or a
 * negative error. */
static int run_child(struct selftest *t, char *argv[], void (*take)(struct selftest *, const json_t *)) {
    struct ps_why why = {0};
    char *line = NULL;
    size_t cap = 0;
    pid_t pid;
    int out, status = 0;
    argv[0] = t->self;
    if (ps_spawn_start(t->self, argv, &(struct ps_spawn_how){0}, &pid, &out, &why) < 0) {
        fail(t, argv[1], why.where, why.text);
        return PS_EIO;
    }
    FILE *f = fdopen(out, "r");
    for (ssize_t n; f != NULL && (n = getline(&line, &cap, f)) > 0;) {
        json_t *o = (size_t)n <= LINE_MAX_BYTES ? json_loadb(line, (size_t)n, 0, NULL) : NULL;
        if (o != NULL)
            take(t, o);
        json_decref(o);
    }
    free(line);
    if (f != NULL)
        fclose(f);
    else
        close(out);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

/* A child that ended badly and named nothing would otherwise pass for well. */
static void judge_end(struct selftest *t, const char *check, int status, size_t failed_before) {
    char text[96];
    if (status <= 0 || json_array_size(t->failed) > failed_before)
        return;
    ps_spawn_status_text(status, text);
    fail(t, check, t->root, text);
}

static void take_doctor(struct selftest *t, const json_t *o) {
    if (strcmp(text_of(o, "state"), "mend") == 0)
        fail(t, "doctor", text_of(o, "check"), text_of(o, "text"));
}

static void take_ledger(struct selftest *t, const json_t *o) {
    if (json_object_get(o, "problem") != NULL)
        fail(t, text_of(o, "problem"), text_of(o, "where"), text_of(o, "text"));
}

static void take_verdict(struct selftest *t, const json_t *o) {
    const char *content = text_of(o, "content"), *ledger = text_of(o, "ledger");
    if (content[0] == '\0')
        return;
    t->verified++;
    /* A key that was revoked or has run out is no damage on this disk. */
    if (strcmp(content, "intact") == 0 && strcmp(ledger, "inconsistent") != 0)
        return;
    const json_t *first = json_array_get(json_object_get(o, "problems"), 0);
    char text[512];
    snprintf(text, sizeof(text), "%s, %s: %s", content, ledger, text_of(first, "text"));
    fail(t, "verify", text_of(o, "path"), text);
}

/* ---- clips picked at random ---- */

static uint64_t below(uint64_t n) {
    uint64_t r = 0;
    /* The bias of a remainder of 64 bits is nothing that a spot check could notice. */
    return getrandom(&r, sizeof(r), 0) == (ssize_t)sizeof(r) ? r % n : 0;
}

/* Each of the clips seen so far is among the picked ones with the same chance (reservoir sampling). */
static int see(void *ctx, const char *path, const char *name) {
    struct selftest *t = ctx;
    (void)name;
    t->clips++;
    uint64_t at = t->n_picked < t->wanted ? t->n_picked : below(t->clips);
    if (at >= t->wanted)
        return 0;
    char whole[PS_ROOT_PATH];
    char *copy = ps_root_path(t->root, path, whole) == 0 ? strdup(whole) : NULL;
    if (copy == NULL)
        return PS_ENOMEM;
    if (at == t->n_picked)
        t->n_picked++;
    else
        free(t->picked[at]);
    t->picked[at] = copy;
    return 0;
}

static void verify_some(struct selftest *t) {
    static char *argv[CLIPS_MAX + 8];
    char trust[PS_ROOT_PATH];
    int n = 1;
    int rc = ps_store_each(t->root, see, t);
    if (rc < 0 || ps_root_path(t->root, PS_ROOT_PUBLIC "/trust", trust) < 0) {
        fail(t, "verify", t->root, ps_error_text(rc));
        return;
    }
    argv[n++] = (char[]){"verify"};
    argv[n++] = (char[]){"--json"};
    argv[n++] = (char[]){"--trust"};
    argv[n++] = trust;
    for (unsigned i = 0; i < t->n_picked; i++)
        argv[n++] = t->picked[i];
    if (t->n_picked == 0)
        return;
    size_t before = json_array_size(t->failed);
    int status = run_child(t, argv, take_verdict);
    if (t->verified != t->n_picked)
        judge_end(t, "verify", status, before);
}

/* ---- telling ---- */

static void tell(const struct selftest *t, bool json) {
    size_t i;
    json_t *v;
    if (json) {
        json_t *o = json_pack("{s:b, s:I, s:i, s:O}", "ok", json_array_size(t->failed) == 0, "clips",
                              (json_int_t)t->clips, "verified", (int)t->verified, "failed", t->failed);
        json_dumpf(o, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(o);
        return;
    }
    json_array_foreach(t->failed, i, v) {
        char text[1024];
        snprintf(text, sizeof(text), "%s: %s", text_of(v, "check"), text_of(v, "text"));
        ps_words_fail(1, text, text_of(v, "where"), NULL);
    }
    if (json_array_size(t->failed) > 0) {
        char text[96];
        snprintf(text, sizeof(text), ps_words("self-test failed: %zu findings", "自检失败:%zu 项"),
                 json_array_size(t->failed));
        ps_words_fail(1, text, t->root, ps_words("see the lines above", "见上面各行"));
    } else {
        printf(ps_words("self-test passed: doctor and ledger well, %u of %" PRIu64 " clips verified\n",
                        "自检正常:doctor 与账本无问题,核验录像 %u / %" PRIu64 "\n"),
               t->verified, t->clips);
    }
}

static int selftest(struct selftest *t, bool json) {
    char *doctor[] = {NULL, (char[]){"doctor"}, (char[]){"--json"}, (char[]){"--root"}, t->root, NULL};
    char *ledger[] = {
        NULL, (char[]){"ledger"}, (char[]){"check"}, (char[]){"--json"}, (char[]){"--root"}, t->root, NULL};
    size_t before = 0;
    judge_end(t, "doctor", run_child(t, doctor, take_doctor), before);
    before = json_array_size(t->failed);
    judge_end(t, "ledger check", run_child(t, ledger, take_ledger), before);
    verify_some(t);
    tell(t, json);
    return json_array_size(t->failed) == 0 ? 0 : 1;
}

int ps_cmd_selftest(int argc, char **argv) {
    const char *root_arg = NULL, *clips = NULL;
    char *end = NULL;
    bool json = false;
    const struct ps_args_option options[] = {{"--root", NULL, PS_ARGS_TEXT, &root_arg},
                                             {"--json", NULL, PS_ARGS_FLAG, &json},
                                             {"--clips", NULL, PS_ARGS_TEXT, &clips},
                                             {NULL, NULL, PS_ARGS_FLAG, NULL}};
    const struct ps_args_spec spec = {"selftest", help_en, help_zh, options, 0, 0};
    int n, status = ps_args_parse(&spec, argc, argv, &n);
    if (status != PS_ARGS_GO)
        return status;
    unsigned long wanted = clips != NULL ? strtoul(clips, &end, 10) : CLIPS;
    if (clips != NULL && (clips[0] < '0' || clips[0] > '9' || *end != '\0' || wanted > CLIPS_MAX))
        return ps_words_fail(2, ps_words("is no number up to 1000", "不是 1000 以内的数"), clips, "--clips");
    struct selftest *t = calloc(1, sizeof(*t));
    struct ps_why why = {0};
    status = 2;
    if (t == NULL || (t->failed = json_array()) == NULL) {
        ps_words_fail(2, ps_error_text(PS_ENOMEM), "selftest", NULL);
    } else if (ps_args_root(root_arg, t->root) && ps_user_of_station(t->root)) {
        t->wanted = (unsigned)wanted;
        if (ps_spawn_find("packseal", t->self, &why) < 0)
            ps_words_fail(2, why.text, why.where, ps_words("install packseal again", "请重新安装"));
        else
            status = selftest(t, json);
    }
    for (unsigned i = 0; t != NULL && i < t->n_picked; i++)
        free(t->picked[i]);
    if (t != NULL)
        json_decref(t->failed);
    free(t);
    return status;
}
