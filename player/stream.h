/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_PLAYER_STREAM_H
#define PS_PLAYER_STREAM_H
/*
 * The recorder's events as they come over its control socket (docs/PROTOCOL.md), of each only what is heard.
 */
#include "evidence/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PS_STREAM_LINE ((size_t)128 << 10) /* a status of eight cameras is well below */

struct ps_stream_event {
    uint64_t seq;
    int64_t mono_ns;
    char tone[40], say[40]; /* "" none */
};

struct ps_stream {
    int fd; /* -1: not connected */
    size_t n;
    bool welcomed;
    char line[PS_STREAM_LINE];
};

void ps_stream_init(struct ps_stream *s);
/* Connects and asks for events. PS_ENOENT: no recorder; PS_EPERM, PS_EIO. */
int ps_stream_connect(struct ps_stream *s, const char *path, struct ps_why *why);
void ps_stream_close(struct ps_stream *s);
/* Reads what is there: 0, or an error after which it is closed. */
int ps_stream_fill(struct ps_stream *s, struct ps_why *why);
/* The next event that was read; 1, 0 none, or an error after which it is closed. */
int ps_stream_next(struct ps_stream *s, struct ps_stream_event *e, struct ps_why *why);

#endif
