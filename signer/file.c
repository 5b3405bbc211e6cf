/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signer/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence/error.h"

int ps_file_write_at(int fd, const void *p, size_t n, uint64_t off) {
    const char *b = p;

    while (n > 0) {
        ssize_t k = pwrite(fd, b, n, (off_t)off);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0) {
            if (k == 0)
                errno = EIO;
            return PS_EIO;
        }
        b += k;
        n -= (size_t)k;
        off += (uint64_t)k;
    }
    return 0;
}

int ps_file_read_at(int fd, void *p, size_t n, uint64_t off) {
    char *b = p;

    while (n > 0) {
        ssize_t k = pread(fd, b, n, (off_t)off);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return PS_EIO;
        if (k == 0)
            return PS_ESHORT;
        b += k;
        n -= (size_t)k;
        off += (uint64_t)k;
    }
    return 0;
}

int ps_file_create(int dir, const char *name, const void *p, size_t n, mode_t mode) {
    int err;
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return errno == EEXIST ? PS_EEXIST : PS_EIO;
    err = ps_file_write_at(fd, p, n, 0);
    if (err == 0 && (fchmod(fd, mode) != 0 || fsync(fd) != 0))
        err = PS_EIO;
    if (close(fd) != 0 && err == 0)
        err = PS_EIO;
    if (err == 0 && fsync(dir) != 0)
        err = PS_EIO;
    return err;
}

ssize_t ps_file_load(int dir, const char *name, void *p, size_t cap) {
    struct stat st;
    ssize_t n = PS_EIO;
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return errno == ENOENT ? PS_ENOENT : PS_EIO;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        goto out;
    n = PS_ELIMIT;
    if (st.st_size < 0 || (uint64_t)st.st_size > cap)
        goto out;
    n = ps_file_read_at(fd, p, (size_t)st.st_size, 0) == 0 ? (ssize_t)st.st_size : PS_EIO;
out:
    close(fd);
    return n;
}

const char *ps_file_error_text(void) {
    const char *text = strerrordesc_np(errno);

    return text != NULL ? text : "unknown error";
}
