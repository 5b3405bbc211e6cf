/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "viewer/rows.h"
#include "archive/flags.h"
#include "archive/holds.h"
#include "archive/links.h"
#include "archive/removal.h"
#include "evidence/bytes.h"
#include "viewer/times.h"
#include "viewer/viewer.h"
#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(((struct ps_rows_clip *)0)->links) > PS_LINKS_MOST * (PS_MAX_CODE + 1),
               "all links fit");

struct ps_index *ps_rows_open(const struct ps_request *r, struct ps_answer *a) {
    struct ps_index *x = NULL;
    struct ps_why why = {0};
    int err = ps_index_open(&x, r->viewer->root, false, &why);

    if (err == 0)
        return x;
    ps_answer_error(a, "internal", why.text, PS_ROOT_INDEX,
                    err == PS_EVERSION ? "update PackSeal" : "run on the station: packseal reindex");
    return NULL;
}

void ps_rows_failed(struct ps_answer *a, int err, const struct ps_why *why) {
    if (err == PS_ETIME)
        ps_answer_error(a, "busy", why->text, "search", "ask for fewer days, or for more of the number");
    else if (err == PS_EINVAL)
        ps_answer_error(a, "bad-request", why->text, why->where, "give more of the number");
    else
        ps_answer_error(a, "internal", why->text, why->where, "run on the station: packseal reindex");
}

int ps_rows_lines(const char *text, int (*line)(void *ctx, const char *p, size_t n), void *ctx) {
    while (*text != '\0') {
        size_t n = (size_t)(strchrnul(text, '\n') - text);
        int stop = line(ctx, text, n);
        if (stop != 0)
            return stop;
        text += n + (text[n] == '\n');
    }
    return 0;
}

static int add_line(void *array, const char *p, size_t n) {
    json_array_append_new(array, json_stringn(p, n));
    return 0;
}

static json_t *lines(const char *text) {
    json_t *all = json_array();
    ps_rows_lines(text, add_line, all);
    return all;
}

static int add_tag(void *array, const char *tag) {
    json_array_append_new(array, json_string(tag));
    return 0;
}

/* What became of a clip that retention or a person removed. */
static json_t *removal(const struct ps_request *r, const char *path) {
    struct ps_removal gone;
    char at[40];
    if (ps_removal_read(r->viewer->root, path, &gone, NULL) < 0)
        return json_object();
    ps_times_text(gone.leaf.wall_ns, at);
    return json_pack("{s:s, s:s, s:s, s:I}", "at", at, "reason", ps_removal_reason(gone.leaf.extra[0]),
                     "text", gone.text, "entry", (json_int_t)gone.leaf.index);
}

json_t *ps_rows_json(const struct ps_request *r, const struct ps_index_row *row) {
    char started[40], ended[40];
    struct ps_hold hold;
    json_t *tags = json_array();
    ps_times_text(row->started_ns, started);
    ps_times_text(row->ended_ns, ended);
    ps_viewer_db_tags(r->viewer->db, row->clip, add_tag, tags);
    int64_t ms = (row->ended_ns - row->started_ns) / 1000000;
    json_t *o = json_pack(
        "{s:s, s:I, s:s, s:o, s:o, s:s, s:s, s:s, s:s, s:I, s:s, s:I, s:o, s:o, s:b, s:o, s:s, s:b}", "clip",
        row->clip, "number", (json_int_t)row->number, "station", row->station, "codes", lines(row->codes),
        "links", lines(row->links), "kind", row->kind, "operator", row->operator_id, "started", started,
        "ended", ended, "ms", (json_int_t)(ms > 0 ? ms : 0), "reason", row->end_reason, "take",
        (json_int_t)row->take, "tracks", lines(row->tracks), "flags", ps_flags_json(row->flags), "held",
        ps_holds_get(r->viewer->root, row->clip, &hold) != PS_ENOENT, "tags", tags, "path", row->path,
        "thumb", row->thumb[0] != '\0' && !ps_removal_is(row->path));
    if (o != NULL && ps_removal_is(row->path))
        json_object_set_new(o, "removed", removal(r, row->path));
    return o;
}

struct finding {
    const struct ps_request *r;
    struct ps_rows_clip *out;
    bool found;
};

static int keep(void *ctx, const struct ps_index_row *row) {
    struct finding *f = ctx;
    struct ps_rows_clip *c = f->out;
    snprintf(c->name, sizeof(c->name), "%s", row->clip);
    snprintf(c->path, sizeof(c->path), "%s", row->path);
    snprintf(c->kind, sizeof(c->kind), "%s", row->kind);
    snprintf(c->thumb, sizeof(c->thumb), "%s", row->thumb);
    snprintf(c->tracks, sizeof(c->tracks), "%s", row->tracks);
    snprintf(c->links, sizeof(c->links), "%s", row->links);
    c->removed = ps_removal_is(row->path);
    c->row = ps_rows_json(f->r, row);
    f->found = c->row != NULL;
    return 1;
}

bool ps_rows_find(const struct ps_request *r, struct ps_answer *a, struct ps_index *x,
                  struct ps_rows_clip *out) {
    struct finding f = {.r = r, .out = out};
    struct ps_why why = {0};
    struct ps_index_query q = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .clip = r->arg[0], .limit = 1};
    int n = ps_index_find(x, &q, keep, &f, &why);
    if (n < 0)
        ps_rows_failed(a, n, &why);
    else if (n == 0)
        ps_answer_error(a, "not-found", "no clip of that name", r->arg[0], "look for it by its number");
    else if (!f.found)
        ps_answer_error(a, "internal", "out of memory", r->arg[0], "try again");
    return f.found;
}

bool ps_rows_clip(const struct ps_request *r, struct ps_answer *a, struct ps_rows_clip *out) {
    struct ps_index *x = ps_rows_open(r, a);
    bool found = x != NULL && ps_rows_find(r, a, x, out);
    ps_index_close(x);
    return found;
}
