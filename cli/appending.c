/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/appending.h"
#include "archive/root.h"
#include "archive/socket.h"
#include "evidence/bytes.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define ANSWER_MS 10000 /* a seal that is before us in the queue takes its time */

int ps_appending_open(const char *root, struct ps_why *why) {
    return ps_socket_connect(root, PS_ROOT_SIGNER_SOCKET, SOCK_SEQPACKET, why);
}

static int answer(const uint8_t *reply, size_t n, struct ps_wire_appended *out, struct ps_why *why) {
    const uint8_t *body;
    size_t body_n;
    struct ps_wire_refused no;
    int word = ps_wire_word(reply, n, &body, &body_n);
    if (word == PS_WIRE_REFUSED && ps_wire_get_refused(body, body_n, &no) == 0)
        return ps_error_why(why, PS_EPERM, "signer", "%s", no.text);
    if (word != PS_WIRE_APPENDED || ps_wire_get_appended(body, body_n, out) < 0)
        return ps_error_why(why, PS_EFORMAT, "signer", "the answer is not understood");
    return 0;
}

/* Sends the datagram, lets it go, and waits for its answer. */
static int exchange(int fd, struct ps_buf *b, struct ps_wire_appended *out, struct ps_why *why) {
    uint8_t reply[PS_MAX_WIRE];
    int rc = b->err;
    if (rc == 0 && send(fd, b->p, b->n, MSG_NOSIGNAL) != (ssize_t)b->n)
        rc = ps_error_why(why, PS_EGONE, PS_ROOT_SIGNER_SOCKET, "%s", strerrordesc_np(errno));
    ps_buf_free(b);
    if (rc < 0)
        return rc;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int ready = poll(&p, 1, ANSWER_MS);
    if (ready == 0)
        return ps_error_why(why, PS_ETIME, PS_ROOT_SIGNER_SOCKET, "no answer in time");
    ssize_t n = ready > 0 ? recv(fd, reply, sizeof(reply), 0) : -1;
    if (n <= 0)
        return ps_error_why(why, PS_EGONE, PS_ROOT_SIGNER_SOCKET, "the signer went away");
    return answer(reply, (size_t)n, out, why);
}

int ps_appending_ask(int fd, const struct ps_wire_append *a, struct ps_wire_appended *out,
                     struct ps_why *why) {
    struct ps_buf b;
    ps_buf_init(&b, PS_MAX_WIRE);
    ps_wire_put_append(&b, a);
    return exchange(fd, &b, out, why);
}

int ps_appending_key(int fd, const struct ps_wire_key *k, struct ps_wire_appended *out, struct ps_why *why) {
    struct ps_buf b;
    ps_buf_init(&b, PS_MAX_WIRE);
    ps_wire_put_key(&b, k);
    return exchange(fd, &b, out, why);
}
