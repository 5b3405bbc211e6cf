/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/links.h"
#include "archive/store.h"
#include "evidence/bytes.h"
#include "evidence/json.h"
#include "evidence/sha256.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX 4096
#define FRESH ".new"

int ps_links_digest(const struct ps_link *l, uint8_t out[32]) {
    static const char name[] = "packseal/link/v1";
    struct ps_buf b;
    ps_buf_init(&b, 512);
    ps_buf_bytes(&b, name, sizeof(name)); /* with its zero byte */
    ps_buf_bytes(&b, l->salt, sizeof(l->salt));
    ps_buf_str(&b, l->number);
    int rc = b.err;
    if (rc == 0)
        ps_sha256(out, b.p, b.n);
    ps_buf_free(&b);
    return rc;
}

/* ---- writing */

static int open_folder(int at, const char *name, bool make) {
    if (make && mkdirat(at, name, 0750) == 0 && (fchmodat(at, name, 02750, 0) != 0 || fsync(at) != 0))
        return -1;
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int open_clip(const char *root, const char *clip, bool make) {
    errno = EINVAL;
    int base = ps_store_is_clip_name(clip) ? open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    int top = base < 0 ? -1 : open_folder(base, PS_LINKS_FOLDER, make);
    int fd = top < 0 ? -1 : open_folder(top, clip, make), err = errno;
    if (top >= 0)
        close(top);
    if (base >= 0)
        close(base);
    errno = err;
    return fd;
}

static int write_text(int dir, const struct ps_link *l, struct ps_why *why) {
    char salt[33], key[65], at[32];
    struct ps_buf b;
    ps_bytes_hex(salt, l->salt, sizeof(l->salt));
    ps_bytes_hex(key, l->ledger_key, sizeof(l->ledger_key));
    ps_statement_time_text(l->at_ns, at);
    ps_buf_init(&b, FILE_MAX);
    ps_buf_fmt(&b, "{\"type\":\"packseal-link\",\"version\":1,\"crit\":[],\n\"clip\":");
    ps_json_quote(&b, l->clip);
    ps_buf_text(&b, ",\"number\":");
    ps_json_quote(&b, l->number);
    ps_buf_fmt(&b, ",\n\"salt\":\"%s\",\"ledger_key\":\"%s\",\"leaf\":%" PRIu64 ",\"at\":\"%s\"}\n", salt,
               key, l->leaf, at);
    int rc = b.err;
    unlinkat(dir, FRESH, 0); /* of one that was cut off */
    if (rc == 0)
        rc = ps_store_write_file(dir, FRESH, b.p, b.n, why);
    ps_buf_free(&b);
    return rc;
}

int ps_links_put(const char *root, const struct ps_link *l, struct ps_why *why) {
    char name[24];
    int dir = open_clip(root, l->clip, true);
    if (dir < 0)
        return ps_error_why(why, errno == EACCES ? PS_EPERM : PS_EIO, PS_LINKS_FOLDER, "cannot be opened: %s",
                            strerrordesc_np(errno));
    snprintf(name, sizeof(name), "%07" PRIu64, l->leaf);
    int rc = write_text(dir, l, why);
    if (rc == 0 && renameat2(dir, FRESH, dir, name, RENAME_NOREPLACE) != 0)
        rc = ps_error_why(why, errno == EEXIST ? PS_EEXIST : PS_EIO, name, "the link cannot be written: %s",
                          strerrordesc_np(errno));
    if (rc == 0 && fsync(dir) != 0)
        rc = ps_error_why(why, PS_EIO, name, "fsync: %s", strerrordesc_np(errno));
    close(dir);
    return rc;
}

/* ---- reading */

static bool text_of(const json_t *o, const char *key, char *out, size_t cap) {
    const char *s = json_string_value(json_object_get(o, key));
    if (s == NULL || strlen(s) >= cap)
        return false;
    memcpy(out, s, strlen(s) + 1);
    return true;
}

static bool read_one(int dir, const char *name, const char *clip, struct ps_link *l) {
    char salt[33], key[65], type[32], at[32];
    uint8_t *p = NULL;
    size_t n = 0;
    json_t *o = NULL;
    memset(l, 0, sizeof(*l));
    bool ok =
        ps_store_read_file(dir, name, FILE_MAX, &p, &n, NULL) == 0 && ps_json_parse(&o, p, n, NULL) == 0;
    const json_t *leaf = json_object_get(o, "leaf"), *version = json_object_get(o, "version");
    ok = ok && text_of(o, "type", type, sizeof(type)) && strcmp(type, "packseal-link") == 0 &&
         json_integer_value(version) == 1 && json_array_size(json_object_get(o, "crit")) == 0 &&
         text_of(o, "clip", l->clip, sizeof(l->clip)) && strcmp(l->clip, clip) == 0 &&
         text_of(o, "number", l->number, sizeof(l->number)) && l->number[0] != '\0' &&
         text_of(o, "salt", salt, sizeof(salt)) && text_of(o, "ledger_key", key, sizeof(key)) &&
         text_of(o, "at", at, sizeof(at)) && ps_statement_time_of(at, &l->at_ns) == 0 &&
         ps_bytes_unhex(l->salt, sizeof(l->salt), salt, strlen(salt)) == 0 &&
         ps_bytes_unhex(l->ledger_key, sizeof(l->ledger_key), key, strlen(key)) == 0 &&
         json_is_integer(leaf) && json_integer_value(leaf) >= 0;
    if (ok)
        l->leaf = (uint64_t)json_integer_value(leaf);
    json_decref(o);
    free(p);
    return ok;
}

static int by_leaf(const void *a, const void *b) {
    const struct ps_link *x = a, *y = b;
    return (x->leaf > y->leaf) - (x->leaf < y->leaf);
}

unsigned ps_links_of(const char *root, const char *clip, struct ps_link *out, unsigned most) {
    int fd = open_clip(root, clip, false);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    unsigned n = 0;
    if (d == NULL) {
        if (fd >= 0)
            close(fd);
        return 0;
    }
    for (const struct dirent *e; n < most && (e = readdir(d)) != NULL;)
        if (strspn(e->d_name, "0123456789") == strlen(e->d_name) &&
            read_one(dirfd(d), e->d_name, clip, &out[n]))
            n++;
    closedir(d);
    qsort(out, n, sizeof(*out), by_leaf);
    return n;
}

struct every {
    void (*on_file)(void *ctx, const char *path, const struct ps_link *l);
    void *ctx;
};

static int each_of_clip(const char *root, const char *clip, const struct every *v) {
    char path[128];
    struct ps_link l;
    int fd = open_clip(root, clip, false);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (d == NULL) {
        if (fd >= 0)
            close(fd);
        return errno == ENOENT ? 0 : PS_EIO;
    }
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        char name[24];
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), PS_LINKS_FOLDER "/%.40s/%.40s", clip, e->d_name);
        bool ok = read_one(dirfd(d), e->d_name, clip, &l);
        snprintf(name, sizeof(name), "%07" PRIu64, ok ? l.leaf : 0);
        v->on_file(v->ctx, path, ok && strcmp(name, e->d_name) == 0 ? &l : NULL);
    }
    closedir(d);
    return 0;
}

int ps_links_each(const char *root, void (*on_file)(void *ctx, const char *path, const struct ps_link *l),
                  void *ctx) {
    const struct every v = {on_file, ctx};
    char path[128];
    int rc = 0, base = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = base < 0 ? -1 : open_folder(base, PS_LINKS_FOLDER, false), err = errno;
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (base >= 0)
        close(base);
    if (d == NULL) {
        if (fd >= 0)
            close(fd);
        return fd < 0 && base >= 0 && err == ENOENT ? 0 : PS_EIO;
    }
    for (const struct dirent *e; rc == 0 && (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        if (ps_store_is_clip_name(e->d_name)) {
            rc = each_of_clip(root, e->d_name, &v);
            continue;
        }
        snprintf(path, sizeof(path), PS_LINKS_FOLDER "/%.40s", e->d_name);
        on_file(ctx, path, NULL);
    }
    closedir(d);
    return rc;
}

/* ---- taking away */

int ps_links_drop(const char *root, const char *clip, struct ps_why *why) {
    char path[PS_ROOT_PATH];
    int rc = 0, fd = open_clip(root, clip, false);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (d == NULL) {
        rc = errno == ENOENT ? 0 : ps_error_why(why, PS_EIO, clip, "links: %s", strerrordesc_np(errno));
        if (fd >= 0)
            close(fd);
        return rc;
    }
    for (const struct dirent *e; rc == 0 && (e = readdir(d)) != NULL;)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
            unlinkat(dirfd(d), e->d_name, 0) != 0)
            rc = ps_error_why(why, PS_EIO, clip, "links: %s", strerrordesc_np(errno));
    closedir(d);
    int n = snprintf(path, sizeof(path), "%s/" PS_LINKS_FOLDER "/%s", root, clip);
    if (rc == 0 && (n >= (int)sizeof(path) || rmdir(path) != 0))
        rc = ps_error_why(why, PS_EIO, clip, "links: %s", strerrordesc_np(errno));
    return rc;
}
