/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_CAMERA_V4L2_FORMATS_H
#define PS_RECORDER_CAMERA_V4L2_FORMATS_H
/*
 * Which pictures a V4L2 device offers, and which of them is taken. The device is asked raw, not through libv4l2.
 */
#include "recorder/camera.h"

struct ps_camera_v4l2_choice {
    uint32_t fourcc;
    uint32_t width, height;
    bool native; /* taken as it comes; else libv4l2 converts */
};

/* ioctl(2), again after a signal. */
int ps_camera_v4l2_formats_ask(int fd, unsigned long request, void *arg);
/* The best format whose picture fits into the wanted size; never fails. */
void ps_camera_v4l2_formats_choose(int fd, uint32_t width, uint32_t height,
                                   struct ps_camera_v4l2_choice *out);
enum ps_pixels ps_camera_v4l2_formats_pixels(uint32_t fourcc);
/* Smaller pictures and lower rates than `from` that the device offers in this format, the largest first, each at most
 * three quarters of the one before. Returns how many. */
unsigned ps_camera_v4l2_formats_ladder(int fd, uint32_t fourcc, const struct ps_camera_step *from,
                                       struct ps_camera_step out[PS_CAMERA_STEPS]);

#endif
