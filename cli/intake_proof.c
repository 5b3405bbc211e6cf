/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/intake_proof.h"
#include "archive/bundle_text.h"
#include "archive/intake_kept.h"
#include "archive/outside.h"
#include "archive/store.h"
#include "cli/words.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_MAX 4096

struct proof {
    const char *root, *dir;
    char path[PS_ROOT_PATH]; /* of the intake, below root */
    int from, to;
    struct ps_intake_kept kept;
    struct ps_outside outside;
};

/* What the station keeps, byte for byte. */
static int copy(struct proof *p, const char *name, size_t max, struct ps_why *why) {
    uint8_t *bytes = NULL;
    size_t n = 0;
    int rc = ps_store_read_file(p->from, name, max, &bytes, &n, why);
    if (rc == 0)
        rc = ps_store_write_file(p->to, name, bytes, n, why);
    free(bytes);
    return rc;
}

static int copy_key(struct proof *p, struct ps_why *why) {
    char path[PS_ROOT_PATH];
    uint8_t *bytes = NULL;
    size_t n = 0;
    int rc = ps_root_path(p->root, PS_ROOT_PUBLIC "/log.vkey", path);
    if (rc == 0)
        rc = ps_store_read_file(AT_FDCWD, path, KEY_MAX, &bytes, &n, why);
    if (rc == 0)
        rc = ps_store_write_file(p->to, "log.vkey", bytes, n, why);
    free(bytes);
    return rc;
}

static int write_text(struct proof *p, struct ps_why *why) {
    struct ps_buf b;
    ps_buf_init(&b, 65536);
    ps_bundle_text_intake(&b);
    int rc = b.err != 0 ? b.err : ps_store_write_file(p->to, "HOW-TO-VERIFY.txt", b.p, b.n, why);
    ps_buf_free(&b);
    return rc;
}

static int fill(struct proof *p, struct ps_why *why) {
    int rc = copy(p, PS_INTAKE_STATEMENT, PS_INTAKE_MOST, why);
    if (rc == 0)
        rc = copy(p, PS_INTAKE_LEAF, PS_MAX_LEAF, why);
    for (unsigned i = 0; i < p->kept.n && rc == 0; i++) {
        rc = ps_intake_kept_check(p->from, &p->kept.files[i], why);
        if (rc == 0)
            rc = copy(p, p->kept.files[i].name, PS_INTAKE_MOST, why);
    }
    for (unsigned i = 0; i < p->outside.n && rc == 0; i++)
        rc = ps_store_write_file(p->to, p->outside.files[i].name, p->outside.files[i].p,
                                 p->outside.files[i].n, why);
    if (rc == 0)
        rc = copy_key(p, why);
    if (rc == 0)
        rc = write_text(p, why);
    return rc;
}

/* Only what this call has made: the folder was new. */
static void empty(struct proof *p) {
    for (unsigned i = 0; i < p->kept.n; i++)
        unlinkat(p->to, p->kept.files[i].name, 0);
    for (unsigned i = 0; i < p->outside.n; i++)
        unlinkat(p->to, p->outside.files[i].name, 0);
    static const char *const rest[] = {PS_INTAKE_STATEMENT, PS_INTAKE_LEAF, "log.vkey", "HOW-TO-VERIFY.txt"};
    for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++)
        unlinkat(p->to, rest[i], 0);
    rmdir(p->dir);
}

static int load(struct proof *p, const char *id, struct ps_why *why) {
    char whole[PS_ROOT_PATH];
    int rc = ps_intake_kept_find(p->root, id, p->path, why);
    if (rc == 0)
        rc = ps_root_path(p->root, p->path, whole);
    if (rc == 0 && (p->from = open(whole, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        rc = ps_error_why(why, PS_EIO, p->path, "%s", strerrordesc_np(errno));
    if (rc == 0)
        rc = ps_intake_kept_load(&p->kept, p->from, strrchr(p->path, '/') + 1, why);
    if (rc == 0)
        rc = ps_outside_intake(&p->outside, p->root, p->path, &p->kept, "", why);
    return rc;
}

static bool stamped(const struct proof *p) {
    for (unsigned i = 0; i < p->outside.n; i++)
        if (strcmp(p->outside.files[i].name, "token.tsr") == 0)
            return true;
    return false;
}

static void tell(const struct proof *p, bool json) {
    const char *name = strrchr(p->path, '/') + 1;
    if (json) {
        json_t *o =
            json_pack("{s:s, s:s, s:I, s:i, s:b}", "intake", name, "path", p->dir, "leaf",
                      (json_int_t)p->kept.leaf.index, "files", (int)p->kept.n, "stamped", (int)stamped(p));
        json_dumpf(o, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(o);
        return;
    }
    printf(ps_words("%s  %u photographs, ledger entry %" PRIu64 ", %s  %s\n",
                    "%s  照片 %u 张,账本第 %" PRIu64 " 条,%s  %s\n"),
           name, p->kept.n, p->kept.leaf.index,
           stamped(p) ? ps_words("stamped", "已盖时间戳") : ps_words("not stamped yet", "尚未盖时间戳"),
           p->dir);
}

static const char *advice(int rc) {
    switch (rc) {
    case PS_ENOENT: return ps_words("its name stands in intake/", "名称见 intake/");
    case PS_ESTATE: return ps_words("start the station, and ask again in a moment", "请启动工位,稍后再试");
    case PS_ESIG: return ps_words("run packseal ledger check", "请运行 packseal ledger check");
    default: return NULL;
    }
}

int ps_intake_proof(const char *root, const char *id, const char *dir, bool json) {
    struct ps_why why = {0};
    struct proof *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return ps_words_fail(1, ps_error_text(PS_ENOMEM), id, NULL);
    *p = (struct proof){.root = root, .dir = dir, .from = -1, .to = -1};
    int rc = load(p, id, &why), status = 0;
    if (rc < 0) {
        status = ps_words_fail(1, why.text, why.where, advice(rc));
        goto out;
    }
    if (mkdir(dir, 0750) != 0 || (p->to = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
        status = ps_words_fail(1, strerrordesc_np(errno), dir,
                               ps_words("name a folder that is not there yet", "请指定一个尚不存在的文件夹"));
        goto out;
    }
    rc = fill(p, &why);
    if (rc < 0) {
        empty(p);
        status = ps_words_fail(1, why.text, why.where, advice(rc));
    } else {
        tell(p, json);
    }
out:
    ps_outside_free(&p->outside);
    if (p->to >= 0)
        close(p->to);
    if (p->from >= 0)
        close(p->from);
    free(p);
    return status;
}
