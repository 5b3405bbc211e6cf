/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_WEIGH_H
#define PS_RECORDER_WEIGH_H
/*
 * The scales of the bench: a weight that stands still while a clip runs is an event of the clip, "weight" with "1234 g NAME" (and
 * " net" when the scale has taken a tare off), each time that it has changed. A weight starts nothing and ends nothing.
 */
#include <stdbool.h>
#include <stdint.h>

struct ps_station;
struct json_t;

/* Without a [scale] there is none, and the others do nothing. PS_ENOMEM. */
int ps_weigh_start(struct ps_station *st);
void ps_weigh_stop(struct ps_station *st);
void ps_weigh_came(struct ps_station *st); /* something was plugged in */
void ps_weigh_tick(struct ps_station *st); /* reads what has come */
struct json_t *ps_weigh_status(struct ps_station *st);
void ps_weigh_alarms(struct ps_station *st, struct json_t *alarms);

#endif
