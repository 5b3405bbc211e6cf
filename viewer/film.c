/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * GET /clips/{clip}/files/…: films, originals, statement and signature, in byte ranges. A name is compared with what the clip
 * has; the one that is opened is the archive's, below the clip's folder, and no link.
 */
#include "viewer/film.h"
#include "archive/store.h"
#include "viewer/rows.h"
#include "viewer/viewer.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int ps_film_open(const char *root, const char *path, const char *name, char etag[64]) {
    struct stat st;
    const char *slash = strchr(name, '/');
    int fd = -1, dir = ps_root_open(root, path, NULL);
    if (dir >= 0 && slash != NULL) {
        char folder[PS_MAX_FILE_NAME + 1];
        snprintf(folder, sizeof(folder), "%.*s", (int)(slash - name), name);
        int below = ps_root_open_folder(dir, folder);
        close(dir);
        dir = below;
    }
    if (dir < 0)
        return -1;
    fd = openat(dir, slash != NULL ? slash + 1 : name,
                O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    close(dir);
    if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
        close(fd);
        errno = ENOENT;
        return -1;
    }
    if (fd >= 0)
        snprintf(etag, 64, "%jx-%jx-%jx%09lx", (uintmax_t)st.st_ino, (uintmax_t)st.st_size,
                 (uintmax_t)st.st_mtim.tv_sec, (unsigned long)st.st_mtim.tv_nsec);
    return fd;
}

static const char *type_of(const char *name) {
    static const char *const types[][2] = {{".mp4", "video/mp4"},
                                           {".jpg", "image/jpeg"},
                                           {".json", "application/json"},
                                           {".minisig", "text/plain; charset=utf-8"}};
    size_t n = strlen(name);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (n > strlen(types[i][0]) && strcmp(name + n - strlen(types[i][0]), types[i][0]) == 0)
            return types[i][1];
    return "application/octet-stream";
}

struct wanted {
    const char *name;
};

static int is_it(void *ctx, const char *p, size_t n) {
    const struct wanted *w = ctx;
    return strlen(w->name) == n && memcmp(w->name, p, n) == 0;
}

/* Films are in the index; originals only in the statement. */
static bool has(const struct ps_request *r, const struct ps_rows_clip *c, const char *name) {
    struct wanted w = {.name = name};
    struct ps_clip *clip = NULL;
    bool found = false;
    if (strcmp(name, "clip.json") == 0 || strcmp(name, "clip.json.minisig") == 0)
        return true;
    if (c->removed)
        return false;
    if (ps_rows_lines(c->tracks, is_it, &w) != 0 || strcmp(c->thumb, name) == 0)
        return true;
    if (ps_store_load(r->viewer->root, c->path, &clip, NULL) < 0)
        return false;
    for (uint32_t i = 0; i < clip->n_originals && !found; i++)
        found = strcmp(clip->originals[i].file.name, name) == 0;
    ps_statement_free(clip);
    return found;
}

static void answer_file(struct ps_request *r, struct ps_answer *a, const struct ps_rows_clip *c,
                        const char *name) {
    char etag[64], save_as[160];
    const char *slash = strrchr(name, '/');
    if (!has(r, c, name)) {
        ps_answer_error(a, "not-found", c->removed ? "it was removed" : "no such file in this clip", name,
                        "take a name that the clip lists");
        return;
    }
    if (ps_viewer_audit_once(r, "play", c->name, name) < 0) {
        ps_answer_error(a, "internal", "the audit trail cannot be written", name, "look at the disk");
        return;
    }
    int fd = ps_film_open(r->viewer->root, c->path, name, etag);
    if (fd < 0) {
        bool gone = errno == ENOENT || errno == ELOOP || errno == ENOTDIR;
        ps_answer_error(a, gone ? "not-found" : "internal",
                        gone ? "the clip's folder has no such file" : strerrordesc_np(errno), name,
                        "judge the clip: packseal verify");
        return;
    }
    snprintf(save_as, sizeof(save_as), "%s-%s", c->name, slash != NULL ? slash + 1 : name);
    ps_answer_file(a, fd, type_of(name), etag, ps_request_query(r, "save") != NULL ? save_as : NULL);
}

static void get_file(struct ps_request *r, struct ps_answer *a) {
    struct ps_rows_clip c;
    if (!ps_rows_clip(r, a, &c))
        return;
    answer_file(r, a, &c, r->arg[1]);
    json_decref(c.row);
}

static void get_below(struct ps_request *r, struct ps_answer *a) {
    char name[2 * PS_REQUEST_ARG + 2];
    struct ps_rows_clip c;
    snprintf(name, sizeof(name), "%s/%s", r->arg[1], r->arg[2]);
    if (!ps_rows_clip(r, a, &c))
        return;
    answer_file(r, a, &c, name);
    json_decref(c.row);
}

const struct ps_route ps_film_routes[] = {
    {"GET", "/api/v1/clips/{clip}/files/{file}", PS_ROLE_PERSON | PS_ROLE_READ, PS_BODY_NONE, 0, NULL,
     get_file},
    {"GET", "/api/v1/clips/{clip}/files/{folder}/{file}", PS_ROLE_PERSON | PS_ROLE_READ, PS_BODY_NONE, 0,
     NULL, get_below},
    {NULL, NULL, 0, PS_BODY_NONE, 0, NULL, NULL},
};
