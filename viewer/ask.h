/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_VIEWER_ASK_H
#define PS_VIEWER_ASK_H
/*
 * The viewer's end of the recorder's sockets (docs/PROTOCOL.md).
 */
#include "evidence/error.h"
#include "viewer/answer.h"
#include <jansson.h>

/* A connected stream socket to ROOT/name ("run/preview.sock"), close-on-exec; or PS_ENOENT when nobody listens, PS_EPERM,
 * PS_EIO. */
int ps_ask_connect(const char *root, const char *name, struct ps_why *why);
/* One question by ROOT/run/control.sock. Takes over request. *reply is a new reference, also when the recorder refused: then
 * its "ok" is false. PS_ENOENT: no recorder runs; PS_ETIME after so many seconds, PS_EGONE, PS_EFORMAT, PS_ELIMIT. */
int ps_ask_recorder(const char *root, json_t *request, unsigned seconds, json_t **reply, struct ps_why *why);
/* The same, and its outcome is the answer to r: 200 with what the recorder said, 409 with its words when it refused, 503
 * no-recorder. Takes over request. */
void ps_ask_answer(struct ps_request *r, struct ps_answer *a, json_t *request, unsigned seconds);

#endif
