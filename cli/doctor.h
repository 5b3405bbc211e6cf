/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_DOCTOR_H
#define PS_CLI_DOCTOR_H
/*
 * The findings of `packseal doctor`: what the checks share. Each check says one line or several, and never fails.
 */
#include "archive/config.h"
#include "archive/root.h"
#include <jansson.h>
#include <stdbool.h>

enum ps_doctor_state { PS_DOCTOR_OK, PS_DOCTOR_NOTE, PS_DOCTOR_MEND };

struct ps_doctor {
    char root[PS_ROOT_PATH];
    bool json, station; /* station: there is one */
    unsigned mend;
    struct ps_config config;
    bool configured;
    json_t *status; /* of the recorder, NULL when none runs */
    json_t *facts;  /* figures of the next finding, for --json; taken by ps_doctor_say */
};

/* One finding. todo may be NULL; both texts are in the language in use. */
void ps_doctor_say(struct ps_doctor *d, const char *check, enum ps_doctor_state state, const char *todo,
                   const char *fmt, ...) __attribute__((format(printf, 5, 6)));

void ps_doctor_devices(struct ps_doctor *d); /* cameras and scanners: doctor_devices.c */
void ps_doctor_disk(struct ps_doctor *d);    /* index, room, how long it lasts: doctor_disk.c */
void ps_doctor_places(struct ps_doctor *d);  /* owners and modes: doctor_places.c */
void ps_doctor_time(
    struct ps_doctor *d); /* time-stamp authorities and their newest token: doctor_machine.c */
void ps_doctor_machine(
    struct ps_doctor *d); /* groups, rules and units of an installed station: doctor_machine.c */

#endif
