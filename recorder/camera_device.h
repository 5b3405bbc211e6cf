/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_CAMERA_DEVICE_H
#define PS_RECORDER_CAMERA_DEVICE_H
/*
 * What the system knows of a video device, besides V4L2 itself: udev's words, and who has it open.
 */
#include "recorder/camera.h"

/* Model, serial number and USB path of an open device node, where udev knows them; other fields are left alone. */
void ps_camera_device_identify(int fd, struct ps_camera_info *info);
/* "ffmpeg (pid 812)", or "" when nobody is found or may be seen. */
void ps_camera_device_holder(const char *path, char *out, size_t cap);
/* Each video4linux node: its /dev/v4l/by-path name where there is one, else /dev/videoN. Returns how many. */
int ps_camera_device_each(void (*found)(void *ctx, const char *dev), void *ctx);

#endif
