/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_SIGHT_H
#define PS_RECORDER_SIGHT_H
/*
 * What the cameras' pictures mean for the station: whether the clip's label was seen, codes that a camera scans, motion,
 * alarms of pictures. Between the watch's thread (watch.h) and the clip that is recording; runs in the station's loop.
 *
 * It calls ps_conduct_code for a code that a camera scanned (entry PS_ENTRY_CAMERA, device the scanner's name, and never
 * for a code of the clip that is recording: a label that is shown again ends nothing), and ps_conduct_event with
 * PS_SESSION_MOTION.
 */
#include <stdbool.h>

struct ps_station;
struct json_t;

/* After the lanes; a station whose watch cannot start records all the same, and says so. */
void ps_sight_start(struct ps_station *st);
void ps_sight_stop(struct ps_station *st);    /* before the lanes */
int ps_sight_fd(const struct ps_station *st); /* readable: ps_sight_serve; -1 */
void ps_sight_serve(struct ps_station *st);   /* also with nothing to read: time passes */

/* Adds "WHAT: DETAIL" of each alarm, and members of one camera of the status. */
void ps_sight_alarms(struct ps_station *st, struct json_t *alarms);
void ps_sight_camera(struct ps_station *st, unsigned camera, struct json_t *o);

/* "camera:NAME": no device, the watch is its reader. */
bool ps_sight_is_source(const char *source);
/* Whether a code that was seen is one of a clip, or another spelling of its parcel ("JD…" and "JD…-1-1-"). */
bool ps_sight_same(const char *a, const char *b);

#endif
