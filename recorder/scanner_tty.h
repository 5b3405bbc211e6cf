/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_SCANNER_TTY_H
#define PS_RECORDER_SCANNER_TTY_H
/*
 * A serial line as scanners and scales have it: found by its name, made raw, nobody else's.
 */
#include "recorder/devices.h"

struct ps_scanner_tty {
    uint8_t data_bits; /* 7, 8 */
    char parity;       /* n, e, o: a byte whose parity is wrong is read as NUL */
    uint8_t stop_bits; /* 1, 2 */
};

/* Opens what stands behind "serial:" (devices.h; ?baud=N, else 9600). What came before is thrown away. Returns the descriptor,
 * which does not block, or a negative error with why. */
int ps_scanner_tty_open(const char *where, const struct ps_scanner_tty *line, struct ps_devices_seen *seen,
                        struct ps_why *why);

#endif
