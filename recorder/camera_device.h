/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_CAMERA_DEVICE_H
#define PS_RECORDER_CAMERA_DEVICE_H
/*
 * Who has a device open.
 */
#include <stddef.h>

/* "ffmpeg (pid 812)", or "" when nobody is found or may be seen. */
void ps_camera_device_holder(const char *path, char *out, size_t cap);

#endif
