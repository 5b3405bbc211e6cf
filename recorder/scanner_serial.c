/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Scanners that send lines of bytes: a serial device or USB CDC-ACM, and standard input.
 */
#include "recorder/clock.h"
#include "recorder/scanner_source.h"
#include "recorder/scanner_tty.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* At 9600 baud a byte takes one millisecond; a line that rests for so long will not be continued. */
#define PAUSE_NS INT64_C(500000000)

struct serial {
    int fd;
    bool terminal; /* raw terminal of ours, else standard input, which is not ours to close */
    bool by_pause; /* a pause ends a code; else it breaks one off */
    int64_t gap_ns, last_ns;
    struct ps_scanner_line line;
    uint64_t long_ago;
    size_t at, n; /* of bytes */
    uint8_t bytes[512];
};

static void set_up(struct serial *s, const struct ps_config_scanner *config) {
    s->by_pause = config->end == PS_CONFIG_END_NONE;
    s->line.tab = config->end == PS_CONFIG_END_TAB;
    s->gap_ns = config->gap_ms ? config->gap_ms * INT64_C(1000000)
                : s->by_pause  ? PS_SCANNER_REST_NS
                               : PAUSE_NS;
}

static int open_serial(void **state, int *fd, const char *where, const struct ps_config_scanner *config,
                       struct ps_devices_seen *seen, struct ps_why *why) {
    static const struct ps_scanner_tty line = {.data_bits = 8, .parity = 'n', .stop_bits = 1};
    struct serial *s = calloc(1, sizeof *s);
    if (!s)
        return ps_error_why(why, PS_ENOMEM, where, "out of memory");
    s->fd = ps_scanner_tty_open(where, &line, seen, why);
    if (s->fd < 0) {
        int err = s->fd;
        free(s);
        return err;
    }
    s->terminal = true;
    set_up(s, config);
    *fd = s->fd;
    *state = s; /* transferred */
    return 0;
}

static int open_stdin(void **state, int *fd, const char *where, const struct ps_config_scanner *config,
                      struct ps_devices_seen *seen, struct ps_why *why) {
    (void)seen;
    if (*where != '\0')
        return ps_error_why(why, PS_EINVAL, where, "stdin: takes nothing after the colon");
    if (fcntl(STDIN_FILENO, F_GETFD) < 0)
        return ps_error_why(why, PS_ENOENT, "stdin", "standard input is closed");
    struct serial *s = calloc(1, sizeof *s);
    if (!s)
        return ps_error_why(why, PS_ENOMEM, "stdin", "out of memory");
    set_up(s, config);
    *fd = s->fd = STDIN_FILENO;
    *state = s; /* transferred */
    return 0;
}

/* 1: there are bytes; 0: none now; PS_EGONE. Standard input may be shared with a shell, so it is asked first
 * and not made non-blocking. */
static int refill(struct serial *s, struct ps_why *why) {
    if (!s->terminal) {
        struct pollfd p = {.fd = s->fd, .events = POLLIN};
        if (poll(&p, 1, 0) <= 0)
            return 0;
    }
    ssize_t n = read(s->fd, s->bytes, sizeof s->bytes);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n == 0 || (n < 0 && errno == EIO))
        return ps_error_why(why, PS_EGONE, s->terminal ? "serial" : "stdin", "the other end is gone");
    if (n < 0)
        return ps_error_why(why, PS_EGONE, s->terminal ? "serial" : "stdin", "cannot be read: %s",
                            strerror(errno));
    s->at = 0;
    s->n = (size_t)n;
    s->last_ns = ps_clock_mono_ns();
    return 1;
}

static int give(const struct serial *s, struct ps_scan *scan, int64_t mono_ns) {
    memcpy(scan->text, s->line.text, sizeof scan->text);
    scan->mono_ns = mono_ns;
    return 1;
}

/* True when the pause before now has ended a code. */
static bool rested(struct serial *s, int64_t last_ns, int64_t now_ns, bool came) {
    const int64_t pause_ns = (now_ns - last_ns) / (came && s->by_pause ? PS_SCANNER_LATE : 1);
    if (!ps_scanner_line_begun(&s->line) || pause_ns <= s->gap_ns)
        return false;
    if (s->by_pause)
        return ps_scanner_line_end(&s->line);
    if (s->terminal && came && pause_ns <= s->gap_ns + PS_SCANNER_TORN_NS) {
        ps_scanner_line_tear(&s->line);
    } else if (s->terminal && came) {
        ps_scanner_line_drop(&s->line);
        s->long_ago++;
    }
    return false;
}

static struct ps_scanner_losses losses(const struct serial *s) {
    return (struct ps_scanner_losses){s->line.dropped, s->line.torn_n, s->long_ago};
}

static int read_lines(void *state, struct ps_scan *scan, struct ps_why *why) {
    struct serial *s = state;
    const struct ps_scanner_losses before = losses(s);
    for (;;) {
        if (s->at == s->n) {
            const int64_t last_ns = s->last_ns;
            int result = refill(s, why);
            if (result < 0)
                return result;
            if (rested(s, last_ns, result == 1 ? s->last_ns : ps_clock_mono_ns(), result == 1))
                return give(s, scan, last_ns);
            if (result == 0 && s->line.dropped == before.all)
                return 0;
        }
        while (s->line.dropped == before.all && s->at < s->n)
            if (ps_scanner_line_byte(&s->line, s->bytes[s->at++]))
                return give(s, scan, s->last_ns);
        const struct ps_scanner_losses now = losses(s);
        if (now.all != before.all)
            return ps_scanner_tell_lost(&before, &now, s->terminal ? "serial" : "stdin",
                                        "too long, or without a printable character", scan, why);
    }
}

static int64_t due_lines(const void *state) {
    const struct serial *s = state;
    return s->by_pause && ps_scanner_line_begun(&s->line) ? s->last_ns + s->gap_ns : INT64_MAX;
}

static void close_lines(void *state) {
    struct serial *s = state;
    if (s->terminal)
        close(s->fd);
    free(s);
}

const struct ps_scanner_ops ps_scanner_serial = {
    .scheme = "serial:", .open = open_serial, .read = read_lines, .due = due_lines, .close = close_lines};
const struct ps_scanner_ops ps_scanner_serial_stdin = {
    .scheme = "stdin:", .open = open_stdin, .read = read_lines, .due = due_lines, .close = close_lines};
