/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/watch_reference.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <turbojpeg.h>
#include <unistd.h>

#include "archive/root.h"
#include "archive/store.h"
#include "evidence/sha256.h"
#include "recorder/clock.h"

#define FOLDER "reference"
#define QUALITY 90 /* of a grey JPEG made here: lines must stay */

void ps_watch_reference_day(int64_t wall_ns, char out[11]) {
    time_t t = (time_t)(wall_ns / 1000000000 + ps_clock_utc_offset(wall_ns));
    struct tm tm;

    if (!gmtime_r(&t, &tm) || strftime(out, 11, "%Y-%m-%d", &tm) != 10)
        snprintf(out, 11, "0000-00-00");
}

static bool is_day(const char *s) {
    for (int i = 0; i < 10; i++)
        if (i == 4 || i == 7 ? s[i] != '-' : s[i] < '0' || s[i] > '9')
            return false;
    return s[10] == '\0';
}

/* The folder of a day, made when it is to be; -1 and errno. */
static int open_day(const char *root, const char *day, bool make) {
    char path[PS_ROOT_PATH];
    int at, fd;

    if (ps_root_path(root, FOLDER, path) < 0) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (make && mkdir(path, 02750) < 0 && errno != EEXIST)
        return -1;
    at = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (at < 0)
        return -1;
    if (make && mkdirat(at, day, 02750) < 0 && errno != EEXIST) {
        close(at);
        return -1;
    }
    fd = openat(at, day, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    close(at);
    return fd;
}

int ps_watch_reference_load(const char *root, const char *day, const char *camera, struct ps_frame *f,
                            uint8_t sha256[32]) {
    char name[PS_MAX_NAME + 8];
    struct ps_why why;
    uint8_t *p = NULL;
    size_t n = 0;
    int fd = open_day(root, day, false), err;

    if (fd < 0)
        return errno == ENOENT ? PS_ENOENT : PS_EIO;
    snprintf(name, sizeof name, "%s.jpg", camera);
    err = ps_store_read_file(fd, name, PS_WATCH_REFERENCE_MAX, &p, &n, &why);
    close(fd);
    if (err < 0)
        return err;
    ps_sha256(sha256, p, n);
    err = ps_frame_reserve(f, n);
    if (!err) {
        memcpy(f->data, p, n);
        f->size = n;
        f->pixels = PS_PIXELS_JPEG;
        f->full_range = true;
        f->damaged = false;
        f->width = f->height = 0; /* any */
    }
    free(p);
    return err;
}

static int write_picture(int fd, const char *name, const void *p, size_t n, uint8_t sha256[32],
                         struct ps_why *why) {
    int err = ps_store_write_file(fd, name, p, n, why);

    ps_sha256(sha256, p, n);
    if (!err && fsync(fd) < 0)
        err = ps_error_why(why, PS_EIO, name, "%s", strerror(errno));
    return err;
}

/* Of raw pictures luma is all that is compared. */
static int write_grey(int fd, const char *name, const struct ps_picture *p, uint8_t sha256[32],
                      struct ps_why *why) {
    tjhandle tj = tjInitCompress();
    unsigned char *jpeg = NULL;
    unsigned long n = 0;
    int err;

    if (tj && tjCompress2(tj, p->plane[0], p->width, p->stride[0], p->height, TJPF_GRAY, &jpeg, &n,
                          TJSAMP_GRAY, QUALITY, 0) == 0)
        err = write_picture(fd, name, jpeg, n, sha256, why);
    else
        err = ps_error_why(why, PS_ENOMEM, name, "cannot be made a JPEG");
    tjFree(jpeg);
    if (tj)
        tjDestroy(tj);
    return err;
}

int ps_watch_reference_keep(const char *root, const char *day, const char *camera, const struct ps_frame *f,
                            const struct ps_picture *p, uint8_t sha256[32], struct ps_why *why) {
    char name[PS_MAX_NAME + 8];
    int fd = open_day(root, day, true), err;

    if (fd < 0)
        return ps_error_why(why, PS_EIO, FOLDER, "%s", strerror(errno));
    snprintf(name, sizeof name, "%s.jpg", camera);
    if (f->pixels == PS_PIXELS_JPEG && f->size <= PS_WATCH_REFERENCE_MAX)
        err = write_picture(fd, name, f->data, f->size, sha256, why);
    else
        err = write_grey(fd, name, p, sha256, why);
    close(fd);
    return err;
}

int ps_watch_reference_note(const char *root, const char *day, const char *name, const void *p, size_t n,
                            struct ps_why *why) {
    int fd = open_day(root, day, true);

    if (fd < 0)
        return ps_error_why(why, PS_EIO, FOLDER, "%s", strerror(errno));
    int err = ps_store_write_file(fd, name, p, n, why);
    close(fd);
    return err;
}

static void forget_day(int at, const char *day) {
    int fd = openat(at, day, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

    if (!d) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.')
            unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    unlinkat(at, day, AT_REMOVEDIR); /* what is not ours keeps it */
}

void ps_watch_reference_forget(const char *root, const char *before_day) {
    char path[PS_ROOT_PATH];
    DIR *d = ps_root_path(root, FOLDER, path) < 0 ? NULL : opendir(path);

    if (!d)
        return;
    for (struct dirent *e; (e = readdir(d));)
        if (is_day(e->d_name) && strcmp(e->d_name, before_day) < 0)
            forget_day(dirfd(d), e->d_name);
    closedir(d);
}
