/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cuts of a clip on disk: which segments, which bytes, and what a person types for them. */
#include "archive/cut.h"

#include <time.h>

#include "cli/export_cut.h"
#include "evidence/verdict.h"
#include "tests/unit/maker.h"
#include "tests/unit/shelf.h"

#define S(x) ((int64_t)((x)*1.0 * PS_TICKS_PER_SECOND))

static struct ps_why why;

/* Puts the clip where a recorder would. */
static void put(struct maker *m, const char *path) {
    char folder[PS_ROOT_PATH + 16];
    mkdir(shelf_path(path), 0750);
    (void)snprintf(folder, sizeof folder, "%s/originals", shelf_path(path));
    mkdir(folder, 0750);
    int dir = open(shelf_path(path), O_RDONLY | O_DIRECTORY);
    for (size_t i = 0; i < m->n; i++)
        if (ps_store_write_file(dir, m->files[i].name, m->files[i].p, m->files[i].n, &why) < 0)
            tap_bail("%s: %s", why.where, why.text);
    close(dir);
}

static struct ps_cut *cut(const char *path, int64_t from, int64_t to, int want, const char *what) {
    struct ps_cut *c = NULL;
    memset(&why, 0, sizeof why);
    int rc = ps_cut_open(&c, shelf_root, path, from, to, &why);
    if (!tap_is_int(rc, want, "%s: %s", what, want == 0 ? "cut" : "refused"))
        tap_diag("%s: %s", why.where, why.text);
    return c;
}

static uint8_t *load(const struct ps_blob *b) {
    uint8_t *p = malloc(b->size);
    if (ps_blob_read(b, 0, p, b->size) < 0)
        tap_bail("a cut film cannot be read");
    return p;
}

/* Wherever one begins to read, the same bytes. */
static bool same_anywhere(const struct ps_blob *b, const uint8_t *all) {
    uint8_t piece[777];
    uint64_t at = 0;
    for (size_t step = 1; at < b->size; at += step, step = step * 5 % 771 + 1) {
        size_t n = b->size - at < sizeof piece ? (size_t)(b->size - at) : sizeof piece;
        if (ps_blob_read(b, at, piece, n) < 0 || memcmp(piece, all + at, n) != 0)
            return false;
    }
    return ps_blob_read(b, b->size, piece, 1) == PS_ESHORT;
}

static void check(struct maker *m, const char *path, uint32_t first, uint32_t last, const char *what) {
    struct ps_cut *c = cut(path, S(2 * first) + 5, S(2 * last) + 6, 0, what);
    if (c == NULL)
        return;
    tap_ok(c->n == 1 && c->films[0].first == first && c->films[0].last == last && c->from == S(2 * first),
           "%s: segments %u to %u", what, first, last);
    struct ps_mp4 mp4;
    uint8_t *p = load(&c->films[0].blob);
    tap_ok(same_anywhere(&c->films[0].blob, p), "%s: reads the same from anywhere", what);
    struct ps_blob memory = ps_blob_of_memory(p, c->films[0].blob.size);
    if (!tap_is_int(ps_mp4_read(&mp4, &memory, false, &why), 0, "%s: a film by all rules", what))
        tap_diag("%s: %s", why.where, why.text);
    uint32_t a = film_segment(m->film, first), b = film_segment(m->film, last + 1);
    bool same = mp4.n_samples == b - a && mp4.avcc_len == m->film->mp4.avcc_len &&
                memcmp(mp4.avcc, m->film->mp4.avcc, mp4.avcc_len) == 0 && !mp4.fragmented &&
                mp4.width == m->film->mp4.width && mp4.full_range == m->film->mp4.full_range;
    for (uint32_t i = 0; i < mp4.n_samples && same; i++) {
        const struct film_sample *s = &m->film->s[a + i];
        same = mp4.samples[i].size == s->size && mp4.samples[i].ticks == s->ticks &&
               mp4.samples[i].sync == s->sync && memcmp(p + mp4.samples[i].offset, s->p, s->size) == 0;
    }
    tap_ok(same, "%s: the very samples", what);
    tap_ok(memcmp(p + 36, "moov", 4) == 0, "%s: the table first", what);
    ps_mp4_free(&mp4);
    free(p);
    ps_cut_free(c);
}

static void test_films(struct maker *m) {
    static const char *const names[] = {"ordinary", "as recorded", "in fragments", "in fragments of others"};
    for (int layout = FILM_ORDINARY; layout <= FILM_FOREIGN_FRAGMENTS; layout++) {
        char path[32], what[64];
        (void)snprintf(path, sizeof path, "clips/layout-%d", layout);
        m->film->layout = layout;
        maker_film(m);
        put(m, path);
        for (uint32_t first = 0; first < 5; first += 2)
            for (uint32_t last = first; last < 5; last++) {
                (void)snprintf(what, sizeof what, "%s, %u-%u", names[layout], first, last);
                check(m, path, first, last, what);
            }
    }
}

static void test_borders(void) {
    static const struct {
        int64_t from, to;
        uint32_t first, last;
        const char *what;
    } t[] = {
        {S(2), S(4), 1, 1, "exactly one segment"},    {S(2) - 1, S(4), 0, 1, "one tick before it"},
        {S(2), S(4) + 1, 1, 2, "one tick behind it"}, {S(3), S(3) + 1, 1, 1, "one tick in its middle"},
        {INT64_MIN, INT64_MAX, 0, 4, "all there is"}, {S(9), S(100), 4, 4, "past the end"},
        {-S(100), 1, 0, 0, "before the start"},
    };
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct ps_cut *c = cut("clips/whole", t[i].from, t[i].to, 0, t[i].what);
        if (c != NULL)
            tap_ok(c->films[0].first == t[i].first && c->films[0].last == t[i].last &&
                       c->from == S(2 * t[i].first) && c->to == S(2 * t[i].last + 2),
                   "%s: %u to %u", t[i].what, c->films[0].first, c->films[0].last);
        ps_cut_free(c);
    }
    ps_cut_free(cut("clips/whole", S(10), S(11), PS_ENOENT, "behind the end"));
    tap_is_str(why.where, "range", "and it is the range");
    ps_cut_free(cut("clips/whole", -S(2), 0, PS_ENOENT, "before the start"));
    ps_cut_free(cut("clips/whole", S(3), S(3), PS_EINVAL, "nothing"));
    ps_cut_free(cut("clips/nowhere", 0, S(3), PS_ENOENT, "no such clip"));
}

static void test_originals(void) {
    struct ps_cut *c = cut("clips/whole", 0, S(1), 0, "start");
    tap_ok(c->what.n_originals == 1 && strcmp(c->what.originals[0], "originals/top-0001.jpg") == 0,
           "an original of its time comes along");
    ps_cut_free(c);
    c = cut("clips/whole", S(5), S(7), 0, "middle");
    tap_is_uint(c->what.n_originals, 0, "another does not");
    ps_cut_free(c);
}

/* The library's verdict of what was cut, without a bundle around it. */
static void test_verdict(struct maker *m) {
    struct ps_cut *c = cut("clips/whole", S(3), S(7), 0, "middle");
    struct ps_verdict v;
    uint8_t *p = load(&c->films[0].blob);
    uint8_t *text = malloc(c->text.n);
    memcpy(text, c->text.p, c->text.n);
    maker_put(m, "top.mp4", p, c->films[0].blob.size);
    maker_put(m, "excerpt.json", text, c->text.n);
    maker_drop(m, "originals/top-0001.jpg");
    struct ps_tree t = maker_tree(m);
    struct ps_verdict_input in = {.files = &t, .prefix = ""};
    if (ps_verdict_clip(&v, &in) < 0)
        tap_bail("out of memory");
    tap_is_str(ps_verdict_content(v.content, false), "excerpt", "a cut is an excerpt");
    tap_is_uint(v.n_problems, 3, "before it, behind it, and an original");
    ps_verdict_free(&v);
    ps_cut_free(c);
}

static void test_refusals(struct maker *m) {
    maker_put(m, "top.mp4", (uint8_t *)strdup("no film"), 7);
    put(m, "clips/noise");
    ps_cut_free(cut("clips/noise", 0, S(3), PS_ESHORT, "no film"));
    maker_drop(m, "top.mp4");
    put(m, "clips/gone");
    ps_cut_free(cut("clips/gone", 0, S(3), PS_ENOENT, "the film is gone"));
    m->film->layout = FILM_ORDINARY;
    film_cut(m->film, 2);
    maker_film(m);
    put(m, "clips/shorter");
    ps_cut_free(cut("clips/shorter", 0, S(1), PS_EFORMAT, "a segment is missing"));
    tap_is_str(why.where, "top.mp4", "and the film is named");
    film_insert(m->film, 2, m->film, 1);
    film_insert(m->film, 2, m->film, 1);
    maker_film(m);
    put(m, "clips/longer");
    ps_cut_free(cut("clips/longer", 0, S(1), PS_EFORMAT, "one too many"));
    struct ps_cut *c = cut("clips/whole", S(3), S(7), 0, "a film that becomes shorter");
    if (truncate(shelf_path("clips/whole/top.mp4"), 2000) != 0)
        tap_bail("truncate");
    uint8_t *p = malloc(c->films[0].blob.size);
    tap_is_int(ps_blob_read(&c->films[0].blob, 0, p, c->films[0].blob.size), PS_EIO,
               "is not read past its end");
    free(p);
    ps_cut_free(c);
}

static void test_typed(void) {
    static const struct {
        const char *text;
        int64_t ticks; /* -1: refused */
    } offsets[] = {{"0", 0},
                   {"12", S(12)},
                   {"12.5", S(12.5)},
                   {"0.001", 90},
                   {"0.000000001", 0},
                   {"1:02", S(62)},
                   {"01:02.25", S(62.25)},
                   {"1:02:03.5", S(3723.5)},
                   {"90", S(90)},
                   {"999999", S(999999)},
                   {"", -1},
                   {".5", -1},
                   {"5.", -1},
                   {"1:2", -1},
                   {"1:60", -1},
                   {"1:02:60", -1},
                   {"1:02:03:04", -1},
                   {"1:", -1},
                   {":1", -1},
                   {"-1", -1},
                   {"+1", -1},
                   {"1 ", -1},
                   {" 1", -1},
                   {"1s", -1},
                   {"1e3", -1},
                   {"1234567", -1},
                   {"0.1234567890", -1},
                   {"99999999999999999999", -1}};
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        int64_t ticks = -1;
        bool ok = ps_export_cut_offset(offsets[i].text, &ticks);
        tap_ok(ok == (offsets[i].ticks >= 0) && (!ok || ticks == offsets[i].ticks), "seconds \"%s\"",
               offsets[i].text);
    }
    static const struct {
        const char *text;
        int64_t ns; /* -1: refused */
    } moments[] = {{"2026-11-21T08:15:30Z", 1795248930000000000},
                   {"2026-11-21T08:15:30.5Z", 1795248930500000000},
                   {"2026-11-21T08:15:30.123456789Z", 1795248930123456789},
                   {"2026-11-21T16:15:30+08:00", 1795248930000000000},
                   {"2026-11-21T03:45:30-04:30", 1795248930000000000},
                   {"2026-11-21T08:15:30.Z", -1},
                   {"2026-11-21T08:15:30+8:00", -1},
                   {"2026-11-21T08:15:30+08:00x", -1},
                   {"2026-11-21T08:15:30+24:00", -1},
                   {"2026-11-21T08:15:30 Z", -1},
                   {"tomorrow", -1}};
    for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++) {
        int64_t ns = -1;
        bool ok = ps_export_cut_wall(moments[i].text, false, &ns);
        tap_ok(ok == (moments[i].ns >= 0) && (!ok || ns == moments[i].ns), "moment \"%s\"", moments[i].text);
    }
    setenv("TZ", "CST-8", 1);
    tzset();
    int64_t from = 0, to = 0;
    tap_ok(ps_export_cut_wall("2026-11-21 16:15", false, &from) && from == 1795248900000000000 &&
               ps_export_cut_wall("2026-11-21 16:15", true, &to) && to == from + 59999999999,
           "local time; as an end it is the whole minute");
}

static void test_clock(const struct maker *m) {
    struct ps_clip *c = &m->s->clip;
    const struct ps_time *first = &m->s->tracks[0].first;
    tap_is_int(ps_cut_length(c), S(10), "its length");
    tap_is_int(ps_cut_of_wall(c, first->wall_ns), 0, "the first picture by the wall clock");
    tap_is_int(ps_cut_of_wall(c, first->wall_ns + 2500000000), S(2.5), "and 2.5 s later");
    tap_is_int(ps_cut_of_boot(c, first->boot_ns - 1000000000), -S(1), "one second before, by the boot clock");
    tap_ok(ps_cut_of_wall(c, INT64_MIN) < -S(1e6) && ps_cut_of_wall(c, INT64_MAX) > S(1e6),
           "moments at the ends of time");
}

int main(void) {
    shelf_make();
    struct maker *m = maker_new("film/a.mp4");
    m->s->clip.originals[0].ticks = 0;
    maker_sign(m);
    put(m, "clips/whole");
    test_clock(m);
    test_borders();
    test_originals();
    test_films(m);
    test_verdict(m);
    maker_free(m);
    m = maker_new("film/a.mp4");
    test_refusals(m);
    maker_free(m);
    test_typed();
    return tap_done();
}
