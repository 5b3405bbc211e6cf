/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_VIEWER_SERVER_H
#define PS_VIEWER_SERVER_H
/*
 * HTTP, by libmicrohttpd: a few threads move bytes, workers run the handlers meanwhile.
 */
#include "evidence/error.h"
#include <stdint.h>

struct ps_server;
struct ps_viewer;

/* Listens and serves. cert and key are PEM texts, or NULL. *port: 0 takes a free one and tells it. */
int ps_server_start(struct ps_server **out, struct ps_viewer *v, const char *host, uint16_t *port,
                    const char *cert, const char *key, struct ps_why *why);
/* What is due once a second: late connections, sleeping streams. */
void ps_server_tick(struct ps_server *s);
/* Ends all streams, waits for handlers, and returns when nothing runs any more. */
void ps_server_stop(struct ps_server *s);
/* The headers of a request that runs. */
struct ps_request;
const struct ps_gate *ps_server_gate(const struct ps_request *r);
unsigned ps_server_connections(struct ps_server *s);

#endif
