/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_GAUGE_H
#define PS_RECORDER_GAUGE_H
/*
 * What a picture's luma tells of the picture: cheap figures, and alarms by one table of thresholds. Pure: no clock, no
 * thread, no file.
 */
#include "evidence/limits.h"
#include <stdbool.h>
#include <stdint.h>

#define PS_GAUGE_MID_W 640
#define PS_GAUGE_MID_H 480
#define PS_GAUGE_SMALL_W (PS_GAUGE_MID_W / 4)
#define PS_GAUGE_SMALL_H (PS_GAUGE_MID_H / 4)

enum ps_gauge_alarm {
    PS_GAUGE_DARK = 1,
    PS_GAUGE_COVERED = 2,
    PS_GAUGE_BLURRED = 4,
    PS_GAUGE_FROZEN = 8,
    PS_GAUGE_MOVED = 16
};
#define PS_GAUGE_ALARMS 5

/* "picture-dark", …: as in events and status. By number, 0 to PS_GAUGE_ALARMS - 1; bit 1 << number. */
const char *ps_gauge_alarm_word(unsigned number);

struct ps_gauge_small { /* means of the picture's squares, full range */
    int w, h;
    uint8_t y[PS_GAUGE_SMALL_W * PS_GAUGE_SMALL_H];
};

/* Figures of one look. */
struct ps_gauge_look {
    double mean;      /* luma, 0 to 255 */
    double spread;    /* its standard deviation over the small picture */
    double detail;    /* percent of the strongest edges' height that lies within two samples; -1: no edges */
    double sharpness; /* percent of the reference's detail; 100 without one */
    double
        likeness;  /* percent: how well the lines round the middle lie on the reference's; 100 without one */
    double motion; /* largest change of a cell since the last look, luma */
    bool same;     /* not one sample differs from the last look */
};

/* One camera's memory. Zeroed at first. */
struct ps_gauge_eye {
    bool has_last, has_reference;
    uint64_t last_digest;
    struct ps_gauge_small last, reference;
    double reference_detail;
    int64_t since_ns
        [PS_GAUGE_ALARMS]; /* since when it has been on the other side of its threshold; 0: it is not */
    unsigned alarms;
};

/* Figures of a picture; remembers it as the last one. */
void ps_gauge_measure(struct ps_gauge_eye *e, const uint8_t *luma, int stride, int width, int height,
                      bool full_range, struct ps_gauge_look *out);
/* The picture that was measured last, with this detail, is the reference from now on. */
void ps_gauge_refer(struct ps_gauge_eye *e, double detail);
/* Goes on with the alarms; gives their sum. mono_ns > 0. */
unsigned ps_gauge_judge(struct ps_gauge_eye *e, const struct ps_gauge_look *l, int64_t mono_ns);
/* Something moved, more than noise and flickering lamps do. */
bool ps_gauge_moves(const struct ps_gauge_look *l);

#endif
