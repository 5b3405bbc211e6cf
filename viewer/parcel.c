/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "viewer/parcel.h"
#include "archive/zipw.h"
#include "evidence/limits.h"
#include "viewer/room.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES 1024
#define BLOCK ((size_t)256 << 10)

struct list {
    char *name[FILES]; /* relative to the folder */
    unsigned n;
};

static void list_free(struct list *l) {
    for (unsigned i = 0; i < l->n; i++)
        free(l->name[i]);
}

/* Files of one folder; those of its folders too when deep. */
static int list_read(struct list *l, int folder, const char *prefix, bool deep) {
    int err = 0,
        fd = openat(folder, prefix[0] ? prefix : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);

    if (!d) {
        if (fd >= 0)
            close(fd);
        return PS_EIO;
    }
    for (struct dirent *e; err == 0 && (e = readdir(d));) {
        struct stat st;
        char path[PS_MAX_ZIP_NAME + 1];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        int n = snprintf(path, sizeof(path), "%s%s%s", prefix, prefix[0] ? "/" : "", e->d_name);
        if (n >= (int)sizeof(path) || l->n == FILES)
            err = PS_ELIMIT;
        else if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            err = PS_EIO;
        else if (S_ISDIR(st.st_mode) && deep)
            err = list_read(l, folder, path, false);
        else if (S_ISREG(st.st_mode) && !(l->name[l->n] = strdup(path)))
            err = PS_ENOMEM;
        else if (S_ISREG(st.st_mode))
            l->n++;
    }
    closedir(d);
    return err;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int put_file(struct ps_zipw *z, int folder, const char *name, const struct ps_viewer *v, char *block) {
    struct stat st;
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        if (fd >= 0)
            close(fd);
        return PS_EIO;
    }
    int err = ps_room_for(v, (uint64_t)st.st_size) ? ps_zipw_begin(z, name, (uint64_t)st.st_size) : PS_EFULL;
    ssize_t got = 1;
    while (err == 0 && (got = read(fd, block, BLOCK)) > 0)
        err = ps_zipw_data(z, block, (size_t)got);
    if (err == 0)
        err = got < 0 ? PS_EIO : ps_zipw_end(z);
    close(fd);
    return err;
}

/* Each is removed once it is packed: a disk holds two copies of one file, not of all. */
static int put_all(struct ps_zipw *z, int folder, const struct list *l, const struct ps_viewer *v,
                   struct ps_why *why) {
    char *block = malloc(BLOCK);
    int err = block ? 0 : PS_ENOMEM;

    for (unsigned i = 0; i < l->n && err == 0; i++) {
        err = put_file(z, folder, l->name[i], v, block);
        if (err < 0)
            ps_error_why(why, err, l->name[i], "%s", ps_error_text(err));
        else
            unlinkat(folder, l->name[i], 0);
    }
    free(block);
    return err;
}

int ps_parcel_make(int folder, const char *name, const struct ps_viewer *v, uint64_t *bytes,
                   struct ps_why *why) {
    struct list l = {.n = 0};
    struct ps_zipw z;
    int fd = -1, err = list_read(&l, folder, "", true);

    if (err < 0) {
        list_free(&l);
        return ps_error_why(why, err, "the export's folder", "%s", ps_error_text(err));
    }
    qsort(l.name, l.n, sizeof(l.name[0]), by_name);
    fd = openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    ps_zipw_init(&z, fd, 0);
    if (fd < 0)
        err = ps_error_why(why, PS_EIO, name, "%s", strerrordesc_np(errno));
    if (err == 0)
        err = put_all(&z, folder, &l, v, why);
    if (err == 0) {
        err = ps_zipw_finish(&z);
        if (err < 0)
            ps_error_why(why, err, name, "%s", ps_error_text(err));
    }
    *bytes = z.at;
    ps_zipw_free(&z);
    if (fd >= 0)
        close(fd);
    list_free(&l);
    return err;
}

static void empty(int folder, bool deep) {
    DIR *d = fdopendir(folder); /* takes it */

    if (!d) {
        close(folder);
        return;
    }
    for (struct dirent *e; (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (unlinkat(dirfd(d), e->d_name, 0) == 0 || !deep)
            continue;
        int fd = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0)
            empty(fd, false);
        unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
    }
    closedir(d);
}

void ps_parcel_remove(int parent, const char *folder) {
    int fd = openat(parent, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd >= 0)
        empty(fd, true);
    unlinkat(parent, folder, AT_REMOVEDIR);
}
