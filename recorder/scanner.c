/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/scanner.h"

#include "recorder/scanner_source.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ps_scanner {
    const struct ps_scanner_ops *ops;
    char name[PS_MAX_NAME + 1];
    char where[PS_SCANNER_PATH + 64];
    void *state; /* NULL while the device is away */
    int fd;
    struct ps_devices_seen seen;
};

static const struct ps_scanner_ops *const all_ops[] = {&ps_scanner_serial_stdin, &ps_scanner_serial,
                                                       &ps_scanner_evdev};

static const struct ps_scanner_ops *find_ops(const char *source) {
    for (size_t i = 0; i < sizeof all_ops / sizeof all_ops[0]; i++)
        if (strncmp(source, all_ops[i]->scheme, strlen(all_ops[i]->scheme)) == 0)
            return all_ops[i];
    return NULL;
}

int ps_scanner_open(struct ps_scanner **out, const char *name, const char *source, struct ps_why *why) {
    *out = NULL;
    const struct ps_scanner_ops *ops = find_ops(source);
    if (!ops)
        return ps_error_why(why, PS_EINVAL, source,
                            "a scanner is stdin:, serial:/dev/… or evdev:/dev/input/…");
    const char *where = source + strlen(ops->scheme);
    if (strlen(name) > PS_MAX_NAME || strlen(where) >= sizeof(*out)->where)
        return ps_error_why(why, PS_ELIMIT, source, "the scanner's name or path is too long");
    struct ps_scanner *s = calloc(1, sizeof *s);
    if (!s)
        return ps_error_why(why, PS_ENOMEM, source, "out of memory");
    s->ops = ops;
    snprintf(s->name, sizeof s->name, "%s", name);
    snprintf(s->where, sizeof s->where, "%s", where);
    s->fd = -1;
    int err = ps_scanner_reopen(s, why);
    if (err != 0) {
        free(s);
        return err;
    }
    *out = s; /* transferred */
    return 0;
}

int ps_scanner_fd(const struct ps_scanner *s) {
    return s->fd;
}

static void go_away(struct ps_scanner *s) {
    if (s->state)
        s->ops->close(s->state);
    s->state = NULL;
    s->fd = -1;
}

int ps_scanner_read(struct ps_scanner *s, struct ps_scan *scan, struct ps_why *why) {
    *scan = (struct ps_scan){0};
    if (!s->state)
        return ps_error_why(why, PS_EGONE, s->name, "the scanner is not there");
    int result = s->ops->read(s->state, scan, why);
    if (result == 1)
        snprintf(scan->device, sizeof scan->device, "%s", s->name);
    else if (result < 0 && result != PS_EFORMAT)
        go_away(s);
    return result;
}

int ps_scanner_reopen(struct ps_scanner *s, struct ps_why *why) {
    go_away(s);
    return s->ops->open(&s->state, &s->fd, s->where, &s->seen, why);
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

int ps_scanner_open_failed(const char *path, int errnum, struct ps_why *why) {
    switch (errnum) {
    case ENOENT:
    case ENODEV:
    case ENXIO: return ps_error_why(why, PS_ENOENT, path, "no such device: is the scanner plugged in");
    case EACCES:
    case EPERM: return ps_error_why(why, PS_EPERM, path, "this user may not open the scanner");
    case EBUSY: return ps_error_why(why, PS_EBUSY, path, "another program has the scanner");
    default: return ps_error_why(why, PS_EIO, path, "cannot be opened: %s", strerror(errnum));
    }
}
