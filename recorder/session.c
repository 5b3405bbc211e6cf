/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/session.h"

#include <stdio.h>
#include <string.h>

/* What an event is to the table: a code counts by what it is beside the open clip. */
enum column {
    OTHER_PARCEL,
    THIS_PARCEL,
    AGAIN_SOON,
    AGAIN_LATER,
    UNKNOWN_LATER, /* an unknown code once more, after the window */
    LOOSE,
    STOP,
    CANCEL,
    BOX,
    MARK,
    NEXT_KIND,
    SIGN_IN,
    SIGN_OUT,
    FOREIGN,
    BAD,
    IDLE_TIME,
    MAXIMUM,
    SHUTDOWN,
    CAMERAS,
    DISK,
    FAULT,
    COLUMNS
};

enum verb { NOTHING, BEGIN, SWITCH, END, IGNORE, ADD, WARN, SET_BOX, NOTE_MARK, SET_KIND, ENTER, LEAVE };

struct cell {
    enum verb verb;
    uint8_t with; /* END, SWITCH: the reason; WARN: the warning */
};

#define PEOPLE                                                                    \
    [NEXT_KIND] = {SET_KIND, 0}, [SIGN_IN] = {ENTER, 0}, [SIGN_OUT] = {LEAVE, 0}, \
    [FOREIGN] = {WARN, PS_SESSION_FOREIGN}, [BAD] = {WARN, PS_SESSION_BAD_COMMAND}
#define ENDS                                                                                           \
    [STOP] = {END, PS_END_STOP}, [CANCEL] = {END, PS_END_CANCELLED}, [IDLE_TIME] = {END, PS_END_IDLE}, \
    [MAXIMUM] = {END, PS_END_MAXIMUM}, [SHUTDOWN] = {END, PS_END_SHUTDOWN},                            \
    [CAMERAS] = {END, PS_END_CAMERA_LOST}, [DISK] = {END, PS_END_DISK_FULL}, [FAULT] = {END, PS_END_FAULT}

static const struct cell table[][COLUMNS] =
    {
        [PS_SESSION_IDLE] =
            {
                [OTHER_PARCEL] = {BEGIN, 0},
                [THIS_PARCEL] = {BEGIN, 0},
                [AGAIN_SOON] = {IGNORE, 0},
                [AGAIN_LATER] = {BEGIN, 0},
                [UNKNOWN_LATER] = {BEGIN, 0},
                [LOOSE] = {BEGIN, 0},
                [STOP] = {WARN, PS_SESSION_NOTHING_TO_END},
                [CANCEL] = {WARN, PS_SESSION_NOTHING_TO_END},
                [BOX] = {WARN, PS_SESSION_NO_PARCEL},
                [MARK] = {WARN, PS_SESSION_NO_PARCEL},
                PEOPLE,
            },
        [PS_SESSION_PROVISIONAL] =
            {
                [OTHER_PARCEL] = {ADD, 0}, /* none is its own yet */
                [THIS_PARCEL] = {ADD, 0},
                [AGAIN_SOON] = {IGNORE, 0},
                [AGAIN_LATER] = {ADD, 0},
                [UNKNOWN_LATER] = {ADD, 0},
                [LOOSE] = {ADD, 0},
                [BOX] = {SET_BOX, 0},
                [MARK] = {NOTE_MARK, 0},
                ENDS,
                PEOPLE,
            },
        [PS_SESSION_RECORDING] =
            {
                [OTHER_PARCEL] = {SWITCH, PS_END_NEXT_CODE},
                [THIS_PARCEL] = {ADD, 0},
                [AGAIN_SOON] = {IGNORE, 0},
                [AGAIN_LATER] = {END, PS_END_SAME_CODE},
                [UNKNOWN_LATER] = {ADD, 0},
                [LOOSE] = {ADD, 0},
                [BOX] = {SET_BOX, 0},
                [MARK] = {NOTE_MARK, 0},
                ENDS,
                PEOPLE,
            },
};

const char *ps_session_warning_word(enum ps_session_warning w) {
    static const char *const words[PS_SESSION_WARNINGS] = {
        [PS_SESSION_NOTHING_TO_END] = "nothing-to-end",
        [PS_SESSION_DUPLICATE] = "duplicate",
        [PS_SESSION_REFUNDED] = "refunded",
        [PS_SESSION_NOBODY] = "nobody-signed-in",
        [PS_SESSION_UNCLASSIFIED] = "unclassified",
        [PS_SESSION_LIST_DIFFERS] = "list-differs",
        [PS_SESSION_FOREIGN] = "foreign-command",
        [PS_SESSION_BAD_COMMAND] = "unknown-command",
        [PS_SESSION_NO_PARCEL] = "no-clip",
        [PS_SESSION_SHORT] = "short",
    };

    return words[w];
}

void ps_session_init(struct ps_session *s, const struct ps_session_rules *r, const char *operator_id) {
    struct ps_session_rules rules = *r;

    memset(s, 0, sizeof *s);
    s->rules = rules;
    s->kind = PS_KIND_PACK;
    snprintf(s->operator_id, sizeof s->operator_id, "%s", operator_id);
}

void ps_session_abandon(struct ps_session *s) {
    s->state = PS_SESSION_IDLE;
    s->n_seen = s->n_loose = 0;
    s->box = false;
    s->closed[0] = '\0';
}

/* ---- events to columns ---- */

static bool within(const struct ps_session *s, int64_t since, int64_t now) {
    return now - since < s->rules.same_code_ns;
}

static enum column column_of_code(struct ps_session *s, const struct ps_session_event *e) {
    const struct ps_codes_scan *c = &e->scan;

    if (s->state == PS_SESSION_IDLE) /* the trigger may bounce at the end of a clip, too */
        return s->closed[0] && strcmp(s->closed, c->spelling) == 0 && within(s, s->closed_ns, e->mono_ns)
                   ? AGAIN_SOON
                   : OTHER_PARCEL;
    switch (ps_session_codes_relation(s, c)) {
    case PS_SESSION_OTHER_PARCEL: return s->box ? THIS_PARCEL : OTHER_PARCEL;
    case PS_SESSION_THIS_PARCEL: return THIS_PARCEL;
    case PS_SESSION_LOOSE_CODE: return LOOSE;
    case PS_SESSION_AGAIN: break;
    }
    /* A bouncing trigger must not extend its own window, so last_ns stays at what counted. */
    if (within(s, ps_session_codes_seen(s, c->spelling)->last_ns, e->mono_ns))
        return AGAIN_SOON;
    return c->code.type == PS_CODE_UNKNOWN ? UNKNOWN_LATER : AGAIN_LATER;
}

static enum column column_of_scan(struct ps_session *s, const struct ps_session_event *e) {
    switch (e->scan.command) {
    case PS_CODES_NONE: return column_of_code(s, e);
    case PS_CODES_STOP: return STOP;
    case PS_CODES_CANCEL: return CANCEL;
    case PS_CODES_PACK:
    case PS_CODES_RETURN: return NEXT_KIND;
    case PS_CODES_BOX: return BOX;
    case PS_CODES_SIGN_IN: return SIGN_IN;
    case PS_CODES_SIGN_OUT: return SIGN_OUT;
    case PS_CODES_MARK: return MARK;
    case PS_CODES_FOREIGN: return FOREIGN;
    case PS_CODES_BAD: return BAD;
    }
    return BAD;
}

/* COLUMNS when the event moves nothing. */
static enum column column_of(struct ps_session *s, const struct ps_session_event *e) {
    switch (e->type) {
    case PS_SESSION_CODE:
        if (e->scan.command != PS_CODES_FOREIGN)
            s->last_activity_ns = e->mono_ns;
        return column_of_scan(s, e);
    case PS_SESSION_STOP: return STOP;
    case PS_SESSION_CANCEL: return CANCEL;
    case PS_SESSION_SHUTDOWN: return SHUTDOWN;
    case PS_SESSION_CAMERAS_LOST: return CAMERAS;
    case PS_SESSION_DISK_FULL: return DISK;
    case PS_SESSION_FAULT: return FAULT;
    case PS_SESSION_MOTION: s->last_activity_ns = e->mono_ns; return COLUMNS;
    case PS_SESSION_TICK:
        if (s->state == PS_SESSION_IDLE)
            return COLUMNS;
        if (e->mono_ns - s->started_ns >= s->rules.maximum_ns)
            return MAXIMUM;
        if (s->rules.idle_ns && e->mono_ns - s->last_activity_ns >= s->rules.idle_ns)
            return IDLE_TIME;
        return COLUMNS;
    }
    return COLUMNS;
}

/* ---- verbs to actions ---- */

struct actions {
    struct ps_session_action *v;
    unsigned n;
};

static struct ps_session_action *add(struct actions *o, enum ps_session_action_type type) {
    struct ps_session_action *a = &o->v[o->n++];

    memset(a, 0, sizeof *a);
    a->type = type;
    return a;
}

static void warn(struct actions *o, enum ps_session_warning w, const char *text, uint32_t number) {
    struct ps_session_action *a = add(o, PS_SESSION_DO_WARN);

    a->warning = w;
    a->number = number;
    snprintf(a->text, sizeof a->text, "%s", text);
}

static void note(struct actions *o, const char *what, const char *text) {
    struct ps_session_action *a = add(o, PS_SESSION_DO_NOTE);

    a->what = what;
    snprintf(a->text, sizeof a->text, "%s", text);
}

static bool loose(const struct ps_code *c) {
    return c->type == PS_CODE_SKU || c->type == PS_CODE_UNKNOWN;
}

/* What must be said of a parcel's code that is new to the clip. A returned parcel comes with the waybill under which
 * it went out: only an earlier return is a duplicate of a return. */
static void say_of_parcel(struct ps_session *s, const struct ps_session_event *e, struct actions *o) {
    const struct ps_codes_scan *c = &e->scan;

    if (loose(&c->code))
        return;
    if (e->earlier[s->kind])
        warn(o, PS_SESSION_DUPLICATE, c->code.value, e->earlier[s->kind] + 1);
    if (s->kind != PS_KIND_PACK)
        return;
    if (e->order_again[0] && strcmp(e->order_again, c->code.value) != 0)
        warn(o, PS_SESSION_DUPLICATE, e->order_again, 0);
    if (c->list.refunded)
        warn(o, PS_SESSION_REFUNDED, c->list.refunded_order[0] ? c->list.refunded_order : c->code.value, 0);
}

static void begin(struct ps_session *s, const struct ps_session_event *e, struct actions *o) {
    struct ps_session_action *a = add(o, PS_SESSION_DO_START);

    s->n_seen = s->n_loose = 0;
    s->box = false;
    s->opened_by = e->scan.code.type;
    s->state = loose(&e->scan.code) ? PS_SESSION_PROVISIONAL : PS_SESSION_RECORDING;
    s->started_ns = s->last_activity_ns = e->mono_ns;
    a->code = e->scan.code;
    a->kind = s->kind;
    snprintf(a->operator_id, sizeof a->operator_id, "%s", s->operator_id);
    (void)ps_session_codes_keep(s, &e->scan, e->mono_ns, a);
    if (s->opened_by == PS_CODE_SKU)
        note(o, "provisional", e->scan.code.value);
    if (s->opened_by == PS_CODE_UNKNOWN)
        warn(o, PS_SESSION_UNCLASSIFIED, e->scan.code.value, 0);
    if (!s->operator_id[0])
        warn(o, PS_SESSION_NOBODY, "", 0);
    say_of_parcel(s, e, o);
}

static void end(struct ps_session *s, const struct ps_session_event *e, uint8_t reason, struct actions *o) {
    if (e->mono_ns - s->started_ns < s->rules.minimum_ns &&
        (reason == PS_END_NEXT_CODE || reason == PS_END_SAME_CODE || reason == PS_END_STOP))
        warn(o, PS_SESSION_SHORT, "", 0);
    add(o, PS_SESSION_DO_END)->reason = reason;
    s->state = PS_SESSION_IDLE;
    s->n_seen = s->n_loose = 0;
    s->box = false;
    s->closed[0] = '\0';
    if (reason == PS_END_SAME_CODE) {
        snprintf(s->closed, sizeof s->closed, "%s", e->scan.spelling);
        s->closed_ns = e->mono_ns;
    }
}

static void join(struct ps_session *s, const struct ps_session_event *e, struct actions *o) {
    const struct ps_codes_scan *c = &e->scan;
    bool is_new = !ps_session_codes_has(s, c->code.value) && !ps_session_codes_label_known(s, c);
    bool other = ps_session_codes_relation(s, c) == PS_SESSION_OTHER_PARCEL;
    bool differs = is_new && !other && ps_session_codes_list_differs(s, c);
    struct ps_session_action *a = add(o, PS_SESSION_DO_ADD);

    a->code = c->code;
    a->listed = ps_session_codes_keep(s, c, e->mono_ns, a);
    if (loose(&c->code))
        return;
    a->names = s->state == PS_SESSION_PROVISIONAL;
    s->state = PS_SESSION_RECORDING;
    if (other)
        s->box = false;
    if (differs)
        warn(o, PS_SESSION_LIST_DIFFERS, c->code.value, 0);
    if (is_new)
        say_of_parcel(s, e, o);
}

static void people(struct ps_session *s, enum verb verb, const struct ps_codes_scan *c, struct actions *o) {
    if (verb == SET_KIND) {
        s->kind = c->command == PS_CODES_RETURN ? PS_KIND_RETURN : PS_KIND_PACK;
        note(o, "next-kind", ps_opening_kind(s->kind));
    } else if (verb == ENTER) {
        snprintf(s->operator_id, sizeof s->operator_id, "%s", c->argument);
        note(o, "operator", s->operator_id);
    } else {
        note(o, "signed-out", s->operator_id);
        s->operator_id[0] = '\0';
    }
}

int ps_session_step(struct ps_session *s, const struct ps_session_event *e,
                    struct ps_session_action out[PS_SESSION_ACTIONS]) {
    struct actions o = {.v = out};
    enum column column = column_of(s, e);
    struct cell c = column == COLUMNS ? (struct cell){NOTHING, 0} : table[s->state][column];

    switch (c.verb) {
    case NOTHING: break;
    case BEGIN: begin(s, e, &o); break;
    case SWITCH:
        end(s, e, c.with, &o);
        begin(s, e, &o);
        break;
    case END: end(s, e, c.with, &o); break;
    case IGNORE: add(&o, PS_SESSION_DO_IGNORE)->code = e->scan.code; break;
    case ADD: join(s, e, &o); break;
    case WARN:
        warn(&o, (enum ps_session_warning)c.with, e->type == PS_SESSION_CODE ? e->scan.code.value : "", 0);
        break;
    case SET_BOX:
        s->box = true;
        note(&o, "box", "");
        break;
    case NOTE_MARK: note(&o, "mark", ""); break;
    case SET_KIND:
    case ENTER:
    case LEAVE: people(s, c.verb, &e->scan, &o); break;
    }
    return (int)o.n;
}
