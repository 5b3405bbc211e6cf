/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Scanners that send their codes as HID reports: no keyboard layout, no other program that gets the keys, no line to set up.
 */
#include "recorder/clock.h"
#include "recorder/scanner_source.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/hidraw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* A code that goes on does so with the next report, 1 to 10 ms later. */
#define PAUSE_NS INT64_C(500000000)

struct hidraw {
    int fd;
    int64_t gap_ns, last_ns;
    struct ps_scanner_report report;
    size_t held_n; /* a report that came after the pause: of the next code */
    uint8_t held[PS_SCANNER_REPORT_MAX];
};

static int ask_layout(struct hidraw *h, const char *path, struct ps_why *why) {
    int size = 0, err;
    struct hidraw_report_descriptor *d = calloc(1, sizeof *d);
    if (!d)
        return ps_error_why(why, PS_ENOMEM, path, "out of memory");
    if (ioctl(h->fd, HIDIOCGRDESCSIZE, &size) != 0 || size <= 0 || size > HID_MAX_DESCRIPTOR_SIZE) {
        err = ps_error_why(why, PS_EFORMAT, path, "not a HID device (/dev/hidraw…)");
        goto out;
    }
    d->size = (unsigned)size;
    if (ioctl(h->fd, HIDIOCGRDESC, d) != 0) {
        err = ps_error_why(why, PS_EIO, path, "its report descriptor cannot be read: %s", strerror(errno));
        goto out;
    }
    err = ps_scanner_report_init(&h->report, d->value, (size_t)size, why);
out:
    free(d);
    return err;
}

static int open_hidraw(void **state, int *fd, const char *where, const struct ps_config_scanner *config,
                       struct ps_devices_seen *seen, struct ps_why *why) {
    struct ps_device found;
    int err;
    struct hidraw *h = calloc(1, sizeof *h);
    if (!h)
        return ps_error_why(why, PS_ENOMEM, where, "out of memory");
    h->fd = ps_scanner_open_node(PS_DEVICES_HID, where, O_RDONLY, seen, &found, why);
    if (h->fd < 0) {
        err = h->fd;
        goto free_state;
    }
    err = ask_layout(h, found.node, why);
    if (err != 0)
        goto close_fd;
    h->report.line.tab = config->end == PS_CONFIG_END_TAB;
    h->gap_ns = h->report.layout == PS_SCANNER_POS ? PAUSE_NS : PS_SCANNER_REST_NS;
    if (config->gap_ms)
        h->gap_ns = config->gap_ms * INT64_C(1000000);
    *fd = h->fd;
    *state = h; /* transferred */
    return 0;
close_fd:
    close(h->fd);
free_state:
    free(h);
    return err;
}

static bool begun(const struct hidraw *h) {
    return ps_scanner_line_begun(&h->report.line);
}

/* A code whose next report did not come in time is torn: reports up to one that ends a code are of it, for a second. */
static int64_t patience(const struct hidraw *h) {
    return h->gap_ns + (h->report.line.torn ? PS_SCANNER_TORN_NS : 0);
}

/* A pause ends what was sent as a serial line, for many send no line end. */
static bool rested(struct hidraw *h, int64_t pause_ns) {
    if (!begun(h) || pause_ns <= patience(h))
        return false;
    if (h->report.layout == PS_SCANNER_COUNTED)
        return ps_scanner_line_end(&h->report.line);
    if (pause_ns <= h->gap_ns + PS_SCANNER_TORN_NS) {
        ps_scanner_line_tear(&h->report.line);
        return false;
    }
    h->report.goes_on = false;
    ps_scanner_line_tear(&h->report.line);
    (void)ps_scanner_line_end(&h->report.line); /* counted as torn */
    return false;
}

static int give(const struct hidraw *h, struct ps_scan *scan) {
    memcpy(scan->text, h->report.line.text, sizeof scan->text);
    scan->mono_ns = h->last_ns;
    return 1;
}

static struct ps_scanner_losses losses(const struct hidraw *h) {
    return (struct ps_scanner_losses){h->report.dropped + h->report.line.dropped, h->report.line.torn_n, 0};
}

static int read_hidraw(void *state, struct ps_scan *scan, struct ps_why *why) {
    struct hidraw *h = state;
    const struct ps_scanner_losses before = losses(h);
    while (!ps_scanner_report_next(&h->report)) {
        const struct ps_scanner_losses now = losses(h);
        if (now.all != before.all)
            return ps_scanner_tell_lost(&before, &now, "hidraw",
                                        "too long, or not as this kind of scanner sends it", scan, why);
        ssize_t n = h->held_n > 0 ? (ssize_t)h->held_n : read(h->fd, h->held, sizeof h->held);
        const bool none = n < 0 && (errno == EAGAIN || errno == EINTR);
        if (n <= 0 && !none)
            return ps_error_why(why, PS_EGONE, "hidraw", "the scanner is gone: %s",
                                n == 0 ? "end of file" : strerror(errno));
        const int64_t now_ns = ps_clock_mono_ns();
        h->held_n = none ? 0 : (size_t)n;
        if (rested(h, (now_ns - h->last_ns) / (none ? 1 : PS_SCANNER_LATE)))
            break;
        if (losses(h).all != before.all)
            continue; /* told first; a report that came keeps */
        if (none)
            return 0;
        h->held_n = 0;
        h->last_ns = now_ns;
        ps_scanner_report_take(&h->report, h->held, (size_t)n);
    }
    return give(h, scan);
}

static int64_t due_hidraw(const void *state) {
    const struct hidraw *h = state;
    return begun(h) ? h->last_ns + patience(h) : INT64_MAX;
}

static void close_hidraw(void *state) {
    struct hidraw *h = state;
    close(h->fd);
    free(h);
}

const struct ps_scanner_ops ps_scanner_hidraw = {
    .scheme = "hidraw:", .open = open_hidraw, .read = read_hidraw, .due = due_hidraw, .close = close_hidraw};
