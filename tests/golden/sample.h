/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_TESTS_GOLDEN_SAMPLE_H
#define PS_TESTS_GOLDEN_SAMPLE_H
/*
 * One small clip that uses every part of the formats: the golden files were made from it, and tests bend it
 * until it is refused. Two cameras, a code that came later, a gap, segments that the signer did not see, a
 * lost tail, Chinese text and characters that JSON escapes. Keys come from fixed seeds and guard nothing.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/statement.h"

struct sample {
    struct ps_clip clip;
    struct ps_track tracks[3]; /* the third is spare: a test may add it */
    struct ps_code added[2];
    struct ps_gap gaps[2];
    struct ps_range unwitnessed[2], lost[1];
    uint8_t records[3][5][PS_RECORD_SIZE];
    struct ps_original originals[2];
    struct ps_event events[3];
    struct ps_leaf open;
    uint8_t clip_secret[64], ledger_secret[64];
};

#define SAMPLE_WALL_NS 1795248930123000000LL /* 2026-11-21T08:15:30.123Z */
#define SAMPLE_BOOT_NS 86400007000000LL
#define SAMPLE_NUMBER 123

static inline void sample_put(char *out, size_t cap, const char *text) {
    memset(out, 0, cap);
    memcpy(out, text, strnlen(text, cap - 1));
}
#define SAMPLE_PUT(field, text) sample_put(field, sizeof(field), text)

static inline struct ps_code sample_code(const char *value, const char *raw, uint8_t type,
                                         const char *carrier, int64_t wall_ns) {
    struct ps_code c = {.type = type, .entry = PS_ENTRY_SCANNER, .wall_ns = wall_ns};
    SAMPLE_PUT(c.value, value);
    SAMPLE_PUT(c.raw, raw);
    SAMPLE_PUT(c.carrier, carrier);
    SAMPLE_PUT(c.device, "main");
    return c;
}

static inline struct ps_file_ref sample_file(const char *name, uint64_t size) {
    struct ps_file_ref f = {.size = size};
    SAMPLE_PUT(f.name, name);
    ps_sha256(f.sha256, name, strlen(name)); /* the film itself is not part of the sample */
    return f;
}

/* Record seq of a track: ten frames of 8,999 to 9,001 ticks, whose bytes are made up from their place. */
static inline void sample_record(uint32_t track, uint32_t seq, uint64_t *start, uint8_t out[PS_RECORD_SIZE]) {
    static const char avcc[] = "\x01\x64\x00\x1f\xff\xe1 made-up parameter sets";
    struct ps_record_builder b;
    struct ps_record r;
    uint8_t digest[32], sample[64];
    ps_sha256(digest, avcc, sizeof avcc - 1);
    ps_record_begin(&b, track, seq, *start, digest);
    for (uint32_t i = 0; i < 10; i++) {
        uint32_t size = 40 + i + seq;
        memset(sample, (int)(track * 16 + seq), sizeof sample);
        sample[0] = sample[1] = sample[2] = 0;
        sample[3] = (uint8_t)(size - 4);
        sample[4] = i == 0 ? 0x65 : 0x41;
        ps_record_add(&b, sample, size, 8999 + i % 3);
    }
    if (ps_record_end(&b, &r) != 0)
        abort();
    ps_record_encode(&r, out);
    *start += r.duration;
}

static inline void sample_track(struct sample *s, size_t i, const char *camera, const char *file,
                                uint32_t n) {
    struct ps_track *t = &s->tracks[i];
    uint64_t start = 0;
    *t = (struct ps_track){.width = 1280, .height = 720, .banner = {.w = 1280, .h = 64}};
    SAMPLE_PUT(t->camera, camera);
    SAMPLE_PUT(t->model, "HD \"Pro\" \\ Webcam");
    SAMPLE_PUT(t->serial, "0A1B2C");
    SAMPLE_PUT(t->path, "usb-0000:00:14.0-3");
    SAMPLE_PUT(t->driver, "uvcvideo");
    SAMPLE_PUT(t->source_format, "MJPG 1280x720");
    SAMPLE_PUT(t->codec, "avc1.64001F");
    SAMPLE_PUT(t->banner.layout, "top-v1");
    SAMPLE_PUT(t->banner.fields, "codes time station operator clip frame freshness");
    t->file = sample_file(file, 100000 + i);
    t->first = (struct ps_time){SAMPLE_WALL_NS + 40000000, SAMPLE_BOOT_NS + 40000000, PS_CLOCK_SYNCED, 1500};
    t->records = s->records[i];
    t->n_records = n;
    for (uint32_t seq = 0; seq < n; seq++)
        sample_record((uint32_t)i, seq, &start, s->records[i][seq]);
    t->counts = (struct ps_counts){
        .captured = 10 * n + 3, .encoded = 10 * n, .dropped = 4, .damaged = 1, .repeated = 2};
}

/* Makes leaf, heads and keys fit the rest again, after a test changed it. */
static inline void sample_close(struct sample *s) {
    struct ps_clip *c = &s->clip;
    struct ps_buf b;
    uint8_t leaf[PS_MAX_LEAF];
    ps_buf_init(&b, PS_MAX_OPENING);
    ps_opening_encode(&c->opening, &b);
    ps_sha256(s->open.digest, b.p, b.n);
    ps_buf_free(&b);
    ps_leaf_log_id(s->open.log, c->ledger_key);
    s->open.extra[0] = (uint8_t)(c->take >> 24);
    s->open.extra[1] = (uint8_t)(c->take >> 16);
    s->open.extra[2] = (uint8_t)(c->take >> 8);
    s->open.extra[3] = (uint8_t)c->take;
    s->open.index = s->open.subject = c->number;
    int n = ps_leaf_encode(&s->open, leaf);
    c->open_leaf_len = n > 0 ? (uint16_t)n : 0;
    memcpy(c->open_leaf, leaf, c->open_leaf_len);
    for (size_t i = 0; i < c->n_tracks; i++) {
        ps_leaf_hash(s->tracks[i].head, c->open_leaf, c->open_leaf_len);
        for (size_t j = 0; j < s->tracks[i].n_records; j++)
            ps_record_chain(s->tracks[i].head, s->records[i][j]);
    }
}

static inline void sample_opening(struct ps_opening *o) {
    for (size_t i = 0; i < 16; i++)
        o->salt[i] = (uint8_t)(0xa0 + i);
    SAMPLE_PUT(o->station, "ST03");
    o->kind = PS_KIND_PACK;
    SAMPLE_PUT(o->operator_id, "0017");
    o->n_codes = 2;
    o->codes[0] = sample_code("SF1234567890123", "SF1234567890123", PS_CODE_WAYBILL, "SF", SAMPLE_WALL_NS);
    o->codes[1] = sample_code("订单-42", "%1B订单-42", PS_CODE_ORDER, "", SAMPLE_WALL_NS + 1000000);
    o->n_tracks = 2;
    SAMPLE_PUT(o->tracks[0], "top");
    SAMPLE_PUT(o->tracks[1], "side");
    SAMPLE_PUT(o->freshness, "7ZK3M0QA");
    ps_sha256(o->token, "token", 5);
}

static inline struct sample *sample_new(void) {
    struct sample *s = calloc(1, sizeof *s);
    if (s == NULL)
        abort();
    struct ps_clip *c = &s->clip;
    uint8_t seed[32];
    memset(seed, 1, sizeof seed);
    crypto_sign_seed_keypair(c->key.key, s->clip_secret, seed);
    memset(seed, 2, sizeof seed);
    crypto_sign_seed_keypair(c->ledger_key, s->ledger_secret, seed);
    memcpy(c->key.id, "PSgolden", 8);
    sample_opening(&c->opening);
    c->n_added_codes = 1;
    c->added_codes = s->added;
    s->added[0] =
        sample_code("SF1234567890124", "SF1234567890124", PS_CODE_PARCEL, "SF", SAMPLE_WALL_NS + 3000000000);
    c->number = SAMPLE_NUMBER;
    c->take = 1;
    SAMPLE_PUT(c->station_name, "打包三号台");
    c->started = (struct ps_time){SAMPLE_WALL_NS, SAMPLE_BOOT_NS, PS_CLOCK_SYNCED, 1500};
    c->ended = (struct ps_time){SAMPLE_WALL_NS + 5042000000, SAMPLE_BOOT_NS + 5042000000, PS_CLOCK_UNSYNCED,
                                16000000};
    c->end_reason = PS_END_POWER_LOSS;
    c->label = PS_LABEL_NOT_CHECKED;
    SAMPLE_PUT(c->software, "PackSeal 0.1.0");
    ps_sha256(c->recorder_sha256, "recorder", 8);
    ps_sha256(c->signer_sha256, "signer", 6);

    c->n_tracks = 2;
    c->tracks = s->tracks;
    sample_track(s, 0, "top", "top.mp4", 5);
    sample_track(s, 1, "side", "side.mp4", 3);
    s->unwitnessed[0] = (struct ps_range){0, 0};
    s->unwitnessed[1] = (struct ps_range){3, 4};
    s->tracks[0].unwitnessed = s->unwitnessed;
    s->tracks[0].n_unwitnessed = 2;
    s->lost[0] = (struct ps_range){2, 2};
    s->tracks[1].lost = s->lost;
    s->tracks[1].n_lost = 1;
    s->gaps[0] = (struct ps_gap){.start = 9000, .duration = 27000, .frames = 3, .reason = "driver-dropped"};
    s->gaps[1] = (struct ps_gap){.start = 90000, .duration = 45000, .frames = 1, .reason = "camera-lost"};
    s->tracks[1].gaps = s->gaps;
    s->tracks[1].n_gaps = 2;

    c->n_originals = 2;
    c->originals = s->originals;
    s->originals[0] = (struct ps_original){
        .file = sample_file("originals/top-0001.jpg", 81234), .track = 0, .why = "start"};
    s->originals[1] = (struct ps_original){
        .file = sample_file("originals/side-0001.jpg", 79001), .track = 1, .ticks = 180000, .why = "end"};
    c->n_events = 3;
    c->events = s->events;
    s->events[0] = (struct ps_event){.ms = 0, .what = "scan", .text = "SF1234567890123"};
    s->events[1] = (struct ps_event){.ms = 1002, .what = "camera-lost", .text = "side"};
    s->events[2] = (struct ps_event){.ms = 5042, .what = "recovered"};

    s->open = (struct ps_leaf){.type = PS_LEAF_OPEN,
                               .clock = PS_CLOCK_SYNCED,
                               .wall_ns = SAMPLE_WALL_NS - 3000000,
                               .boot_ns = SAMPLE_BOOT_NS - 3000000,
                               .max_error_us = 1500,
                               .extra_len = 4};
    for (size_t i = 0; i < 16; i++)
        s->open.boot_id[i] = (uint8_t)(0x10 + i);
    sample_close(s);
    return s;
}

/* A seal leaf for the sample, whose statement has this digest. */
static inline struct ps_leaf sample_seal(const struct sample *s, const uint8_t statement_sha256[32]) {
    struct ps_leaf l = s->open;
    l.type = PS_LEAF_SEAL;
    l.clock = PS_CLOCK_UNSYNCED;
    l.index = s->clip.number + 1;
    l.subject = s->clip.number;
    l.wall_ns = SAMPLE_WALL_NS + 6000000000;
    l.boot_ns = SAMPLE_BOOT_NS + 6000000000;
    l.extra_len = 0;
    memset(l.extra, 0, sizeof l.extra);
    ps_statement_heads(&s->clip, l.head);
    memcpy(l.digest, statement_sha256, 32);
    return l;
}

/* Signs as packseal-signer does. */
static inline struct ps_minisig sample_sign(const struct sample *s, const void *p, size_t n) {
    struct ps_minisig sig = {0};
    uint8_t digest[64], covered[64 + PS_MAX_TRUSTED_COMMENT];
    uint8_t sha256[32];
    memcpy(sig.id, s->clip.key.id, 8);
    ps_sha256(sha256, p, n);
    if (ps_statement_comment(&s->clip, sha256, sig.comment) != 0)
        abort();
    ps_minisign_prehash(digest, p, n);
    crypto_sign_detached(sig.sig, NULL, digest, sizeof digest, s->clip_secret);
    memcpy(covered, sig.sig, 64);
    memcpy(covered + 64, sig.comment, strlen(sig.comment));
    crypto_sign_detached(sig.global, NULL, covered, 64 + strlen(sig.comment), s->clip_secret);
    return sig;
}

/* A golden file, NUL added; the caller frees. NULL when it cannot be read. */
static inline uint8_t *sample_golden(const char *name, size_t *n) {
    static const size_t room = 65536;
    const char *src = getenv("PACKSEAL_SRC");
    char path[512];
    snprintf(path, sizeof path, "%s/tests/golden/v1/%s", src != NULL ? src : ".", name);
    FILE *f = fopen(path, "rb");
    uint8_t *p = calloc(1, room);
    *n = 0;
    if (f != NULL && p != NULL)
        *n = fread(p, 1, room - 1, f);
    if (f != NULL)
        fclose(f);
    if (*n == 0) {
        free(p);
        p = NULL;
    }
    return p;
}

#endif
