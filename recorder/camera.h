/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_CAMERA_H
#define PS_RECORDER_CAMERA_H
/*
 * One small interface over every picture source. Used by one capture thread; not thread-safe.
 *   v4l2:/dev/video0   libv4l2 (camera_v4l2.c); also v4l2:serial=..., v4l2:port=..., v4l2:auto (devices.h)
 *   lavf:URL           anything libavformat opens (camera_lavf.c): a film file, paced in real time and looped;
 *                      rtsp://, http:// MJPEG; lavfi:testsrc2=size=1280x720:rate=30
 *                      ?pace=0: as fast as it is read; the stamps run on film time. ?loop=0: ends with PS_EGONE
 */
#include "evidence/error.h"
#include "evidence/limits.h"
#include "recorder/devices.h"
#include "recorder/frame.h"
#include <stdatomic.h>

#define PS_CAMERA_STEPS 8

struct ps_camera_step {
    uint16_t width, height, fps;
};

struct ps_camera_spec { /* from the configuration */
    char name[PS_MAX_NAME + 1];
    char source[512];
    uint16_t width, height; /* wanted; 0: the source's own choice (v4l2: 1280x720, or the nearest) */
    uint16_t fps;           /* wanted; 0: 30 */
    /* v4l2: tried one after the other while the USB line has no room for more; none: made of what the camera offers. */
    struct ps_camera_step fallback[PS_CAMERA_STEPS];
    unsigned n_fallback;
    struct ps_devices_seen *seen; /* NULL, or who was there the last time; filled by a successful open */
    /* NULL, or a flag of another thread: once set, open and read return soon, also from a network's silence. */
    const atomic_bool *stop;
};

struct ps_camera_info { /* after a successful open: what was really set, checked again with the device */
    char model[PS_MAX_NAME + 1], serial[PS_MAX_NAME + 1], path[PS_MAX_NAME + 1], driver[PS_MAX_NAME + 1];
    char format[PS_MAX_NAME + 1]; /* "MJPG 1280x720" */
    uint16_t width, height, fps;
    bool reduced; /* a step of the fallback: format says what was wanted */
    enum ps_pixels pixels;
};

struct ps_camera;

/* Opens and starts streaming. Errors with why->text in words for an operator: PS_ENOENT (no such device),
 * PS_EBUSY (in use; names the holder when /proc tells), PS_EFULL (USB bandwidth), PS_EFORMAT, PS_EIO. */
int ps_camera_open(struct ps_camera **out, const struct ps_camera_spec *spec, struct ps_why *why);
const struct ps_camera_info *ps_camera_info(const struct ps_camera *c);
/* Next frame into *f. 1: a frame; 0: none within timeout_ms; PS_EGONE: unplugged or ended; PS_EIO. A network source
 * may take up to 3 s before it says PS_ETIME; spec->stop ends that wait. */
int ps_camera_read(struct ps_camera *c, struct ps_frame *f, int timeout_ms);
void ps_camera_close(struct ps_camera *c);

/* A JPEG from SOI to EOI; cameras may pad it with zeros. Looks at both ends only. */
bool ps_camera_jpeg_whole(const uint8_t *p, size_t n);
/* Copies text that a device says of itself: printable ASCII, all else becomes '?', blanks at the ends go. */
void ps_camera_name(char out[PS_MAX_NAME + 1], const char *text, size_t n);

/* The two implementations behind it; chosen by the scheme of spec->source. */
struct ps_camera_ops {
    const char *scheme; /* "v4l2:" */
    int (*open)(void **state, const struct ps_camera_spec *spec, struct ps_camera_info *info,
                struct ps_why *why);
    int (*read)(void *state, struct ps_frame *f, int timeout_ms);
    void (*close)(void *state);
};
extern const struct ps_camera_ops ps_camera_v4l2, ps_camera_lavf;

struct ps_camera_offer {
    char format[PS_MAX_NAME + 1]; /* "MJPG" */
    struct ps_camera_step step;
    uint32_t bits; /* of a pixel as it travels; 0: compressed, the picture decides */
};
/* What a V4L2 device says of itself and offers, at most `most`; also while another program records from it. PS_ENOENT,
 * PS_EPERM, PS_EBUSY, PS_EFORMAT (no V4L2 device). */
int ps_camera_v4l2_formats_list(const char *node, struct ps_camera_info *info, struct ps_camera_offer *out,
                                unsigned most, unsigned *n);

#endif
