/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_SCANNER_H
#define PS_RECORDER_SCANNER_H
/*
 * Where scanned lines come from. Each source is one file descriptor in the recorder's ppoll loop.
 *   stdin:            lines of standard input
 *   serial:/dev/ttyACM0[?baud=9600]   raw line, CR or LF or both end a code (CDC-ACM, RS-232, a pty)
 *   evdev:/dev/input/event5[?grab=0]  keyboard wedge: fixed US key table, shift, numpad, Enter or Tab ends a code;
 *                                     a pause over 220 ms inside a code drops it
 *   hidraw:/dev/hidraw0               HID point of sale, and reports that carry a counted piece of a serial line
 * A scan is torn by a pause inside it. What comes within a second of that is taken for its rest, up to the end of a code, and dropped
 * with it: half a number may be another parcel's. Where pauses end codes, nobody can tell (end = none).
 *
 * In place of a device, the last three take serial=…, port=… or auto (devices.h).
 *
 * A scanner may be shared with other programs ([scanner] share): it is not grabbed then, and since people type on what is
 * shared, only what came fast, long enough, and in its prefix and suffix where it has them, is a scan.
 */
#include "archive/config.h"
#include "evidence/error.h"
#include "evidence/limits.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What became of a scan that was dropped. */
enum ps_scan_lost {
    PS_SCAN_UNREADABLE, /* too long, keys that are no characters, … */
    PS_SCAN_TORN,       /* a pause inside it */
    PS_SCAN_LONG_AGO    /* something had begun, and was found without its end when the next thing came */
};

struct ps_scan {
    char text[PS_MAX_CODE + 1]; /* printable; other bytes as %XX; always terminated */
    char device[PS_MAX_NAME + 1];
    int64_t mono_ns; /* when the last byte arrived (evdev: the event's own stamp, CLOCK_MONOTONIC) */
    bool manual;     /* typed by a person: slower than any scanner (evdev only) */
    uint8_t lost;    /* enum ps_scan_lost, after PS_EFORMAT */
};

struct ps_scanner;

int ps_scanner_open(struct ps_scanner **out, const struct ps_config_scanner *config, struct ps_why *why);
int ps_scanner_fd(const struct ps_scanner *s); /* -1 while the device is away */
/* Reads what is there. 1: *scan is filled (call again); 0: nothing more now; PS_EGONE: the device went away;
 * PS_EFORMAT: a scan was dropped: why says, and scan->lost. */
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
    bool torn;        /* what comes up to the end is the rest of a torn code */
    bool tab;         /* a Tab ends a code, and a CR or LF drops one */
    uint64_t dropped; /* codes that were too long, torn or held nothing printable */
    uint64_t torn_n;  /* of these: torn */
};
/* Feeds one byte; true when a code is complete in l->text (read it before the next call). */
bool ps_scanner_line_byte(struct ps_scanner_line *l, uint8_t byte);
/* Adds a byte, whatever it is, to the code: none of them ends it. */
void ps_scanner_line_put(struct ps_scanner_line *l, uint8_t byte);
/* Ends the code; true when it is complete in l->text. */
bool ps_scanner_line_end(struct ps_scanner_line *l);
/* Something of a code is there, without its end. */
bool ps_scanner_line_begun(const struct ps_scanner_line *l);
/* Forgets a code that has begun, so that nothing is glued to it; counted when there was one. */
void ps_scanner_line_drop(struct ps_scanner_line *l);

/* There was a pause in a code that has begun: it is dropped, and with it what comes up to the next end. Counted then. */
void ps_scanner_line_tear(struct ps_scanner_line *l);

/* After a pause, so long on what comes is the rest of a torn code. */
#define PS_SCANNER_TORN_NS INT64_C(1000000000)

/* Key events -> codes. */
struct ps_scanner_keys {
    struct ps_scanner_line line;
    bool shift, caps, ctrl, alt;
    bool spoiled;       /* a key without a place in the table: the code it was in is dropped */
    uint8_t alt_digits; /* Alt + numpad: digits so far, and their number */
    uint16_t alt_number;
    int64_t last_ns, first_ns; /* of the keys of this code, without the one that ends it */
    uint32_t count;
    bool torn, torn_scan;        /* what comes is the rest of a torn code; which was no person's typing */
    uint32_t lone;               /* shared: keys that came one by one, as a person types, just now */
    uint64_t dropped;            /* by a pause, an unknown key or lost events; too long ones: line.dropped */
    uint64_t torn_n, long_ago_n; /* of these: torn; found long after */
    /* How it is set up; all 0 for a scanner of its own. */
    int64_t gap_ns; /* 0: 220 ms, 100 ms when a pause ends codes, shared 50 ms */
    uint8_t end;    /* enum ps_config_end */
    bool shared;    /* what a person types is neither a code nor dropped */
    uint16_t least; /* shared: what is shorter was typed; 0: 6 */
};
/* Of the code just completed, and of one that has begun: too short or too slow for a scanner. */
bool ps_scanner_keys_typed(const struct ps_scanner_keys *k);
/* When a code that has begun ends by a pause; INT64_MAX: there is none, or pauses end nothing (end is not none). */
int64_t ps_scanner_keys_due(const struct ps_scanner_keys *k);
/* Ends the code that is due: true when it is complete in k->line.text. */
bool ps_scanner_keys_rest(struct ps_scanner_keys *k);
/* value: 1 press, 0 release, 2 repeat (ignored). True when a code is complete in k->line.text. */
bool ps_scanner_keys_event(struct ps_scanner_keys *k, uint16_t code, int32_t value, int64_t mono_ns);
/* Of the code just completed: its keys came slower than any scanner's, over 60 ms apart in the mean. */
bool ps_scanner_keys_manual(const struct ps_scanner_keys *k);
/* Events were lost (SYN_DROPPED) at mono_ns: the code that they were of is dropped, up to its end or a pause; held keys are
 * taken as released. */
void ps_scanner_keys_lost(struct ps_scanner_keys *k, int64_t mono_ns);

/* Reports of an HID scanner -> codes. What a scanner sends is told by its report descriptor; only two layouts are read:
 *   POS      report 2 of usage page 0x8C (HID Point of Sale Usage Tables 1.02, as Honeywell, Newland and Access-IS fill it):
 *            02, length, 3 bytes of AIM identifier, 56 of data, 2 of further identifiers, bit 0: goes on in the next report.
 *            A report without that bit ends a code.
 *   counted  of a vendor's usage page ("Simple COM", HID serial): [report number,] length, so many bytes of a serial line */
enum ps_scanner_layout { PS_SCANNER_UNKNOWN, PS_SCANNER_POS, PS_SCANNER_COUNTED };
#define PS_SCANNER_REPORT_MAX 1024
struct ps_scanner_report {
    enum ps_scanner_layout layout;
    uint8_t number;   /* counted: the first byte of each report; 0: they have none */
    bool goes_on;     /* POS: the code's next piece is still to come */
    uint64_t dropped; /* reports that are not as the layout has them; codes: line.dropped */
    size_t at, n;     /* counted: of bytes, what is not yet looked at */
    uint8_t bytes[PS_SCANNER_REPORT_MAX];
    struct ps_scanner_line line;
};
/* Sets *r up by a report descriptor (HID 1.11, section 6.2.2). PS_EFORMAT with why: torn, a keyboard, or another layout. */
int ps_scanner_report_init(struct ps_scanner_report *r, const uint8_t *descriptor, size_t n,
                           struct ps_why *why);
/* Takes a report over; others than the layout's are passed over or counted. */
void ps_scanner_report_take(struct ps_scanner_report *r, const uint8_t *p, size_t n);
/* True while codes come out of what was taken: in r->line.text, until the next call. */
bool ps_scanner_report_next(struct ps_scanner_report *r);

/* Takes what the scanner puts round a code away. False: not all of it is there, and text is as it was. */
bool ps_scanner_bare(char text[PS_MAX_CODE + 1], const char *prefix, const char *suffix);

#endif
