/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_SESSION_H
#define PS_RECORDER_SESSION_H
/*
 * The packing session: a pure state machine, a table, no I/O, no clock. Events in, actions out; docs/CODES.md tells its rules.
 *
 *              | parcel, another | parcel, this one | same code      | item, unknown | stop, cancel | idle, maximum, …
 *   IDLE       | START           | -                | ignore <5 s *  | START         | WARN         | -
 *   PROVISIONAL| -               | ADD, names it    | ignore <5 s    | ADD           | END          | END
 *   RECORDING  | END next, START | ADD              | <5 s ignore,   | ADD           | END          | END
 *              | after BOX: ADD  |                  | else END       |               |              |
 *   * the code that has just ended a clip
 *
 * Provisional is a clip that an item or an unknown code began; the first code of a parcel or order names it. Neither
 * items nor unknown codes ever end a clip.
 */
#include "evidence/opening.h"
#include "evidence/statement.h"
#include "recorder/codes.h"
#include <stdbool.h>
#include <stdint.h>

#define PS_SESSION_ACTIONS 8 /* of one event, at most */
#define PS_SESSION_LOOSE \
    40 /* items and unknown codes in codes[] of a clip; later ones are on its time line alone */

enum ps_session_state { PS_SESSION_IDLE, PS_SESSION_PROVISIONAL, PS_SESSION_RECORDING };

enum ps_session_event_type {
    PS_SESSION_CODE, /* anything scanned, command barcodes too */
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
    struct ps_codes_scan scan;           /* for CODE */
    uint32_t earlier[PS_KIND_AUDIT + 1]; /* for CODE: clips of each kind that hold its value already */
    char order_again[PS_MAX_CODE +
                     1]; /* for CODE: one of its orders that is complete already, by the list; "" */
};

enum ps_session_action_type {
    PS_SESSION_DO_START,  /* open a clip for code and links, of kind, by operator_id */
    PS_SESSION_DO_END,    /* end the clip with reason */
    PS_SESSION_DO_IGNORE, /* same code within 5 s: say so audibly */
    PS_SESSION_DO_ADD,    /* an event "scan" on its time line; codes[] too when listed; links into codes[] */
    PS_SESSION_DO_NOTE, /* an event `what` with text on the time line of the clip that runs, if one does; said */
    PS_SESSION_DO_WARN /* said loudly, and an event where a clip runs */
};

enum ps_session_warning {
    PS_SESSION_NOTHING_TO_END,
    PS_SESSION_DUPLICATE,    /* text recorded before: number is the take by this station's clips */
    PS_SESSION_REFUNDED,     /* order text was refunded: do not ship */
    PS_SESSION_NOBODY,       /* nobody is signed in */
    PS_SESSION_UNCLASSIFIED, /* an unknown code began the clip */
    PS_SESSION_LIST_DIFFERS, /* the list has another waybill for this order */
    PS_SESSION_FOREIGN,      /* a command barcode of another site, refused */
    PS_SESSION_BAD_COMMAND,  /* a command barcode of this site that means nothing, refused */
    PS_SESSION_NO_PARCEL,    /* BOX or MARK, and no clip */
    PS_SESSION_SHORT,        /* the clip that has just ended was shorter than the least */
    PS_SESSION_WARNINGS
};
const char *
ps_session_warning_word(enum ps_session_warning w); /* "duplicate", "refunded", … as in time lines */

struct ps_session_action {
    enum ps_session_action_type type;
    uint8_t reason; /* enum ps_end_reason */
    uint8_t kind;   /* START */
    char operator_id[PS_MAX_NAME + 1];
    struct ps_code code;
    bool listed, names; /* ADD */
    unsigned n_links;
    struct ps_orders_link links[PS_ORDERS_LINKS];
    const char *what; /* NOTE: "box", "mark", "operator", "signed-out", "next-kind", "provisional"; static */
    enum ps_session_warning warning;
    uint32_t number;
    char text[PS_MAX_CODE + 1]; /* NOTE, WARN */
};

struct ps_session_rules {
    int64_t same_code_ns; /* 5 s */
    int64_t idle_ns;      /* 0: never */
    int64_t maximum_ns;   /* at most 60 minutes */
    int64_t minimum_ns;   /* shorter clips are told; 0: none is */
};

struct ps_session_seen { /* a code of the clip */
    char spelling[PS_MAX_CODE + 1], value[PS_MAX_CODE + 1], parcel[PS_MAX_CODE + 1];
    uint8_t type;
    unsigned part;
    bool scanned; /* else the list of orders brought it */
    bool knows;   /* an order of which the list has a waybill */
    int64_t last_ns;
};

struct ps_session {
    struct ps_session_rules rules;
    enum ps_session_state state;
    uint8_t kind; /* of the next clip */
    char operator_id[PS_MAX_NAME + 1];
    int64_t started_ns, last_activity_ns;
    bool box;          /* the next parcel joins */
    uint8_t opened_by; /* enum ps_code_type */
    unsigned n_seen, n_loose;
    struct ps_session_seen seen[PS_MAX_CODES];
    char closed[PS_MAX_CODE + 1]; /* spelling of the code that ended the last clip */
    int64_t closed_ns;
};

/* r may be the session's own rules. operator_id: who is signed in, "" nobody. */
void ps_session_init(struct ps_session *s, const struct ps_session_rules *r, const char *operator_id);
/* The clip that it asked for could not begin: idle, by the same people. */
void ps_session_abandon(struct ps_session *s);
/* Returns how many actions. END comes before START; SHORT comes before it, other notes and warnings behind the clip that they are about. */
int ps_session_step(struct ps_session *s, const struct ps_session_event *e,
                    struct ps_session_action out[PS_SESSION_ACTIONS]);

/* ---- session_codes.c: what a code is to the clip ---- */

enum ps_session_relation {
    PS_SESSION_OTHER_PARCEL, /* a parcel or order that is not this clip's */
    PS_SESSION_THIS_PARCEL,  /* a further code of it, or its first */
    PS_SESSION_AGAIN,        /* the very same barcode of a parcel or order, or an unknown one */
    PS_SESSION_LOOSE_CODE    /* an item, or an unknown code for the first time */
};
enum ps_session_relation ps_session_codes_relation(const struct ps_session *s, const struct ps_codes_scan *c);
/* Remembers the code and what the list links to it; true when it is to stand in codes[]. links get those that are new. */
bool ps_session_codes_keep(struct ps_session *s, const struct ps_codes_scan *c, int64_t mono_ns,
                           struct ps_session_action *links);
/* The waybill of a numbered parcel that the clip has: other parcels' clips have it too, and are no earlier takes. */
bool ps_session_codes_label_known(const struct ps_session *s, const struct ps_codes_scan *c);
/* A label for a clip whose orders have another one in the list. */
bool ps_session_codes_list_differs(const struct ps_session *s, const struct ps_codes_scan *c);
struct ps_session_seen *ps_session_codes_seen(struct ps_session *s, const char *spelling);
bool ps_session_codes_has(const struct ps_session *s, const char *value);

#endif
