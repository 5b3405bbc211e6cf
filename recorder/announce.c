/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/announce.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recorder/clock.h"
#include "recorder/perform.h"

#define ALARMS_EVERY_NS 100000000LL /* they ask the disk and every camera */

struct ps_announce {
    uint64_t seq;
    json_t *state, *alarms; /* as they were told last; NULL: to nobody */
    enum ps_feed_state camera[PS_CONFIG_CAMERAS];
    int64_t next_alarms_ns;
    /* the time line of the clip that runs, as far as it was looked at */
    uint64_t serial;
    uint32_t n_events;
};

/* What is heard of it; NULL: nothing. */
struct sound {
    const char *word, *tone, *say;
};

static const struct sound alarm_sounds[] = {
    {"camera-lost", "alarm", "camera-lost"},
    {"scanner-lost", "alarm", "scanner-lost"},
    {"scale-lost", "warn", NULL},
    {"scale-strange", "warn", NULL},
    {"signer-away", "alarm", "signer-away"},
    {"disk-low", "warn", "disk-low"},
    {"disk-full", "alarm", "disk-full"},
    {"clock-unsynced", "warn", "clock-unsynced"},
    {"label-not-seen", "warn", "label-not-seen"},
    {"picture-dark", "warn", "picture-dark"},
    {"picture-covered", "warn", "picture-covered"},
    {"picture-blurred", "warn", "picture-blurred"},
    {"picture-frozen", "warn", "picture-frozen"},
    {"camera-moved", "warn", "camera-moved"},
    {"fault", "alarm", "fault"},
};

/* Of `said`. */
static const struct sound scan_sounds[] = {
    {"started", "start", "recording"},
    {"next", "next", "recording"},
    {"ended", "end", "sealing"},
    {"cancelled", "end", "cancelled"},
    {"added", "added", NULL},
    {"named", "added", NULL},
    {"ignored", "ignored", NULL},
    {"refused", "refused", "refused"},
    {"operator", "added", "signed-in"},
    {"signed-out", "added", "signed-out"},
    {"box", "added", "box"},
    {"mark", "added", "mark"},
    {"next-kind return", "added", "return"},
    {"next-kind pack", "added", "pack"},
};

/* What is wrong is said instead of what was done; the gravest first. */
static const struct {
    enum ps_session_warning w;
    const char *tone, *say;
} warning_sounds[] = {
    {PS_SESSION_REFUNDED, "alarm", "refunded"},
    {PS_SESSION_LIST_DIFFERS, "warn", "not-this-order"},
    {PS_SESSION_DUPLICATE, "warn", "duplicate"},
    {PS_SESSION_NOTHING_TO_END, "refused", "nothing-records"},
    {PS_SESSION_NO_PARCEL, "refused", "nothing-records"},
    {PS_SESSION_UNCLASSIFIED, "warn", "unclassified"},
    {PS_SESSION_NOBODY, NULL, "nobody"},
};

static const struct sound *sound_of(const struct sound *all, size_t n, const char *word) {
    static const struct sound silence = {"", NULL, NULL};

    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i].word, word) == 0)
            return &all[i];
    return &silence;
}
#define SOUND_OF(table, word) sound_of(table, sizeof(table) / sizeof(table)[0], word)

int ps_announce_new(struct ps_announce **out) {
    *out = calloc(1, sizeof **out);
    return *out ? 0 : PS_ENOMEM;
}

void ps_announce_free(struct ps_announce *a) {
    if (!a)
        return;
    json_decref(a->state);
    json_decref(a->alarms);
    free(a);
}

/* ---- any event ---- */

void ps_announce_event(struct ps_station *st, const char *event, json_t *members, const char *tone,
                       const char *say) {
    char at[PS_CLOCK_TEXT];
    json_t *o = NULL;
    char *text;

    st->announce->seq++;
    if (ps_control_listeners(st->control) == 0)
        goto out;
    ps_clock_text(ps_clock_wall_ns(), at);
    o = json_pack("{s:s, s:I, s:s, s:I}", "event", event, "seq", (json_int_t)st->announce->seq, "at", at,
                  "mono_ns", (json_int_t)ps_clock_mono_ns());
    if (!o)
        goto out;
    json_object_update(o, members);
    if (tone)
        json_object_set_new(o, "tone", json_string(tone));
    if (say)
        json_object_set_new(o, "say", json_string(say));
    text = json_dumps(o, JSON_COMPACT);
    if (text)
        ps_control_tell(st->control, text);
    free(text);
out:
    json_decref(o);
    json_decref(members);
}

/* ---- scans ---- */

/* One word for what a step did; NULL: nothing that a packer would notice. */
static const char *said_of(const struct ps_session_action *a, int n, const char **reason) {
    const char *said = NULL;
    bool start = false, end = false;

    for (int i = 0; i < n; i++) {
        start = start || a[i].type == PS_SESSION_DO_START;
        if (a[i].type == PS_SESSION_DO_END) {
            end = true;
            *reason = ps_statement_end_reason(a[i].reason);
            said = a[i].reason == PS_END_CANCELLED ? "cancelled" : "ended";
        } else if (a[i].type == PS_SESSION_DO_ADD) {
            said = a[i].names ? "named" : "added";
        } else if (a[i].type == PS_SESSION_DO_IGNORE) {
            said = "ignored";
        } else if (a[i].type == PS_SESSION_DO_NOTE && !said) {
            said = a[i].what;
        } else if (a[i].type == PS_SESSION_DO_WARN && !said) {
            said = "refused";
        }
    }
    return start ? end ? "next" : "started" : said;
}

static void announce_scan(struct ps_station *st, const struct ps_session_event *e, const char *said,
                          const struct ps_session_action *a, int n) {
    const struct ps_code *c = &e->scan.code;
    const char *why = NULL;
    char word[32];
    uint32_t warnings = 0;

    for (int i = 0; i < n; i++)
        if (a[i].type == PS_SESSION_DO_WARN) {
            warnings |= 1u << a[i].warning;
            why = ps_session_warning_word(a[i].warning);
        }
    snprintf(word, sizeof word, "%s%s%s", said, strcmp(said, "next-kind") == 0 ? " " : "",
             strcmp(said, "next-kind") == 0 ? ps_opening_kind(st->session.kind) : "");
    struct sound s = *SOUND_OF(scan_sounds, word);
    for (size_t i = sizeof warning_sounds / sizeof warning_sounds[0]; i-- > 0;)
        if (warnings & 1u << warning_sounds[i].w) {
            s.tone = warning_sounds[i].tone ? warning_sounds[i].tone : s.tone;
            s.say = warning_sounds[i].say;
        }
    ps_announce_event(st, "scan",
                      json_pack("{s:s, s:s, s:s, s:s, s:s?, s:o, s:I}", "code", c->value, "device", c->device,
                                "entry", ps_opening_entry(c->entry), "said", said, "why",
                                strcmp(said, "refused") == 0 ? why : NULL, "warnings",
                                ps_perform_warnings(warnings), "scan_mono_ns", (json_int_t)e->mono_ns),
                      s.tone, s.say);
}

static json_t *clip_name(const struct ps_recording *r) {
    char name[40];

    if (!r || !r->opened)
        return json_null();
    ps_statement_clip_name(r->clip->opening.station, r->clip->number, name);
    return json_string(name);
}

static json_t *codes_of(const struct ps_station *st) {
    return st->rec ? ps_perform_codes(st->rec->clip) : json_array();
}

void ps_announce_step(struct ps_station *st, const struct ps_session_event *e,
                      const struct ps_session_action *a, int n) {
    const char *reason = NULL, *said = said_of(a, n, &reason);
    bool maximum = reason && strcmp(reason, "maximum") == 0;

    if (said && e->type == PS_SESSION_CODE)
        announce_scan(st, e, said, a, n);
    if (!reason)
        return;
    /* Who scanned has heard it. */
    bool by_scan = e->type == PS_SESSION_CODE;
    ps_announce_event(
        st, "ended",
        json_pack("{s:o, s:o, s:s}", "clip", clip_name(st->rec), "codes", codes_of(st), "reason", reason),
        by_scan   ? NULL
        : maximum ? "warn"
                  : "end",
        by_scan   ? NULL
        : maximum ? "maximum"
                  : "sealing");
}

void ps_announce_refused(struct ps_station *st, const struct ps_station_action *a, const char *what) {
    const struct ps_code *c = &a->a.code;
    const char *why = strncmp(what, "disk full", 9) == 0 ? "disk-full" : "fault";

    ps_announce_event(st, "scan",
                      json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:I}", "code", c->value, "device",
                                c->device, "entry", ps_opening_entry(c->entry), "said", "refused", "why", why,
                                "text", what, "warnings", ps_perform_warnings(a->warnings), "scan_mono_ns",
                                (json_int_t)a->mono_ns),
                      "alarm", why);
}

/* ---- clips ---- */

void ps_announce_opened(struct ps_station *st) {
    const struct ps_clip *c = st->rec->clip;

    ps_announce_event(st, "opened",
                      json_pack("{s:o, s:o, s:s, s:i, s:n}", "clip", clip_name(st->rec), "codes",
                                codes_of(st), "kind", ps_opening_kind(c->opening.kind), "take", (int)c->take,
                                "first_frame_mono_ns"),
                      NULL, NULL);
}

void ps_announce_frame(struct ps_station *st, const struct ps_letter *l) {
    ps_announce_event(st, "frame",
                      json_pack("{s:o, s:s, s:s, s:I}", "clip", clip_name(st->rec), "camera", l->track.camera,
                                "file", l->track.file.name, "first_frame_mono_ns", (json_int_t)l->mono_ns),
                      NULL, NULL);
}

json_t *ps_announce_facts(const struct ps_clip *c) {
    const char *reason = ps_statement_end_reason(c->end_reason), *kind = ps_opening_kind(c->opening.kind);
    uint32_t unwitnessed = 0;

    for (uint16_t i = 0; i < c->n_tracks; i++) {
        for (uint32_t k = 0; k < c->tracks[i].n_unwitnessed; k++)
            unwitnessed += c->tracks[i].unwitnessed[k].last - c->tracks[i].unwitnessed[k].first + 1;
        unwitnessed -= c->tracks[i].n_preroll; /* which never are, and nobody need look */
    }
    return json_pack("{s:o, s:s, s:s, s:I, s:I}", "codes", ps_perform_codes(c), "reason",
                     reason ? reason : "", "kind", kind ? kind : "", "seconds",
                     (json_int_t)((c->ended.boot_ns - c->started.boot_ns) / 1000000000), "unwitnessed",
                     (json_int_t)unwitnessed);
}

void ps_announce_sealed(struct ps_station *st, struct ps_sealed *s) {
    json_t *facts = s->facts;
    bool quiet = st->rec || st->n_todo; /* the next clip has the word */

    s->facts = NULL; /* transferred */
    switch (s->what) {
    case PS_SEALED_DONE: {
        json_t *o = json_pack("{s:s, s:s}", "clip", s->name, "path", s->path);
        if (o)
            json_object_update(o, facts);
        ps_announce_event(st, "sealed", o, NULL, quiet || !s->serial ? NULL : "sealed");
        break;
    }
    case PS_SEALED_ABORTED:
    case PS_SEALED_WAITING:
        ps_announce_event(st, "unsealed",
                          json_pack("{s:s, s:s, s:b}", "clip", s->name, "why", s->why.text, "aborted",
                                    s->what == PS_SEALED_ABORTED),
                          "warn", "unsealed");
        break;
    case PS_SEALED_UNOPENED: break;
    }
    json_decref(facts);
}

/* ---- what is compared with the last time ---- */

static void tell_state(struct ps_station *st) {
    struct ps_announce *a = st->announce;
    json_t *now = ps_status_state(st);

    if (!now || json_equal(now, a->state)) {
        json_decref(now);
        return;
    }
    bool again =
        json_is_true(json_object_get(now, "able")) && !json_is_true(json_object_get(a->state, "able"));
    json_decref(a->state);
    a->state = now;
    ps_announce_event(st, "state", json_copy(now), again ? "added" : NULL, again ? "ready" : NULL);
}

/* "camera-lost: top" of "camera-lost: top: unplugged": what it is about, whatever is said of it. */
static size_t subject(const char *s) {
    size_t what = strcspn(s, ":");

    return s[what] ? what + 1 + strcspn(s + what + 1, ":") : what;
}

static const char *find_alarm(const json_t *all, const char *s) {
    size_t i, n = subject(s);
    json_t *v;

    json_array_foreach(all, i, v) {
        const char *other = json_string_value(v);
        if (subject(other) == n && strncmp(other, s, n) == 0)
            return other;
    }
    return NULL;
}

static void tell_alarm(struct ps_station *st, const char *s, bool on, bool anew) {
    size_t n = strcspn(s, ":");
    const char *detail = s[n] ? s + n + 1 + strspn(s + n + 1, " ") : "";
    char what[64];
    struct sound sound = {"", NULL, NULL};

    snprintf(what, sizeof what, "%.*s", (int)(n < sizeof what ? n : sizeof what - 1), s);
    if (anew)
        sound = *SOUND_OF(alarm_sounds, what);
    ps_announce_event(st, "alarm",
                      json_pack("{s:s, s:s, s:b}", "alarm", what, "detail", detail, "on", (int)on),
                      sound.tone, sound.say);
}

static void tell_alarms(struct ps_station *st) {
    struct ps_announce *a = st->announce;
    json_t *now = ps_status_alarms(st), *v;
    size_t i;

    json_array_foreach(a->alarms, i, v) if (!find_alarm(now, json_string_value(v)))
        tell_alarm(st, json_string_value(v), false, false);
    json_array_foreach(now, i, v) {
        const char *s = json_string_value(v), *before = find_alarm(a->alarms, s);
        if (!before || strcmp(before, s) != 0)
            tell_alarm(st, s, true, !before);
    }
    json_decref(a->alarms);
    a->alarms = now;
}

static void tell_cameras(struct ps_station *st, bool aloud) {
    for (unsigned i = 0; i < st->n_lanes; i++) {
        struct ps_feed_status f;
        ps_lane_feed(st->lane[i], &f);
        if (f.state == st->announce->camera[i])
            continue;
        st->announce->camera[i] = f.state;
        if (aloud)
            ps_announce_event(st, "camera",
                              json_pack("{s:s, s:s, s:s}", "name", st->config.cameras[i].name, "state",
                                        ps_status_feed(f.state), "why",
                                        f.state == PS_FEED_LIVE ? "" : f.why.text),
                              NULL, NULL);
    }
}

/* What was seen of the label stands on the clip's time line. */
static void tell_label(struct ps_station *st, bool aloud) {
    static const char *const verdicts[][2] = {
        {"label", "matched"}, {"label-other", "other"}, {"label-not-seen", "not-seen"}};
    struct ps_announce *a = st->announce;
    uint64_t serial = st->rec ? st->serial : 0;

    if (a->serial != serial) {
        a->serial = serial;
        a->n_events = 0;
    }
    for (; st->rec && a->n_events < st->rec->clip->n_events; a->n_events++) {
        const struct ps_event *e = &st->rec->clip->events[a->n_events];
        for (unsigned i = 0; aloud && i < 3; i++)
            if (strcmp(e->what, verdicts[i][0]) == 0)
                ps_announce_event(st, "label",
                                  json_pack("{s:s, s:s}", "verdict", verdicts[i][1], "code", e->text),
                                  i == 1 ? "warn" : NULL, i == 1 ? "not-this-order" : NULL);
    }
}

void ps_announce_tick(struct ps_station *st, int64_t mono_ns) {
    struct ps_announce *a = st->announce;

    if (ps_control_listeners(st->control) == 0)
        return;
    tell_state(st);
    tell_label(st, true);
    if (mono_ns < a->next_alarms_ns)
        return;
    a->next_alarms_ns = mono_ns + ALARMS_EVERY_NS;
    tell_cameras(st, true);
    tell_alarms(st);
}

void ps_announce_listen(struct ps_station *st, uint64_t client) {
    struct ps_announce *a = st->announce;

    if (ps_control_listeners(st->control) ==
        0) { /* what changed while nobody listened is told by the status */
        json_decref(a->state);
        json_decref(a->alarms);
        a->state = ps_status_state(st);
        a->alarms = ps_status_alarms(st);
        tell_cameras(st, false);
        tell_label(st, false);
    } else {
        a->next_alarms_ns = 0;
        ps_announce_tick(st, ps_clock_mono_ns());
    }
    ps_control_ok(st->control, client, json_pack("{s:o}", "status", ps_status_json(st)));
    ps_control_listen(st->control, client);
}
