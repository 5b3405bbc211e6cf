/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "evidence/leaf.h"

#include "evidence/error.h"
#include "tests/golden/sample.h"
#include "tests/unit/tap.h"

/* Cut to each length and with each byte added; in memory of just that size, for the address sanitizer. */
static void cut_and_extend(const uint8_t *p, size_t n, const char *what) {
    struct ps_leaf l;
    size_t accepted = 0;
    for (size_t len = 0; len < n; len++) {
        uint8_t *part = malloc(len + 1);
        memcpy(part, p, len);
        accepted += ps_leaf_decode(&l, part, len) == 0;
        free(part);
    }
    tap_is_uint(accepted, 0, "%s: no shorter text is a leaf", what);
    uint8_t *more = malloc(n + 1);
    memcpy(more, p, n);
    for (int byte = 0; byte < 256; byte++) {
        more[n] = (uint8_t)byte;
        accepted += ps_leaf_decode(&l, more, n + 1) != PS_ETRAIL;
    }
    free(more);
    tap_is_uint(accepted, 0, "%s: nor one with a byte more", what);
}

/* Whatever bit is turned: refused, or another leaf with another hash, never the same fields. */
static void flip(const uint8_t *p, size_t n, const char *what) {
    uint8_t *q = malloc(n), out[PS_MAX_LEAF];
    size_t wrong = 0;
    for (size_t bit = 0; bit < n * 8; bit++) {
        struct ps_leaf l;
        memcpy(q, p, n);
        q[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (ps_leaf_decode(&l, q, n) != 0)
            continue;
        int len = ps_leaf_encode(&l, out);
        wrong += len != (int)n || memcmp(out, q, n) != 0;
    }
    free(q);
    tap_is_uint(wrong, 0, "%s: each accepted flip encodes to its own bytes", what);
}

static void golden(const char *name, uint8_t type) {
    size_t n = 0;
    uint8_t *p = sample_golden(name, &n), out[PS_MAX_LEAF];
    struct ps_leaf l;
    if (!tap_ok(p != NULL, "%s is there", name))
        return;
    tap_is_int(ps_leaf_decode(&l, p, n), 0, "%s decodes", name);
    tap_is_int(l.type, type, "%s: type", name);
    tap_is_uint(l.subject, SAMPLE_NUMBER, "%s: subject", name);
    tap_is_int(ps_leaf_encode(&l, out), (long long)n, "%s encodes", name);
    tap_is_mem(out, p, n, "%s: the same bytes", name);
    cut_and_extend(p, n, name);
    flip(p, n, name);
    free(p);
}

static void types(void) {
    struct sample *s = sample_new();
    struct ps_leaf l = s->open, back;
    uint8_t out[PS_MAX_LEAF], raw[PS_MAX_LEAF + 1];
    tap_is_uint(ps_leaf_take(&l), 1, "take of an open leaf");
    l.index = 7;
    tap_is_int(ps_leaf_encode(&l, out), PS_EINVAL, "an open leaf is its own subject");
    l = s->open;
    l.head[3] = 1;
    tap_is_int(ps_leaf_encode(&l, out), PS_EINVAL, "and has no head");
    l = s->open;
    memset(l.extra, 0, 4);
    tap_is_int(ps_leaf_encode(&l, out), PS_EINVAL, "takes count from 1");
    l = s->open;
    l.extra_len = 3;
    tap_is_int(ps_leaf_encode(&l, out), PS_EINVAL, "and have four bytes");
    l = sample_seal(s, (const uint8_t *)"0123456789abcdef0123456789abcdef");
    l.subject = l.index;
    tap_is_int(ps_leaf_encode(&l, out), PS_EINVAL, "a seal speaks of an earlier leaf");
    l = sample_seal(s, (const uint8_t *)"0123456789abcdef0123456789abcdef");
    l.type = PS_LEAF_ABORT;
    l.extra_len = 1;
    l.extra[0] = PS_ABORT_LOST;
    tap_is_int(ps_leaf_encode(&l, out), PS_EINVAL, "an abort has no statement");
    memset(l.digest, 0, 32);
    tap_is_int(ps_leaf_encode(&l, out), PS_LEAF_FIXED + 1, "but a reason");
    tap_is_uint(ps_leaf_take(&l), PS_ABORT_LOST, "that can be read");
    cut_and_extend(out, PS_LEAF_FIXED + 1, "abort");
    l.extra[0] = 4;
    tap_is_int(ps_leaf_encode(&l, out), PS_EINVAL, "of those that are known");

    l = (struct ps_leaf){
        .type = PS_LEAF_STARTUP, .index = 5, .subject = 5, .wall_ns = -1, .boot_ns = INT64_MAX};
    int n = ps_leaf_encode(&l, out);
    tap_is_int(n, PS_LEAF_FIXED, "a start-up leaf");
    tap_is_int(ps_leaf_decode(&back, out, PS_LEAF_FIXED), 0, "decodes");
    tap_ok(back.wall_ns == -1 && back.boot_ns == INT64_MAX, "times are signed");

    l = (struct ps_leaf){.type = PS_LEAF_KEY, .index = 5, .subject = 2, .extra_len = sizeof l.extra};
    tap_is_int(ps_leaf_encode(&l, out), PS_MAX_LEAF, "a later version's leaf, as long as can be");
    tap_is_int(ps_leaf_decode(&back, out, PS_MAX_LEAF), 0, "is a leaf");
    memcpy(raw, out, PS_MAX_LEAF);
    raw[PS_MAX_LEAF] = 0;
    raw[140] = 1;
    raw[141] = 0x73;
    tap_is_int(ps_leaf_decode(&back, raw, PS_MAX_LEAF + 1), PS_ELIMIT, "a byte longer is not");
    raw[140] = raw[141] = 0xff;
    tap_is_int(ps_leaf_decode(&back, raw, PS_MAX_LEAF + 1), PS_ELIMIT, "nor one that says so");
    static const struct {
        size_t at;
        uint8_t value;
        int err;
        const char *what;
    } bad[] = {
        {0, 'X', PS_EFORMAT, "another magic"},       {4, 0, PS_EVERSION, "type 0"},
        {4, 14, PS_EVERSION, "an unknown type"},     {5, 3, PS_EFORMAT, "an unknown clock"},
        {6, 1, PS_EFORMAT, "a reserved byte"},       {7, 1, PS_EFORMAT, "the other reserved byte"},
        {24, 0x80, PS_ELIMIT, "an index too large"}, {32, 1, PS_ELIMIT, "a subject too large"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        memcpy(raw, out, PS_MAX_LEAF);
        raw[bad[i].at] = bad[i].value;
        tap_is_int(ps_leaf_decode(&back, raw, PS_MAX_LEAF), bad[i].err, "%s", bad[i].what);
    }
    free(s);
}

static const struct word {
    uint8_t type;
    uint64_t index, subject;
    uint16_t extra_len;
    uint8_t extra[24];
    bool head, digest, good;
    const char *what;
} words[] = {
    {PS_LEAF_TOMBSTONE, 9, 2, 1, {1}, false, true, true, "a tombstone"},
    {PS_LEAF_TOMBSTONE, 9, 2, 0, {0}, false, true, false, "a tombstone without a reason"},
    {PS_LEAF_TOMBSTONE, 9, 2, 1, {4}, false, true, true, "a tombstone because room was needed"},
    {PS_LEAF_TOMBSTONE, 9, 2, 1, {5}, false, true, false, "a tombstone for no reason that is known"},
    {PS_LEAF_TOMBSTONE, 9, 9, 1, {1}, false, true, false, "a tombstone of itself"},
    {PS_LEAF_TOMBSTONE, 9, 2, 1, {1}, true, true, false, "a tombstone with a head"},
    {PS_LEAF_CLOCK_STEP, 9, 9, 8, {0, 0, 0, 0, 1}, false, false, true, "a clock step"},
    {PS_LEAF_CLOCK_STEP, 9, 9, 8, {0}, false, false, false, "a clock step of nothing"},
    {PS_LEAF_CLOCK_STEP, 9, 9, 7, {1}, false, false, false, "a clock step of seven bytes"},
    {PS_LEAF_CLOCK_STEP, 9, 9, 8, {1}, false, true, false, "a clock step with a digest"},
    {PS_LEAF_CLOCK_STEP, 9, 2, 8, {1}, false, false, false, "a clock step of another leaf"},
    {PS_LEAF_HEALTH, 9, 9, PS_LEAF_HEALTH_EXTRA, {0}, false, true, true, "health"},
    {PS_LEAF_HEALTH, 9, 9, PS_LEAF_HEALTH_EXTRA - 1, {0}, false, true, false, "short health"},
    {PS_LEAF_EXPORT, 9, 2, 0, {0}, false, true, true, "an export"},
    {PS_LEAF_EXPORT, 9, 2, 24, {7}, false, true, true, "an export with a few bytes more"},
    {PS_LEAF_EXPORT, 9, 9, 0, {0}, false, true, false, "an export of no clip"},
    {PS_LEAF_LINK, 9, 2, 0, {0}, false, true, true, "a link"},
    {PS_LEAF_LINK, 9, 2, 0, {0}, true, true, false, "a link with a head"},
    {PS_LEAF_INTAKE, 9, 9, 0, {0}, false, true, true, "an intake"},
    {PS_LEAF_INTAKE, 9, 2, 0, {0}, false, true, false, "an intake of another leaf"},
    {PS_LEAF_ANCHOR, 9, 9, 8, {7}, false, true, true, "an anchor"},
    {PS_LEAF_RECOVERY,
     0,
     0,
     13,
     {0, 0, 0, 0, 0, 0, 0, 5, 0, 3, 'a', '/', 'b'},
     false,
     true,
     true,
     "a recovery"},
    {PS_LEAF_RECOVERY,
     1,
     1,
     13,
     {0, 0, 0, 0, 0, 0, 0, 5, 0, 3, 'a', '/', 'b'},
     false,
     true,
     false,
     "a late recovery"},
    {PS_LEAF_RECOVERY, 0, 0, 10, {0}, false, true, false, "a recovery of no origin"},
    {PS_LEAF_RECOVERY,
     0,
     0,
     14,
     {0, 0, 0, 0, 0, 0, 0, 5, 0, 3, 'a', '/', 'b', 'c'},
     false,
     true,
     false,
     "a recovery with a byte more"},
};

static void later_types(void) {
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        const struct word *w = &words[i];
        struct ps_leaf l = {.type = w->type,
                            .index = w->index,
                            .subject = w->subject,
                            .extra_len = w->extra_len},
                       back;
        uint8_t out[PS_MAX_LEAF];
        memcpy(l.extra, w->extra, sizeof w->extra);
        l.head[9] = w->head;
        l.digest[9] = w->digest;
        int n = ps_leaf_encode(&l, out);
        tap_is_int(n, w->good ? PS_LEAF_FIXED + w->extra_len : PS_EINVAL, "%s %s", w->what,
                   w->good ? "is a leaf" : "is none");
        if (!w->good)
            continue;
        tap_is_int(ps_leaf_decode(&back, out, (size_t)n), 0, "and is read");
        cut_and_extend(out, (size_t)n, w->what);
        flip(out, (size_t)n, w->what);
    }
    struct ps_leaf l = {.type = PS_LEAF_LINK, .index = 9, .extra_len = PS_LEAF_FREE_EXTRA + 1};
    uint8_t out[PS_MAX_LEAF];
    tap_is_int(ps_leaf_encode(&l, out), PS_EINVAL, "a link with 65 bytes more is none");
    tap_is_str(ps_leaf_type_name(PS_LEAF_CLOCK_STEP), "clock-step", "types have names");
    tap_is_str(ps_leaf_type_name(14), "?", "as far as they are known");
}

static void hashes(void) {
    uint8_t got[32], want[32], key[32], text[16 + 32];
    ps_leaf_hash(got, "leaf", 4);
    ps_sha256(want, "\0leaf", 5);
    tap_is_mem(got, want, 32, "a leaf's hash has the prefix 0");
    memset(key, 5, sizeof key);
    memcpy(text, "packseal/log/v1", 16);
    memcpy(text + 16, key, 32);
    ps_sha256(want, text, sizeof text);
    ps_leaf_log_id(got, key);
    tap_is_mem(got, want, 16, "a log's id by the words of the format");
}

int main(void) {
    golden("leaf-open.bin", PS_LEAF_OPEN);
    golden("leaf-seal.bin", PS_LEAF_SEAL);
    types();
    later_types();
    hashes();
    return tap_done();
}
