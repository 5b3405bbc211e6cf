/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_CONTROL_H
#define PS_CLI_CONTROL_H
/*
 * The client's end of the control socket (docs/PROTOCOL.md): one JSON object a line each way.
 */
#include "evidence/error.h"
#include <jansson.h>
#include <stdbool.h>

/* A connected socket of this type (SOCK_STREAM, SOCK_SEQPACKET) to ROOT/name, whatever the length of ROOT; or
 * PS_ENOENT when nobody listens, PS_EPERM, PS_EIO. */
int ps_control_connect(const char *root, const char *name, int type, struct ps_why *why);
/* Asks the recorder. *reply is a new reference: an object whose "ok" is true. PS_ENOENT when no recorder
 * runs, PS_ETIME after so many seconds, PS_EPERM with the recorder's words in why->text when "ok" is false,
 * PS_EFORMAT. */
int ps_control_ask(const char *root, json_t *request, unsigned seconds, json_t **reply, struct ps_why *why);
/* Asks {"do":what} and prints what went wrong; NULL then. */
json_t *ps_control_request(const char *root, const char *what, const char *code, bool manual,
                           unsigned seconds);

#endif
