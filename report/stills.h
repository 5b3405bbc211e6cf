/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_REPORT_STILLS_H
#define PS_REPORT_STILLS_H
/*
 * Key pictures of a clip: start, middle and end of each film, as JPEG.
 */
#include "evidence/source.h"
#include "evidence/statement.h"
#include "report/film.h"

#define PS_STILLS_MAX (3 * PS_MAX_TRACKS)

struct ps_still {
    unsigned track;
    unsigned place;  /* 0 start, 1 middle, 2 end */
    int64_t wall_ns; /* by the recorder's clock */
    uint64_t ticks;
    int width, height;
    uint8_t *jpeg;
    size_t n;
};

struct ps_stills {
    unsigned n;
    struct ps_still v[PS_STILLS_MAX];
    unsigned missing; /* films that gave no picture */
};

/* Films of the clip inside the tree, below prefix. What cannot be decoded is counted, not an error. PS_ENOMEM. width: at
 * most; 0: as recorded. ps_stills_free after any result. */
int ps_stills_take(struct ps_stills *s, const struct ps_clip *c, const struct ps_tree *files,
                   const char *prefix, int width, int quality);
void ps_stills_free(struct ps_stills *s);
/* JPEG of 4:2:0 or, sharp, 4:4:4. *out is malloc. */
int ps_stills_jpeg(const struct ps_film_picture *p, int quality, bool sharp, uint8_t **out, size_t *n);
/* By area averages; w at most the picture's. PS_ENOMEM. */
int ps_stills_shrink(const struct ps_film_picture *p, int width, struct ps_film_picture *out);
/* "开始", "start" */
const char *ps_stills_place(unsigned place, bool zh);

#endif
