/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_SCANNER_H
#define PS_RECORDER_SCANNER_H
/*
 * Where scanned lines come from. Each source is one file descriptor in the recorder's ppoll loop.
 *   stdin:            lines of standard input
 *   serial:/dev/ttyACM0[?baud=9600]   raw line, CR or LF or both end a code (CDC-ACM, RS-232, a pty)
 *   evdev:/dev/input/event5[?grab=0]  keyboard wedge: fixed US key table, shift, numpad, Enter or Tab ends a code;
 *                                     a pause over 220 ms inside a code drops the partial code
 * In place of a device, both take serial=…, port=… or auto (devices.h).
 */
#include "evidence/error.h"
#include "evidence/limits.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ps_scan {
    char text[PS_MAX_CODE + 1]; /* printable; other bytes as %XX; always terminated */
    char device[PS_MAX_NAME + 1];
    int64_t mono_ns; /* when the last byte arrived (evdev: the event's own stamp, CLOCK_MONOTONIC) */
    bool manual;     /* typed by a person: slower than any scanner (evdev only) */
};

struct ps_scanner;

int ps_scanner_open(struct ps_scanner **out, const char *name, const char *source, struct ps_why *why);
int ps_scanner_fd(const struct ps_scanner *s); /* -1 while the device is away */
/* Reads what is there. 1: *scan is filled (call again); 0: nothing more now; PS_EGONE: the device went away;
 * PS_EFORMAT: bytes were dropped (too long, glued, unmapped): why says. */
int ps_scanner_read(struct ps_scanner *s, struct ps_scan *scan, struct ps_why *why);
/* Tries to open the device again (call it with back-off after PS_EGONE). */
int ps_scanner_reopen(struct ps_scanner *s, struct ps_why *why);
void ps_scanner_close(struct ps_scanner *s);

/* Pure parts, for tests and fuzzing. */

/* Bytes of a serial line or standard input -> codes. */
struct ps_scanner_line {
    char text[PS_MAX_CODE + 1];
    size_t n;
    bool overlong, printable, done;
    uint64_t dropped; /* codes that were too long or held nothing printable */
};
/* Feeds one byte; true when a code is complete in l->text (read it before the next call). */
bool ps_scanner_line_byte(struct ps_scanner_line *l, uint8_t byte);
/* Forgets a code that has begun, so that nothing is glued to it; counted when there was one. */
void ps_scanner_line_drop(struct ps_scanner_line *l);

/* Key events -> codes. */
struct ps_scanner_keys {
    struct ps_scanner_line line;
    bool shift, caps, ctrl, alt;
    bool spoiled;       /* a key without a place in the table: the code it was in is dropped */
    uint8_t alt_digits; /* Alt + numpad: digits so far, and their number */
    uint16_t alt_number;
    int64_t last_ns, first_ns; /* of the keys of this code, without the one that ends it */
    uint32_t count;
    uint64_t dropped; /* by a pause, an unknown key or lost events; too long ones: line.dropped */
};
/* value: 1 press, 0 release, 2 repeat (ignored). True when a code is complete in k->line.text. */
bool ps_scanner_keys_event(struct ps_scanner_keys *k, uint16_t code, int32_t value, int64_t mono_ns);
/* Of the code just completed: its keys came slower than any scanner's, over 60 ms apart in the mean. */
bool ps_scanner_keys_manual(const struct ps_scanner_keys *k);
/* Events were lost (SYN_DROPPED) at mono_ns: the code that they were of is dropped, up to its end or a pause; held keys are
 * taken as released. */
void ps_scanner_keys_lost(struct ps_scanner_keys *k, int64_t mono_ns);

#endif
