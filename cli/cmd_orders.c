/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/config.h"
#include "archive/orders.h"
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/words.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help_en[] =
    "usage: packseal orders [FILE] [--json] [--root DIR]\n"
    "\n"
    "Reads the list of expected orders as the recorder does: FILE, or the one that packseal.conf names "
    "([orders] file).\n"
    "Exit status 1 when a line does not count, or there is no such list.\n"
    "\n"
    "  --json   one object: file, encoding, rows, refunded, bad\n";
static const char help_zh[] =
    "用法:packseal orders [文件] [--json] [--root 文件夹]\n"
    "\n"
    "按录像程序的方式读取待发订单表:指定的文件,或 packseal.conf 中 [orders] file 所指的。\n"
    "有不计入的行或没有该表时返回 1。\n"
    "\n"
    "  --json   输出一个对象:file、encoding、rows、refunded、bad\n";

/* The file to read, from the configuration when none is given. 0, or an exit status after a message. */
static int file_of(const char *root, const char *given, char path[PS_ROOT_PATH]) {
    char conf[PS_ROOT_PATH];
    struct ps_why why = {0};
    if (given != NULL)
        return snprintf(path, PS_ROOT_PATH, "%s", given) < PS_ROOT_PATH ? 0 : 2;
    struct ps_config *c = malloc(sizeof(*c));
    int rc = c == NULL ? PS_ENOMEM : ps_root_config(root, conf);
    if (rc == 0)
        rc = ps_config_load(c, conf, &why);
    if (rc == 0)
        rc = ps_orders_path(root, c->orders_file, path);
    bool none = rc == 0 && c->orders_file[0] == '\0' && access(path, F_OK) != 0;
    free(c);
    if (rc < 0)
        return ps_words_fail(2, why.text[0] != '\0' ? why.text : ps_error_text(rc), why.where,
                             ps_words("see packseal.conf(5)", "参见 packseal.conf(5)"));
    return none ? ps_words_fail(1, ps_words("no list of orders is configured", "没有配置订单表"), conf,
                                ps_words("name one: [orders] file =", "请设置:[orders] file ="))
                : 0;
}

static void tell_json(const char *path, const struct ps_orders_summary *s) {
    json_t *bad = json_array();
    for (unsigned i = 0; i < s->kept; i++)
        json_array_append_new(
            bad, json_pack("{s:I, s:s}", "line", (json_int_t)s->bad[i].line, "text", s->bad[i].text));
    json_t *o = json_pack("{s:s, s:s, s:I, s:I, s:I, s:o}", "file", path, "encoding", s->encoding, "rows",
                          (json_int_t)s->rows, "refunded", (json_int_t)s->refunded, "bad_lines",
                          (json_int_t)s->n_bad, "bad", bad);
    if (o != NULL)
        json_dumpf(o, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(o);
}

static void tell_words(const char *path, const struct ps_orders_summary *s) {
    printf(ps_words("%s: %s, %" PRIu64 " rows, %" PRIu64 " refunded\n",
                    "%s:%s,%" PRIu64 " 行,其中已退款 %" PRIu64 "\n"),
           path, s->encoding, s->rows, s->refunded);
    for (unsigned i = 0; i < s->kept; i++)
        printf(ps_words("  line %" PRIu64 " does not count, or not all of it: %s\n",
                        "  第 %" PRIu64 " 行不计入或不全计入:%s\n"),
               s->bad[i].line, s->bad[i].text);
    if (s->n_bad > s->kept)
        printf(ps_words("  and %" PRIu64 " lines more\n", "  另有 %" PRIu64 " 行\n"), s->n_bad - s->kept);
}

int ps_cmd_orders(int argc, char **argv) {
    const char *root_arg = NULL;
    char root[PS_ROOT_PATH], path[PS_ROOT_PATH];
    bool json = false;
    const struct ps_args_option options[] = {{"--root", NULL, PS_ARGS_TEXT, &root_arg},
                                             {"--json", NULL, PS_ARGS_FLAG, &json},
                                             {NULL, NULL, PS_ARGS_FLAG, NULL}};
    const struct ps_args_spec spec = {"orders", help_en, help_zh, options, 0, 1};
    struct ps_orders *o = NULL;
    struct ps_orders_summary s;
    struct ps_why why = {0};
    int n, status = ps_args_parse(&spec, argc, argv, &n);
    if (status != PS_ARGS_GO)
        return status;
    if (!ps_args_root(root_arg, root))
        return 2;
    status = file_of(root, n > 0 ? argv[0] : NULL, path);
    if (status != 0)
        return status;
    if (ps_orders_load(&o, path, &why) < 0)
        return ps_words_fail(1, why.text, why.where,
                             ps_words("save it as CSV with headings: see packseal.conf(5)",
                                      "请另存为带表头的 CSV:参见 packseal.conf(5)"));
    ps_orders_summary(o, &s);
    if (json)
        tell_json(path, &s);
    else
        tell_words(path, &s);
    ps_orders_free(o);
    return s.n_bad > 0 ? 1 : 0;
}
