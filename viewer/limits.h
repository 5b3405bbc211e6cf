/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_VIEWER_LIMITS_H
#define PS_VIEWER_LIMITS_H
/*
 * How often somebody may be wrong: by name and by address, each with a few free attempts and then a wait that doubles. Clock and
 * I/O are the caller's. From any thread. What is kept of a name or an address is a keyed hash: the table has a fixed size.
 */
#include <stdbool.h>
#include <stdint.h>

#define PS_LIMITS_PLACES 2048
#define PS_LIMITS_FIRST_MS 5000
#define PS_LIMITS_FORGET_MS 3600000 /* without a further failure */

struct ps_limits;
struct ps_limits *ps_limits_new(void); /* NULL: out of memory */
void ps_limits_free(struct ps_limits *l);

/* How long this one has to wait yet, ms; 0: may try. */
int64_t ps_limits_wait(struct ps_limits *l, const char *key, int64_t now_ms);
/* One more failure; beyond `free` of them the wait is 5 s, 10 s, ... at most most_ms. Gives the new wait. */
int64_t ps_limits_failed(struct ps_limits *l, const char *key, unsigned free, int64_t most_ms,
                         int64_t now_ms);
void ps_limits_forget(struct ps_limits *l, const char *key);

#endif
