/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keyboard wedge: a scanner that types. Read from its event device, grabbed, so that codes do not also land
 * in a console or another window; or shared, so that they do.
 */
#include "recorder/clock.h"
#include "recorder/scanner_source.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct evdev {
    int fd;
    bool kernel_stamps; /* the events carry CLOCK_MONOTONIC */
    bool skipping;      /* from SYN_DROPPED to the next SYN_REPORT */
    struct ps_scanner_keys keys;
    size_t at, n; /* bytes of events */
    uint8_t bytes[64 * sizeof(struct input_event)];
};

/* What only a real device can do: a file or a pipe of events is read as it is. */
static int set_up(struct evdev *e, const char *path, bool grab, struct ps_why *why) {
    int version, clock = CLOCK_MONOTONIC;
    uint8_t leds[LED_CNT / 8 + 1] = {0};
    if (ioctl(e->fd, EVIOCGVERSION, &version) != 0)
        return ps_error_why(why, PS_EFORMAT, path, "not an input device (/dev/input/event…)");
    if (grab && ioctl(e->fd, EVIOCGRAB, 1) != 0)
        return errno == EBUSY ? ps_error_why(why, PS_EBUSY, path, "another program has grabbed the scanner")
                              : ps_error_why(why, PS_EIO, path, "cannot be grabbed: %s", strerror(errno));
    e->kernel_stamps = ioctl(e->fd, EVIOCSCLOCKID, &clock) == 0;
    if (ioctl(e->fd, EVIOCGLED(sizeof leds), leds) >= 0)
        e->keys.caps = leds[LED_CAPSL / 8] >> LED_CAPSL % 8 & 1;
    return 0;
}

static int open_evdev(void **state, int *fd, const char *where, const struct ps_config_scanner *config,
                      struct ps_devices_seen *seen, struct ps_why *why) {
    char path[PS_SCANNER_PATH];
    struct ps_device found;
    long grab = 1;
    struct stat st;
    int err = ps_scanner_option(where, path, "grab", 0, 1, &grab, why);
    if (err != 0)
        return err;
    struct evdev *e = calloc(1, sizeof *e);
    if (!e)
        return ps_error_why(why, PS_ENOMEM, path, "out of memory");
    e->fd = ps_scanner_open_node(PS_DEVICES_KEYS, path, O_RDONLY, seen, &found, why);
    if (e->fd < 0) {
        err = e->fd;
        goto free_state;
    }
    e->kernel_stamps = true;
    e->keys.shared = config->share;
    e->keys.end = config->end;
    e->keys.gap_ns = config->gap_ms * INT64_C(1000000);
    e->keys.least = config->min_length;
    if (fstat(e->fd, &st) == 0 && S_ISCHR(st.st_mode)) {
        err = set_up(e, found.node, grab == 1 && !config->share, why);
        if (err != 0)
            goto close_fd;
    }
    *fd = e->fd;
    *state = e; /* transferred */
    return 0;
close_fd:
    close(e->fd);
free_state:
    free(e);
    return err;
}

/* 1: a whole event; 0: none now; PS_EGONE. */
static int next_event(struct evdev *e, struct input_event *out, struct ps_why *why) {
    if (e->n - e->at < sizeof *out) {
        memmove(e->bytes, e->bytes + e->at, e->n - e->at);
        e->n -= e->at;
        e->at = 0;
        ssize_t n = read(e->fd, e->bytes + e->n, sizeof e->bytes - e->n);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (n <= 0)
            return ps_error_why(why, PS_EGONE, "evdev", "the scanner is gone: %s",
                                n == 0 ? "end of file" : strerror(errno));
        e->n += (size_t)n;
        if (e->n < sizeof *out)
            return 0;
    }
    memcpy(out, e->bytes + e->at, sizeof *out);
    e->at += sizeof *out;
    return 1;
}

static bool take_event(struct evdev *e, const struct input_event *event, int64_t mono_ns) {
    if (event->type == EV_SYN && event->code == SYN_DROPPED) {
        e->skipping = true;
        ps_scanner_keys_lost(&e->keys, mono_ns);
    } else if (event->type == EV_SYN && event->code == SYN_REPORT) {
        e->skipping = false;
    } else if (event->type == EV_KEY && !e->skipping) {
        return ps_scanner_keys_event(&e->keys, event->code, event->value, mono_ns);
    }
    return false;
}

static int give(const struct evdev *e, struct ps_scan *scan, int64_t mono_ns) {
    memcpy(scan->text, e->keys.line.text, sizeof scan->text);
    scan->mono_ns = mono_ns;
    scan->manual = ps_scanner_keys_manual(&e->keys);
    return 1;
}

static struct ps_scanner_losses losses(const struct evdev *e) {
    return (struct ps_scanner_losses){e->keys.dropped + e->keys.line.dropped, e->keys.torn_n,
                                      e->keys.long_ago_n};
}

static int read_evdev(void *state, struct ps_scan *scan, struct ps_why *why) {
    struct evdev *e = state;
    const struct ps_scanner_losses before = losses(e);
    struct input_event event;
    int result;
    do {
        result = next_event(e, &event, why);
        if (result < 0)
            return result;
        int64_t mono_ns = result == 1 && e->kernel_stamps ? event.input_event_sec * INT64_C(1000000000) +
                                                                event.input_event_usec * INT64_C(1000)
                                                          : ps_clock_mono_ns();
        if (ps_scanner_keys_due(&e->keys) < mono_ns) {
            int64_t last_ns = e->keys.last_ns;
            e->at -= result == 1 ? sizeof event : 0; /* it belongs to what comes after the pause */
            if (ps_scanner_keys_rest(&e->keys))
                return give(e, scan, last_ns);
            result = 1;
        } else if (result == 1 && take_event(e, &event, mono_ns)) {
            return give(e, scan, mono_ns);
        }
        const struct ps_scanner_losses now = losses(e);
        if (now.all != before.all)
            return ps_scanner_tell_lost(&before, &now, "evdev",
                                        "too long, or with a key that is no character", scan, why);
    } while (result == 1);
    return result;
}

static int64_t due_evdev(const void *state) {
    return ps_scanner_keys_due(&((const struct evdev *)state)->keys);
}

static void close_evdev(void *state) {
    struct evdev *e = state;
    close(e->fd); /* and with it the grab */
    free(e);
}

const struct ps_scanner_ops ps_scanner_evdev = {
    .scheme = "evdev:", .open = open_evdev, .read = read_evdev, .due = due_evdev, .close = close_evdev};
