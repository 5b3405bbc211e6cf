/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "evidence/verdict.h"

#include "tests/unit/maker.h"
#include "tests/unit/tap.h"

static struct ps_verdict v;

static void judge(struct maker *m, const struct ps_trust *trust) {
    struct ps_tree t = maker_tree(m);
    struct ps_verdict_input in = {.files = &t, .prefix = "", .trust = trust};
    if (ps_verdict_clip(&v, &in) < 0)
        tap_bail("out of memory");
}

static const struct ps_problem *problem(const char *code) {
    for (size_t i = 0; i < v.n_problems; i++)
        if (strcmp(v.problems[i].code, code) == 0)
            return &v.problems[i];
    return NULL;
}

static size_t count(const char *code) {
    size_t n = 0;
    for (size_t i = 0; i < v.n_problems; i++)
        n += strcmp(v.problems[i].code, code) == 0;
    return n;
}

static void show(void) {
    for (size_t i = 0; i < v.n_problems; i++)
        tap_diag("  %s: %s: %s", v.problems[i].code, v.problems[i].where, v.problems[i].text);
}

/* Judges, says what was found when it is not what was wanted, and forgets. */
static void want(struct maker *m, const char *what, enum ps_content content, const char *code,
                 const char *where) {
    judge(m, NULL);
    const struct ps_problem *p = code != NULL ? problem(code) : NULL;
    bool ok = tap_is_str(ps_verdict_content(v.content, false), ps_verdict_content(content, false),
                         "%s: content", what);
    if (code != NULL)
        ok &= tap_ok(p != NULL && strcmp(p->where, where) == 0, "%s: %s at %s", what, code, where);
    else
        ok &= tap_ok(v.n_problems == 0, "%s: nothing to tell", what);
    if (!ok)
        show();
    ps_verdict_free(&v);
}

static void test_words(void) {
    tap_is_str(ps_verdict_content(PS_CONTENT_EXCERPT, true), "节选(未改动)", "content in Chinese");
    tap_is_str(ps_verdict_key(PS_KEY_REVOKED, false), "revoked", "key");
    tap_is_str(ps_verdict_time(PS_TIME_SELF, true), "仅本机时间", "time in Chinese");
    tap_is_str(ps_verdict_ledger(PS_LEDGER_ABSENT, true), "无入账证明", "ledger in Chinese");
    tap_is_str(ps_verdict_container(PS_CONTAINER_REMUXED), "remuxed", "container");
    static const int worst[][3] = {{0, 0, 0}, {0, 3, 3}, {3, 2, 2}, {2, 1, 1},
                                   {1, 0, 1}, {3, 1, 1}, {0, 2, 2}};
    for (size_t i = 0; i < sizeof worst / sizeof worst[0]; i++) {
        tap_is_int(ps_verdict_worst(worst[i][0], worst[i][1]), worst[i][2], "worst of %d, %d", worst[i][0],
                   worst[i][1]);
        tap_is_int(ps_verdict_worst(worst[i][1], worst[i][0]), worst[i][2], "worst of %d, %d", worst[i][1],
                   worst[i][0]);
    }
}

static void test_exit(void) {
    static const struct {
        enum ps_content c;
        enum ps_key_verdict k;
        enum ps_ledger_verdict l;
        int64_t from, to;
        int want;
    } t[] = {
        {PS_CONTENT_INTACT, PS_KEY_TRUSTED, PS_LEDGER_ABSENT, INT64_MIN, INT64_MAX, 0},
        {PS_CONTENT_EXCERPT, PS_KEY_TRUSTED, PS_LEDGER_INCLUDED, 1, 1, 0},
        {PS_CONTENT_INTACT, PS_KEY_UNKNOWN, PS_LEDGER_ABSENT, INT64_MIN, INT64_MAX, 3},
        {PS_CONTENT_INTACT, PS_KEY_REVOKED, PS_LEDGER_ABSENT, INT64_MIN, INT64_MAX, 1},
        {PS_CONTENT_INTACT, PS_KEY_EXPIRED, PS_LEDGER_ABSENT, INT64_MIN, INT64_MAX, 1},
        {PS_CONTENT_INTACT, PS_KEY_TRUSTED, PS_LEDGER_INCONSISTENT, INT64_MIN, INT64_MAX, 1},
        {PS_CONTENT_INTACT, PS_KEY_TRUSTED, PS_LEDGER_ABSENT, 2, 1, 1},
        {PS_CONTENT_INCOMPLETE, PS_KEY_TRUSTED, PS_LEDGER_ABSENT, INT64_MIN, INT64_MAX, 1},
        {PS_CONTENT_ALTERED, PS_KEY_UNKNOWN, PS_LEDGER_ABSENT, INT64_MIN, INT64_MAX, 1},
        {PS_CONTENT_UNSIGNED, PS_KEY_UNKNOWN, PS_LEDGER_ABSENT, INT64_MIN, INT64_MAX, 1},
        {PS_CONTENT_UNREADABLE, PS_KEY_TRUSTED, PS_LEDGER_ABSENT, INT64_MIN, INT64_MAX, 2},
    };
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct ps_verdict x = {.content = t[i].c, .key = t[i].k, .ledger = t[i].l};
        x.not_before_ns = t[i].from;
        x.not_after_ns = t[i].to;
        tap_is_int(ps_verdict_exit(&x), t[i].want, "exit status of case %zu", i);
    }
}

static void test_whole(void) {
    struct maker *m = maker_new("film/a.mp4");
    want(m, "as made", PS_CONTENT_INTACT, NULL, NULL);
    judge(m, NULL);
    tap_ok(v.container == PS_CONTAINER_AS_RECORDED && v.key == PS_KEY_UNKNOWN && v.time == PS_TIME_SELF &&
               v.ledger == PS_LEDGER_ABSENT && v.not_before_ns == INT64_MIN && v.not_after_ns == INT64_MAX,
           "the other answers");
    tap_is_mem(v.signer.key, m->s->clip.key.key, 32, "who signed");
    ps_verdict_free(&v);
    for (int layout = FILM_ORDINARY; layout <= FILM_FOREIGN_FRAGMENTS; layout++) {
        if (layout == FILM_HYBRID)
            continue;
        m->film->layout = layout;
        maker_film(m);
        want(m, "in another container", PS_CONTENT_INTACT, NULL, NULL);
        judge(m, NULL);
        tap_is_str(ps_verdict_container(v.container), "remuxed", "which is told");
        ps_verdict_free(&v);
    }
    maker_free(m);
}

/* Each bends the film of a fresh clip; the statement stays. */
static struct maker *fresh(void) {
    struct maker *m = maker_new("film/a.mp4");
    m->film->layout = FILM_ORDINARY;
    return m;
}

static void done(struct maker *m, const char *what, enum ps_content content, const char *code,
                 const char *where) {
    maker_film(m);
    want(m, what, content, code, where);
    maker_free(m);
}

static void test_cut(void) {
    struct maker *m = fresh();
    film_cut(m->film, 2);
    done(m, "third cut out", PS_CONTENT_INCOMPLETE, "segment-missing",
         "top.mp4 segment 2 (00:04.000-00:06.000)");
    m = fresh();
    film_cut(m->film, 0);
    done(m, "first cut out", PS_CONTENT_INCOMPLETE, "segment-missing",
         "top.mp4 segment 0 (00:00.000-00:02.000)");
    m = fresh();
    film_cut(m->film, 3);
    film_cut(m->film, 3);
    done(m, "tail cut off", PS_CONTENT_INCOMPLETE, "segment-missing",
         "top.mp4 segments 3-4 (00:06.000-00:10.000)");
    m = fresh();
    film_cut(m->film, 1);
    film_cut(m->film, 2);
    maker_film(m);
    judge(m, NULL);
    tap_is_uint(count("segment-missing"), 2, "two cut out apart are two problems");
    tap_is_str(v.problems[1].where, "top.mp4 segment 3 (00:06.000-00:08.000)",
               "the second by its own number");
    ps_verdict_free(&v);
    maker_free(m);
    m = fresh();
    m->film->n -= 5;
    done(m, "last pictures cut off", PS_CONTENT_ALTERED, "segment-altered",
         "top.mp4 segment 4 (00:08.000-00:10.000)");
    m = fresh();
    m->film->layout = FILM_FRAGMENTS;
    maker_film(m);
    maker_file(m, "top.mp4")->n -= 100;
    judge(m, NULL);
    tap_is_str(ps_verdict_content(v.content, false), "incomplete", "torn file: content");
    tap_ok(problem("film-torn") != NULL && problem("segment-missing") != NULL,
           "torn file: told, and the segment named");
    ps_verdict_free(&v);
    maker_free(m);
}

static void test_moved(void) {
    struct film *b = film_open("film/b.mp4");
    struct maker *m = fresh();
    film_insert(m->film, 1, m->film, 2);
    film_cut(m->film, 3);
    done(m, "second and third swapped", PS_CONTENT_ALTERED, "segment-order",
         "top.mp4 segment 2 (00:04.000-00:06.000)");
    m = fresh();
    film_insert(m->film, 3, m->film, 0);
    done(m, "first shown again", PS_CONTENT_ALTERED, "segment-order",
         "top.mp4 segment 0 (00:00.000-00:02.000)");
    m = fresh();
    film_insert(m->film, 3, b, 3);
    film_cut(m->film, 4);
    done(m, "replaced from another clip", PS_CONTENT_ALTERED, "segment-foreign",
         "top.mp4 segment 3 (00:06.000-00:08.000)");
    m = fresh();
    film_insert(m->film, 2, b, 0);
    done(m, "inserted from another clip", PS_CONTENT_ALTERED, "segment-foreign",
         "top.mp4 segment 2 (00:04.000-00:06.000)");
    m = fresh();
    film_insert(m->film, 5, b, 0);
    film_insert(m->film, 6, b, 1);
    done(m, "more after the end", PS_CONTENT_ALTERED, "segment-foreign",
         "top.mp4 segments 5-6 (00:10.000-00:14.000)");
    m = fresh();
    film_cut(m->film, 1);
    film_insert(m->film, 3, b, 2);
    maker_film(m);
    judge(m, NULL);
    tap_ok(v.content == PS_CONTENT_ALTERED && problem("segment-missing") != NULL &&
               problem("segment-foreign") != NULL,
           "one cut out and another put in elsewhere: both named");
    ps_verdict_free(&v);
    maker_free(m);
    film_close(b);
}

static void test_times(void) {
    struct maker *m = fresh();
    m->film->s[25].ticks += 900;
    m->film->s[26].ticks -= 900;
    done(m, "times changed", PS_CONTENT_ALTERED, "segment-altered",
         "top.mp4 segment 1 (00:02.000-00:04.000)");
    m = fresh();
    for (uint32_t i = 40; i < 60; i++)
        m->film->s[i].ticks /= 2;
    maker_film(m);
    judge(m, NULL);
    const struct ps_problem *p = problem("segment-altered");
    tap_ok(p != NULL && strstr(p->text, "pictures are those recorded, their times are not") != NULL,
           "a faster segment: the times are named, not the pictures");
    tap_is_uint(v.n_problems, 1, "and no other segment");
    ps_verdict_free(&v);
    maker_free(m);
}

static void test_rules(void) {
    static const uint8_t with_sps[] = {0, 0, 0, 2, 0x67, 1, 0, 0, 0, 2, 0x41, 1};
    struct maker *m = fresh();
    m->film->turned = true;
    done(m, "turned", PS_CONTENT_ALTERED, "film-rules", "top.mp4 moov/trak/tkhd");
    m = fresh();
    m->film->edit = true;
    m->film->edit_duration = 90000;
    done(m, "edit list", PS_CONTENT_ALTERED, "film-rules", "top.mp4 moov/trak/edts/elst");
    /* Even the station's own film may not hold what two players could show in two ways. */
    m = fresh();
    m->film->s[7] = (struct film_sample){with_sps, sizeof with_sps, 9000, false};
    maker_film(m);
    maker_state_film(m);
    maker_record(m);
    maker_sign(m);
    want(m, "parameter set in band", PS_CONTENT_ALTERED, "film-nal", "top.mp4 sample 7 (from 00:00)");
    maker_free(m);
    m = fresh();
    m->film->mp4.avcc[3] ^= 1;
    done(m, "other decoder parameters", PS_CONTENT_ALTERED, "film-parameters", "top.mp4 avcC");
    m = fresh();
    m->film->mp4.width = 320;
    done(m, "another picture size", PS_CONTENT_ALTERED, "film-rules", "top.mp4 moov");
    m = fresh();
    film_cut(m->film, 0);
    maker_text(m, "top.mp4", "no film");
    want(m, "no film at all", PS_CONTENT_ALTERED, "film-unreadable", "top.mp4 byte 0");
    maker_free(m);
}

/* A sync mark taken away joins two segments; one added divides one: neither is what was recorded. */
static void test_sync_marks(void) {
    struct maker *m = fresh();
    m->film->s[20].sync = false;
    maker_film(m);
    judge(m, NULL);
    tap_is_int(v.content, PS_CONTENT_ALTERED, "a sync mark taken away");
    ps_verdict_free(&v);
    m->film->s[20].sync = m->film->s[30].sync = true;
    maker_film(m);
    judge(m, NULL);
    tap_is_int(v.content, PS_CONTENT_ALTERED, "a sync mark put in");
    ps_verdict_free(&v);
    maker_free(m);
}

/* The bound is 1 s and a thousandth of what the boot clock took. */
static void test_clock(void) {
    struct maker *m = fresh();
    struct ps_time *end = &m->s->clip.ended;
    const int64_t ms = INT64_C(1000000), wall = end->wall_ns;
    const int64_t allowed_ms = 1000 + (end->boot_ns - m->s->clip.started.boot_ns) / ms / 1000;
    end->wall_ns = wall + allowed_ms * ms;
    maker_sign(m);
    want(m, "a clock steered within the bound", PS_CONTENT_INTACT, NULL, NULL);
    end->wall_ns += ms;
    maker_sign(m);
    want(m, "a clock set forward", PS_CONTENT_INTACT, "clock-step", "clip.json ended.wall");
    end->wall_ns = wall - (allowed_ms + 1) * ms;
    maker_sign(m);
    done(m, "a clock set back", PS_CONTENT_INTACT, "clock-step", "clip.json ended.wall");
}

static void test_stated(void) {
    struct maker *m = fresh();
    struct ps_track *t = &m->s->tracks[0];
    t->lost = m->s->lost;
    t->n_lost = 1;
    m->s->lost[0] = (struct ps_range){4, 4};
    t->n_unwitnessed = 1;
    t->unwitnessed = m->s->unwitnessed;
    m->s->unwitnessed[0] = (struct ps_range){1, 2};
    film_cut(m->film, 4);
    maker_film(m);
    maker_state_film(m);
    maker_sign(m);
    want(m, "stated loss", PS_CONTENT_INTACT, "segment-lost-stated",
         "top.mp4 segment 4 (00:08.000-00:10.000)");
    want(m, "unwitnessed", PS_CONTENT_INTACT, "segments-unwitnessed",
         "top.mp4 segments 1-2 (00:02.000-00:06.000)");
    m->s->unwitnessed[0] = (struct ps_range){0, 2};
    t->n_preroll = 2;
    maker_sign(m);
    want(m, "pre-roll", PS_CONTENT_INTACT, "segments-preroll", "top.mp4 segments 0-1 (00:00.000-00:04.000)");
    want(m, "what else was unwitnessed", PS_CONTENT_INTACT, "segments-unwitnessed",
         "top.mp4 segment 2 (00:04.000-00:06.000)");
    t->n_preroll = 3;
    maker_sign(m);
    judge(m, NULL);
    tap_is_uint(v.n_problems, 2, "pre-roll alone is told once, beside the loss");
    ps_verdict_free(&v);
    t->n_preroll = 0;
    m->s->unwitnessed[0] = (struct ps_range){1, 2};
    maker_sign(m);
    film_cut(m->film, 3);
    maker_film(m);
    judge(m, NULL);
    tap_is_str(v.problems[0].code, "segment-missing", "what was found is told before what was stated");
    ps_verdict_free(&v);
    done(m, "more lost than stated", PS_CONTENT_INCOMPLETE, "segment-missing",
         "top.mp4 segment 3 (00:06.000-00:08.000)");
}

static void test_files(void) {
    struct maker *m = fresh();
    maker_drop(m, "top.mp4");
    want(m, "film missing", PS_CONTENT_INCOMPLETE, "file-missing", "top.mp4");
    maker_free(m);
    m = fresh();
    maker_drop(m, "originals/top-0001.jpg");
    want(m, "original missing", PS_CONTENT_INCOMPLETE, "file-missing", "originals/top-0001.jpg");
    maker_text(m, "originals/top-0001.jpg", "another picture of this parcel");
    want(m, "original replaced", PS_CONTENT_ALTERED, "original-altered", "originals/top-0001.jpg");
    maker_free(m);
    m = maker_new("film/a.mp4");
    maker_text(m, "side.mp4", "another view");
    want(m, "file added", PS_CONTENT_INTACT, "unauthenticated", "side.mp4");
    maker_free(m);
}

static void test_signature(void) {
    struct maker *m = maker_new("film/a.mp4");
    const struct maker_file *sig = maker_file(m, "clip.json.minisig");
    char *text = strndup((char *)sig->p, sig->n);
    maker_text(m, "clip.json.minisig", "");
    want(m, "empty signature", PS_CONTENT_ALTERED, "signature-malformed", "clip.json.minisig");
    maker_drop(m, "clip.json.minisig");
    want(m, "no signature", PS_CONTENT_UNSIGNED, "signature-missing", "clip.json.minisig");
    *strstr(text, "packseal v1") = 'P';
    maker_text(m, "clip.json.minisig", text);
    want(m, "comment changed", PS_CONTENT_ALTERED, "signature-invalid", "clip.json.minisig");
    free(text);
    maker_free(m);

    m = maker_new("film/a.mp4");
    struct ps_pubkey own = m->s->clip.key;
    crypto_sign_keypair(m->s->clip.key.key, m->s->clip_secret);
    maker_sign(m);
    want(m, "another key, stated as such", PS_CONTENT_INTACT, NULL, NULL);
    struct ps_trust_key k = {
        .key = own, .from_ns = INT64_MIN, .until_ns = INT64_MAX, .revoked_ns = INT64_MAX};
    struct ps_trust trust = {.keys = &k, .n = 1};
    judge(m, &trust);
    tap_ok(v.key == PS_KEY_UNKNOWN && problem("key-number") != NULL,
           "a key with a registered number is still unknown");
    ps_verdict_free(&v);
    /* The registered key in the statement, another one under it. */
    struct ps_minisig other;
    const struct maker_file *f = maker_file(m, "clip.json.minisig");
    if (ps_minisign_sig_parse(&other, f->p, f->n) < 0)
        tap_bail("own signature does not parse");
    uint8_t *copy = malloc(f->n);
    size_t n = f->n;
    memcpy(copy, f->p, n);
    m->s->clip.key = own;
    maker_sign(m);
    maker_put(m, "clip.json.minisig", copy, n);
    judge(m, &trust);
    tap_ok(v.content == PS_CONTENT_ALTERED && v.key == PS_KEY_UNKNOWN && problem("signature-invalid") != NULL,
           "signed by another than the stated key: altered, and never trusted");
    ps_verdict_free(&v);
    maker_free(m);
}

static void test_trust(void) {
    struct maker *m = maker_new("film/a.mp4");
    struct ps_trust_key k = {
        .key = m->s->clip.key, .from_ns = INT64_MIN, .until_ns = INT64_MAX, .revoked_ns = INT64_MAX};
    struct ps_trust trust = {.keys = &k, .n = 1};
    int64_t ended = m->s->clip.ended.wall_ns;
#define KEY(word, why, ...)                                        \
    do {                                                           \
        struct ps_trust_key was = k;                               \
        __VA_ARGS__;                                               \
        judge(m, &trust);                                          \
        tap_is_str(ps_verdict_key(v.key, false), word, "%s", why); \
        ps_verdict_free(&v);                                       \
        k = was;                                                   \
    } while (0)
    KEY("trusted", "registered", );
    KEY("trusted", "registered for this station", memcpy(k.station, "ST03", 5));
    KEY("unknown", "registered for another station", memcpy(k.station, "ST04", 5));
    KEY("expired", "not yet valid", k.from_ns = ended + 1000000000);
    KEY("expired", "no longer valid", k.until_ns = ended - 1000000000);
    KEY("trusted", "valid around it", k.from_ns = ended - 1, k.until_ns = ended + 1000000000);
    KEY("revoked", "revoked before", k.revoked_ns = ended - 1000000000);
    KEY("revoked", "revoked later: the statement's own clock proves nothing",
        k.revoked_ns = ended + 1000000000);
    KEY("unknown", "another key", k.key.key[0] ^= 1);
    maker_free(m);
}

/* One bit anywhere in statement or signature: never intact. (The two lines that minisign does not sign aside.) */
static void test_flips(void) {
    static const char *const names[] = {"clip.json", "clip.json.minisig"};
    struct maker *m = maker_new("film/a.mp4");
    for (size_t f = 0; f < 2; f++) {
        struct maker_file *file = maker_file(m, names[f]);
        size_t bad = 0, tried = 0, from = f == 0 ? 0 : strlen("untrusted comment: signature by a test\n");
        for (size_t i = from; i < file->n; i += f == 0 ? 7 : 1) {
            file->p[i] ^= (uint8_t)(1 << i % 8);
            judge(m, NULL);
            bad += v.content < PS_CONTENT_ALTERED;
            tried++;
            ps_verdict_free(&v);
            file->p[i] ^= (uint8_t)(1 << i % 8);
        }
        tap_ok(bad == 0 && tried > 200, "%s: %zu of %zu flipped bits unseen", names[f], bad, tried);
    }
    /* One bit in each sample: the segment is named. */
    struct ps_mp4 mp4;
    struct maker_file *film = maker_file(m, "top.mp4");
    struct ps_blob b = ps_blob_of_memory(film->p, film->n);
    size_t bad = 0;
    if (ps_mp4_read(&mp4, &b, false, NULL) < 0)
        tap_bail("own film does not read");
    for (uint32_t i = 0; i < mp4.n_samples; i++) {
        char want_where[64];
        size_t at = mp4.samples[i].offset + mp4.samples[i].size - 1;
        film->p[at] ^= 1;
        judge(m, NULL);
        (void)snprintf(want_where, sizeof want_where, "top.mp4 segment %u (00:%02u.000-00:%02u.000)", i / 20,
                       i / 20 * 2, i / 20 * 2 + 2);
        const struct ps_problem *p = problem("segment-altered");
        bad += v.content != PS_CONTENT_ALTERED || v.n_problems != 1 || p == NULL ||
               strcmp(p->where, want_where) != 0;
        ps_verdict_free(&v);
        film->p[at] ^= 1;
    }
    tap_is_uint(bad, 0, "a bit of each of %u samples flipped: its segment is named, no other", mp4.n_samples);
    ps_mp4_free(&mp4);
    maker_free(m);
}

/* Segments cut, moved, doubled and brought in at random: intact exactly when the film is again what it was, and
 * incomplete exactly when nothing but whole segments are missing. */
static void test_shuffles(void) {
    struct film *b = film_open("film/b.mp4"), *a = film_open("film/a.mp4");
    struct maker *m = fresh();
    size_t bad = 0, seen[6] = {0};
    uint32_t state = 1;
    for (int round = 0; round < 3000; round++) {
        int list[8], n = 0;
        bool rising = true, whole = true;
        m->film->n = 0;
        for (int want_n = 1 + round % 6; n < want_n; n++) {
            state = state * 1664525 + 1013904223;
            int pick = n == 0 || state >> 28 < 12 ? (int)(state >> 20 & 0xff) % 5
                                                  : 5 + (int)(state >> 20 & 0xff) % 3;
            if (state >> 16 & 1)
                pick = n;
            pick = pick > 7 ? 7 : pick;
            list[n] = pick;
            film_insert(m->film, (uint32_t)n, pick < 5 ? a : b, (uint32_t)(pick < 5 ? pick : pick - 5));
            rising &= pick < 5 && (n == 0 || pick > list[n - 1]);
            whole &= pick == n;
        }
        enum ps_content want_content = whole && n == 5 ? PS_CONTENT_INTACT
                                       : rising        ? PS_CONTENT_INCOMPLETE
                                                       : PS_CONTENT_ALTERED;
        maker_film(m);
        judge(m, NULL);
        bad += v.content != want_content;
        seen[v.content]++;
        ps_verdict_free(&v);
    }
    tap_is_uint(bad, 0, "3000 shuffled films");
    tap_ok(seen[PS_CONTENT_INTACT] > 5 && seen[PS_CONTENT_INCOMPLETE] > 100 && seen[PS_CONTENT_ALTERED] > 100,
           "of all kinds: %zu intact, %zu incomplete, %zu altered", seen[PS_CONTENT_INTACT],
           seen[PS_CONTENT_INCOMPLETE], seen[PS_CONTENT_ALTERED]);
    maker_free(m);
    film_close(a);
    film_close(b);
}

static int asked;
static int stop_at; /* 0: never */
static uint64_t last_done, last_total;

static int progress(void *ctx, uint64_t so_far, uint64_t total) {
    (void)ctx;
    asked++;
    last_done = so_far;
    last_total = total;
    return stop_at != 0 && asked >= stop_at;
}

static void test_progress(void) {
    struct maker *m = maker_new("film/a.mp4");
    struct ps_tree t = maker_tree(m);
    struct ps_verdict_input in = {.files = &t, .prefix = "", .progress = progress};
    /* A film larger than a piece, so that there is something between. */
    struct maker_file *f = maker_file(m, "top.mp4");
    f->p = realloc(f->p, f->n + 1000000);
    memset(f->p + f->n, 0, 1000000);
    f->p[f->n + 1] = 0x0f;
    f->p[f->n + 2] = 0x42;
    f->p[f->n + 3] = 0x40;
    memcpy(f->p + f->n + 4, "free", 4);
    f->n += 1000000;
    maker_state_film(m);
    maker_sign(m);
    tap_is_int(ps_verdict_clip(&v, &in), 0, "with progress");
    tap_is_int(v.content, PS_CONTENT_INTACT, "padding behind the film hurts nobody");
    tap_ok(asked >= 3 && last_done <= last_total, "told %d times, never over the total", asked);
    ps_verdict_free(&v);
    asked = 0;
    stop_at = 2;
    tap_is_int(ps_verdict_clip(&v, &in), PS_ETIME, "a caller may stop it");
    maker_free(m);
}

static void test_many_problems(void) {
    struct ps_verdict x = {0};
    for (int i = 0; i < PS_MAX_PROBLEMS + 3; i++)
        ps_verdict_problem(&x, "code", "where\n\x1b[31m", "text %d \x07", i);
    tap_ok(x.n_problems == PS_MAX_PROBLEMS && x.n_more == 3, "problems are bounded, the rest counted");
    tap_ok(strchr(x.problems[0].where, '\x1b') == NULL && strchr(x.problems[0].text, '\x07') == NULL,
           "and hold nothing that a terminal obeys");
}

int main(void) {
    test_words();
    test_exit();
    test_whole();
    test_cut();
    test_moved();
    test_times();
    test_rules();
    test_sync_marks();
    test_clock();
    test_stated();
    test_files();
    test_signature();
    test_trust();
    test_flips();
    test_shuffles();
    test_progress();
    test_many_problems();
    return tap_done();
}
