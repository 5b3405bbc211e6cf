/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/sight.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive/store.h"
#include "evidence/bytes.h"
#include "evidence/sha256.h"
#include "recorder/clock.h"
#include "recorder/codes.h"
#include "recorder/label.h"
#include "recorder/station.h"
#include "recorder/watch.h"
#include "recorder/watch_reference.h"

#define SECOND 1000000000LL
#define OTHERS 8               /* strangers' labels that one clip tells of */
#define GATHER_NS (5 * SECOND) /* cameras get their references one after the other: one leaf for all */
#define APPEND_RETRY_NS (30 * SECOND)
#define HEALTH_PICTURE 128 /* docs/FORMAT.md section 4.4 */

struct ps_sight {
    struct ps_watch *watch;
    struct ps_label_gate scans;
    unsigned alarms[PS_CONFIG_CAMERAS]; /* as they were said */
    /* the clip that is recording */
    uint64_t serial; /* 0: none */
    struct ps_label_gate strangers;
    unsigned stated[PS_CONFIG_CAMERAS];
    bool looked, own, missed;
    int64_t own_ns; /* of the newest sight */
    unsigned n_others, n_codes;
    char other[OTHERS][PS_MAX_CODE + 1];
    /* the ledger's memory of the reference pictures */
    uint8_t referred[32]; /* digest over those that it knows of */
    int64_t refer_ns;     /* when to tell it of newer ones; 0: nothing to tell */
    char *pending;        /* status that is written and not in the ledger yet */
};

bool ps_sight_is_source(const char *source) {
    return strncmp(source, "camera:", 7) == 0;
}

bool ps_sight_same(const char *a, const char *b) {
    size_t na = strlen(a), nb = strlen(b), n = na < nb ? na : nb;

    return n > 0 && strncmp(a, b, n) == 0 && (na == nb || (na > nb ? a : b)[n] == '-');
}

static bool is_of_clip(const struct ps_clip *c, const char *value) {
    for (int i = 0; i < c->opening.n_codes; i++)
        if (ps_sight_same(c->opening.codes[i].value, value))
            return true;
    for (int i = 0; i < c->n_added_codes; i++)
        if (ps_sight_same(c->added_codes[i].value, value))
            return true;
    return false;
}

static bool records(const struct ps_station *st) {
    return st->rec && !st->ending;
}

/* ---- the clip's label ---- */

static void state_label(struct ps_station *st, uint8_t label) {
    if (st->rec->clip->label != label && ps_recording_label(st->rec, label) < 0)
        ps_station_alarm("cannot write what was seen of the label: %s", st->rec->id);
}

static void remark(struct ps_station *st, int64_t mono_ns, const char *what, const char *text) {
    ps_recording_event(st->rec, mono_ns, what, text); /* no room for one more remark is no fault */
}

/* Each time that it comes into sight is told, not each look. */
static void saw_own(struct ps_station *st, int64_t mono_ns, const char *value) {
    struct ps_sight *g = st->sight;
    bool anew = !g->own || mono_ns - g->own_ns > (int64_t)st->config.label_away * SECOND;

    if (anew)
        remark(st, mono_ns, "label", value);
    if (!g->own)
        ps_station_say("label seen: %s", value);
    g->own = true;
    g->own_ns = mono_ns;
    state_label(st, PS_LABEL_MATCHED);
}

/* Another parcel's label counts when it was seen twice: one misread code must not accuse anybody. */
static void saw_other(struct ps_station *st, int64_t mono_ns, const char *value) {
    struct ps_sight *g = st->sight;

    if (!ps_label_gate(&g->strangers, value, mono_ns, INT64_MAX / 2) || g->n_others == OTHERS)
        return;
    snprintf(g->other[g->n_others++], sizeof g->other[0], "%s", value);
    remark(st, mono_ns, "label-other", value);
    ps_station_say("another label seen: %s", value);
    if (!g->own)
        state_label(st, PS_LABEL_OTHER);
}

/* A number that was scanned after its label had been seen. */
static void look_back(struct ps_station *st) {
    struct ps_sight *g = st->sight;
    const struct ps_clip *c = st->rec->clip;
    unsigned n = (unsigned)(c->opening.n_codes + c->n_added_codes);

    if (n == g->n_codes)
        return;
    g->n_codes = n;
    for (unsigned i = 0; i < g->n_others && !g->own; i++)
        if (is_of_clip(c, g->other[i]))
            saw_own(st, ps_clock_mono_ns(), g->other[i]);
}

static void miss_label(struct ps_station *st, int64_t now) {
    struct ps_sight *g = st->sight;
    const char *value = st->rec->clip->opening.codes[0].value;

    if (g->missed || g->own || !g->looked || !st->config.label_seconds ||
        now - st->rec->started_mono_ns < (int64_t)st->config.label_seconds * SECOND)
        return;
    g->missed = true;
    remark(st, now, "label-not-seen", value);
    ps_station_alarm("the label of %s was not seen yet: show it to a camera before the parcel leaves", value);
}

/* ---- events of the watch ---- */

static bool is_parcel(const struct ps_code *c) {
    return c->type == PS_CODE_WAYBILL || c->type == PS_CODE_PARCEL || c->type == PS_CODE_ORDER;
}

static const char *scanner_of(const struct ps_station *st, unsigned camera) {
    for (unsigned i = 0; i < st->config.n_scanners; i++) {
        const char *source = st->config.scanners[i].source;
        if (ps_sight_is_source(source) && strcmp(source + 7, st->config.cameras[camera].name) == 0)
            return st->config.scanners[i].name;
    }
    return NULL;
}

static void on_label(struct ps_station *st, const struct ps_watch_event *e) {
    struct ps_sight *g = st->sight;
    const char *scanner = scanner_of(st, e->camera);
    struct ps_code code;

    ps_codes_classify(e->text, &code);
    bool recording = records(st) && g->serial == st->serial && e->mono_ns >= st->rec->started_mono_ns;
    bool own = st->rec && is_of_clip(st->rec->clip, code.value);
    if (!own && !is_parcel(&code))
        return;
    /* Also for the clip's own code, so that it is known to be in sight when the clip has ended. */
    bool scanned =
        scanner && ps_label_gate(&g->scans, code.value, e->mono_ns, (int64_t)st->config.label_away * SECOND);
    if (recording && own)
        saw_own(st, e->mono_ns, code.value);
    else if (recording)
        saw_other(st, e->mono_ns, code.value);
    if (scanned && !own)
        ps_conduct_code(st, e->text, PS_ENTRY_CAMERA, scanner, e->mono_ns, 0);
}

/* ---- alarms ---- */

static void state_alarms(struct ps_station *st, unsigned camera, unsigned now_on, int64_t now) {
    struct ps_sight *g = st->sight;
    const char *name = st->config.cameras[camera].name;
    unsigned changed = g->stated[camera] ^ now_on;
    char what[PS_MAX_NAME + 1];

    for (unsigned i = 0; i < PS_GAUGE_ALARMS; i++) {
        if (!(changed & 1u << i))
            continue;
        snprintf(what, sizeof what, "%s%s", ps_gauge_alarm_word(i), now_on & 1u << i ? "" : "-over");
        remark(st, now, what, name);
    }
    g->stated[camera] = now_on;
}

static void say_alarms(struct ps_station *st, unsigned camera, unsigned now_on) {
    struct ps_sight *g = st->sight;
    const char *name = st->config.cameras[camera].name;
    unsigned changed = g->alarms[camera] ^ now_on;

    for (unsigned i = 0; i < PS_GAUGE_ALARMS; i++)
        if (changed & now_on & 1u << i)
            ps_station_alarm("%s: %s: look at the camera", ps_gauge_alarm_word(i), name);
        else if (changed & 1u << i)
            ps_station_say("%s is over: %s", ps_gauge_alarm_word(i), name);
    g->alarms[camera] = now_on;
}

/* ---- reference pictures in the ledger ---- */

static unsigned count_live(struct ps_station *st) {
    unsigned live = 0;

    for (unsigned i = 0; i < st->n_lanes; i++) {
        struct ps_feed_status f;
        ps_lane_feed(st->lane[i], &f);
        live += f.state == PS_FEED_LIVE;
    }
    return live;
}

/* The sum of FORMAT.md section 4.4, from the words that the status uses. */
static unsigned alarm_bits(const json_t *status) {
    static const struct {
        const char *word;
        unsigned bit;
    } words[] = {{"camera-lost", 1}, {"scanner-lost", 2},    {"signer-away", 4}, {"disk-low", 8},
                 {"disk-full", 8},   {"clock-unsynced", 16}, {"unsealed", 32},   {"fault", 64}};
    unsigned sum = 0;
    size_t i;
    json_t *v;

    json_array_foreach(json_object_get(status, "alarms"), i, v) {
        const char *s = json_string_value(v);
        for (unsigned k = 0; k < sizeof words / sizeof words[0]; k++)
            if (strncmp(s, words[k].word, strlen(words[k].word)) == 0 && s[strlen(words[k].word)] == ':')
                sum |= words[k].bit;
        for (unsigned k = 0; k < PS_GAUGE_ALARMS; k++)
            if (strncmp(s, ps_gauge_alarm_word(k), strlen(ps_gauge_alarm_word(k))) == 0)
                sum |= HEALTH_PICTURE;
    }
    return sum;
}

static int append_health(struct ps_station *st, const json_t *status, const char *text) {
    struct ps_wire_append a = {.type = PS_LEAF_HEALTH};
    struct ps_wire_appended got;
    struct ps_buf b;

    ps_sha256(a.digest, text, strlen(text));
    ps_buf_init(&b, PS_LEAF_HEALTH_EXTRA);
    ps_buf_u32(&b, (uint32_t)json_integer_value(json_object_get(status, "uptime_s")));
    ps_buf_u32(&b, (uint32_t)json_integer_value(json_object_get(status, "free_mb")));
    ps_buf_u16(&b, (uint16_t)alarm_bits(status));
    ps_buf_u8(&b, (uint8_t)count_live(st));
    ps_buf_u8(&b, (uint8_t)st->n_lanes);
    int err = b.err;
    if (!err) {
        memcpy(a.extra, b.p, b.n);
        a.extra_len = (uint16_t)b.n;
        err = ps_notary_append(st->notary, &a, &got, NULL);
    }
    ps_buf_free(&b);
    return err;
}

/* Digest over all cameras' references; false while there is none. */
static bool references(struct ps_station *st, uint8_t sha256[32], char day[11]) {
    struct ps_sha256 h;
    bool any = false;

    ps_sha256_init(&h);
    for (unsigned i = 0; i < st->n_lanes; i++) {
        struct ps_watch_state s;
        ps_watch_state(st->sight->watch, i, &s);
        ps_sha256_update(&h, s.reference, sizeof s.reference);
        if (s.has_reference && (!any || strcmp(s.reference_day, day) > 0))
            snprintf(day, 11, "%s", s.reference_day);
        any = any || s.has_reference;
    }
    ps_sha256_final(&h, sha256);
    return any;
}

/* Writes the status that names the references beside them; false when that was done before. */
static bool write_status(struct ps_station *st, const uint8_t sha256[32], const char *day) {
    struct ps_sight *g = st->sight;
    json_t *status = ps_status_json(st);
    char name[64], hex[17];
    struct ps_why why;

    free(g->pending);
    g->pending = status ? json_dumps(status, JSON_COMPACT) : NULL;
    json_decref(status);
    if (!g->pending)
        return false;
    ps_bytes_hex(hex, sha256, 8);
    snprintf(name, sizeof name, "status-%s.json", hex);
    if (ps_watch_reference_note(st->root, day, name, g->pending, strlen(g->pending), &why) == 0)
        return true;
    free(g->pending); /* there already, or the disk refuses: a leaf whose bytes nobody has says nothing */
    g->pending = NULL;
    return false;
}

static void tell_ledger(struct ps_station *st, int64_t now) {
    struct ps_sight *g = st->sight;
    uint8_t sha256[32];
    char day[11] = "";

    if (references(st, sha256, day) && memcmp(sha256, g->referred, 32) != 0) {
        memcpy(g->referred, sha256, 32);
        g->refer_ns = now + GATHER_NS;
    }
    if (!g->refer_ns || now < g->refer_ns)
        return;
    g->refer_ns = 0;
    if (!g->pending && !write_status(st, g->referred, day))
        return;
    json_t *status = json_loads(g->pending, 0, NULL);
    int err = status ? append_health(st, status, g->pending) : 0;
    json_decref(status);
    if (err == PS_EGONE) { /* the signer is away: once more, the same bytes */
        g->refer_ns = now + APPEND_RETRY_NS;
        return;
    }
    free(g->pending);
    g->pending = NULL;
}

/* ---- the station's side ---- */

static bool look(void *ctx, unsigned camera, struct ps_frame *f, int timeout_ms) {
    const struct ps_station *st = ctx;

    return ps_lane_look(st->lane[camera], f, timeout_ms);
}

void ps_sight_start(struct ps_station *st) {
    struct ps_watch_spec s = {.n_cameras = st->n_lanes,
                              .label_kinds = st->config.label_read,
                              .label_density = st->config.label_density,
                              .alarms = st->config.picture_alarms,
                              .keep_days = st->config.days,
                              .look = look,
                              .ctx = st};

    _Static_assert(PS_LABEL_CODE128 == PS_CONFIG_LABEL_CODE128 && PS_LABEL_CODE39 == PS_CONFIG_LABEL_CODE39 &&
                       PS_LABEL_CODE93 == PS_CONFIG_LABEL_CODE93 && PS_LABEL_QR == PS_CONFIG_LABEL_QR,
                   "kinds are passed on as they are");
    if (!st->n_lanes)
        return;
    st->sight = calloc(1, sizeof *st->sight);
    for (unsigned i = 0; i < st->n_lanes; i++)
        s.camera[i] = st->config.cameras[i].name;
    snprintf(s.root, sizeof s.root, "%s", st->root);
    if (st->sight && ps_watch_start(&st->sight->watch, &s) == 0)
        return;
    free(st->sight);
    st->sight = NULL;
    ps_station_alarm("cannot watch the pictures: labels are not read: restart the recorder");
}

void ps_sight_stop(struct ps_station *st) {
    if (!st->sight)
        return;
    ps_watch_stop(st->sight->watch);
    free(st->sight->pending);
    free(st->sight);
    st->sight = NULL;
}

int ps_sight_fd(const struct ps_station *st) {
    return st->sight ? ps_watch_fd(st->sight->watch) : -1;
}

static void follow_clip(struct ps_station *st) {
    struct ps_sight *g = st->sight;
    uint64_t serial = st->rec ? st->serial : 0;

    if (g->serial == serial)
        return;
    g->serial = serial;
    memset(&g->strangers, 0, sizeof g->strangers);
    memset(g->stated, 0, sizeof g->stated);
    g->looked = g->own = g->missed = false;
    g->n_others = g->n_codes = 0;
}

void ps_sight_serve(struct ps_station *st) {
    struct ps_sight *g = st->sight;
    struct ps_watch_event e;
    int64_t now = ps_clock_mono_ns();

    if (!g)
        return;
    follow_clip(st);
    while (ps_watch_take(g->watch, &e)) {
        if (e.word == PS_WATCH_LABEL)
            on_label(st, &e);
        else
            ps_conduct_event(st, PS_SESSION_MOTION, e.mono_ns, 0);
        follow_clip(st); /* a code may have ended one clip and begun another */
    }
    for (unsigned i = 0; i < st->n_lanes; i++) {
        struct ps_watch_state s;
        ps_watch_state(g->watch, i, &s);
        say_alarms(st, i, s.alarms);
        if (!records(st))
            continue;
        state_alarms(st, i, s.alarms, now);
        g->looked = g->looked || (s.read_ns && s.read_ns >= st->rec->started_mono_ns);
    }
    if (records(st)) {
        if (g->looked && st->rec->clip->label == PS_LABEL_NOT_CHECKED)
            state_label(st, PS_LABEL_NOT_SEEN);
        look_back(st);
        miss_label(st, now);
    }
    tell_ledger(st, now);
}

void ps_sight_alarms(struct ps_station *st, json_t *alarms) {
    struct ps_sight *g = st->sight;
    char line[256];

    if (!g)
        return;
    for (unsigned i = 0; i < st->n_lanes; i++)
        for (unsigned k = 0; k < PS_GAUGE_ALARMS; k++)
            if (g->alarms[i] & 1u << k) {
                snprintf(line, sizeof line, "%s: %s", ps_gauge_alarm_word(k), st->config.cameras[i].name);
                json_array_append_new(alarms, json_string(line));
            }
    if (records(st) && g->serial == st->serial && g->missed && !g->own) {
        snprintf(line, sizeof line, "label-not-seen: %s", st->rec->clip->opening.codes[0].value);
        json_array_append_new(alarms, json_string(line));
    }
}

void ps_sight_camera(struct ps_station *st, unsigned camera, json_t *o) {
    struct ps_watch_state s;
    char hex[65] = "";

    if (!st->sight)
        return;
    ps_watch_state(st->sight->watch, camera, &s);
    if (s.has_reference)
        ps_bytes_hex(hex, s.reference, 32);
    json_object_set_new(o, "looks", json_integer((json_int_t)s.looks));
    json_object_set_new(o, "label_reads", json_integer((json_int_t)s.reads));
    json_object_set_new(o, "look_cpu_ms", json_integer((json_int_t)(s.cpu_ns / 1000000)));
    json_object_set_new(o, "reference", json_string(hex));
    json_object_set_new(o, "reference_day", json_string(s.reference_day));
}
