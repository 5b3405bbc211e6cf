/* SPDX-License-Identifier: GPL-3.0-or-later */
/* excerpt.json: written, read strictly, held against a statement, and what a verdict makes of an excerpt. */
#include "evidence/excerpt.h"

#include "evidence/verdict.h"
#include "tests/unit/maker.h"
#include "tests/unit/tap.h"

#define HEAD "{\"type\":\"packseal-excerpt\",\"version\":1,\"crit\":[],\"statement_sha256\":\""
#define DIGEST "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define TRACK "{\"track\":0,\"first\":2,\"last\":5,\"file\":\"top.mp4\"}"
#define WITH(tracks, originals) HEAD DIGEST "\",\"tracks\":[" tracks "],\"originals\":[" originals "]}"

static struct ps_excerpt *sample(void) {
    struct ps_excerpt *x = calloc(1, sizeof *x);
    for (int i = 0; i < 32; i++)
        x->statement_sha256[i] = (uint8_t)i;
    x->n_tracks = 2;
    x->tracks[0] = (struct ps_excerpt_track){.track = 0, .first = 2, .last = 5, .file = "top.mp4"};
    x->tracks[1] = (struct ps_excerpt_track){.track = 2, .first = 0, .last = 0, .file = "top-2.mp4"};
    x->n_originals = 2;
    x->originals = calloc(2, sizeof *x->originals);
    strcpy(x->originals[0], "originals/top-0001.jpg");
    strcpy(x->originals[1], "originals/side-0001.jpg");
    return x;
}

static int parse(const char *text, struct ps_why *why) {
    struct ps_excerpt *x = NULL;
    int err = ps_excerpt_parse(&x, text, strlen(text), why);
    if (err < 0 && x != NULL)
        tap_fail("an error leaves something behind");
    ps_excerpt_free(x);
    return err;
}

static void test_round(void) {
    struct ps_excerpt *x = sample(), *back = NULL;
    struct ps_buf b, again;
    struct ps_why why = {{0}, {0}};
    ps_buf_init(&b, PS_MAX_EXCERPT);
    ps_buf_init(&again, PS_MAX_EXCERPT);
    ps_excerpt_write(x, &b);
    static const char want[] = "{\"type\":\"packseal-excerpt\",\"version\":1,\"crit\":[],\n"
                               "\"statement_sha256\":\"" DIGEST "\",\n"
                               "\"tracks\":[\n" TRACK ",\n"
                               "{\"track\":2,\"first\":0,\"last\":0,\"file\":\"top-2.mp4\"}],\n"
                               "\"originals\":[\n"
                               "\"originals/top-0001.jpg\",\n"
                               "\"originals/side-0001.jpg\"]}\n";
    tap_ok(b.err == 0 && b.n == strlen(want) && memcmp(b.p, want, b.n) == 0, "one layout");
    if (!tap_is_int(ps_excerpt_parse(&back, b.p, b.n, &why), 0, "reads what it writes"))
        tap_bail("%s: %s", why.where, why.text);
    ps_excerpt_write(back, &again);
    tap_ok(again.n == b.n && memcmp(again.p, b.p, b.n) == 0, "and writes the same again");
    tap_ok(ps_excerpt_track(back, 2) == &back->tracks[1] && ps_excerpt_track(back, 1) == NULL,
           "a track that is not listed is left out");
    tap_ok(ps_excerpt_has_original(back, "originals/side-0001.jpg") &&
               !ps_excerpt_has_original(back, "originals/side-0002.jpg"),
           "and an original");
    ps_excerpt_free(back);
    ps_buf_free(&again);
    ps_buf_free(&b);
    ps_excerpt_free(x);
}

static void test_strict(void) {
    static const struct {
        const char *text, *what, *where;
        int err;
    } t[] = {
        {WITH(TRACK, ""), "no originals", "", 0},
        {WITH(TRACK, "\"a\",\"b\""), "two originals", "", 0},
        {HEAD DIGEST "\",\"later\":1,\"tracks\":[" TRACK "],\"originals\":[]}", "a key of a later version",
         "", 0},
        {WITH("", ""), "no track", "tracks", PS_ELIMIT},
        {WITH(TRACK "," TRACK, ""), "a track twice", "tracks[1].track", PS_EFORMAT},
        {WITH("{\"track\":1,\"first\":0,\"last\":0,\"file\":\"b\"}," TRACK, ""), "tracks out of order",
         "tracks[1].track", PS_EFORMAT},
        {WITH("{\"track\":0,\"first\":5,\"last\":4,\"file\":\"b\"}", ""), "ends before it begins",
         "tracks[0].last", PS_EFORMAT},
        {WITH("{\"track\":16,\"first\":0,\"last\":4,\"file\":\"b\"}", ""), "track 16", "tracks[0].track",
         PS_ELIMIT},
        {WITH("{\"track\":-1,\"first\":0,\"last\":4,\"file\":\"b\"}", ""), "track -1", "tracks[0].track",
         PS_ELIMIT},
        {WITH("{\"track\":0,\"first\":0,\"last\":12000,\"file\":\"b\"}", ""), "segment 12000",
         "tracks[0].last", PS_ELIMIT},
        {WITH("{\"track\":0,\"first\":\"0\",\"last\":1,\"file\":\"b\"}", ""), "a number as text",
         "tracks[0].first", PS_EFORMAT},
        {WITH("{\"track\":0,\"first\":0,\"last\":1,\"file\":\"\"}", ""), "no file", "tracks[0].file",
         PS_EFORMAT},
        {WITH("{\"track\":0,\"first\":0,\"last\":1}", ""), "no file at all", "tracks[0].file", PS_EFORMAT},
        {WITH("7", ""), "a track that is no object", "tracks[0].track", PS_EFORMAT},
        {WITH(TRACK, "\"a\",\"b\",\"a\""), "an original twice", "originals[2]", PS_EFORMAT},
        {WITH(TRACK, "1"), "an original that is no name", "originals[0]", PS_EFORMAT},
        {WITH(TRACK, "\"\""), "an original without a name", "originals[0]", PS_EFORMAT},
        {HEAD "0001\",\"tracks\":[" TRACK "],\"originals\":[]}", "a short digest", "statement_sha256",
         PS_EFORMAT},
        {HEAD "000102030405060708090A0B0C0D0E0F101112131415161718191a1b1c1d1e1f\",\"tracks\":[" TRACK
              "],\"originals\":[]}",
         "capitals", "statement_sha256", PS_EFORMAT},
        {HEAD DIGEST "\",\"originals\":[]}", "no tracks", "tracks", PS_EFORMAT},
        {HEAD DIGEST "\",\"tracks\":[" TRACK "]}", "no originals", "originals", PS_EFORMAT},
        {"{\"type\":\"packseal-clip\",\"version\":1,\"crit\":[]}", "another type", "type", PS_EFORMAT},
        {"{\"type\":\"packseal-excerpt\",\"version\":2,\"crit\":[]}", "another version", "version",
         PS_EVERSION},
        {"{\"type\":\"packseal-excerpt\",\"version\":1,\"crit\":[\"speed\"]}", "a critical key unknown here",
         "crit", PS_EVERSION},
        {"{\"type\":\"packseal-excerpt\",\"version\":1,\"crit\":[1]}", "a critical number", "crit",
         PS_EVERSION},
        {"{\"type\":\"packseal-excerpt\",\"version\":1}", "no crit", "crit", PS_EFORMAT},
        {"", "nothing", "byte 0", PS_EFORMAT},
        {"{\"type\":\"packseal-excerpt\",\"type\":\"packseal-excerpt\"}", "a key twice", NULL, PS_EFORMAT},
    };
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct ps_why why = {{0}, {0}};
        tap_is_int(parse(t[i].text, &why), t[i].err, "%s: %s", t[i].what,
                   t[i].err == 0 ? "taken" : "refused");
        if (t[i].err != 0 && t[i].where != NULL)
            tap_is_str(why.where, t[i].where, "%s: where", t[i].what);
    }
    struct ps_why why;
    tap_is_int(parse("{\"type\":\"packseal-excerpt\",\"version\":1,\"crit\":[\"tracks\"],\"statement_"
                     "sha256\":\"" DIGEST "\",\"tracks\":[{\"track\":0,\"first\":0,\"last\":0,\"file\":\"a\","
                     "\"tracks\":1}],\"originals\":[]}",
                     &why),
               PS_EVERSION, "a key that crit names and the reader does not know at that place");
}

static void test_bounds(void) {
    struct ps_buf b;
    struct ps_why why = {{0}, {0}};
    struct ps_excerpt *x = NULL;
    for (unsigned n = PS_MAX_ORIGINALS; n <= PS_MAX_ORIGINALS + 1; n++) {
        ps_buf_init(&b, PS_MAX_EXCERPT);
        ps_buf_text(&b, HEAD DIGEST "\",\"tracks\":[" TRACK "],\"originals\":[");
        for (unsigned i = 0; i < n; i++)
            ps_buf_fmt(&b, "%s\"originals/%086u\"", i > 0 ? "," : "", i);
        ps_buf_text(&b, "]}");
        tap_is_int(ps_excerpt_parse(&x, b.p, b.n, &why), n > PS_MAX_ORIGINALS ? PS_ELIMIT : 0,
                   "%u originals with the longest names, %zu bytes", n, b.n);
        ps_excerpt_free(x);
        ps_buf_free(&b);
    }
    char *long_text = malloc(PS_MAX_EXCERPT + 2);
    memset(long_text, ' ', PS_MAX_EXCERPT + 2);
    tap_is_int(ps_excerpt_parse(&x, long_text, PS_MAX_EXCERPT + 1, &why), PS_ELIMIT, "too much white space");
    free(long_text);
}

/* Each bit flipped and each length cut: what is still read is another text of the same claim or another claim. */
static void test_mutations(void) {
    struct ps_excerpt *x = sample(), *got;
    struct ps_buf b, first;
    struct ps_why why;
    unsigned same = 0, other = 0, refused = 0, cut = 0;
    ps_buf_init(&b, PS_MAX_EXCERPT);
    ps_excerpt_write(x, &b);
    for (size_t bit = 0; bit < b.n * 8; bit++) {
        b.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (ps_excerpt_parse(&got, b.p, b.n, &why) < 0) {
            refused++;
        } else {
            ps_buf_init(&first, PS_MAX_EXCERPT);
            ps_excerpt_write(got, &first);
            b.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
            *(first.n == b.n && memcmp(first.p, b.p, b.n) == 0 ? &same : &other) += 1;
            b.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
            ps_buf_free(&first);
            ps_excerpt_free(got);
        }
        b.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t n = 0; n + 1 < b.n; n++)
        cut += ps_excerpt_parse(&got, b.p, n, &why) < 0;
    tap_is_uint(cut, b.n - 1, "every cut is refused, but for the last line feed");
    /* White space may become other white space; all else is another claim. */
    tap_ok(same < 40 && other > 100 && refused > 1500, "flipped bits: %u the same, %u other, %u refused",
           same, other, refused);
    ps_buf_free(&b);
    ps_excerpt_free(x);
}

/* ---- beside a statement -------------------------------------------------------------------------- */

static struct ps_verdict v;

static void want(struct maker *m, const char *what, enum ps_content content, const char *code,
                 const char *where) {
    struct ps_tree t = maker_tree(m);
    struct ps_verdict_input in = {.files = &t, .prefix = ""};
    if (ps_verdict_clip(&v, &in) < 0)
        tap_bail("out of memory");
    const struct ps_problem *p = NULL;
    for (size_t i = 0; i < v.n_problems && p == NULL; i++)
        if (strcmp(v.problems[i].code, code) == 0 && strcmp(v.problems[i].where, where) == 0)
            p = &v.problems[i];
    bool ok = tap_is_str(ps_verdict_content(v.content, false), ps_verdict_content(content, false),
                         "%s: content", what);
    ok &= tap_ok(p != NULL, "%s: %s at %s", what, code, where);
    for (size_t i = 0; i < v.n_problems && !ok; i++)
        tap_diag("  %s: %s: %s", v.problems[i].code, v.problems[i].where, v.problems[i].text);
    ps_verdict_free(&v);
}

static void describe(struct maker *m, struct ps_excerpt *x) {
    struct ps_buf b;
    ps_buf_init(&b, PS_MAX_EXCERPT);
    ps_excerpt_write(x, &b);
    maker_put(m, "excerpt.json", b.p, b.n);
}

/* The golden clip of five segments, cut to first..last, with its descriptor; the original is left out. */
static struct maker *cut(uint32_t first, uint32_t last, struct ps_excerpt *x) {
    struct maker *m = maker_new("film/a.mp4");
    m->film->layout = FILM_ORDINARY;
    for (uint32_t i = 4; i > last; i--)
        film_cut(m->film, i);
    for (uint32_t i = 0; i < first; i++)
        film_cut(m->film, 0);
    maker_film(m);
    maker_drop(m, "originals/top-0001.jpg");
    *x = (struct ps_excerpt){.n_tracks = 1};
    x->tracks[0] = (struct ps_excerpt_track){.track = 0, .first = first, .last = last, .file = "top.mp4"};
    const struct maker_file *f = maker_file(m, "clip.json");
    ps_sha256(x->statement_sha256, f->p, f->n);
    describe(m, x);
    return m;
}

static void test_whole_runs(void) {
    struct ps_excerpt x;
    for (uint32_t first = 0; first < 5; first++)
        for (uint32_t last = first; last < 5; last++) {
            char what[40], where[64];
            struct maker *m = cut(first, last, &x);
            (void)snprintf(what, sizeof what, "segments %u to %u", first, last);
            want(m, what, PS_CONTENT_EXCERPT, "excerpt", "originals");
            if (last < 4) {
                (void)snprintf(where, sizeof where,
                               last < 3 ? "top.mp4 segments %u-4 (00:%02u.000-00:10.000)"
                                        : "top.mp4 segment %u (00:%02u.000-00:10.000)",
                               last + 1, 2 * (last + 1));
                want(m, what, PS_CONTENT_EXCERPT, "excerpt", where);
            }
            maker_drop(m, "excerpt.json");
            want(m, "without the descriptor", PS_CONTENT_INCOMPLETE, "file-missing",
                 "originals/top-0001.jpg");
            maker_free(m);
        }
    struct maker *m = cut(0, 4, &x);
    char name[1][PS_MAX_FILE_NAME + 1] = {"originals/top-0001.jpg"};
    x.n_originals = 1;
    x.originals = name;
    describe(m, &x);
    maker_text(m, "originals/top-0001.jpg", maker_jpeg);
    want(m, "all of it", PS_CONTENT_EXCERPT, "excerpt", "excerpt.json");
    maker_text(m, "originals/top-0001.jpg", "another");
    want(m, "an original that is another", PS_CONTENT_ALTERED, "original-altered", "originals/top-0001.jpg");
    maker_drop(m, "originals/top-0001.jpg");
    want(m, "a listed original that is not there", PS_CONTENT_INCOMPLETE, "file-missing",
         "originals/top-0001.jpg");
    maker_free(m);
}

static void test_broken(void) {
    struct ps_excerpt x;
    struct maker *m = cut(1, 3, &x);
    x.tracks[0].last = 2;
    describe(m, &x);
    want(m, "one segment more than listed", PS_CONTENT_ALTERED, "excerpt-broken",
         "top.mp4 segment 3 (00:06.000-00:08.000)");
    x.tracks[0].first = 0;
    x.tracks[0].last = 3;
    describe(m, &x);
    want(m, "one less at the start", PS_CONTENT_ALTERED, "excerpt-broken",
         "top.mp4 segment 0 (00:00.000-00:02.000)");
    x.tracks[0].first = 1;
    x.tracks[0].last = 4;
    describe(m, &x);
    want(m, "one less at the end", PS_CONTENT_ALTERED, "excerpt-broken",
         "top.mp4 segment 4 (00:08.000-00:10.000)");
    x.tracks[0].last = 5;
    describe(m, &x);
    want(m, "a segment that was never recorded", PS_CONTENT_ALTERED, "excerpt-broken",
         "excerpt.json tracks[0]");
    maker_free(m);

    m = cut(1, 3, &x);
    strcpy(x.tracks[0].file, "side.mp4");
    describe(m, &x);
    want(m, "another file", PS_CONTENT_ALTERED, "excerpt-broken", "excerpt.json tracks[0]");
    strcpy(x.tracks[0].file, "top.mp4");
    x.tracks[0].track = 1;
    describe(m, &x);
    want(m, "a track that there is not", PS_CONTENT_ALTERED, "excerpt-broken", "excerpt.json tracks[0]");
    x.tracks[0].track = 0;
    char name[1][PS_MAX_FILE_NAME + 1] = {"originals/top-0009.jpg"};
    x.n_originals = 1;
    x.originals = name;
    describe(m, &x);
    want(m, "an original that nobody states", PS_CONTENT_ALTERED, "excerpt-broken",
         "excerpt.json originals[0]");
    x.n_originals = 0;
    x.statement_sha256[31] ^= 1;
    describe(m, &x);
    want(m, "of another clip", PS_CONTENT_ALTERED, "excerpt-broken", "excerpt.json statement_sha256");
    want(m, "and then the film is judged whole", PS_CONTENT_ALTERED, "segment-missing",
         "top.mp4 segment 0 (00:00.000-00:02.000)");
    maker_text(m, "excerpt.json", "{\"type\":1.5}");
    want(m, "no JSON of ours", PS_CONTENT_ALTERED, "excerpt-broken", "excerpt.json byte 9");
    maker_text(m, "excerpt.json", "");
    want(m, "empty", PS_CONTENT_ALTERED, "excerpt-broken", "excerpt.json byte 0");
    maker_free(m);

    m = cut(1, 3, &x);
    maker_text(m, "originals/top-0001.jpg", maker_jpeg);
    want(m, "an original that is not listed", PS_CONTENT_ALTERED, "excerpt-broken", "originals/top-0001.jpg");
    maker_drop(m, "originals/top-0001.jpg");
    maker_drop(m, "top.mp4");
    want(m, "the film is not there", PS_CONTENT_INCOMPLETE, "file-missing", "top.mp4");
    maker_free(m);
}

static void test_films(void) {
    struct ps_excerpt x;
    struct film *other = film_open("film/b.mp4");
    struct maker *m = cut(1, 3, &x);
    film_insert(m->film, 0, m->film, 1);
    film_cut(m->film, 2);
    maker_film(m);
    want(m, "swapped segments", PS_CONTENT_ALTERED, "segment-order",
         "top.mp4 segment 2 (00:04.000-00:06.000)");
    maker_free(m);
    m = cut(1, 3, &x);
    film_insert(m->film, 1, m->film, 0);
    maker_film(m);
    want(m, "one twice", PS_CONTENT_ALTERED, "segment-order", "top.mp4 segment 1 (00:02.000-00:04.000)");
    maker_free(m);
    m = cut(1, 3, &x);
    film_cut(m->film, 1);
    film_insert(m->film, 1, other, 1);
    maker_film(m);
    want(m, "one of another clip", PS_CONTENT_ALTERED, "segment-foreign",
         "top.mp4 segment 2 (00:04.000-00:06.000)");
    maker_free(m);
    m = cut(1, 3, &x);
    film_cut(m->film, 1);
    maker_film(m);
    want(m, "one cut out of its middle", PS_CONTENT_ALTERED, "excerpt-broken",
         "top.mp4 segment 2 (00:04.000-00:06.000)");
    maker_free(m);
    m = cut(1, 3, &x);
    m->film->s[3].ticks += 1;
    maker_film(m);
    want(m, "another time", PS_CONTENT_ALTERED, "segment-altered", "top.mp4 segment 1 (00:02.000-00:04.000)");
    maker_free(m);
    film_close(other);
}

/* A still picture gives segment after segment of the same bytes; the run begins where the descriptor says. */
static void test_alike(void) {
    struct ps_excerpt x = {.n_tracks = 1};
    struct maker *m = maker_new("film/a.mp4");
    m->film->layout = FILM_ORDINARY;
    for (uint32_t i = 1; i < 5; i++) {
        film_cut(m->film, i);
        film_insert(m->film, i, m->film, 0);
    }
    maker_film(m);
    maker_state_film(m);
    maker_record(m);
    maker_sign(m);
    uint32_t n = m->s->tracks[0].n_records;
    for (uint32_t i = 0; i < 3; i++)
        film_cut(m->film, 0);
    maker_film(m);
    maker_drop(m, "originals/top-0001.jpg");
    x.tracks[0] = (struct ps_excerpt_track){.track = 0, .first = 3, .last = 4, .file = "top.mp4"};
    const struct maker_file *f = maker_file(m, "clip.json");
    ps_sha256(x.statement_sha256, f->p, f->n);
    describe(m, &x);
    tap_is_uint(n, 5, "a clip of five segments, all alike");
    want(m, "two of them", PS_CONTENT_EXCERPT, "excerpt", "top.mp4 segments 0-2 (00:00.000-00:06.000)");
    maker_free(m);
}

static void test_lost(void) {
    struct ps_excerpt x;
    struct ps_why why = {{0}, {0}};
    struct ps_range lost = {3, 4};
    struct maker *m = cut(1, 2, &x);
    struct ps_track *t = &m->s->tracks[0];
    t->lost = &lost;
    t->n_lost = 1;
    tap_is_uint(ps_excerpt_kept(t), 3, "a film ends before its lost tail");
    tap_is_int(ps_excerpt_check(&x, &m->s->clip, x.statement_sha256, &why), 0, "an excerpt before it");
    x.tracks[0].last = 3;
    tap_is_int(ps_excerpt_check(&x, &m->s->clip, x.statement_sha256, &why), PS_EFORMAT,
               "cannot reach into it");
    t->n_lost = 0;
    maker_free(m);
}

int main(void) {
    test_round();
    test_strict();
    test_bounds();
    test_mutations();
    test_whole_runs();
    test_broken();
    test_films();
    test_alike();
    test_lost();
    return tap_done();
}
