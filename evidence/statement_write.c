/* SPDX-License-Identifier: ISC */
/*
 * Writing clip.json: one layout, a pure function of the struct, so that a statement made again after a crash
 * is the same statement. One fact a line where there are many, for diff and for people.
 */
#include <inttypes.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/json.h"
#include "evidence/statement_internal.h"

static void fail(struct ps_buf *b, int err) {
    if (b->err == 0)
        b->err = err;
}

/* ---- small values ---- */

/* s stands in an array of cap bytes. What no reader would take is not written. */
static void text_in(struct ps_buf *b, const char *s, size_t cap) {
    size_t n = strnlen(s, cap);
    if (n == cap || !ps_bytes_is_text(s, n))
        fail(b, PS_EINVAL);
    else
        ps_json_quote(b, s);
}

/* Only for arrays. */
#define TEXT(b, label, field) (ps_buf_text(b, label), text_in(b, field, sizeof(field)))

/* A constant word; NULL stands for an enum value that has none. */
static void word(struct ps_buf *b, const char *label, const char *w) {
    if (w == NULL) {
        fail(b, PS_EINVAL);
        return;
    }
    ps_buf_fmt(b, "%s\"%s\"", label, w);
}

static void number(struct ps_buf *b, const char *label, uint64_t v) {
    if (v > PS_MAX_JSON_INT)
        fail(b, PS_ELIMIT);
    ps_buf_fmt(b, "%s%" PRIu64, label, v);
}

static void hex(struct ps_buf *b, const char *label, const void *p, size_t n) {
    char out[2 * PS_MAX_LEAF + 1];
    if (n > PS_MAX_LEAF) {
        fail(b, PS_EINVAL);
        return;
    }
    ps_bytes_hex(out, p, n);
    ps_buf_fmt(b, "%s\"%s\"", label, out);
}

static void wall(struct ps_buf *b, const char *label, int64_t wall_ns) {
    char out[32];
    int64_t back = 0;
    ps_statement_time_text(wall_ns, out);
    if (ps_statement_time_of(out, &back) != 0)
        fail(b, PS_EINVAL);
    word(b, label, out);
}

static void moment(struct ps_buf *b, const char *label, const struct ps_time *t) {
    ps_buf_text(b, label);
    wall(b, "{\"wall\":", t->wall_ns);
    if (t->boot_ns < 0)
        fail(b, PS_EINVAL);
    number(b, ",\"boot_ms\":", (uint64_t)t->boot_ns / PS_NS_PER_MS);
    word(b, ",\"clock\":", ps_statement_clock(t->clock));
    number(b, ",\"max_error_us\":", t->max_error_us);
    ps_buf_text(b, "}");
}

static void file(struct ps_buf *b, const char *label, const struct ps_file_ref *f) {
    if (!ps_statement_file_name_ok(f->name)) {
        fail(b, PS_EINVAL);
        return;
    }
    ps_buf_text(b, label);
    TEXT(b, "{\"name\":", f->name);
    number(b, ",\"size\":", f->size);
    hex(b, ",\"sha256\":", f->sha256, 32);
    ps_buf_text(b, "}");
}

/* "[" before the first of a list, "," before the others. */
static void separate(struct ps_buf *b, size_t i, const char *indent) {
    ps_buf_fmt(b, "%s\n%s", i == 0 ? "" : ",", indent);
}

/* ---- the parts ---- */

static void code(struct ps_buf *b, const struct ps_code *c, bool opening) {
    if (!ps_opening_code_ok(c)) {
        fail(b, PS_EINVAL);
        return;
    }
    TEXT(b, "{\"value\":", c->value);
    TEXT(b, ",\"raw\":", c->raw);
    word(b, ",\"type\":", ps_opening_code_type(c->type));
    TEXT(b, ",\"carrier\":", c->carrier);
    word(b, ",\"entry\":", ps_opening_entry(c->entry));
    TEXT(b, ",\"device\":", c->device);
    wall(b, ",\"at\":", c->wall_ns);
    ps_buf_fmt(b, ",\"opening\":%s}", opening ? "true" : "false");
}

static void codes(struct ps_buf *b, const struct ps_clip *c) {
    size_t n = (size_t)c->opening.n_codes + c->n_added_codes;
    if (n > PS_MAX_CODES) {
        fail(b, PS_ELIMIT);
        return;
    }
    ps_buf_text(b, ",\n\"codes\":[");
    for (size_t i = 0; i < n; i++) {
        bool opening = i < c->opening.n_codes;
        separate(b, i, " ");
        code(b, opening ? &c->opening.codes[i] : &c->added_codes[i - c->opening.n_codes], opening);
    }
    ps_buf_text(b, "]");
}

static void place(struct ps_buf *b, const struct ps_banner *n) {
    ps_buf_fmt(b, ",\"x\":%u,\"y\":%u,\"w\":%u,\"h\":%u", n->x, n->y, n->w, n->h);
    TEXT(b, ",\"fields\":", n->fields);
}

static void banner(struct ps_buf *b, const struct ps_track *t) {
    TEXT(b, "{\"layout\":", t->banner.layout);
    place(b, &t->banner);
    ps_buf_text(b, "}");
    if (t->n_banners == 0) /* as it always was: statements of then stay the same bytes */
        return;
    ps_buf_text(b, ",\n  \"banners\":[");
    for (size_t i = 0; i < t->n_banners; i++) {
        separate(b, i, "   ");
        number(b, "{\"from\":", t->banners[i].from);
        place(b, &t->banners[i].b);
        TEXT(b, ",\"text\":", t->banners[i].text);
        ps_buf_text(b, "}");
    }
    ps_buf_text(b, "]");
}

static void counts(struct ps_buf *b, const struct ps_counts *n) {
    number(b, "{\"captured\":", n->captured);
    number(b, ",\"encoded\":", n->encoded);
    number(b, ",\"dropped\":", n->dropped);
    number(b, ",\"damaged\":", n->damaged);
    number(b, ",\"repeated\":", n->repeated);
    ps_buf_text(b, "}");
}

static void gaps(struct ps_buf *b, const struct ps_track *t) {
    ps_buf_text(b, ",\n  \"gaps\":[");
    for (size_t i = 0; i < t->n_gaps; i++) {
        const struct ps_gap *g = &t->gaps[i];
        separate(b, i, "   ");
        number(b, "{\"start\":", g->start);
        number(b, ",\"duration\":", g->duration);
        number(b, ",\"frames\":", g->frames);
        TEXT(b, ",\"reason\":", g->reason);
        ps_buf_text(b, "}");
    }
    ps_buf_text(b, "]");
}

static void segments(struct ps_buf *b, const struct ps_track *t) {
    ps_buf_text(b, ",\n  \"segments\":[");
    for (size_t i = 0; i < t->n_records; i++) {
        separate(b, i, "   ");
        hex(b, "", t->records[i], PS_RECORD_SIZE);
    }
    ps_buf_text(b, "]");
}

static void ranges(struct ps_buf *b, const char *label, const struct ps_range *r, size_t n) {
    ps_buf_text(b, label);
    for (size_t i = 0; i < n; i++)
        ps_buf_fmt(b, "%s[%" PRIu32 ",%" PRIu32 "]", i == 0 ? "" : ",", r[i].first, r[i].last);
    ps_buf_text(b, "]");
}

static void track(struct ps_buf *b, const struct ps_track *t, bool opening) {
    TEXT(b, "{\"camera\":", t->camera);
    ps_buf_fmt(b, ",\"opening\":%s", opening ? "true" : "false");
    TEXT(b, ",\"model\":", t->model);
    TEXT(b, ",\"serial\":", t->serial);
    TEXT(b, ",\"path\":", t->path);
    TEXT(b, ",\"driver\":", t->driver);
    TEXT(b, ",\n  \"source_format\":", t->source_format);
    file(b, ",\n  \"file\":", &t->file);
    TEXT(b, ",\n  \"codec\":", t->codec);
    ps_buf_fmt(b, ",\"width\":%u,\"height\":%u,\n  \"banner\":", t->width, t->height);
    banner(b, t);
    moment(b, ",\n  \"first\":", &t->first);
    ps_buf_text(b, ",\n  \"counts\":");
    counts(b, &t->counts);
    gaps(b, t);
    segments(b, t);
    ranges(b, ",\n  \"unwitnessed\":[", t->unwitnessed, t->n_unwitnessed);
    ranges(b, ",\"lost\":[", t->lost, t->n_lost);
    if (t->n_preroll > 0)
        number(b, ",\"preroll\":", t->n_preroll);
    hex(b, ",\n  \"head\":", t->head, 32);
    ps_buf_text(b, "}");
}

static void tracks(struct ps_buf *b, const struct ps_clip *c) {
    ps_buf_text(b, ",\n\"tracks\":[");
    for (size_t i = 0; i < c->n_tracks; i++) {
        separate(b, i, " ");
        track(b, &c->tracks[i], i < c->opening.n_tracks);
    }
    ps_buf_text(b, "]");
}

static void originals(struct ps_buf *b, const struct ps_clip *c) {
    ps_buf_text(b, ",\n\"originals\":[");
    for (size_t i = 0; i < c->n_originals; i++) {
        const struct ps_original *o = &c->originals[i];
        separate(b, i, " ");
        file(b, "{\"file\":", &o->file);
        number(b, ",\"track\":", o->track);
        number(b, ",\"ticks\":", o->ticks);
        TEXT(b, ",\"why\":", o->why);
        ps_buf_text(b, "}");
    }
    ps_buf_text(b, "]");
}

static void events(struct ps_buf *b, const struct ps_clip *c) {
    ps_buf_text(b, ",\n\"events\":[");
    for (size_t i = 0; i < c->n_events; i++) {
        const struct ps_event *e = &c->events[i];
        separate(b, i, " ");
        number(b, "{\"ms\":", e->ms);
        TEXT(b, ",\"what\":", e->what);
        TEXT(b, ",\"text\":", e->text);
        ps_buf_text(b, "}");
    }
    ps_buf_text(b, "]");
}

/* Who, where and under which keys. */
static void identity(struct ps_buf *b, const struct ps_clip *c) {
    char key[57];
    const struct ps_opening *o = &c->opening;
    ps_minisign_pubkey_text(&c->key, key);
    ps_buf_text(b, "{\"type\":\"packseal-clip\",\"version\":1,\"crit\":[]");
    hex(b, ",\n\"salt\":", o->salt, sizeof o->salt);
    TEXT(b, ",\n\"station\":{\"id\":", o->station);
    TEXT(b, ",\"name\":", c->station_name);
    number(b, "},\"clip\":", c->number);
    number(b, ",\"take\":", c->take);
    word(b, ",\"kind\":", ps_opening_kind(o->kind));
    TEXT(b, ",\"operator\":", o->operator_id);
    hex(b, ",\n\"open_leaf\":", c->open_leaf, c->open_leaf_len);
    word(b, ",\n\"key\":", key);
    hex(b, ",\"ledger_key\":", c->ledger_key, 32);
}

void ps_statement_write(const struct ps_clip *c, struct ps_buf *b) {
    identity(b, c);
    codes(b, c);
    TEXT(b, ",\n\"freshness\":{\"code\":", c->opening.freshness);
    hex(b, ",\"token_sha256\":", c->opening.token, 32);
    moment(b, "},\n\"started\":", &c->started);
    moment(b, ",\n\"ended\":", &c->ended);
    word(b, ",\n\"end_reason\":", ps_statement_end_reason(c->end_reason));
    word(b, ",\"label\":", ps_statement_label(c->label));
    tracks(b, c);
    originals(b, c);
    events(b, c);
    TEXT(b, ",\n\"software\":{\"name\":", c->software);
    hex(b, ",\"recorder_sha256\":", c->recorder_sha256, 32);
    hex(b, ",\"signer_sha256\":", c->signer_sha256, 32);
    ps_buf_text(b, "}}\n");
    if (b->err == 0 && b->n > PS_MAX_STATEMENT)
        b->err = PS_ELIMIT;
}
