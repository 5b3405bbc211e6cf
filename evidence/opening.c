/* SPDX-License-Identifier: ISC */
#include "evidence/opening.h"

#include <stdbool.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/error.h"

static const char prefix[] = "packseal/open/v1"; /* with its NUL */

static const char *const code_types[] = {"unknown", "waybill", "parcel", "order", "sku"};
static const char *const entries[] = {NULL, "scanner", "camera", "manual", "api"};
static const char *const kinds[] = {NULL, "pack", "return", "audit"};

#define WORDS(t) t, sizeof t / sizeof t[0]

static const char *word_of(uint8_t v, const char *const *words, size_t n) {
    return v < n ? words[v] : NULL;
}

static int value_of(const char *word, const char *const *words, size_t n) {
    for (size_t i = 0; word != NULL && i < n; i++) {
        if (words[i] != NULL && strcmp(words[i], word) == 0)
            return (int)i;
    }
    return -1;
}

const char *ps_opening_code_type(uint8_t type) {
    return word_of(type, WORDS(code_types));
}

const char *ps_opening_entry(uint8_t entry) {
    return word_of(entry, WORDS(entries));
}

const char *ps_opening_kind(uint8_t kind) {
    return word_of(kind, WORDS(kinds));
}

int ps_opening_code_type_of(const char *word) {
    return value_of(word, WORDS(code_types));
}

int ps_opening_entry_of(const char *word) {
    return value_of(word, WORDS(entries));
}

int ps_opening_kind_of(const char *word) {
    return value_of(word, WORDS(kinds));
}

/* ---- what holds of an opening; the same for writer and reader ---- */

static bool is_text(const char *s, size_t cap, bool may_be_empty) {
    size_t n = strnlen(s, cap);
    return n < cap && (n > 0 || may_be_empty) && ps_bytes_is_text(s, n);
}

bool ps_opening_station_ok(const char *s) {
    size_t n = strnlen(s, PS_MAX_STATION_ID + 1);
    if (n == 0 || n > PS_MAX_STATION_ID || s[0] == '-')
        return false;
    for (size_t i = 0; i < n; i++) {
        bool letter = (s[i] >= 'A' && s[i] <= 'Z') || (s[i] >= 'a' && s[i] <= 'z');
        if (!letter && !(s[i] >= '0' && s[i] <= '9') && s[i] != '-')
            return false;
    }
    return true;
}

bool ps_opening_code_ok(const struct ps_code *c) {
    return is_text(c->value, sizeof c->value, false) && is_text(c->raw, sizeof c->raw, true) &&
           is_text(c->carrier, sizeof c->carrier, true) && is_text(c->device, sizeof c->device, true) &&
           ps_opening_code_type(c->type) != NULL && ps_opening_entry(c->entry) != NULL;
}

/* A code and its token's digest come together or not at all. */
static bool freshness_ok(const struct ps_opening *o) {
    static const char crockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    static const uint8_t zeros[32];
    bool no_token = memcmp(o->token, zeros, 32) == 0;
    if (o->freshness[0] == '\0')
        return no_token;
    return strnlen(o->freshness, 9) == 8 && strspn(o->freshness, crockford) == 8 && !no_token;
}

static int check(const struct ps_opening *o) {
    if (o->n_codes > PS_MAX_CODES || o->n_tracks > PS_MAX_TRACKS)
        return PS_ELIMIT;
    if (!ps_opening_station_ok(o->station) || ps_opening_kind(o->kind) == NULL ||
        !is_text(o->operator_id, sizeof o->operator_id, true) || o->n_tracks == 0 || !freshness_ok(o))
        return PS_EFORMAT;
    for (size_t i = 0; i < o->n_codes; i++) {
        if (!ps_opening_code_ok(&o->codes[i]))
            return PS_EFORMAT;
    }
    for (size_t i = 0; i < o->n_tracks; i++) {
        if (!is_text(o->tracks[i], sizeof o->tracks[i], false))
            return PS_EFORMAT;
        for (size_t j = 0; j < i; j++) {
            if (strcmp(o->tracks[i], o->tracks[j]) == 0)
                return PS_EFORMAT;
        }
    }
    return 0;
}

void ps_opening_encode(const struct ps_opening *o, struct ps_buf *b) {
    if (b->err != 0)
        return;
    int err = check(o);
    if (err != 0) {
        b->err = err == PS_ELIMIT ? PS_ELIMIT : PS_EINVAL;
        return;
    }
    size_t before = b->n;
    ps_buf_bytes(b, prefix, sizeof prefix);
    ps_buf_bytes(b, o->salt, sizeof o->salt);
    ps_buf_str(b, o->station);
    ps_buf_u8(b, o->kind);
    ps_buf_str(b, o->operator_id);
    ps_buf_u16(b, o->n_codes);
    for (size_t i = 0; i < o->n_codes; i++) {
        const struct ps_code *c = &o->codes[i];
        ps_buf_str(b, c->value);
        ps_buf_str(b, c->raw);
        ps_buf_u8(b, c->type);
        ps_buf_str(b, c->carrier);
        ps_buf_u8(b, c->entry);
        ps_buf_str(b, c->device);
    }
    ps_buf_u16(b, o->n_tracks);
    for (size_t i = 0; i < o->n_tracks; i++)
        ps_buf_str(b, o->tracks[i]);
    ps_buf_str(b, o->freshness);
    ps_buf_bytes(b, o->token, sizeof o->token);
    if (b->err == 0 && b->n - before > PS_MAX_OPENING)
        b->err = PS_ELIMIT;
}

static void read_codes(struct ps_rd *r, struct ps_opening *o) {
    o->n_codes = ps_rd_u16(r);
    if (r->err == 0 && o->n_codes > PS_MAX_CODES)
        r->err = PS_ELIMIT;
    for (size_t i = 0; r->err == 0 && i < o->n_codes; i++) {
        struct ps_code *c = &o->codes[i];
        ps_rd_str(r, c->value, sizeof c->value);
        ps_rd_str(r, c->raw, sizeof c->raw);
        c->type = ps_rd_u8(r);
        ps_rd_str(r, c->carrier, sizeof c->carrier);
        c->entry = ps_rd_u8(r);
        ps_rd_str(r, c->device, sizeof c->device);
    }
}

static void read_tracks(struct ps_rd *r, struct ps_opening *o) {
    o->n_tracks = ps_rd_u16(r);
    if (r->err == 0 && o->n_tracks > PS_MAX_TRACKS)
        r->err = PS_ELIMIT;
    for (size_t i = 0; r->err == 0 && i < o->n_tracks; i++)
        ps_rd_str(r, o->tracks[i], sizeof o->tracks[i]);
}

int ps_opening_decode(struct ps_opening *o, const void *p, size_t n) {
    *o = (struct ps_opening){0};
    if (n > PS_MAX_OPENING)
        return PS_ELIMIT;
    struct ps_rd r = ps_rd_of(p, n);
    const uint8_t *name = ps_rd_skip(&r, sizeof prefix);
    if (name != NULL && memcmp(name, prefix, sizeof prefix) != 0)
        return PS_EFORMAT;
    ps_rd_bytes(&r, o->salt, sizeof o->salt);
    ps_rd_str(&r, o->station, sizeof o->station);
    o->kind = ps_rd_u8(&r);
    ps_rd_str(&r, o->operator_id, sizeof o->operator_id);
    read_codes(&r, o);
    read_tracks(&r, o);
    ps_rd_str(&r, o->freshness, sizeof o->freshness);
    ps_rd_bytes(&r, o->token, sizeof o->token);
    int err = ps_rd_end(&r);
    return err != 0 ? err : check(o);
}
