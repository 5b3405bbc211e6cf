/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_DEVICES_H
#define PS_RECORDER_DEVICES_H
/*
 * Cameras and scanners of this machine as udev knows them: the only door to libudev. Nothing here opens a device.
 *
 * What a source names behind its scheme ("v4l2:", "evdev:", "serial:", "hidraw:"):
 *   serial=TEXT   the device with this serial number, on whatever port
 *   port=TEXT     whatever is plugged in there: ID_PATH ("pci-0000:00:14.0-usb-0:2:1.0"), or the kernel's name ("1-2")
 *   auto          the only camera; the only scanner of the device list (udev/scanners.list)
 *   /dev/…        that node. A name that the kernel deals out (/dev/video0, /dev/input/event5, /dev/ttyACM0) is held to the
 *                 device that was there first: found again by its serial number, else by its port
 * Without udev (a container, a file that plays a camera) a path is opened as it is, and the other forms find nothing.
 */
#include "evidence/error.h"
#include "evidence/limits.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PS_DEVICES_MAX 64
#define PS_DEVICES_PATH 256

enum ps_devices_kind { PS_DEVICES_CAMERA, PS_DEVICES_KEYS, PS_DEVICES_LINE, PS_DEVICES_HID };

struct ps_device { /* "" and 0: udev does not say */
    enum ps_devices_kind kind;
    bool scanner;               /* of the device list */
    char node[PS_DEVICES_PATH]; /* /dev/video0 */
    char name
        [PS_DEVICES_PATH]; /* the name to configure: below /dev/packseal, else by-id or by-path, else the node */
    char model[PS_MAX_NAME + 1], serial[PS_MAX_NAME + 1];
    char port[128]; /* ID_PATH */
    char usb[32];   /* "1-2.3" */
    /* of the USB device behind it */
    char controller[PS_MAX_NAME + 1]; /* "0000:00:14.0" */
    uint16_t vendor, product;
    uint32_t bus, mbit;             /* number of the bus; speed in Mbit/s, 1 for 1.5 */
    char suspend[16];               /* power/control: "on", or "auto" when the kernel may put it to sleep */
    char usb_path[PS_DEVICES_PATH]; /* below /sys: where its descriptors lie */
};

/* Who was there: what a device must have to be taken for the same again. Kept by the caller from one opening to the next. */
struct ps_devices_seen {
    bool known;
    char serial[PS_MAX_NAME + 1], port[128];
};

/* Lists what is plugged in, in the order of node names; at most `most`. Returns how many; 0 also without udev. */
size_t ps_devices_list(enum ps_devices_kind kind, struct ps_device *out, size_t most);
/* Of an open device node; false when udev does not know it, as of a plain file. */
bool ps_devices_of(enum ps_devices_kind kind, int fd, struct ps_device *out);
/* Finds what a source names (without scheme and options). *out has at least the node. PS_ENOENT, PS_EBUSY (several would
 * do) or PS_EGONE (another device is there now), with why. */
int ps_devices_find(enum ps_devices_kind kind, const char *wanted, const struct ps_devices_seen *seen,
                    struct ps_device *out, struct ps_why *why);
/* After a successful opening. */
void ps_devices_remember(struct ps_devices_seen *seen, const struct ps_device *d);
/* The choice among devices that ps_devices_find makes; no I/O. */
int ps_devices_pick(enum ps_devices_kind kind, const struct ps_device *all, size_t n, const char *wanted,
                    const struct ps_devices_seen *seen, struct ps_device *out, struct ps_why *why);

/* Tells when a camera or scanner was plugged in. */
struct ps_devices_watch;
/* PS_ENOENT when no udev runs: ask again with back-off then. */
int ps_devices_watch_new(struct ps_devices_watch **out);
int ps_devices_watch_fd(const struct ps_devices_watch *w); /* -1 for NULL */
/* Takes what has come; true when something was plugged in or got its name. */
bool ps_devices_watch_came(struct ps_devices_watch *w);
void ps_devices_watch_free(struct ps_devices_watch *w);

#endif
