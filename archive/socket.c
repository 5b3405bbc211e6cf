/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/socket.h"
#include "archive/root.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_S 5
#define MAX_LINE 4096   /* of a request */
#define MAX_REPLY 65536 /* of an answer: eight cameras have much to tell */

static const char where[] = PS_ROOT_CONTROL_SOCKET;

/* AF_UNIX: a full queue is EAGAIN, at once or when the time to send is over (unix(7), socket(7)). */
static int connect_within(int fd, const struct sockaddr_un *a) {
    const struct timeval some = {.tv_sec = CONNECT_S}, ever = {0};
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &some, sizeof(some)) != 0 ||
        connect(fd, (const struct sockaddr *)a, sizeof(*a)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &ever, sizeof(ever)) != 0)
        return -1;
    return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
}

/* sun_path holds 108 bytes, a root may be longer: so by the number of an open folder. */
int ps_socket_connect(const char *root, const char *name, int type, struct ps_why *why) {
    char dir[PS_ROOT_PATH];
    const char *slash = strrchr(name, '/');
    int n = slash == NULL ? snprintf(dir, sizeof(dir), "%s", root)
                          : snprintf(dir, sizeof(dir), "%s/%.*s", root, (int)(slash - name), name);
    if (n < 0 || n >= (int)sizeof(dir))
        return ps_error_why(why, PS_ELIMIT, root, "the path is too long");
    int folder = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return ps_error_why(why, errno == EACCES ? PS_EPERM : PS_ENOENT, dir, "%s", strerrordesc_np(errno));
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/%s", folder, slash != NULL ? slash + 1 : name);
    int rc = 0, fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect_within(fd, &a) != 0) {
        rc = errno == ENOENT || errno == ECONNREFUSED ? PS_ENOENT
             : errno == EACCES                        ? PS_EPERM
             : errno == EAGAIN                        ? PS_ETIME
                                                      : PS_EIO;
        ps_error_why(why, rc, name, "%s", strerrordesc_np(errno));
    }
    close(folder);
    if (rc < 0 && fd >= 0)
        close(fd);
    return rc < 0 ? rc : fd;
}

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int send_line(int fd, const json_t *request, struct ps_why *why) {
    char line[MAX_LINE];
    size_t n = json_dumpb(request, line, MAX_LINE - 1, JSON_COMPACT);
    if (n == 0 || n > MAX_LINE - 1)
        return ps_error_why(why, PS_ELIMIT, where, "the request is longer than %d bytes", MAX_LINE);
    line[n++] = '\n';
    for (size_t at = 0; at < n;) {
        ssize_t did = send(fd, line + at, n - at, MSG_NOSIGNAL);
        if (did < 0 && errno == EINTR)
            continue;
        if (did < 0)
            return ps_error_why(why, PS_EGONE, where, "%s", strerrordesc_np(errno));
        at += (size_t)did;
    }
    return 0;
}

/* Reads up to the line break, which is taken off. */
static int read_line(int fd, char *line, unsigned seconds, struct ps_why *why) {
    int64_t end = now_ms() + (int64_t)seconds * 1000;
    for (size_t n = 0;;) {
        int64_t left = end - now_ms();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int got = left > 0 ? poll(&p, 1, (int)left) : 0;
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return ps_error_why(why, PS_ETIME, where, "no answer within %u s", seconds);
        ssize_t did = read(fd, line + n, MAX_REPLY - n);
        if (did < 0 && errno == EINTR)
            continue;
        if (did <= 0)
            return ps_error_why(why, PS_EGONE, where, "the recorder went away before it answered");
        n += (size_t)did;
        line[n] = '\0';
        char *feed = memchr(line, '\n', n);
        if (feed != NULL) {
            *feed = '\0';
            return 0;
        }
        if (n == MAX_REPLY)
            return ps_error_why(why, PS_EFORMAT, where, "the answer is longer than %d bytes", MAX_REPLY);
    }
}

int ps_socket_ask(const char *root, const json_t *request, unsigned seconds, json_t **reply,
                  struct ps_why *why) {
    char *line = malloc(MAX_REPLY + 1);
    *reply = NULL;
    int rc = line == NULL || request == NULL ? ps_error_why(why, PS_ENOMEM, where, "out of memory") : 0;
    int fd = rc < 0 ? rc : ps_socket_connect(root, PS_ROOT_CONTROL_SOCKET, SOCK_STREAM, why);
    rc = fd < 0 ? fd : send_line(fd, request, why);
    if (rc == 0)
        rc = read_line(fd, line, seconds, why);
    if (rc == 0) {
        *reply = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        if (!json_is_boolean(json_object_get(*reply, "ok"))) {
            json_decref(*reply);
            *reply = NULL;
            rc = ps_error_why(why, PS_EFORMAT, where, "the answer is not understood");
        }
    }
    if (fd >= 0)
        close(fd);
    free(line);
    return rc;
}
