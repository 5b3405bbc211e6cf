/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/notary.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "evidence/bytes.h"
#include "recorder/clock.h"

/* An answer needs one fsync; a busy disk can take seconds, and the frames wait in bounded queues meanwhile. */
#define ANSWER_MS 1500
#define SEAL_MS 15000

struct ps_notary {
    struct sockaddr_un where;
    int fd;
    bool reachable;
    int64_t next_try_ns;
    struct ps_buf out;
    uint8_t in[PS_MAX_WIRE];
};

int ps_notary_new(struct ps_notary **out, const char *socket_path) {
    struct ps_notary *n = calloc(1, sizeof *n);

    if (!n)
        return PS_ENOMEM;
    if (strlen(socket_path) >= sizeof n->where.sun_path) {
        free(n);
        return PS_ELIMIT;
    }
    n->where.sun_family = AF_UNIX;
    snprintf(n->where.sun_path, sizeof n->where.sun_path, "%s", socket_path);
    n->fd = -1;
    ps_buf_init(&n->out, PS_MAX_WIRE + PS_MAX_OPENING);
    *out = n;
    return 0;
}

void ps_notary_free(struct ps_notary *n) {
    if (!n)
        return;
    if (n->fd >= 0)
        close(n->fd);
    ps_buf_free(&n->out);
    free(n);
}

bool ps_notary_reachable(const struct ps_notary *n) {
    return n->reachable;
}

static int lost(struct ps_notary *n) {
    if (n->fd >= 0)
        close(n->fd);
    n->fd = -1;
    n->reachable = false;
    n->next_try_ns = ps_clock_mono_ns() + PS_NOTARY_RETRY_NS;
    return PS_EGONE;
}

static int reach(struct ps_notary *n) {
    if (n->fd >= 0)
        return 0;
    if (ps_clock_mono_ns() < n->next_try_ns)
        return PS_EGONE;
    n->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (n->fd < 0 || connect(n->fd, (const struct sockaddr *)&n->where, sizeof n->where) < 0)
        return lost(n);
    return 0;
}

static int send_request(struct ps_notary *n, int pass_fd) {
    struct iovec v = {.iov_base = n->out.p, .iov_len = n->out.n};
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};

    if (pass_fd >= 0) {
        m.msg_control = control.room;
        m.msg_controllen = sizeof control.room;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &pass_fd, sizeof pass_fd);
    }
    ssize_t k = sendmsg(n->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
    return k == (ssize_t)n->out.n ? 0 : PS_EGONE;
}

static ssize_t await(struct ps_notary *n, int timeout_ms) {
    int64_t until = ps_clock_mono_ns() + (int64_t)timeout_ms * 1000000;

    for (;;) {
        int64_t left = until - ps_clock_mono_ns();
        struct pollfd p = {.fd = n->fd, .events = POLLIN};
        int r = left > 0 ? poll(&p, 1, (int)(left / 1000000) + 1) : 0;
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return -1;
        return recv(n->fd, n->in, sizeof n->in, MSG_DONTWAIT);
    }
}

/* Sends n->out, waits for one datagram, and gives the body when its word is the expected one. */
static int call(struct ps_notary *n, int pass_fd, int timeout_ms, uint8_t expect, const uint8_t **body,
                size_t *size, struct ps_wire_refused *refused) {
    bool old = n->fd >= 0;
    int r = n->out.err ? n->out.err : reach(n);

    if (r < 0)
        return r;
    if (send_request(n, pass_fd) < 0) {
        lost(n);
        if (!old)
            return PS_EGONE;
        n->next_try_ns = 0; /* the signer was started anew: nothing of this request has reached it */
        if (reach(n) < 0 || send_request(n, pass_fd) < 0)
            return lost(n);
    }
    ssize_t k = await(n, timeout_ms);
    if (k <= 0)
        return lost(n);
    int word = ps_wire_word(n->in, (size_t)k, body, size);
    n->reachable = true;
    if (word == expect)
        return 0;
    struct ps_wire_refused said;
    if (word != PS_WIRE_REFUSED || ps_wire_get_refused(*body, *size, &said) < 0)
        return lost(n);
    if (refused)
        *refused = said;
    if (said.reason == PS_REFUSED_FORMAT || said.reason == PS_REFUSED_PEER)
        lost(n);
    return PS_EPERM;
}

/* A reply that does not parse is no reply: the connection starts anew. */
static int parsed(struct ps_notary *n, int r) {
    return r < 0 ? lost(n) : 0;
}

int ps_notary_status(struct ps_notary *n, struct ps_wire_status *out, struct ps_wire_refused *refused) {
    const uint8_t *body;
    size_t size;

    ps_buf_reset(&n->out);
    ps_wire_put_simple(&n->out, PS_WIRE_STATUS);
    int r = call(n, -1, ANSWER_MS, PS_WIRE_STATUS_IS, &body, &size, refused);
    return r < 0 ? r : parsed(n, ps_wire_get_status_is(body, size, out));
}

int ps_notary_open(struct ps_notary *n, const void *opening, size_t size, struct ps_wire_opened *out,
                   struct ps_wire_refused *refused) {
    const uint8_t *body;
    size_t body_size;

    ps_buf_reset(&n->out);
    ps_wire_put_open(&n->out, opening, size);
    int r = call(n, -1, ANSWER_MS, PS_WIRE_OPENED, &body, &body_size, refused);
    return r < 0 ? r : parsed(n, ps_wire_get_opened(body, body_size, out));
}

static int call_ack(struct ps_notary *n, struct ps_wire_refused *refused) {
    const uint8_t *body;
    size_t size;
    int r = call(n, -1, ANSWER_MS, PS_WIRE_ACK, &body, &size, refused);

    return r < 0 ? r : parsed(n, size ? PS_ETRAIL : 0);
}

int ps_notary_segment(struct ps_notary *n, const struct ps_wire_segment *s, struct ps_wire_refused *refused) {
    ps_buf_reset(&n->out);
    ps_wire_put_segment(&n->out, s);
    return call_ack(n, refused);
}

int ps_notary_end(struct ps_notary *n, uint64_t clip, struct ps_wire_refused *refused) {
    ps_buf_reset(&n->out);
    ps_wire_put_clip(&n->out, PS_WIRE_END, clip);
    return call_ack(n, refused);
}

int ps_notary_abort(struct ps_notary *n, uint64_t clip, uint8_t reason, struct ps_wire_refused *refused) {
    ps_buf_reset(&n->out);
    ps_wire_put_abort(&n->out, clip, reason);
    return call_ack(n, refused);
}

int ps_notary_records(struct ps_notary *n, uint64_t clip, uint32_t first, struct ps_wire_records *out,
                      struct ps_wire_refused *refused) {
    const uint8_t *body;
    size_t size;

    ps_buf_reset(&n->out);
    ps_wire_put_records_from(&n->out, clip, first);
    int r = call(n, -1, ANSWER_MS, PS_WIRE_RECORDS_ARE, &body, &size, refused);
    return r < 0 ? r : parsed(n, ps_wire_get_records(body, size, out));
}

int ps_notary_append(struct ps_notary *n, const struct ps_wire_append *a, struct ps_wire_appended *out,
                     struct ps_wire_refused *refused) {
    const uint8_t *body;
    size_t size;

    ps_buf_reset(&n->out);
    ps_wire_put_append(&n->out, a);
    int r = call(n, -1, ANSWER_MS, PS_WIRE_APPENDED, &body, &size, refused);
    return r < 0 ? r : parsed(n, ps_wire_get_appended(body, size, out));
}

/* The signer accepts only memory that nobody can change while it reads. */
static int sealed_memory(const void *p, size_t n) {
    int fd = memfd_create("clip.json", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return -1;
    if (ftruncate(fd, (off_t)n) == 0 && pwrite(fd, p, n, 0) == (ssize_t)n &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
        return fd;
    close(fd);
    return -1;
}

int ps_notary_seal(struct ps_notary *n, uint64_t clip, const void *statement, size_t size,
                   struct ps_wire_sealed *out, struct ps_wire_refused *refused) {
    const uint8_t *body;
    size_t body_size;
    int fd = size <= PS_MAX_STATEMENT ? sealed_memory(statement, size) : -1;

    if (fd < 0)
        return PS_ENOMEM;
    ps_buf_reset(&n->out);
    ps_wire_put_seal(&n->out, clip, (uint32_t)size);
    int r = call(n, fd, SEAL_MS, PS_WIRE_SEALED, &body, &body_size, refused);
    close(fd);
    return r < 0 ? r : parsed(n, ps_wire_get_sealed(body, body_size, out));
}
