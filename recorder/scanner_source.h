/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_SCANNER_SOURCE_H
#define PS_RECORDER_SCANNER_SOURCE_H
/*
 * What stands behind struct ps_scanner: one implementation per scheme, and the taking apart of a source's name.
 */
#include "recorder/devices.h"
#include "recorder/scanner.h"

struct ps_scanner_ops {
    const char *scheme; /* "serial:" */
    /* where: the source without its scheme; config outlives the state. *fd is to be polled, and to be closed by close().
     * seen: who was there the last time; filled by a successful open. */
    int (*open)(void **state, int *fd, const char *where, const struct ps_config_scanner *config,
                struct ps_devices_seen *seen, struct ps_why *why);
    /* As ps_scanner_read, without the device's name, and with what the scanner puts round its codes. */
    int (*read)(void *state, struct ps_scan *scan, struct ps_why *why);
    /* CLOCK_MONOTONIC: when to read although nothing came, for a pause ends a code then; INT64_MAX: not. */
    int64_t (*due)(const void *state);
    void (*close)(void *state);
};

extern const struct ps_scanner_ops ps_scanner_serial_stdin, ps_scanner_serial, ps_scanner_evdev,
    ps_scanner_hidraw;

#define PS_SCANNER_REST_NS INT64_C(100000000) /* a pause that ends a code, unless gap_ms says otherwise */

/* Bytes that carry no time of their own may have waited for us. When there are some, a pause counts as one only when it is so
 * many times as long: a code is not cut in two because the recorder was late. */
#define PS_SCANNER_LATE 4

#define PS_SCANNER_PATH 256

/* "/dev/ttyACM0?baud=9600" -> path and number. The one option `key` may be there; its value is a number in
 * low..high. PS_EINVAL and why. */
int ps_scanner_option(const char *where, char path[PS_SCANNER_PATH], const char *key, long low, long high,
                      long *value, struct ps_why *why);
/* Opens what the source names (devices.h) by open(2) with these flags; its path is in *found. Returns the descriptor. */
int ps_scanner_open_node(enum ps_devices_kind kind, const char *wanted, int flags,
                         struct ps_devices_seen *seen, struct ps_device *found, struct ps_why *why);
/* What was dropped so far: of all of it, by a pause, and long before it was found. */
struct ps_scanner_losses {
    uint64_t all, torn, long_ago;
};
/* PS_EFORMAT, for the scans that were dropped between the two: scan->lost, and why with `other` for those that are not torn. */
int ps_scanner_tell_lost(const struct ps_scanner_losses *before, const struct ps_scanner_losses *now,
                         const char *kind, const char *other, struct ps_scan *scan, struct ps_why *why);
/* open(2)'s errno in words. */
int ps_scanner_open_failed(const char *path, int errnum, struct ps_why *why);

#endif
