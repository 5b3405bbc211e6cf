/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/recording_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/json.h"
#include "evidence/wire.h"

/* ---- writing ---- */

static void begin(struct ps_buf *b, const char *what) {
    ps_buf_init(b, PS_RECORDING_LINE_MAX);
    ps_buf_fmt(b, "{\"log\":\"%s\"", what);
}

static void put_str(struct ps_buf *b, const char *key, const char *s) {
    ps_buf_fmt(b, ",\"%s\":", key);
    ps_json_quote(b, s);
}

static void put_int(struct ps_buf *b, const char *key, uint64_t v) {
    ps_buf_fmt(b, ",\"%s\":%llu", key, (unsigned long long)v);
}

/* Clocks in nanoseconds pass 2^53: they travel as decimal text. */
static void put_ns(struct ps_buf *b, const char *key, int64_t v) {
    ps_buf_fmt(b, ",\"%s\":\"%lld\"", key, (long long)v);
}

static void put_hex(struct ps_buf *b, const char *key, const void *p, size_t n) {
    static const char digit[] = "0123456789abcdef";
    const uint8_t *q = p;

    ps_buf_fmt(b, ",\"%s\":\"", key);
    for (size_t i = 0; i < n; i++) {
        ps_buf_u8(b, (uint8_t)digit[q[i] >> 4]);
        ps_buf_u8(b, (uint8_t)digit[q[i] & 15]);
    }
    ps_buf_u8(b, '"');
}

static void put_time(struct ps_buf *b, const struct ps_time *t) {
    put_ns(b, "wall_ns", t->wall_ns);
    put_ns(b, "boot_ns", t->boot_ns);
    put_int(b, "clock", t->clock);
    put_int(b, "max_error_us", t->max_error_us);
}

static void put_counts(struct ps_buf *b, const struct ps_counts *c) {
    put_int(b, "captured", c->captured);
    put_int(b, "encoded", c->encoded);
    put_int(b, "dropped", c->dropped);
    put_int(b, "damaged", c->damaged);
    put_int(b, "repeated", c->repeated);
}

void ps_recording_log_start(struct ps_buf *b, const struct ps_opening *o, const char *station_name,
                            const struct ps_time *started, int64_t mono_ns, const uint8_t boot_id[16]) {
    struct ps_buf opening;

    begin(b, "start");
    ps_buf_init(&opening, PS_MAX_OPENING);
    ps_opening_encode(o, &opening);
    if (opening.err)
        b->err = opening.err;
    else
        put_hex(b, "opening", opening.p, opening.n);
    ps_buf_free(&opening);
    ps_buf_text(b, ",\"codes_at\":[");
    for (int i = 0; i < o->n_codes; i++)
        ps_buf_fmt(b, "%s\"%lld\"", i ? "," : "", (long long)o->codes[i].wall_ns);
    ps_buf_text(b, "]");
    put_str(b, "station_name", station_name);
    put_time(b, started);
    put_ns(b, "mono_ns", mono_ns);
    put_hex(b, "boot_id", boot_id, 16);
    ps_buf_text(b, "}");
}

void ps_recording_log_opened(struct ps_buf *b, uint64_t clip, uint32_t take, const uint8_t *leaf,
                             uint16_t leaf_len) {
    begin(b, "opened");
    put_int(b, "clip", clip);
    put_int(b, "take", take);
    put_hex(b, "leaf", leaf, leaf_len);
    ps_buf_text(b, "}");
}

static void put_place(struct ps_buf *b, const struct ps_banner *n) {
    put_int(b, "x", n->x);
    put_int(b, "y", n->y);
    put_int(b, "w", n->w);
    put_int(b, "h", n->h);
    put_str(b, "fields", n->fields);
}

void ps_recording_log_banner(struct ps_buf *b, uint32_t index, const struct ps_banner_change *k) {
    begin(b, "banner");
    put_int(b, "index", index);
    put_int(b, "from", k->from);
    put_place(b, &k->b);
    put_str(b, "text", k->text);
    ps_buf_text(b, "}");
}

void ps_recording_log_track(struct ps_buf *b, uint32_t index, const struct ps_track *t) {
    begin(b, "track");
    put_int(b, "index", index);
    put_str(b, "camera", t->camera);
    put_str(b, "model", t->model);
    put_str(b, "serial", t->serial);
    put_str(b, "path", t->path);
    put_str(b, "driver", t->driver);
    put_str(b, "source_format", t->source_format);
    put_str(b, "file", t->file.name);
    put_str(b, "codec", t->codec);
    put_int(b, "width", t->width);
    put_int(b, "height", t->height);
    put_str(b, "layout", t->banner.layout);
    put_place(b, &t->banner);
    if (t->n_preroll)
        put_int(b, "preroll", t->n_preroll);
    put_time(b, &t->first);
    ps_buf_text(b, "}");
}

void ps_recording_log_segment(struct ps_buf *b, const struct ps_record *s, const struct ps_counts *c) {
    uint8_t bytes[PS_RECORD_SIZE];

    begin(b, "segment");
    ps_record_encode(s, bytes);
    put_hex(b, "record", bytes, sizeof bytes);
    put_counts(b, c);
    ps_buf_text(b, "}");
}

void ps_recording_log_gap(struct ps_buf *b, uint32_t track, const struct ps_gap *g) {
    begin(b, "gap");
    put_int(b, "index", track);
    put_int(b, "start", g->start);
    put_int(b, "duration", g->duration);
    put_int(b, "frames", g->frames);
    put_str(b, "reason", g->reason);
    ps_buf_text(b, "}");
}

void ps_recording_log_original(struct ps_buf *b, const struct ps_original *o) {
    begin(b, "original");
    put_int(b, "index", o->track);
    put_str(b, "file", o->file.name);
    put_int(b, "size", o->file.size);
    put_hex(b, "sha256", o->file.sha256, 32);
    put_int(b, "ticks", o->ticks);
    put_str(b, "why", o->why);
    ps_buf_text(b, "}");
}

void ps_recording_log_code(struct ps_buf *b, const struct ps_code *c) {
    begin(b, "code");
    put_str(b, "value", c->value);
    put_str(b, "raw", c->raw);
    put_int(b, "type", c->type);
    put_str(b, "carrier", c->carrier);
    put_int(b, "entry", c->entry);
    put_str(b, "device", c->device);
    put_ns(b, "wall_ns", c->wall_ns);
    ps_buf_text(b, "}");
}

void ps_recording_log_event(struct ps_buf *b, uint64_t ms, const char *what, const char *text) {
    begin(b, "event");
    put_int(b, "ms", ms);
    put_str(b, "what", what);
    put_str(b, "text", text);
    ps_buf_text(b, "}");
}

void ps_recording_log_label(struct ps_buf *b, uint8_t label) {
    begin(b, "label");
    put_int(b, "label", label);
    ps_buf_text(b, "}");
}

void ps_recording_log_end(struct ps_buf *b, uint8_t reason, const struct ps_time *ended) {
    begin(b, "end");
    put_int(b, "reason", reason);
    put_time(b, ended);
    ps_buf_text(b, "}");
}

/* ---- reading ---- */

/* A sticky reader over one object: the first missing or wrong field makes err stick. */
struct fields {
    json_t *o;
    int err;
};

static uint64_t get_int(struct fields *f, const char *key, uint64_t max) {
    json_t *v = json_object_get(f->o, key);
    json_int_t i = json_integer_value(v);

    if (!json_is_integer(v) || i < 0 || (uint64_t)i > max) {
        f->err = PS_EFORMAT;
        return 0;
    }
    return (uint64_t)i;
}

static int64_t ns_of(struct fields *f, json_t *v) {
    const char *s = json_string_value(v);
    char *end = NULL;
    long long n = s ? strtoll(s, &end, 10) : 0;

    if (!s || !*s || *end)
        f->err = PS_EFORMAT;
    return n;
}

static int64_t get_ns(struct fields *f, const char *key) {
    return ns_of(f, json_object_get(f->o, key));
}

static void get_str(struct fields *f, const char *key, char *out, size_t cap) {
    json_t *v = json_object_get(f->o, key);

    if (!json_is_string(v) || json_string_length(v) >= cap) {
        f->err = PS_EFORMAT;
        out[0] = '\0';
        return;
    }
    snprintf(out, cap, "%s", json_string_value(v));
}

/* Returns the number of bytes, at most cap. */
static size_t get_hex(struct fields *f, const char *key, void *out, size_t cap) {
    json_t *v = json_object_get(f->o, key);
    size_t n = json_is_string(v) ? json_string_length(v) : 1;

    if (n % 2 || n / 2 > cap || ps_bytes_unhex(out, n / 2, json_string_value(v), n) < 0) {
        f->err = PS_EFORMAT;
        return 0;
    }
    return n / 2;
}

static void get_time(struct fields *f, struct ps_time *t) {
    t->wall_ns = get_ns(f, "wall_ns");
    t->boot_ns = get_ns(f, "boot_ns");
    t->clock = (uint8_t)get_int(f, "clock", PS_CLOCK_UNSYNCED);
    t->max_error_us = (uint32_t)get_int(f, "max_error_us", UINT32_MAX);
}

static uint32_t get_track(struct fields *f, const struct ps_recording *r) {
    uint32_t i = (uint32_t)get_int(f, "index", PS_MAX_TRACKS - 1);

    if (!r->track[i].declared)
        f->err = PS_ESTATE;
    return i;
}

static int on_start(struct ps_recording *r, struct fields *f) {
    static const size_t cap = PS_MAX_OPENING;
    uint8_t *bytes = malloc(cap);
    struct ps_opening *o = &r->clip->opening;
    json_t *at = json_object_get(f->o, "codes_at");

    if (!bytes)
        return PS_ENOMEM;
    size_t n = get_hex(f, "opening", bytes, cap);
    if (!f->err)
        f->err = ps_opening_decode(o, bytes, n);
    free(bytes);
    if (f->err || json_array_size(at) != o->n_codes)
        return PS_EFORMAT;
    for (int i = 0; i < o->n_codes; i++)
        o->codes[i].wall_ns = ns_of(f, json_array_get(at, (size_t)i));
    get_str(f, "station_name", r->clip->station_name, sizeof r->clip->station_name);
    get_time(f, &r->clip->started);
    r->started_mono_ns = get_ns(f, "mono_ns");
    if (get_hex(f, "boot_id", r->boot_id, 16) != 16)
        return PS_EFORMAT;
    return f->err;
}

static int on_opened(struct ps_recording *r, struct fields *f) {
    uint8_t leaf[PS_MAX_LEAF];
    uint64_t clip = get_int(f, "clip", PS_MAX_JSON_INT);
    uint32_t take = (uint32_t)get_int(f, "take", UINT32_MAX);
    size_t n = get_hex(f, "leaf", leaf, sizeof leaf);

    if (f->err || r->opened)
        return f->err ? f->err : PS_ESTATE;
    r->clip->number = clip;
    r->clip->take = take;
    memcpy(r->clip->open_leaf, leaf, n);
    r->clip->open_leaf_len = (uint16_t)n;
    r->opened = true;
    return 0;
}

static void get_place(struct fields *f, struct ps_banner *b) {
    b->x = (uint16_t)get_int(f, "x", PS_MAX_PICTURE);
    b->y = (uint16_t)get_int(f, "y", PS_MAX_PICTURE);
    b->w = (uint16_t)get_int(f, "w", PS_MAX_PICTURE);
    b->h = (uint16_t)get_int(f, "h", PS_MAX_PICTURE);
    get_str(f, "fields", b->fields, sizeof b->fields);
}

/* The same segment again: the later line counts. */
static int on_banner(struct ps_recording *r, struct fields *f) {
    struct ps_track *t = &r->clip->tracks[get_track(f, r)];
    struct ps_banner_change k = {.from = (uint32_t)get_int(f, "from", PS_MAX_SEGMENTS)};

    get_place(f, &k.b);
    get_str(f, "text", k.text, sizeof k.text);
    if (f->err)
        return f->err;
    uint32_t at = t->n_banners;
    if (at && t->banners[at - 1].from >= k.from)
        at--;
    if (at >= PS_MAX_BANNERS || (at ? t->banners[at - 1].from >= k.from : k.from != 0))
        return at >= PS_MAX_BANNERS ? PS_ELIMIT : PS_ESTATE;
    struct ps_banner_change *all = realloc(t->banners, (at + 1) * sizeof *all);
    if (!all)
        return PS_ENOMEM;
    t->banners = all;
    t->banners[at] = k;
    t->n_banners = at + 1;
    return 0;
}

static int on_track(struct ps_recording *r, struct fields *f) {
    uint32_t i = (uint32_t)get_int(f, "index", PS_MAX_TRACKS - 1);
    struct ps_track t = {0};

    get_str(f, "camera", t.camera, sizeof t.camera);
    get_str(f, "model", t.model, sizeof t.model);
    get_str(f, "serial", t.serial, sizeof t.serial);
    get_str(f, "path", t.path, sizeof t.path);
    get_str(f, "driver", t.driver, sizeof t.driver);
    get_str(f, "source_format", t.source_format, sizeof t.source_format);
    get_str(f, "file", t.file.name, sizeof t.file.name);
    get_str(f, "codec", t.codec, sizeof t.codec);
    t.width = (uint16_t)get_int(f, "width", PS_MAX_PICTURE);
    t.height = (uint16_t)get_int(f, "height", PS_MAX_PICTURE);
    get_str(f, "layout", t.banner.layout, sizeof t.banner.layout);
    get_place(f, &t.banner);
    if (json_object_get(f->o, "preroll")) /* logs of before have none */
        t.n_preroll = (uint32_t)get_int(f, "preroll", PS_MAX_SEGMENTS);
    get_time(f, &t.first);
    if (f->err || r->track[i].declared)
        return f->err ? f->err : PS_ESTATE;
    r->clip->tracks[i] = t;
    r->track[i].declared = true;
    if (r->clip->n_tracks <= i)
        r->clip->n_tracks = (uint16_t)(i + 1);
    return 0;
}

static int grow_records(struct ps_recording *r, uint32_t i) {
    struct ps_recording_track *k = &r->track[i];
    struct ps_track *t = &r->clip->tracks[i];

    if (t->n_records < k->capacity)
        return 0;
    uint32_t more = k->capacity ? k->capacity * 2 : 64;
    void *records = realloc(t->records, (size_t)more * sizeof *t->records);
    if (records)
        t->records = records;
    uint8_t *late = realloc(k->late, more);
    if (late)
        k->late = late;
    if (!records || !late)
        return PS_ENOMEM;
    k->capacity = more;
    return 0;
}

static int on_segment(struct ps_recording *r, struct fields *f) {
    uint8_t bytes[PS_RECORD_SIZE];
    struct ps_record rec;
    struct ps_counts c = {
        .captured = get_int(f, "captured", PS_MAX_JSON_INT),
        .encoded = get_int(f, "encoded", PS_MAX_JSON_INT),
        .dropped = get_int(f, "dropped", PS_MAX_JSON_INT),
        .damaged = get_int(f, "damaged", PS_MAX_JSON_INT),
        .repeated = get_int(f, "repeated", PS_MAX_JSON_INT),
    };

    if (get_hex(f, "record", bytes, sizeof bytes) != sizeof bytes || f->err ||
        ps_record_decode(&rec, bytes) < 0)
        return PS_EFORMAT;
    if (rec.track >= PS_MAX_TRACKS || !r->track[rec.track].declared)
        return PS_ESTATE;
    struct ps_track *t = &r->clip->tracks[rec.track];
    if (rec.seq != t->n_records || r->segments >= PS_MAX_SEGMENTS)
        return PS_ELIMIT;
    int err = grow_records(r, rec.track);
    if (err)
        return err;
    r->track[rec.track].late[t->n_records] =
        t->n_records < t->n_preroll ? PS_WIRE_PREROLL : PS_WIRE_WITNESSED;
    memcpy(t->records[t->n_records++], bytes, sizeof bytes);
    t->counts = c;
    r->segments++;
    return 0;
}

static int on_gap(struct ps_recording *r, struct fields *f) {
    uint32_t i = get_track(f, r);
    struct ps_gap g = {
        .start = get_int(f, "start", PS_MAX_JSON_INT),
        .duration = get_int(f, "duration", PS_MAX_JSON_INT),
        .frames = get_int(f, "frames", PS_MAX_JSON_INT),
    };
    get_str(f, "reason", g.reason, sizeof g.reason);
    if (f->err)
        return f->err;
    struct ps_track *t = &r->clip->tracks[i];
    uint32_t all_gaps = 0;
    for (uint32_t k = 0; k < PS_MAX_TRACKS; k++)
        all_gaps += r->clip->tracks[k].n_gaps;
    if (all_gaps >= PS_MAX_GAPS)
        return PS_ELIMIT;
    struct ps_gap *gaps = realloc(t->gaps, (t->n_gaps + 1) * sizeof *gaps);
    if (!gaps)
        return PS_ENOMEM;
    t->gaps = gaps;
    t->gaps[t->n_gaps++] = g;
    return 0;
}

static int on_original(struct ps_recording *r, struct fields *f) {
    struct ps_clip *c = r->clip;
    struct ps_original o = {.track = get_track(f, r), .ticks = get_int(f, "ticks", PS_MAX_JSON_INT)};

    get_str(f, "file", o.file.name, sizeof o.file.name);
    o.file.size = get_int(f, "size", PS_MAX_JSON_INT);
    get_str(f, "why", o.why, sizeof o.why);
    if (get_hex(f, "sha256", o.file.sha256, 32) != 32 || f->err)
        return PS_EFORMAT;
    if (c->n_originals >= PS_MAX_ORIGINALS)
        return PS_ELIMIT;
    struct ps_original *all = realloc(c->originals, (c->n_originals + 1) * sizeof *all);
    if (!all)
        return PS_ENOMEM;
    c->originals = all;
    c->originals[c->n_originals++] = o;
    return 0;
}

static int on_code(struct ps_recording *r, struct fields *f) {
    struct ps_clip *c = r->clip;
    struct ps_code k = {
        .type = (uint8_t)get_int(f, "type", PS_CODE_SKU),
        .entry = (uint8_t)get_int(f, "entry", PS_ENTRY_API),
        .wall_ns = get_ns(f, "wall_ns"),
    };

    get_str(f, "value", k.value, sizeof k.value);
    get_str(f, "raw", k.raw, sizeof k.raw);
    get_str(f, "carrier", k.carrier, sizeof k.carrier);
    get_str(f, "device", k.device, sizeof k.device);
    if (f->err)
        return f->err;
    if (c->n_added_codes + c->opening.n_codes >= PS_MAX_CODES)
        return PS_ELIMIT;
    struct ps_code *all = realloc(c->added_codes, (c->n_added_codes + 1u) * sizeof *all);
    if (!all)
        return PS_ENOMEM;
    c->added_codes = all;
    c->added_codes[c->n_added_codes++] = k;
    return 0;
}

static int on_event(struct ps_recording *r, struct fields *f) {
    struct ps_clip *c = r->clip;
    struct ps_event e = {.ms = get_int(f, "ms", PS_MAX_JSON_INT)};

    get_str(f, "what", e.what, sizeof e.what);
    get_str(f, "text", e.text, sizeof e.text);
    if (f->err)
        return f->err;
    if (c->n_events >= PS_MAX_EVENTS)
        return PS_ELIMIT;
    struct ps_event *all = realloc(c->events, (c->n_events + 1) * sizeof *all);
    if (!all)
        return PS_ENOMEM;
    c->events = all;
    c->events[c->n_events++] = e;
    return 0;
}

static int on_label(struct ps_recording *r, struct fields *f) {
    uint8_t label = (uint8_t)get_int(f, "label", PS_LABEL_NOT_CHECKED);

    if (!f->err)
        r->clip->label = label;
    return f->err;
}

static int on_end(struct ps_recording *r, struct fields *f) {
    uint8_t reason = (uint8_t)get_int(f, "reason", PS_END_FAULT);
    struct ps_time t;

    get_time(f, &t);
    if (f->err || !reason || r->ended)
        return f->err ? f->err : PS_ESTATE;
    r->clip->end_reason = reason;
    r->clip->ended = t;
    r->ended = true;
    return 0;
}

static const struct {
    const char *name;
    int (*apply)(struct ps_recording *r, struct fields *f);
} verbs[] = {
    {"start", on_start},     {"opened", on_opened}, {"track", on_track},       {"banner", on_banner},
    {"segment", on_segment}, {"gap", on_gap},       {"original", on_original}, {"code", on_code},
    {"event", on_event},     {"label", on_label},   {"end", on_end},
};

int ps_recording_log_apply(struct ps_recording *r, const void *line, size_t n, struct ps_why *why) {
    struct fields f = {0};
    bool begun = r->clip->opening.n_tracks > 0;
    int err = ps_json_parse(&f.o, line, n, why);

    if (err < 0)
        return err;
    const char *name = json_string_value(json_object_get(f.o, "log"));
    err = PS_EFORMAT;
    for (size_t i = 0; name && i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(name, verbs[i].name) == 0)
            err = begun == (i > 0) ? verbs[i].apply(r, &f) : PS_ESTATE;
    if (err < 0)
        ps_error_why(why, err, "recording.log", "line \"%.32s\" does not fit", name ? name : "?");
    json_decref(f.o);
    return err;
}
