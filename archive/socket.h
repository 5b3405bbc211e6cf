/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_SOCKET_H
#define PS_ARCHIVE_SOCKET_H
/*
 * The client's end of the sockets below ROOT (docs/PROTOCOL.md), for command and viewer alike.
 */
#include "evidence/error.h"
#include <jansson.h>

/* A connected socket of this type (SOCK_STREAM, SOCK_SEQPACKET) to ROOT/name ("run/control.sock"), close-on-exec, whatever the
 * length of ROOT; or PS_ENOENT when nobody listens, PS_EPERM, PS_EIO. A program that hangs accepts nobody, and with its queue full
 * to connect would take as long as it does: so PS_ETIME after 5 s, with SOCK_NONBLOCK in type at once; the socket that is given
 * blocks in either case. */
int ps_socket_connect(const char *root, const char *name, int type, struct ps_why *why);
/* One question by ROOT/run/control.sock. *reply is a new reference, also when the recorder refused: then its "ok" is false; NULL
 * on failure. PS_ENOENT: no recorder runs; PS_ETIME after so many seconds, PS_EGONE, PS_EFORMAT, PS_ELIMIT. */
int ps_socket_ask(const char *root, const json_t *request, unsigned seconds, json_t **reply,
                  struct ps_why *why);

#endif
