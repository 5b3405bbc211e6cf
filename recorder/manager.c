/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/manager.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

const char *ps_manager_prefix(int level) {
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long dev, ino;
    struct stat st;

    /* The variable is inherited by children whose standard error is another. */
    if (stream == NULL || sscanf(stream, "%llu:%llu", &dev, &ino) != 2 || fstat(STDERR_FILENO, &st) != 0 ||
        st.st_dev != dev || st.st_ino != ino)
        return "";
    return level <= PS_MANAGER_ERR ? "<3>" : "<6>";
}

static int connect_to(const char *path) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t n = path == NULL ? 0 : strlen(path);

    if (n < 2 || n >= sizeof a.sun_path || (path[0] != '/' && path[0] != '@'))
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

/* A decimal number, or 0. */
static int64_t number(const char *text) {
    char *end;

    if (text == NULL || text[0] < '0' || text[0] > '9')
        return 0;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    return *end == '\0' && errno == 0 ? v : 0;
}

void ps_manager_open(struct ps_manager *n) {
    const char *pid = getenv("WATCHDOG_PID");
    int64_t usec = number(getenv("WATCHDOG_USEC"));

    *n = (struct ps_manager){.fd = connect_to(getenv("NOTIFY_SOCKET"))};
    if (n->fd >= 0 && (pid == NULL || number(pid) == getpid()) && usec > 0 && usec < INT64_MAX / 1000)
        n->period_ns = usec * 1000;
}

void ps_manager_close(struct ps_manager *n) {
    if (n->fd >= 0)
        close(n->fd);
    n->fd = -1;
}

void ps_manager_send(struct ps_manager *n, const char *text) {
    /* Not waited for: a service manager that is busy must not hold up the recording. */
    if (n->fd >= 0)
        (void)send(n->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void ps_manager_status(struct ps_manager *n, const char *text) {
    char line[sizeof n->status + 16];

    if (n->fd < 0 || strcmp(text, n->status) == 0)
        return;
    snprintf(n->status, sizeof n->status, "%s", text);
    snprintf(line, sizeof line, "STATUS=%s", n->status);
    ps_manager_send(n, line);
}

int64_t ps_manager_pulse(struct ps_manager_pulse *p, bool recording, uint64_t arrived, uint64_t encoded,
                         int64_t now_ns) {
    if (!recording || encoded != p->encoded || arrived == p->arrived) {
        p->encoded = encoded;
        p->arrived = arrived;
        p->since_ns = now_ns;
        return 0;
    }
    return now_ns - p->since_ns;
}

void ps_manager_feed(struct ps_manager *n, int64_t waiting_ns, int64_t now_ns) {
    if (n->period_ns == 0)
        return;
    if (waiting_ns > n->period_ns / 2) {
        if (!n->stalled)
            ps_manager_status(n, "frames arrive and no film is made of them: the watchdog will restart it");
        n->stalled = true;
        return;
    }
    n->stalled = false;
    if (n->fed_ns != 0 && now_ns - n->fed_ns < n->period_ns / 4)
        return;
    n->fed_ns = now_ns;
    ps_manager_send(n, "WATCHDOG=1");
}
