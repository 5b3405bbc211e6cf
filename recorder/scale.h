/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_SCALE_H
#define PS_RECORDER_SCALE_H
/*
 * A scale on a serial line ([scale NAME] of packseal.conf): its bytes are weights and nothing else, never a code.
 */
#include "recorder/scale_frame.h"

struct ps_scale;

struct ps_scale_reading {
    bool known;    /* false: the scale says that it has no weight (overload) */
    int32_t grams; /* ±PS_SCALE_FRAME_GRAMS */
    bool stable, net;
};

/* Whether a weight stands still, for scales that do not say so, or say it too soon. */
struct ps_scale_settle {
    int64_t settle_ns; /* 0: as the scale says */
    bool some, net;
    int32_t grams;
    int64_t since_ns, last_ns;
    unsigned count;
};
/* A further reading; true when the weight has stood still for settle_ns, over three readings at least. */
bool ps_scale_settle(struct ps_scale_settle *s, const struct ps_scale_frame_weight *w, int64_t mono_ns);
/* It was taken away: what comes begins anew. */
void ps_scale_settle_anew(struct ps_scale_settle *s);

/* What a clip's time line tells of a scale. */
struct ps_scale_stated { /* zeroed when a clip begins */
    bool any, net;
    int32_t grams;
    int64_t mono_ns;
    unsigned n;
};
enum ps_scale_news {
    PS_SCALE_NOTHING,
    PS_SCALE_STATE, /* it stands still, and is another weight than the last one; an empty scale, after it was not empty */
    PS_SCALE_LEFT_OUT /* it would be the 201st: said once; a scale that never rests must not fill the statement */
};
/* At most one in a second: ask again until then. What is stated is remembered. */
enum ps_scale_news ps_scale_news(struct ps_scale_stated *s, const struct ps_scale_reading *r,
                                 uint16_t change_grams, int64_t mono_ns);

/* config outlives it. PS_EINVAL, PS_ENOENT, PS_EPERM, PS_EBUSY, PS_EFORMAT, with why; the scale is kept then, away. */
int ps_scale_new(struct ps_scale **out, const struct ps_config_scale *config);
int ps_scale_open(struct ps_scale *s, struct ps_why *why);
bool ps_scale_is_open(const struct ps_scale *s);
/* Asks the scale when that is due, and reads what is there. 1: *out is filled (call again); 0: nothing more now; 2: there may be more, but
 * enough for once, for a line that never rests must not hold up the bench; PS_EGONE: it went away. */
int ps_scale_read(struct ps_scale *s, int64_t mono_ns, struct ps_scale_reading *out, struct ps_why *why);
/* What has come last was not as the protocol has it, several times in a row. */
bool ps_scale_is_strange(const struct ps_scale *s);
void ps_scale_free(struct ps_scale *s);

#endif
