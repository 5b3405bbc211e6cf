/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_VIEWER_ASK_H
#define PS_VIEWER_ASK_H
/*
 * Questions of the viewer to the recorder (archive/socket.h).
 */
#include "evidence/error.h"
#include "viewer/answer.h"
#include <jansson.h>

/* ps_socket_ask, which takes over request. */
int ps_ask_recorder(const char *root, json_t *request, unsigned seconds, json_t **reply, struct ps_why *why);
/* The same, and its outcome is the answer to r: 200 with what the recorder said, 409 with its words when it refused, 503
 * no-recorder. Takes over request. */
void ps_ask_answer(struct ps_request *r, struct ps_answer *a, json_t *request, unsigned seconds);

#endif
