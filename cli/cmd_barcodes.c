/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/config.h"
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/spawn.h"
#include "cli/words.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "packseal-report" /* it alone knows pages and bars */
#define WHO_MAX 128

static const char help_en[] =
    "usage: packseal barcodes [--site HZ01] [--operator 0017[=NAME]]... -o FILE.pdf [--root DIR]\n"
    "\n"
    "Prints an A4 sheet of Code 128 for the bench: stop, cancel, pack, return, another box, mark, sign out, "
    "and the staff\n"
    "numbers that sign in. Only stations of the same site obey them. Nothing that exists is overwritten.\n"
    "\n"
    "  --site HZ01           4 letters or digits; else [station] site of packseal.conf\n"
    "  --operator 0017=NAME  a staff number, 1 to 16 letters or digits, and a name to print; up to 64 of "
    "them\n"
    "  -o, --output FILE     where to\n";
static const char help_zh[] =
    "用法:packseal barcodes [--site HZ01] [--operator 0017[=姓名]]… -o 文件.pdf [--root 文件夹]\n"
    "\n"
    "生成工位用的 A4 条码页（Code 128）：结束、取消、发货、退货、加一箱、标记、签退，以及签到用的工号。\n"
    "只有场所代码相同的工位接受。不覆盖已有文件。\n"
    "\n"
    "  --site HZ01           4 位字母或数字，默认取 packseal.conf 的 [station] site\n"
    "  --operator 0017=姓名  工号（1 到 16 位字母或数字）和打印的姓名，最多 64 个\n"
    "  -o, --output 文件     写到哪里\n";

struct sheet {
    char site[5], station[PS_MAX_NAME + 1];
    char who[PS_ARGS_LIST_MAX][WHO_MAX];
    unsigned n;
};

/* Letters and digits up to `end`, as they are printed: capitals. 0: something else, or not least to most of them. */
static size_t capitals(char *out, const char *s, char end, size_t least, size_t most) {
    size_t n = 0;
    for (; s[n] != '\0' && s[n] != end; n++) {
        char c = s[n];
        if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        if (n == most || !((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')))
            return 0;
        out[n] = c;
    }
    out[n] = '\0';
    return n >= least ? n : 0;
}

/* What packseal.conf says, where there is one. */
static int from_config(struct sheet *s, const char *root) {
    char path[PS_ROOT_PATH];
    struct ps_why why = {0};
    struct ps_config *c = malloc(sizeof(*c));
    int status = 0, rc = c == NULL ? PS_ENOMEM : ps_root_config(root, path);
    if (rc == 0)
        rc = ps_config_load(c, path, &why);
    if (rc == 0) {
        capitals(s->site, c->site, '\0', 4, 4);
        memcpy(s->station, c->station_name, sizeof(s->station));
    } else if (rc != PS_ENOENT) {
        status = ps_words_fail(1, why.text[0] != '\0' ? why.text : ps_error_text(rc),
                               why.where[0] != '\0' ? why.where : root,
                               ps_words("mend it: packseal.conf(5)", "请修正:packseal.conf(5)"));
    }
    free(c);
    return status;
}

static int take_site(struct sheet *s, const char *site) {
    if (site != NULL && capitals(s->site, site, '\0', 4, 4) == 0)
        return ps_words_fail(2, ps_words("a site is 4 letters or digits", "场所代码是 4 位字母或数字"), site,
                             NULL);
    if (s->site[0] != '\0')
        return 0;
    return ps_words_fail(2, ps_words("no site is named", "没有场所代码"), "[station] site",
                         ps_words("write it into packseal.conf, or use --site HZ01",
                                  "请写入 packseal.conf，或使用 --site HZ01"));
}

static int take_people(struct sheet *s, const struct ps_args_list *people) {
    for (unsigned i = 0; i < people->n; i++) {
        const char *given = people->v[i];
        char *to = s->who[s->n];
        size_t n = capitals(to, given, '=', 1, 16);
        const char *name = given[n] == '=' ? given + n + 1 : "";
        if (n == 0)
            return ps_words_fail(
                2, ps_words("a staff number is 1 to 16 letters or digits", "工号是 1 到 16 位字母或数字"),
                given, NULL);
        if (strlen(name) > PS_MAX_NAME)
            return ps_words_fail(2, ps_words("a name has at most 64 bytes", "姓名最多 64 字节"), given, NULL);
        for (unsigned k = 0; k < s->n; k++)
            if (strncmp(s->who[k], to, n) == 0 && (s->who[k][n] == '\0' || s->who[k][n] == '='))
                return ps_words_fail(2, ps_words("the staff number is given twice", "工号重复"), given, NULL);
        if (name[0] != '\0')
            snprintf(to + n, WHO_MAX - n, "=%s", name);
        s->n++;
    }
    return 0;
}

static int start(struct sheet *s, const char *out) {
    char path[PATH_MAX];
    char program[] = PROGRAM, barcodes[] = "--barcodes", station[] = "--station", to[] = "--out",
         person[] = "--operator";
    char *v[8 + 2 * PS_ARGS_LIST_MAX];
    unsigned n = 0;
    const struct ps_spawn_how how = {.own_group = false};
    struct ps_why why = {0};
    pid_t pid;
    int fd;
    v[n++] = program;
    v[n++] = barcodes;
    v[n++] = s->site;
    v[n++] = station;
    v[n++] = s->station;
    v[n++] = to;
    v[n++] = (char *)(uintptr_t)out;
    for (unsigned i = 0; i < s->n; i++) {
        v[n++] = person;
        v[n++] = s->who[i];
    }
    v[n] = NULL;
    if (ps_spawn_find(PROGRAM, path, &why) < 0)
        return ps_words_fail(1, why.text, why.where,
                             ps_words("install PackSeal anew", "请重新安装 PackSeal"));
    fflush(stdout);
    if (ps_spawn_start(path, v, &how, &pid, &fd, &why) < 0)
        return ps_words_fail(1, why.text, why.where, NULL);
    return ps_spawn_follow(pid, fd, PROGRAM, false);
}

int ps_cmd_barcodes(int argc, char **argv) {
    const char *root_arg = NULL, *out = NULL, *site = NULL;
    struct ps_args_list people = {.n = 0};
    char root[PS_ROOT_PATH];
    const struct ps_args_option options[] = {{"--root", NULL, PS_ARGS_TEXT, &root_arg},
                                             {"--output", "-o", PS_ARGS_TEXT, &out},
                                             {"--site", NULL, PS_ARGS_TEXT, &site},
                                             {"--operator", NULL, PS_ARGS_LIST, &people},
                                             {NULL, NULL, PS_ARGS_FLAG, NULL}};
    const struct ps_args_spec spec = {"barcodes", help_en, help_zh, options, 0, 0};
    int n, status = ps_args_parse(&spec, argc, argv, &n);
    if (status != PS_ARGS_GO)
        return status;
    if (out == NULL || out[0] == '\0')
        return ps_words_fail(2, ps_words("no file is named", "没有给出文件"), "-o",
                             ps_words("see: packseal barcodes --help", "参见:packseal barcodes --help"));
    struct sheet *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return ps_words_fail(1, ps_words("out of memory", "内存不足"), "barcodes", NULL);
    /* With --site the sheet needs no station: it may be printed in an office. */
    if (!ps_args_root(root_arg, root))
        status = 2;
    else
        status = site != NULL && root_arg == NULL ? 0 : from_config(s, root);
    if (status == 0)
        status = take_site(s, site);
    if (status == 0)
        status = take_people(s, &people);
    if (status == 0)
        status = start(s, out);
    free(s);
    return status;
}
