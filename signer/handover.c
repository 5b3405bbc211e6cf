/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signer/handover.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence/error.h"

/* The folder belongs to somebody who may put there what he likes, a link or a second name of root's own file for instance.
 * Hence the entry is opened first, and what was opened is looked at and given away. */
static int give(int dir, const char *name, const struct stat *to) {
    struct stat st;
    int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return PS_EIO;
    int err = fstat(fd, &st) == 0 ? 0 : PS_EIO;
    bool ours =
        err == 0 && st.st_uid == 0 && (S_ISDIR(st.st_mode) || (S_ISREG(st.st_mode) && st.st_nlink == 1));
    if (ours && fchownat(fd, "", to->st_uid, to->st_gid, AT_EMPTY_PATH) != 0)
        err = PS_EIO;
    close(fd);
    return err;
}

/* May there be something to give away, and to whom? */
static bool is_somebodys(int dir, struct stat *owner) {
    return geteuid() == 0 && fstat(dir, owner) == 0 && owner->st_uid != 0;
}

int ps_handover_entry(int dir, const char *name) {
    struct stat owner;
    return is_somebodys(dir, &owner) ? give(dir, name, &owner) : 0;
}

static int give_all(int dir, const struct stat *to, bool deep) {
    int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;
    DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
    if (d == NULL) {
        if (copy >= 0)
            close(copy);
        return PS_EIO;
    }
    for (const struct dirent *e; err == 0 && (e = readdir(d)) != NULL;) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        err = give(dir, e->d_name, to);
        int below =
            err == 0 && deep ? openat(dir, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
        if (below >= 0) {
            err = give_all(below, to, false);
            close(below);
        }
    }
    closedir(d);
    return err;
}

int ps_handover_folder(int dir, bool deep) {
    struct stat owner;
    return is_somebodys(dir, &owner) ? give_all(dir, &owner, deep) : 0;
}

int ps_handover_made(const char *path, int dir, int readers) {
    struct stat owner, group, now;
    if (!is_somebodys(dir, &owner))
        return 0;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return PS_EIO;
    int err = fstat(readers, &group) == 0 && fstat(fd, &now) == 0 ? 0 : PS_EIO;
    if (err == 0 && now.st_uid == 0) {
        owner.st_gid = group.st_gid;
        err = give_all(fd, &owner, false);
        /* The folder last: until then nobody else can put anything into it. */
        if (err == 0 && fchown(fd, owner.st_uid, owner.st_gid) != 0)
            err = PS_EIO;
    }
    close(fd);
    return err;
}
