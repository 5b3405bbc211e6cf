/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_WATCH_H
#define PS_RECORDER_WATCH_H
/*
 * Looks at each camera's newest picture about twice a second, off the capture path: reads labels, notices motion, judges
 * the picture itself. One thread for a station, of low priority; a look that comes late or not at all is no loss.
 *
 * What it costs bounds itself: after a look that took c of CPU time the camera's next one is not before c / PS_WATCH_SHARE.
 */
#include "archive/root.h"
#include "recorder/frame.h"
#include "recorder/gauge.h"
#include <stdbool.h>
#include <stdint.h>

#define PS_WATCH_CAMERAS 8
#define PS_WATCH_PERIOD_NS 500000000LL
#define PS_WATCH_SHARE 0.08 /* of a core and camera */

struct ps_watch_spec {
    unsigned n_cameras;
    const char *camera[PS_WATCH_CAMERAS]; /* names, borrowed while it runs */
    unsigned label_kinds, label_density;  /* recorder/label.h; kinds 0: no labels are read */
    bool alarms;                          /* judge pictures, keep a reference of the day */
    char root[PS_ROOT_PATH];
    uint32_t keep_days; /* of references; 0: for ever */
    /* The camera's newest picture: waits at most so long; false when there is none. Called from the watch's thread. */
    bool (*look)(void *ctx, unsigned camera, struct ps_frame *f, int timeout_ms);
    void *ctx;
};

enum ps_watch_word {
    PS_WATCH_LABEL, /* a code that could be read: text, camera, mono_ns of the picture; once each look that shows it */
    PS_WATCH_MOTION /* something moved between this look and the one before */
};

struct ps_watch_event {
    enum ps_watch_word word;
    unsigned camera;
    int64_t mono_ns;
    bool linear;
    char text[PS_MAX_CODE + 1];
};

/* How a camera's picture is now. */
struct ps_watch_state {
    uint64_t looks, reads; /* pictures that were judged, and of these those in which labels were looked for */
    int64_t mono_ns;       /* of the newest */
    int64_t read_ns;       /* of the newest in which labels were looked for; 0: none yet */
    int64_t cpu_ns;        /* spent on this camera */
    unsigned alarms;       /* sum of enum ps_gauge_alarm */
    struct ps_gauge_look look;
    bool has_reference;
    char reference_day[11]; /* "2026-11-21" */
    uint8_t reference[32];  /* SHA-256 of the picture that is kept */
};

struct ps_watch;

int ps_watch_start(struct ps_watch **out, const struct ps_watch_spec *s);
void ps_watch_stop(struct ps_watch *w);    /* joins and frees */
int ps_watch_fd(const struct ps_watch *w); /* readable while there are events; -1 for NULL */
/* The oldest event; false: none. When nobody takes them the newest are dropped. */
bool ps_watch_take(struct ps_watch *w, struct ps_watch_event *out);
void ps_watch_state(struct ps_watch *w, unsigned camera, struct ps_watch_state *out);

#endif
