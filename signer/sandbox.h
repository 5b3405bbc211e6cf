/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_SANDBOX_H
#define PS_SIGNER_SANDBOX_H
/*
 * Giving up what the signer does not need. Two steps: limits at the start, the system call filter when all
 * files and sockets are open.
 */
#include "evidence/error.h"
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>

/* Bits of ps_wire_status.confined. */
enum ps_sandbox_bit {
    PS_SANDBOX_NO_NEW_PRIVS = 1,
    PS_SANDBOX_LIMITS = 2,
    PS_SANDBOX_SECCOMP = 4,
    PS_SANDBOX_MEMORY = 8,
    PS_SANDBOX_SEPARATE = 16,
    PS_SANDBOX_PATHS = 32
};

/* no_new_privs, resource limits, and with undumpable no core, no ptrace by the same user (sanitizers read their
 * own memory that way, so their builds leave it out). Returns the bits that hold. */
uint8_t ps_sandbox_limits(bool undumpable);
/* The only way to open a file behind the filter: a new one, below the ledger's folder. */
#define PS_SANDBOX_NEW_FILE (O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC)
/* The filter: what is not in its list kills the process. New files, their folders and names are allowed relative to
 * the descriptor of the ledger's folder alone. 0 or an error. */
int ps_sandbox_filter(int ledger, struct ps_why *why);
/* Where the kernel has Landlock: from now on nothing outside these folders can be reached by a name. False
 * where it has not. */
bool ps_sandbox_paths(int ledger);

#endif
