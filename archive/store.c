/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/store.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define FOLDER_MODE 02750
#define ABORTED "clips/.aborted"
#define PART_ID_LENGTH 36
#define DAY_NS (INT64_C(86400) * 1000000000)
#define DAYS_LATER 6 /* so many ledgers could be begun anew on one day */

/* ---- folders */

static int sync_fd(int fd) {
    int rc;
    do
        rc = fsync(fd);
    while (rc != 0 && errno == EINTR);
    return rc;
}

/* mkdir(2) takes off what the umask says, and sets the group bit only below a folder that has it. There the recorder need
 * not ask for it, which its unit forbids (RestrictSUIDSGID=). */
static int make_with_mode(int at, const char *name, mode_t mode) {
    struct stat st;
    if (mkdirat(at, name, mode & 0777) != 0)
        return -1;
    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && (st.st_mode & 07777) == mode)
        return 0;
    return fchmodat(at, name, mode, 0);
}

/* A folder that is there already keeps its mode: it may be the administrator's choice. */
static int make_folder(int at, const char *name, mode_t mode) {
    if (make_with_mode(at, name, mode) != 0)
        return errno == EEXIST ? 0 : -1;
    int parent = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0)
        return -1;
    int rc = sync_fd(parent);
    close(parent);
    return rc;
}

static int make_parents(const char *root, struct ps_why *why) {
    char path[PS_ROOT_PATH];
    int n = snprintf(path, sizeof(path), "%s", root);
    if (n < 0 || n >= (int)sizeof(path))
        return ps_error_why(why, PS_ELIMIT, root, "the path is too long");
    for (char *p = path + 1; *p != '\0'; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            return ps_root_failed(why, path, "cannot be made");
        *p = '/';
    }
    return 0;
}

int ps_store_init(const char *root, struct ps_why *why) {
    static const char *const folders[] = {PS_ROOT_CLIPS,   PS_ROOT_PART, ABORTED,      PS_ROOT_PUBLIC,
                                          PS_ROOT_EXPORTS, PS_ROOT_RUN,  PS_ROOT_HOLDS};
    int rc = make_parents(root, why);
    if (rc < 0)
        return rc;
    if (make_folder(AT_FDCWD, root, FOLDER_MODE) != 0)
        return ps_root_failed(why, root, "cannot be made");
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ps_root_failed(why, root, "cannot be opened");
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]) && rc == 0; i++)
        if (make_folder(fd, folders[i], FOLDER_MODE) != 0)
            rc = ps_root_failed(why, folders[i], "cannot be made");
    close(fd);
    return rc;
}

/* ---- half-done clips */

/* RFC 9562 version 7: the name begins with the time, so that names sort by age. */
static int make_id(char id[40]) {
    uint8_t b[16];
    struct timespec now;
    if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
        return -1;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    for (int i = 0; i < 6; i++)
        b[i] = (uint8_t)(ms >> (40 - 8 * i));
    b[6] = (uint8_t)(0x70 | (b[6] & 0x0F));
    b[8] = (uint8_t)(0x80 | (b[8] & 0x3F));
    char *p = id;
    for (int i = 0; i < 16; i++)
        p += snprintf(p, 4, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", b[i]);
    return 0;
}

static bool id_ok(const char *id) {
    return strlen(id) == PART_ID_LENGTH && strspn(id, "0123456789abcdef-") == PART_ID_LENGTH;
}

int ps_store_part_new(const char *root, char id[40], int *dirfd, struct ps_why *why) {
    int part = ps_root_open(root, PS_ROOT_PART, why), fd = -1, rc = 0;
    if (part < 0)
        return part;
    if (make_id(id) != 0) {
        rc = ps_root_failed(why, PS_ROOT_PART, "no random number");
        goto out;
    }
    /* Anything already of that name is not ours. */
    if (make_with_mode(part, id, FOLDER_MODE) != 0) {
        rc = ps_root_failed(why, PS_ROOT_PART, "no new folder");
        goto out;
    }
    fd = ps_root_open_folder(part, id);
    if (fd < 0 || make_folder(fd, "originals", FOLDER_MODE) != 0 || sync_fd(part) != 0) {
        rc = ps_root_failed(why, id, "the new folder cannot be used");
        goto out;
    }
    *dirfd = fd;
    fd = -1; /* transferred */
out:
    if (fd >= 0)
        close(fd);
    close(part);
    return rc;
}

int ps_store_part_open(const char *root, const char *id, int *dirfd, struct ps_why *why) {
    if (!id_ok(id))
        return ps_error_why(why, PS_EINVAL, id, "is no name of a half-done clip");
    int part = ps_root_open(root, PS_ROOT_PART, why);
    if (part < 0)
        return part;
    int fd = ps_root_open_folder(part, id);
    int rc = fd >= 0 ? 0 : ps_root_failed(why, id, "cannot be opened");
    close(part);
    if (rc == 0)
        *dirfd = fd;
    return rc;
}

/* ---- sorted lists of names */

struct names {
    char **v;
    size_t n;
};

static void names_free(struct names *l) {
    for (size_t i = 0; i < l->n; i++)
        free(l->v[i]);
    free(l->v);
    *l = (struct names){0};
}

static int by_bytes(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* 0000123 before 10000000: numbers grow longer. Not for ids, whose digits are hexadecimal. */
static int by_number(const void *a, const void *b) {
    return strverscmp(*(char *const *)a, *(char *const *)b);
}

/* All names in a folder for which ok() holds. Takes fd. */
static int names_of(int fd, bool (*ok)(const char *), struct names *out) {
    *out = (struct names){0};
    DIR *d = fdopendir(fd);
    if (d == NULL) {
        close(fd);
        return PS_EIO;
    }
    size_t cap = 0;
    int rc = 0;
    struct dirent *e;
    while (errno = 0, (e = readdir(d)) != NULL) {
        if (!ok(e->d_name))
            continue;
        if (out->n == cap) {
            cap = cap != 0 ? 2 * cap : 64;
            char **more = reallocarray(out->v, cap, sizeof(*more));
            if (more == NULL) {
                rc = PS_ENOMEM;
                break;
            }
            out->v = more;
        }
        out->v[out->n] = strdup(e->d_name);
        if (out->v[out->n] == NULL) {
            rc = PS_ENOMEM;
            break;
        }
        out->n++;
    }
    if (rc == 0 && errno != 0)
        rc = PS_EIO;
    closedir(d);
    if (rc < 0)
        names_free(out);
    else if (out->n > 1)
        qsort(out->v, out->n, sizeof(*out->v), ok == id_ok ? by_bytes : by_number);
    return rc;
}

static bool digits(const char *s, size_t n) {
    return strlen(s) == n && strspn(s, "0123456789") == n;
}

static bool is_year(const char *s) {
    return digits(s, 4);
}

static bool is_two(const char *s) {
    return digits(s, 2);
}

bool ps_store_is_clip_name(const char *s) {
    const char *dash = strrchr(s, '-');
    size_t n = strlen(s);
    return n < 40 && dash != NULL && dash != s && strlen(dash + 1) >= 7 &&
           strspn(dash + 1, "0123456789") == strlen(dash + 1) &&
           strspn(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") == n;
}

int ps_store_part_each(const char *root, int (*found)(void *ctx, const char *id), void *ctx) {
    int fd = ps_root_open(root, PS_ROOT_PART, NULL);
    if (fd < 0)
        return fd;
    struct names ids;
    int rc = names_of(fd, id_ok, &ids);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < ids.n && rc == 0; i++)
        rc = found(ctx, ids.v[i]);
    names_free(&ids);
    return rc;
}

/* ---- publication */

static bool any_name(const char *s) {
    return strcmp(s, ".") != 0 && strcmp(s, "..") != 0;
}

/* fsync of every file in the folder and the folder itself, one level of folders down (originals/,
 * signatures/). */
static int sync_tree(int fd, int depth, struct ps_why *why) {
    struct names l;
    int list = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (list < 0 || names_of(list, any_name, &l) < 0)
        return ps_root_failed(why, "clip folder", "cannot be listed");
    int rc = 0;
    for (size_t i = 0; i < l.n && rc == 0; i++) {
        int f = openat(fd, l.v[i], O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        struct stat st;
        if (f < 0 || fstat(f, &st) != 0)
            rc = ps_root_failed(why, l.v[i], "cannot be opened");
        else if (S_ISDIR(st.st_mode) && depth > 0)
            rc = sync_tree(f, depth - 1, why);
        else if (!S_ISREG(st.st_mode))
            rc = ps_error_why(why, PS_EFORMAT, l.v[i], "does not belong in a clip folder");
        else if (sync_fd(f) != 0)
            rc = ps_root_failed(why, l.v[i], "fsync");
        if (f >= 0)
            close(f);
    }
    names_free(&l);
    if (rc == 0 && sync_fd(fd) != 0)
        rc = ps_root_failed(why, "clip folder", "fsync");
    return rc;
}

/* Opens clips/YYYY/MM/DD, made where missing. */
static int day_folder(const char *root, int64_t wall_ns, char day[16], struct ps_why *why) {
    time_t t = (time_t)(wall_ns / 1000000000 - (wall_ns % 1000000000 < 0));
    struct tm tm;
    if (gmtime_r(&t, &tm) == NULL || tm.tm_year + 1900 < 0 || tm.tm_year + 1900 > 9999)
        return ps_error_why(why, PS_EINVAL, "started", "the year has not four digits");
    snprintf(day, 16, "%04u/%02u/%02u", (unsigned)(tm.tm_year + 1900) % 10000,
             (unsigned)(tm.tm_mon + 1) % 100, (unsigned)tm.tm_mday % 100);
    int at = ps_root_open(root, PS_ROOT_CLIPS, why);
    char name[16], *rest = name;
    memcpy(name, day, sizeof(name));
    for (const char *step; at >= 0 && (step = strsep(&rest, "/")) != NULL;) {
        int next = make_folder(at, step, FOLDER_MODE) == 0 ? ps_root_open_folder(at, step) : -1;
        if (next < 0)
            next = ps_root_failed(why, day, "cannot be made");
        close(at);
        at = next;
    }
    return at;
}

/* Not every file system knows RENAME_NOREPLACE; a folder never replaces one that holds something. */
static int rename_new(int from, const char *a, int to, const char *b) {
    if (renameat2(from, a, to, b, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (mkdirat(to, b, 0700) != 0)
        return -1;
    return renameat(from, a, to, b);
}

/* Does this name of this day belong to a clip of another ledger? A ledger that was begun anew counts from nothing. */
static bool of_another_ledger(const char *root, const char *day, const char *name,
                              const struct ps_clip *clip) {
    char path[PS_ROOT_PATH];
    struct ps_clip *there = NULL;
    snprintf(path, sizeof(path), "%s/%s/%s", PS_ROOT_CLIPS, day, name);
    bool other = ps_store_load(root, path, &there, NULL) == 0 &&
                 memcmp(there->ledger_key, clip->ledger_key, sizeof(clip->ledger_key)) != 0;
    ps_statement_free(there);
    return other;
}

/* .part/ID, open as part, takes its final name. A folder of its day, or an error; day and name tell which. */
static int take_name(const char *root, int part, const char *id, const struct ps_clip *clip, char day[16],
                     char name[40], struct ps_why *why) {
    int64_t wall_ns = clip->started.wall_ns;
    ps_statement_clip_name(clip->opening.station, clip->number, name);
    for (unsigned i = 0;; i++, wall_ns += DAY_NS) {
        int to = day_folder(root, wall_ns, day, why);
        if (to < 0 || rename_new(part, id, to, name) == 0)
            return to;
        int rc = errno == ENOTEMPTY ? PS_EEXIST : ps_root_failed(why, name, "cannot take its final name");
        close(to);
        if (rc != PS_EEXIST || i == DAYS_LATER || !of_another_ledger(root, day, name, clip))
            return rc;
    }
}

int ps_store_publish(const char *root, const char *id, const struct ps_clip *clip, char path[PS_ROOT_PATH],
                     struct ps_why *why) {
    char name[40], day[16];
    int part = -1, dir = -1, to = -1;
    int rc = ps_store_part_open(root, id, &dir, why);
    if (rc < 0)
        return rc;
    part = ps_root_open(root, PS_ROOT_PART, why);
    if (part < 0) {
        rc = part;
        goto out;
    }
    rc = sync_tree(dir, 1, why);
    if (rc < 0)
        goto out;
    to = take_name(root, part, id, clip, day, name, why);
    if (to < 0) {
        rc = to;
        goto out;
    }
    snprintf(path, PS_ROOT_PATH, "%s/%s/%s", PS_ROOT_CLIPS, day, name);
    if (sync_fd(dir) != 0 || sync_fd(to) != 0 || sync_fd(part) != 0)
        rc = ps_root_failed(why, path, "fsync");
out:
    if (to >= 0)
        close(to);
    if (part >= 0)
        close(part);
    close(dir);
    return rc;
}

int ps_store_part_abandon(const char *root, const char *id, struct ps_why *why) {
    if (!id_ok(id))
        return ps_error_why(why, PS_EINVAL, id, "is no name of a half-done clip");
    int part = ps_root_open(root, PS_ROOT_PART, why), to = -1, rc = part < 0 ? part : 0;
    if (part < 0)
        goto out;
    int clips = ps_root_open(root, PS_ROOT_CLIPS, why);
    if (clips < 0 || make_folder(clips, ".aborted", FOLDER_MODE) != 0 ||
        (to = ps_root_open_folder(clips, ".aborted")) < 0)
        rc = ps_root_failed(why, ABORTED, "cannot be made");
    if (clips >= 0)
        close(clips);
    if (rc == 0 && rename_new(part, id, to, id) != 0)
        rc = ps_root_failed(why, id, "cannot be put aside");
    if (rc == 0 && (sync_fd(to) != 0 || sync_fd(part) != 0))
        rc = ps_root_failed(why, ABORTED, "fsync");
out:
    if (to >= 0)
        close(to);
    if (part >= 0)
        close(part);
    return rc;
}

/* ---- small files */

int ps_store_write_file(int dirfd, const char *name, const void *p, size_t n, struct ps_why *why) {
    int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (fd < 0)
        return ps_root_failed(why, name, "cannot be made");
    const char *at = p;
    int rc = fchmod(fd, 0640) == 0 ? 0 : ps_root_failed(why, name, "mode");
    while (n > 0 && rc == 0) {
        ssize_t did = write(fd, at, n);
        if (did < 0 && errno == EINTR)
            continue;
        if (did < 0) {
            rc = ps_root_failed(why, name, "cannot be written");
            break;
        }
        at += did;
        n -= (size_t)did;
    }
    if (rc == 0 && sync_fd(fd) != 0)
        rc = ps_root_failed(why, name, "fsync");
    close(fd);
    if (rc < 0)
        unlinkat(dirfd, name, 0); /* a part of a file would be taken for the whole */
    return rc;
}

int ps_store_read_file(int dirfd, const char *name, size_t max, uint8_t **out, size_t *n,
                       struct ps_why *why) {
    int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return ps_root_failed(why, name, "cannot be opened");
    int rc = 0;
    uint8_t *buf = NULL;
    struct stat st;
    if (fstat(fd, &st) != 0)
        rc = ps_root_failed(why, name, "cannot be looked at");
    else if (!S_ISREG(st.st_mode))
        rc = ps_error_why(why, PS_EFORMAT, name, "is no ordinary file");
    else if ((uint64_t)st.st_size > max)
        rc = ps_error_why(why, PS_ELIMIT, name, "is larger than %zu bytes", max);
    else if ((buf = malloc((size_t)st.st_size + 1)) == NULL)
        rc = ps_error_why(why, PS_ENOMEM, name, "out of memory");
    size_t got = 0;
    while (rc == 0 && got < (size_t)st.st_size) {
        ssize_t did = read(fd, buf + got, (size_t)st.st_size - got);
        if (did < 0 && errno == EINTR)
            continue;
        if (did < 0)
            rc = ps_root_failed(why, name, "cannot be read");
        else if (did == 0)
            rc = ps_error_why(why, PS_ESHORT, name, "became shorter while it was read");
        else
            got += (size_t)did;
    }
    close(fd);
    if (rc < 0) {
        free(buf);
        return rc;
    }
    buf[got] = '\0';
    *out = buf;
    *n = got;
    return 0;
}

/* ---- published clips */

struct walk {
    const char *root;
    int (*found)(void *ctx, const char *path, const char *name);
    void *ctx;
};

static int walk_level(const struct walk *w, const char *path, unsigned level) {
    static bool (*const ok[])(const char *) = {is_year, is_two, is_two, ps_store_is_clip_name};
    int fd = ps_root_open(w->root, path, NULL);
    /* A file or a link where a day would be is no day. */
    if (fd < 0)
        return level > 0 && (errno == ENOTDIR || errno == ELOOP || errno == ENOENT) ? 0 : fd;
    struct names l;
    int rc = names_of(fd, ok[level], &l); /* transferred */
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < l.n && rc == 0; i++) {
        char next[PS_ROOT_PATH];
        rc = ps_root_path(path, l.v[i], next);
        if (rc == 0)
            rc = level == 3 ? w->found(w->ctx, next, l.v[i]) : walk_level(w, next, level + 1);
    }
    names_free(&l);
    return rc;
}

int ps_store_each(const char *root, int (*found)(void *ctx, const char *path, const char *name), void *ctx) {
    struct walk w = {.root = root, .found = found, .ctx = ctx};
    return walk_level(&w, PS_ROOT_CLIPS, 0);
}

int ps_store_each_removed(const char *root, int (*found)(void *ctx, const char *path, const char *name),
                          void *ctx) {
    struct walk w = {.root = root, .found = found, .ctx = ctx};
    int fd = ps_root_open(root, PS_ROOT_REMOVED, NULL);
    if (fd < 0)
        return fd == PS_ENOENT ? 0 : fd;
    close(fd);
    return walk_level(&w, PS_ROOT_REMOVED, 0);
}

int ps_store_load(const char *root, const char *path, struct ps_clip **out, struct ps_why *why) {
    int fd = ps_root_open(root, path, why);
    if (fd < 0)
        return fd;
    uint8_t *text = NULL;
    size_t n = 0;
    int rc = ps_store_read_file(fd, "clip.json", PS_MAX_STATEMENT, &text, &n, why);
    close(fd);
    if (rc == 0)
        rc = ps_statement_parse(out, text, n, why);
    free(text);
    return rc;
}

int ps_store_free_bytes(const char *root, uint64_t *bytes) {
    struct statvfs v;
    if (statvfs(root, &v) != 0)
        return PS_EIO;
    *bytes = (uint64_t)v.f_bavail * v.f_frsize;
    return 0;
}

int ps_store_disk_bytes(const char *root, uint64_t *bytes) {
    struct statvfs v;
    if (statvfs(root, &v) != 0)
        return PS_EIO;
    *bytes = (uint64_t)v.f_blocks * v.f_frsize;
    return 0;
}
