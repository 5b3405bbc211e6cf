/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_VIEWER_TIMES_H
#define PS_VIEWER_TIMES_H
/* Times as the interface writes them: ISO 8601 in UTC with milliseconds, "2026-11-22T08:15:30.123Z". */
#include <stdint.h>

int64_t ps_times_now_ns(void);
/* wall_ns since 1970; "" when the year has not four digits. */
void ps_times_text(int64_t wall_ns, char out[40]);

#endif
