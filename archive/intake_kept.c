/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/intake_kept.h"
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
#include <unistd.h>

#define STATEMENT_MAX ((size_t)256 << 10) /* as packseal intake writes it, at most */
#define PIECE ((size_t)1 << 18)

/* ---- the statement ---- */

struct in {
    struct ps_why *why;
    int err;
};

static void fail(struct in *in, int err, const char *what) {
    if (in->err == 0)
        in->err = ps_error_why(in->why, err, PS_INTAKE_STATEMENT, "%s", what);
}

static const char *text(struct in *in, const json_t *o, const char *key, size_t most) {
    const char *s = json_string_value(json_object_get(o, key));
    if (s == NULL || strlen(s) > most)
        fail(in, PS_EFORMAT, "a text is missing, or too long");
    return s != NULL && strlen(s) <= most ? s : "";
}

static void hex(struct in *in, const json_t *o, const char *key, uint8_t out[32]) {
    const char *s = text(in, o, key, 64);
    if (in->err == 0 && (strlen(s) != 64 || ps_bytes_unhex(out, 32, s, 64) != 0))
        fail(in, PS_EFORMAT, "a digest is none");
}

/* No version so far has a key that must not be passed over. */
static void kind(struct in *in, const json_t *o) {
    const json_t *crit = json_object_get(o, "crit");
    if (strcmp(text(in, o, "type", 32), "packseal-intake") != 0)
        fail(in, PS_EFORMAT, "is no intake's statement");
    if (json_integer_value(json_object_get(o, "version")) != 1)
        fail(in, PS_EVERSION, "is of another version");
    if (!json_is_array(crit) || json_array_size(crit) != 0)
        fail(in, PS_EVERSION, "crit names what this program does not know");
}

static void photo(struct in *in, const json_t *o, unsigned nth, struct ps_file_ref *f) {
    char name[16];
    const json_t *file = json_object_get(o, "file"), *size = json_object_get(file, "size");
    snprintf(name, sizeof(name), "%04u.jpg", nth + 1);
    if (strcmp(text(in, file, "name", sizeof(name)), name) != 0)
        fail(in, PS_EFORMAT, "names its files in another way");
    if (!json_is_integer(size) || json_integer_value(size) < 0)
        fail(in, PS_EFORMAT, "a size is none");
    hex(in, file, "sha256", f->sha256);
    f->size = (uint64_t)json_integer_value(size);
    memcpy(f->name, name, sizeof(name));
}

static int parse(struct ps_intake_kept *k, const uint8_t *p, size_t n, struct ps_why *why) {
    struct in in = {.why = why};
    json_t *o = NULL;
    int rc = ps_json_parse(&o, p, n, why);
    if (rc < 0)
        return rc;
    const json_t *files = json_object_get(o, "files");
    kind(&in, o);
    hex(&in, o, "ledger_key", k->ledger_key);
    snprintf(k->station, sizeof(k->station), "%s",
             text(&in, json_object_get(o, "station"), "id", PS_MAX_STATION_ID));
    k->n = (unsigned)json_array_size(files);
    if (k->n == 0 || k->n > PS_INTAKE_FILES)
        fail(&in, PS_ELIMIT, "names no photographs, or too many");
    for (unsigned i = 0; in.err == 0 && i < k->n; i++)
        photo(&in, json_array_get(files, i), i, &k->files[i]);
    json_decref(o);
    ps_sha256(k->statement, p, n);
    return in.err;
}

/* ---- a folder ---- */

static int read_leaf(struct ps_intake_kept *k, int dirfd, struct ps_why *why) {
    uint8_t *p = NULL;
    int rc = ps_store_read_file(dirfd, PS_INTAKE_LEAF, PS_MAX_LEAF, &p, &k->leaf_n, why);
    if (rc == 0) {
        memcpy(k->leaf_bytes, p, k->leaf_n);
        rc = ps_leaf_decode(&k->leaf, p, k->leaf_n);
        if (rc < 0 || k->leaf.type != PS_LEAF_INTAKE)
            rc = ps_error_why(why, PS_EFORMAT, PS_INTAKE_LEAF, "is no entry of an intake");
    }
    free(p);
    return rc;
}

static int together(const struct ps_intake_kept *k, const char *name, struct ps_why *why) {
    char own[64];
    uint8_t log[16];
    ps_leaf_log_id(log, k->ledger_key);
    if (memcmp(k->leaf.digest, k->statement, 32) != 0 || memcmp(k->leaf.log, log, sizeof(log)) != 0)
        return ps_error_why(why, PS_ESIG, PS_INTAKE_STATEMENT, "is not what its ledger entry was made of");
    snprintf(own, sizeof(own), "%s-I%07" PRIu64, k->station, k->leaf.index);
    return strcmp(own, name) == 0
               ? 0
               : ps_error_why(why, PS_ESIG, PS_INTAKE_LEAF, "the folder should be %s", own);
}

int ps_intake_kept_load(struct ps_intake_kept *out, int dirfd, const char *name, struct ps_why *why) {
    uint8_t *p = NULL;
    size_t n = 0;
    memset(out, 0, sizeof(*out));
    int rc = ps_store_read_file(dirfd, PS_INTAKE_STATEMENT, STATEMENT_MAX, &p, &n, why);
    if (rc == 0)
        rc = parse(out, p, n, why);
    free(p);
    if (rc == 0)
        rc = read_leaf(out, dirfd, why);
    return rc == 0 ? together(out, name, why) : rc;
}

int ps_intake_kept_check(int dirfd, const struct ps_file_ref *f, struct ps_why *why) {
    struct ps_sha256 h;
    uint8_t digest[32];
    uint64_t size = 0;
    ssize_t n = -1;
    uint8_t *piece = malloc(PIECE);
    if (piece == NULL)
        return ps_error_why(why, PS_ENOMEM, f->name, "out of memory");
    int fd = openat(dirfd, f->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    ps_sha256_init(&h);
    while (fd >= 0 && size <= f->size && ((n = read(fd, piece, PIECE)) > 0 || (n < 0 && errno == EINTR)))
        if (n > 0) {
            ps_sha256_update(&h, piece, (size_t)n);
            size += (size_t)n;
        }
    int rc = 0;
    if (n < 0)
        rc = errno == ENOENT ? ps_error_why(why, PS_ENOENT, f->name, "is missing")
                             : ps_error_why(why, PS_EIO, f->name, "%s", strerrordesc_np(errno));
    ps_sha256_final(&h, digest);
    if (rc == 0 && (size != f->size || memcmp(digest, f->sha256, sizeof(digest)) != 0))
        rc = ps_error_why(why, PS_ESIG, f->name, "is another file than was taken in");
    if (fd >= 0)
        close(fd);
    free(piece);
    return rc;
}

/* ---- all of them ---- */

struct walk {
    int (*found)(void *ctx, const char *path, const char *name);
    void *ctx;
    int root;
};

static int shown(const struct dirent *e) {
    return e->d_name[0] != '.';
}

/* A path of a year, a month, a day: their names sort as their numbers do; so do an intake's but for the longest. */
static int level(const struct walk *w, const char *path, unsigned depth) {
    struct dirent **list = NULL;
    int rc = 0, n = scandirat(w->root, path, &list, shown, versionsort);
    if (n < 0)
        return errno == ENOENT || (depth > 0 && errno == ENOTDIR) ? 0 : PS_EIO;
    for (int i = 0; i < n; i++) {
        char next[PS_ROOT_PATH];
        if (rc == 0)
            rc = ps_root_path(path, list[i]->d_name, next);
        if (rc == 0)
            rc = depth == 3 ? w->found(w->ctx, next, list[i]->d_name) : level(w, next, depth + 1);
        free(list[i]);
    }
    free(list);
    return rc;
}

int ps_intake_kept_each(const char *root, int (*found)(void *ctx, const char *path, const char *name),
                        void *ctx) {
    struct walk w = {.found = found, .ctx = ctx, .root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (w.root < 0)
        return PS_EIO;
    int rc = level(&w, PS_INTAKE_FOLDER, 0);
    close(w.root);
    return rc;
}

struct find {
    const char *id;
    char *path;
};

static int same(void *ctx, const char *path, const char *name) {
    const struct find *f = ctx;
    if (strcmp(f->id, name) != 0 && strcmp(f->id, path) != 0)
        return 0;
    snprintf(f->path, PS_ROOT_PATH, "%s", path);
    return 1;
}

int ps_intake_kept_find(const char *root, const char *id, char path[PS_ROOT_PATH], struct ps_why *why) {
    struct find f = {.id = id, .path = path};
    int rc = ps_intake_kept_each(root, same, &f);
    if (rc == 1)
        return 0;
    return rc < 0 ? ps_error_why(why, rc, PS_INTAKE_FOLDER, "cannot be looked through")
                  : ps_error_why(why, PS_ENOENT, id, "no intake of this name");
}
