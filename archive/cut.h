/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_CUT_H
#define PS_ARCHIVE_CUT_H
/*
 * Cuts an excerpt out of a clip (docs/FORMAT.md section 11): of each film the run of whole segments that touches a
 * range of time, as an ordinary MP4 whose sample table comes first. No sample is changed, and none is copied before
 * somebody reads: a cut film is its new head and places in the recorded file.
 *
 * Times are ticks of 1/90000 s from the clip's first picture: the earliest of all its films, by the boot clock.
 */
#include "archive/root.h"
#include "evidence/bytes.h"
#include "evidence/excerpt.h"
#include "evidence/source.h"

struct ps_cut_film {
    const char *name; /* of its file, as the statement names it */
    uint32_t track;
    uint32_t first, last; /* segments */
    int64_t from, to;     /* when they begin and end; to is the first tick behind */
    struct ps_blob blob;  /* the cut film, as a file */
    struct ps_cut_source *source;
};

struct ps_cut {
    struct ps_clip *clip;
    struct ps_excerpt what; /* the films below, and the originals of their time */
    struct ps_buf text;     /* excerpt.json */
    int64_t from, to; /* the range, widened to the borders of segments: from the earliest to the latest */
    uint32_t n;
    struct ps_cut_film films[PS_MAX_TRACKS];
};

/* The clip's whole length. Zero when nothing was recorded. */
int64_t ps_cut_length(const struct ps_clip *c);
/* Place of a moment of the wall clock, or of the boot clock, by that of the first picture. */
int64_t ps_cut_of_wall(const struct ps_clip *c, int64_t wall_ns);
int64_t ps_cut_of_boot(const struct ps_clip *c, int64_t boot_ns);

/* Cuts [from, to), from < to. The films stay open: ps_cut_free. PS_ENOENT with why->where "range": nothing was
 * recorded then; PS_EFORMAT: a film does not hold what was recorded; else as ps_mp4_read. */
int ps_cut_open(struct ps_cut **out, const char *root, const char *path, int64_t from, int64_t to,
                struct ps_why *why);
void ps_cut_free(struct ps_cut *c);

#endif
