/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_WORDS_H
#define PS_SIGNER_WORDS_H
/*
 * One request in, one reply out (docs/PROTOCOL.md). Knows no sockets.
 */
#include <stddef.h>

struct ps_buf;
struct ps_state;

enum ps_words_next {
    PS_WORDS_GO_ON,
    PS_WORDS_HANG_UP, /* the peer does not keep to the protocol */
    PS_WORDS_STOP     /* the disk cannot be trusted: end the process, the next start reads what is there */
};

/* Answers one datagram; the reply is appended to out, whose maximum is PS_MAX_WIRE. fd is a descriptor that
 * came with it, or -1; it stays the caller's. roles (enum ps_append_role) are the peer's; without any it may say STATUS alone. */
enum ps_words_next ps_words_answer(struct ps_state *s, const void *msg, size_t n, int fd, unsigned roles,
                                   struct ps_buf *out);

#endif
