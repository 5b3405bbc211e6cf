/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/holds.h"
#include "archive/store.h"
#include "evidence/bytes.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX 4096
#define FRESH ".new" /* no clip's name: only who has the lock writes it */

static int open_folder(const char *root, const char *rest, struct ps_why *why) {
    char path[PS_ROOT_PATH];
    if (ps_root_path(root, rest, path) < 0)
        return ps_error_why(why, PS_ELIMIT, root, "the path is too long");
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd >= 0 ? fd
                   : ps_error_why(why,
                                  errno == ENOENT   ? PS_ENOENT
                                  : errno == EACCES ? PS_EPERM
                                                    : PS_EIO,
                                  path, "cannot be opened: %s", strerrordesc_np(errno));
}

int ps_holds_lock(const char *root, struct ps_why *why) {
    char path[PS_ROOT_PATH];
    if (ps_root_path(root, PS_ROOT_HOLDS, path) < 0)
        return ps_error_why(why, PS_ELIMIT, root, "the path is too long");
    if (mkdir(path, 0750) != 0 && errno != EEXIST)
        return ps_error_why(why, errno == EACCES ? PS_EPERM : PS_EIO, path, "cannot be made: %s",
                            strerrordesc_np(errno));
    int fd = open_folder(root, PS_ROOT_HOLDS, why);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    int rc = errno == EWOULDBLOCK ? PS_EBUSY : PS_EIO;
    close(fd);
    return ps_error_why(why, rc, PS_ROOT_HOLDS, "%s",
                        rc == PS_EBUSY ? "retention is at work" : "cannot be locked");
}

/* ---- where a clip is */

static bool is_day_part(const char *s) {
    size_t n = strlen(s);
    return (n == 2 || n == 4) && strspn(s, "0123456789") == n;
}

/* Looks for the name in the folders of all days; takes fd. */
static bool lies_below(int fd, unsigned depth, const char *name) {
    if (depth == 0) {
        bool is = faccessat(fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
        close(fd);
        return is;
    }
    DIR *d = fdopendir(fd);
    if (d == NULL) {
        close(fd);
        return false;
    }
    bool found = false;
    for (const struct dirent *e; !found && (e = readdir(d)) != NULL;) {
        int next = is_day_part(e->d_name)
                       ? openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                       : -1;
        found = next >= 0 && lies_below(next, depth - 1, name);
    }
    closedir(d);
    return found;
}

static bool lies_in(const char *root, const char *folder, const char *name) {
    int fd = open_folder(root, folder, NULL);
    return fd >= 0 && lies_below(fd, 3, name);
}

/* ---- writing */

static int write_text(int dir, const struct ps_hold *h, struct ps_why *why) {
    char since[32];
    ps_statement_time_text(h->since_ns, since);
    json_t *o = json_pack("{s:s, s:s, s:s}", "clip", h->clip, "since", since, "note", h->note);
    char *text = o != NULL ? json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
    json_decref(o);
    if (text == NULL)
        return ps_error_why(why, PS_EINVAL, "note", "is no plain UTF-8 text");
    int rc = ps_store_write_file(dir, FRESH, text, strlen(text), why);
    if (rc == PS_EFULL) /* an empty one holds as well, and needs no room */
        rc = ps_store_write_file(dir, FRESH, "", 0, why);
    free(text);
    return rc;
}

int ps_holds_put(const char *root, const struct ps_hold *h, struct ps_why *why) {
    if (!ps_store_is_clip_name(h->clip) || !ps_bytes_is_text(h->note, strlen(h->note)))
        return ps_error_why(why, PS_EINVAL, h->clip, "is no clip's name, or the note no plain text");
    if (!lies_in(root, PS_ROOT_CLIPS, h->clip))
        return lies_in(root, PS_ROOT_REMOVED, h->clip)
                   ? ps_error_why(why, PS_ESTATE, h->clip, "was removed")
                   : ps_error_why(why, PS_ENOENT, h->clip, "is not among the sealed clips");
    int dir = open_folder(root, PS_ROOT_HOLDS, why);
    if (dir < 0)
        return dir;
    unlinkat(dir, FRESH, 0); /* of one that was cut off */
    int rc = write_text(dir, h, why);
    if (rc == 0 && (renameat(dir, FRESH, dir, h->clip) != 0 || fsync(dir) != 0))
        rc = ps_error_why(why, PS_EIO, h->clip, "the hold cannot be written: %s", strerrordesc_np(errno));
    close(dir);
    return rc;
}

int ps_holds_drop(const char *root, const char *clip, struct ps_why *why) {
    if (!ps_store_is_clip_name(clip))
        return ps_error_why(why, PS_EINVAL, clip, "is no clip's name");
    int dir = open_folder(root, PS_ROOT_HOLDS, why), rc = 0;
    if (dir < 0)
        return dir;
    if (unlinkat(dir, clip, 0) != 0)
        rc = errno == ENOENT ? ps_error_why(why, PS_ENOENT, clip, "is not held")
                             : ps_error_why(why, PS_EIO, clip, "%s", strerrordesc_np(errno));
    else if (fsync(dir) != 0)
        rc = ps_error_why(why, PS_EIO, PS_ROOT_HOLDS, "fsync: %s", strerrordesc_np(errno));
    close(dir);
    return rc;
}

/* ---- reading */

static void read_text(int dir, struct ps_hold *h) {
    uint8_t *p = NULL;
    size_t n = 0;
    if (ps_store_read_file(dir, h->clip, FILE_MAX, &p, &n, NULL) < 0)
        return;
    json_t *o = json_loadb((const char *)p, n, JSON_REJECT_DUPLICATES, NULL);
    const char *since = json_string_value(json_object_get(o, "since")),
               *note = json_string_value(json_object_get(o, "note"));
    if (since != NULL && ps_statement_time_of(since, &h->since_ns) < 0)
        h->since_ns = 0;
    if (note != NULL && strlen(note) <= PS_HOLD_NOTE && ps_bytes_is_text(note, strlen(note)))
        snprintf(h->note, sizeof(h->note), "%s", note);
    json_decref(o);
    free(p);
}

int ps_holds_get(const char *root, const char *clip, struct ps_hold *out) {
    *out = (struct ps_hold){.since_ns = 0};
    if (!ps_store_is_clip_name(clip))
        return PS_EINVAL;
    snprintf(out->clip, sizeof(out->clip), "%s", clip);
    int dir = open_folder(root, PS_ROOT_HOLDS, NULL);
    if (dir < 0)
        return dir;
    int rc = faccessat(dir, clip, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno == ENOENT ? PS_ENOENT : PS_EIO;
    if (rc == 0)
        read_text(dir, out);
    close(dir);
    return rc;
}

static int is_hold(const struct dirent *e) {
    return ps_store_is_clip_name(e->d_name);
}

int ps_holds_each(const char *root, int (*found)(void *ctx, const struct ps_hold *h), void *ctx) {
    char path[PS_ROOT_PATH];
    struct dirent **list = NULL;
    int rc = ps_root_path(root, PS_ROOT_HOLDS, path);
    if (rc < 0)
        return rc;
    int n = scandir(path, &list, is_hold, versionsort);
    if (n < 0)
        return errno == ENOENT ? 0 : PS_EIO;
    for (int i = 0; i < n; i++) {
        struct ps_hold h;
        if (rc == 0 && ps_holds_get(root, list[i]->d_name, &h) == 0)
            rc = found(ctx, &h);
        free(list[i]);
    }
    free(list);
    return rc;
}
