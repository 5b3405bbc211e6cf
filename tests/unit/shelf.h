/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_TESTS_SHELF_H
#define PS_TESTS_SHELF_H
/*
 * A root in a temporary folder, and clips put there as a recorder does, made from the golden sample.
 */
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/store.h"
#include "tests/golden/sample.h"
#include "tests/unit/tap.h"

static char shelf_root[PS_ROOT_PATH];

static inline int shelf_remove_one(const char *path, const struct stat *st, int flag, struct FTW *f) {
    (void)st, (void)flag, (void)f;
    return remove(path);
}

static inline void shelf_remove(void) {
    if (shelf_root[0] != '\0')
        nftw(shelf_root, shelf_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    shelf_root[0] = '\0';
}

static inline void shelf_make(void) {
    struct ps_why why = {0};
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(shelf_root, sizeof shelf_root, "%s/packseal-unit.XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(shelf_root) == NULL || ps_store_init(shelf_root, &why) < 0)
        tap_bail("no root at %s: %s %s", shelf_root, why.where, why.text);
    atexit(shelf_remove);
}

static inline char *shelf_path(const char *rest) {
    static char path[PS_ROOT_PATH];
    if (ps_root_path(shelf_root, rest, path) < 0)
        abort();
    return path;
}

/* A file of n bytes that depend on its name. */
static inline void shelf_file(int dir, const char *name, size_t n) {
    struct ps_why why = {0};
    char *p = malloc(n + 1);
    for (size_t i = 0; i < n; i++)
        p[i] = (char)(name[i % strlen(name)] + (char)(i / 7));
    if (ps_store_write_file(dir, name, p, n, &why) < 0)
        tap_bail("%s: %s", why.where, why.text);
    free(p);
}

/* Number, start and main code of the sample; everything else follows. */
static inline struct sample *shelf_sample(uint64_t number, int64_t started_ns, const char *code) {
    struct sample *s = sample_new();
    s->clip.number = number;
    s->clip.started.wall_ns = started_ns;
    s->clip.ended.wall_ns = started_ns + 5042000000;
    s->clip.opening.codes[0] = sample_code(code, code, PS_CODE_WAYBILL, "SF", started_ns);
    sample_close(s);
    return s;
}

/* Records and publishes it: clip.json, a signature, both films of these sizes, originals. */
static inline int shelf_publish(const struct sample *s, size_t film, char path[PS_ROOT_PATH],
                                struct ps_why *why) {
    char id[40];
    int dir;
    struct ps_buf b;
    if (ps_store_part_new(shelf_root, id, &dir, why) < 0)
        tap_bail("%s: %s", why->where, why->text);
    ps_buf_init(&b, PS_MAX_STATEMENT);
    ps_statement_write(&s->clip, &b);
    if (b.err != 0 || ps_store_write_file(dir, "clip.json", b.p, b.n, why) < 0)
        tap_bail("clip.json: %s", why->text);
    ps_buf_free(&b);
    shelf_file(dir, "clip.json.minisig", 300);
    shelf_file(dir, "top.mp4", film);
    shelf_file(dir, "side.mp4", film / 2);
    shelf_file(dir, "originals/top-0001.jpg", 1000);
    shelf_file(dir, "originals/side-0001.jpg", 0);
    close(dir);
    return ps_store_publish(shelf_root, id, &s->clip, path, why);
}

#endif
