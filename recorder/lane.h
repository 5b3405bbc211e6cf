/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_LANE_H
#define PS_RECORDER_LANE_H
/*
 * One camera's lane: the thread that takes frames from the feed's queue and makes film of them while a clip is open:
 * decode, burn in, encode, close GOPs, write fragments. What it made it tells the station through the mailbox; a
 * segment is told only after its fragment is durable.
 *
 * Between clips it discards frames but for the newest quarter second, so that a clip begins with the first frame that was
 * captured after the scan, however long the signer took to open it. With preroll_seconds it makes film of them instead, as
 * late, keeps the newest of that in memory (lane_ring.h), and puts it before the next clip: but nothing that was captured while
 * a clip ran or less than preroll_seconds after its end.
 */
#include "evidence/statement.h"
#include "recorder/burn.h"
#include "recorder/feed.h"
#include "recorder/mailbox.h"
#include "recorder/mp4w.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct ps_lane;

struct ps_lane_spec {
    unsigned number; /* place in the configuration; the first track's index in a clip */
    unsigned of;     /* lanes in all: keyframes are staggered */
    struct ps_camera_spec camera;
    uint16_t segment_seconds, qp, max_mbit;
    uint32_t originals_every; /* seconds; 0: start and end only */
    uint16_t preroll_seconds; /* 0: none, and the camera's pictures are not looked at between clips */
    char font[512];
};

struct ps_lane_job {
    uint64_t serial;      /* of the clip, echoed in every letter */
    int dirfd;            /* half-done folder, borrowed until ENDED */
    int64_t from_mono_ns; /* first frame at or after this */
    struct ps_banner_text text;
    atomic_uint *next_track; /* index for a further track after a changed format; shared by the lanes */
};

/* Letters to the station carry these. */
enum ps_lane_word {
    PS_LANE_DECLARED, /* a track begins: index, track; its first n_preroll segments are pre-roll */
    PS_LANE_BANNER,   /* track.banner and text (of the codes) hold from the segment `from` on */
    PS_LANE_SEGMENT,  /* record and counts so far; the fragment is durable */
    PS_LANE_GAP,
    PS_LANE_ORIGINAL, /* its file is durable */
    PS_LANE_FILM,     /* a track has ended: index, film (ownership passes) */
    PS_LANE_ENDED,    /* the lane is done with this clip */
    PS_LANE_EVENT,    /* what, text: for the clip's time line and the screen */
    PS_LANE_FAULT     /* cannot write or encode: why */
};

struct ps_letter {
    enum ps_lane_word word;
    unsigned lane;
    uint64_t serial;
    uint32_t index, from;
    int64_t mono_ns;
    struct ps_track track;   /* DECLARED */
    struct ps_record record; /* SEGMENT */
    struct ps_counts counts; /* SEGMENT, ENDED */
    struct ps_gap gap;
    struct ps_original original;
    struct ps_mp4w *film;
    int error; /* FAULT */
    struct ps_why why;
    char what[PS_MAX_NAME + 1], text[PS_MAX_CODE + 1];
};

/* Starts the feed and the thread. Letters go to box, which outlives the lane. */
int ps_lane_start(struct ps_lane **out, const struct ps_lane_spec *s, struct ps_mailbox *box);
void ps_lane_stop(struct ps_lane *l); /* joins and frees; a clip must have ended */

/* A clip will begin at mono_ns: between clips keep the frames from then on. INT64_MAX: it will not after all. */
void ps_lane_hold(struct ps_lane *l, int64_t mono_ns);
void ps_lane_begin(struct ps_lane *l, const struct ps_lane_job *job);
/* The clip ends with the last frame before mono_ns. */
void ps_lane_end(struct ps_lane *l, int64_t mono_ns);
/* The clip that runs gets another text on its banner, from its next segment on, which begins at once. */
void ps_lane_text(struct ps_lane *l, const struct ps_banner_text *text);
/* Keep the camera's own picture of that moment. Nothing where none records. */
void ps_lane_mark(struct ps_lane *l, int64_t mono_ns);
/* What pre-roll's banner shows. Film with another freshness code than a clip's is not put before it. */
void ps_lane_idle_text(struct ps_lane *l, const struct ps_banner_text *text);

/* ps_feed_look of this lane's camera. */
bool ps_lane_look(struct ps_lane *l, struct ps_frame *out, int timeout_ms);
/* ps_feed_ask and ps_feed_fetch of it. */
void ps_lane_ask(struct ps_lane *l, int fd);
bool ps_lane_fetch(struct ps_lane *l, struct ps_frame *out);
void ps_lane_feed(struct ps_lane *l, struct ps_feed_status *out);
/* Counts of the clip that is recording, or of the last one. */
void ps_lane_counts(struct ps_lane *l, struct ps_counts *out);

#endif
