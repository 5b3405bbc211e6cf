/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_VIEWER_CONNECTIONS_H
#define PS_VIEWER_CONNECTIONS_H
/*
 * Who is connected, and until when we wait for him. A timeout of silence alone is not enough: who sends a byte now and then
 * is never silent. So head and body of each request have a time by which they must be whole, and who is late is cut off.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define PS_CONNECTIONS_MOST 512
#define PS_CONNECTIONS_OF_ONE 64 /* of one address, loopback apart: there are proxies */
#define PS_CONNECTIONS_LOOPBACK 400
#define PS_CONNECTIONS_HEAD_MS 15000 /* also how long an idle connection is kept */

struct ps_connections;
struct ps_connection;

struct ps_connections *ps_connections_new(void); /* NULL: out of memory */
void ps_connections_free(struct ps_connections *all);
/* May another one from there connect? */
bool ps_connections_room(struct ps_connections *all, const struct sockaddr *from);
/* NULL: out of memory, or a kind of address that is not known. */
struct ps_connection *ps_connections_add(struct ps_connections *all, int fd, const struct sockaddr *from,
                                         int64_t now_ms);
void ps_connections_remove(struct ps_connections *all, struct ps_connection *c);
/* What is awaited must be there within so many ms; 0: nothing is awaited. */
void ps_connections_expect(struct ps_connections *all, struct ps_connection *c, int64_t now_ms,
                           int64_t within_ms);
/* Cuts off who is late; how many. */
unsigned ps_connections_sweep(struct ps_connections *all, int64_t now_ms);
unsigned ps_connections_count(struct ps_connections *all);
const char *ps_connections_address(const struct ps_connection *c);

#endif
