/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "evidence/opening.h"

#include "evidence/error.h"
#include "tests/golden/sample.h"
#include "tests/unit/tap.h"

static void golden(void) {
    size_t n = 0;
    uint8_t *p = sample_golden("opening.bin", &n);
    struct ps_opening o;
    struct ps_buf b;
    if (!tap_ok(p != NULL, "the golden opening is there"))
        return;
    tap_is_int(ps_opening_decode(&o, p, n), 0, "it decodes");
    tap_is_str(o.station, "ST03", "station");
    tap_is_str(o.codes[1].value, "订单-42", "second code");
    tap_is_str(o.codes[1].raw, "%1B订单-42", "as it came");
    tap_is_str(o.tracks[1], "side", "second camera");
    tap_is_str(o.freshness, "7ZK3M0QA", "freshness");
    ps_buf_init(&b, PS_MAX_OPENING);
    ps_opening_encode(&o, &b);
    tap_ok(b.err == 0 && b.n == n, "it encodes");
    tap_is_mem(b.p, p, n, "to the same bytes");
    ps_buf_free(&b);

    size_t wrong = 0;
    for (size_t len = 0; len < n; len++) {
        uint8_t *part = malloc(len + 1);
        memcpy(part, p, len);
        wrong += ps_opening_decode(&o, part, len) == 0;
        free(part);
    }
    tap_is_uint(wrong, 0, "no shorter text is an opening");
    p[n] = 0; /* sample_golden leaves room */
    for (int byte = 0; byte < 256; byte++) {
        p[n] = (uint8_t)byte;
        wrong += ps_opening_decode(&o, p, n + 1) != PS_ETRAIL;
    }
    tap_is_uint(wrong, 0, "nor one with a byte more");
    for (size_t bit = 0; bit < n * 8; bit++) {
        p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (ps_opening_decode(&o, p, n) == 0) {
            ps_buf_init(&b, PS_MAX_OPENING);
            ps_opening_encode(&o, &b);
            wrong += b.err != 0 || b.n != n || memcmp(b.p, p, n) != 0;
            ps_buf_free(&b);
        }
        p[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    tap_is_uint(wrong, 0, "each accepted flip of a bit encodes to its own bytes");
    free(p);
}

/* What no reader would take is not written. */
static void refused(void (*bend)(struct ps_opening *), int want, const char *what) {
    struct ps_opening o = {0};
    struct ps_buf b;
    sample_opening(&o);
    bend(&o);
    ps_buf_init(&b, PS_MAX_OPENING);
    ps_opening_encode(&o, &b);
    tap_is_int(b.err, want, "not written: %s", what);
    ps_buf_free(&b);
}

static void no_station(struct ps_opening *o) {
    o->station[0] = '\0';
}
static void dash_station(struct ps_opening *o) {
    SAMPLE_PUT(o->station, "-rf");
}
static void slash_station(struct ps_opening *o) {
    SAMPLE_PUT(o->station, "ST/03");
}
static void long_station(struct ps_opening *o) {
    memset(o->station, 'A', sizeof o->station);
}
static void bad_kind(struct ps_opening *o) {
    o->kind = 4;
}
static void bad_operator(struct ps_opening *o) {
    SAMPLE_PUT(o->operator_id, "00\n17");
}
static void empty_code(struct ps_opening *o) {
    o->codes[0].value[0] = '\0';
}
static void bad_type(struct ps_opening *o) {
    o->codes[1].type = 5;
}
static void bad_entry(struct ps_opening *o) {
    o->codes[1].entry = 0;
}
static void open_ended_code(struct ps_opening *o) {
    memset(o->codes[0].raw, 'x', sizeof o->codes[0].raw);
}
static void many_codes(struct ps_opening *o) {
    o->n_codes = PS_MAX_CODES + 1;
}
static void no_tracks(struct ps_opening *o) {
    o->n_tracks = 0;
}
static void many_tracks(struct ps_opening *o) {
    o->n_tracks = PS_MAX_TRACKS + 1;
}
static void same_tracks(struct ps_opening *o) {
    SAMPLE_PUT(o->tracks[1], "top");
}
static void empty_track(struct ps_opening *o) {
    o->tracks[1][0] = '\0';
}
static void short_freshness(struct ps_opening *o) {
    SAMPLE_PUT(o->freshness, "7ZK3M0Q");
}
static void odd_freshness(struct ps_opening *o) {
    SAMPLE_PUT(o->freshness, "7ZK3M0QU"); /* Crockford has no U */
}
static void freshness_alone(struct ps_opening *o) {
    memset(o->token, 0, sizeof o->token);
}
static void token_alone(struct ps_opening *o) {
    o->freshness[0] = '\0';
}
static void too_long(struct ps_opening *o) {
    o->n_codes = PS_MAX_CODES;
    for (size_t i = 0; i < PS_MAX_CODES; i++) {
        o->codes[i] = o->codes[0];
        memset(o->codes[i].value, 'v', PS_MAX_CODE);
        memset(o->codes[i].raw, 'r', PS_MAX_CODE);
    }
}

static void rules(void) {
    refused(no_station, PS_EINVAL, "no station");
    refused(dash_station, PS_EINVAL, "a station that looks like an option");
    refused(slash_station, PS_EINVAL, "a station with a slash");
    refused(long_station, PS_EINVAL, "a station that does not end");
    refused(bad_kind, PS_EINVAL, "an unknown kind");
    refused(bad_operator, PS_EINVAL, "an operator with a newline");
    refused(empty_code, PS_EINVAL, "an empty code");
    refused(bad_type, PS_EINVAL, "an unknown type");
    refused(bad_entry, PS_EINVAL, "an unknown entry");
    refused(open_ended_code, PS_EINVAL, "a code that does not end");
    refused(many_codes, PS_ELIMIT, "too many codes");
    refused(no_tracks, PS_EINVAL, "no camera");
    refused(many_tracks, PS_ELIMIT, "too many cameras");
    refused(same_tracks, PS_EINVAL, "a camera twice");
    refused(empty_track, PS_EINVAL, "a camera without a name");
    refused(short_freshness, PS_EINVAL, "a freshness code of seven");
    refused(odd_freshness, PS_EINVAL, "a freshness code of another alphabet");
    refused(freshness_alone, PS_EINVAL, "a freshness code without a token");
    refused(token_alone, PS_EINVAL, "a token without a freshness code");
    refused(too_long, PS_ELIMIT, "an opening that is too long");

    struct ps_opening o = {0}, back;
    struct ps_buf b;
    sample_opening(&o);
    o.n_codes = 0;
    o.operator_id[0] = o.freshness[0] = '\0';
    memset(o.token, 0, sizeof o.token);
    ps_buf_init(&b, PS_MAX_OPENING);
    ps_opening_encode(&o, &b);
    tap_is_int(b.err, 0, "no code, nobody signed in, no token");
    tap_is_int(ps_opening_decode(&back, b.p, b.n), 0, "is an opening");
    ps_buf_free(&b);
}

static void words(void) {
    size_t wrong = 0;
    for (int i = 0; i < 256; i++) {
        const char *type = ps_opening_code_type((uint8_t)i), *entry = ps_opening_entry((uint8_t)i),
                   *kind = ps_opening_kind((uint8_t)i);
        wrong += (type != NULL) != (i <= 4) || (entry != NULL) != (i >= 1 && i <= 4) ||
                 (kind != NULL) != (i >= 1 && i <= 3);
        wrong += type != NULL && ps_opening_code_type_of(type) != i;
        wrong += entry != NULL && ps_opening_entry_of(entry) != i;
        wrong += kind != NULL && ps_opening_kind_of(kind) != i;
    }
    tap_is_uint(wrong, 0, "words of all values, both ways");
    tap_is_int(ps_opening_kind_of("Pack"), -1, "another case is another word");
    tap_is_int(ps_opening_entry_of(NULL), -1, "no word is none");
    tap_is_str(ps_opening_code_type(PS_CODE_SKU), "sku", "sku");
}

int main(void) {
    golden();
    rules();
    words();
    return tap_done();
}
