/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence/bytes.h"

#define MAX_DEPTH 8
#define MAX_OPEN 64 /* descriptors kept; a clip has hundreds of originals */
#define MAX_NAME 1024

struct file {
    struct ps_files *of;
    char *name;
    int fd;         /* -1: closed */
    unsigned users; /* who read from it now */
    dev_t dev;
    ino_t ino;
    uint64_t size;
    struct timespec changed;
};

struct ps_files {
    int root; /* the folder, or the one file */
    bool folder;
    struct file *files;
    size_t n, cap;
    pthread_mutex_t lock;  /* of descriptors and users: two threads may read at once */
    size_t open[MAX_OPEN]; /* indices, a ring */
    unsigned n_open, oldest;
};

static int system_error(struct ps_why *why, const char *where) {
    int err = errno == ENOENT ? PS_ENOENT : errno == ENOMEM ? PS_ENOMEM : errno == EACCES ? PS_EPERM : PS_EIO;
    return ps_error_why(why, err, where, "%s", errno == ELOOP ? "a symbolic link" : strerror(errno));
}

/* ---- the list ------------------------------------------------------------------------------------ */

static int add(struct ps_files *f, const char *name, const struct stat *st, struct ps_why *why) {
    if (f->n == PS_MAX_ZIP_ENTRIES)
        return ps_error_why(why, PS_ELIMIT, name, "more than %d files", PS_MAX_ZIP_ENTRIES);
    if (f->n == f->cap) {
        size_t cap = f->cap == 0 ? 64 : f->cap * 2;
        struct file *p = realloc(f->files, cap * sizeof *p);
        if (p == NULL)
            return ps_error_why(why, PS_ENOMEM, name, "out of memory");
        f->files = p;
        f->cap = cap;
    }
    char *copy = strdup(name);
    if (copy == NULL)
        return ps_error_why(why, PS_ENOMEM, name, "out of memory");
    f->files[f->n++] = (struct file){.of = f,
                                     .name = copy,
                                     .fd = -1,
                                     .dev = st->st_dev,
                                     .ino = st->st_ino,
                                     .size = (uint64_t)st->st_size,
                                     .changed = st->st_ctim};
    return 0;
}

static int scan(struct ps_files *f, int fd, char path[MAX_NAME], unsigned depth, struct ps_why *why);

static int scan_entry(struct ps_files *f, int dir, const char *base, char path[MAX_NAME], unsigned depth,
                      struct ps_why *why) {
    struct stat st;
    if (fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return system_error(why, path);
    if (S_ISREG(st.st_mode))
        return add(f, path, &st, why);
    if (!S_ISDIR(st.st_mode))
        return ps_error_why(why, PS_EFORMAT, path,
                            "a link or a special file, where only files and folders may be");
    if (depth == MAX_DEPTH)
        return ps_error_why(why, PS_ELIMIT, path, "folders too deep");
    int fd = openat(dir, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return system_error(why, path);
    return scan(f, fd, path, depth + 1, why);
}

/* Takes fd. `path` is the folder's name below the root, and is used as room for longer ones. */
static int scan(struct ps_files *f, int fd, char path[MAX_NAME], unsigned depth, struct ps_why *why) {
    size_t len = strlen(path);
    int err = 0;
    DIR *d = fdopendir(fd);
    if (d == NULL) {
        err = system_error(why, path);
        close(fd);
        return err;
    }
    while (err == 0) {
        errno = 0;
        const struct dirent *e = readdir(d);
        if (e == NULL) {
            err = errno != 0 ? system_error(why, path) : 0;
            break;
        }
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        size_t n = strlen(e->d_name);
        if (n + 2 > MAX_NAME - len || !ps_bytes_is_text(e->d_name, n))
            err = ps_error_why(why, PS_EFORMAT, path, "holds a file whose name is too long or not text");
        else {
            (void)snprintf(path + len, MAX_NAME - len, "%s%s", len > 0 ? "/" : "", e->d_name);
            err = scan_entry(f, dirfd(d), e->d_name, path, depth, why);
        }
        path[len] = 0;
    }
    closedir(d);
    return err;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

static int scan_root(struct ps_files *f, struct ps_why *why) {
    char name[MAX_NAME] = "";
    int fd = openat(f->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return system_error(why, ".");
    int err = scan(f, fd, name, 0, why);
    if (err == 0 && f->n > 0)
        qsort(f->files, f->n, sizeof *f->files, by_name);
    return err;
}

int ps_files_open(struct ps_files **out, const char *path, struct ps_why *why) {
    struct stat st;
    struct ps_files *f = calloc(1, sizeof *f);
    *out = NULL;
    if (f == NULL || pthread_mutex_init(&f->lock, NULL) != 0) {
        free(f);
        return ps_error_why(why, PS_ENOMEM, path, "out of memory");
    }
    /* Not blocking: a named pipe must not hold us before it is refused. */
    f->root = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int err = 0;
    if (f->root < 0 || fstat(f->root, &st) != 0) {
        err = system_error(why, path);
    } else if (S_ISDIR(st.st_mode)) {
        f->folder = true;
        err = scan_root(f, why);
    } else if (S_ISREG(st.st_mode)) {
        const char *slash = strrchr(path, '/');
        err = add(f, slash != NULL ? slash + 1 : path, &st, why);
    } else {
        err = ps_error_why(why, PS_EFORMAT, path, "neither a file nor a folder");
    }
    if (err < 0) {
        ps_files_close(f);
        return err;
    }
    *out = f;
    return 0;
}

void ps_files_close(struct ps_files *f) {
    if (f == NULL)
        return;
    for (size_t i = 0; i < f->n; i++) {
        if (f->files[i].fd >= 0)
            close(f->files[i].fd);
        free(f->files[i].name);
    }
    if (f->root >= 0)
        close(f->root);
    pthread_mutex_destroy(&f->lock);
    free(f->files);
    free(f);
}

bool ps_files_is_folder(const struct ps_files *f) {
    return f->folder;
}

/* ---- reading ------------------------------------------------------------------------------------- */

/* Walks the folders one by one, none of them through a link. -1 with errno. */
static int open_below(int root, const char *name) {
    char part[NAME_MAX + 1];
    int dir = dup(root);
    while (dir >= 0) {
        const char *slash = strchr(name, '/');
        size_t n = slash != NULL ? (size_t)(slash - name) : strlen(name);
        if (n > NAME_MAX) {
            close(dir);
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(part, name, n);
        part[n] = 0;
        int flags = slash != NULL ? O_DIRECTORY : O_NONBLOCK | O_NOCTTY;
        int fd = openat(dir, part, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | flags);
        int saved = errno;
        close(dir);
        errno = saved;
        if (slash == NULL || fd < 0)
            return fd;
        dir = fd;
        name = slash + 1;
    }
    return -1;
}

static bool same_file(const struct file *x, int fd) {
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_dev == x->dev && st.st_ino == x->ino &&
           (uint64_t)st.st_size == x->size && st.st_ctim.tv_sec == x->changed.tv_sec &&
           st.st_ctim.tv_nsec == x->changed.tv_nsec;
}

/* Room in the ring: the oldest that nobody reads from is given up. */
static size_t *place(struct ps_files *f) {
    if (f->n_open < MAX_OPEN)
        return &f->open[f->n_open++];
    for (unsigned i = 0; i < MAX_OPEN; i++) {
        size_t *at = &f->open[f->oldest];
        struct file *old = &f->files[*at];
        f->oldest = (f->oldest + 1) % MAX_OPEN;
        if (old->users > 0)
            continue;
        close(old->fd);
        old->fd = -1;
        return at;
    }
    return NULL;
}

/* The descriptor, opened again if it was given up for another. A file that changed since it was listed fails. */
static int descriptor(struct file *x) {
    struct ps_files *f = x->of;
    if (x->fd >= 0)
        return x->fd;
    int fd = f->folder ? open_below(f->root, x->name) : fcntl(f->root, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        return -1;
    size_t *at = NULL;
    if (same_file(x, fd))
        at = place(f);
    if (at == NULL) {
        close(fd);
        errno = ESTALE;
        return -1;
    }
    *at = (size_t)(x - f->files);
    return x->fd = fd;
}

static int take(struct file *x) {
    pthread_mutex_lock(&x->of->lock);
    int fd = descriptor(x);
    x->users += fd >= 0;
    pthread_mutex_unlock(&x->of->lock);
    return fd;
}

static void give_back(struct file *x) {
    pthread_mutex_lock(&x->of->lock);
    x->users--;
    pthread_mutex_unlock(&x->of->lock);
}

static int read_exactly(int fd, uint64_t off, void *buf, size_t n) {
    uint8_t *p = buf;
    while (n > 0) {
        ssize_t got = pread(fd, p, n, (off_t)off);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return PS_EIO;
        p += got;
        off += (uint64_t)got;
        n -= (size_t)got;
    }
    return 0;
}

static int blob_read(void *ctx, uint64_t off, void *buf, size_t n) {
    struct file *x = ctx;
    int fd = take(x);
    if (fd < 0)
        return PS_EIO;
    int err = read_exactly(fd, off, buf, n);
    give_back(x);
    return err;
}

static int open_read(void *ctx, uint64_t off, void *buf, size_t n) {
    return read_exactly(*(const int *)ctx, off, buf, n);
}

struct ps_blob ps_files_blob(int *fd, uint64_t size) {
    return (struct ps_blob){.ctx = fd, .size = size, .read = open_read};
}

static const char *tree_name(void *ctx, size_t i) {
    const struct ps_files *f = ctx;
    return f->files[i].name;
}

static int tree_open(void *ctx, size_t i, struct ps_blob *out) {
    struct ps_files *f = ctx;
    if (take(&f->files[i]) < 0)
        return PS_EIO;
    give_back(&f->files[i]);
    *out = (struct ps_blob){.ctx = &f->files[i], .size = f->files[i].size, .read = blob_read};
    return 0;
}

struct ps_tree ps_files_tree(struct ps_files *f) {
    return (struct ps_tree){.ctx = f, .n = f->n, .name = tree_name, .open = tree_open};
}
