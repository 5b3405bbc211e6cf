/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/page.h"
#include "archive/store.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME "verify.html"
#define PART ".verify.html.part"
#define MAX_PAGE ((size_t)8 << 20)

/* Beside the program in a build, else where it is installed. */
static int load(uint8_t **p, size_t *n, struct ps_why *why) {
    static const char *const places[] = {NAME, "../share/packseal/" NAME};
    char self[PATH_MAX], path[PATH_MAX + 64];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash != NULL)
        slash[1] = '\0';
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", self, places[i]);
        int rc = ps_store_read_file(AT_FDCWD, path, MAX_PAGE, p, n, why);
        if (rc != PS_ENOENT)
            return rc;
    }
    return ps_error_why(why, PS_ENOENT, NAME, "is not installed");
}

/* 0 when there is none, 1 when there is one with these bytes, PS_EEXIST when there is another. */
static int compare(int dir, const uint8_t *p, size_t n) {
    uint8_t *q = NULL;
    size_t m = 0;
    int rc = ps_store_read_file(dir, NAME, MAX_PAGE, &q, &m, NULL);
    if (rc == 0)
        rc = m == n && memcmp(p, q, n) == 0 ? 1 : PS_EEXIST;
    else
        rc = rc == PS_ENOENT ? 0 : PS_EEXIST;
    free(q);
    return rc;
}

/* Whole or not at all. Two exports at once write the same bytes; the one that comes second finds them there. */
static int put(int dir, const uint8_t *p, size_t n, struct ps_why *why) {
    unlinkat(dir, PART, 0); /* of one that was interrupted */
    int rc = ps_store_write_file(dir, PART, p, n, why);
    if (rc < 0)
        return rc;
    int done = renameat2(dir, PART, dir, NAME, RENAME_NOREPLACE);
    if (done != 0 && (errno == EINVAL || errno == ENOSYS || errno == ENOTSUP)) /* sticks */
        done = renameat(dir, PART, dir, NAME);
    if (done == 0)
        return 0;
    rc = errno == EEXIST ? PS_EEXIST : PS_EIO;
    ps_error_why(why, rc, NAME, "cannot take its name: %s", strerrordesc_np(errno));
    unlinkat(dir, PART, 0);
    return rc;
}

int ps_page_beside(const char *zip, char out[PS_ROOT_PATH], struct ps_why *why) {
    char folder[PS_ROOT_PATH];
    uint8_t *p = NULL;
    size_t len = 0;
    const char *slash = strrchr(zip, '/');
    int n = snprintf(folder, sizeof(folder), "%.*s", slash != NULL ? (int)(slash - zip) + 1 : 0, zip);
    int m = snprintf(out, PS_ROOT_PATH, "%s" NAME, folder);
    if (n < 0 || n >= (int)sizeof(folder) || m < 0 || m >= PS_ROOT_PATH)
        return ps_error_why(why, PS_ELIMIT, zip, "the path is too long");
    int rc = load(&p, &len, why);
    if (rc < 0)
        return rc;
    int dir = open(n > 0 ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    rc = dir < 0 ? ps_error_why(why, PS_EIO, folder, "%s", strerrordesc_np(errno)) : compare(dir, p, len);
    if (rc == 0)
        rc = put(dir, p, len, why);
    if (rc == PS_EEXIST)
        ps_error_why(why, rc, out, "another file of this name is there");
    if (dir >= 0)
        close(dir);
    free(p);
    return rc > 0 ? 0 : rc;
}
