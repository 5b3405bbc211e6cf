/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/args.h"
#include "cli/words.h"
#include <stdio.h>
#include <string.h>

struct taking {
    const struct ps_args_spec *spec;
    int argc, at;
    char **argv;
    const char *lang;
    bool help;
    const char *failed; /* what is wrong with argv[at] */
};

static const struct ps_args_option *find(const struct ps_args_option *o, const char *name, size_t n) {
    for (; o != NULL && o->name != NULL; o++)
        if ((strlen(o->name) == n && strncmp(o->name, name, n) == 0) ||
            (o->alias != NULL && strlen(o->alias) == n && strncmp(o->alias, name, n) == 0))
            return o;
    return NULL;
}

static void store(struct taking *t, const struct ps_args_option *o, const char *value) {
    if (o->kind == PS_ARGS_TEXT) {
        const char **to = o->to;
        if (*to != NULL)
            t->failed = ps_words("is given twice", "重复给出");
        *to = value;
        return;
    }
    struct ps_args_list *l = o->to;
    if (l->n == PS_ARGS_LIST_MAX)
        t->failed = ps_words("is given too often", "给出次数过多");
    else
        l->v[l->n++] = value;
}

static void take(struct taking *t) {
    char *arg = t->argv[t->at];
    const char *equals = arg[1] == '-' ? strchr(arg, '=') : NULL;
    size_t n = equals != NULL ? (size_t)(equals - arg) : strlen(arg);
    const struct ps_args_option common[] = {{"--help", "-h", PS_ARGS_FLAG, &t->help},
                                            {"--lang", NULL, PS_ARGS_TEXT, &t->lang},
                                            {NULL, NULL, PS_ARGS_FLAG, NULL}};
    const struct ps_args_option *o = find(t->spec->options, arg, n);
    if (o == NULL)
        o = find(common, arg, n);
    if (o == NULL)
        t->failed = ps_words("unknown option", "未知选项");
    else if (o->kind == PS_ARGS_FLAG && equals != NULL)
        t->failed = ps_words("takes no value", "不带值");
    else if (o->kind == PS_ARGS_FLAG)
        *(bool *)o->to = true;
    else if (equals != NULL)
        store(t, o, equals + 1);
    else if (t->at + 1 == t->argc)
        t->failed = ps_words("needs a value", "缺少值");
    else {
        store(t, o, t->argv[t->at + 1]);
        t->at += t->failed == NULL;
    }
}

static int wrong(const struct ps_args_spec *spec, const char *what, const char *where) {
    char todo[96];
    snprintf(todo, sizeof(todo), ps_words("see: packseal %s --help", "参见:packseal %s --help"),
             spec->command);
    return ps_words_fail(2, what, where, todo);
}

int ps_args_parse(const struct ps_args_spec *spec, int argc, char **argv, int *n) {
    struct taking t = {.spec = spec, .argc = argc, .argv = argv};
    int others = 0;
    bool ended = false;
    for (t.at = 1; t.at < argc; t.at++) {
        char *arg = argv[t.at];
        if (!ended && strcmp(arg, "--") == 0)
            ended = true;
        else if (!ended && arg[0] == '-' && arg[1] != '\0')
            take(&t);
        else
            argv[others++] = arg;
        if (t.failed != NULL)
            return wrong(spec, t.failed, argv[t.at]);
    }
    if (t.lang != NULL && !ps_words_choose(t.lang))
        return wrong(spec, "--lang is en or zh", t.lang);
    if (t.help) {
        fputs(ps_words(spec->help_en, spec->help_zh), stdout);
        return fflush(stdout) == 0 ? 0 : 1;
    }
    if ((unsigned)others < spec->least)
        return wrong(spec, ps_words("something is missing", "缺少参数"), spec->command);
    if ((unsigned)others > spec->most)
        return wrong(spec, ps_words("one argument too many", "参数过多"), argv[spec->most]);
    *n = others;
    return PS_ARGS_GO;
}

bool ps_args_root(const char *arg, char root[PS_ROOT_PATH]) {
    struct ps_why why = {0};
    if (ps_root_resolve(arg, root, &why) == 0)
        return true;
    ps_words_fail(2, why.text, why.where, ps_words("give --root DIR", "请用 --root 指定文件夹"));
    return false;
}

int ps_args_parse_plain(const struct ps_args_spec *spec, int argc, char **argv, char root[PS_ROOT_PATH],
                        bool *json) {
    const char *root_arg = NULL;
    const struct ps_args_option options[] = {
        {"--root", NULL, PS_ARGS_TEXT, &root_arg}, {"--json", NULL, PS_ARGS_FLAG, json}, {0}};
    struct ps_args_spec plain = *spec;
    int n;
    *json = false;
    plain.options = options;
    int status = ps_args_parse(&plain, argc, argv, &n);
    return status == PS_ARGS_GO && !ps_args_root(root_arg, root) ? 2 : status;
}
