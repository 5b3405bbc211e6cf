/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/camera.h"

#include <stdlib.h>
#include <string.h>

struct ps_camera {
    const struct ps_camera_ops *ops;
    void *state;
    int64_t last_ns; /* stamp of the newest frame */
    struct ps_camera_info info;
};

static const struct ps_camera_ops *const all_ops[] = {&ps_camera_v4l2, &ps_camera_lavf};

int ps_camera_open(struct ps_camera **out, const struct ps_camera_spec *spec, struct ps_why *why) {
    *out = NULL;
    const struct ps_camera_ops *ops = NULL;
    for (size_t i = 0; i < sizeof all_ops / sizeof all_ops[0] && !ops; i++)
        if (strncmp(spec->source, all_ops[i]->scheme, strlen(all_ops[i]->scheme)) == 0)
            ops = all_ops[i];
    if (!ops)
        return ps_error_why(why, PS_EINVAL, spec->source, "a camera is v4l2:/dev/video0 or lavf:FILE-OR-URL");
    if (spec->width > PS_MAX_PICTURE || spec->height > PS_MAX_PICTURE || !spec->width != !spec->height)
        return ps_error_why(why, PS_EINVAL, spec->source, "%ux%u is no size of a picture", spec->width,
                            spec->height);
    struct ps_camera *c = calloc(1, sizeof *c);
    if (!c)
        return ps_error_why(why, PS_ENOMEM, spec->source, "out of memory");
    c->ops = ops;
    c->last_ns = INT64_MIN;
    int err = ops->open(&c->state, spec, &c->info, why);
    if (err != 0) {
        free(c);
        return err;
    }
    *out = c; /* transferred */
    return 0;
}

const struct ps_camera_info *ps_camera_info(const struct ps_camera *c) {
    return &c->info;
}

int ps_camera_read(struct ps_camera *c, struct ps_frame *f, int timeout_ms) {
    int result = c->ops->read(c->state, f, timeout_ms);
    if (result == 1) {
        /* Drivers have been seen to repeat a stamp. */
        if (f->mono_ns <= c->last_ns)
            f->mono_ns = c->last_ns + 1;
        c->last_ns = f->mono_ns;
    }
    return result;
}

void ps_camera_close(struct ps_camera *c) {
    if (!c)
        return;
    c->ops->close(c->state);
    free(c);
}

bool ps_camera_jpeg_whole(const uint8_t *p, size_t n) {
    if (n < 4 || p[0] != 0xff || p[1] != 0xd8)
        return false;
    while (n > 4 && p[n - 1] == 0)
        n--;
    /* In entropy-coded data 0xff is followed by 0 or a restart marker, so this is found nowhere else. A few
     * bytes after it are another oddity of cameras: a second EOI, a line break. */
    for (size_t end = n, back = 0; end >= 4 && back < 32; end--, back++)
        if (p[end - 2] == 0xff && p[end - 1] == 0xd9)
            return true;
    return false;
}

void ps_camera_name(char out[PS_MAX_NAME + 1], const char *text, size_t n) {
    size_t used = 0;
    for (size_t i = 0; i < n && text[i] != '\0' && used < PS_MAX_NAME; i++) {
        if (used == 0 && text[i] == ' ')
            continue;
        out[used++] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
    }
    while (used > 0 && out[used - 1] == ' ')
        used--;
    out[used] = '\0';
}
