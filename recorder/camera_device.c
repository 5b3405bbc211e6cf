/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/camera_device.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
