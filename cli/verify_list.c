/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/verify_list.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/words.h"

static void fail(struct ps_verify_list *l, const char *why) {
    l->failed = true;
    ps_words_fail(2, ps_words("cannot read the list of paths", "无法读取路径列表"), l->name, why);
}

bool ps_verify_list_open(struct ps_verify_list *l, char **argv, int n, const char *from, bool null) {
    struct stat st;
    *l = (struct ps_verify_list){.argv = argv, .n = n, .name = from, .null = null};
    if (from == NULL)
        return true;
    l->file = strcmp(from, "-") == 0 ? stdin : fopen(from, "re");
    if (l->file == NULL) {
        fail(l, strerror(errno));
        return false;
    }
    if (fstat(fileno(l->file), &st) == 0 && S_ISREG(st.st_mode))
        l->size = (uint64_t)st.st_size;
    return true;
}

void ps_verify_list_close(struct ps_verify_list *l) {
    if (l->file != NULL && l->file != stdin)
        fclose(l->file);
    l->file = NULL;
}

/* One path into `path`, cut where no path can be longer. Its length, 0 at the end. */
static size_t read_path(struct ps_verify_list *l, char path[PATH_MAX + 1]) {
    const int end = l->null ? 0 : '\n';
    size_t n = 0;
    int c;
    while ((c = getc(l->file)) != EOF) {
        l->got++;
        if (c == 0 && !l->null) {
            fail(l, ps_words("it holds NUL bytes: use --null", "其中有 NUL 字节:请用 --null"));
            return 0;
        }
        if (c == end && n > 0)
            break;
        if (c != end && n < PATH_MAX)
            path[n++] = (char)c;
    }
    if (ferror(l->file)) {
        fail(l, strerror(errno));
        return 0;
    }
    path[n] = 0;
    return n;
}

char *ps_verify_list_next(void *ctx) {
    struct ps_verify_list *l = ctx;
    char path[PATH_MAX + 1], *copy = NULL;
    if (l->at < l->n) {
        copy = strdup(l->argv[l->at++]);
    } else if (l->file == NULL || l->failed || read_path(l, path) == 0) {
        return NULL;
    } else {
        copy = strdup(path);
    }
    if (copy == NULL) {
        l->failed = true;
        ps_words_fail(2, ps_words("out of memory", "内存不足"), "verify", NULL);
    }
    return copy;
}

double ps_verify_list_taken(void *ctx) {
    const struct ps_verify_list *l = ctx;
    if (l->file == NULL)
        return l->n > 0 ? (double)l->at / l->n : 0;
    return l->size > 0 ? (double)l->got / (double)l->size : -1;
}
