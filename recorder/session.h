/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_SESSION_H
#define PS_RECORDER_SESSION_H
/*
 * The packing session: a pure state machine, a table, no I/O, no clock. Events in, actions out.
 *
 *   state      | code (new)        | same code            | stop | cancel | idle | maximum | shutdown | lost
 *   IDLE       | START             | START                | -    | -      | -    | -       | -        | -
 *   RECORDING  | END next, START   | <5 s ignore, else END| END  | END    | END  | END     | END      | END
 */
#include "evidence/opening.h"
#include "evidence/statement.h"
#include <stdbool.h>
#include <stdint.h>

enum ps_session_state { PS_SESSION_IDLE, PS_SESSION_RECORDING };

enum ps_session_event_type {
    PS_SESSION_CODE, /* a parcel's or unknown code; unknown codes start from idle but never end */
    PS_SESSION_STOP,
    PS_SESSION_CANCEL,
    PS_SESSION_TICK,   /* time passes: idle and maximum length */
    PS_SESSION_MOTION, /* something moved: keeps a clip from being idle */
    PS_SESSION_SHUTDOWN,
    PS_SESSION_CAMERAS_LOST,
    PS_SESSION_DISK_FULL,
    PS_SESSION_FAULT
};

struct ps_session_event {
    enum ps_session_event_type type;
    int64_t mono_ns;
    struct ps_code code; /* for CODE */
};

enum ps_session_action_type {
    PS_SESSION_DO_START,  /* open a clip for action.code */
    PS_SESSION_DO_END,    /* end the clip with action.reason */
    PS_SESSION_DO_IGNORE, /* same code within 5 s: say so audibly */
    PS_SESSION_DO_ADD,    /* an unknown code or item during a clip: an event on its time line, and codes[] */
    PS_SESSION_DO_WARN    /* nothing to stop, nothing to cancel */
};

struct ps_session_action {
    enum ps_session_action_type type;
    uint8_t reason; /* enum ps_end_reason */
    struct ps_code code;
};

struct ps_session_rules {
    int64_t same_code_ns; /* 5 s */
    int64_t idle_ns;      /* 0: never */
    int64_t maximum_ns;   /* at most 60 minutes */
};

struct ps_session {
    struct ps_session_rules rules;
    enum ps_session_state state;
    int64_t started_ns, last_activity_ns, last_code_ns;
    char value[PS_MAX_CODE + 1]; /* the code that opened the clip */
};

/* r may be the session's own rules. */
void ps_session_init(struct ps_session *s, const struct ps_session_rules *r);
/* At most 2 actions (END then START). Returns how many. */
int ps_session_step(struct ps_session *s, const struct ps_session_event *e, struct ps_session_action out[2]);

#endif
