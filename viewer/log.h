/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_VIEWER_LOG_H
#define PS_VIEWER_LOG_H
/*
 * What the program says to people who look after it: its log, and the service manager (sd_notify(3)).
 */
#define PS_LOG_ERROR 3
#define PS_LOG_INFO 6

/* One line on standard error, "packseal-viewer: WHAT: WHERE: WHAT TO DO", with the journal's priority where it goes there. */
void ps_log_line(int level, const char *what, const char *where, const char *todo);
/* READY=1 to the service manager; "ready" on standard output where there is none. */
void ps_log_ready(void);

#endif
