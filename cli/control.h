/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_CONTROL_H
#define PS_CLI_CONTROL_H
/*
 * Questions of the command to the recorder (archive/socket.h).
 */
#include "evidence/error.h"
#include <jansson.h>
#include <stdbool.h>

/* Asks the recorder. *reply is a new reference: an object whose "ok" is true. PS_ENOENT when no recorder
 * runs, PS_ETIME after so many seconds, PS_EPERM with the recorder's words in why->text when "ok" is false,
 * PS_EFORMAT. */
int ps_control_ask(const char *root, json_t *request, unsigned seconds, json_t **reply, struct ps_why *why);
/* Asks {"do":what} and prints what went wrong; NULL then. */
json_t *ps_control_request(const char *root, const char *what, const char *code, bool manual,
                           unsigned seconds);

#endif
