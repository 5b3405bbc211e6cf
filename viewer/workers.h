/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_VIEWER_WORKERS_H
#define PS_VIEWER_WORKERS_H
/*
 * Threads that run handlers, so that those that move bytes never wait for a disk, a recorder or Argon2. A bounded queue.
 */
#include <stdbool.h>

#define PS_WORKERS 16
/* At most so many slow things at once: four that judge film, which takes minutes, leave four for the bench. */
#define PS_WORKERS_SLOW 8
#define PS_WORKERS_QUEUE 256 /* waiting */

struct ps_workers;
/* NULL: no threads or memory. */
struct ps_workers *ps_workers_new(void);
/* work(job) is called once on some worker; false when the queue is full or the end has come: the job stays the caller's. */
bool ps_workers_give(struct ps_workers *w, void (*work)(void *job), void *job, bool slow);
/* Takes nothing more, runs what waits, and returns when all is done. */
void ps_workers_end(struct ps_workers *w);
/* Ends them when that was not done. Afterwards nobody may give. */
void ps_workers_free(struct ps_workers *w);

#endif
