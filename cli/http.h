/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_HTTP_H
#define PS_CLI_HTTP_H
/*
 * Questions over HTTP by libcurl: http and https alone, at most three redirects and never from https to http, bounded
 * in time and size. Errors: PS_EGONE (not reached), PS_ETIME (too slow), PS_EBUSY (the server says: later), PS_EPERM
 * (the server says no), PS_ELIMIT (too large), PS_EINVAL (no such address). The first three may pass.
 */
#include "evidence/error.h"
#include <stddef.h>

struct ps_buf;

/* One POST of a body; the answer is appended up to its maximum. */
int ps_http_post(const char *url, const char *type, const void *body, size_t n, unsigned seconds,
                 struct ps_buf *answer, struct ps_why *why);
int ps_http_get(const char *url, unsigned seconds, struct ps_buf *answer, struct ps_why *why);
struct ps_http_reply {
    long status;
    char type[64]; /* Content-Type, cut; "" none */
};
/* The same for a protocol whose statuses say something: 0 whatever the server answers but "later" (PS_EBUSY). */
int ps_http_exchange(const char *url, const char *type, const void *body, size_t n, unsigned seconds,
                     struct ps_buf *answer, struct ps_http_reply *reply, struct ps_why *why);
/* The address without user and password; out takes PS_HTTP_URL. */
#define PS_HTTP_URL 512
void ps_http_public(const char *url, char out[PS_HTTP_URL]);

#endif
