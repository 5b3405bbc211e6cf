/* SPDX-License-Identifier: ISC */
/*
 * Reading clip.json. The JSON rules are those of json.c; here every key is fetched once, with its type and
 * bounds; what must hold between fields is in statement_check.c.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/json.h"
#include "evidence/statement_internal.h"

/* Where the reader stands. After the first failure err stays set and every fetch gives nothing, so that the
 * reading functions are lists of fields. */
struct in {
    struct ps_why *why;
    int err;
    const json_t *crit;
    char path[128]; /* JSON path of the object being read */
    size_t path_len;
    size_t segments_left, ranges_left, gaps_left; /* of the bounds that hold for all tracks together */
};

static void __attribute__((format(printf, 4, 5)))
fail(struct in *in, int err, const char *key, const char *fmt, ...) {
    char where[192], text[256];
    va_list ap;
    if (in->err != 0)
        return;
    snprintf(where, sizeof where, "%s%s%s", in->path, in->path_len > 0 && key[0] != '\0' ? "." : "", key);
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    in->err = ps_error_why(in->why, err, where, "%s", text);
}

/* Goes into a member of the path's object, or with key NULL into an element of its array; gives what
 * leave() takes. */
static size_t enter(struct in *in, const char *key, size_t index) {
    size_t before = in->path_len, room = sizeof in->path - before;
    int n;
    if (key == NULL)
        n = snprintf(in->path + before, room, "[%zu]", index);
    else
        n = snprintf(in->path + before, room, "%s%s", before > 0 ? "." : "", key);
    in->path_len += n > 0 && (size_t)n < room ? (size_t)n : 0;
    return before;
}

static void leave(struct in *in, size_t before) {
    in->path_len = before;
    in->path[before] = '\0';
}

/* ---- fetching ---- */

static const char *type_name(json_type type) {
    switch (type) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "an array";
    case JSON_STRING: return "a string";
    case JSON_INTEGER: return "an integer";
    default: return "true or false";
    }
}

static const json_t *get(struct in *in, const json_t *obj, const char *key, json_type type) {
    if (in->err != 0)
        return NULL;
    const json_t *v = json_object_get(obj, key);
    if (v == NULL)
        fail(in, PS_EFORMAT, key, "is missing");
    else if (json_typeof(v) != type && !(type == JSON_TRUE && json_is_false(v)))
        fail(in, PS_EFORMAT, key, "is not %s", type_name(type));
    return in->err == 0 ? v : NULL;
}

static uint64_t get_uint(struct in *in, const json_t *obj, const char *key, uint64_t max) {
    const json_t *v = get(in, obj, key, JSON_INTEGER);
    if (v == NULL)
        return 0;
    json_int_t i = json_integer_value(v);
    if (i < 0 || (uint64_t)i > max) {
        fail(in, PS_ELIMIT, key, "is not within 0 and %llu", (unsigned long long)max);
        return 0;
    }
    return (uint64_t)i;
}

static bool get_bool(struct in *in, const json_t *obj, const char *key) {
    return json_is_true(get(in, obj, key, JSON_TRUE));
}

enum emptiness { MAY_BE_EMPTY, NOT_EMPTY };

static void get_text(struct in *in, const json_t *obj, const char *key, char *out, size_t cap,
                     enum emptiness rule) {
    const json_t *v = get(in, obj, key, JSON_STRING);
    size_t n = v != NULL ? json_string_length(v) : 0;
    if (v == NULL)
        return;
    if (n >= cap)
        fail(in, PS_ELIMIT, key, "is longer than %zu bytes", cap - 1);
    else if (n == 0 && rule == NOT_EMPTY)
        fail(in, PS_EFORMAT, key, "is empty");
    else
        memcpy(out, json_string_value(v), n + 1);
}

#define GET_TEXT(in, obj, key, field, rule) get_text(in, obj, key, field, sizeof(field), rule)

static uint8_t get_word(struct in *in, const json_t *obj, const char *key, int (*value_of)(const char *)) {
    const json_t *v = get(in, obj, key, JSON_STRING);
    int i = v != NULL ? value_of(json_string_value(v)) : 0;
    if (i < 0)
        fail(in, PS_EFORMAT, key, "is not a word of this format");
    return i < 0 ? 0 : (uint8_t)i;
}

static void unhex(struct in *in, const json_t *v, const char *key, void *out, size_t n) {
    if (in->err == 0 && ps_bytes_unhex(out, n, json_string_value(v), json_string_length(v)) != 0)
        fail(in, PS_EFORMAT, key, "is not %zu lower-case hexadecimal digits", 2 * n);
}

static void get_hex(struct in *in, const json_t *obj, const char *key, void *out, size_t n) {
    unhex(in, get(in, obj, key, JSON_STRING), key, out, n);
}

static int64_t get_wall(struct in *in, const json_t *obj, const char *key) {
    const json_t *v = get(in, obj, key, JSON_STRING);
    int64_t wall_ns = 0;
    if (v != NULL && ps_statement_time_of(json_string_value(v), &wall_ns) != 0)
        fail(in, PS_EFORMAT, key, "is not a time like 2026-11-21T08:15:30.123Z");
    return wall_ns;
}

/* An array and its size; the size is taken off what is left of a bound. */
static const json_t *get_array(struct in *in, const json_t *obj, const char *key, size_t *left, size_t *n) {
    const json_t *v = get(in, obj, key, JSON_ARRAY);
    *n = v != NULL ? json_array_size(v) : 0;
    if (*n > *left) {
        fail(in, PS_ELIMIT, key, "has more elements than %zu", *left);
        *n = 0;
        return NULL;
    }
    *left -= *n;
    return v;
}

/* Element i, which must be of the type. */
static const json_t *element(struct in *in, const json_t *array, size_t i, json_type type) {
    const json_t *v = in->err == 0 ? json_array_get(array, i) : NULL;
    if (v != NULL && json_typeof(v) != type) {
        fail(in, PS_EFORMAT, "", "is not %s", type_name(type));
        return NULL;
    }
    return v;
}

/* Zeroed, for n elements; NULL for none. */
static void *room(struct in *in, size_t n, size_t size) {
    void *p = n > 0 && in->err == 0 ? calloc(n, size) : NULL;
    if (p == NULL && n > 0)
        fail(in, PS_ENOMEM, "", "out of memory");
    return p;
}

/* Keys of obj that are not in `known` (words between single spaces, with one before and after) are from a
 * later version. They are passed over unless the statement says that they matter. */
static void only(struct in *in, const json_t *obj, const char *known) {
    const char *key;
    json_t *v;
    if (in->err != 0)
        return;
    json_object_foreach((json_t *)obj, key, v) {
        char between[64];
        size_t i;
        json_t *name;
        snprintf(between, sizeof between, " %s ", key);
        if (strstr(known, between) != NULL)
            continue;
        json_array_foreach(in->crit, i, name) {
            if (strcmp(json_string_value(name), key) == 0)
                fail(in, PS_EVERSION, key, "must be understood, and this program does not know it");
        }
    }
}

/* ---- the parts, in the order of the format ---- */

static const char root_keys[] =
    " type version crit salt station clip take kind operator open_leaf key ledger_key codes "
    "freshness started ended end_reason label tracks originals events software ";

static void read_version(struct in *in, const json_t *root) {
    char type[32] = "";
    size_t left = 64, n = 0;
    GET_TEXT(in, root, "type", type, MAY_BE_EMPTY);
    if (in->err == 0 && strcmp(type, "packseal-clip") != 0)
        fail(in, PS_EFORMAT, "type", "is not packseal-clip");
    if (get_uint(in, root, "version", PS_MAX_JSON_INT) != 1)
        fail(in, PS_EVERSION, "version", "is not 1");
    const json_t *crit = get_array(in, root, "crit", &left, &n);
    size_t root_path = enter(in, "crit", 0);
    for (size_t i = 0; i < n; i++) {
        size_t list = enter(in, NULL, i);
        const json_t *name = element(in, crit, i, JSON_STRING);
        char between[64];
        const char *word = name != NULL ? json_string_value(name) : "";
        snprintf(between, sizeof between, " %s ", word);
        if (strlen(word) > 48 || strchr(word, ' ') != NULL || strstr(root_keys, between) == NULL)
            fail(in, PS_EVERSION, "", "names what this program does not know");
        leave(in, list);
    }
    leave(in, root_path);
    if (in->err == 0)
        in->crit = crit;
}

static void read_identity(struct in *in, const json_t *root, struct ps_clip *c) {
    struct ps_opening *o = &c->opening;
    get_hex(in, root, "salt", o->salt, sizeof o->salt);
    const json_t *station = get(in, root, "station", JSON_OBJECT);
    size_t before = enter(in, "station", 0);
    only(in, station, " id name ");
    GET_TEXT(in, station, "id", o->station, NOT_EMPTY);
    if (in->err == 0 && !ps_opening_station_ok(o->station))
        fail(in, PS_EFORMAT, "id", "is not made of A-Z, a-z, 0-9 and -");
    GET_TEXT(in, station, "name", c->station_name, MAY_BE_EMPTY);
    leave(in, before);
    c->number = get_uint(in, root, "clip", PS_MAX_JSON_INT);
    c->take = (uint32_t)get_uint(in, root, "take", UINT32_MAX);
    o->kind = get_word(in, root, "kind", ps_opening_kind_of);
    GET_TEXT(in, root, "operator", o->operator_id, MAY_BE_EMPTY);

    const json_t *leaf = get(in, root, "open_leaf", JSON_STRING);
    size_t leaf_len = leaf != NULL ? json_string_length(leaf) / 2 : 0;
    if (leaf_len > PS_MAX_LEAF)
        fail(in, PS_ELIMIT, "open_leaf", "is longer than %d bytes", PS_MAX_LEAF);
    unhex(in, leaf, "open_leaf", c->open_leaf, leaf_len);
    c->open_leaf_len = in->err == 0 ? (uint16_t)leaf_len : 0;

    const json_t *key = get(in, root, "key", JSON_STRING);
    /* Length checked first: a newline after the key would pass for a key file. */
    if (key != NULL &&
        (json_string_length(key) != 56 || ps_minisign_pubkey_parse(&c->key, json_string_value(key), 56)))
        fail(in, PS_EFORMAT, "key", "is not a minisign public key");
    get_hex(in, root, "ledger_key", c->ledger_key, 32);
}

static void read_code(struct in *in, const json_t *v, struct ps_code *code) {
    only(in, v, " value raw type carrier entry device at opening ");
    GET_TEXT(in, v, "value", code->value, NOT_EMPTY);
    GET_TEXT(in, v, "raw", code->raw, MAY_BE_EMPTY);
    code->type = get_word(in, v, "type", ps_opening_code_type_of);
    GET_TEXT(in, v, "carrier", code->carrier, MAY_BE_EMPTY);
    code->entry = get_word(in, v, "entry", ps_opening_entry_of);
    GET_TEXT(in, v, "device", code->device, MAY_BE_EMPTY);
    code->wall_ns = get_wall(in, v, "at");
}

static void read_codes(struct in *in, const json_t *root, struct ps_clip *c) {
    size_t left = PS_MAX_CODES, n = 0;
    const json_t *array = get_array(in, root, "codes", &left, &n);
    size_t before = enter(in, "codes", 0);
    c->added_codes = room(in, n, sizeof *c->added_codes);
    for (size_t i = 0; i < n && in->err == 0; i++) {
        size_t list = enter(in, NULL, i);
        const json_t *v = element(in, array, i, JSON_OBJECT);
        bool opening = get_bool(in, v, "opening");
        if (opening && c->n_added_codes > 0)
            fail(in, PS_EFORMAT, "opening", "comes after a code that was added later");
        if (in->err == 0)
            read_code(in, v,
                      opening ? &c->opening.codes[c->opening.n_codes++]
                              : &c->added_codes[c->n_added_codes++]);
        leave(in, list);
    }
    leave(in, before);
}

static void read_time(struct in *in, const json_t *obj, const char *key, struct ps_time *t) {
    const json_t *v = get(in, obj, key, JSON_OBJECT);
    size_t before = enter(in, key, 0);
    only(in, v, " wall boot_ms clock max_error_us ");
    t->wall_ns = get_wall(in, v, "wall");
    t->boot_ns = (int64_t)get_uint(in, v, "boot_ms", INT64_MAX / PS_NS_PER_MS) * PS_NS_PER_MS;
    t->clock = get_word(in, v, "clock", ps_statement_clock_of);
    t->max_error_us = (uint32_t)get_uint(in, v, "max_error_us", UINT32_MAX);
    leave(in, before);
}

static void read_file(struct in *in, const json_t *obj, struct ps_file_ref *f) {
    const json_t *v = get(in, obj, "file", JSON_OBJECT);
    size_t before = enter(in, "file", 0);
    only(in, v, " name size sha256 ");
    GET_TEXT(in, v, "name", f->name, NOT_EMPTY);
    if (in->err == 0 && !ps_statement_file_name_ok(f->name))
        fail(in, PS_EFORMAT, "name", "is not a plain file name");
    f->size = get_uint(in, v, "size", PS_MAX_JSON_INT);
    get_hex(in, v, "sha256", f->sha256, 32);
    leave(in, before);
}

static void read_place(struct in *in, const json_t *v, struct ps_banner *b) {
    b->x = (uint16_t)get_uint(in, v, "x", PS_MAX_PICTURE);
    b->y = (uint16_t)get_uint(in, v, "y", PS_MAX_PICTURE);
    b->w = (uint16_t)get_uint(in, v, "w", PS_MAX_PICTURE);
    b->h = (uint16_t)get_uint(in, v, "h", PS_MAX_PICTURE);
    GET_TEXT(in, v, "fields", b->fields, MAY_BE_EMPTY);
}

static void read_banner(struct in *in, const json_t *obj, struct ps_banner *b) {
    const json_t *v = get(in, obj, "banner", JSON_OBJECT);
    size_t before = enter(in, "banner", 0);
    only(in, v, " layout x y w h fields ");
    GET_TEXT(in, v, "layout", b->layout, MAY_BE_EMPTY);
    read_place(in, v, b);
    leave(in, before);
}

/* Missing where it never changed. */
static void read_banners(struct in *in, const json_t *obj, struct ps_track *t) {
    size_t n = 0, left = PS_MAX_BANNERS;
    if (in->err != 0 || json_object_get(obj, "banners") == NULL)
        return;
    const json_t *array = get_array(in, obj, "banners", &left, &n);
    size_t before = enter(in, "banners", 0);
    if (in->err == 0 && n < 2)
        fail(in, PS_EFORMAT, "", "has less than two elements");
    t->banners = room(in, n, sizeof *t->banners);
    for (size_t i = 0; i < n && in->err == 0; i++) {
        struct ps_banner_change *k = &t->banners[i];
        size_t list = enter(in, NULL, i);
        const json_t *v = element(in, array, i, JSON_OBJECT);
        only(in, v, " from x y w h fields text ");
        k->from = (uint32_t)get_uint(in, v, "from", PS_MAX_SEGMENTS);
        read_place(in, v, &k->b);
        GET_TEXT(in, v, "text", k->text, MAY_BE_EMPTY);
        leave(in, list);
    }
    t->n_banners = in->err == 0 ? (uint32_t)n : 0;
    leave(in, before);
}

static void read_counts(struct in *in, const json_t *obj, struct ps_counts *n) {
    const json_t *v = get(in, obj, "counts", JSON_OBJECT);
    size_t before = enter(in, "counts", 0);
    only(in, v, " captured encoded dropped damaged repeated ");
    n->captured = get_uint(in, v, "captured", PS_MAX_JSON_INT);
    n->encoded = get_uint(in, v, "encoded", PS_MAX_JSON_INT);
    n->dropped = get_uint(in, v, "dropped", PS_MAX_JSON_INT);
    n->damaged = get_uint(in, v, "damaged", PS_MAX_JSON_INT);
    n->repeated = get_uint(in, v, "repeated", PS_MAX_JSON_INT);
    leave(in, before);
}

static void read_gaps(struct in *in, const json_t *obj, struct ps_track *t) {
    size_t n = 0;
    const json_t *array = get_array(in, obj, "gaps", &in->gaps_left, &n);
    size_t before = enter(in, "gaps", 0);
    t->gaps = room(in, n, sizeof *t->gaps);
    for (size_t i = 0; i < n && in->err == 0; i++) {
        struct ps_gap *g = &t->gaps[i];
        size_t list = enter(in, NULL, i);
        const json_t *v = element(in, array, i, JSON_OBJECT);
        only(in, v, " start duration frames reason ");
        g->start = get_uint(in, v, "start", PS_MAX_JSON_INT);
        g->duration = get_uint(in, v, "duration", PS_MAX_JSON_INT);
        g->frames = get_uint(in, v, "frames", PS_MAX_JSON_INT);
        GET_TEXT(in, v, "reason", g->reason, NOT_EMPTY);
        leave(in, list);
    }
    t->n_gaps = in->err == 0 ? (uint32_t)n : 0;
    leave(in, before);
}

static void read_segments(struct in *in, const json_t *obj, struct ps_track *t) {
    size_t n = 0;
    const json_t *array = get_array(in, obj, "segments", &in->segments_left, &n);
    size_t before = enter(in, "segments", 0);
    t->records = room(in, n, sizeof *t->records);
    for (size_t i = 0; i < n && in->err == 0; i++) {
        size_t list = enter(in, NULL, i);
        const json_t *v = element(in, array, i, JSON_STRING);
        unhex(in, v, "", t->records[i], PS_RECORD_SIZE);
        leave(in, list);
    }
    t->n_records = in->err == 0 ? (uint32_t)n : 0;
    leave(in, before);
}

static uint32_t range_end(struct in *in, const json_t *pair, size_t i) {
    const json_t *v = element(in, pair, i, JSON_INTEGER);
    json_int_t seq = json_integer_value(v);
    if (v == NULL)
        return 0;
    if (seq < 0 || seq >= PS_MAX_SEGMENTS)
        fail(in, PS_ELIMIT, "", "is no sequence number");
    return (uint32_t)seq;
}

static struct ps_range *read_ranges(struct in *in, const json_t *obj, const char *key, uint32_t *count) {
    size_t n = 0;
    const json_t *array = get_array(in, obj, key, &in->ranges_left, &n);
    size_t before = enter(in, key, 0);
    struct ps_range *ranges = room(in, n, sizeof *ranges);
    for (size_t i = 0; i < n && in->err == 0; i++) {
        size_t list = enter(in, NULL, i);
        const json_t *pair = element(in, array, i, JSON_ARRAY);
        if (in->err == 0 && json_array_size(pair) != 2)
            fail(in, PS_EFORMAT, "", "is not [first,last]");
        ranges[i].first = range_end(in, pair, 0);
        ranges[i].last = range_end(in, pair, 1);
        leave(in, list);
    }
    *count = in->err == 0 ? (uint32_t)n : 0;
    leave(in, before);
    return ranges;
}

static void read_track(struct in *in, const json_t *v, struct ps_track *t) {
    only(in, v,
         " camera opening model serial path driver source_format file codec width height banner banners "
         "first counts gaps segments unwitnessed lost preroll head ");
    GET_TEXT(in, v, "camera", t->camera, NOT_EMPTY);
    GET_TEXT(in, v, "model", t->model, MAY_BE_EMPTY);
    GET_TEXT(in, v, "serial", t->serial, MAY_BE_EMPTY);
    GET_TEXT(in, v, "path", t->path, MAY_BE_EMPTY);
    GET_TEXT(in, v, "driver", t->driver, MAY_BE_EMPTY);
    GET_TEXT(in, v, "source_format", t->source_format, MAY_BE_EMPTY);
    read_file(in, v, &t->file);
    GET_TEXT(in, v, "codec", t->codec, MAY_BE_EMPTY);
    t->width = (uint16_t)get_uint(in, v, "width", PS_MAX_PICTURE);
    t->height = (uint16_t)get_uint(in, v, "height", PS_MAX_PICTURE);
    read_banner(in, v, &t->banner);
    read_banners(in, v, t);
    read_time(in, v, "first", &t->first);
    read_counts(in, v, &t->counts);
    read_gaps(in, v, t);
    read_segments(in, v, t);
    t->unwitnessed = read_ranges(in, v, "unwitnessed", &t->n_unwitnessed);
    t->lost = read_ranges(in, v, "lost", &t->n_lost);
    if (in->err == 0 && json_object_get(v, "preroll") != NULL) /* missing: none */
        t->n_preroll = (uint32_t)get_uint(in, v, "preroll", PS_MAX_SEGMENTS);
    get_hex(in, v, "head", t->head, 32);
}

static void read_tracks(struct in *in, const json_t *root, struct ps_clip *c) {
    size_t left = PS_MAX_TRACKS, n = 0;
    const json_t *array = get_array(in, root, "tracks", &left, &n);
    size_t before = enter(in, "tracks", 0);
    c->tracks = room(in, n, sizeof *c->tracks);
    c->n_tracks = in->err == 0 ? (uint16_t)n : 0;
    for (size_t i = 0; i < n && in->err == 0; i++) {
        size_t list = enter(in, NULL, i);
        const json_t *v = element(in, array, i, JSON_OBJECT);
        bool opening = get_bool(in, v, "opening");
        if (opening && c->opening.n_tracks < i)
            fail(in, PS_EFORMAT, "opening", "comes after a track that was added later");
        if (in->err == 0)
            read_track(in, v, &c->tracks[i]);
        if (in->err == 0 && opening)
            memcpy(c->opening.tracks[c->opening.n_tracks++], c->tracks[i].camera, sizeof c->tracks[i].camera);
        leave(in, list);
    }
    leave(in, before);
}

static void read_originals(struct in *in, const json_t *root, struct ps_clip *c) {
    size_t left = PS_MAX_ORIGINALS, n = 0;
    const json_t *array = get_array(in, root, "originals", &left, &n);
    size_t before = enter(in, "originals", 0);
    c->originals = room(in, n, sizeof *c->originals);
    for (size_t i = 0; i < n && in->err == 0; i++) {
        struct ps_original *o = &c->originals[i];
        size_t list = enter(in, NULL, i);
        const json_t *v = element(in, array, i, JSON_OBJECT);
        only(in, v, " file track ticks why ");
        read_file(in, v, &o->file);
        o->track = (uint32_t)get_uint(in, v, "track", PS_MAX_TRACKS - 1);
        o->ticks = get_uint(in, v, "ticks", PS_MAX_JSON_INT);
        GET_TEXT(in, v, "why", o->why, NOT_EMPTY);
        leave(in, list);
    }
    c->n_originals = in->err == 0 ? (uint32_t)n : 0;
    leave(in, before);
}

static void read_events(struct in *in, const json_t *root, struct ps_clip *c) {
    size_t left = PS_MAX_EVENTS, n = 0;
    const json_t *array = get_array(in, root, "events", &left, &n);
    size_t before = enter(in, "events", 0);
    c->events = room(in, n, sizeof *c->events);
    for (size_t i = 0; i < n && in->err == 0; i++) {
        struct ps_event *e = &c->events[i];
        size_t list = enter(in, NULL, i);
        const json_t *v = element(in, array, i, JSON_OBJECT);
        only(in, v, " ms what text ");
        e->ms = get_uint(in, v, "ms", PS_MAX_JSON_INT);
        GET_TEXT(in, v, "what", e->what, NOT_EMPTY);
        GET_TEXT(in, v, "text", e->text, MAY_BE_EMPTY);
        leave(in, list);
    }
    c->n_events = in->err == 0 ? (uint32_t)n : 0;
    leave(in, before);
}

static void read_freshness(struct in *in, const json_t *root, struct ps_opening *o) {
    const json_t *v = get(in, root, "freshness", JSON_OBJECT);
    size_t before = enter(in, "freshness", 0);
    only(in, v, " code token_sha256 ");
    GET_TEXT(in, v, "code", o->freshness, MAY_BE_EMPTY);
    get_hex(in, v, "token_sha256", o->token, sizeof o->token);
    leave(in, before);
}

static void read_software(struct in *in, const json_t *root, struct ps_clip *c) {
    const json_t *v = get(in, root, "software", JSON_OBJECT);
    size_t before = enter(in, "software", 0);
    only(in, v, " name recorder_sha256 signer_sha256 ");
    GET_TEXT(in, v, "name", c->software, NOT_EMPTY);
    get_hex(in, v, "recorder_sha256", c->recorder_sha256, 32);
    get_hex(in, v, "signer_sha256", c->signer_sha256, 32);
    leave(in, before);
}

int ps_statement_parse(struct ps_clip **out, const void *p, size_t n, struct ps_why *why) {
    struct in in = {
        .why = why, .segments_left = PS_MAX_SEGMENTS, .ranges_left = PS_MAX_RANGES, .gaps_left = PS_MAX_GAPS};
    json_t *root = NULL;
    *out = NULL;
    int err = ps_json_parse(&root, p, n, why);
    if (err != 0)
        return err;
    struct ps_clip *c = room(&in, 1, sizeof *c);
    if (c != NULL) {
        read_version(&in, root);
        only(&in, root, root_keys);
        read_identity(&in, root, c);
        read_codes(&in, root, c);
        read_freshness(&in, root, &c->opening);
        read_time(&in, root, "started", &c->started);
        read_time(&in, root, "ended", &c->ended);
        c->end_reason = get_word(&in, root, "end_reason", ps_statement_end_reason_of);
        c->label = get_word(&in, root, "label", ps_statement_label_of);
        read_tracks(&in, root, c);
        read_originals(&in, root, c);
        read_events(&in, root, c);
        read_software(&in, root, c);
    }
    json_decref(root); /* before the checks, which need room of their own */
    if (in.err == 0)
        in.err = ps_statement_check(c, why);
    if (in.err != 0)
        ps_statement_free(c);
    else
        *out = c; /* transferred */
    return in.err;
}

void ps_statement_free(struct ps_clip *c) {
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->n_tracks; i++) {
        free(c->tracks[i].gaps);
        free(c->tracks[i].records);
        free(c->tracks[i].unwitnessed);
        free(c->tracks[i].lost);
        free(c->tracks[i].banners);
    }
    free(c->tracks);
    free(c->added_codes);
    free(c->originals);
    free(c->events);
    free(c);
}
