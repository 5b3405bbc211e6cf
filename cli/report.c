/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/report.h"
#include "archive/store.h"
#include "cli/spawn.h"
#include "cli/words.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRAM "packseal-report"
#define MAX_REPORT ((size_t)64 << 20)

/* ---- dates ------------------------------------------------------------------------------------------------------ */

static const char *const date_names[4] = {"--printed", "--picked-up", "--delivered", "--claimed"};

/* "NANOSECONDS", with a "d" when only a day was given. */
static bool date_of(const char *text, char out[32]) {
    int64_t ns;
    if (!ps_clips_time_of(text, false, &ns))
        return false;
    snprintf(out, 32, "%" PRId64 "%s", ns, strlen(text) == 10 ? "d" : "");
    return true;
}

static void list_dates(const struct ps_report_dates *d, const char *to[4]) {
    to[0] = d->printed;
    to[1] = d->picked_up;
    to[2] = d->delivered;
    to[3] = d->claimed;
}

bool ps_report_dates_ok(const struct ps_report_dates *d) {
    const char *texts[4];
    char out[32];
    list_dates(d, texts);
    for (int i = 0; i < 4; i++)
        if (texts[i] != NULL && !date_of(texts[i], out)) {
            ps_words_fail(
                2, ps_words("is no time", "不是时间"), texts[i],
                ps_words("write 2026-11-21 or 2026-11-21 08:15", "请写成 2026-11-21 或 2026-11-21 08:15"));
            return false;
        }
    return true;
}

/* ---- profiles --------------------------------------------------------------------------------------------------- */

bool ps_report_profile(const char *root, const char *name, char out[PS_ROOT_PATH]) {
    static const char *const places[] = {"profiles/", "../share/packseal/profiles/"};
    char self[PATH_MAX], file[PS_ROOT_PATH];
    if (strchr(name, '/') != NULL)
        return snprintf(out, PS_ROOT_PATH, "%s", name) < PS_ROOT_PATH;
    int n = snprintf(file, sizeof(file), "profiles/%s.conf", name);
    if (n > 0 && n < (int)sizeof(file) && ps_root_path(root, file, out) == 0 && access(out, F_OK) == 0)
        return true;
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash != NULL)
        slash[1] = '\0';
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        n = snprintf(out, PS_ROOT_PATH, "%s%s%s.conf", self, places[i], name);
        if (n > 0 && n < PS_ROOT_PATH && access(out, F_OK) == 0)
            return true;
    }
    ps_words_fail(2, ps_words("no such profile", "没有这个方案"), name,
                  ps_words("shipped are generic-20mb, pdd, shopee; others go to ROOT/profiles/NAME.conf",
                           "自带 generic-20mb、pdd、shopee；其他请放在 根文件夹/profiles/名称.conf"));
    return false;
}

/* ---- the program ------------------------------------------------------------------------------------------------ */

struct arguments {
    char *v[48];
    unsigned n;
};

static void argument(struct arguments *a, const char *name, const char *value) {
    if (value == NULL)
        return;
    a->v[a->n++] = (char *)(uintptr_t)name;
    if (value[0] != '\0')
        a->v[a->n++] = (char *)(uintptr_t)value;
}

int ps_report_run(const struct ps_report_ask *ask) {
    char path[PATH_MAX], trust[PS_ROOT_PATH], dates[4][32];
    const char *texts[4] = {NULL};
    struct ps_why why = {0};
    struct arguments a = {.n = 0};
    const struct ps_spawn_how how = {.own_group = false};
    pid_t pid;
    int out;
    argument(&a, PROGRAM, "");
    argument(&a, "--bundle", ask->bundle);
    argument(&a, "--root", ask->root);
    argument(&a, "--lang", ask->lang);
    argument(&a, "--words", ps_words_zh() ? "zh" : "en");
    argument(&a, "--out", ask->out);
    argument(&a, "--ascii", ask->inside ? "" : NULL);
    argument(&a, "--folders", ask->inside ? "" : NULL);
    argument(&a, "--profile", ask->profile);
    argument(&a, "--reason", ask->profile != NULL ? ask->reason : NULL);
    argument(&a, "--pack", ask->profile != NULL ? ask->pack : NULL);
    if (ask->trust != NULL)
        argument(&a, "--trust", ask->trust);
    else if (ps_root_path(ask->root, PS_ROOT_PUBLIC "/trust", trust) == 0 && access(trust, R_OK) == 0) {
        argument(&a, "--trust", trust);
        argument(&a, "--own", "");
    }
    if (ask->dates != NULL)
        list_dates(ask->dates, texts);
    for (int i = 0; i < 4; i++)
        if (texts[i] != NULL && date_of(texts[i], dates[i]))
            argument(&a, date_names[i], dates[i]);
    if (ps_spawn_find(PROGRAM, path, &why) < 0)
        return ps_words_fail(1, why.text, why.where,
                             ps_words("install PackSeal anew", "请重新安装 PackSeal"));
    fflush(stdout);
    if (ps_spawn_start(path, a.v, &how, &pid, &out, &why) < 0)
        return ps_words_fail(1, why.text, why.where, NULL);
    return ps_spawn_follow(pid, out, PROGRAM, ask->quiet);
}

/* ---- reports inside a bundle ------------------------------------------------------------------------------------ */

static const char *const inside_names[] = {"report.html", "report.pdf", "card.jpg"};
#define INSIDE (sizeof(inside_names) / sizeof(inside_names[0]))

static const char *name_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static int collect(struct ps_report_inside *r, const char *dir, const char *clip) {
    char path[PS_ROOT_PATH];
    struct ps_why why = {0};
    snprintf(path, sizeof(path), "%.900s/%.60s", dir, clip);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = fd < 0 ? PS_ENOENT : 0;
    for (size_t i = 0; rc == 0 && i < INSIDE; i++) {
        struct ps_bundle_extra *e = &r->extra[r->n];
        uint8_t *p;
        rc = ps_store_read_file(fd, inside_names[i], MAX_REPORT, &p, &e->n, &why);
        if (rc < 0)
            break;
        e->p = p;
        snprintf(e->folder, sizeof(e->folder), "report/%.60s", clip);
        e->name = inside_names[i];
        r->n++;
    }
    if (fd >= 0)
        close(fd);
    return rc == 0 ? 0 : ps_words_fail(1, why.text, why.where[0] != '\0' ? why.where : path, NULL);
}

static void clear(const char *dir, const struct ps_bundle_spec *spec) {
    char path[PS_ROOT_PATH];
    for (unsigned i = 0; i < spec->n; i++) {
        for (size_t k = 0; k < INSIDE; k++) {
            snprintf(path, sizeof(path), "%.900s/%.60s/%s", dir, name_of(spec->paths[i]), inside_names[k]);
            unlink(path);
        }
        snprintf(path, sizeof(path), "%.900s/%.60s", dir, name_of(spec->paths[i]));
        rmdir(path);
    }
    snprintf(path, sizeof(path), "%.900s/b.zip", dir);
    unlink(path);
    rmdir(dir);
}

int ps_report_inside(struct ps_report_inside *r, const struct ps_report_ask *how,
                     const struct ps_bundle_spec *spec,
                     int (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx) {
    char dir[PS_ROOT_PATH], zip[PS_ROOT_PATH];
    struct ps_why why = {0};
    *r = (struct ps_report_inside){0};
    int n = snprintf(dir, sizeof(dir), "%.900s.reportXXXXXX", spec->out);
    if (n < 0 || n >= 900 || mkdtemp(dir) == NULL)
        return ps_words_fail(1, n >= 900 ? ps_words("the path is too long", "路径过长") : strerror(errno),
                             spec->out, NULL);
    snprintf(zip, sizeof(zip), "%.900s/b.zip", dir);
    struct ps_bundle_spec bare = *spec;
    bare.out = zip;
    int status = 0;
    r->extra = calloc((size_t)spec->n * INSIDE, sizeof(*r->extra));
    if (r->extra == NULL)
        status = ps_words_fail(1, ps_words("out of memory", "内存不足"), spec->out, NULL);
    if (status == 0 && ps_bundle_write(&bare, progress, ctx, &why) < 0)
        status = ps_words_fail(1, why.text, why.where, NULL);
    struct ps_report_ask ask = *how;
    ask.bundle = zip;
    ask.out = dir;
    ask.inside = ask.quiet = true;
    ask.profile = NULL;
    if (status == 0)
        status = ps_report_run(&ask);
    for (unsigned i = 0; i < spec->n && status == 0; i++)
        status = collect(r, dir, name_of(spec->paths[i]));
    clear(dir, spec);
    return status;
}

void ps_report_inside_free(struct ps_report_inside *r) {
    for (unsigned i = 0; i < r->n; i++)
        free((void *)(uintptr_t)r->extra[i].p);
    free(r->extra);
    *r = (struct ps_report_inside){0};
}
