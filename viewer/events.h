/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_VIEWER_EVENTS_H
#define PS_VIEWER_EVENTS_H
/*
 * The recorder's events (docs/PROTOCOL.md), to browsers as server-sent events and to hooks: one connection to the recorder for
 * all of them. What a browser has not read yet stands in a ring; who falls out of it is cut off, comes again, and begins with
 * the status of then.
 */
#include "evidence/error.h"

#define PS_EVENTS_RING 1024
#define PS_EVENTS_LISTENERS 64

struct ps_events;
struct ps_viewer;

/* Starts the thread that listens to the recorder. */
int ps_events_open(struct ps_events **out, struct ps_viewer *v, struct ps_why *why);
/* After the server has stopped: nobody listens any more. */
void ps_events_close(struct ps_events *e);

#endif
