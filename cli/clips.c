/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/clips.h"
#include "cli/words.h"
#include "evidence/bytes.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct ps_index *ps_clips_index(const char *root) {
    struct ps_why why = {0};
    struct ps_index *x = NULL;
    int rc = ps_index_open(&x, root, false, &why);
    if (rc == 0)
        return x;
    ps_words_fail(0, rc == PS_ENOENT ? ps_words("there is no index yet", "还没有索引") : why.text, why.where,
                  rc == PS_EVERSION ? ps_words("update PackSeal", "请更新 PackSeal")
                                    : ps_words("run: packseal reindex", "请运行:packseal reindex"));
    return NULL;
}

static int add(struct ps_clips *l, const char *path) {
    for (unsigned i = 0; i < l->n; i++)
        if (strcmp(l->v[i], path) == 0)
            return 0;
    char **more = reallocarray(l->v, l->n + 1, sizeof(*more));
    if (more == NULL)
        return PS_ENOMEM;
    l->v = more;
    l->v[l->n] = strdup(path);
    if (l->v[l->n] == NULL)
        return PS_ENOMEM;
    l->n++;
    return 0;
}

static int add_row(void *ctx, const struct ps_index_row *r) {
    return add(ctx, r->path);
}

void ps_clips_free(struct ps_clips *l) {
    for (unsigned i = 0; i < l->n; i++)
        free(l->v[i]);
    free(l->v);
    *l = (struct ps_clips){0};
}

/* A folder below the root, named from here or from the root. 1 when it is one and was added. */
static int add_path(struct ps_clips *l, const char *root, const char *text) {
    char real[PATH_MAX], real_root[PATH_MAX], below[PS_ROOT_PATH], file[PATH_MAX];
    struct stat st;
    if (realpath(root, real_root) == NULL)
        return 0;
    for (int i = 0; i < 2; i++) {
        if (i == 1 && ps_root_path(root, text, below) < 0)
            return 0;
        if (realpath(i == 0 ? text : below, real) == NULL)
            continue;
        int n = snprintf(file, sizeof(file), "%s/clip.json", real);
        if (n < 0 || n >= (int)sizeof(file) || stat(file, &st) != 0)
            continue;
        size_t len = strlen(real_root);
        if (strncmp(real, real_root, len) != 0 || real[len] != '/')
            continue;
        return add(l, real + len + 1) == 0;
    }
    return 0;
}

static bool number_of(const char *text, uint64_t *out) {
    if (text[0] == '\0' || strlen(text) > 15 || strspn(text, "0123456789") != strlen(text))
        return false;
    *out = strtoull(text, NULL, 10);
    return true;
}

int ps_clips_add(struct ps_clips *l, const char *root, struct ps_index *x, const char *text) {
    struct ps_why why = {0};
    uint64_t number;
    if (strchr(text, '/') != NULL && add_path(l, root, text) == 1)
        return 0;
    if (x == NULL)
        return ps_words_fail(1, ps_words("is no clip folder of this station", "不是本工位的录像文件夹"), text,
                             root);
    struct ps_index_query q = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .clip = text};
    int n = ps_index_find(x, &q, add_row, l, &why);
    if (n == 0) {
        q.clip = NULL;
        q.code = text;
        n = ps_index_find(x, &q, add_row, l, &why);
    }
    if (n == 0 && number_of(text, &number)) {
        q.code = NULL;
        q.number = &number;
        n = ps_index_find(x, &q, add_row, l, &why);
    }
    if (n < 0)
        return ps_words_fail(1, why.text, why.where,
                             ps_words("run: packseal reindex", "请运行:packseal reindex"));
    if (n == 0)
        return ps_words_fail(1, ps_words("no clip of that name or number", "没有此编号或号码的录像"), text,
                             ps_words("look for it: packseal find", "请查找:packseal find"));
    return 0;
}

/* ---- time */

void ps_clips_time(int64_t wall_ns, char out[32]) {
    time_t t = (time_t)(wall_ns / 1000000000 - (wall_ns % 1000000000 < 0));
    struct tm tm;
    if (localtime_r(&t, &tm) == NULL || strftime(out, 32, "%Y-%m-%d %H:%M:%S", &tm) == 0)
        snprintf(out, 32, "?");
}

bool ps_clips_time_of(const char *text, bool end, int64_t *wall_ns) {
    static const char *const forms[] = {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S",
                                        "%Y-%m-%dT%H:%M:%S"};
    /* What a date, a minute, a second leaves until the next. */
    static const int64_t span_s[] = {86400, 60, 1, 1};
    if (ps_statement_time_of(text, wall_ns) == 0)
        return true;
    char whole[64];
    size_t n = strlen(text);
    if (n == 20 && text[19] == 'Z') { /* RFC 3339 without milliseconds */
        snprintf(whole, sizeof(whole), "%.19s.000Z", text);
        return ps_statement_time_of(whole, wall_ns) == 0;
    }
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct tm tm = {.tm_isdst = -1};
        const char *rest = strptime(text, forms[i], &tm);
        if (rest == NULL || *rest != '\0')
            continue;
        if (end && i == 0)
            tm.tm_mday++; /* the next midnight, wherever the clock is put forward */
        time_t t = mktime(&tm);
        if (t == (time_t)-1 || t > INT64_MAX / 1000000000 - 100000)
            return false;
        *wall_ns = (int64_t)t * 1000000000;
        if (end)
            *wall_ns += (i == 0 ? 0 : span_s[i] * 1000000000) - 1;
        return true;
    }
    return false;
}

/* ---- words */

static const char *translate(const char *const (*words)[3], const char *word) {
    for (; (*words)[0] != NULL; words++)
        if (strcmp((*words)[0], word) == 0)
            return ps_words((*words)[1], (*words)[2]);
    return word;
}

const char *ps_clips_kind(const char *kind) {
    static const char *const words[][3] = {{"pack", "pack", "打包"},
                                           {"return", "return", "退货"},
                                           {"audit", "audit", "盘点"},
                                           {NULL, NULL, NULL}};
    return translate(words, kind);
}

const char *ps_clips_reason(const char *reason) {
    static const char *const words[][3] = {{"next-code", "next code", "下一个条码"},
                                           {"same-code", "same code", "再次扫描"},
                                           {"stop", "stop", "停止"},
                                           {"cancelled", "CANCELLED", "已取消"},
                                           {"idle", "idle", "空闲"},
                                           {"maximum", "maximum length", "达到最长时间"},
                                           {"shutdown", "shutdown", "关机"},
                                           {"power-loss", "POWER LOSS", "断电"},
                                           {"crash", "CRASH", "程序中断"},
                                           {"camera-lost", "CAMERA LOST", "摄像头断开"},
                                           {"disk-full", "DISK FULL", "磁盘已满"},
                                           {"fault", "FAULT", "故障"},
                                           {NULL, NULL, NULL}};
    return translate(words, reason);
}
