/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "archive/retention.h"
#include "archive/store.h"
#include "recorder/clock.h"
#include "recorder/perform.h"
#include "recorder/sight.h"
#include "recorder/station.h"
#include "recorder/weigh.h"

const char *ps_status_feed(enum ps_feed_state s) {
    return s == PS_FEED_LIVE ? "live" : s == PS_FEED_AWAY ? "away" : "opening";
}

bool ps_status_disk_low(struct ps_station *st, unsigned divisor, uint64_t *free_mb) {
    uint64_t bytes = 0;

    if (ps_store_free_bytes(st->root, &bytes) < 0)
        return false; /* the write itself will tell */
    *free_mb = bytes >> 20;
    return *free_mb < st->config.min_free_mb / divisor;
}

/* Retention keeps more free than recording needs: it has not run yet, or nothing may go. */
static bool below_reserve(const struct ps_station *st, uint64_t free_mb) {
    uint64_t disk = 0;

    return ps_store_disk_bytes(st->root, &disk) == 0 && free_mb > 0 &&
           free_mb < ps_retention_reserve(&st->config, disk) >> 20;
}

json_t *ps_status_cameras(struct ps_station *st) {
    json_t *all = json_array();

    for (unsigned i = 0; i < st->n_lanes; i++) {
        struct ps_feed_status f;
        struct ps_counts c;
        ps_lane_feed(st->lane[i], &f);
        ps_lane_counts(st->lane[i], &c);
        json_array_append_new(
            all,
            json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:b, s:I, s:I, s:I, s:I, s:I, s:s}", "name",
                      st->config.cameras[i].name, "source", st->config.cameras[i].source, "state",
                      ps_status_feed(f.state), "model", f.info.model, "serial", f.info.serial, "port",
                      f.info.path, "format", f.info.format, "fps", (int)f.info.fps, "reduced", f.info.reduced,
                      "captured", (json_int_t)c.captured, "encoded", (json_int_t)c.encoded, "dropped",
                      (json_int_t)c.dropped, "damaged", (json_int_t)c.damaged, "repeated",
                      (json_int_t)c.repeated, "why", f.state == PS_FEED_LIVE ? "" : f.why.text));
        ps_sight_camera(st, i, json_array_get(all, json_array_size(all) - 1));
    }
    return all;
}

static void add_alarm(json_t *alarms, const char *what, const char *text) {
    char line[256];

    snprintf(line, sizeof line, "%.32s: %.200s", what, text);
    json_array_append_new(alarms, json_string(line));
}

static void add_camera_alarm(json_t *alarms, const char *what, const char *name, const char *text) {
    char line[256];

    snprintf(line, sizeof line, "%s: %.150s", name, text);
    add_alarm(alarms, what, line);
}

/* Alarms are not kept: each is read off the state that it speaks of. */
json_t *ps_status_alarms(struct ps_station *st) {
    json_t *alarms = json_array();
    struct ps_clock_map map;
    uint64_t free_mb = 0;

    for (unsigned i = 0; i < st->n_lanes; i++) {
        struct ps_feed_status f;
        ps_lane_feed(st->lane[i], &f);
        if (f.state == PS_FEED_AWAY)
            add_camera_alarm(alarms, "camera-lost", st->config.cameras[i].name, f.why.text);
        if (f.state == PS_FEED_LIVE && f.info.reduced)
            add_camera_alarm(alarms, "camera-reduced", st->config.cameras[i].name, f.info.format);
    }
    for (unsigned i = 0; i < st->n_scanners; i++)
        if (!st->scanner[i].dev || ps_scanner_fd(st->scanner[i].dev) < 0)
            add_alarm(alarms, "scanner-lost", st->scanner[i].config.name);
    ps_weigh_alarms(st, alarms);
    if (!ps_notary_reachable(st->notary))
        add_alarm(alarms, "signer-away", "clips are recorded and sealed late");
    if (ps_status_disk_low(st, 1, &free_mb))
        add_alarm(alarms, "disk-full", "no clip begins: packseal prune --dry-run tells what is kept and why");
    else if (below_reserve(st, free_mb))
        add_alarm(alarms, "disk-low", "less is free than [retention] keeps free");
    ps_clock_sample(&map);
    if (map.state == PS_CLOCK_UNSYNCED)
        add_alarm(alarms, "clock-unsynced", "the kernel says that the clock is not synchronised");
    ps_sight_alarms(st, alarms);
    if (st->n_unopened)
        add_alarm(alarms, "unsealed", "clips wait for the signer");
    ps_perform_alarms(st, alarms);
    if (st->fault[0])
        add_alarm(alarms, "fault", st->fault);
    return alarms;
}

static bool any_camera(struct ps_station *st) {
    for (unsigned i = 0; i < st->n_lanes; i++) {
        struct ps_feed_status f;
        ps_lane_feed(st->lane[i], &f);
        if (f.state == PS_FEED_LIVE)
            return true;
    }
    return false;
}

static const char *label_word(uint8_t label) {
    return label == PS_LABEL_MATCHED    ? "matched"
           : label == PS_LABEL_OTHER    ? "other"
           : label == PS_LABEL_NOT_SEEN ? "not-seen"
                                        : "";
}

/* What stands on the screen of the clip that runs. */
static json_t *clip_members(const struct ps_recording *r) {
    const struct ps_clip *c = r->clip;
    char clip[40] = "", started[PS_CLOCK_TEXT];

    if (r->opened)
        ps_statement_clip_name(c->opening.station, c->number, clip);
    ps_clock_text(c->started.wall_ns, started);
    return json_pack("{s:s?, s:o, s:s, s:i, s:s, s:s}", "clip", clip[0] ? clip : NULL, "codes",
                     ps_perform_codes(c), "kind", ps_opening_kind(c->opening.kind), "take", (int)c->take,
                     "started", started, "label", label_word(c->label));
}

json_t *ps_status_state(struct ps_station *st) {
    uint64_t free_mb = 0;
    bool faulted = !any_camera(st) || st->fault[0] || ps_status_disk_low(st, 1, &free_mb);
    const char *state = st->rec && !st->ending                  ? "recording"
                        : st->rec || ps_sealer_busy(st->sealer) ? "sealing"
                        : faulted                               ? "faulted"
                                                                : "idle";
    json_t *o = st->rec ? clip_members(st->rec)
                        : json_pack("{s:n, s:[], s:s, s:i, s:n, s:s}", "clip", "codes", "kind", "", "take", 0,
                                    "started", "label", "");
    json_t *more =
        json_pack("{s:s, s:b, s:s, s:s, s:b, s:b}", "state", state, "able", !faulted, "operator",
                  st->session.operator_id, "next_kind", ps_opening_kind(st->session.kind), "box",
                  (int)st->session.box, "provisional", st->session.state == PS_SESSION_PROVISIONAL);

    if (more)
        json_object_update(more, o);
    json_decref(o);
    return more;
}

json_t *ps_status_json(struct ps_station *st) {
    json_t *o = ps_status_state(st);
    uint64_t bytes = 0;

    ps_store_free_bytes(st->root, &bytes);
    json_t *more = json_pack("{s:o, s:o, s:o, s:s, s:s, s:s, s:I, s:I}", "cameras", ps_status_cameras(st),
                             "scales", ps_weigh_status(st), "alarms", ps_status_alarms(st), "station",
                             st->config.station_id, "site", st->config.site, "signer",
                             !ps_notary_reachable(st->notary) ? "away"
                             : (st->confined & 15) == 15      ? "confined"
                                                              : "unconfined",
                             "free_mb", (json_int_t)(bytes >> 20), "uptime_s",
                             (json_int_t)((ps_clock_mono_ns() - st->began_mono_ns) / 1000000000));
    if (o && more)
        json_object_update(o, more);
    json_decref(more);
    return o;
}
