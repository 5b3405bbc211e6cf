/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_MAILBOX_H
#define PS_RECORDER_MAILBOX_H
/*
 * A bounded first-in-first-out box of pointers with an eventfd, from worker threads to a ppoll loop, or to a thread
 * that waits. A full box makes the sender wait: the lanes' frames then queue up and are counted when they overflow.
 */
#include <stdbool.h>

struct ps_mailbox;

int ps_mailbox_new(struct ps_mailbox **out, unsigned capacity);
/* The caller has emptied it. */
void ps_mailbox_free(struct ps_mailbox *m);
int ps_mailbox_fd(const struct ps_mailbox *m);               /* readable while it is not empty */
void ps_mailbox_put(struct ps_mailbox *m, void *letter);     /* waits while full */
void *ps_mailbox_take(struct ps_mailbox *m);                 /* NULL when empty */
void *ps_mailbox_wait(struct ps_mailbox *m, int timeout_ms); /* NULL after the timeout */

#endif
