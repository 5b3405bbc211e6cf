/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_PERFORM_H
#define PS_RECORDER_PERFORM_H
/*
 * What the session asked for beside beginning and ending clips: codes and notes on the time line, warnings, and what is
 * said of them.
 */
#include "recorder/station.h"

struct json_t;

/* One of IGNORE, ADD, NOTE, WARN, in its turn; answers the client that waits for it. */
void ps_perform(struct ps_station *st, const struct ps_station_action *a);
/* state, said and warnings to a client; nothing when it is 0. */
void ps_perform_answer(struct ps_station *st, uint64_t client, const char *said, uint32_t warnings);
/* ["duplicate","refunded"]; all codes of a clip so far. */
struct json_t *ps_perform_warnings(uint32_t bits);
struct json_t *ps_perform_codes(const struct ps_clip *c);
/* Table and list that cannot be read; what the running clip was warned of. */
void ps_perform_alarms(const struct ps_station *st, struct json_t *alarms);
void ps_perform_tick(struct ps_station *st, int64_t mono_ns);

#endif
