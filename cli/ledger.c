/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

char *ps_ledger_read(int dir, const char *name, size_t max, size_t *n) {
    struct stat st;
    char *p = NULL;
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) != 0)
        goto out;
    if (!S_ISREG(st.st_mode) || st.st_size < 0 || (uintmax_t)st.st_size > max) {
        errno = S_ISREG(st.st_mode) ? EFBIG : EINVAL;
        goto out;
    }
    p = malloc((size_t)st.st_size + 1);
    if (p == NULL)
        goto out;
    *n = 0;
    for (ssize_t k = 1; *n < (size_t)st.st_size && k > 0; *n += k > 0 ? (size_t)k : 0) {
        k = read(fd, p + *n, (size_t)st.st_size - *n);
        if (k < 0) {
            free(p);
            p = NULL;
            goto out;
        }
    }
    p[*n] = '\0';
out:
    close(fd);
    return p;
}

int ps_ledger_key(const char *path, struct ps_vkey *out) {
    size_t n = 0;
    char *text = ps_ledger_read(AT_FDCWD, path, 4096, &n);

    if (text == NULL)
        return PS_ENOENT;
    int err = ps_note_vkey_parse(out, text, n);
    free(text);
    return err == 0 ? 0 : PS_EFORMAT;
}
