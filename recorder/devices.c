/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/devices.h"

#include <errno.h>
#include <libudev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVENTS_MAX 256 /* taken at once: a bus that flaps must not hold the caller */

static const char *const subsystems[] = {[PS_DEVICES_CAMERA] = "video4linux",
                                         [PS_DEVICES_KEYS] = "input",
                                         [PS_DEVICES_LINE] = "tty",
                                         [PS_DEVICES_HID] = "hidraw"};

/* ---- one device ---- */

/* Text that a device says of itself: printable ASCII, all else becomes '?'. */
static void copy(char *out, size_t cap, const char *text) {
    size_t n = 0;
    while (text && *text == ' ')
        text++;
    for (; text && text[n] != '\0' && n + 1 < cap; n++)
        out[n] = text[n] >= 0x20 && text[n] < 0x7f ? text[n] : '?';
    while (n > 0 && out[n - 1] == ' ')
        n--;
    out[n] = '\0';
}

static const char *property(struct udev_device *d, const char *key) {
    const char *value = udev_device_get_property_value(d, key);
    return value ? value : "";
}

static uint32_t number(const char *text, int base) {
    if (!text)
        return 0;
    char *end;
    errno = 0;
    unsigned long v = strtoul(text, &end, base);
    return errno != 0 || end == text || v > UINT32_MAX ? 0 : (uint32_t)v;
}

/* The best of a node's names: ours, else one by serial number, else one by port. */
static void best_name(struct udev_device *d, char *out, size_t cap) {
    static const char *const order[] = {"/dev/packseal/", "/by-id/", "/by-path/"};
    size_t best = sizeof order / sizeof order[0];
    struct udev_list_entry *link;
    copy(out, cap, udev_device_get_devnode(d));
    udev_list_entry_foreach(link, udev_device_get_devlinks_list_entry(d)) {
        const char *name = udev_list_entry_get_name(link);
        for (size_t i = 0; name && i < best; i++)
            if (strstr(name, order[i]) && strlen(name) < cap) {
                copy(out, cap, name);
                best = i;
            }
    }
}

static void read_usb(struct udev_device *d, struct ps_device *out) {
    struct udev_device *usb = udev_device_get_parent_with_subsystem_devtype(d, "usb", "usb_device");
    if (!usb)
        return;
    struct udev_device *pci = udev_device_get_parent_with_subsystem_devtype(usb, "pci", NULL);
    copy(out->usb, sizeof out->usb, udev_device_get_sysname(usb));
    copy(out->controller, sizeof out->controller, pci ? udev_device_get_sysname(pci) : "");
    out->vendor = (uint16_t)number(udev_device_get_sysattr_value(usb, "idVendor"), 16);
    out->product = (uint16_t)number(udev_device_get_sysattr_value(usb, "idProduct"), 16);
    out->bus = number(udev_device_get_sysattr_value(usb, "busnum"), 10);
    out->mbit = number(udev_device_get_sysattr_value(usb, "speed"), 10);
    copy(out->suspend, sizeof out->suspend, udev_device_get_sysattr_value(usb, "power/control"));
    copy(out->usb_path, sizeof out->usb_path, udev_device_get_syspath(usb));
    /* Without a udev daemon its database is empty, and the kernel's own words are all there is. */
    if (out->model[0] == '\0')
        copy(out->model, sizeof out->model, udev_device_get_sysattr_value(usb, "product"));
    if (out->serial[0] == '\0')
        copy(out->serial, sizeof out->serial, udev_device_get_sysattr_value(usb, "serial"));
}

static void describe(enum ps_devices_kind kind, struct udev_device *d, struct ps_device *out) {
    const char *model = property(d, "ID_V4L_PRODUCT");
    *out = (struct ps_device){.kind = kind};
    copy(out->node, sizeof out->node, udev_device_get_devnode(d));
    best_name(d, out->name, sizeof out->name);
    copy(out->model, sizeof out->model, *model != '\0' ? model : property(d, "ID_MODEL"));
    copy(out->serial, sizeof out->serial, property(d, "ID_SERIAL_SHORT"));
    copy(out->port, sizeof out->port, property(d, "ID_PATH"));
    out->scanner = *property(d, "PACKSEAL_SCANNER") != '\0';
    read_usb(d, out);
}

/* A camera's first node gives pictures; its others give descriptions of them. */
static bool takes_pictures(struct udev_device *d) {
    const char *index = udev_device_get_sysattr_value(d, "index"), *caps = property(d, "ID_V4L_CAPABILITIES");
    return (!index || strcmp(index, "0") == 0) && (*caps == '\0' || strstr(caps, ":capture:"));
}

static bool is_kind(enum ps_devices_kind kind, struct udev_device *d) {
    const char *name = udev_device_get_sysname(d);
    if (!udev_device_get_devnode(d) || !name)
        return false;
    switch (kind) {
    case PS_DEVICES_CAMERA: return strncmp(name, "video", 5) == 0 && takes_pictures(d);
    case PS_DEVICES_KEYS:
        return strncmp(name, "event", 5) == 0 && (strcmp(property(d, "ID_INPUT_KEYBOARD"), "1") == 0 ||
                                                  *property(d, "PACKSEAL_SCANNER") != '\0');
    case PS_DEVICES_HID: return strncmp(name, "hidraw", 6) == 0 && *property(d, "PACKSEAL_SCANNER") != '\0';
    case PS_DEVICES_LINE: return strncmp(name, "ttyACM", 6) == 0 || strncmp(name, "ttyUSB", 6) == 0;
    }
    return false;
}

/* ---- all of them ---- */

static int by_node(const void *a, const void *b) {
    return strverscmp(((const struct ps_device *)a)->node, ((const struct ps_device *)b)->node);
}

size_t ps_devices_list(enum ps_devices_kind kind, struct ps_device *out, size_t most) {
    size_t n = 0;
    struct udev *udev = udev_new();
    struct udev_enumerate *all = udev ? udev_enumerate_new(udev) : NULL;
    if (!all)
        goto unref_udev;
    if (udev_enumerate_add_match_subsystem(all, subsystems[kind]) < 0 || udev_enumerate_scan_devices(all) < 0)
        goto unref_all;
    struct udev_list_entry *entry;
    udev_list_entry_foreach(entry, udev_enumerate_get_list_entry(all)) {
        struct udev_device *d = udev_device_new_from_syspath(udev, udev_list_entry_get_name(entry));
        if (d && n < most && is_kind(kind, d))
            describe(kind, d, &out[n++]);
        if (d)
            udev_device_unref(d);
    }
    qsort(out, n, sizeof *out, by_node);
unref_all:
    udev_enumerate_unref(all);
unref_udev:
    if (udev)
        udev_unref(udev);
    return n;
}

bool ps_devices_of(enum ps_devices_kind kind, int fd, struct ps_device *out) {
    struct stat st;
    bool found = false;
    if (fstat(fd, &st) != 0 || !S_ISCHR(st.st_mode))
        return false;
    struct udev *udev = udev_new();
    struct udev_device *d = udev ? udev_device_new_from_devnum(udev, 'c', st.st_rdev) : NULL;
    if (d) {
        describe(kind, d, out);
        udev_device_unref(d);
        found = true;
    }
    if (udev)
        udev_unref(udev);
    return found;
}

int ps_devices_find(enum ps_devices_kind kind, const char *wanted, const struct ps_devices_seen *seen,
                    struct ps_device *out, struct ps_why *why) {
    struct ps_device *all = calloc(PS_DEVICES_MAX, sizeof *all);
    if (!all)
        return ps_error_why(why, PS_ENOMEM, wanted, "out of memory");
    size_t n = ps_devices_list(kind, all, PS_DEVICES_MAX);
    int err = ps_devices_pick(kind, all, n, wanted, seen, out, why);
    free(all);
    return err;
}

/* ---- what comes ---- */

struct ps_devices_watch {
    struct udev *udev;
    struct udev_monitor *monitor;
};

int ps_devices_watch_new(struct ps_devices_watch **out) {
    *out = NULL;
    /* Without the daemon nobody sends what is listened for. */
    if (access("/run/udev/control", F_OK) != 0)
        return PS_ENOENT;
    struct ps_devices_watch *w = calloc(1, sizeof *w);
    if (!w)
        return PS_ENOMEM;
    w->udev = udev_new();
    w->monitor = w->udev ? udev_monitor_new_from_netlink(w->udev, "udev") : NULL;
    if (!w->monitor)
        goto fail;
    for (size_t i = 0; i < sizeof subsystems / sizeof subsystems[0]; i++)
        if (udev_monitor_filter_add_match_subsystem_devtype(w->monitor, subsystems[i], NULL) < 0)
            goto fail;
    if (udev_monitor_enable_receiving(w->monitor) < 0)
        goto fail;
    *out = w; /* transferred */
    return 0;
fail:
    ps_devices_watch_free(w);
    return PS_EIO;
}

int ps_devices_watch_fd(const struct ps_devices_watch *w) {
    return w ? udev_monitor_get_fd(w->monitor) : -1;
}

bool ps_devices_watch_came(struct ps_devices_watch *w) {
    bool came = false;
    struct udev_device *d;
    for (int i = 0; i < EVENTS_MAX && (d = udev_monitor_receive_device(w->monitor)); i++) {
        const char *action = udev_device_get_action(d);
        came = came || (action && strcmp(action, "remove") != 0 && strcmp(action, "unbind") != 0);
        udev_device_unref(d);
    }
    return came;
}

void ps_devices_watch_free(struct ps_devices_watch *w) {
    if (!w)
        return;
    if (w->monitor)
        udev_monitor_unref(w->monitor);
    if (w->udev)
        udev_unref(w->udev);
    free(w);
}
