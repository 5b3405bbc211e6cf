/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "viewer/log.h"
#include "viewer/viewer.h"
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* The variable is inherited by children whose standard error is another. */
static const char *prefix(int level) {
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long dev, ino;
    struct stat st;
    if (stream == NULL || sscanf(stream, "%llu:%llu", &dev, &ino) != 2 || fstat(STDERR_FILENO, &st) != 0 ||
        st.st_dev != dev || st.st_ino != ino)
        return "";
    return level <= PS_LOG_ERROR ? "<3>" : "<6>";
}

void ps_log_line(int level, const char *what, const char *where, const char *todo) {
    char line[1024];
    int n =
        snprintf(line, sizeof(line) - 1, "%spackseal-viewer: %s: %s: %s", prefix(level), what, where, todo);
    if (n < 0)
        return;
    size_t len = (size_t)n < sizeof(line) - 2 ? (size_t)n : sizeof(line) - 2;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7F)
            line[i] = ' ';
    line[len] = '\n';
    /* In one piece: several threads write. */
    if (write(STDERR_FILENO, line, len + 1) < 0)
        return;
}

void ps_viewer_log(int level, const char *what, const char *where, const char *todo) {
    ps_log_line(level, what, where, todo);
}

void ps_log_ready(void) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    size_t n = path == NULL ? 0 : strlen(path);
    if (n < 2 || n >= sizeof(a.sun_path) || (path[0] != '/' && path[0] != '@')) {
        if (write(STDOUT_FILENO, "ready\n", 6) < 0)
            return;
        return;
    }
    memcpy(a.sun_path, path, n);
    if (path[0] == '@')
        a.sun_path[0] = '\0'; /* an abstract name */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, "READY=1", 7, MSG_NOSIGNAL, (const struct sockaddr *)&a,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
    close(fd);
}
