/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_NOTIFY_H
#define PS_SIGNER_NOTIFY_H
/*
 * Telling whoever started us that we serve: systemd's datagram (sd_notify(3)) when NOTIFY_SOCKET is set, else
 * the line "ready" on standard output.
 */

/* Before the system call filter: a socket connected to the service manager, or -1 when there is none. */
int ps_notify_open(void);
/* Says it, and closes. */
void ps_notify_ready(int fd);

/* "<3>" when standard error goes to the journal, so that it takes the line for an error; else "". */
const char *ps_notify_error_prefix(void);

#endif
