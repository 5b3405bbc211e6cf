/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_REPORT_FILM_H
#define PS_REPORT_FILM_H
/*
 * Pictures out of a recorded film, and a small copy of it for a platform's form. The one door to libav in report/.
 * Evidence is only read here: whatever is written is a copy, and says so in its picture.
 */
#include "evidence/error.h"
#include "evidence/source.h"
#include <stdbool.h>
#include <stdint.h>

struct ps_film;

/* A picture as cairo (CAIRO_FORMAT_RGB24) and libjpeg-turbo (TJPF_BGRX) take it: 4 bytes a pixel, B G R X. */
struct ps_film_picture {
    uint8_t *p; /* malloc; the caller frees */
    int width, height, stride;
    uint64_t ticks; /* when it is shown, from the film's first picture */
};

/* MP4 with one H.264 track of at most PS_MAX_PICTURE; nothing else is opened. Borrows the blob. PS_EFORMAT, PS_ENOMEM. */
int ps_film_open(struct ps_film **out, const struct ps_blob *film, struct ps_why *why);
void ps_film_close(struct ps_film *f);
/* Length in ticks, pictures in it. */
uint64_t ps_film_ticks(const struct ps_film *f);
/* The picture that is shown at this time; the last one for any later time. */
int ps_film_picture(struct ps_film *f, uint64_t ticks, struct ps_film_picture *out, struct ps_why *why);

struct ps_film_copy {
    uint64_t from, to;       /* ticks of the source; to 0: its end */
    unsigned speed;          /* 1: as recorded; 4: four times as fast */
    int width;               /* of the copy, at most; even; 0: as the source */
    int64_t bits_per_second; /* at most; 0: no limit */
    const struct ps_film_picture
        *edge; /* a strip set below the picture, of the copy's width and even height */
    int (*progress)(void *ctx, uint64_t done, uint64_t total); /* non-zero stops with PS_ETIME; may be NULL */
    void *progress_ctx;
};
/* Width and height that a copy's picture gets, edge not included. */
void ps_film_copy_size(const struct ps_film *f, int width, int *w, int *h);
/* Writes an ordinary MP4 (H.264, yuv420p, index in front) to a path, over what is there. */
int ps_film_copy(struct ps_film *f, const struct ps_film_copy *c, const char *path, struct ps_why *why);

#endif
