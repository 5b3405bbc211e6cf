/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_SERVICE_H
#define PS_SIGNER_SERVICE_H
/*
 * The socket: who asks, how often, and in what order.
 */
#include "evidence/error.h"
#include <stdbool.h>
#include <sys/types.h>

struct ps_state;

struct ps_service {
    int listener;                /* SOCK_SEQPACKET, listening, non-blocking */
    uid_t recorder;              /* the only user who may say words about clips */
    uid_t viewer, stamp, pruner; /* who may say what signer/append.h lists; may be the same */
    struct ps_state *state;
};

/* A listening socket at path, mode 0660; a socket that a dead signer left is replaced. The fd, or an error. */
int ps_service_listen(const char *path, struct ps_why *why);
/* Checks one that was handed over. */
int ps_service_adopt(int fd, struct ps_why *why);
/* Other leaves than a seal are in the tiles and the checkpoint a second later at most, or when it ends in order; the clock
 * is looked at with every request and each PS_SERVICE_CLOCK_MS. Serves until SIGTERM or SIGINT, which must be blocked and have handlers (ps_service_signals). 0, or PS_EIO after
 * the disk failed; why says so. */
int ps_service_run(struct ps_service *s, struct ps_why *why);
/* Blocks both signals but inside ps_service_run. */
void ps_service_signals(void);

#endif
