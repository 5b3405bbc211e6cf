/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_PREVIEW_H
#define PS_RECORDER_PREVIEW_H
/*
 * Live pictures for people (docs/PROTOCOL.md, "Preview"). The station's loop only accepts; who looks is served by a thread
 * of low priority, which begins with the first and ends with the last of them.
 */
#include "recorder/frame.h"

#define PS_PREVIEW_CAMERAS 8
#define PS_PREVIEW_CLIENTS 32

struct ps_why;
struct ps_preview;

/* Where pictures come from: as ps_feed_ask and ps_feed_fetch, of camera number such and such. */
struct ps_preview_spec {
    const char *path;
    unsigned n_cameras;
    const char *camera[PS_PREVIEW_CAMERAS]; /* names, borrowed */
    void (*ask)(void *ctx, unsigned camera, int fd);
    bool (*fetch)(void *ctx, unsigned camera, struct ps_frame *f);
    void *ctx;
};

int ps_preview_new(struct ps_preview **out, const struct ps_preview_spec *s, struct ps_why *why);
/* Before the cameras go. */
void ps_preview_free(struct ps_preview *p);
int ps_preview_fd(const struct ps_preview *p); /* readable: call accept; -1 for NULL */
void ps_preview_accept(struct ps_preview *p);

#endif
