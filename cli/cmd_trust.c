/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * packseal trust …: a platform's file of whom it believes, from what merchants hand in (docs/KEYS.md section 3).
 */
#include "archive/store.h"
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/trust_merge.h"
#include "cli/words.h"
#include "evidence/origin.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NOTE_MAX ((size_t)1 << 20)

static const char help_en[] =
    "usage: packseal trust add FILE... --to TRUST [--yes] [--authorities]\n"
    "       packseal trust list TRUST [--json]\n"
    "       packseal trust check TRUST [--json]\n"
    "\n"
    "For platforms and courts: whom to believe, gathered from what merchants hand in.\n"
    "\n"
    "  add     puts what the files say into TRUST, after showing each fingerprint. FILE is an enrolment note "
    "(its\n"
    "          .minisig beside it is checked), a trust file, or a station's public/trust. What is there "
    "already is told;\n"
    "          what contradicts it is told, and then nothing is written. Nothing is ever replaced.\n"
    "  list    shows every entry with its fingerprint\n"
    "  check   looks for entries that are expired or speak for more than one merchant's station\n"
    "\n"
    "  --to TRUST      the trust file; made when it is not there\n"
    "  --yes           do not ask: the fingerprints have been compared\n"
    "  --authorities   take time-stamp authorities and witnesses over, too\n";
static const char help_zh[] =
    "用法:packseal trust add 文件… --to 信任文件 [--yes] [--authorities]\n"
    "      packseal trust list 信任文件 [--json]\n"
    "      packseal trust check 信任文件 [--json]\n"
    "\n"
    "供平台和法院使用:汇总各商家提交的登记资料。\n"
    "\n"
    "  add     先显示每个指纹,再将文件内容加入信任文件。文件可为登记书(核对其旁的 .minisig)、信任文件,\n"
    "          或工位的 public/trust。已有的条目会说明;与已有条目矛盾的会说明,且不写入任何内容。从不替换。\n"
    "  list    列出全部条目及指纹\n"
    "  check   查找已过期、或可能对应多个商家工位的条目\n"
    "\n"
    "  --to 信任文件   不存在则新建\n"
    "  --yes           不再询问:指纹已核对\n"
    "  --authorities   同时采用时间戳机构和见证方\n";

struct job {
    const char *to;
    bool yes, authorities, json;
    unsigned problems;
};

/* ---- telling ------------------------------------------------------------------------------------------ */

static void tell_entry(void *ctx, const struct ps_trust_merge_entry *e) {
    const struct job *j = ctx;
    static const char *const words[][2] = {
        {"new", "新增"}, {"is there already", "已存在"}, {"CONFLICT", "矛盾"}, {"left out", "未采用"}};
    if (j->json) {
        json_t *o = json_pack("{s:s, s:s, s:s}", "kind", e->kind, "line", e->line, "fingerprint", e->print);
        json_dumpf(o, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(o);
        return;
    }
    printf("%s\n", e->line);
    if (e->print[0] != '\0')
        printf("  %s\n", e->print);
    if (j->to != NULL)
        printf("  %s%s%s\n", ps_words(words[e->said][0], words[e->said][1]), e->why[0] != '\0' ? ": " : "",
               e->why);
}

static int load(const char *path, size_t max, uint8_t **p, size_t *n) {
    struct ps_why why = {0};
    *p = NULL;
    if (ps_store_read_file(AT_FDCWD, path, max, p, n, &why) == 0)
        return 0;
    return ps_words_fail(1, why.text, path, ps_words("give the file's name", "请给出文件名"));
}

/* ---- add ---------------------------------------------------------------------------------------------- */

/* A note as the trust file that it says, checked by its signature. */
static int load_note(const char *path, uint8_t **p, size_t *n) {
    char name[PS_ROOT_PATH];
    struct ps_why why = {0};
    struct ps_buf out;
    uint8_t *sig = NULL;
    size_t sig_n = 0;
    int k = snprintf(name, sizeof(name), "%s.minisig", path);
    if (k < 0 || (size_t)k >= sizeof(name))
        return ps_words_fail(1, ps_words("the path is too long", "路径过长"), path, NULL);
    int status = load(name, PS_MAX_MINISIG, &sig, &sig_n);
    if (status != 0)
        return status;
    ps_buf_init(&out, PS_MAX_TRUST);
    if (ps_trust_merge_note(&out, *p, *n, sig, sig_n, &why) != 0)
        status =
            ps_words_fail(1, why.text, path, ps_words("have the merchant send it again", "请商家重新提交"));
    free(sig);
    free(*p);
    *p = status == 0 ? out.p : NULL;
    *n = status == 0 ? out.n : 0;
    if (status == 0)
        out.p = NULL; /* transferred */
    ps_buf_free(&out);
    return status;
}

static int add_file(struct ps_trust_merge *m, const char *path) {
    struct ps_trust in;
    struct ps_why why = {0};
    uint8_t *p;
    size_t n;
    int status = load(path, NOTE_MAX, &p, &n);
    if (status == 0 && ps_trust_merge_is_note(p, n))
        status = load_note(path, &p, &n);
    if (status != 0) {
        free(p);
        return status;
    }
    int err = ps_trust_parse(&in, p, n, &why);
    free(p);
    if (err == 0) {
        printf("%s%s\n", path, ps_words(":", ":"));
        err = ps_trust_merge_file(m, &in, &why);
        ps_trust_free(&in);
    }
    char where[PS_ROOT_PATH + 96];
    snprintf(where, sizeof(where), "%s %s", path, why.where);
    return err == 0
               ? 0
               : ps_words_fail(1, why.text, where,
                               ps_words("give an enrolment note or a trust file", "请给出登记书或信任文件"));
}

/* Whole or not at all, in the place of the old one. */
static int replace(const char *path, const struct ps_buf *b) {
    char fresh[PS_ROOT_PATH];
    struct ps_why why = {0};
    int n = snprintf(fresh, sizeof(fresh), "%s.new", path);
    if (n < 0 || (size_t)n >= sizeof(fresh))
        return ps_words_fail(1, ps_words("the path is too long", "路径过长"), path, NULL);
    if (ps_store_write_file(AT_FDCWD, fresh, b->p, b->n, &why) != 0)
        return ps_words_fail(1, why.text, fresh,
                             ps_words("remove what an earlier attempt left, or choose another place",
                                      "请删除上次遗留的文件,或另选位置"));
    if (rename(fresh, path) == 0)
        return 0;
    unlink(fresh);
    return ps_words_fail(1, strerrordesc_np(errno), path, NULL);
}

static bool agreed(const struct job *j, unsigned n) {
    char line[16] = "";
    if (j->yes)
        return true;
    printf(ps_words("\nCompare each root fingerprint by telephone, on a number from your own records.\n"
                    "Add %u lines to %s? [y/N] ",
                    "\n请用您自己记录的号码致电商家,逐一核对根公钥指纹。\n将 %u 行加入 %s?[y/N] "),
           n, j->to);
    fflush(stdout);
    bool yes = fgets(line, sizeof(line), stdin) != NULL && (line[0] == 'y' || line[0] == 'Y');
    if (!yes)
        putchar('\n');
    return yes;
}

static int trust_add(struct job *j, char **files, int n) {
    struct ps_trust_merge m = {.authorities = j->authorities, .tell = tell_entry, .ctx = j};
    struct ps_why why = {0};
    uint8_t *p = NULL;
    size_t size = 0;
    int status = 0;
    if (j->to == NULL)
        return ps_words_fail(2, ps_words("something is missing", "缺少参数"), "--to",
                             ps_words("see: packseal trust --help", "参见:packseal trust --help"));
    if (access(j->to, F_OK) == 0 && (status = load(j->to, PS_MAX_TRUST, &p, &size)) != 0)
        return status;
    if (ps_trust_merge_begin(&m, p, size, &why) != 0)
        status =
            ps_words_fail(1, why.text, j->to,
                          ps_words("mend it, or name another file with --to", "请修正,或用 --to 另取文件"));
    for (int i = 0; i < n && status == 0; i++)
        status = add_file(&m, files[i]);
    if (status == 0 && m.conflicts > 0)
        status = ps_words_fail(
            1,
            ps_words("nothing was written: what was handed in contradicts it", "未写入:提交的内容与其矛盾"),
            j->to, ps_words("see the lines marked CONFLICT", "见标有“矛盾”的行"));
    else if (status == 0 && m.fresh == 0)
        puts(ps_words("nothing new", "没有新内容"));
    else if (status == 0 && agreed(j, m.fresh))
        status = replace(j->to, &m.text);
    else if (status == 0)
        status =
            ps_words_fail(1, ps_words("nothing was written: not confirmed", "未写入:未确认"), j->to,
                          ps_words("compare the fingerprints, then say --yes", "请核对指纹后使用 --yes"));
    ps_trust_merge_end(&m);
    free(p);
    return status;
}

/* ---- list, check --------------------------------------------------------------------------------------- */

static int open_trust(struct ps_trust_merge *m, const char *path) {
    struct ps_why why = {0};
    uint8_t *p;
    size_t n;
    int status = load(path, PS_MAX_TRUST, &p, &n);
    if (status != 0)
        return status;
    char where[PS_ROOT_PATH + 96];
    int err = ps_trust_merge_begin(m, p, n, &why);
    free(p);
    snprintf(where, sizeof(where), "%s %s", path, why.where);
    return err == 0 ? 0 : ps_words_fail(1, why.text, where, ps_words("mend this line", "请修正该行"));
}

static int trust_list(struct job *j, char **files, int n) {
    struct ps_trust_merge m = {.tell = tell_entry, .ctx = j};
    (void)n;
    int status = open_trust(&m, files[0]);
    if (status == 0)
        ps_trust_merge_list(&m);
    ps_trust_merge_end(&m);
    return status;
}

static void problem(struct job *j, const char *where, const char *text) {
    j->problems++;
    if (j->json) {
        json_t *o = json_pack("{s:s, s:s}", "where", where, "text", text);
        json_dumpf(o, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(o);
    } else {
        printf("%s: %s\n", where, text);
    }
}

static void check_keys(struct job *j, const struct ps_trust *t, int64_t now) {
    char key[57];
    for (size_t i = 0; i < t->n; i++) {
        ps_minisign_pubkey_text(&t->keys[i].key, key);
        if (!t->keys[i].only_revoked && t->keys[i].until_ns < now)
            problem(j, key,
                    ps_words("is expired: clips made since are not judged by it",
                             "已过期:此后的录像不再据此判断"));
        if (!t->keys[i].only_revoked && t->keys[i].station[0] == '\0')
            problem(j, key, ps_words("is registered for any station", "登记为任意工位"));
    }
    for (size_t i = 0; i < t->n_roots; i++) {
        ps_minisign_pubkey_text(&t->roots[i].key, key);
        if (t->roots[i].merchant[0] == '\0')
            problem(j, key,
                    ps_words("a root key that may certify in any merchant's name",
                             "该根公钥可以任何商家名义认证"));
        for (size_t k = 0; k < i; k++)
            if (strcmp(t->roots[i].merchant, t->roots[k].merchant) == 0)
                problem(j, key, ps_words("a second root key of this merchant", "该商家的第二把根公钥"));
    }
}

static void check_logs(struct job *j, const struct ps_trust *t) {
    for (size_t i = 0; i < t->n_logs; i++) {
        struct ps_origin o;
        if (ps_origin_parse(&o, t->logs[i].name) != 0)
            continue;
        if (!ps_origin_fits(&o, t->logs[i].key))
            problem(j, t->logs[i].name, ps_words("its name is that of another key", "名称属于另一把公钥"));
        else if (o.mark[0] == '\0')
            problem(j, t->logs[i].name,
                    ps_words("a name of the first version: a station of another merchant that bears it is "
                             "judged inconsistent",
                             "旧版名称:其他商家的同名工位会被判为前后矛盾"));
    }
}

static int trust_check(struct job *j, char **files, int n) {
    struct ps_trust_merge m = {.tell = tell_entry, .ctx = j};
    (void)n;
    int status = open_trust(&m, files[0]);
    if (status == 0) {
        check_keys(j, &m.all, (int64_t)time(NULL) * 1000000000);
        check_logs(j, &m.all);
        if (j->problems == 0 && !j->json)
            puts(ps_words("nothing found", "未发现问题"));
    }
    ps_trust_merge_end(&m);
    return status != 0 ? status : j->problems > 0;
}

int ps_cmd_trust(int argc, char **argv) {
    static const struct {
        const char *name;
        int (*run)(struct job *, char **, int);
        int most;
    } commands[] = {{"add", trust_add, PS_ARGS_LIST_MAX}, {"list", trust_list, 1}, {"check", trust_check, 1}};
    struct job j = {.to = NULL};
    int n = 0;
    const struct ps_args_option options[] = {{"--to", NULL, PS_ARGS_TEXT, &j.to},
                                             {"--yes", NULL, PS_ARGS_FLAG, &j.yes},
                                             {"--authorities", NULL, PS_ARGS_FLAG, &j.authorities},
                                             {"--json", NULL, PS_ARGS_FLAG, &j.json},
                                             {NULL, NULL, PS_ARGS_FLAG, NULL}};
    const struct ps_args_spec spec = {"trust", help_en, help_zh, options, 2, 1 + PS_ARGS_LIST_MAX};
    int status = ps_args_parse(&spec, argc, argv, &n);
    if (status != PS_ARGS_GO)
        return status;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(argv[0], commands[i].name) == 0 && n - 1 <= commands[i].most)
            return commands[i].run(&j, argv + 1, n - 1);
    return ps_words_fail(2, ps_words("unknown command, or one argument too many", "未知命令,或参数过多"),
                         argv[0], ps_words("see: packseal trust --help", "参见:packseal trust --help"));
}
