/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "evidence/mp4.h"

#include "tests/unit/film.h"
#include "tests/unit/tap.h"

static struct film *film;

/* Reads what film_write makes; the error. */
static int read_back(struct ps_mp4 *m, struct ps_why *why, uint8_t **file) {
    size_t n;
    *file = film_write(film, &n);
    struct ps_blob b = ps_blob_of_memory(*file, n);
    return ps_mp4_read(m, &b, false, why);
}

static bool same_samples(const struct ps_mp4 *m, const uint8_t *file) {
    if (m->n_samples != film->n)
        return false;
    for (uint32_t i = 0; i < film->n; i++) {
        const struct ps_mp4_sample *a = &m->samples[i];
        const struct film_sample *b = &film->s[i];
        if (a->size != b->size || a->ticks != b->ticks || a->sync != b->sync ||
            memcmp(file + a->offset, b->p, a->size) != 0)
            return false;
    }
    return true;
}

static void test_layouts(void) {
    static const char *const names[] = {"ordinary", "finished by the recorder", "unfinished",
                                        "foreign fragments"};
    for (int layout = FILM_ORDINARY; layout <= FILM_FOREIGN_FRAGMENTS; layout++) {
        struct ps_mp4 m;
        struct ps_why why = {{0}, {0}};
        uint8_t *file;
        film->layout = layout;
        int err = read_back(&m, &why, &file);
        tap_is_int(err, 0, "%s film is read", names[layout]);
        if (err < 0)
            tap_diag("%s: %s", why.where, why.text);
        tap_ok(err == 0 && same_samples(&m, file), "%s: same samples, times and sync marks", names[layout]);
        tap_ok(err == 0 && m.duration == film_units(film) && m.width == 160 && m.height == 120,
               "%s: duration and size", names[layout]);
        tap_is_int(m.fragmented, layout >= FILM_FRAGMENTS, "%s: fragmented or not", names[layout]);
        ps_mp4_free(&m);
        free(file);
    }
    film->layout = FILM_ORDINARY;
}

static void refused(const char *what, const char *where) {
    struct ps_mp4 m;
    struct ps_why why = {{0}, {0}};
    uint8_t *file;
    tap_is_int(read_back(&m, &why, &file), PS_EFORMAT, "%s is refused", what);
    tap_ok(strstr(why.where, where) != NULL, "%s: told at %s (%s)", what, where, why.text);
    free(file);
}

static void test_rules(void) {
    film->turned = true;
    refused("a turned picture", "tkhd");
    film->turned = false;
    film->edit = true;
    film->edit_duration = (uint32_t)film_units(film) - 9000;
    refused("an edit list that hides the end", "elst");
    film->edit_duration = (uint32_t)film_units(film);
    film->edit_start = 9000;
    refused("an edit list that hides the beginning", "elst");
    film->edit_start = 0;
    struct ps_mp4 m;
    uint8_t *file;
    tap_is_int(read_back(&m, NULL, &file), 0, "an identity edit list is accepted");
    ps_mp4_free(&m);
    free(file);
    film->edit = false;
    film->extra_box = "clap";
    refused("a crop", "avc1");
    film->extra_box = "sv3d";
    refused("a box that a player might obey", "avc1");
    film->extra_box = NULL;
    film->composition = true;
    refused("other presentation times", "ctts");
    film->composition = false;
    film->second_moov = true;
    refused("a second moov", "byte");
    film->second_moov = false;
    film->moof_behind = true;
    refused("a moof beside complete tables", "byte");
    film->moof_behind = false;
    film->timescale = 90001;
    refused("a time scale without whole ticks", "stsz");
    film->timescale = 0;
    film->s[0].sync = false;
    refused("a film that begins in the middle of a segment", "sample 0");
    film->s[0].sync = true;
}

/* Cut at every length: never more samples than the whole fragments hold, and the tail is where they end. */
static void test_torn(void) {
    size_t n, bad = 0, strict = 0, parts = 0;
    film->layout = FILM_FRAGMENTS;
    uint8_t *file = film_write(film, &n);
    uint32_t last = 0;
    for (size_t cut = 0; cut<n; cut += cut> 2000 && cut < n - 400 ? 37 : 1) {
        uint8_t *exact = malloc(cut + 1);
        struct ps_blob b = ps_blob_of_memory(exact, cut);
        struct ps_mp4 m;
        memcpy(exact, file, cut);
        /* What ends between two fragments is whole; the verdict misses the segments. */
        if (ps_mp4_read(&m, &b, false, NULL) == 0) {
            strict += m.tail != cut;
            ps_mp4_free(&m);
        }
        if (ps_mp4_read(&m, &b, true, NULL) == 0) {
            bool grows =
                m.n_samples >= last && m.tail <= cut && m.n_samples < film->n && m.n_samples % 20 == 0;
            bad += !grows;
            parts += m.n_samples > last;
            last = m.n_samples;
            ps_mp4_free(&m);
        } else {
            bad += last > 0;
        }
        free(exact);
    }
    tap_is_uint(strict, 0, "a strict reader takes nothing that ends inside a fragment");
    tap_is_uint(bad, 0, "a torn film gives its whole fragments at every length");
    tap_is_uint(parts, 4, "one more with each fragment that became whole");
    /* A power cut leaves zeros; a finish that was cut short leaves a second moov. */
    uint8_t *longer = calloc(1, n + 65536);
    memcpy(longer, file, n);
    struct ps_blob b = ps_blob_of_memory(longer, n + 65536);
    struct ps_mp4 m;
    tap_is_int(ps_mp4_read(&m, &b, false, NULL), PS_EFORMAT, "zeros behind the film are refused");
    tap_is_int(ps_mp4_read(&m, &b, true, NULL), 0, "zeros behind the film are a torn tail");
    tap_is_uint(m.tail, n, "which begins after the last fragment");
    tap_is_uint(m.n_samples, film->n, "and no sample is lost");
    ps_mp4_free(&m);
    free(longer);
    struct ps_buf two;
    ps_buf_init(&two, (size_t)1 << 20);
    ps_buf_bytes(&two, file, n);
    film_moov(&two, film, 1);
    b = ps_blob_of_memory(two.p, two.n);
    tap_is_int(ps_mp4_read(&m, &b, false, NULL), PS_EFORMAT, "fragments and a full moov are refused");
    tap_is_int(ps_mp4_read(&m, &b, true, NULL), 0, "unless a torn tail is accepted");
    tap_is_uint(m.tail, n, "which is the second moov");
    ps_mp4_free(&m);
    ps_buf_free(&two);
    free(file);
    film->layout = FILM_ORDINARY;
}

/* No byte changed may crash; what is then read stays inside the file. */
static void test_mutations(void) {
    for (int layout = FILM_ORDINARY; layout <= FILM_FOREIGN_FRAGMENTS; layout++) {
        size_t n, outside = 0, tried = 0;
        film->layout = layout;
        uint8_t *file = film_write(film, &n);
        struct ps_blob b = ps_blob_of_memory(file, n);
        for (size_t i = 0; i < n; i++) {
            if (i > 3000 && i < n - 3000)
                i += 61;
            for (int bit = 0; bit < 8; bit++) {
                struct ps_mp4 m;
                file[i] ^= (uint8_t)(1 << bit);
                tried++;
                if (ps_mp4_read(&m, &b, false, NULL) == 0) {
                    for (uint32_t k = 0; k < m.n_samples; k++)
                        outside += m.samples[k].offset > n || m.samples[k].size > n - m.samples[k].offset;
                    ps_mp4_free(&m);
                }
                file[i] ^= (uint8_t)(1 << bit);
            }
        }
        tap_ok(outside == 0 && tried > 10000,
               "layout %d: every bit of headers and tables flipped, nothing read outside", layout);
        free(file);
    }
    film->layout = FILM_ORDINARY;
}

static void test_nal(void) {
    static const struct {
        const char *what;
        uint8_t p[16];
        size_t n;
        bool sync;
        int want;
    } t[] = {
        {"an IDR slice", {0, 0, 0, 2, 0x65, 1}, 6, true, 0},
        {"a slice", {0, 0, 0, 2, 0x41, 1}, 6, false, 0},
        {"SEI and slice", {0, 0, 0, 1, 6, 0, 0, 0, 2, 0x41, 1}, 11, false, 0},
        {"access unit delimiter, filler and slice",
         {0, 0, 0, 1, 9, 0, 0, 0, 1, 12, 0, 0, 0, 1, 0x41},
         15,
         false,
         0},
        {"an IDR slice not marked sync", {0, 0, 0, 2, 0x65, 1}, 6, false, PS_EFORMAT},
        {"a sync sample without IDR", {0, 0, 0, 2, 0x41, 1}, 6, true, PS_EFORMAT},
        {"both kinds of slices", {0, 0, 0, 1, 0x65, 0, 0, 0, 1, 0x41}, 10, true, PS_EFORMAT},
        {"a parameter set in band", {0, 0, 0, 1, 0x67, 0, 0, 0, 1, 0x65}, 10, true, PS_EFORMAT},
        {"a picture parameter set in band", {0, 0, 0, 1, 0x68, 0, 0, 0, 1, 0x65}, 10, true, PS_EFORMAT},
        {"an end of sequence", {0, 0, 0, 1, 0x41, 0, 0, 0, 1, 10}, 10, false, PS_EFORMAT},
        {"data partitions", {0, 0, 0, 1, 0x42}, 5, false, PS_EFORMAT},
        {"only SEI", {0, 0, 0, 1, 6}, 5, false, PS_EFORMAT},
        {"an empty NAL unit", {0, 0, 0, 0, 0, 0, 0, 1, 0x41}, 9, false, PS_EFORMAT},
        {"a NAL unit longer than the sample", {0, 0, 0, 9, 0x41, 1}, 6, false, PS_EFORMAT},
        {"bytes after the last NAL unit", {0, 0, 0, 1, 0x41, 1}, 6, false, PS_EFORMAT},
        {"a forbidden bit", {0, 0, 0, 1, 0xc1}, 5, false, PS_EFORMAT},
        {"nothing", {0}, 0, false, PS_EFORMAT},
    };
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++)
        tap_is_int(ps_mp4_nal_ok(t[i].p, t[i].n, t[i].sync), t[i].want, "%s", t[i].what);
}

int main(void) {
    film = film_open("film/a.mp4");
    test_layouts();
    test_rules();
    test_torn();
    test_mutations();
    test_nal();
    film_close(film);
    return tap_done();
}
