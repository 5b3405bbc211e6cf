/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * GET /profiles: what a platform's form takes, as the export dialog offers it (packseal-report(1)). Only names and titles are
 * read here; packseal-report reads a profile strictly when one is used, so a file that it would refuse may stand in this list.
 */
#include "archive/root.h"
#include "archive/store.h"
#include "viewer/answer.h"
#include "viewer/viewer.h"
#include <dirent.h>
#include <fcntl.h>
#include <ini.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST 64 /* profiles */
#define MOST_REASONS 32
#define MOST_BYTES ((size_t)256 << 10)

/* One profile, while its file is read. */
struct reading {
    json_t *o, *reasons;
};

static json_t *reason_of(struct reading *p, const char *key) {
    size_t n = json_array_size(p->reasons);
    json_t *last = n > 0 ? json_array_get(p->reasons, n - 1) : NULL;

    if (last && strcmp(json_string_value(json_object_get(last, "key")), key) == 0)
        return last;
    if (n == MOST_REASONS)
        return NULL;
    json_t *o = json_pack("{s:s, s:s}", "key", key, "title", "");
    return json_array_append_new(p->reasons, o) == 0 ? o : NULL;
}

/* Text that is not UTF-8 makes no JSON string, and is left out. */
static int take(void *ctx, const char *section, const char *name, const char *value) {
    struct reading *p = ctx;

    if (strcmp(section, "profile") == 0 && strcmp(name, "name") == 0)
        json_object_set_new(p->o, "title", json_string(value));
    else if (strncmp(section, "reason ", 7) == 0) {
        json_t *r = reason_of(p, section + 7);
        if (r && strcmp(name, "title") == 0)
            json_object_set_new(r, "title", json_string(value));
    }
    return 1;
}

static bool is_name(const char *s, size_t n) {
    return n > 0 && n < 64 && s[0] != '-' && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") >= n;
}

static bool listed(const json_t *all, const char *name) {
    for (size_t i = 0; i < json_array_size(all); i++)
        if (strcmp(json_string_value(json_object_get(json_array_get(all, i), "name")), name) == 0)
            return true;
    return false;
}

static void read_one(json_t *all, int folder, const char *file, const char *name) {
    uint8_t *p = NULL;
    size_t n = 0;

    if (ps_store_read_file(folder, file, MOST_BYTES, &p, &n, NULL) < 0)
        return;
    char *text = strndup((const char *)p, n);
    free(p);
    struct reading r = {.o = json_pack("{s:s, s:s}", "name", name, "title", name), .reasons = json_array()};
    if (text)
        ini_parse_string(text, take, &r);
    free(text);
    json_object_set_new(r.o, "reasons", r.reasons);
    json_array_append_new(all, r.o);
}

/* Those of the first folder that has a name count, as for the program that uses them. */
static void read_folder(json_t *all, const char *path) {
    DIR *d = opendir(path);

    for (const struct dirent *e; d && json_array_size(all) < MOST && (e = readdir(d)) != NULL;) {
        const char *dot = strrchr(e->d_name, '.');
        char name[64];
        if (!dot || strcmp(dot, ".conf") != 0 || !is_name(e->d_name, (size_t)(dot - e->d_name)))
            continue;
        snprintf(name, sizeof(name), "%.*s", (int)(dot - e->d_name), e->d_name);
        if (!listed(all, name))
            read_one(all, dirfd(d), e->d_name, name);
    }
    if (d)
        closedir(d);
}

static void get(struct ps_request *r, struct ps_answer *a) {
    static const char *const places[] = {"profiles", "../../share/packseal/profiles"};
    char own[PS_ROOT_PATH], self[PATH_MAX], path[PATH_MAX + 64];
    json_t *all = json_array();

    if (ps_root_path(r->viewer->root, "profiles", own) == 0)
        read_folder(all, own);
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash)
        slash[1] = '\0';
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", self, places[i]);
        read_folder(all, path);
    }
    ps_answer_json(a, 200, json_pack("{s:o}", "profiles", all));
}

const struct ps_route ps_profiles_routes[] = {
    {"GET", "/api/v1/profiles", PS_ROLE_CLERK | PS_ROLE_ADMIN | PS_ROLE_EXPORT, PS_BODY_NONE, 0, NULL, get},
    {NULL, NULL, 0, PS_BODY_NONE, 0, NULL, NULL},
};
