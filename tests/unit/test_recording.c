/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A recording written line by line, and brought back from its log as a crash would leave it: cut at each byte.
 */
#include <fcntl.h>
#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/store.h"
#include "evidence/bytes.h"
#include "evidence/wire.h"
#include "recorder/recording.h"
#include "recorder/recording_log.h"
#include "tests/unit/tap.h"

static char root[] = "/tmp/packseal-recording-XXXXXX";
static const uint8_t boot_id[16] = {1, 2, 3};

static struct ps_opening opening(void) {
    struct ps_opening o = {
        .kind = PS_KIND_PACK, .n_codes = 1, .n_tracks = 1, .station = "ST03", .operator_id = "0017"};

    randombytes_buf(o.salt, sizeof o.salt);
    snprintf(o.codes[0].value, sizeof o.codes[0].value, "SF1234567890123");
    snprintf(o.codes[0].raw, sizeof o.codes[0].raw, "sf1234567890123");
    o.codes[0].type = PS_CODE_WAYBILL;
    o.codes[0].entry = PS_ENTRY_SCANNER;
    o.codes[0].wall_ns = 1763712930123000000;
    snprintf(o.tracks[0], sizeof o.tracks[0], "top");
    return o;
}

static struct ps_record record(uint32_t seq) {
    struct ps_record r = {
        .track = 0, .seq = seq, .start = seq * 180000ull, .duration = 180000, .frames = 60, .bytes = 5000};

    memset(r.samples, (int)seq + 1, sizeof r.samples);
    return r;
}

static struct ps_recording *make(void) {
    struct ps_clock_map map = {
        .mono_ns = 5000, .boot_ns = 7000, .wall_ns = 1763712930000000000, .state = PS_CLOCK_SYNCED};
    struct ps_track t = {
        .width = 1280, .height = 720, .camera = "top", .codec = "avc1.64001F", .file.name = "top.mp4"};
    struct ps_gap gap = {.start = 3000, .duration = 6000, .frames = 2, .reason = "driver-dropped"};
    struct ps_original original = {
        .ticks = 90, .file.size = 3, .file.name = "originals/top-0001.jpg", .why = "start"};
    struct ps_opening o = opening();
    struct ps_counts counts = {.captured = 62, .encoded = 60, .dropped = 2};
    struct ps_recording *r = NULL;
    struct ps_why why;
    struct ps_record rec = record(0);
    struct ps_banner_change k = {.b = {.w = 1280, .h = 30, .fields = "time station freshness kind"}};

    t.n_preroll = 1;
    tap_is_int(ps_recording_new(&r, root, &o, "打包三号台", &map, 5000, boot_id, &why), 0, "a new recording");
    if (!r)
        tap_bail("cannot go on");
    tap_is_int(ps_recording_opened(r, 12, 2, (const uint8_t *)"leaf", 4), 0, "opened");
    tap_is_int(ps_recording_opened(r, 13, 2, (const uint8_t *)"leaf", 4), PS_ESTATE, "not twice");
    tap_is_int(ps_recording_segment(r, &rec, &counts), PS_ESTATE, "no segment before its track is declared");
    tap_is_int(ps_recording_banner(r, 0, &k), PS_ESTATE, "nor a banner");
    tap_is_int(ps_recording_track(r, 0, &t), 0, "a track");
    tap_is_int(ps_recording_banner(r, 0, &k), 0, "its banner");
    k = (struct ps_banner_change){
        .from = 1,
        .b = {.w = 1280, .h = 60, .fields = "codes time station clip frame freshness"},
        .text = "SF1"};
    tap_is_int(ps_recording_banner(r, 0, &k), 0, "another one from the next segment on");
    snprintf(k.text, sizeof k.text, "SF2");
    tap_is_int(ps_recording_banner(r, 0, &k), 0, "said once more, the later line counts");
    k.from = 0;
    tap_is_int(ps_recording_banner(r, 0, &k), PS_ESTATE, "but not out of order");
    tap_is_int(ps_recording_segment(r, &rec, &counts), 0, "a segment");
    tap_is_int(ps_recording_gap(r, 0, &gap), 0, "a gap");
    tap_is_int(ps_recording_original(r, &original), 0, "an original");
    tap_is_int(ps_recording_code(r, &o.codes[0]), 0, "a code");
    tap_is_int(ps_recording_event(r, 2000005000, "scan", "SF1"), 0, "an event");
    rec = record(2);
    tap_is_int(ps_recording_segment(r, &rec, &counts), PS_ELIMIT, "a segment out of order is refused");
    rec = record(1);
    counts.encoded = 120;
    counts.captured = 122;
    tap_is_int(ps_recording_segment(r, &rec, &counts), 0, "the next segment");
    tap_is_int(ps_recording_end(r, PS_END_STOP, &(struct ps_time){.wall_ns = 9, .boot_ns = 8000}), 0,
               "the end");
    return r;
}

static void compare(const struct ps_recording *a, const struct ps_recording *b) {
    const struct ps_track *t = &b->clip->tracks[0];

    tap_is_int((int)b->clip->number, 12, "number");
    tap_is_int((int)b->clip->take, 2, "take");
    tap_is_mem(b->clip->opening.salt, a->clip->opening.salt, 16, "salt");
    tap_is_str(b->clip->station_name, "打包三号台", "station's name");
    tap_ok(b->clip->opening.codes[0].wall_ns == 1763712930123000000, "when the code came");
    tap_is_int((int)t->n_records, 2, "records");
    tap_is_mem(t->records, a->clip->tracks[0].records, 2 * PS_RECORD_SIZE, "the same records");
    tap_is_int((int)t->counts.captured, 122, "counts");
    tap_is_int((int)t->n_gaps, 1, "gaps");
    tap_is_str(t->gaps[0].reason, "driver-dropped", "gap's reason");
    tap_is_int((int)b->clip->n_originals, 1, "originals");
    tap_is_int((int)t->n_preroll, 1, "pre-roll");
    tap_is_int(b->track[0].late[0] * 10 + b->track[0].late[1], PS_WIRE_PREROLL * 10,
               "which the signer is to hear of as such");
    tap_is_int((int)t->n_banners, 2, "banners");
    tap_is_str(t->banners[1].text, "SF2", "the later one's text");
    tap_is_int(b->clip->n_added_codes, 1, "added codes");
    tap_is_int((int)b->clip->events[0].ms, 2000, "event's time");
    tap_ok(b->ended && b->clip->end_reason == PS_END_STOP, "end");
    tap_is_mem(b->boot_id, boot_id, 16, "boot id");
}

/* Whatever was cut off, what is there is a prefix of what was said. */
static void test_torn(const struct ps_recording *r) {
    struct ps_why why;
    uint8_t *text;
    size_t n;
    bool ok = true;
    uint32_t most = 0;

    if (ps_store_read_file(r->dirfd, "recording.log", 1 << 20, &text, &n, &why) < 0)
        tap_bail("no log");
    const uint8_t *nl = memchr(text, '\n', n);
    size_t first = nl ? (size_t)(nl - text) + 1 : n;
    for (size_t cut = 0; cut <= n; cut++) {
        struct ps_recording *b = NULL;
        int fd = openat(r->dirfd, "recording.log", O_WRONLY | O_TRUNC);
        ok = ok && write(fd, text, cut) == (ssize_t)cut;
        close(fd);
        int err = ps_recording_load(&b, root, r->id, &why);
        ok = ok && (cut < first ? err == PS_ENOENT : err == 0);
        if (err == 0) {
            ok = ok && b->clip->tracks[0].n_records >= most && b->clip->tracks[0].n_records <= 2;
            most = b->clip->tracks[0].n_records;
            ps_recording_free(b);
        }
    }
    tap_ok(ok && most == 2, "cut at each of %zu bytes: a prefix comes back, or nothing before the first line",
           n);
    free(text);
}

static bool there(const struct ps_recording *r, const struct ps_original *o) {
    return faccessat(r->dirfd, o->file.name, F_OK, 0) == 0;
}

static struct ps_original photograph(struct ps_recording *r, unsigned n, const char *why_kept) {
    struct ps_original o = {.ticks = n, .file.size = 3};
    struct ps_why why;

    snprintf(o.file.name, sizeof o.file.name, "originals/top-%04u.jpg", n);
    snprintf(o.why, sizeof o.why, "%s", why_kept);
    if (ps_store_write_file(r->dirfd, o.file.name, "jpg", 3, &why) < 0)
        tap_bail("%s: %s", why.where, why.text);
    return o;
}

static const struct ps_event *event(const struct ps_clip *c, const char *what, unsigned *n) {
    const struct ps_event *e = NULL;

    *n = 0;
    for (uint32_t i = 0; i < c->n_events; i++)
        if (strcmp(c->events[i].what, what) == 0) {
            e = &c->events[i];
            ++*n;
        }
    return e;
}

/* More originals than a statement holds end no clip: the last places are for its end, the rest is counted. */
static void test_full(void) {
    struct ps_clock_map map = {.mono_ns = 5000, .boot_ns = 7000, .wall_ns = 1763712930000000000};
    struct ps_track t = {
        .width = 1280, .height = 720, .camera = "top", .codec = "avc1.64001F", .file.name = "top.mp4"};
    struct ps_opening o = opening();
    struct ps_recording *r = NULL, *b = NULL;
    struct ps_original p;
    struct ps_why why;
    unsigned n = 0, told;
    int err = ps_recording_new(&r, root, &o, "x", &map, 5000, boot_id, &why);

    if (err < 0 || ps_recording_track(r, 0, &t) < 0)
        tap_bail("cannot go on");
    while (err == 0 && r->clip->n_originals < PS_MAX_ORIGINALS - 2 && n < PS_MAX_ORIGINALS) {
        p = photograph(r, ++n, "periodic");
        err = ps_recording_original_room(r, &p, 2, 6000);
    }
    tap_ok(err == 0 && n == PS_MAX_ORIGINALS - 2 && there(r, &p), "originals up to the last two places");
    for (unsigned i = 0; err == 0 && i < 3; i++) {
        p = photograph(r, ++n, "periodic");
        err = ps_recording_original_room(r, &p, 2, 6000);
    }
    tap_ok(err == 0 && r->clip->n_originals == PS_MAX_ORIGINALS - 2 && !there(r, &p),
           "three more take no place, and leave no file");
    for (unsigned i = 0; err == 0 && i < 2; i++) {
        p = photograph(r, ++n, "end");
        err = ps_recording_original_room(r, &p, 2, 6000);
    }
    tap_ok(err == 0 && r->clip->n_originals == PS_MAX_ORIGINALS && there(r, &p),
           "those of the end take the last");
    p = photograph(r, ++n, "end");
    tap_ok(ps_recording_original_room(r, &p, 2, 6000) == 0 && r->clip->n_originals == PS_MAX_ORIGINALS &&
               !there(r, &p),
           "one more than there is room for is left out, too");
    tap_is_int(ps_recording_originals_told(r, 7000), 0, "and told");
    tap_is_int(ps_recording_load(&b, root, r->id, &why), 0, "such a recording comes back");
    const struct ps_event *full = b ? event(b->clip, "originals-full", &told) : NULL;
    tap_ok(full && told == 1 && strcmp(full->text, "originals/top-0511.jpg") == 0, "once: from where on");
    const struct ps_event *left = b ? event(b->clip, "originals-left-out", &told) : NULL;
    tap_ok(left && told == 1 && strcmp(left->text, "4") == 0, "and how many: %s", left ? left->text : "");
    ps_recording_free(b);
    ps_recording_free(r);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at) {
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

/* What the statement says of a film in which the banner changed, and what a crash left of it. */
static void test_banners(void) {
    struct ps_clock_map map = {.mono_ns = 5000, .boot_ns = 7000, .wall_ns = 1763712930000000000};
    struct ps_track t = {.width = 1280,
                         .height = 720,
                         .n_preroll = 2,
                         .camera = "top",
                         .codec = "avc1.64001F",
                         .file.name = "top.mp4"};
    const struct ps_banner_change k[] = {
        {.from = 0, .b = {.w = 1280, .h = 30, .fields = "time station freshness kind"}},
        {.from = 2,
         .b = {.w = 1280, .h = 60, .fields = "codes time station clip frame freshness"},
         .text = "SF1"},
        {.from = 3,
         .b = {.w = 1280, .h = 60, .fields = "codes time station clip frame freshness"},
         .text = "SF1"},
    };
    struct ps_counts counts = {0};
    struct ps_opening o = opening();
    struct ps_wire_status signer = {0};
    uint8_t digest[32] = {0};
    struct ps_why why;

    for (uint32_t segments = 1; segments <= 4; segments++) {
        struct ps_recording *r = NULL;
        struct ps_buf b;
        if (ps_recording_new(&r, root, &o, "x", &map, 5000, boot_id, &why) < 0 ||
            ps_recording_opened(r, 12, 1, (const uint8_t *)"leaf", 4) < 0 || ps_recording_track(r, 0, &t) < 0)
            tap_bail("cannot go on");
        for (int i = 0; i < 3; i++)
            ps_recording_banner(r, 0, &k[i]);
        for (uint32_t seq = 0; seq < segments; seq++) {
            struct ps_record rec = record(seq);
            counts.captured = counts.encoded = 60 * (seq + 1);
            ps_recording_segment(r, &rec, &counts);
        }
        ps_recording_late(r, 0, 0);
        ps_recording_end(r, PS_END_CRASH, &(struct ps_time){.wall_ns = 9, .boot_ns = 8000});
        ps_buf_init(&b, PS_MAX_STATEMENT);
        tap_is_int(ps_recording_statement(r, &signer, digest, &b, &why), 0, "%u segments: a statement",
                   segments);
        const struct ps_track *f = &r->clip->tracks[0];
        tap_is_uint(f->n_preroll, segments < 2 ? 1 : 2, "  the pre-roll that there is");
        tap_is_uint(f->n_unwitnessed ? f->unwitnessed[0].last + 1 : 0, f->n_preroll,
                    "  is unwitnessed, and only that");
        tap_is_uint(f->n_banners, segments < 3 ? 0 : segments - 1, "  banners");
        tap_is_str(f->banner.fields, segments < 3 ? "time station freshness kind" : "time station freshness",
                   "  what all show");
        tap_is_int(f->banner.h, segments < 3 ? 30 : 60, "  and what none leaves");
        ps_buf_free(&b);
        ps_recording_free(r);
    }
}

int main(void) {
    struct ps_recording *b = NULL;
    struct ps_why why;

    if (sodium_init() < 0 || !mkdtemp(root) || ps_store_init(root, &why) < 0)
        tap_bail("no place to work in");
    struct ps_recording *a = make();
    tap_is_int(ps_recording_load(&b, root, a->id, &why), 0, "it comes back");
    if (b)
        compare(a, b);
    ps_recording_free(b);
    test_torn(a);
    ps_recording_free(a);
    test_full();
    test_banners();
    nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return tap_done();
}
