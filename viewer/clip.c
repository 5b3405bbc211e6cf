/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * GET /clips/{clip}, and what people add to a clip: notes, tags, hold. A clip's folder is never written here.
 */
#include "archive/holds.h"
#include "archive/store.h"
#include "evidence/bytes.h"
#include "evidence/record.h"
#include "viewer/ask.h"
#include "viewer/rows.h"
#include "viewer/times.h"
#include "viewer/viewer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OTHERS_MOST 200     /* takes and related clips */
#define OTHERS_OF_A_CODE 50 /* the newest of one number */
#define CODES_MOST 32       /* numbers that are followed */
#define HOLD_SECONDS 10

/* ---- statement and tracks */

/* clip.json as it is, and read; NULL and no clip when there is none (removed with all its words). */
static json_t *statement_of(const struct ps_request *r, const struct ps_rows_clip *c, struct ps_clip **clip) {
    uint8_t *p = NULL;
    size_t n = 0;
    json_t *o = NULL;
    int dir = ps_root_open(r->viewer->root, c->path, NULL);
    *clip = NULL;
    if (dir < 0)
        return NULL;
    if (ps_store_read_file(dir, "clip.json", PS_MAX_STATEMENT, &p, &n, NULL) == 0 &&
        ps_statement_parse(clip, p, n, NULL) == 0)
        o = json_loadb((const char *)p, n, JSON_REJECT_DUPLICATES, NULL);
    free(p);
    close(dir);
    return o;
}

/* Where each film lies in the clip, so that a page can show all of them at one moment: by the boot clock, which nobody sets. */
static json_t *track_json(const struct ps_clip *clip, const struct ps_track *t) {
    struct ps_record last = {0};
    if (t->n_records > 0)
        ps_record_decode(&last, t->records[t->n_records - 1]);
    double seconds = (double)(last.start + last.duration) / PS_TICKS_PER_SECOND;
    double fps = seconds > 0 ? (double)t->counts.encoded / seconds : 0;
    return json_pack("{s:s, s:s, s:I, s:I, s:f, s:i, s:i, s:I}", "file", t->file.name, "camera", t->camera,
                     "start_ms", (json_int_t)((t->first.boot_ns - clip->started.boot_ns) / 1000000), "ms",
                     (json_int_t)(seconds * 1000), "fps", (double)(int64_t)(fps * 1000 + 0.5) / 1000, "width",
                     (int)t->width, "height", (int)t->height, "bytes", (json_int_t)t->file.size);
}

static json_t *tracks_json(const struct ps_clip *clip) {
    json_t *all = json_array();
    for (unsigned i = 0; clip != NULL && i < clip->n_tracks; i++)
        if (clip->tracks[i].n_records > 0)
            json_array_append_new(all, track_json(clip, &clip->tracks[i]));
    return all;
}

/* ---- other clips of the same order */

struct others {
    const struct ps_request *r;
    const struct ps_rows_clip *of;
    unsigned n;
    struct other {
        int64_t started_ns;
        bool same_kind;
        char name[40];
        json_t *row;
    } v[OTHERS_MOST];
};

static int add_other(void *ctx, const struct ps_index_row *row) {
    struct others *o = ctx;
    for (unsigned i = 0; i < o->n; i++)
        if (strcmp(o->v[i].name, row->clip) == 0)
            return 0;
    if (o->n == OTHERS_MOST)
        return 1;
    struct other *next = &o->v[o->n];
    snprintf(next->name, sizeof(next->name), "%s", row->clip);
    next->started_ns = row->started_ns;
    next->same_kind = strcmp(row->kind, o->of->kind) == 0;
    next->row = ps_rows_json(o->r, row);
    o->n += next->row != NULL;
    return 0;
}

static int by_time(const void *a, const void *b) {
    const struct other *x = a, *y = b;
    return x->started_ns > y->started_ns ? -1 : x->started_ns < y->started_ns;
}

struct following {
    struct ps_index *x;
    struct others *o;
    unsigned n;
};

static int follow(void *ctx, const char *p, size_t n) {
    struct following *f = ctx;
    char code[PS_MAX_CODE + 1];
    if (n == 0 || n > PS_MAX_CODE || f->n++ >= CODES_MOST)
        return 0;
    memcpy(code, p, n);
    code[n] = '\0';
    struct ps_index_query q = {
        .from_ns = INT64_MIN, .to_ns = INT64_MAX, .code = code, .limit = OTHERS_OF_A_CODE, .budget_ms = 2000};
    ps_index_find(f->x, &q, add_other, f->o, NULL);
    return 0;
}

/* By each number of the order; an article's is in thousands of parcels and tells nothing. */
static void find_others(struct ps_index *x, const struct ps_clip *clip, struct others *o) {
    struct following f = {.x = x, .o = o};
    unsigned n = clip != NULL ? clip->opening.n_codes : 0, all = clip != NULL ? n + clip->n_added_codes : 0;
    for (unsigned i = 0; i < all; i++) {
        const struct ps_code *code = i < n ? &clip->opening.codes[i] : &clip->added_codes[i - n];
        if (code->type != PS_CODE_SKU)
            follow(&f, code->value, strlen(code->value));
    }
    ps_rows_lines(o->of->links, follow, &f);
    qsort(o->v, o->n, sizeof(o->v[0]), by_time);
}

static json_t *pick(struct others *o, bool same_kind) {
    json_t *all = json_array();
    for (unsigned i = 0; i < o->n; i++)
        if (o->v[i].same_kind == same_kind)
            json_array_append(all, o->v[i].row);
    return all;
}

/* ---- what people added */

static int add_note(void *array, const struct ps_viewer_db_note *n) {
    char at[40];
    ps_times_text(n->at_ns, at);
    json_array_append_new(array, json_pack("{s:I, s:s, s:s, s:s}", "id", (json_int_t)n->id, "at", at, "who",
                                           n->who, "text", n->text));
    return 0;
}

static json_t *hold_json(const char *root, const char *clip) {
    struct ps_hold h;
    char since[40];
    if (ps_holds_get(root, clip, &h) == PS_ENOENT)
        return json_null();
    ps_times_text(h.since_ns, since);
    return json_pack("{s:s, s:s}", "since", since, "note", h.note);
}

/* ---- GET */

static void answer_clip(struct ps_request *r, struct ps_answer *a, struct ps_index *x,
                        struct ps_rows_clip *c) {
    struct ps_clip *clip = NULL;
    struct others *o = calloc(1, sizeof(*o));
    if (o == NULL) {
        ps_answer_error(a, "internal", "out of memory", c->name, "try again");
        return;
    }
    json_t *statement = statement_of(r, c, &clip), *notes = json_array();
    *o = (struct others){.r = r, .of = c};
    find_others(x, clip, o);
    ps_viewer_db_notes(r->viewer->db, c->name, add_note, notes);
    json_object_set_new(c->row, "tracks", tracks_json(clip));
    json_object_set_new(c->row, "statement", statement != NULL ? statement : json_null());
    json_object_set_new(c->row, "takes", pick(o, true));
    json_object_set_new(c->row, "related", pick(o, false));
    json_object_set_new(c->row, "notes", notes);
    json_object_set_new(c->row, "hold", hold_json(r->viewer->root, c->name));
    ps_answer_json(a, 200, json_incref(c->row));
    for (unsigned i = 0; i < o->n; i++)
        json_decref(o->v[i].row);
    free(o);
    ps_statement_free(clip);
}

static void get_clip(struct ps_request *r, struct ps_answer *a) {
    struct ps_rows_clip c;
    struct ps_index *x = ps_rows_open(r, a);
    if (x != NULL && ps_rows_find(r, a, x, &c)) {
        if (ps_viewer_audit_once(r, "view", c.name, NULL) < 0)
            ps_answer_error(a, "internal", "the audit trail cannot be written", c.name, "look at the disk");
        else
            answer_clip(r, a, x, &c);
        json_decref(c.row);
    }
    ps_index_close(x);
}

/* ---- POST */

/* The trail comes first: what was not written down did not happen. False after an answer. */
static bool written_down(struct ps_request *r, struct ps_answer *a, const char *what,
                         const struct ps_rows_clip *c, const char *detail) {
    if (ps_viewer_audit(r, what, c->name, detail) == 0)
        return true;
    ps_answer_error(a, "internal", "the audit trail cannot be written", c->name, "look at the disk");
    return false;
}

static void add_a_note(struct ps_request *r, struct ps_answer *a, const struct ps_rows_clip *c) {
    const char *text = ps_request_text(r, "text");
    int64_t id = 0;
    if (!written_down(r, a, "note", c, text))
        return;
    int err = ps_viewer_db_note_add(r->viewer->db, c->name, r->who.name, ps_times_now_ns(), text, &id);
    if (err == PS_EFULL)
        ps_answer_error(a, "conflict", "this clip has as many notes as it can", c->name,
                        "write it elsewhere");
    else if (err < 0)
        ps_answer_error(a, "internal", ps_error_text(err), c->name, "look at the disk");
    else
        ps_answer_json(a, 201, json_pack("{s:I}", "id", (json_int_t)id));
}

static void post_note(struct ps_request *r, struct ps_answer *a) {
    static const struct ps_member members[] = {{"text", 't', true, 1, PS_VIEWER_DB_NOTE},
                                               {NULL, 0, false, 0, 0}};
    struct ps_rows_clip c;
    if (!ps_request_members(r, a, members) || !ps_rows_clip(r, a, &c))
        return;
    add_a_note(r, a, &c);
    json_decref(c.row);
}

/* Texts of the array; false when one is no tag. */
static bool read_tags(const json_t *array, const char *tags[PS_VIEWER_DB_TAGS], size_t *n, char said[256]) {
    size_t i;
    json_t *v;
    *n = 0;
    said[0] = '\0';
    if (json_array_size(array) > PS_VIEWER_DB_TAGS)
        return false;
    json_array_foreach(array, i, v) {
        const char *tag = json_string_value(v);
        size_t len = tag != NULL ? json_string_length(v) : 0;
        if (len == 0 || len > PS_VIEWER_DB_TAG || strlen(tag) != len || !ps_bytes_is_text(tag, len))
            return false;
        bool again = false;
        for (size_t k = 0; k < *n; k++)
            again = again || strcmp(tags[k], tag) == 0;
        if (again)
            continue;
        tags[(*n)++] = tag;
        size_t at = strlen(said);
        snprintf(said + at, 256 - at, "%s%s", at > 0 ? ", " : "", tag);
    }
    return true;
}

static void post_tags(struct ps_request *r, struct ps_answer *a) {
    static const struct ps_member members[] = {{"tags", 'a', true, 0, 0}, {NULL, 0, false, 0, 0}};
    const char *tags[PS_VIEWER_DB_TAGS];
    char said[256];
    size_t n;
    struct ps_rows_clip c;
    if (!ps_request_members(r, a, members))
        return;
    if (!read_tags(json_object_get(r->body, "tags"), tags, &n, said)) {
        ps_answer_error(a, "bad-request", "no list of tags", "tags",
                        "give at most 16 texts of 1 to 48 bytes");
        return;
    }
    if (!ps_rows_clip(r, a, &c))
        return;
    if (written_down(r, a, "tag", &c, said)) {
        int err = ps_viewer_db_tags_put(r->viewer->db, c.name, tags, n);
        if (err < 0)
            ps_answer_error(a, "internal", ps_error_text(err), c.name, "look at the disk");
        else
            ps_answer_nothing(a);
    }
    json_decref(c.row);
}

/* The recorder holds: the viewer may not write there, and retention must know at once. */
static void post_hold(struct ps_request *r, struct ps_answer *a) {
    static const struct ps_member members[] = {
        {"held", 'b', true, 0, 0}, {"note", 's', false, 0, PS_HOLD_NOTE}, {NULL, 0, false, 0, 0}};
    struct ps_rows_clip c;
    if (!ps_request_members(r, a, members) || !ps_rows_clip(r, a, &c))
        return;
    bool held = json_is_true(json_object_get(r->body, "held"));
    const char *note = ps_request_text(r, "note");
    if (written_down(r, a, held ? "hold" : "release", &c, note)) {
        json_t *ask = json_pack("{s:s, s:s}", "do", held ? "hold" : "release", "clip", c.name);
        if (held)
            json_object_set_new(ask, "note", json_string(note != NULL ? note : ""));
        ps_ask_answer(r, a, ask, HOLD_SECONDS);
    }
    json_decref(c.row);
}

#define WRITES (PS_ROLE_CLERK | PS_ROLE_ADMIN)

const struct ps_route ps_clip_routes[] = {
    {"GET", "/api/v1/clips/{clip}", PS_ROLE_PERSON | PS_ROLE_READ, PS_BODY_NONE, 0, NULL, get_clip},
    {"POST", "/api/v1/clips/{clip}/notes", WRITES, PS_BODY_JSON, 0, NULL, post_note},
    {"POST", "/api/v1/clips/{clip}/tags", WRITES, PS_BODY_JSON, 0, NULL, post_tags},
    {"POST", "/api/v1/clips/{clip}/hold", WRITES | PS_ROUTE_SLOW, PS_BODY_JSON, 0, NULL, post_hold},
    {NULL, NULL, 0, PS_BODY_NONE, 0, NULL, NULL},
};
