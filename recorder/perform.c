/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/perform.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "recorder/caption.h"

/* What a person does about it; NULL for what is said softly. */
static const char *todo_of(enum ps_session_warning w) {
    switch (w) {
    case PS_SESSION_DUPLICATE: return "recorded before: is it the right parcel?";
    case PS_SESSION_REFUNDED: return "refunded: do not ship";
    case PS_SESSION_LIST_DIFFERS: return "the list of orders has another waybill: is it the right label?";
    case PS_SESSION_FOREIGN: return "a command barcode of another site: refused";
    case PS_SESSION_BAD_COMMAND: return "a command barcode that means nothing: refused";
    case PS_SESSION_NOTHING_TO_END: return "nothing is recording";
    case PS_SESSION_NO_PARCEL: return "nothing is recording";
    case PS_SESSION_NOBODY:
    case PS_SESSION_UNCLASSIFIED:
    case PS_SESSION_SHORT:
    case PS_SESSION_WARNINGS: return NULL;
    }
    return NULL;
}

json_t *ps_perform_warnings(uint32_t bits) {
    json_t *all = json_array();

    for (unsigned w = 0; w < PS_SESSION_WARNINGS; w++)
        if (bits & 1u << w)
            json_array_append_new(all, json_string(ps_session_warning_word((enum ps_session_warning)w)));
    return all;
}

json_t *ps_perform_codes(const struct ps_clip *c) {
    json_t *codes = json_array();

    for (int i = 0; i < c->opening.n_codes; i++)
        json_array_append_new(codes, json_string(c->opening.codes[i].value));
    for (int i = 0; i < c->n_added_codes; i++)
        json_array_append_new(codes, json_string(c->added_codes[i].value));
    return codes;
}

void ps_perform_answer(struct ps_station *st, uint64_t client, const char *said, uint32_t warnings) {
    if (client)
        ps_control_ok(st->control, client,
                      json_pack("{s:s, s:s, s:o}", "state", st->rec ? "recording" : "idle", "said", said,
                                "warnings", ps_perform_warnings(warnings)));
}

/* A clip goes on without a remark that finds no place. */
static void event(struct ps_station *st, int64_t mono_ns, const char *what, const char *text) {
    if (st->rec && ps_recording_event(st->rec, mono_ns, what, text) < 0)
        ps_station_alarm("an event could not be kept: %s %s", what, text);
}

static void put_code(struct ps_station *st, const struct ps_code *c) {
    int err = ps_recording_code(st->rec, c);

    if (err < 0)
        ps_station_alarm("a code could not be added: %s: %s", c->value, ps_error_text(err));
    else if (c->type != PS_CODE_SKU && c->type != PS_CODE_UNKNOWN)
        ps_desk_remember(&st->desk, c->value, st->rec->clip->opening.kind);
}

static void add(struct ps_station *st, const struct ps_station_action *a) {
    if (!st->rec) { /* its clip could not begin, which was said */
        ps_control_error(st->control, a->client, "nothing is recording", a->a.code.value, "scan again");
        return;
    }
    if (a->a.listed)
        put_code(st, &a->a.code);
    event(st, a->mono_ns, "scan", a->a.code.value);
    if (a->a.names)
        event(st, a->mono_ns, "named", a->a.code.value);
    for (unsigned i = 0; i < a->a.n_links; i++) {
        struct ps_code k;
        ps_desk_link(&st->desk, &a->a.links[i], &k);
        k.wall_ns = a->a.code.wall_ns;
        put_code(st, &k);
    }
    if (a->a.names)
        ps_caption_named(st, a->a.code.value);
    ps_perform_answer(st, a->client, a->a.names ? "named" : "added", a->warnings);
}

static void warn(struct ps_station *st, const struct ps_station_action *a) {
    const char *word = ps_session_warning_word(a->a.warning), *todo = todo_of(a->a.warning);

    event(st, a->mono_ns, word, a->a.text);
    if (todo && a->a.number)
        ps_station_alarm("%s: %s: %s (take %u)", word, a->a.text, todo, a->a.number);
    else if (todo)
        ps_station_alarm("%s: %s: %s", word, a->a.text[0] ? a->a.text : "scan", todo);
    else
        ps_station_say("%s%s%s", word, a->a.text[0] ? ": " : "", a->a.text);
    /* Only a warning that stands alone is somebody's answer: the code was refused. */
    if (a->a.warning == PS_SESSION_NOTHING_TO_END || a->a.warning == PS_SESSION_NO_PARCEL)
        ps_control_error(st->control, a->client, todo, "stop", "scan a code first");
    else
        ps_control_error(st->control, a->client, todo ? todo : word, a->a.text,
                         "scan one of this station's sheet");
}

void ps_perform(struct ps_station *st, const struct ps_station_action *a) {
    switch (a->a.type) {
    case PS_SESSION_DO_IGNORE:
        event(st, a->mono_ns, "ignored", a->a.code.value);
        ps_station_say("same code again within 5 s, ignored: %s", a->a.code.value);
        ps_perform_answer(st, a->client, "ignored", 0);
        return;
    case PS_SESSION_DO_ADD: add(st, a); return;
    case PS_SESSION_DO_NOTE:
        event(st, a->mono_ns, a->a.what, a->a.text);
        for (unsigned i = 0; strcmp(a->a.what, "mark") == 0 && i < st->n_lanes; i++)
            ps_lane_mark(st->lane[i], a->mono_ns);
        ps_station_say("%s%s%s", a->a.what, a->a.text[0] ? ": " : "", a->a.text);
        ps_perform_answer(st, a->client, a->a.what, a->warnings);
        return;
    case PS_SESSION_DO_WARN: warn(st, a); return;
    case PS_SESSION_DO_START:
    case PS_SESSION_DO_END: return;
    }
}

static void alarm_text(json_t *alarms, const char *what, const char *text) {
    char line[256];

    snprintf(line, sizeof line, "%.32s: %.200s", what, text);
    json_array_append_new(alarms, json_string(line));
}

void ps_perform_alarms(const struct ps_station *st, json_t *alarms) {
    static const enum ps_session_warning loud[] = {PS_SESSION_REFUNDED, PS_SESSION_DUPLICATE,
                                                   PS_SESSION_LIST_DIFFERS};

    if (st->desk.carriers_told[0])
        alarm_text(alarms, "carriers", st->desk.carriers_told);
    if (st->desk.orders_told[0])
        alarm_text(alarms, "orders", st->desk.orders_told);
    for (uint32_t i = 0; st->rec && i < st->rec->clip->n_events; i++)
        for (size_t k = 0; k < sizeof loud / sizeof loud[0]; k++)
            if (strcmp(st->rec->clip->events[i].what, ps_session_warning_word(loud[k])) == 0)
                alarm_text(alarms, st->rec->clip->events[i].what, st->rec->clip->events[i].text);
}

void ps_perform_tick(struct ps_station *st, int64_t mono_ns) {
    char text[256];
    bool loud;

    if (!ps_desk_tick(&st->desk, mono_ns, text, &loud))
        return;
    if (loud)
        ps_station_alarm("%s", text);
    else
        ps_station_say("%s", text);
}
