/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "viewer/pages.h"
#include "archive/root.h"
#include "archive/store.h"
#include "viewer/request.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST 256
#define MOST_BYTES ((size_t)8 << 20) /* of one file */
#define DEPTH 3

struct ps_pages {
    struct ps_page all[MOST];
    size_t n;
};

static const struct {
    const char *ends, *type;
} types[] = {{".html", "text/html; charset=utf-8"},
             {".js", "text/javascript; charset=utf-8"},
             {".css", "text/css; charset=utf-8"},
             {".svg", "image/svg+xml"},
             {".png", "image/png"},
             {".ico", "image/x-icon"},
             {".json", "application/json"},
             {".wav", "audio/wav"},
             {".woff2", "font/woff2"},
             {".webmanifest", "application/manifest+json"}};

static const char *type_of(const char *name) {
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot != NULL && i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(dot, types[i].ends) == 0)
            return types[i].type;
    return NULL;
}

/* verify.html, which is one file, says itself what it may do; what only a header may say is added. */
static char *policy_of(const char *html) {
    static const char start[] = "<meta http-equiv=\"Content-Security-Policy\" content=\"";
    const char *from = strstr(html, start), *end;
    char *out = NULL;
    if (from == NULL || (end = strchr(from + sizeof(start) - 1, '"')) == NULL)
        return NULL;
    from += sizeof(start) - 1;
    if (asprintf(&out, "%.*s; frame-ancestors 'none'", (int)(end - from), from) < 0)
        return NULL;
    return out;
}

static int add(struct ps_pages *p, const char *path, const char *name, struct ps_why *why) {
    const char *type = type_of(name);
    unsigned char digest[16];
    if (type == NULL)
        return 0;
    if (p->n == MOST || strlen(name) >= sizeof(p->all[0].name))
        return ps_error_why(why, PS_ELIMIT, path, "too many pages, or too long a name");
    struct ps_page *page = &p->all[p->n];
    int rc = ps_store_read_file(AT_FDCWD, path, MOST_BYTES, &page->p, &page->n, why);
    if (rc < 0)
        return rc;
    snprintf(page->name, sizeof(page->name), "%s", name);
    page->type = type;
    crypto_generichash(digest, sizeof(digest), page->p, page->n, NULL, 0);
    sodium_bin2hex(page->etag, sizeof(page->etag), digest, sizeof(digest));
    if (strcmp(name, "verify.html") == 0)
        page->policy = policy_of((const char *)page->p);
    p->n++;
    return 0;
}

static int walk(struct ps_pages *p, const char *folder, const char *below, int depth, struct ps_why *why) {
    DIR *d = opendir(folder);
    int rc = 0;
    if (d == NULL)
        return ps_error_why(why, errno == ENOENT ? PS_ENOENT : PS_EIO, folder, "%s", strerrordesc_np(errno));
    for (const struct dirent *e; rc == 0 && (e = readdir(d)) != NULL;) {
        char path[PATH_MAX], name[256];
        struct stat st;
        if (e->d_name[0] == '.' ||
            (size_t)snprintf(path, sizeof(path), "%s/%s", folder, e->d_name) >= sizeof(path) ||
            (size_t)snprintf(name, sizeof(name), "%s%s", below, e->d_name) >= sizeof(name) - 1 ||
            stat(path, &st) != 0)
            continue;
        if (S_ISREG(st.st_mode)) {
            rc = add(p, path, name, why);
        } else if (S_ISDIR(st.st_mode) && depth > 1) {
            char next[sizeof(name) + 1];
            snprintf(next, sizeof(next), "%s/", name);
            rc = walk(p, path, next, depth - 1, why);
        }
    }
    closedir(d);
    return rc;
}

/* What the player plays (docs/SOUNDS.md), for the station screen as /web/sounds/…. The first of a name counts; none at all is
 * no fault: the page then makes tones of its own. */
static int sounds(struct ps_pages *p, const char *self, struct ps_why *why) {
    static const char *const places[] = {"", "../../share/packseal/"};
    char path[PATH_MAX + 64];
    int rc = walk(p, "/etc/packseal/sounds", "sounds/", DEPTH - 1, why);
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && (rc == 0 || rc == PS_ENOENT); i++) {
        snprintf(path, sizeof(path), "%s%ssounds", self, places[i]);
        rc = walk(p, path, "sounds/", DEPTH - 1, why);
    }
    return rc == PS_ENOENT ? 0 : rc;
}

int ps_pages_open(struct ps_pages **out, struct ps_why *why) {
    static const char *const places[] = {"", "../../share/packseal/"};
    char self[PATH_MAX], path[PATH_MAX + 64];
    struct ps_pages *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return ps_error_why(why, PS_ENOMEM, "pages", "out of memory");
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash != NULL)
        slash[1] = '\0';
    int rc = PS_ENOENT;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && rc == PS_ENOENT; i++) {
        snprintf(path, sizeof(path), "%s%sweb", self, places[i]);
        rc = walk(p, path, "", DEPTH, why);
        if (rc < 0)
            continue;
        snprintf(path, sizeof(path), "%s%sverify.html", self, places[i]);
        rc = add(p, path, "verify.html", why);
    }
    if (rc == 0)
        rc = sounds(p, self, why);
    if (rc < 0)
        ps_pages_close(p);
    else
        *out = p;
    return rc;
}

void ps_pages_close(struct ps_pages *p) {
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->n; i++) {
        free(p->all[i].p);
        free(p->all[i].policy);
    }
    free(p);
}

static const struct ps_page *named(const struct ps_pages *p, const char *name) {
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->all[i].name, name) == 0)
            return &p->all[i];
    return NULL;
}

const struct ps_page *ps_pages_find(const struct ps_pages *p, const char *path) {
    static const struct {
        const char *path, *name;
    } pages[] = {{"/", "index.html"},        {"/clip/{clip}", "clip.html"},  {"/station", "station.html"},
                 {"/verify", "verify.html"}, {"/settings", "settings.html"}, {"/login", "login.html"},
                 {"/setup", "setup.html"},   {"/favicon.ico", "icon.svg"}};
    char arg[PS_REQUEST_ARGS][PS_REQUEST_ARG];
    if (strncmp(path, "/web/", 5) == 0)
        return named(p, path + 5);
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
        if (ps_request_match(pages[i].path, path, arg))
            return named(p, pages[i].name);
    return NULL;
}
