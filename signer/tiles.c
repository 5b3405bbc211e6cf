/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signer/tiles.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence/tile.h"
#include "signer/file.h"
#include "signer/ledger.h"
#include "signer/sandbox.h"

#define FRESH ".new"
#define LEVELS 9 /* of tiles that a tree below 2^63 leaves has, and the entry bundles */

struct ps_tiles {
    int dir;
    uint64_t done; /* leaves whose tiles are on the disk */
    const struct ps_ledger *ledger;
    struct ps_why *why; /* while opening */
    struct {            /* of each level the file that was written last, entry bundles first */
        uint64_t index;
        unsigned width;
    } last[LEVELS];
    uint8_t content[PS_LEDGER_BUNDLE]; /* of the tile in hand; a bundle is the longest */
    uint8_t found[PS_LEDGER_BUNDLE];
};

/* ---- one file ------------------------------------------------------------------------------------- */

/* The bytes into FRESH. What was not written is taken away again. */
static int write_fresh(int dir, const void *p, size_t n) {
    int fd = openat(dir, FRESH, PS_SANDBOX_NEW_FILE, 0640);

    if (fd < 0 && errno == EEXIST && unlinkat(dir, FRESH, 0) == 0) /* of a try that failed */
        fd = openat(dir, FRESH, PS_SANDBOX_NEW_FILE, 0640);
    if (fd < 0)
        return PS_EFULL;
    int err = ps_file_write_at(fd, p, n, 0) == 0 ? 0 : PS_EFULL;
    int saved = errno;
    if (err == 0 && fsync(fd) != 0) {
        saved = errno;
        err = PS_EIO;
    }
    close(fd);
    if (err != 0)
        unlinkat(dir, FRESH, 0);
    errno = saved;
    return err;
}

/* The folders on the way to path. */
static int make_parents(int dir, const char *path) {
    char part[PS_TILE_PATH];

    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        memcpy(part, path, (size_t)(slash - path));
        part[slash - path] = '\0';
        if (mkdirat(dir, part, 0750) != 0 && errno != EEXIST)
            return PS_EFULL;
    }
    return 0;
}

/* Gives FRESH its name, unless something has it. */
static int name_fresh(int dir, const char *path) {
    struct stat st;

    if (renameat2(dir, FRESH, dir, path, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL) /* a file system that does not know the flag */
        return -1;
    if (fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EEXIST;
        return -1;
    }
    return errno == ENOENT ? renameat(dir, FRESH, dir, path) : -1;
}

static int put(int dir, const char *path, const void *p, size_t n) {
    int err = write_fresh(dir, p, n);

    if (err != 0 || name_fresh(dir, path) == 0)
        return err;
    if (errno == ENOENT && (err = make_parents(dir, path)) == 0 && name_fresh(dir, path) == 0)
        return 0;
    /* All that was there at the start was compared: what stands here now was put by somebody else. */
    err = errno == EEXIST ? PS_EIO : PS_EFULL;
    int saved = errno;
    unlinkat(dir, FRESH, 0);
    errno = saved;
    return err;
}

/* ---- tiles ----------------------------------------------------------------------------------------- */

/* What a tile holds, into t->content; its length or an error. */
static int content_of(struct ps_tiles *t, int level, uint64_t index, unsigned width) {
    if (level == PS_TILE_ENTRIES)
        return ps_ledger_bundle(t->ledger, index * PS_TILE_WIDTH, width, t->content);
    int err = ps_ledger_tile(t->ledger, level, index, width, t->content);
    return err == 0 ? (int)width * 32 : err;
}

static int write_tile(void *ctx, int level, uint64_t index, unsigned width) {
    struct ps_tiles *t = ctx;
    char path[PS_TILE_PATH];

    /* A try that failed half way has written some: they are there, and nothing is written twice. */
    if (t->last[level + 1].index == index && t->last[level + 1].width == width)
        return 0;
    int n = content_of(t, level, index, width);
    if (n < 0)
        return n;
    int err = ps_tile_path(path, level, index, width);
    if (err == 0)
        err = put(t->dir, path, t->content, (size_t)n);
    if (err == 0) {
        t->last[level + 1].index = index;
        t->last[level + 1].width = width;
    }
    return err;
}

int ps_tiles_sync(struct ps_tiles *t, const struct ps_ledger *l) {
    uint64_t size = ps_ledger_size(l);

    /* From border to border of the lowest tiles: no step makes more than one file of a level. */
    t->ledger = l;
    while (t->done < size) {
        uint64_t border = (t->done / PS_TILE_WIDTH + 1) * PS_TILE_WIDTH;
        uint64_t next = border < size ? border : size;
        int err = ps_tile_new(t->done, next, write_tile, t);
        if (err != 0)
            return err == PS_EFULL ? PS_EFULL : PS_EIO;
        t->done = next;
    }
    return 0;
}

int ps_tiles_checkpoint(struct ps_tiles *t, const void *note, size_t n) {
    int err = write_fresh(t->dir, note, n);

    if (err != 0)
        return err;
    if (renameat(t->dir, FRESH, t->dir, PS_TILES_CHECKPOINT) != 0)
        return PS_EFULL;
    return fsync(t->dir) == 0 ? 0 : PS_EIO;
}

/* ---- at the start ------------------------------------------------------------------------------------ */

/* 1: the file is as it should be; 0: there is none; or an error. */
static int compare(struct ps_tiles *t, const char *path, int level, uint64_t index, unsigned width) {
    int n = content_of(t, level, index, width);
    ssize_t have = ps_file_load(t->dir, path, t->found, sizeof(t->found));

    if (have == PS_ENOENT)
        return 0;
    if (n < 0 || have == PS_EIO)
        return ps_error_why(t->why, PS_EIO, path, "cannot be read: %s", strerror(errno));
    if (have == n && memcmp(t->found, t->content, (size_t)n) == 0)
        return 1;
    return ps_error_why(t->why, PS_EFORMAT, path, "is not what the ledger's entries make: move it away");
}

/* The partial tiles of a full one: nobody needs them any more. */
static void drop_partials(const struct ps_tiles *t, const char *full) {
    char path[PS_TILE_PATH + 4];

    snprintf(path, sizeof(path), "%s.p", full);
    int fd = openat(t->dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (d == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (const struct dirent *e; (e = readdir(d)) != NULL;)
        if (e->d_name[0] != '.')
            unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    unlinkat(t->dir, path, AT_REMOVEDIR);
}

/* Partial tiles that are there must be beginnings of the tile, and none may know more than the ledger. */
static int check_partials(struct ps_tiles *t, int level, uint64_t index, unsigned width) {
    char path[PS_TILE_PATH];
    int err = 0;

    for (unsigned w = 1; err >= 0 && w <= PS_TILE_WIDTH; w++) {
        ps_tile_path(path, level, index, w);
        if (w == width || faccessat(t->dir, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (w > width)
            return ps_error_why(t->why, PS_EFORMAT, path,
                                "is of a longer ledger than this one: an old copy was restored");
        err = compare(t, path, level, index, w);
    }
    return err < 0 ? err : 0;
}

static int complete(void *ctx, int level, uint64_t index, unsigned width) {
    struct ps_tiles *t = ctx;
    char path[PS_TILE_PATH];

    ps_tile_path(path, level, index, width);
    int err = compare(t, path, level, index, width);
    if (err == 0 && (err = put(t->dir, path, t->content, (size_t)content_of(t, level, index, width))) != 0)
        return ps_error_why(t->why, err, path, "cannot be written: %s", strerror(errno));
    if (err < 0)
        return err;
    if (width < PS_TILE_WIDTH)
        return check_partials(t, level, index, width);
    drop_partials(t, path);
    return 0;
}

int ps_tiles_open(struct ps_tiles **out, int dir, const struct ps_ledger *l, struct ps_why *why) {
    struct ps_tiles *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return ps_error_why(why, PS_ENOMEM, "ledger/tile", "out of memory");
    t->dir = dir;
    t->ledger = l;
    t->why = why;
    int err = unlinkat(dir, FRESH, 0) == 0 || errno == ENOENT
                  ? 0
                  : ps_error_why(why, PS_EIO, "ledger/" FRESH, "%s", strerror(errno));
    if (err == 0)
        err = ps_tile_new(0, ps_ledger_size(l), complete, t);
    if (err != 0) {
        free(t);
        return err;
    }
    t->done = ps_ledger_size(l);
    t->why = NULL;
    *out = t;
    return 0;
}

void ps_tiles_close(struct ps_tiles *t) {
    free(t);
}
