/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_VIEWER_HOST_H
#define PS_VIEWER_HOST_H
/*
 * The name by which a browser reached us. A page of a stranger may have its own name point at this machine (DNS rebinding) and
 * would then count as one of ours: so only names that were named count, and addresses, which nobody can make point elsewhere.
 */
#include <stdbool.h>
#include <stddef.h>

/* Takes the port away: "st03.local:8480" -> "st03.local", "[::1]:8480" -> "::1". False when it is no host. */
bool ps_host_name(const char *header, char *out, size_t cap);
/* Addresses, localhost, what names lists (words with blanks or commas between), this machine's own name. */
bool ps_host_allowed(const char *header, const char *names, const char *machine);
/* Does an Origin header ("http://st03.local:8480") speak of the same host and port as Host? "null" does not. */
bool ps_host_same_origin(const char *origin, const char *host);
/* A loopback address as text ("127.0.0.1", "::1", "::ffff:127.0.0.1")? */
bool ps_host_is_loopback(const char *address);

#endif
