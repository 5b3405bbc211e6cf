/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/camera_device.h"

#include <dirent.h>
#include <fcntl.h>
#include <libudev.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void take(char out[PS_MAX_NAME + 1], struct udev_device *device, const char *const keys[], size_t n) {
    for (size_t i = 0; i < n; i++) {
        const char *value = udev_device_get_property_value(device, keys[i]);
        if (value && *value != '\0') {
            ps_camera_name(out, value, strlen(value));
            return;
        }
    }
}

void ps_camera_device_identify(int fd, struct ps_camera_info *info) {
    static const char *const models[] = {"ID_V4L_PRODUCT", "ID_MODEL"};
    static const char *const serials[] = {"ID_SERIAL_SHORT"};
    static const char *const paths[] = {"ID_PATH"};
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISCHR(st.st_mode))
        return;
    struct udev *udev = udev_new();
    if (!udev)
        return;
    struct udev_device *device = udev_device_new_from_devnum(udev, 'c', st.st_rdev);
    if (device) {
        take(info->model, device, models, 2);
        take(info->serial, device, serials, 1);
        take(info->path, device, paths, 1);
        udev_device_unref(device);
    }
    udev_unref(udev);
}

/* Names of open files are compared, not the files: to stat a stranger's file may hang. */
static bool holds(const char *pid, const char *target) {
    char folder[64], link[PATH_MAX];
    bool found = false;
    snprintf(folder, sizeof folder, "/proc/%.20s/fd", pid);
    DIR *dir = opendir(folder);
    if (!dir)
        return false;
    struct dirent *entry;
    while (!found && (entry = readdir(dir))) {
        ssize_t n = readlinkat(dirfd(dir), entry->d_name, link, sizeof link - 1);
        if (n > 0) {
            link[n] = '\0';
            found = strcmp(link, target) == 0;
        }
    }
    closedir(dir);
    return found;
}

static void describe_process(const char *pid, char *out, size_t cap) {
    char path[64], name[64] = "";
    snprintf(path, sizeof path, "/proc/%.20s/comm", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t n = read(fd, name, sizeof name - 1);
        close(fd);
        name[n > 0 ? strcspn(name, "\n") : 0] = '\0';
    }
    snprintf(out, cap, "%s (pid %.20s)", name[0] != '\0' ? name : "a program", pid);
}

void ps_camera_device_holder(const char *path, char *out, size_t cap) {
    char target[PATH_MAX];
    out[0] = '\0';
    DIR *proc = opendir("/proc");
    if (!proc)
        return;
    /* The device may vanish meanwhile; then nobody holds it by that name. */
    struct dirent *entry = realpath(path, target) ? readdir(proc) : NULL;
    const long self = getpid();
    for (; entry && out[0] == '\0'; entry = readdir(proc)) {
        char *end;
        long pid = strtol(entry->d_name, &end, 10);
        if (*end == '\0' && pid > 0 && pid != self && holds(entry->d_name, target))
            describe_process(entry->d_name, out, cap);
    }
    closedir(proc);
}

/* Of a node's links the one below by-path: it stays the same when the camera is plugged in again. */
static const char *best_name(struct udev_device *device) {
    static const char wanted[] = "/dev/v4l/by-path/";
    struct udev_list_entry *link;
    udev_list_entry_foreach(link, udev_device_get_devlinks_list_entry(device)) {
        const char *name = udev_list_entry_get_name(link);
        if (name && strncmp(name, wanted, sizeof wanted - 1) == 0)
            return name;
    }
    return udev_device_get_devnode(device);
}

int ps_camera_device_each(void (*found)(void *ctx, const char *dev), void *ctx) {
    int n = 0;
    struct udev *udev = udev_new();
    struct udev_enumerate *all = udev ? udev_enumerate_new(udev) : NULL;
    if (!all)
        goto unref_udev;
    if (udev_enumerate_add_match_subsystem(all, "video4linux") < 0 || udev_enumerate_scan_devices(all) < 0)
        goto unref_all;
    struct udev_list_entry *entry;
    udev_list_entry_foreach(entry, udev_enumerate_get_list_entry(all)) {
        struct udev_device *device = udev_device_new_from_syspath(udev, udev_list_entry_get_name(entry));
        const char *name = device ? best_name(device) : NULL;
        if (name) {
            found(ctx, name);
            n++;
        }
        if (device)
            udev_device_unref(device);
    }
unref_all:
    udev_enumerate_unref(all);
unref_udev:
    if (udev)
        udev_unref(udev);
    return n;
}
