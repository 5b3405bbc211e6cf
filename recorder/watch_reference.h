/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_WATCH_REFERENCE_H
#define PS_RECORDER_WATCH_REFERENCE_H
/*
 * The day's reference pictures on disk: ROOT/reference/YYYY-MM-DD/CAMERA.jpg, one a camera and local day, never changed
 * once it is there (docs/FORMAT.md section 4.4).
 */
#include "evidence/error.h"
#include "recorder/frame.h"
#include "recorder/picture.h"
#include <stdbool.h>
#include <stdint.h>

#define PS_WATCH_REFERENCE_MAX ((size_t)16 << 20)

/* Reads the day's picture into *f (a JPEG frame) and its digest. PS_ENOENT: there is none. */
int ps_watch_reference_load(const char *root, const char *day, const char *camera, struct ps_frame *f,
                            uint8_t sha256[32]);
/* Keeps it: a JPEG byte for byte as the camera gave it, anything else as a grey JPEG of the decoded picture. */
int ps_watch_reference_keep(const char *root, const char *day, const char *camera, const struct ps_frame *f,
                            const struct ps_picture *p, uint8_t sha256[32], struct ps_why *why);
/* Another small file beside the day's pictures; PS_EEXIST is no error of the caller's. */
int ps_watch_reference_note(const char *root, const char *day, const char *name, const void *p, size_t n,
                            struct ps_why *why);
/* Removes the days before this one. */
void ps_watch_reference_forget(const char *root, const char *before_day);
/* The local day of a moment: "2026-11-21". */
void ps_watch_reference_day(int64_t wall_ns, char out[11]);

#endif
