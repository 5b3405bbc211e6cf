/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Cameras of the kernel, through libv4l2: the only place that speaks V4L2.
 *
 * The file is opened by ourselves, looked at raw, and then handed to libv4l2: with its conversion switched off
 * for a camera that has MJPEG, YUYV or YUV420 of its own, else with conversion to YUV420. Nothing here waits
 * but poll(2): a camera that is pulled out must never leave us in an ioctl.
 */
#include "recorder/camera_device.h"
#include "recorder/camera_v4l2_formats.h"
#include "recorder/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <libv4l2.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define BUFFERS 8
#define FAILURES_MAX 8 /* DQBUF with EIO in a row: a bad cable gives single ones */
#define OLD_NS INT64_C(10000000000)
#define GAP_MAX 1000000 /* a larger step is a counter that began anew */

struct v4l2 {
    int fd;
    bool handed_over; /* the descriptor is libv4l2's */
    bool streaming, gone, started;
    bool full_range;
    enum ps_pixels pixels;
    uint16_t width, height;
    uint32_t stride;
    unsigned failures, n_buffers;
    uint32_t sequence; /* of the newest frame, once started */
    struct {
        void *p;
        size_t n;
    } buffers[BUFFERS];
};

static int retry_v4l2(int fd, unsigned long request, void *arg) {
    int result;
    do
        result = v4l2_ioctl(fd, request, arg);
    while (result < 0 && errno == EINTR);
    return result;
}

/* libv4l2 would print to stderr; what went wrong is told by our return values. */
static void silence_libv4l2(void) {
    v4l2_log_file = fopen("/dev/null", "we");
}

/* errno of a failed step in words for an operator. */
static int failed(struct ps_why *why, const char *path, const char *step, int errnum) {
    char holder[96];
    switch (errnum) {
    case EBUSY:
        ps_camera_device_holder(path, holder, sizeof holder);
        return holder[0] != '\0'
                   ? ps_error_why(why, PS_EBUSY, path, "the camera is in use by %s: close it there", holder)
                   : ps_error_why(why, PS_EBUSY, path, "the camera is in use by another program");
    case ENOSPC:
        return ps_error_why(
            why, PS_EFULL, path,
            "not enough USB bandwidth: move a camera to another USB controller, or take a smaller "
            "picture, a lower rate or MJPG");
    case ENODEV:
    case ENXIO:
    case ENOENT: return ps_error_why(why, PS_ENOENT, path, "no such device: is the camera plugged in");
    case EACCES:
    case EPERM:
        return ps_error_why(why, PS_EPERM, path, "this user may not open the camera: join the group video");
    case ENOMEM: return ps_error_why(why, PS_ENOMEM, path, "%s: out of memory", step);
    default: return ps_error_why(why, PS_EIO, path, "%s: %s", step, strerror(errnum));
    }
}

/* ---- opening -------------------------------------------------------------------------------------- */

static int check_capture(int fd, const char *path, struct ps_camera_info *info, struct ps_why *why) {
    struct v4l2_capability cap = {0};
    if (ps_camera_v4l2_formats_ask(fd, VIDIOC_QUERYCAP, &cap) != 0)
        return errno == ENOTTY || errno == EINVAL
                   ? ps_error_why(why, PS_EFORMAT, path, "this is no camera (not a V4L2 device)")
                   : failed(why, path, "asking for its capabilities", errno);
    uint32_t caps = cap.capabilities & V4L2_CAP_DEVICE_CAPS ? cap.device_caps : cap.capabilities;
    if (!(caps & V4L2_CAP_VIDEO_CAPTURE) || !(caps & V4L2_CAP_STREAMING))
        return ps_error_why(why, PS_EFORMAT, path,
                            "this device gives no pictures: it may be the camera's second node");
    ps_camera_name(info->driver, (const char *)cap.driver, sizeof cap.driver);
    ps_camera_name(info->model, (const char *)cap.card, sizeof cap.card);
    ps_camera_name(info->path, (const char *)cap.bus_info, sizeof cap.bus_info);
    return 0;
}

static int set_format(struct v4l2 *v, const struct ps_camera_v4l2_choice *c, const char *path,
                      struct ps_why *why) {
    struct v4l2_format set = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE}, got = set;
    set.fmt.pix.width = c->width;
    set.fmt.pix.height = c->height;
    set.fmt.pix.pixelformat = c->fourcc;
    set.fmt.pix.field = V4L2_FIELD_ANY;
    if (retry_v4l2(v->fd, VIDIOC_S_FMT, &set) != 0)
        return failed(why, path, "setting the format", errno);
    /* After a replug some cameras answer with what was wished and deliver something else: ask again. */
    if (retry_v4l2(v->fd, VIDIOC_G_FMT, &got) != 0)
        return failed(why, path, "reading the format back", errno);
    const struct v4l2_pix_format *p = &got.fmt.pix;
    if (p->pixelformat != c->fourcc)
        return ps_error_why(why, PS_EFORMAT, path, "the camera refuses the format %.4s",
                            (const char *)&c->fourcc);
    if (p->width < 16 || p->height < 16 || p->width > PS_MAX_PICTURE || p->height > PS_MAX_PICTURE)
        return ps_error_why(why, PS_EFORMAT, path, "the camera gives %ux%u, which cannot be recorded",
                            p->width, p->height);
    v->pixels = ps_camera_v4l2_formats_pixels(c->fourcc);
    v->width = (uint16_t)p->width;
    v->height = (uint16_t)p->height;
    uint32_t least = v->pixels == PS_PIXELS_YUYV ? p->width * 2 : p->width;
    v->stride = p->bytesperline > least && p->bytesperline <= 4 * least ? p->bytesperline : least;
    uint32_t range = p->quantization != V4L2_QUANTIZATION_DEFAULT
                         ? p->quantization
                         : V4L2_MAP_QUANTIZATION_DEFAULT(false, p->colorspace, p->ycbcr_enc);
    v->full_range = v->pixels == PS_PIXELS_JPEG || range == V4L2_QUANTIZATION_FULL_RANGE;
    return 0;
}

/* The rate that the device says it runs at, or the wanted one when it says nothing. */
static uint16_t set_rate(int fd, uint16_t fps) {
    struct v4l2_streamparm p = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
    const struct v4l2_fract *t = &p.parm.capture.timeperframe;
    p.parm.capture.timeperframe = (struct v4l2_fract){.numerator = 1, .denominator = fps};
    retry_v4l2(fd, VIDIOC_S_PARM, &p);
    p = (struct v4l2_streamparm){.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
    if (retry_v4l2(fd, VIDIOC_G_PARM, &p) != 0 || t->numerator == 0 || t->denominator == 0)
        return fps;
    uint64_t rate = ((uint64_t)t->denominator + t->numerator / 2) / t->numerator;
    return rate == 0 ? 1 : rate > 1000 ? 1000 : (uint16_t)rate;
}

static int map_buffers(struct v4l2 *v, const char *path, struct ps_why *why) {
    struct v4l2_requestbuffers r = {
        .count = BUFFERS, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
    if (retry_v4l2(v->fd, VIDIOC_REQBUFS, &r) != 0)
        return failed(why, path, "asking for buffers", errno);
    if (r.count < 2)
        return ps_error_why(why, PS_EIO, path, "the driver gives only %u buffers", r.count);
    for (unsigned i = 0; i < r.count && i < BUFFERS; i++) {
        struct v4l2_buffer b = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP, .index = i};
        if (retry_v4l2(v->fd, VIDIOC_QUERYBUF, &b) != 0)
            return failed(why, path, "asking for a buffer", errno);
        void *p = v4l2_mmap(NULL, b.length, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, b.m.offset);
        if (p == MAP_FAILED)
            return failed(why, path, "mapping a buffer", errno);
        v->buffers[i].p = p;
        v->buffers[i].n = b.length;
        v->n_buffers++;
        if (retry_v4l2(v->fd, VIDIOC_QBUF, &b) != 0)
            return failed(why, path, "queueing a buffer", errno);
    }
    return 0;
}

static void close_v4l2(void *state) {
    struct v4l2 *v = state;
    int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    /* Of a camera that is gone nothing more is asked: drivers have hung in STREAMOFF. */
    if (v->streaming && !v->gone)
        retry_v4l2(v->fd, VIDIOC_STREAMOFF, &type);
    for (unsigned i = 0; i < v->n_buffers; i++)
        v4l2_munmap(v->buffers[i].p, v->buffers[i].n);
    if (v->handed_over)
        v4l2_close(v->fd);
    else if (v->fd >= 0)
        close(v->fd);
    free(v);
}

static void describe(const struct v4l2 *v, const struct ps_camera_step *wanted, bool asked, bool reduced,
                     const struct ps_camera_v4l2_choice *c, uint16_t fps, struct ps_camera_info *info) {
    bool other = asked && (v->width != wanted->width || v->height != wanted->height);
    char rate[16] = "";
    if (reduced)
        snprintf(rate, sizeof rate, "@%u", fps);
    int n = snprintf(info->format, sizeof info->format, "%.4s %ux%u%s%s", (const char *)&c->fourcc, v->width,
                     v->height, rate, c->native ? "" : " converted");
    size_t used = n > 0 && (size_t)n < sizeof info->format ? (size_t)n : sizeof info->format;
    if (reduced)
        snprintf(info->format + used, sizeof info->format - used, " (wanted %ux%u@%u: USB bandwidth)",
                 wanted->width, wanted->height, wanted->fps);
    else if (other)
        snprintf(info->format + used, sizeof info->format - used, " (wanted %ux%u)", wanted->width,
                 wanted->height);
    info->width = v->width;
    info->height = v->height;
    info->fps = fps;
    info->reduced = reduced;
    info->pixels = v->pixels;
}

/* What udev knows of the open device; of a plain file, what it knew when it was looked for. */
static void identify(int fd, const struct ps_device *found, struct ps_camera_info *info,
                     struct ps_devices_seen *seen) {
    struct ps_device d = *found;
    ps_devices_of(PS_DEVICES_CAMERA, fd, &d);
    if (d.model[0] != '\0')
        ps_camera_name(info->model, d.model, strlen(d.model));
    if (d.serial[0] != '\0')
        ps_camera_name(info->serial, d.serial, strlen(d.serial));
    if (d.port[0] != '\0')
        ps_camera_name(info->path, d.port, strlen(d.port));
    ps_devices_remember(seen, &d);
}

/* One opening, from the wish for a picture to the running stream. */
struct attempt {
    const struct ps_camera_spec *spec;
    struct ps_device found;
    struct ps_camera_step wanted, step; /* step: what is asked for this time */
    bool reduced;
    struct ps_camera_step ladder[PS_CAMERA_STEPS];
    unsigned n_ladder;
};

static int start(struct v4l2 *v, struct attempt *a, struct ps_camera_info *info, struct ps_why *why) {
    int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    const char *path = a->found.node;
    struct ps_camera_v4l2_choice c;
    int err = check_capture(v->fd, path, info, why);
    if (err != 0)
        return err;
    ps_camera_v4l2_formats_choose(v->fd, a->step.width, a->step.height, &c);
    if (v4l2_fd_open(v->fd, c.native ? V4L2_DISABLE_CONVERSION : 0) != v->fd)
        return failed(why, path, "opening by libv4l2", errno);
    v->handed_over = true;
    err = set_format(v, &c, path, why);
    if (err != 0)
        return err;
    uint16_t fps = set_rate(v->fd, a->step.fps);
    err = map_buffers(v, path, why);
    if (err != 0)
        return err;
    if (retry_v4l2(v->fd, VIDIOC_STREAMON, &type) != 0) {
        int errnum = errno;
        if (errnum == ENOSPC && !a->reduced && a->n_ladder == 0) {
            const struct ps_camera_step got = {.width = v->width, .height = v->height, .fps = fps};
            a->n_ladder = ps_camera_v4l2_formats_ladder(v->fd, c.fourcc, &got, a->ladder);
        }
        return failed(why, path, "starting the stream", errnum);
    }
    v->streaming = true;
    identify(v->fd, &a->found, info, a->spec->seen);
    describe(v, &a->wanted, a->spec->width > 0, a->reduced, &c, fps, info);
    return 0;
}

static int try_once(struct v4l2 **out, struct attempt *a, struct ps_camera_info *info, struct ps_why *why) {
    const char *path = a->found.node;
    struct v4l2 *v = calloc(1, sizeof *v);
    if (!v)
        return ps_error_why(why, PS_ENOMEM, path, "out of memory");
    v->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    int err = v->fd < 0 ? failed(why, path, "opening", errno) : start(v, a, info, why);
    if (err != 0) {
        close_v4l2(v);
        return err;
    }
    *out = v; /* transferred */
    return 0;
}

/* The wanted picture; while the USB line has no room for it, one step down the ladder after the other. Each is a new
 * opening: drivers keep what they reserved until the file is closed. */
static int open_v4l2(void **state, const struct ps_camera_spec *spec, struct ps_camera_info *info,
                     struct ps_why *why) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct attempt a = {.spec = spec, .n_ladder = spec->n_fallback};
    struct v4l2 *v = NULL;
    pthread_once(&once, silence_libv4l2);
    int err = ps_devices_find(PS_DEVICES_CAMERA, spec->source + strlen("v4l2:"), spec->seen, &a.found, why);
    if (err != 0)
        return err;
    memcpy(a.ladder, spec->fallback, sizeof a.ladder);
    a.wanted.width = spec->width ? spec->width : 1280;
    a.wanted.height = spec->height ? spec->height : 720;
    a.wanted.fps = spec->fps ? spec->fps : 30;
    a.step = a.wanted;
    err = try_once(&v, &a, info, why);
    for (unsigned i = 0; err == PS_EFULL && i < a.n_ladder; i++) {
        if (spec->stop && atomic_load(spec->stop))
            break;
        a.step = a.ladder[i];
        a.reduced = true;
        err = try_once(&v, &a, info, why);
    }
    *state = v; /* transferred */
    return err;
}

/* ---- reading -------------------------------------------------------------------------------------- */

static int64_t stamp_of(const struct v4l2_buffer *b) {
    int64_t now = ps_clock_mono_ns();
    if ((b->flags & V4L2_BUF_FLAG_TIMESTAMP_MASK) != V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC)
        return now;
    int64_t stamp = b->timestamp.tv_sec * INT64_C(1000000000) + b->timestamp.tv_usec * INT64_C(1000);
    /* uvcvideo computes stamps from the camera's own clock, and some of those are far off. */
    return stamp > now || stamp < now - OLD_NS ? now : stamp;
}

static uint32_t lost_before(struct v4l2 *v, uint32_t sequence) {
    uint32_t lost = v->started ? sequence - v->sequence - 1 : 0;
    v->sequence = sequence;
    v->started = true;
    return lost < GAP_MAX ? lost : 0;
}

/* Rows without the padding that the driver put behind them. False: the buffer does not hold the picture. */
static bool copy_rows(const struct v4l2 *v, struct ps_frame *f, const uint8_t *from, size_t n) {
    uint8_t *to = f->data;
    const bool planar = v->pixels == PS_PIXELS_I420;
    for (int plane = 0; plane < (planar ? 3 : 1); plane++) {
        const bool chroma = plane > 0;
        size_t row = chroma ? (v->width + 1u) / 2 : v->width * (planar ? 1u : 2u);
        size_t stride = chroma ? (v->stride + 1) / 2 : v->stride;
        size_t rows = chroma ? (v->height + 1u) / 2 : v->height;
        if (n < stride * (rows - 1) + row)
            return false;
        for (size_t y = 0; y < rows; y++, to += row)
            memcpy(to, from + y * stride, row);
        size_t used = stride * rows < n ? stride * rows : n;
        from += used;
        n -= used;
    }
    f->size = (size_t)(to - f->data);
    return true;
}

static size_t raw_size(const struct v4l2 *v) {
    size_t luma = (size_t)v->width * v->height;
    if (v->pixels == PS_PIXELS_YUYV)
        return 2 * luma;
    return luma + 2 * ((v->width + 1u) / 2 * (size_t)((v->height + 1u) / 2));
}

static int fill(struct v4l2 *v, struct ps_frame *f, const struct v4l2_buffer *b) {
    size_t n = b->bytesused <= v->buffers[b->index].n ? b->bytesused : 0;
    const uint8_t *from = v->buffers[b->index].p;
    const bool jpeg = v->pixels == PS_PIXELS_JPEG;
    int err = ps_frame_reserve(f, jpeg ? n : raw_size(v));
    if (err != 0)
        return err;
    f->mono_ns = stamp_of(b);
    f->full_range = v->full_range;
    f->pixels = v->pixels;
    f->width = v->width;
    f->height = v->height;
    f->size = 0;
    if (jpeg && n > 0) {
        memcpy(f->data, from, n);
        f->size = n;
    }
    bool whole = jpeg ? ps_camera_jpeg_whole(f->data, f->size) : copy_rows(v, f, from, n);
    f->damaged = !whole || (b->flags & V4L2_BUF_FLAG_ERROR) != 0;
    return 0;
}

static int dequeue_failed(struct v4l2 *v, int errnum) {
    if (errnum == EAGAIN || errnum == EINTR)
        return 0;
    if (errnum == EIO && ++v->failures < FAILURES_MAX)
        return 0; /* a frame lost on the wire: the sequence numbers will tell */
    if (errnum == EIO || errnum == EINVAL)
        return PS_EIO;
    v->gone = true;
    return errnum == ENODEV || errnum == ENXIO || errnum == ENOENT || errnum == EBADF ? PS_EGONE : PS_EIO;
}

static int read_v4l2(void *state, struct ps_frame *f, int timeout_ms) {
    struct v4l2 *v = state;
    struct pollfd p = {.fd = v->fd, .events = POLLIN};
    int ready = poll(&p, 1, timeout_ms);
    if (ready <= 0)
        return ready == 0 || errno == EINTR ? 0 : PS_EIO;
    struct v4l2_buffer b = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
    if (retry_v4l2(v->fd, VIDIOC_DQBUF, &b) != 0) {
        /* An error that poll tells and DQBUF does not would make us run in circles. */
        bool trouble = errno == EAGAIN && (p.revents & (POLLERR | POLLHUP | POLLNVAL));
        return trouble ? PS_EIO : dequeue_failed(v, errno);
    }
    v->failures = 0;
    if (b.index >= v->n_buffers)
        return PS_EIO;
    const bool first = !v->started;
    f->lost_before = lost_before(v, b.sequence);
    int err = fill(v, f, &b);
    /* When this fails the camera is gone, or will run dry: the next call tells. The frame is good. */
    retry_v4l2(v->fd, VIDIOC_QBUF, &b);
    if (err != 0)
        return err;
    /* The first frame after a start is often half of one (Logitech C920). */
    return first && f->damaged ? 0 : 1;
}

const struct ps_camera_ops ps_camera_v4l2 = {
    .scheme = "v4l2:", .open = open_v4l2, .read = read_v4l2, .close = close_v4l2};
