/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_ANNOUNCE_H
#define PS_RECORDER_ANNOUNCE_H
/*
 * The stream of events (docs/PROTOCOL.md, "Events"): what the packer's screen shows and the player sounds. Some things are told as
 * they happen; states, alarms and cameras are compared with what was told last, once a turn of the station's loop, and
 * not at all while nobody listens.
 */
#include "recorder/station.h"

struct json_t;
struct ps_announce;

int ps_announce_new(struct ps_announce **out);
void ps_announce_free(struct ps_announce *a);

/* Answers this client with the status; from then on it gets events. */
void ps_announce_listen(struct ps_station *st, uint64_t client);
/* Any event: steals members (an object, or NULL); tone and say are file stems of docs/SOUNDS.md, or NULL. */
void ps_announce_event(struct ps_station *st, const char *event, struct json_t *members, const char *tone,
                       const char *say);
/* What the session made of an event, before any of it is done: the packer hears it without waiting for the signer. */
void ps_announce_step(struct ps_station *st, const struct ps_session_event *e,
                      const struct ps_session_action *a, int n);
/* The clip that a scan asked for cannot begin after all. */
void ps_announce_refused(struct ps_station *st, const struct ps_station_action *a, const char *what);
void ps_announce_opened(struct ps_station *st);
/* A track was declared: its first frame is known. */
void ps_announce_frame(struct ps_station *st, const struct ps_letter *l);
/* Takes s->facts. */
void ps_announce_sealed(struct ps_station *st, struct ps_sealed *s);
/* The facts of a clip that the event "sealed" tells; NULL when memory is short. For the sealer's thread. */
struct json_t *ps_announce_facts(const struct ps_clip *c);
void ps_announce_tick(struct ps_station *st, int64_t mono_ns);

#endif
