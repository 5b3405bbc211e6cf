/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/scanner.h"

#include "recorder/scanner_source.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct ps_scanner {
    const struct ps_scanner_ops *ops;
    struct ps_config_scanner config;
    const char *where; /* in config.source */
    void *state;       /* NULL while the device is away */
    int fd;
    int both, timer; /* where a pause ends codes: the device and a timer behind one descriptor; else -1 */
    struct ps_devices_seen seen;
};

static const struct ps_scanner_ops *const all_ops[] = {&ps_scanner_serial_stdin, &ps_scanner_serial,
                                                       &ps_scanner_evdev, &ps_scanner_hidraw};

static const struct ps_scanner_ops *find_ops(const char *source) {
    for (size_t i = 0; i < sizeof all_ops / sizeof all_ops[0]; i++)
        if (strncmp(source, all_ops[i]->scheme, strlen(all_ops[i]->scheme)) == 0)
            return all_ops[i];
    return NULL;
}

int ps_scanner_open(struct ps_scanner **out, const struct ps_config_scanner *config, struct ps_why *why) {
    const char *source = config->source;
    *out = NULL;
    const struct ps_scanner_ops *ops = find_ops(source);
    if (!ops)
        return ps_error_why(why, PS_EINVAL, source,
                            "a scanner is stdin:, serial:/dev/…, evdev:/dev/input/… or hidraw:/dev/hidraw…");
    if (strlen(source + strlen(ops->scheme)) >= PS_SCANNER_PATH + 64)
        return ps_error_why(why, PS_ELIMIT, source, "the scanner's path is too long");
    struct ps_scanner *s = calloc(1, sizeof *s);
    if (!s)
        return ps_error_why(why, PS_ENOMEM, source, "out of memory");
    s->ops = ops;
    s->config = *config;
    s->where = s->config.source + strlen(ops->scheme);
    s->fd = s->both = s->timer = -1;
    int err = ps_scanner_reopen(s, why);
    if (err != 0) {
        free(s);
        return err;
    }
    *out = s; /* transferred */
    return 0;
}

int ps_scanner_fd(const struct ps_scanner *s) {
    return s->both >= 0 ? s->both : s->fd;
}

static void go_away(struct ps_scanner *s) {
    if (s->both >= 0)
        close(s->both);
    if (s->timer >= 0)
        close(s->timer);
    s->both = s->timer = -1;
    if (s->state)
        s->ops->close(s->state);
    s->state = NULL;
    s->fd = -1;
}

/* ---- pauses ---- */

static int start_timer(struct ps_scanner *s, struct ps_why *why) {
    struct epoll_event event = {.events = EPOLLIN};
    s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    s->both = epoll_create1(EPOLL_CLOEXEC);
    if (s->timer >= 0 && s->both >= 0 && epoll_ctl(s->both, EPOLL_CTL_ADD, s->timer, &event) == 0 &&
        epoll_ctl(s->both, EPOLL_CTL_ADD, s->fd, &event) == 0)
        return 0;
    return ps_error_why(why, PS_EIO, s->config.source, "cannot be waited for with a pause: %s",
                        strerror(errno));
}

static void set_timer(struct ps_scanner *s) {
    uint64_t times;
    struct itimerspec at = {.it_value = {0, 0}}; /* stopped */
    if (s->timer < 0 || !s->state)
        return;
    int64_t due_ns = s->ops->due(s->state);
    if (due_ns != INT64_MAX)
        at.it_value = (struct timespec){.tv_sec = due_ns / 1000000000, .tv_nsec = due_ns % 1000000000 + 1};
    if (at.it_value.tv_nsec == 1000000000)
        at.it_value.tv_nsec--;
    if (read(s->timer, &times, sizeof times) < 0)
        times = 0; /* it had not run out */
    timerfd_settime(s->timer, TFD_TIMER_ABSTIME, &at, NULL);
}

/* ---- codes ---- */

bool ps_scanner_bare(char text[PS_MAX_CODE + 1], const char *prefix, const char *suffix) {
    const size_t n = strlen(text), before = strlen(prefix), after = strlen(suffix);
    if (before + after >= n)
        return before + after == 0;
    if (memcmp(text, prefix, before) != 0 || memcmp(text + n - after, suffix, after) != 0)
        return false;
    memmove(text, text + before, n - before - after);
    text[n - before - after] = '\0';
    return true;
}

/* 1: a code; 0: a person typed it for somebody else; PS_EFORMAT. */
static int judge(const struct ps_scanner *s, struct ps_scan *scan, struct ps_why *why) {
    const bool shared = s->config.share && s->ops == &ps_scanner_evdev;
    if (!ps_scanner_bare(scan->text, s->config.prefix, s->config.suffix) && shared)
        return 0;
    if (strlen(scan->text) >= s->config.min_length)
        return 1;
    return shared
               ? 0
               : ps_error_why(why, PS_EFORMAT, s->config.name, "a scan was dropped: shorter than min_length");
}

int ps_scanner_read(struct ps_scanner *s, struct ps_scan *scan, struct ps_why *why) {
    int result;
    *scan = (struct ps_scan){0};
    if (!s->state)
        return ps_error_why(why, PS_EGONE, s->config.name, "the scanner is not there");
    do {
        result = s->ops->read(s->state, scan, why);
    } while (result == 1 && (result = judge(s, scan, why)) == 0);
    if (result == 1)
        snprintf(scan->device, sizeof scan->device, "%s", s->config.name);
    else if (result < 0 && result != PS_EFORMAT)
        go_away(s);
    else if (result == 0)
        set_timer(s);
    return result;
}

int ps_scanner_reopen(struct ps_scanner *s, struct ps_why *why) {
    go_away(s);
    int err = s->ops->open(&s->state, &s->fd, s->where, &s->config, &s->seen, why);
    if (err == 0 && s->ops->due && (s->config.end == PS_CONFIG_END_NONE || s->ops == &ps_scanner_hidraw))
        err = start_timer(s, why);
    if (err < 0)
        go_away(s);
    return err;
}

void ps_scanner_close(struct ps_scanner *s) {
    if (!s)
        return;
    go_away(s);
    free(s);
}

int ps_scanner_option(const char *where, char path[PS_SCANNER_PATH], const char *key, long low, long high,
                      long *value, struct ps_why *why) {
    size_t n = strcspn(where, "?");
    if (n == 0 || n >= PS_SCANNER_PATH)
        return ps_error_why(why, PS_EINVAL, where, "the path of a device is expected");
    memcpy(path, where, n);
    path[n] = '\0';
    if (where[n] == '\0')
        return 0;
    const char *option = where + n + 1;
    size_t key_n = strlen(key);
    char *end = NULL;
    if (strncmp(option, key, key_n) == 0 && option[key_n] == '=') {
        errno = 0;
        *value = strtol(option + key_n + 1, &end, 10);
        if (errno == 0 && end > option + key_n + 1 && *end == '\0' && *value >= low && *value <= high)
            return 0;
    }
    return ps_error_why(why, PS_EINVAL, where, "the only option here is ?%s=%ld to %ld", key, low, high);
}

int ps_scanner_open_node(enum ps_devices_kind kind, const char *wanted, int flags,
                         struct ps_devices_seen *seen, struct ps_device *found, struct ps_why *why) {
    int err = ps_devices_find(kind, wanted, seen, found, why);
    if (err != 0)
        return err;
    int fd = open(found->node, flags | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return ps_scanner_open_failed(found->node, errno, why);
    ps_devices_of(kind, fd, found);
    ps_devices_remember(seen, found);
    return fd;
}

int ps_scanner_tell_lost(const struct ps_scanner_losses *before, const struct ps_scanner_losses *now,
                         const char *kind, const char *other, struct ps_scan *scan, struct ps_why *why) {
    const bool long_ago = now->all - before->all == now->long_ago - before->long_ago;
    if (now->torn != before->torn) {
        scan->lost = PS_SCAN_TORN;
        return ps_error_why(why, PS_EFORMAT, kind,
                            "a scan was dropped: torn by a pause inside it: scan again");
    }
    scan->lost = long_ago ? PS_SCAN_LONG_AGO : PS_SCAN_UNREADABLE;
    return ps_error_why(why, PS_EFORMAT, kind, "a scan was dropped: %s",
                        long_ago ? "begun long ago, and never ended" : other);
}

int ps_scanner_open_failed(const char *path, int errnum, struct ps_why *why) {
    switch (errnum) {
    case ENOENT:
    case ENODEV:
    case ENXIO: return ps_error_why(why, PS_ENOENT, path, "no such device: is it plugged in");
    case EACCES:
    case EPERM: return ps_error_why(why, PS_EPERM, path, "this user may not open it");
    case EBUSY: return ps_error_why(why, PS_EBUSY, path, "another program has it");
    default: return ps_error_why(why, PS_EIO, path, "cannot be opened: %s", strerror(errnum));
    }
}
