/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signer/service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "evidence/bytes.h"
#include "evidence/wire.h"
#include "signer/append.h"
#include "signer/bounds.h"
#include "signer/bucket.h"
#include "signer/file.h"
#include "signer/publish.h"
#include "signer/state.h"
#include "signer/words.h"

#define NS_PER_MS ((int64_t)1000000)
#define FDS_PER_MESSAGE 8 /* that we can see, and close; the kernel closes what exceeds it */

struct connection {
    int fd;
    unsigned roles; /* enum ps_append_role */
    struct ps_bucket bucket;
};

static volatile sig_atomic_t asked_to_stop, asked_to_renew;

static void on_signal(int number) {
    if (number == SIGHUP)
        asked_to_renew = 1;
    else
        asked_to_stop = 1;
}

void ps_service_signals(void) {
    struct sigaction sa = {.sa_handler = on_signal};
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    sigaction(SIGHUP, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGINT, &sa, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* ---- listening -------------------------------------------------------------------------------------- */

/* Does anybody answer there? A socket file whose process died refuses. */
static int stale(const struct sockaddr_un *a) {
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int yes = fd >= 0 && connect(fd, (const struct sockaddr *)a, sizeof(*a)) != 0 && errno == ECONNREFUSED;

    if (fd >= 0)
        close(fd);
    return yes;
}

int ps_service_listen(const char *path, struct ps_why *why) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct stat st;
    int fd;

    if (strlen(path) >= sizeof(a.sun_path))
        return ps_error_why(why, PS_EINVAL, "socket",
                            "the path is longer than %zu bytes: choose another --socket",
                            sizeof(a.sun_path) - 1);
    memcpy(a.sun_path, path, strlen(path) + 1);
    if (lstat(path, &st) == 0) {
        if (!S_ISSOCK(st.st_mode))
            return ps_error_why(why, PS_EEXIST, "socket", "something else is at its place");
        if (!stale(&a))
            return ps_error_why(why, PS_EBUSY, "socket", "another process serves there");
        unlink(path);
    }
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t old = umask(0117);
    int ok = fd >= 0 && bind(fd, (const struct sockaddr *)&a, sizeof(a)) == 0 &&
             listen(fd, PS_SERVICE_CONNECTIONS) == 0;
    int saved = errno;
    umask(old);
    if (ok)
        return fd;
    if (fd >= 0)
        close(fd);
    return ps_error_why(why, PS_EIO, "socket", "%s", strerror(saved));
}

static int socket_option(int fd, int name) {
    int value = -1;
    socklen_t n = sizeof(value);

    return getsockopt(fd, SOL_SOCKET, name, &value, &n) == 0 ? value : -1;
}

int ps_service_adopt(int fd, struct ps_why *why) {
    if (socket_option(fd, SO_TYPE) != SOCK_SEQPACKET || socket_option(fd, SO_DOMAIN) != AF_UNIX ||
        socket_option(fd, SO_ACCEPTCONN) != 1)
        return ps_error_why(why, PS_EINVAL, "--fd", "is no listening Unix socket of type seqpacket");
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return ps_error_why(why, PS_EIO, "--fd", "%s", strerror(errno));
    return 0;
}

/* ---- one connection ---------------------------------------------------------------------------------- */

static int64_t mono_ns(void) {
    struct timespec ts = {0};
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static unsigned roles_of(const struct ps_service *s, uid_t uid) {
    return (uid == s->recorder ? PS_ROLE_RECORDER : 0u) | (uid == s->viewer ? PS_ROLE_VIEWER : 0u) |
           (uid == s->stamp ? PS_ROLE_STAMP : 0u) | (uid == s->pruner ? PS_ROLE_PRUNER : 0u);
}

static void accept_one(const struct ps_service *s, struct connection *conns, size_t *n) {
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t len = sizeof(peer);
    int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return;
    if (*n == PS_SERVICE_CONNECTIONS || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0) {
        close(fd);
        return;
    }
    conns[(*n)++] =
        (struct connection){.fd = fd, .roles = roles_of(s, peer.uid), .bucket = ps_bucket_full(mono_ns())};
}

struct message {
    uint8_t bytes[PS_MAX_WIRE];
    size_t n;
    int fds[FDS_PER_MESSAGE];
    int n_fds;
    bool broken; /* cut short, or more descriptors than anybody sends */
};

/* 1: a message, 0: nothing now, -1: the peer is gone. */
static int receive(int fd, struct message *m) {
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int) * FDS_PER_MESSAGE)];
    } control;
    struct iovec iov = {.iov_base = m->bytes, .iov_len = sizeof(m->bytes)};
    struct msghdr h = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.room,
                       .msg_controllen = sizeof(control.room)};

    m->n_fds = 0;
    ssize_t n = recvmsg(fd, &h, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); c != NULL; c = CMSG_NXTHDR(&h, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t k = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < k && m->n_fds < FDS_PER_MESSAGE; i++)
            memcpy(&m->fds[m->n_fds++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
    }
    if (n == 0 && m->n_fds == 0)
        return -1;
    m->n = (size_t)n;
    m->broken = (h.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 || m->n_fds > 1;
    return 1;
}

static int cost_of(const struct message *m) {
    if (m->n_fds > 0)
        return PS_SERVICE_COST_SEAL;
    return m->n > 1 && (m->bytes[1] == PS_WIRE_APPEND || m->bytes[1] == PS_WIRE_KEY) ? PS_SERVICE_COST_APPEND
                                                                                     : 1;
}

static enum ps_words_next answer(const struct ps_service *s, struct connection *c, const struct message *m,
                                 struct ps_buf *out) {
    if (m->broken) {
        ps_wire_put_refused(out, PS_REFUSED_FORMAT,
                            "the message is too long, or carries several descriptors");
        return PS_WORDS_HANG_UP;
    }
    if (!ps_bucket_take(&c->bucket, cost_of(m), mono_ns())) {
        ps_wire_put_refused(out, PS_REFUSED_RATE, "too many requests: wait a second");
        return PS_WORDS_GO_ON;
    }
    return ps_words_answer(s->state, m->bytes, m->n, m->n_fds == 1 ? m->fds[0] : -1, c->roles, out);
}

/* Receives one message and replies. False when the connection is over; *stop when the process is. */
static bool talk(const struct ps_service *s, struct connection *c, bool *stop) {
    static struct message m;
    struct ps_buf out;

    int got = receive(c->fd, &m);
    if (got <= 0)
        return got == 0;
    ps_buf_init(&out, PS_MAX_WIRE);
    enum ps_words_next next = answer(s, c, &m, &out);
    for (int i = 0; i < m.n_fds; i++)
        close(m.fds[i]);
    /* A peer that does not take its replies is not waited for. */
    bool sent = out.err == 0 && send(c->fd, out.p, out.n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)out.n;
    ps_buf_free(&out);
    *stop = next == PS_WORDS_STOP || ps_state_tidy(s->state) == PS_EIO;
    return sent && next == PS_WORDS_GO_ON;
}

/* ---- the loop ----------------------------------------------------------------------------------------- */

/* What is due without being asked for. */
struct due {
    int64_t publish_ns; /* CLOCK_MONOTONIC; 0: all is published */
    int64_t clock_ns;
};

/* True when the process must end. Sets when to be called again. */
static bool routine(struct ps_state *s, struct due *d) {
    int64_t now = mono_ns();
    int err = 0;

    if (now >= d->clock_ns) {
        err = ps_append_clock_step(s);
        d->clock_ns = now + PS_SERVICE_CLOCK_MS * NS_PER_MS;
    }
    bool behind = s->published < ps_ledger_size(s->ledger);
    if (err != PS_EIO && behind && d->publish_ns != 0 && now >= d->publish_ns) {
        err = ps_publish_all(s);
        behind = err != 0;
        d->publish_ns = 0; /* on a full disk: once more after the same while */
    }
    if (!behind)
        d->publish_ns = 0;
    else if (d->publish_ns == 0)
        d->publish_ns = now + PS_SERVICE_PUBLISH_MS * NS_PER_MS;
    return err != 0 && err != PS_EFULL;
}

static struct timespec until(const struct due *d) {
    int64_t next = d->publish_ns != 0 && d->publish_ns < d->clock_ns ? d->publish_ns : d->clock_ns;
    int64_t left = next - mono_ns();

    if (left < 0)
        left = 0;
    return (struct timespec){.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
}

int ps_service_run(struct ps_service *s, struct ps_why *why) {
    struct connection conns[PS_SERVICE_CONNECTIONS];
    struct pollfd polls[PS_SERVICE_CONNECTIONS + 1];
    size_t n = 0;
    sigset_t open_mask;
    struct due due = {0};
    bool stop = routine(s->state, &due);

    sigprocmask(SIG_SETMASK, NULL, &open_mask);
    sigdelset(&open_mask, SIGTERM);
    sigdelset(&open_mask, SIGINT);
    sigdelset(&open_mask, SIGHUP);
    /* To be renewed it waits until nobody talks to it, the recorder above all: that one goes between two clips. */
    while (!asked_to_stop && !(asked_to_renew && n == 0) && !stop) {
        polls[0] = (struct pollfd){.fd = s->listener, .events = POLLIN};
        for (size_t i = 0; i < n; i++)
            polls[i + 1] = (struct pollfd){.fd = conns[i].fd, .events = POLLIN};
        struct timespec wait = until(&due);
        if (ppoll(polls, n + 1, &wait, &open_mask) < 0 && errno != EINTR)
            return ps_error_why(why, PS_EIO, "ppoll", "%s", ps_file_error_text());
        if (asked_to_stop)
            break;
        /* Backwards, so that the last may take a closed one's place. */
        for (size_t i = n; i-- > 0 && !stop;) {
            if (polls[i + 1].revents == 0 || talk(s, &conns[i], &stop))
                continue;
            close(conns[i].fd);
            conns[i] = conns[--n];
        }
        if ((polls[0].revents & POLLIN) != 0 && !stop)
            accept_one(s, conns, &n);
        stop = stop || routine(s->state, &due);
    }
    while (n > 0)
        close(conns[--n].fd);
    if (!stop) {
        int err = ps_publish_all(s->state);
        stop = err != 0 && err != PS_EFULL;
    }
    if (stop)
        return ps_error_why(why, PS_EIO, "journal",
                            "a write or fsync failed: free or replace the disk, then restart");
    return 0;
}
