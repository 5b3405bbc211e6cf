/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/camera_v4l2_formats.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ASKED_MAX 256 /* of each list: a driver that never ends must not hold us */
#define OFFERS_MAX 128

int ps_camera_v4l2_formats_ask(int fd, unsigned long request, void *arg) {
    int result;
    do
        result = ioctl(fd, request, arg);
    while (result < 0 && errno == EINTR);
    return result;
}

/* ---- choosing a format ---------------------------------------------------------------------------- */

/* Formats that are taken as they come, the best first: MJPG needs the least of a USB line. */
static const struct {
    uint32_t fourcc;
    enum ps_pixels pixels;
} natives[] = {{V4L2_PIX_FMT_MJPEG, PS_PIXELS_JPEG},
               {V4L2_PIX_FMT_JPEG, PS_PIXELS_JPEG},
               {V4L2_PIX_FMT_YUYV, PS_PIXELS_YUYV},
               {V4L2_PIX_FMT_YUV420, PS_PIXELS_I420}};
#define NATIVES (sizeof natives / sizeof natives[0])

static bool has_format(int fd, uint32_t fourcc) {
    struct v4l2_fmtdesc f = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
    for (; f.index < 256 && ps_camera_v4l2_formats_ask(fd, VIDIOC_ENUM_FMT, &f) == 0; f.index++)
        if (f.pixelformat == fourcc)
            return true;
    return false;
}

/* The nearest value in steps, not over the wanted one where that is possible. */
static uint32_t step_down(uint32_t want, uint32_t low, uint32_t high, uint32_t step) {
    if (want <= low)
        return low;
    if (want >= high)
        return high;
    return low + (want - low) / (step ? step : 1) * (step ? step : 1);
}

/* The wanted size, else the largest that fits into it, else the smallest there is. */
static void pick_size(int fd, uint32_t want_w, uint32_t want_h, struct ps_camera_v4l2_choice *c) {
    struct v4l2_frmsizeenum f = {.pixel_format = c->fourcc};
    uint64_t best = 0, least = UINT64_MAX;
    c->width = want_w;
    c->height = want_h;
    for (; f.index < 256 && ps_camera_v4l2_formats_ask(fd, VIDIOC_ENUM_FRAMESIZES, &f) == 0; f.index++) {
        uint32_t w = f.discrete.width, h = f.discrete.height;
        if (f.type != V4L2_FRMSIZE_TYPE_DISCRETE) {
            w = step_down(want_w, f.stepwise.min_width, f.stepwise.max_width, f.stepwise.step_width);
            h = step_down(want_h, f.stepwise.min_height, f.stepwise.max_height, f.stepwise.step_height);
        }
        uint64_t area = (uint64_t)w * h;
        bool fits = w <= want_w && h <= want_h;
        if (area == 0 || (fits ? area <= best : best > 0 || area >= least))
            continue;
        if (fits)
            best = area;
        least = area;
        c->width = w;
        c->height = h;
        if (f.type != V4L2_FRMSIZE_TYPE_DISCRETE)
            break;
    }
}

void ps_camera_v4l2_formats_choose(int fd, uint32_t want_w, uint32_t want_h,
                                   struct ps_camera_v4l2_choice *out) {
    uint64_t best = 0;
    *out = (struct ps_camera_v4l2_choice){.fourcc = V4L2_PIX_FMT_YUV420, .width = want_w, .height = want_h};
    for (size_t i = 0; i < NATIVES; i++) {
        struct ps_camera_v4l2_choice c = {.fourcc = natives[i].fourcc, .native = true};
        if (!has_format(fd, c.fourcc))
            continue;
        pick_size(fd, want_w, want_h, &c);
        bool fits = c.width <= want_w && c.height <= want_h;
        uint64_t score = fits ? (uint64_t)c.width * c.height : 1;
        if (score > best) {
            best = score;
            *out = c;
        }
    }
}

enum ps_pixels ps_camera_v4l2_formats_pixels(uint32_t fourcc) {
    for (size_t i = 0; i < NATIVES; i++)
        if (natives[i].fourcc == fourcc)
            return natives[i].pixels;
    return PS_PIXELS_I420;
}

/* ---- what is offered ------------------------------------------------------------------------------ */

static uint16_t rate_of(const struct v4l2_fract *interval) {
    if (interval->numerator == 0 || interval->denominator / interval->numerator > 1000)
        return 0;
    return (uint16_t)(((uint64_t)interval->denominator + interval->numerator / 2) / interval->numerator);
}

/* Rates of one size, as listed; of a range its fastest and slowest. */
static unsigned rates(int fd, uint32_t fourcc, uint32_t width, uint32_t height, uint16_t *out,
                      unsigned most) {
    struct v4l2_frmivalenum f = {.pixel_format = fourcc, .width = width, .height = height};
    unsigned n = 0;
    for (; f.index < ASKED_MAX && n + 1 < most &&
           ps_camera_v4l2_formats_ask(fd, VIDIOC_ENUM_FRAMEINTERVALS, &f) == 0;
         f.index++) {
        if (f.type != V4L2_FRMIVAL_TYPE_DISCRETE) {
            out[n++] = rate_of(&f.stepwise.min);
            out[n++] = rate_of(&f.stepwise.max);
            return n;
        }
        out[n++] = rate_of(&f.discrete);
    }
    return n;
}

static uint64_t pixel_rate(const struct ps_camera_step *s) {
    return (uint64_t)s->width * s->height * s->fps;
}

static int largest_first(const void *a, const void *b) {
    uint64_t x = pixel_rate(a), y = pixel_rate(b);
    return x < y ? 1 : x > y ? -1 : 0;
}

/* Each size of a format with each of its rates. A size that is a range is offered as its largest. */
static unsigned offers(int fd, uint32_t fourcc, struct ps_camera_step *out) {
    struct v4l2_frmsizeenum f = {.pixel_format = fourcc};
    unsigned n = 0;
    for (; f.index < ASKED_MAX && ps_camera_v4l2_formats_ask(fd, VIDIOC_ENUM_FRAMESIZES, &f) == 0;
         f.index++) {
        bool discrete = f.type == V4L2_FRMSIZE_TYPE_DISCRETE;
        uint32_t w = discrete ? f.discrete.width : f.stepwise.max_width;
        uint32_t h = discrete ? f.discrete.height : f.stepwise.max_height;
        uint16_t fps[16];
        unsigned k = w <= PS_MAX_PICTURE && h <= PS_MAX_PICTURE ? rates(fd, fourcc, w, h, fps, 16) : 0;
        for (unsigned i = 0; i < k && n < OFFERS_MAX; i++)
            if (w > 0 && h > 0 && fps[i] > 0)
                out[n++] =
                    (struct ps_camera_step){.width = (uint16_t)w, .height = (uint16_t)h, .fps = fps[i]};
        if (!discrete)
            break;
    }
    return n;
}

unsigned ps_camera_v4l2_formats_ladder(int fd, uint32_t fourcc, const struct ps_camera_step *from,
                                       struct ps_camera_step out[PS_CAMERA_STEPS]) {
    struct ps_camera_step all[OFFERS_MAX];
    unsigned n = offers(fd, fourcc, all), taken = 0;
    uint64_t above = pixel_rate(from);
    qsort(all, n, sizeof all[0], largest_first);
    for (unsigned i = 0; i < n && taken < PS_CAMERA_STEPS; i++) {
        if (all[i].width > from->width || all[i].height > from->height || pixel_rate(&all[i]) > above / 4 * 3)
            continue;
        out[taken++] = all[i];
        above = pixel_rate(&all[i]);
    }
    return taken;
}

/* Bits of a pixel as it travels; 0: compressed, the picture decides. */
static uint32_t bits_of(uint32_t fourcc) {
    switch (fourcc) {
    case V4L2_PIX_FMT_YUYV:
    case V4L2_PIX_FMT_UYVY:
    case V4L2_PIX_FMT_YVYU:
    case V4L2_PIX_FMT_VYUY:
    case V4L2_PIX_FMT_RGB565: return 16;
    case V4L2_PIX_FMT_NV12:
    case V4L2_PIX_FMT_NV21:
    case V4L2_PIX_FMT_YUV420:
    case V4L2_PIX_FMT_YVU420: return 12;
    case V4L2_PIX_FMT_RGB24:
    case V4L2_PIX_FMT_BGR24: return 24;
    case V4L2_PIX_FMT_GREY:
    case V4L2_PIX_FMT_SBGGR8:
    case V4L2_PIX_FMT_SGBRG8:
    case V4L2_PIX_FMT_SGRBG8:
    case V4L2_PIX_FMT_SRGGB8: return 8;
    default: return 0;
    }
}

/* ---- for people ----------------------------------------------------------------------------------- */

int ps_camera_v4l2_formats_list(const char *node, struct ps_camera_info *info, struct ps_camera_offer *out,
                                unsigned most, unsigned *n) {
    struct ps_camera_step steps[OFFERS_MAX];
    struct v4l2_capability cap = {0};
    struct v4l2_fmtdesc f = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
    *n = 0;
    int fd = open(node, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == EACCES || errno == EPERM ? PS_EPERM : errno == EBUSY ? PS_EBUSY : PS_ENOENT;
    int err = ps_camera_v4l2_formats_ask(fd, VIDIOC_QUERYCAP, &cap) == 0 ? 0 : PS_EFORMAT;
    if (err == 0) {
        ps_camera_name(info->driver, (const char *)cap.driver, sizeof cap.driver);
        ps_camera_name(info->model, (const char *)cap.card, sizeof cap.card);
        ps_camera_name(info->path, (const char *)cap.bus_info, sizeof cap.bus_info);
    }
    for (; err == 0 && f.index < 64 && ps_camera_v4l2_formats_ask(fd, VIDIOC_ENUM_FMT, &f) == 0; f.index++) {
        unsigned k = offers(fd, f.pixelformat, steps);
        for (unsigned i = 0; i < k && *n < most; i++) {
            struct ps_camera_offer *o = &out[(*n)++];
            ps_camera_name(o->format, (const char *)&f.pixelformat, 4);
            o->step = steps[i];
            o->bits = bits_of(f.pixelformat);
        }
    }
    close(fd);
    return err;
}
