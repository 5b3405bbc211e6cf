/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive/tokens.h"
#include "evidence/bytes.h"
#include "recorder/announce.h"
#include "recorder/caption.h"
#include "recorder/perform.h"
#include "recorder/station.h"

#define OPEN_RETRY_NS 1000000000LL
#define TOKEN_LOOK_NS 5000000000LL
#define PS_CONDUCT_OPENING_CODES 12 /* of the list: an opening travels in one datagram */
#define DISK_LOOK_NS 2000000000LL
#define SEAL_PATIENCE_NS \
    1500000000LL /* a new clip waits so long for the signer to have room, frames in the queue */

/* ---- the signer ---- */

static bool open_with_signer(struct ps_station *st, struct ps_recording *r, struct ps_wire_refused *refused) {
    struct ps_wire_opened opened;
    struct ps_buf b;
    int err;

    ps_buf_init(&b, PS_MAX_OPENING);
    ps_opening_encode(&r->clip->opening, &b);
    err = b.err ? b.err : ps_notary_open(st->notary, b.p, b.n, &opened, refused);
    ps_buf_free(&b);
    if (!err)
        err = ps_recording_opened(r, opened.clip, opened.take, opened.leaf, opened.leaf_len);
    if (!err)
        err = ps_recording_sync(r);
    return !err;
}

/* A clip of an earlier life of ours may still be open there: it is over. One without a record is ours, too: its number
 * came in an answer that was lost. */
static void end_strangers(struct ps_station *st) {
    struct ps_wire_status *s = malloc(sizeof *s);

    if (s && ps_notary_status(st->notary, s, NULL) == 0) {
        st->confined = s->confined;
        for (int i = 0; i < s->n_pending; i++) {
            const struct ps_wire_pending *p = &s->pending[i];
            if (p->ended || (st->rec && st->rec->opened && st->rec->clip->number == p->clip))
                continue;
            ps_notary_end(st->notary, p->clip, NULL);
            if (!p->records)
                ps_notary_abort(st->notary, p->clip, PS_ABORT_NOTHING_RECORDED, NULL);
        }
    }
    free(s);
}

static bool try_open(struct ps_station *st, struct ps_recording *r) {
    struct ps_wire_refused refused = {0};

    if (open_with_signer(st, r, &refused))
        return true;
    if (refused.reason != PS_REFUSED_STATE)
        return false;
    end_strangers(st);
    return open_with_signer(st, r, &refused);
}

/* Sends what the signer has not seen, in order. What could not be sent as it closed goes late. */
static void send_segments(struct ps_station *st, struct ps_recording *r) {
    struct ps_wire_refused refused;

    if (!r->opened || r->fault)
        return;
    for (uint32_t i = 0; i < r->clip->n_tracks; i++) {
        struct ps_recording_track *k = &r->track[i];
        while (k->sent < r->clip->tracks[i].n_records) {
            struct ps_wire_segment s = {.clip = r->clip->number, .late = k->late[k->sent]};
            memcpy(s.record, r->clip->tracks[i].records[k->sent], PS_RECORD_SIZE);
            int err = ps_notary_segment(st->notary, &s, &refused);
            if (err == PS_EPERM && refused.reason == PS_REFUSED_AHEAD && !s.late) {
                ps_recording_late(r, i, k->sent);
                continue;
            }
            if (err == PS_EPERM && refused.reason != PS_REFUSED_DISK && refused.reason != PS_REFUSED_RATE) {
                r->fault = true;
                snprintf(st->fault, sizeof st->fault, "the signer refuses a segment: %.200s", refused.text);
                ps_station_alarm("%s", st->fault);
                return;
            }
            if (err) {
                ps_recording_late(r, i, k->sent);
                return;
            }
            k->sent++;
        }
    }
}

/* Everything that closed until now was not seen as it closed. */
static void mark_all_late(struct ps_recording *r) {
    for (uint32_t i = 0; i < r->clip->n_tracks; i++)
        for (uint32_t seq = r->track[i].sent; seq < r->clip->tracks[i].n_records; seq++)
            ps_recording_late(r, i, seq);
}

static void open_late(struct ps_station *st) {
    while (st->n_unopened && !st->rec) {
        struct ps_recording *r = st->unopened[0];
        if (!try_open(st, r))
            return;
        ps_notary_end(st->notary, r->clip->number, NULL);
        ps_sealer_put(st->sealer, r, st->unopened_serial[0]);
        st->n_unopened--;
        memmove(&st->unopened[0], &st->unopened[1], st->n_unopened * sizeof st->unopened[0]);
        memmove(&st->unopened_serial[0], &st->unopened_serial[1],
                st->n_unopened * sizeof st->unopened_serial[0]);
    }
}

static void keep_unopened(struct ps_station *st, struct ps_recording *r, uint64_t serial) {
    if (st->n_unopened == PS_STATION_UNOPENED) {
        ps_recording_free(r); /* its half-done folder waits for the next start */
        return;
    }
    st->unopened_serial[st->n_unopened] = serial;
    st->unopened[st->n_unopened++] = r;
}

/* ---- beginning ---- */

static void hold_lanes(struct ps_station *st, int64_t mono_ns) {
    for (unsigned i = 0; i < st->n_lanes; i++)
        ps_lane_hold(st->lane[i], mono_ns);
}

/* However long the clip before it takes to end and the signer to open it: the next clip's first picture is the first after
 * its scan. */
static void hold_for_next(struct ps_station *st) {
    for (unsigned i = 0; i < st->n_todo; i++)
        if (st->todo[i].a.type == PS_SESSION_DO_START) {
            hold_lanes(st, st->todo[i].mono_ns);
            return;
        }
}

/* The clip that was asked for cannot begin: the session must not believe in it. */
static void refuse_start(struct ps_station *st, const struct ps_station_action *a, const char *what,
                         const char *where, const char *todo) {
    ps_session_abandon(&st->session);
    hold_lanes(st, INT64_MAX);
    snprintf(st->fault, sizeof st->fault, "%s: %s: %s", what, where, todo);
    ps_station_alarm("%s", st->fault);
    ps_control_error(st->control, a->client, what, where, todo);
    ps_announce_refused(st, a, what);
}

/* Retention runs by a timer: here it has found nothing that may go. It is a fault as long as it lasts, and no longer: the
 * status looks at the disk itself. */
static void refuse_full(struct ps_station *st, const struct ps_station_action *a, uint64_t free_mb) {
    char where[PS_ROOT_PATH + 64];

    snprintf(where, sizeof where, "%s: %llu MB free, %u needed", st->root, (unsigned long long)free_mb,
             st->config.min_free_mb);
    refuse_start(st, a, "disk full, not recording", where,
                 "make room, or release holds: packseal prune --dry-run tells what is kept and why");
    st->fault[0] = '\0';
}

static void fill_opening(const struct ps_station *st, const struct ps_session_action *a,
                         struct ps_opening *o) {
    memset(o, 0, sizeof *o);
    randombytes_buf(o->salt, sizeof o->salt);
    snprintf(o->station, sizeof o->station, "%s", st->config.station_id);
    snprintf(o->operator_id, sizeof o->operator_id, "%s", a->operator_id);
    o->kind = a->kind;
    o->n_codes = 1;
    o->codes[0] = a->code;
    for (unsigned i = 0; i < a->n_links && o->n_codes < PS_CONDUCT_OPENING_CODES; i++) {
        ps_desk_link(&st->desk, &a->links[i], &o->codes[o->n_codes]);
        o->codes[o->n_codes++].wall_ns = a->code.wall_ns;
    }
    snprintf(o->freshness, sizeof o->freshness, "%s", st->freshness);
    memcpy(o->token, st->token, sizeof o->token);
    o->n_tracks = (uint16_t)st->config.n_cameras;
    for (unsigned i = 0; i < st->config.n_cameras; i++)
        snprintf(o->tracks[i], sizeof o->tracks[i], "%s", st->config.cameras[i].name);
}

static void begin_lanes(struct ps_station *st, int64_t mono_ns) {
    struct ps_lane_job job = {
        .serial = st->serial,
        .dirfd = st->rec->dirfd,
        .from_mono_ns = mono_ns,
        .next_track = &st->next_track,
    };

    ps_caption_clip(st, &job.text);
    atomic_store(&st->next_track, st->n_lanes);
    st->lanes_busy = st->n_lanes;
    for (unsigned i = 0; i < st->n_lanes; i++)
        ps_lane_begin(st->lane[i], &job);
}

/* A second take as the signer knows it, for a station whose index is not there to ask. */
static bool again_by_signer(const struct ps_station *st, const struct ps_station_action *a) {
    return st->rec->clip->take > 1 && !st->desk.index && a->a.kind == PS_KIND_PACK &&
           a->a.code.type != PS_CODE_SKU && a->a.code.type != PS_CODE_UNKNOWN &&
           !(a->warnings & 1u << PS_SESSION_DUPLICATE);
}

static void remember(struct ps_station *st) {
    const struct ps_opening *o = &st->rec->clip->opening;

    ps_desk_next(&st->desk);
    for (unsigned i = 0; i < o->n_codes; i++)
        ps_desk_remember(&st->desk, o->codes[i].value, o->kind);
}

static void answer_started(struct ps_station *st, const struct ps_station_action *a) {
    const struct ps_clip *c = st->rec->clip;
    char name[40];

    if (!a->client)
        return;
    ps_statement_clip_name(c->opening.station, c->number, name);
    ps_control_ok(st->control, a->client,
                  json_pack("{s:s, s:s?, s:o, s:i, s:s?, s:s, s:o}", "state", "recording", "clip",
                            st->rec->opened ? name : NULL, "codes", ps_perform_codes(c), "take", (int)c->take,
                            "ended", st->last_clip[0] ? st->last_clip : NULL, "kind",
                            ps_opening_kind(c->opening.kind), "warnings", ps_perform_warnings(a->warnings)));
}

static void start(struct ps_station *st, const struct ps_station_action *a) {
    struct ps_clock_map map;
    struct ps_opening *o;
    struct ps_why why;
    uint64_t free_mb;

    if (ps_status_disk_low(st, 1, &free_mb)) {
        refuse_full(st, a, free_mb);
        return;
    }
    o = malloc(sizeof *o);
    if (!o) {
        refuse_start(st, a, "cannot begin a clip", "memory", "restart the recorder");
        return;
    }
    ps_clock_sample(&map);
    fill_opening(st, &a->a, o);
    int err =
        ps_recording_new(&st->rec, st->root, o, st->config.station_name, &map, a->mono_ns, st->boot_id, &why);
    free(o);
    if (err < 0) {
        st->rec = NULL;
        refuse_start(st, a, why.text, why.where, "check the disk with packseal doctor");
        return;
    }
    st->serial++;
    st->ending = false;
    st->fault[0] = '\0';
    if (!try_open(st, st->rec)) {
        ps_station_alarm("signer away: recording goes on, its segments will be unwitnessed");
        ps_recording_event(st->rec, a->mono_ns, "signer-lost", "");
        st->next_open_ns = ps_clock_mono_ns() + OPEN_RETRY_NS;
    }
    if (again_by_signer(st, a))
        ps_recording_event(st->rec, a->mono_ns, "duplicate", a->a.code.value);
    remember(st);
    begin_lanes(st, a->mono_ns);
    ps_station_say("recording %s%s%s", a->a.code.value, a->a.kind == PS_KIND_PACK ? "" : " as ",
                   a->a.kind == PS_KIND_PACK ? "" : ps_opening_kind(a->a.kind));
    answer_started(st, a);
    ps_announce_opened(st);
}

/* ---- ending ---- */

static void end(struct ps_station *st, const struct ps_station_action *a) {
    st->ending = true;
    st->end_reason = a->a.reason;
    st->end_mono_ns = a->mono_ns;
    st->end_client = a->client;
    for (unsigned i = 0; i < st->n_lanes; i++)
        ps_lane_end(st->lane[i], a->mono_ns);
}

static void wait_for_seal(struct ps_station *st, uint64_t client) {
    if (!client || st->n_waiting == PS_STATION_ACTIONS)
        return;
    st->waiting[st->n_waiting].serial = st->serial;
    st->waiting[st->n_waiting++].client = client;
}

/* All lanes are done with the clip. */
static void conclude(struct ps_station *st) {
    struct ps_recording *r = st->rec;
    struct ps_clock_map map;
    struct ps_time ended;

    ps_clock_sample(&map);
    ps_recording_time(&map, st->end_mono_ns, &ended);
    if (ended.boot_ns < r->clip->started.boot_ns)
        ended = r->clip->started;
    if (ps_recording_originals_told(r, st->end_mono_ns) < 0 ||
        ps_recording_end(r, st->end_reason, &ended) < 0)
        ps_station_alarm("cannot write the end of a clip: %s: it will be recovered at the next start", r->id);
    send_segments(st, r);
    wait_for_seal(st, st->end_client);
    ps_statement_clip_name(r->clip->opening.station, r->clip->number, st->last_clip);
    if (!r->opened)
        st->last_clip[0] = '\0';
    st->rec = NULL;
    st->ending = false;
    if (!r->opened) {
        keep_unopened(st, r, st->serial);
        return;
    }
    ps_notary_end(st->notary, r->clip->number, NULL);
    ps_sealer_put(st->sealer, r, st->serial);
}

/* ---- the actions that the session asked for, in order ---- */

static bool room_at_signer(struct ps_station *st, const struct ps_station_action *a) {
    return ps_sealer_busy(st->sealer) < PS_WIRE_MAX_PENDING ||
           ps_clock_mono_ns() - a->mono_ns > SEAL_PATIENCE_NS || !ps_notary_reachable(st->notary);
}

/* Does what can be done now; what waits for the lanes or the signer stays in front. */
static void go_on(struct ps_station *st) {
    while (st->n_todo) {
        struct ps_station_action *a = &st->doing;
        if (st->ending)
            return;
        if (st->todo[0].a.type == PS_SESSION_DO_START && (st->rec || !room_at_signer(st, &st->todo[0])))
            return;
        *a = st->todo[0];
        st->n_todo--;
        memmove(&st->todo[0], &st->todo[1], st->n_todo * sizeof st->todo[0]);
        if (a->a.type == PS_SESSION_DO_START) {
            open_late(st);
            start(st, a);
            hold_for_next(st);
        } else if (a->a.type != PS_SESSION_DO_END) {
            ps_perform(st, a);
        } else if (st->rec) {
            end(st, a);
        } else {
            ps_control_error(st->control, a->client, "nothing is recording", "stop", "scan a code first");
        }
    }
    if (!st->rec)
        open_late(st);
}

static void push(struct ps_station *st, const struct ps_session_action *a, int64_t mono_ns, uint64_t client,
                 uint32_t warnings) {
    if (st->n_todo == PS_STATION_ACTIONS) {
        ps_station_alarm("too many scans at once: one is lost");
        ps_control_error(st->control, client, "too many scans wait", "station", "scan again");
        return;
    }
    st->todo[st->n_todo++] =
        (struct ps_station_action){.a = *a, .mono_ns = mono_ns, .client = client, .warnings = warnings};
    hold_for_next(st);
}

/* Who asked waits for what is done last of beginning and ending a clip, else for the first thing. */
static int answering(const struct ps_session_action *a, int n) {
    int at = 0;

    for (int i = 0; i < n; i++)
        if (a[i].type == PS_SESSION_DO_END || a[i].type == PS_SESSION_DO_START)
            at = i;
    return at;
}

static void step(struct ps_station *st, const struct ps_session_event *e, uint64_t client) {
    static struct ps_session_action out[PS_SESSION_ACTIONS]; /* the loop is one thread */
    int n = ps_session_step(&st->session, e, out), at = answering(out, n);
    uint32_t warnings = 0;

    ps_announce_step(st, e, out, n);
    for (int i = 0; i < n; i++)
        warnings |= out[i].type == PS_SESSION_DO_WARN ? 1u << out[i].warning : 0;
    /* What takes up one of the few places must not be lost half: an end without its start. */
    for (int i = 0; i < n; i++)
        push(st, &out[i], e->mono_ns, i == at ? client : 0, warnings);
    if (!n && client)
        ps_perform_answer(st, client, "nothing to do", 0);
    go_on(st);
}

void ps_conduct_event(struct ps_station *st, enum ps_session_event_type type, int64_t mono_ns,
                      uint64_t client) {
    static struct ps_session_event e;

    e = (struct ps_session_event){.type = type, .mono_ns = mono_ns};
    step(st, &e, client);
}

void ps_conduct_code(struct ps_station *st, const char *raw, enum ps_entry entry, const char *device,
                     int64_t mono_ns, uint64_t client) {
    static struct ps_session_event e;
    struct ps_clock_map map;

    e = (struct ps_session_event){.type = PS_SESSION_CODE, .mono_ns = mono_ns};
    ps_desk_read(&st->desk, raw, &e);
    if (!e.scan.code.value[0]) {
        ps_control_error(st->control, client, "empty code", "scan", "scan again");
        return;
    }
    ps_clock_sample(&map);
    e.scan.code.wall_ns = ps_clock_wall_of(&map, mono_ns);
    e.scan.code.entry = (uint8_t)entry;
    snprintf(e.scan.code.device, sizeof e.scan.code.device, "%s", device);
    step(st, &e, client);
}

/* ---- letters ---- */

static int record_banner(struct ps_station *st, struct ps_letter *l) {
    struct ps_recording *r = st->rec;
    struct ps_banner_change k = {.from = l->from, .b = l->track.banner};

    if (l->from && l->from == r->clip->tracks[l->index].n_preroll)
        ps_announce_frame(st, l); /* the first picture that is the clip's own */

    snprintf(k.text, sizeof k.text, "%s", l->text);
    return ps_recording_banner(r, l->index, &k);
}

static int record_letter(struct ps_station *st, struct ps_letter *l) {
    struct ps_recording *r = st->rec;
    int err;

    switch (l->word) {
    case PS_LANE_DECLARED:
        if (!l->track.n_preroll)
            ps_announce_frame(st, l);
        return ps_recording_track(r, l->index, &l->track);
    case PS_LANE_BANNER: return record_banner(st, l);
    case PS_LANE_SEGMENT:
        err = ps_recording_segment(r, &l->record, &l->counts);
        if (!err)
            err = ps_recording_sync(r);
        if (!err)
            send_segments(st, r);
        return err;
    case PS_LANE_GAP:
        err = ps_recording_gap(r, l->index, &l->gap);
        return err == PS_ELIMIT ? 0 : err; /* the counts still tell of every frame */
    case PS_LANE_ORIGINAL:
        return ps_recording_original_room(r, &l->original, st->n_lanes, ps_clock_mono_ns());
    case PS_LANE_EVENT:
        ps_station_say("%s: %s", l->what, l->text);
        err = ps_recording_event(r, l->mono_ns, l->what, l->text);
        return err == PS_ELIMIT ? 0 : err;
    case PS_LANE_FILM:
        ps_mp4w_close(r->track[l->index].film);
        r->track[l->index].film = l->film;
        l->film = NULL; /* transferred */
        return 0;
    case PS_LANE_ENDED:
    case PS_LANE_FAULT: return 0;
    }
    return 0;
}

static void on_fault(struct ps_station *st, int err, const struct ps_why *why) {
    snprintf(st->fault, sizeof st->fault, "%.120s: %.120s", why->where, why->text);
    ps_station_alarm("%s", st->fault);
    if (st->rec)
        ps_recording_event(st->rec, ps_clock_mono_ns(), "fault", why->where);
    ps_conduct_event(st, err == PS_EFULL ? PS_SESSION_DISK_FULL : PS_SESSION_FAULT, ps_clock_mono_ns(), 0);
}

void ps_conduct_letter(struct ps_station *st, struct ps_letter *l) {
    if (st->rec && l->serial == st->serial) {
        int err = record_letter(st, l);
        if (err < 0) {
            struct ps_why why;
            ps_error_why(&why, err, "recording.log", "cannot write: %s", ps_error_text(err));
            on_fault(st, err, &why);
        }
        if (l->word == PS_LANE_FAULT)
            on_fault(st, l->error, &l->why);
        if (l->word == PS_LANE_ENDED && --st->lanes_busy == 0) {
            if (!st->ending) { /* cannot be: lanes end when told */
                st->end_reason = PS_END_FAULT;
                st->end_mono_ns = ps_clock_mono_ns();
            }
            conclude(st);
        }
    }
    ps_mp4w_close(l->film);
    free(l);
    go_on(st);
}

static void answer_sealed(struct ps_station *st, const struct ps_sealed *s) {
    for (unsigned i = 0; i < st->n_waiting;) {
        if (!s->serial || st->waiting[i].serial != s->serial) {
            i++;
            continue;
        }
        if (s->what == PS_SEALED_DONE)
            ps_control_ok(st->control, st->waiting[i].client,
                          json_pack("{s:s, s:s, s:s}", "state", st->rec ? "recording" : "idle", "clip",
                                    s->name, "path", s->path));
        else
            ps_control_error(st->control, st->waiting[i].client, s->why.text, s->name,
                             s->what == PS_SEALED_WAITING ? "it is kept and sealed when the signer is back"
                                                          : "look at the recorder's messages");
        st->waiting[i] = st->waiting[--st->n_waiting];
    }
}

void ps_conduct_sealed(struct ps_station *st, struct ps_sealed *s) {
    switch (s->what) {
    case PS_SEALED_DONE: ps_station_say("sealed %s", s->name); break;
    case PS_SEALED_UNOPENED:
        keep_unopened(st, s->recording, s->serial);
        s->recording = NULL; /* transferred */
        break;
    case PS_SEALED_ABORTED:
        ps_station_alarm("not sealed, kept aside: %s: %s: %s", s->name, s->why.where, s->why.text);
        break;
    case PS_SEALED_WAITING:
        ps_station_alarm("waits to be sealed: %s: %s: %s", s->name, s->why.where, s->why.text);
        break;
    }
    if (s->what != PS_SEALED_UNOPENED)
        answer_sealed(st, s);
    ps_announce_sealed(st, s);
    free(s);
    go_on(st);
}

/* The newest token is looked for beforehand: a scan does not wait for folders to be listed. */
static void look_for_token(struct ps_station *st, int64_t now) {
    struct ps_token t;
    struct ps_why why;

    if (now < st->next_token_ns)
        return;
    st->next_token_ns = now + TOKEN_LOOK_NS;
    if (ps_tokens_newest(st->root, NULL, NULL, &t, &why) == 0) {
        snprintf(st->freshness, sizeof st->freshness, "%s", t.time.code);
        memcpy(st->token, t.sha256, sizeof st->token);
        ps_tokens_free(&t);
    }
    ps_caption_idle(st);
}

/* Said when it begins, not only when somebody scans: the bench must not learn it with the parcel in hand. */
static void look_at_disk(struct ps_station *st, int64_t now) {
    uint64_t free_mb = 0;

    if (now < st->next_disk_ns)
        return;
    st->next_disk_ns = now + DISK_LOOK_NS;
    bool full = ps_status_disk_low(st, 1, &free_mb);
    if (full && !st->disk_full)
        ps_station_alarm(
            "disk full, no clip will begin: %s: %llu MB free, %u needed: packseal prune --dry-run "
            "tells what is kept and why",
            st->root, (unsigned long long)free_mb, st->config.min_free_mb);
    else if (!full && st->disk_full)
        ps_station_say("the disk has room again: %llu MB free", (unsigned long long)free_mb);
    st->disk_full = full;
}

void ps_conduct_tick(struct ps_station *st) {
    int64_t now = ps_clock_mono_ns();
    uint64_t free_mb;

    look_for_token(st, now);
    look_at_disk(st, now);
    ps_perform_tick(st, now);
    ps_conduct_event(st, PS_SESSION_TICK, now, 0);
    if (st->rec && !st->ending && ps_status_disk_low(st, 4, &free_mb))
        ps_conduct_event(st, PS_SESSION_DISK_FULL, now, 0);
    if (now < st->next_open_ns)
        return;
    st->next_open_ns = now + OPEN_RETRY_NS;
    if (st->rec && !st->rec->opened) {
        mark_all_late(st->rec);
        if (try_open(st, st->rec)) {
            ps_recording_event(st->rec, now, "signer-back", "");
            ps_station_say("signer back");
        }
    }
    if (st->rec)
        send_segments(st, st->rec);
    go_on(st);
}
