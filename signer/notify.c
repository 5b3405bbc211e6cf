/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signer/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int ps_notify_open(void) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    size_t n = path == NULL ? 0 : strlen(path);

    if (n < 2 || n >= sizeof(a.sun_path) || (path[0] != '/' && path[0] != '@'))
        return -1;
    memcpy(a.sun_path, path, n);
    if (path[0] == '@')
        a.sun_path[0] = '\0'; /* an abstract name */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&a,
                           (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

void ps_notify_ready(int fd) {
    if (fd < 0) {
        /* Nobody reading is no reason not to serve. */
        if (write(STDOUT_FILENO, "ready\n", 6) != 6)
            return;
    } else {
        send(fd, "READY=1", 7, MSG_NOSIGNAL);
        close(fd);
    }
}

const char *ps_notify_error_prefix(void) {
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long dev, ino;
    struct stat st;

    /* The variable is inherited by children whose standard error is another. */
    return stream != NULL && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
                   st.st_dev == dev && st.st_ino == ino
               ? "<3>"
               : "";
}
