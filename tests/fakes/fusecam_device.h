/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_TESTS_FUSECAM_DEVICE_H
#define PS_TESTS_FUSECAM_DEVICE_H
/*
 * The capture device of fusecam: its state and its answers to V4L2's requests, as uvcvideo would give them.
 * A header-only part of that one program. Everything in `cam` is under cam.lock.
 */
#include <errno.h>
#include <fuse_lowlevel.h>
#include <linux/videodev2.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define UNUSED __attribute__((unused))
#define NS_PER_S INT64_C(1000000000)

enum {
    BUFFERS_MAX = 8,
    LIST_MAX = 8,
    PAGE = 4096,
    STRIDE = 32 << 20, /* from buffer to buffer in the file, which is sparse: room for 3840x2160 YUYV */
    STORE_MAX = 1 << 20,
    ROOT = FUSE_ROOT_ID,
    CONTROL,
    FIRST_VIDEO = 16 /* each plug-in is a new inode: old descriptors stay dead */
};

struct size {
    uint32_t width, height;
};

/* What the device offers; the first of each is the default. */
struct offer {
    uint32_t formats[LIST_MAX], rates[LIST_MAX];
    struct size sizes[LIST_MAX];
    uint32_t format_count, rate_count, size_count;
};

enum buffer_state { BUFFER_IDLE, BUFFER_QUEUED, BUFFER_FILLING, BUFFER_DONE };

struct buffer {
    enum buffer_state state;
    uint32_t order, bytesused, sequence, flags;
    int64_t mono_ns;
};

struct handle {
    struct handle *next;
    fuse_ino_t ino;
    bool nonblock;
    struct fuse_pollhandle *poll;
    char *text; /* of the control file, as it was when read from its beginning */
};

struct faults {
    uint32_t gap, error, truncate, corrupt, empty;
    bool busy, nospace;
    uint32_t budget; /* pixels a second that the bus has room for; 0: any number */
    int64_t stall_until_ns;
};

struct counts {
    uint64_t frames, filled, delivered, skipped_no_buffer, skipped_gap;
    uint64_t errors, truncated, corrupted, empty, late;
};

static struct {
    pthread_mutex_t lock;
    struct fuse_session *session;
    const char *mount_point, *serial, *card;
    struct offer offer, next_offer; /* now; after the next plug */
    bool fixed_size;                /* that of the files */
    fuse_ino_t ino;
    bool plugged, streaming, stop;
    uint32_t fourcc, rate;
    struct size size;
    struct buffer buffers[BUFFERS_MAX];
    uint32_t buffer_count, order, epoch; /* epoch: a frame begun before a change is not delivered after it */
    int64_t sequence;
    struct handle *handles, *owner; /* owner: has the buffers */
    fuse_req_t waiting;             /* the one blocked DQBUF */
    struct faults faults;
    struct counts counts;
} cam = {.lock = PTHREAD_MUTEX_INITIALIZER,
         .serial = "FC0001",
         .card = "Fuse Camera",
         .ino = FIRST_VIDEO,
         .plugged = true,
         .sequence = -1};

static int64_t mono_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

union argument {
    struct v4l2_capability capability;
    struct v4l2_fmtdesc fmtdesc;
    struct v4l2_frmsizeenum frmsize;
    struct v4l2_frmivalenum frmival;
    struct v4l2_format format;
    struct v4l2_streamparm parm;
    struct v4l2_input input;
    struct v4l2_requestbuffers request;
    struct v4l2_buffer buffer;
    int number;
};

static bool is_dead(const struct handle *h) {
    return !cam.plugged || h->ino != cam.ino;
}

static bool is_others(const struct handle *h) {
    return cam.owner && cam.owner != h;
}

static bool offers_format(uint32_t fourcc) {
    for (uint32_t i = 0; i < cam.offer.format_count; i++)
        if (cam.offer.formats[i] == fourcc)
            return true;
    return false;
}

static bool offers_size(uint32_t width, uint32_t height) {
    for (uint32_t i = 0; i < cam.offer.size_count; i++)
        if (cam.offer.sizes[i].width == width && cam.offer.sizes[i].height == height)
            return true;
    return false;
}

static int answer_querycap(UNUSED struct handle *h, union argument *a) {
    struct v4l2_capability *c = &a->capability;
    memset(c, 0, sizeof *c);
    snprintf((char *)c->driver, sizeof c->driver, "uvcvideo");
    snprintf((char *)c->card, sizeof c->card, "%s", cam.card);
    snprintf((char *)c->bus_info, sizeof c->bus_info, "usb-fake-%s", cam.serial);
    c->version = 6 << 16 | 1 << 8;
    c->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING | V4L2_CAP_EXT_PIX_FORMAT;
    c->capabilities = c->device_caps | V4L2_CAP_DEVICE_CAPS;
    return 0;
}

static int answer_enum_fmt(UNUSED struct handle *h, union argument *a) {
    struct v4l2_fmtdesc *f = &a->fmtdesc;
    uint32_t index = f->index;
    if (f->type != V4L2_BUF_TYPE_VIDEO_CAPTURE || index >= cam.offer.format_count)
        return -EINVAL;
    memset(f, 0, sizeof *f);
    f->index = index;
    f->type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    f->pixelformat = cam.offer.formats[index];
    if (f->pixelformat == V4L2_PIX_FMT_MJPEG) {
        f->flags = V4L2_FMT_FLAG_COMPRESSED;
        snprintf((char *)f->description, sizeof f->description, "Motion-JPEG");
    } else {
        snprintf((char *)f->description, sizeof f->description, "%.4s 4:2:2", (char *)&f->pixelformat);
    }
    return 0;
}

static int answer_enum_framesizes(UNUSED struct handle *h, union argument *a) {
    struct v4l2_frmsizeenum *f = &a->frmsize;
    if (!offers_format(f->pixel_format) || f->index >= cam.offer.size_count)
        return -EINVAL;
    f->type = V4L2_FRMSIZE_TYPE_DISCRETE;
    f->discrete.width = cam.offer.sizes[f->index].width;
    f->discrete.height = cam.offer.sizes[f->index].height;
    return 0;
}

static int answer_enum_frameintervals(UNUSED struct handle *h, union argument *a) {
    struct v4l2_frmivalenum *f = &a->frmival;
    if (!offers_format(f->pixel_format) || !offers_size(f->width, f->height) ||
        f->index >= cam.offer.rate_count)
        return -EINVAL;
    f->type = V4L2_FRMIVAL_TYPE_DISCRETE;
    f->discrete = (struct v4l2_fract){.numerator = 1, .denominator = cam.offer.rates[f->index]};
    return 0;
}

static uint32_t image_size(void) {
    return (cam.size.width * cam.size.height * 2 + PAGE - 1) / PAGE * PAGE;
}

/* The nearest that is offered. Like uvcvideo it leaves the quantization at "default", also for MJPEG. */
static void fit_format(struct v4l2_pix_format *pix) {
    const struct size *best = NULL;
    int64_t best_distance = INT64_MAX;
    for (uint32_t i = 0; i < cam.offer.size_count; i++) {
        const struct size *s = &cam.offer.sizes[i];
        int64_t distance = llabs((int64_t)s->width - pix->width) + llabs((int64_t)s->height - pix->height);
        if (distance < best_distance) {
            best = s;
            best_distance = distance;
        }
    }
    uint32_t fourcc = offers_format(pix->pixelformat) ? pix->pixelformat : cam.offer.formats[0];
    *pix = (struct v4l2_pix_format){
        .width = best->width,
        .height = best->height,
        .pixelformat = fourcc,
        .field = V4L2_FIELD_NONE,
        .bytesperline = fourcc == V4L2_PIX_FMT_MJPEG ? 0 : best->width * 2,
        .sizeimage = best->width * best->height * 2,
        .colorspace = V4L2_COLORSPACE_SRGB,
        .ycbcr_enc = V4L2_YCBCR_ENC_601,
        .xfer_func = V4L2_XFER_FUNC_SRGB,
        .priv = V4L2_PIX_FMT_PRIV_MAGIC,
    };
}

static int answer_g_fmt(UNUSED struct handle *h, union argument *a) {
    if (a->format.type != V4L2_BUF_TYPE_VIDEO_CAPTURE)
        return -EINVAL;
    memset(&a->format.fmt, 0, sizeof a->format.fmt);
    a->format.fmt.pix.width = cam.size.width;
    a->format.fmt.pix.height = cam.size.height;
    a->format.fmt.pix.pixelformat = cam.fourcc;
    fit_format(&a->format.fmt.pix);
    return 0;
}

static int answer_try_fmt(UNUSED struct handle *h, union argument *a) {
    if (a->format.type != V4L2_BUF_TYPE_VIDEO_CAPTURE)
        return -EINVAL;
    fit_format(&a->format.fmt.pix);
    return 0;
}

static int answer_s_fmt(struct handle *h, union argument *a) {
    if (a->format.type != V4L2_BUF_TYPE_VIDEO_CAPTURE)
        return -EINVAL;
    if (cam.faults.busy || is_others(h) || cam.buffer_count > 0)
        return -EBUSY;
    fit_format(&a->format.fmt.pix);
    cam.size = (struct size){a->format.fmt.pix.width, a->format.fmt.pix.height};
    cam.fourcc = a->format.fmt.pix.pixelformat;
    return 0;
}

static int answer_g_parm(UNUSED struct handle *h, union argument *a) {
    if (a->parm.type != V4L2_BUF_TYPE_VIDEO_CAPTURE)
        return -EINVAL;
    memset(&a->parm.parm, 0, sizeof a->parm.parm);
    a->parm.parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
    a->parm.parm.capture.timeperframe = (struct v4l2_fract){.numerator = 1, .denominator = cam.rate};
    return 0;
}

static int answer_s_parm(struct handle *h, union argument *a) {
    const struct v4l2_fract wanted = a->parm.parm.capture.timeperframe;
    if (a->parm.type != V4L2_BUF_TYPE_VIDEO_CAPTURE)
        return -EINVAL;
    if (is_others(h) || cam.streaming)
        return -EBUSY;
    uint32_t best = 0;
    double best_distance = 1e9, rate = wanted.numerator ? (double)wanted.denominator / wanted.numerator : 0;
    for (uint32_t i = 0; rate > 0 && i < cam.offer.rate_count; i++) {
        double distance = rate > cam.offer.rates[i] ? rate - cam.offer.rates[i] : cam.offer.rates[i] - rate;
        if (distance < best_distance) {
            best = i;
            best_distance = distance;
        }
    }
    cam.rate = cam.offer.rates[best];
    return answer_g_parm(h, a);
}

static int answer_enuminput(UNUSED struct handle *h, union argument *a) {
    if (a->input.index > 0)
        return -EINVAL;
    a->input = (struct v4l2_input){.type = V4L2_INPUT_TYPE_CAMERA};
    snprintf((char *)a->input.name, sizeof a->input.name, "Camera 1");
    return 0;
}

static int answer_g_input(UNUSED struct handle *h, union argument *a) {
    a->number = 0;
    return 0;
}

static int answer_s_input(UNUSED struct handle *h, union argument *a) {
    return a->number == 0 ? 0 : -EINVAL;
}

static void stop_streaming(void) {
    cam.streaming = false;
    cam.epoch++;
    for (uint32_t i = 0; i < BUFFERS_MAX; i++)
        cam.buffers[i] = (struct buffer){0};
}

static void free_buffers(void) {
    stop_streaming();
    cam.buffer_count = 0;
    cam.owner = NULL;
}

static int answer_reqbufs(struct handle *h, union argument *a) {
    struct v4l2_requestbuffers *r = &a->request;
    if (r->type != V4L2_BUF_TYPE_VIDEO_CAPTURE || r->memory != V4L2_MEMORY_MMAP)
        return -EINVAL;
    if (is_others(h) || cam.streaming || (cam.faults.busy && r->count > 0))
        return -EBUSY;
    free_buffers();
    if (r->count > 0) {
        if (r->count > BUFFERS_MAX)
            r->count = BUFFERS_MAX;
        cam.buffer_count = r->count;
        cam.owner = h;
    }
    r->capabilities = V4L2_BUF_CAP_SUPPORTS_MMAP;
    return 0;
}

static void describe_buffer(struct v4l2_buffer *out, uint32_t index) {
    const struct buffer *b = &cam.buffers[index];
    *out = (struct v4l2_buffer){
        .index = index,
        .type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
        .memory = V4L2_MEMORY_MMAP,
        .field = V4L2_FIELD_NONE,
        .length = image_size(),
        .m.offset = index * (uint32_t)STRIDE,
        .bytesused = b->bytesused,
        .sequence = b->sequence,
        .flags = V4L2_BUF_FLAG_MAPPED | V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC | V4L2_BUF_FLAG_TSTAMP_SRC_SOE |
                 b->flags,
        .timestamp = {.tv_sec = b->mono_ns / NS_PER_S, .tv_usec = b->mono_ns % NS_PER_S / 1000},
    };
    if (b->state == BUFFER_QUEUED || b->state == BUFFER_FILLING)
        out->flags |= V4L2_BUF_FLAG_QUEUED;
    if (b->state == BUFFER_DONE)
        out->flags |= V4L2_BUF_FLAG_DONE;
}

static int answer_querybuf(UNUSED struct handle *h, union argument *a) {
    if (a->buffer.type != V4L2_BUF_TYPE_VIDEO_CAPTURE || a->buffer.index >= cam.buffer_count)
        return -EINVAL;
    describe_buffer(&a->buffer, a->buffer.index);
    return 0;
}

static int answer_qbuf(struct handle *h, union argument *a) {
    uint32_t i = a->buffer.index;
    if (is_others(h))
        return -EBUSY;
    if (a->buffer.type != V4L2_BUF_TYPE_VIDEO_CAPTURE || a->buffer.memory != V4L2_MEMORY_MMAP ||
        i >= cam.buffer_count || cam.buffers[i].state != BUFFER_IDLE)
        return -EINVAL;
    cam.buffers[i] = (struct buffer){.state = BUFFER_QUEUED, .order = cam.order++};
    describe_buffer(&a->buffer, i);
    return 0;
}

/* The buffer of that state that was queued first, or -1. */
static int oldest_buffer(enum buffer_state state) {
    int best = -1;
    for (uint32_t i = 0; i < cam.buffer_count; i++) {
        const struct buffer *b = &cam.buffers[i];
        if (b->state == state && (best < 0 || (int32_t)(b->order - cam.buffers[best].order) < 0))
            best = (int)i;
    }
    return best;
}

static int answer_dqbuf(struct handle *h, union argument *a) {
    if (is_others(h))
        return -EBUSY;
    if (a->buffer.type != V4L2_BUF_TYPE_VIDEO_CAPTURE || !cam.streaming)
        return -EINVAL;
    int i = oldest_buffer(BUFFER_DONE);
    if (i < 0)
        return -EAGAIN;
    cam.buffers[i].state = BUFFER_IDLE;
    describe_buffer(&a->buffer, (uint32_t)i);
    cam.counts.delivered++;
    return 0;
}

static int answer_streamon(struct handle *h, union argument *a) {
    if (a->number != V4L2_BUF_TYPE_VIDEO_CAPTURE || cam.buffer_count == 0)
        return -EINVAL;
    if (is_others(h))
        return -EBUSY;
    const uint64_t pixels = (uint64_t)cam.size.width * cam.size.height * cam.rate;
    if (cam.faults.nospace || (cam.faults.budget && pixels > cam.faults.budget))
        return -ENOSPC;
    if (!cam.streaming) {
        cam.streaming = true;
        cam.sequence = -1;
        cam.epoch++;
    }
    return 0;
}

static int answer_streamoff(struct handle *h, union argument *a) {
    if (a->number != V4L2_BUF_TYPE_VIDEO_CAPTURE)
        return -EINVAL;
    if (is_others(h))
        return -EBUSY;
    stop_streaming();
    return 0;
}

static const struct {
    unsigned int request;
    int (*answer)(struct handle *h, union argument *a); /* 0 or -errno; lock held, device there */
} requests[] = {
    {VIDIOC_QUERYCAP, answer_querycap},
    {VIDIOC_ENUM_FMT, answer_enum_fmt},
    {VIDIOC_ENUM_FRAMESIZES, answer_enum_framesizes},
    {VIDIOC_ENUM_FRAMEINTERVALS, answer_enum_frameintervals},
    {VIDIOC_G_FMT, answer_g_fmt},
    {VIDIOC_S_FMT, answer_s_fmt},
    {VIDIOC_TRY_FMT, answer_try_fmt},
    {VIDIOC_G_PARM, answer_g_parm},
    {VIDIOC_S_PARM, answer_s_parm},
    {VIDIOC_ENUMINPUT, answer_enuminput},
    {VIDIOC_G_INPUT, answer_g_input},
    {VIDIOC_S_INPUT, answer_s_input},
    {VIDIOC_REQBUFS, answer_reqbufs},
    {VIDIOC_QUERYBUF, answer_querybuf},
    {VIDIOC_QBUF, answer_qbuf},
    {VIDIOC_DQBUF, answer_dqbuf},
    {VIDIOC_STREAMON, answer_streamon},
    {VIDIOC_STREAMOFF, answer_streamoff},
};

static int answer_request(struct handle *h, unsigned int request, union argument *a) {
    if (is_dead(h))
        return -ENODEV;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        if (requests[i].request == request)
            return requests[i].answer(h, a);
    return -ENOTTY;
}

/* Something changed: answers the blocked DQBUF if it can be answered, and wakes all who poll. */
static void wake(void) {
    if (cam.waiting) {
        union argument a = {.buffer.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
        int result =
            cam.plugged ? fuse_req_interrupted(cam.waiting) ? -EINTR : answer_dqbuf(cam.owner, &a) : -ENODEV;
        if (result == 0)
            fuse_reply_ioctl(cam.waiting, 0, &a, sizeof a.buffer);
        else if (result != -EAGAIN)
            fuse_reply_err(cam.waiting, -result);
        if (result != -EAGAIN)
            cam.waiting = NULL;
    }
    for (struct handle *h = cam.handles; h; h = h->next) {
        if (h->poll) {
            fuse_lowlevel_notify_poll(h->poll);
            fuse_pollhandle_destroy(h->poll);
            h->poll = NULL;
        }
    }
}

#endif
