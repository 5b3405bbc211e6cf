/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_SANDBOX_H
#define PS_SIGNER_SANDBOX_H
/*
 * Giving up what the signer does not need. Two steps: limits at the start, the system call filter when all
 * files and sockets are open.
 */
#include "evidence/error.h"
#include <stdbool.h>
#include <stdint.h>

/* Bits of ps_wire_status.confined. */
enum ps_sandbox_bit {
    PS_SANDBOX_NO_NEW_PRIVS = 1,
    PS_SANDBOX_LIMITS = 2,
    PS_SANDBOX_SECCOMP = 4,
    PS_SANDBOX_MEMORY = 8,
    PS_SANDBOX_SEPARATE = 16
};

/* no_new_privs, resource limits, and with undumpable no core, no ptrace by the same user (sanitizers read their
 * own memory that way, so their builds leave it out). Returns the bits that hold. */
uint8_t ps_sandbox_limits(bool undumpable);
/* The filter: what is not in its list kills the process. 0 or an error. */
int ps_sandbox_filter(struct ps_why *why);

#endif
