/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_MANAGER_H
#define PS_RECORDER_MANAGER_H
/*
 * What the service manager is told (sd_notify(3)), what its journal is told (sd-daemon(3)), and when its watchdog is
 * fed. Without systemd all of it does nothing.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The journal's levels; see syslog(3). */
#define PS_MANAGER_ERR 3
#define PS_MANAGER_INFO 6

/* "<3>" and the like when standard error goes to the journal, else "". */
const char *ps_manager_prefix(int level);

struct ps_manager {
    int fd;            /* -1: nobody listens */
    int64_t period_ns; /* of the watchdog; 0: there is none */
    int64_t fed_ns;    /* CLOCK_MONOTONIC */
    char status[128];  /* as it was told last */
    bool stalled;      /* told once */
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. */
void ps_manager_open(struct ps_manager *n);
void ps_manager_close(struct ps_manager *n);
/* One message, lines of NAME=VALUE. */
void ps_manager_send(struct ps_manager *n, const char *text);
/* STATUS=, when it has changed. */
void ps_manager_status(struct ps_manager *n, const char *text);

/* Is one camera's film getting on? Input that arrives while a clip records must become encoded frames; without input, or
 * without a clip, there is nothing to wait for. */
struct ps_manager_pulse {
    uint64_t arrived, encoded; /* as of since_ns */
    int64_t since_ns;          /* last moment at which all was well */
};
/* How long it has been waiting, in ns; 0 while it gets on. */
int64_t ps_manager_pulse(struct ps_manager_pulse *p, bool recording, uint64_t arrived, uint64_t encoded,
                         int64_t now_ns);

/* Feeds the watchdog four times a period, unless something has been waiting for half of one: then it is said once, and the
 * watchdog gets no more until that has ended. */
void ps_manager_feed(struct ps_manager *n, int64_t waiting_ns, int64_t now_ns);

#endif
