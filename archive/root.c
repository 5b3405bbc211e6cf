/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/root.h"
#include "evidence/bytes.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSTEM_CONFIG "/etc/packseal/packseal.conf"

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
