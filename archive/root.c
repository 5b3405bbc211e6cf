/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/root.h"
#include "evidence/bytes.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYSTEM_CONFIG "/etc/packseal/packseal.conf"
#define FOLDER_MODE 02750

int ps_root_path(const char *root, const char *rest, char out[PS_ROOT_PATH]) {
    int n = snprintf(out, PS_ROOT_PATH, "%s/%s", root, rest);
    return n < 0 || n >= PS_ROOT_PATH ? PS_ELIMIT : 0;
}

int ps_root_resolve(const char *arg, char out[PS_ROOT_PATH], struct ps_why *why) {
    const char *from = arg;
    if (from == NULL)
        from = getenv("PACKSEAL_ROOT");
    if (from == NULL || (arg == NULL && from[0] == '\0'))
        from = PS_ROOT_DEFAULT;
    if (from[0] == '\0')
        return ps_error_why(why, PS_EINVAL, "root", "the name of the root folder is empty");
    if (!ps_bytes_is_text(from, strlen(from)))
        return ps_error_why(why, PS_EINVAL, "root", "the name of the root folder is not plain text");

    int rc = 0;
    if (from[0] == '/') {
        int n = snprintf(out, PS_ROOT_PATH, "%s", from);
        rc = n < 0 || n >= PS_ROOT_PATH ? PS_ELIMIT : 0;
    } else {
        char cwd[PATH_MAX];
        if (getcwd(cwd, sizeof(cwd)) == NULL)
            return ps_error_why(why, PS_EIO, "root", "the working folder cannot be read: %s",
                                strerrordesc_np(errno));
        while (strncmp(from, "./", 2) == 0)
            from += 2;
        rc = ps_root_path(strcmp(cwd, "/") == 0 ? "" : cwd, strcmp(from, ".") == 0 ? "" : from, out);
    }
    if (rc < 0)
        return ps_error_why(why, rc, "root", "the name of the root folder is too long");
    size_t n = strlen(out);
    while (n > 1 && out[n - 1] == '/')
        out[--n] = '\0';
    return 0;
}

int ps_root_config(const char *root, char out[PS_ROOT_PATH]) {
    int rc = ps_root_path(root, "packseal.conf", out);
    if (rc < 0)
        return rc;
    /* An installed system keeps its configuration where administrators look for it. */
    if (strcmp(root, PS_ROOT_DEFAULT) == 0 && access(out, F_OK) != 0)
        snprintf(out, PS_ROOT_PATH, "%s", SYSTEM_CONFIG);
    return 0;
}

/* ---- opening and making */

static int tell(struct ps_why *why, int denied, const char *where, const char *what) {
    int err = errno;
    int rc = err == EEXIST || err == ENOTEMPTY ? PS_EEXIST
             : err == ENOENT                   ? PS_ENOENT
             : err == ENOSPC || err == EDQUOT  ? PS_EFULL
             : err == EACCES || err == EPERM   ? denied
                                               : PS_EIO;
    ps_error_why(why, rc, where, "%s: %s", what, strerrordesc_np(err));
    errno = err;
    return rc;
}

int ps_root_failed(struct ps_why *why, const char *where, const char *what) {
    return tell(why, PS_EIO, where, what);
}

int ps_root_failed_or_denied(struct ps_why *why, const char *where, const char *what) {
    return tell(why, PS_EPERM, where, what);
}

int ps_root_open_folder(int at, const char *name) {
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int ps_root_open(const char *root, const char *rest, struct ps_why *why) {
    char path[PS_ROOT_PATH];
    if (ps_root_path(root, rest, path) < 0)
        return ps_error_why(why, PS_ELIMIT, root, "the path is too long");
    int fd = ps_root_open_folder(AT_FDCWD, path);
    return fd >= 0 ? fd : ps_root_failed(why, path, "cannot be opened");
}

int ps_root_make(const char *root, const char *name, struct ps_why *why) {
    char path[PS_ROOT_PATH];
    if (ps_root_path(root, name, path) < 0)
        return ps_error_why(why, PS_ELIMIT, root, "the path is too long");
    /* mkdir(2) takes off what the umask says and never sets the group bit. */
    if (mkdir(path, FOLDER_MODE & 0777) == 0) {
        if (chmod(path, FOLDER_MODE) != 0)
            return ps_root_failed(why, path, "cannot be made");
    } else if (errno != EEXIST) {
        return ps_root_failed(why, path, "cannot be made");
    }
    return ps_root_open(root, name, why);
}
