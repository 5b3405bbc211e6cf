/* SPDX-License-Identifier: ISC */
#include "evidence/excerpt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/json.h"

#define TYPE "packseal-excerpt"

/* ---- writing ---- */

void ps_excerpt_write(const struct ps_excerpt *x, struct ps_buf *b) {
    char hex[65];
    ps_bytes_hex(hex, x->statement_sha256, 32);
    ps_buf_fmt(
        b, "{\"type\":\"" TYPE "\",\"version\":1,\"crit\":[],\n\"statement_sha256\":\"%s\",\n\"tracks\":[",
        hex);
    for (uint32_t i = 0; i < x->n_tracks; i++) {
        const struct ps_excerpt_track *t = &x->tracks[i];
        ps_buf_fmt(b, "%s\n{\"track\":%u,\"first\":%u,\"last\":%u,\"file\":", i > 0 ? "," : "", t->track,
                   t->first, t->last);
        ps_json_quote(b, t->file);
        ps_buf_u8(b, '}');
    }
    ps_buf_text(b, "],\n\"originals\":[");
    for (uint32_t i = 0; i < x->n_originals; i++) {
        ps_buf_text(b, i > 0 ? ",\n" : "\n");
        ps_json_quote(b, x->originals[i]);
    }
    ps_buf_text(b, "]}\n");
    if (b->err == 0 && b->n > PS_MAX_EXCERPT)
        b->err = PS_ELIMIT;
}

/* ---- reading: after the first failure err stays set and every fetch gives nothing ---- */

struct in {
    const json_t *crit;
    struct ps_why *why;
    int err;
    char path[64]; /* of the object being read, with a dot at its end, or "" */
};

static void fail(struct in *in, int err, const char *key, const char *text) {
    char where[128];
    if (in->err != 0)
        return;
    (void)snprintf(where, sizeof where, "%s%s", in->path, key);
    in->err = ps_error_why(in->why, err, where, "%s", text);
}

static const json_t *get(struct in *in, const json_t *obj, const char *key, json_type type) {
    const json_t *v = in->err == 0 ? json_object_get(obj, key) : NULL;
    if (v == NULL)
        fail(in, PS_EFORMAT, key, "is missing");
    else if (json_typeof(v) != type)
        fail(in, PS_EFORMAT, key, "is of another type");
    return in->err == 0 ? v : NULL;
}

static uint32_t get_number(struct in *in, const json_t *obj, const char *key, uint32_t below) {
    json_int_t i = json_integer_value(get(in, obj, key, JSON_INTEGER));
    if (in->err == 0 && (i < 0 || i >= below))
        fail(in, PS_ELIMIT, key, "is negative or too large");
    return in->err == 0 ? (uint32_t)i : 0;
}

static void copy_name(struct in *in, const json_t *v, const char *key, char out[PS_MAX_FILE_NAME + 1]) {
    size_t n = json_string_length(v);
    if (in->err == 0 && (!json_is_string(v) || n == 0 || n > PS_MAX_FILE_NAME))
        fail(in, PS_EFORMAT, key, "is not a file name");
    if (in->err == 0)
        memcpy(out, json_string_value(v), n + 1);
}

/* Keys that are not in `known` (words between single spaces) are passed over, unless crit names them. */
static void only(struct in *in, const json_t *obj, const char *known) {
    const char *key;
    json_t *v, *name;
    size_t i;
    if (in->err != 0)
        return;
    json_object_foreach((json_t *)(uintptr_t)obj, key, v) {
        char between[64];
        (void)snprintf(between, sizeof between, " %s ", key);
        if (strstr(known, between) != NULL)
            continue;
        json_array_foreach(in->crit, i, name) {
            if (strcmp(json_string_value(name), key) == 0)
                fail(in, PS_EVERSION, key, "must be understood, and this program does not know it");
        }
    }
}

/* As in a statement: crit can name nothing but keys of the outermost object. */
static void read_version(struct in *in, const json_t *root) {
    static const char known[] = " type version crit statement_sha256 tracks originals ";
    const char *type = json_string_value(get(in, root, "type", JSON_STRING));
    size_t i;
    json_t *name;
    if (in->err == 0 && strcmp(type, TYPE) != 0)
        fail(in, PS_EFORMAT, "type", "is not " TYPE);
    const json_t *version = get(in, root, "version", JSON_INTEGER);
    if (in->err == 0 && json_integer_value(version) != 1)
        fail(in, PS_EVERSION, "version", "is not 1");
    const json_t *crit = get(in, root, "crit", JSON_ARRAY);
    json_array_foreach(crit, i, name) {
        char between[64];
        const char *word = json_is_string(name) ? json_string_value(name) : "";
        (void)snprintf(between, sizeof between, " %s ", word);
        if (strlen(word) > 48 || strchr(word, ' ') != NULL || strstr(known, between) == NULL)
            fail(in, PS_EVERSION, "crit", "names what this program does not know");
    }
    in->crit = in->err == 0 ? crit : NULL;
}

static void read_tracks(struct in *in, const json_t *root, struct ps_excerpt *x) {
    const json_t *list = get(in, root, "tracks", JSON_ARRAY);
    size_t n = json_array_size(list);
    if (in->err == 0 && (n == 0 || n > PS_MAX_TRACKS))
        fail(in, PS_ELIMIT, "tracks", "has no element, or too many");
    for (size_t i = 0; i < n && in->err == 0; i++) {
        struct ps_excerpt_track *t = &x->tracks[i];
        const json_t *v = json_array_get(list, i);
        (void)snprintf(in->path, sizeof in->path, "tracks[%zu].", i);
        if (!json_is_object(v))
            fail(in, PS_EFORMAT, "track", "is not in an object");
        only(in, v, " track first last file ");
        t->track = get_number(in, v, "track", PS_MAX_TRACKS);
        t->first = get_number(in, v, "first", PS_MAX_SEGMENTS);
        t->last = get_number(in, v, "last", PS_MAX_SEGMENTS);
        copy_name(in, get(in, v, "file", JSON_STRING), "file", t->file);
        if (in->err == 0 && t->last < t->first)
            fail(in, PS_EFORMAT, "last", "is before the first");
        if (in->err == 0 && i > 0 && t->track <= x->tracks[i - 1].track)
            fail(in, PS_EFORMAT, "track", "is out of order, or stands twice");
        in->path[0] = 0;
        x->n_tracks++;
    }
}

static void read_originals(struct in *in, const json_t *root, struct ps_excerpt *x) {
    const json_t *list = get(in, root, "originals", JSON_ARRAY);
    size_t n = json_array_size(list);
    if (in->err == 0 && n > PS_MAX_ORIGINALS)
        fail(in, PS_ELIMIT, "originals", "has too many elements");
    if (in->err != 0 || n == 0)
        return;
    x->originals = calloc(n, sizeof *x->originals);
    if (x->originals == NULL)
        fail(in, PS_ENOMEM, "originals", "out of memory");
    for (size_t i = 0; i < n && in->err == 0; i++) {
        char key[32];
        (void)snprintf(key, sizeof key, "originals[%zu]", i);
        copy_name(in, json_array_get(list, i), key, x->originals[i]);
        if (in->err == 0 && ps_excerpt_has_original(x, x->originals[i]))
            fail(in, PS_EFORMAT, key, "stands twice");
        x->n_originals++;
    }
}

int ps_excerpt_parse(struct ps_excerpt **out, const void *p, size_t n, struct ps_why *why) {
    struct in in = {.why = why};
    json_t *root = NULL;
    *out = NULL;
    if (n > PS_MAX_EXCERPT)
        return ps_error_why(why, PS_ELIMIT, "", "the text is too long");
    int err = ps_json_parse(&root, p, n, why);
    if (err < 0)
        return err;
    struct ps_excerpt *x = calloc(1, sizeof *x);
    if (x == NULL)
        fail(&in, PS_ENOMEM, "", "out of memory");
    read_version(&in, root);
    const json_t *digest = get(&in, root, "statement_sha256", JSON_STRING);
    if (in.err == 0 &&
        ps_bytes_unhex(x->statement_sha256, 32, json_string_value(digest), json_string_length(digest)) != 0)
        fail(&in, PS_EFORMAT, "statement_sha256", "is not 64 lower-case hexadecimal digits");
    read_tracks(&in, root, x);
    read_originals(&in, root, x);
    json_decref(root);
    if (in.err != 0) {
        ps_excerpt_free(x);
        return in.err;
    }
    *out = x;
    return 0;
}

void ps_excerpt_free(struct ps_excerpt *x) {
    if (x == NULL)
        return;
    free(x->originals);
    free(x);
}

/* ---- beside the statement ---- */

uint32_t ps_excerpt_kept(const struct ps_track *t) {
    return t->n_lost > 0 ? t->lost[0].first : t->n_records;
}

const struct ps_excerpt_track *ps_excerpt_track(const struct ps_excerpt *x, uint32_t track) {
    for (uint32_t i = 0; i < x->n_tracks; i++)
        if (x->tracks[i].track == track)
            return &x->tracks[i];
    return NULL;
}

bool ps_excerpt_has_original(const struct ps_excerpt *x, const char *name) {
    for (uint32_t i = 0; i < x->n_originals; i++)
        if (strcmp(x->originals[i], name) == 0)
            return true;
    return false;
}

static bool states_original(const struct ps_clip *c, const char *name) {
    for (uint32_t i = 0; i < c->n_originals; i++)
        if (strcmp(c->originals[i].file.name, name) == 0)
            return true;
    return false;
}

int ps_excerpt_check(const struct ps_excerpt *x, const struct ps_clip *c, const uint8_t statement_sha256[32],
                     struct ps_why *why) {
    char where[40];
    if (memcmp(x->statement_sha256, statement_sha256, 32) != 0)
        return ps_error_why(why, PS_EFORMAT, "statement_sha256", "an excerpt of another clip");
    for (uint32_t i = 0; i < x->n_tracks; i++) {
        const struct ps_excerpt_track *t = &x->tracks[i];
        const char *bad = NULL;
        if (t->track >= c->n_tracks)
            bad = "the statement has no such track";
        else if (strcmp(t->file, c->tracks[t->track].file.name) != 0)
            bad = "another file than the statement names";
        else if (t->last >= ps_excerpt_kept(&c->tracks[t->track]))
            bad = "the statement has no such segment, or calls it lost";
        (void)snprintf(where, sizeof where, "tracks[%u]", i);
        if (bad != NULL)
            return ps_error_why(why, PS_EFORMAT, where, "%s", bad);
    }
    for (uint32_t i = 0; i < x->n_originals; i++) {
        (void)snprintf(where, sizeof where, "originals[%u]", i);
        if (!states_original(c, x->originals[i]))
            return ps_error_why(why, PS_EFORMAT, where, "the statement names no such original");
    }
    return 0;
}
