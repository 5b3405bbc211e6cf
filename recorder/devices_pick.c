/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which of the devices that are plugged in is meant.
 */
#include "recorder/devices.h"

#include <stdio.h>
#include <string.h>

static const char *const words[] = {[PS_DEVICES_CAMERA] = "camera",
                                    [PS_DEVICES_KEYS] = "keyboard scanner",
                                    [PS_DEVICES_LINE] = "serial scanner",
                                    [PS_DEVICES_HID] = "HID scanner"};

struct choice {
    const struct ps_device *all;
    size_t n;
    bool fits[PS_DEVICES_MAX];
    size_t count;
};

static void narrow(struct choice *c, bool (*fits)(const struct ps_device *d, const char *text),
                   const char *text) {
    c->count = 0;
    for (size_t i = 0; i < c->n; i++) {
        c->fits[i] = fits(&c->all[i], text);
        c->count += c->fits[i];
    }
}

static bool has_serial(const struct ps_device *d, const char *serial) {
    return serial[0] != '\0' && strcmp(d->serial, serial) == 0;
}

static bool has_port(const struct ps_device *d, const char *port) {
    return port[0] != '\0' && (strcmp(d->port, port) == 0 || strcmp(d->usb, port) == 0);
}

static bool has_node(const struct ps_device *d, const char *node) {
    return strcmp(d->node, node) == 0;
}

/* A keyboard may be somebody's keyboard: only what the device list calls a scanner is taken without being named. */
static bool by_itself(const struct ps_device *d, const char *unused) {
    (void)unused;
    return d->kind == PS_DEVICES_CAMERA || d->scanner;
}

static const struct ps_device *first(const struct choice *c) {
    for (size_t i = 0; i < c->n; i++)
        if (c->fits[i])
            return &c->all[i];
    return NULL;
}

/* Among those that fit: the one on the port where it was; cheap cameras of one kind share a serial number. */
static const struct ps_device *same_port(const struct choice *c, const struct ps_devices_seen *seen) {
    for (size_t i = 0; seen && seen->known && i < c->n; i++)
        if (c->fits[i] && has_port(&c->all[i], seen->port))
            return &c->all[i];
    return NULL;
}

/* "Cam A (serial 12, port x), Cam B (…)", as far as there is room. */
static void name_them(const struct choice *c, bool all, char *out, size_t cap) {
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < c->n && used < cap; i++) {
        const struct ps_device *d = &c->all[i];
        if (all || c->fits[i])
            used += (size_t)snprintf(out + used, cap - used, "%s%s (serial %s, port %s)", used ? ", " : "",
                                     d->model[0] ? d->model : d->node, d->serial[0] ? d->serial : "none",
                                     d->port[0]  ? d->port
                                     : d->usb[0] ? d->usb
                                                 : "unknown");
    }
}

/* The one that fits; PS_ENOENT or PS_EBUSY when none or several do. */
static int only_one(const struct choice *c, enum ps_devices_kind kind, const char *wanted,
                    const struct ps_devices_seen *seen, struct ps_device *out, struct ps_why *why) {
    char names[170];
    const struct ps_device *d = c->count == 1 ? first(c) : same_port(c, seen);
    if (d) {
        *out = *d;
        return 0;
    }
    if (c->count > 1) {
        name_them(c, false, names, sizeof names);
        return ps_error_why(why, PS_EBUSY, wanted, "several would do, name one by serial= or port=: %s",
                            names);
    }
    if (c->n == 0)
        return ps_error_why(why, PS_ENOENT, wanted, "no %s is plugged in", words[kind]);
    name_them(c, true, names, sizeof names);
    return ps_error_why(why, PS_ENOENT, wanted, "no such %s is plugged in; there is: %s", words[kind], names);
}

/* The same device as before: by serial number where it has one, else by port. */
static const struct ps_device *again(struct choice *c, const struct ps_devices_seen *seen) {
    if (!seen || !seen->known)
        return NULL;
    if (seen->serial[0] == '\0') {
        narrow(c, has_port, seen->port);
        const struct ps_device *d = first(c);
        return d && d->serial[0] == '\0' ? d : NULL;
    }
    narrow(c, has_serial, seen->serial);
    return c->count == 1 ? first(c) : same_port(c, seen);
}

/* "/dev/video0": a number that the kernel deals out anew each time. */
static bool dealt_out(const char *path) {
    static const char *const stems[] = {"/dev/video",  "/dev/input/event", "/dev/ttyACM",
                                        "/dev/ttyUSB", "/dev/ttyS",        "/dev/hidraw"};
    for (size_t i = 0; i < sizeof stems / sizeof stems[0]; i++) {
        size_t n = strlen(stems[i]);
        if (strncmp(path, stems[i], n) == 0 && path[n] != '\0' &&
            strspn(path + n, "0123456789") == strlen(path + n))
            return true;
    }
    return false;
}

static int by_path(struct choice *c, enum ps_devices_kind kind, const char *path,
                   const struct ps_devices_seen *seen, struct ps_device *out, struct ps_why *why) {
    *out = (struct ps_device){.kind = kind};
    if (strlen(path) >= sizeof out->node)
        return ps_error_why(why, PS_ELIMIT, path, "the path is too long");
    snprintf(out->node, sizeof out->node, "%s", path);
    if (!dealt_out(path))
        return 0;
    const struct ps_device *same = again(c, seen);
    narrow(c, has_node, path);
    const struct ps_device *there = first(c);
    if (same)
        *out = *same;
    else if (there && seen && seen->known)
        return ps_error_why(
            why, PS_EGONE, path,
            "another %s is there now (%s, serial %s): name it by serial= or port=", words[kind],
            there->model[0] ? there->model : "unknown", there->serial[0] ? there->serial : "none");
    else if (there)
        *out = *there;
    return 0;
}

int ps_devices_pick(enum ps_devices_kind kind, const struct ps_device *all, size_t n, const char *wanted,
                    const struct ps_devices_seen *seen, struct ps_device *out, struct ps_why *why) {
    struct choice c = {.all = all, .n = n < PS_DEVICES_MAX ? n : PS_DEVICES_MAX};
    if (wanted[0] == '/')
        return by_path(&c, kind, wanted, seen, out, why);
    if (strncmp(wanted, "serial=", 7) == 0 && wanted[7] != '\0')
        narrow(&c, has_serial, wanted + 7);
    else if (strncmp(wanted, "port=", 5) == 0 && wanted[5] != '\0')
        narrow(&c, has_port, wanted + 5);
    else if (strcmp(wanted, "auto") == 0) {
        const struct ps_device *d = again(&c, seen);
        if (d) {
            *out = *d;
            return 0;
        }
        narrow(&c, by_itself, "");
    } else
        return ps_error_why(why, PS_EINVAL, wanted, "a device is /dev/..., serial=..., port=... or auto");
    return only_one(&c, kind, wanted, seen, out, why);
}

void ps_devices_remember(struct ps_devices_seen *seen, const struct ps_device *d) {
    if (!seen || (d->serial[0] == '\0' && d->port[0] == '\0'))
        return;
    seen->known = true;
    snprintf(seen->serial, sizeof seen->serial, "%s", d->serial);
    snprintf(seen->port, sizeof seen->port, "%s", d->port);
}
