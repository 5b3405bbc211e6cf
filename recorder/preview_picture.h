/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_PREVIEW_PICTURE_H
#define PS_RECORDER_PREVIEW_PICTURE_H
/*
 * A camera's frame as a JPEG of about the width that somebody wants to see: the camera's own where that will do, else a
 * smaller one. For one thread.
 */
#include "recorder/frame.h"

#define PS_PREVIEW_PICTURE_MAX ((size_t)1 << 20) /* bytes of one JPEG */

struct ps_preview_picture; /* what the work needs */

int ps_preview_picture_new(struct ps_preview_picture **out); /* PS_ENOMEM */
void ps_preview_picture_free(struct ps_preview_picture *p);

/* 0: as it is; 1, 2, 4, 8: made anew, of a so-manieth of its width. Negative: it is no picture. */
int ps_preview_picture_part(struct ps_preview_picture *p, const struct ps_frame *f, unsigned width);
/* The JPEG for a part that was told; *data is the frame's or p's, until the next call. PS_EFORMAT when the frame is damaged,
 * PS_ELIMIT when no JPEG of it is small enough, PS_ENOMEM. */
int ps_preview_picture_jpeg(struct ps_preview_picture *p, const struct ps_frame *f, int part,
                            const uint8_t **data, size_t *size);

#endif
