/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "evidence/record.h"

#include "evidence/error.h"
#include "tests/golden/sample.h"
#include "tests/unit/tap.h"

static void golden(void) {
    size_t n = 0;
    uint8_t *p = sample_golden("record.bin", &n), out[PS_RECORD_SIZE];
    struct ps_record r;
    if (!tap_ok(p != NULL && n == PS_RECORD_SIZE, "the golden record is there"))
        return;
    tap_is_int(ps_record_decode(&r, p), 0, "it decodes");
    tap_ok(r.track == 0 && r.seq == 1 && r.start == 89999 && r.duration == 89999 && r.frames == 10,
           "its fields");
    ps_record_encode(&r, out);
    tap_is_mem(out, p, PS_RECORD_SIZE, "and encodes to the same bytes");
    free(p);
}

/* The digests by hand, from the words of the format. */
static void builder(void) {
    uint8_t avcc[32], want[32], pieces[32];
    struct ps_record_builder b, c;
    struct ps_record r;
    memset(avcc, 7, sizeof avcc);
    ps_record_begin(&b, 2, 5, 1000, avcc);
    tap_is_int(ps_record_end(&b, &r), PS_ESTATE, "a segment without a sample is none");
    tap_is_int(ps_record_add(&b, "abcde", 5, 3000), 0, "one sample");
    c = b;
    tap_is_int(ps_record_add(&b, "xyz", 3, 3001), 0, "another");
    tap_is_int(ps_record_end(&b, &r), 0, "ends");
    tap_ok(r.track == 2 && r.seq == 5 && r.start == 1000 && r.duration == 6001 && r.frames == 2 &&
               r.bytes == 8,
           "its numbers");
    ps_sha256(want, "\0\0\0\5abcde\0\0\0\3xyz", 16);
    tap_is_mem(r.samples, want, 32, "digest of lengths and samples");
    ps_sha256(want, "\0\0\x0b\xb8\0\0\x0b\xb9", 8);
    tap_is_mem(r.timing, want, 32, "digest of durations");
    tap_is_mem(r.avcc, avcc, 32, "digest of avcC");

    memcpy(pieces, r.samples, 32);
    tap_is_int(ps_record_add_start(&c, 3, 3001), 0, "a copied builder goes on by itself");
    ps_record_add_piece(&c, "x", 1);
    ps_record_add_piece(&c, "", 0);
    ps_record_add_piece(&c, "yz", 2);
    tap_is_int(ps_record_end(&c, &r), 0, "in pieces");
    tap_is_mem(r.samples, pieces, 32, "the same digest");
}

static void bounds(void) {
    uint8_t avcc[32] = {0}, raw[PS_RECORD_SIZE];
    struct ps_record_builder b;
    struct ps_record r;
    ps_record_begin(&b, 0, 0, 0, avcc);
    tap_is_int(ps_record_add_start(&b, 0, 1), PS_ELIMIT, "an empty sample");
    tap_is_int(ps_record_add_start(&b, PS_MAX_SAMPLE + 1, 1), PS_ELIMIT, "a sample too large");
    tap_is_int(ps_record_add_start(&b, 1, PS_MAX_SEGMENT_TICKS + 1), PS_ELIMIT, "a sample too long");
    tap_is_int(ps_record_add_start(&b, 1, UINT32_MAX), PS_ELIMIT, "a sample far too long");
    tap_is_int(ps_record_add_start(&b, 1, PS_MAX_SEGMENT_TICKS), 0, "a segment up to its bound");
    tap_is_int(ps_record_add_start(&b, 1, 1), PS_ELIMIT, "and a tick more");
    ps_record_begin(&b, 0, 0, 0, avcc);
    for (int i = 0; i < PS_MAX_SEGMENT_FRAMES; i++)
        ps_record_add(&b, "x", 1, 1);
    tap_is_int(ps_record_add(&b, "x", 1, 1), PS_ELIMIT, "one frame too many");
    tap_is_int(ps_record_end(&b, &r), 0, "those before count");
    ps_record_begin(&b, 0, 0, 0, avcc);
    ps_record_add(&b, "x", 1, 0);
    tap_is_int(ps_record_end(&b, &r), PS_ELIMIT, "a segment without a duration");

    struct ps_record good = {.track = 1, .seq = 2, .start = 3, .duration = 4, .frames = 5, .bytes = 6},
                     bad[9];
    for (size_t i = 0; i < 9; i++)
        bad[i] = good;
    bad[0].track = PS_MAX_TRACKS;
    bad[1].seq = PS_MAX_SEGMENTS;
    bad[2].start = (uint64_t)PS_MAX_CLIP_SECONDS * PS_TICKS_PER_SECOND + 1;
    bad[3].duration = 0;
    bad[4].duration = PS_MAX_SEGMENT_TICKS + 1;
    bad[5].frames = 0;
    bad[6].frames = PS_MAX_SEGMENT_FRAMES + 1;
    bad[7].bytes = 4;
    bad[8].bytes = 5ULL * PS_MAX_SAMPLE + 1;
    ps_record_encode(&good, raw);
    tap_is_int(ps_record_decode(&r, raw), 0, "a record within all bounds");
    for (size_t i = 0; i < 9; i++) {
        ps_record_encode(&bad[i], raw);
        tap_is_int(ps_record_decode(&r, raw), PS_ELIMIT, "field %zu out of bounds", i);
        tap_ok(r.frames == bad[i].frames && r.start == bad[i].start, "is decoded all the same");
    }
}

static void chain(void) {
    uint8_t head[32], text[20 + 32 + PS_RECORD_SIZE], want[32], record[PS_RECORD_SIZE];
    memset(head, 3, sizeof head);
    memset(record, 9, sizeof record);
    memcpy(text, "packseal/segment/v1", 20);
    memcpy(text + 20, head, 32);
    memcpy(text + 52, record, PS_RECORD_SIZE);
    ps_sha256(want, text, sizeof text);
    ps_record_chain(head, record);
    tap_is_mem(head, want, 32, "a head by the words of the format");
    size_t same = 0;
    for (size_t i = 0; i < PS_RECORD_SIZE * 8; i++) {
        uint8_t other[32];
        memset(other, 3, sizeof other);
        record[i / 8] ^= (uint8_t)(1u << i % 8);
        ps_record_chain(other, record);
        record[i / 8] ^= (uint8_t)(1u << i % 8);
        same += memcmp(other, want, 32) == 0;
    }
    tap_is_uint(same, 0, "every bit of the record is in the head");
}

int main(void) {
    golden();
    builder();
    bounds();
    chain();
    return tap_done();
}
