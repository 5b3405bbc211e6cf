/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/viewer_code.h"
#include "archive/root.h"
#include "archive/store.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static int folder_of(const char *root, struct ps_why *why) {
    char path[PS_ROOT_PATH];
    if (ps_root_path(root, "viewer", path) < 0)
        return ps_error_why(why, PS_ELIMIT, root, "the path is too long");
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ps_error_why(why,
                            errno == ENOENT   ? PS_ENOENT
                            : errno == EACCES ? PS_EPERM
                                              : PS_EIO,
                            path, "%s", strerrordesc_np(errno));
    return fd;
}

static int put(int dir, const char *which, const char *line, struct ps_why *why) {
    struct stat st;
    char part[32];
    snprintf(part, sizeof(part), ".%s.part", which);
    unlinkat(dir, part, 0); /* of one that was interrupted */
    int fd = openat(dir, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    size_t n = strlen(line);
    /* Made by root, it is still the viewer's to read and to use up. */
    bool ok = fd >= 0 && fstat(dir, &st) == 0 && (geteuid() != 0 || fchown(fd, st.st_uid, st.st_gid) == 0) &&
              fchmod(fd, 0600) == 0 && write(fd, line, n) == (ssize_t)n &&
              renameat(dir, part, dir, which) == 0;
    int rc =
        ok ? 0 : ps_error_why(why, errno == EACCES ? PS_EPERM : PS_EIO, which, "%s", strerrordesc_np(errno));
    if (fd >= 0)
        close(fd);
    return rc;
}

int ps_viewer_code_make(const char *root, const char *which, int64_t until_s, char code[PS_VIEWER_CODE_TEXT],
                        struct ps_why *why) {
    char line[64];
    if (sodium_init() < 0)
        return ps_error_why(why, PS_EIO, "libsodium", "cannot start");
    for (int i = 0; i < PS_VIEWER_CODE_TEXT - 1; i++)
        code[i] = letters[randombytes_uniform(32)];
    code[PS_VIEWER_CODE_TEXT - 1] = '\0';
    snprintf(line, sizeof(line), "%s %lld\n", code, (long long)until_s);
    int dir = folder_of(root, why);
    if (dir < 0)
        return dir;
    int rc = put(dir, which, line, why);
    close(dir);
    return rc;
}

int ps_viewer_code_read(const char *root, const char *which, int64_t now_s, char code[PS_VIEWER_CODE_TEXT]) {
    uint8_t *text = NULL;
    size_t n = 0;
    char *end = NULL;
    int dir = folder_of(root, NULL);
    if (dir < 0)
        return dir;
    int rc = ps_store_read_file(dir, which, 64, &text, &n, NULL);
    close(dir);
    if (rc < 0)
        return rc;
    const char *line = (const char *)text;
    long long until = n > PS_VIEWER_CODE_TEXT ? strtoll(line + PS_VIEWER_CODE_TEXT, &end, 10) : 0;
    if (strspn(line, letters) != PS_VIEWER_CODE_TEXT - 1 || line[PS_VIEWER_CODE_TEXT - 1] != ' ' ||
        end == NULL || *end != '\n')
        rc = PS_EFORMAT;
    else if (until != 0 && now_s >= until)
        rc = PS_ENOENT;
    else
        snprintf(code, PS_VIEWER_CODE_TEXT, "%.*s", PS_VIEWER_CODE_TEXT - 1, line);
    sodium_memzero(text, n);
    free(text);
    return rc;
}

/* As people type it; longer than a code: none. */
static void canonical(const char *typed, char out[PS_VIEWER_CODE_TEXT]) {
    size_t n = 0;
    memset(out, 0, PS_VIEWER_CODE_TEXT);
    for (; *typed != '\0'; typed++) {
        char c = (char)toupper((unsigned char)*typed);
        if (c == ' ' || c == '-')
            continue;
        if (n == PS_VIEWER_CODE_TEXT - 1) {
            out[0] = '\0';
            return;
        }
        out[n++] = c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c;
    }
}

int ps_viewer_code_take(const char *root, const char *which, const char *typed, int64_t now_s) {
    char code[PS_VIEWER_CODE_TEXT] = "", said[PS_VIEWER_CODE_TEXT];
    int rc = ps_viewer_code_read(root, which, now_s, code);
    if (rc < 0)
        return rc;
    canonical(typed, said);
    if (sodium_memcmp(code, said, sizeof(code)) != 0)
        return PS_EPERM;
    int dir = folder_of(root, NULL);
    if (dir < 0)
        return dir;
    /* Of two who type it at once one takes the file away. */
    rc = unlinkat(dir, which, 0) == 0 ? 0 : PS_ENOENT;
    close(dir);
    return rc;
}
