/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_CAMERAS_H
#define PS_CLI_CAMERAS_H
/*
 * Cameras for people, and those that the kernel shows without being opened.
 */
#include <jansson.h>

/* A line a camera; any member may be missing. */
void ps_cameras_print(const json_t *cameras);
/* Capture devices of /sys/class/video4linux: [{"source":"v4l2:/dev/video0","model":…,"state":"found"}, …].
 * New reference, or NULL when out of memory. */
json_t *ps_cameras_found(void);

#endif
