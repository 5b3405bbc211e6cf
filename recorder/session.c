/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/session.h"

#include <stdio.h>
#include <string.h>

#include "recorder/codes.h"

/* What an event is to the table: a code counts by what it is beside the open clip. */
enum column {
    NEW_PARCEL,
    SAME_PARCEL,
    OTHER_CODE,
    STOP,
    CANCEL,
    IDLE_TIME,
    MAXIMUM,
    SHUTDOWN,
    CAMERAS,
    DISK,
    FAULT,
    COLUMNS
};

enum verb { NOTHING, START, SWITCH, END, AGAIN, ADD, WARN };

struct cell {
    enum verb verb;
    uint8_t reason;
};

static const struct cell table[][COLUMNS] = {
    [PS_SESSION_IDLE] =
        {
            [NEW_PARCEL] = {START, 0},
            [SAME_PARCEL] = {START, 0},
            [OTHER_CODE] = {START, 0},
            [STOP] = {WARN, 0},
            [CANCEL] = {WARN, 0},
        },
    [PS_SESSION_RECORDING] =
        {
            [NEW_PARCEL] = {SWITCH, PS_END_NEXT_CODE},
            [SAME_PARCEL] = {AGAIN, PS_END_SAME_CODE},
            [OTHER_CODE] = {ADD, 0},
            [STOP] = {END, PS_END_STOP},
            [CANCEL] = {END, PS_END_CANCELLED},
            [IDLE_TIME] = {END, PS_END_IDLE},
            [MAXIMUM] = {END, PS_END_MAXIMUM},
            [SHUTDOWN] = {END, PS_END_SHUTDOWN},
            [CAMERAS] = {END, PS_END_CAMERA_LOST},
            [DISK] = {END, PS_END_DISK_FULL},
            [FAULT] = {END, PS_END_FAULT},
        },
};

void ps_session_init(struct ps_session *s, const struct ps_session_rules *r) {
    *s = (struct ps_session){.rules = *r, .state = PS_SESSION_IDLE};
}

static bool is_item(const struct ps_code *c) {
    return c->type == PS_CODE_SKU;
}

/* An item's code or an unknown one never ends a clip; a clip that an unknown code opened is ended by that code. */
static int column_of_code(const struct ps_session *s, const struct ps_code *c) {
    if (s->state == PS_SESSION_RECORDING && strcmp(s->value, c->value) == 0)
        return SAME_PARCEL;
    return is_item(c) || c->type == PS_CODE_UNKNOWN ? OTHER_CODE : NEW_PARCEL;
}

/* -1 when the event moves nothing. */
static int column_of(struct ps_session *s, const struct ps_session_event *e) {
    switch (e->type) {
    case PS_SESSION_CODE: return column_of_code(s, &e->code);
    case PS_SESSION_STOP: return STOP;
    case PS_SESSION_CANCEL: return CANCEL;
    case PS_SESSION_SHUTDOWN: return SHUTDOWN;
    case PS_SESSION_CAMERAS_LOST: return CAMERAS;
    case PS_SESSION_DISK_FULL: return DISK;
    case PS_SESSION_FAULT: return FAULT;
    case PS_SESSION_MOTION: s->last_activity_ns = e->mono_ns; return -1;
    case PS_SESSION_TICK:
        if (s->state != PS_SESSION_RECORDING)
            return -1;
        if (e->mono_ns - s->started_ns >= s->rules.maximum_ns)
            return MAXIMUM;
        if (s->rules.idle_ns && e->mono_ns - s->last_activity_ns >= s->rules.idle_ns)
            return IDLE_TIME;
        return -1;
    }
    return -1;
}

static struct ps_session_action started(struct ps_session *s, const struct ps_session_event *e) {
    s->state = PS_SESSION_RECORDING;
    s->started_ns = s->last_activity_ns = s->last_code_ns = e->mono_ns;
    snprintf(s->value, sizeof s->value, "%s", e->code.value);
    return (struct ps_session_action){.type = PS_SESSION_DO_START, .code = e->code};
}

static struct ps_session_action ended(struct ps_session *s, uint8_t reason) {
    s->state = PS_SESSION_IDLE;
    s->value[0] = '\0';
    return (struct ps_session_action){.type = PS_SESSION_DO_END, .reason = reason};
}

int ps_session_step(struct ps_session *s, const struct ps_session_event *e, struct ps_session_action out[2]) {
    int column = column_of(s, e);
    struct cell c = column < 0 ? (struct cell){NOTHING, 0} : table[s->state][column];

    switch (c.verb) {
    case NOTHING: return 0;
    case START: out[0] = started(s, e); return 1;
    case SWITCH:
        out[0] = ended(s, c.reason);
        out[1] = started(s, e);
        return 2;
    case END: out[0] = ended(s, c.reason); return 1;
    case AGAIN: {
        /* A bouncing trigger must not extend its own window, so last_code_ns stays. */
        bool soon = e->mono_ns - s->last_code_ns < s->rules.same_code_ns;
        out[0] = soon ? (struct ps_session_action){.type = PS_SESSION_DO_IGNORE, .code = e->code}
                      : ended(s, c.reason);
        return 1;
    }
    case ADD:
        s->last_activity_ns = e->mono_ns;
        out[0] = (struct ps_session_action){.type = PS_SESSION_DO_ADD, .code = e->code};
        return 1;
    case WARN: out[0] = (struct ps_session_action){.type = PS_SESSION_DO_WARN}; return 1;
    }
    return 0;
}
