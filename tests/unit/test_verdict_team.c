/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One thread or two, lent or refused: the same verdict, word for word, of good clips and of bent ones. Under the thread
 * sanitizer this is also the test that the two share nothing that they should not.
 */
#include <pthread.h>
#include <semaphore.h>

#include "evidence/verdict.h"
#include "tests/unit/maker.h"
#include "tests/unit/tap.h"

#define PADDING (1200 << 10) /* makes a film worth a second thread, and its digest long */
#define LARGE \
    ((size_t)1 << 40) /* a quarter of an hour's work: who does not give it up is ended by the runner */
#define NOWHERE UINT64_MAX

/* ---- a tree that counts and fails ---------------------------------------------------------------- */

static struct {
    struct maker *m;
    uint64_t bad; /* byte of top.mp4 that cannot be read */
    pthread_t judge;
    sem_t begun;
    bool told, opened_beside;
    uint64_t beside; /* bytes read by the helper */
} rig;

static bool is_helper(void) {
    return !pthread_equal(pthread_self(), rig.judge);
}

static int read_at(void *ctx, uint64_t off, void *buf, size_t n) {
    struct maker_file *f = ctx;
    if (is_helper()) {
        rig.beside += n;
        if (!rig.told) {
            rig.told = true;
            sem_post(&rig.begun);
        }
    }
    if (strcmp(f->name, "top.mp4") == 0 && rig.bad >= off && rig.bad - off < n)
        return PS_EIO;
    if (f->p != NULL)
        memcpy(buf, f->p + off, n);
    else
        memset(buf, 0, n); /* LARGE */
    return 0;
}

static int open_at(void *ctx, size_t i, struct ps_blob *out) {
    struct maker *m = ctx;
    rig.opened_beside |= is_helper();
    *out = (struct ps_blob){.ctx = &m->files[i], .size = m->files[i].n, .read = read_at};
    return 0;
}

/* ---- ways to lend a thread ----------------------------------------------------------------------- */

struct call {
    void (*fn)(void *);
    void *arg;
};

static void *run(void *arg) {
    const struct call *c = arg;
    c->fn(c->arg);
    return NULL;
}

/* The helper is surely there: the judging thread begins when it has begun to read. */
static void lend(void *ctx, void (*a)(void *), void *a_arg, void (*b)(void *), void *b_arg) {
    struct call c = {b, b_arg};
    pthread_t thread;
    (void)ctx;
    if (pthread_create(&thread, NULL, run, &c) != 0)
        tap_bail("no thread");
    sem_wait(&rig.begun);
    a(a_arg);
    pthread_join(thread, NULL);
}

static void refuse(void *ctx, void (*a)(void *), void *a_arg, void (*b)(void *), void *b_arg) {
    (void)ctx;
    (void)b;
    (void)b_arg;
    a(a_arg);
}

/* It comes when all is done. */
static void late(void *ctx, void (*a)(void *), void *a_arg, void (*b)(void *), void *b_arg) {
    (void)ctx;
    a(a_arg);
    b(b_arg);
}

/* ---- verdicts as text ---------------------------------------------------------------------------- */

static void describe(const struct ps_verdict *v, char *out, size_t cap) {
    size_t n = (size_t)snprintf(out, cap, "%s %s", ps_verdict_content(v->content, false),
                                ps_verdict_container(v->container));
    for (size_t i = 0; i < v->n_problems && n < cap; i++)
        n += (size_t)snprintf(out + n, cap - n, "\n%s: %s: %s", v->problems[i].code, v->problems[i].where,
                              v->problems[i].text);
}

static int judge(struct maker *m, void (*both)(void *, void (*)(void *), void *, void (*)(void *), void *),
                 int (*progress)(void *, uint64_t, uint64_t), char *out, size_t cap) {
    static struct ps_verdict v;
    struct ps_tree t = maker_tree(m);
    t.open = open_at;
    struct ps_verdict_input in = {.files = &t, .prefix = "", .both = both, .progress = progress};
    rig.told = rig.opened_beside = false;
    rig.beside = 0;
    int err = ps_verdict_clip(&v, &in);
    if (err == 0) {
        describe(&v, out, cap);
        ps_verdict_free(&v);
    }
    return err;
}

/* Frees m. */
static void same(struct maker *m, const char *what, const char *begins) {
    static char alone[16384], other[16384];
    tap_is_int(judge(m, NULL, NULL, alone, sizeof alone), 0, "%s: judged", what);
    if (!tap_ok(strncmp(alone, begins, strlen(begins)) == 0, "%s: %s", what, begins))
        tap_diag("%s", alone);
    tap_is_int(judge(m, refuse, NULL, other, sizeof other), 0, "%s: no thread to spare", what);
    tap_is_str(other, alone, "%s: the same", what);
    tap_is_int(judge(m, late, NULL, other, sizeof other), 0, "%s: a helper that comes late", what);
    tap_is_str(other, alone, "%s: the same", what);
    tap_is_int(judge(m, lend, NULL, other, sizeof other), 0, "%s: two threads", what);
    tap_is_str(other, alone, "%s: the same", what);
    tap_ok(rig.beside > 0, "%s: the helper read %llu bytes", what, (unsigned long long)rig.beside);
    tap_ok(!rig.opened_beside, "%s: and opened nothing", what);
    maker_free(m);
}

/* ---- clips --------------------------------------------------------------------------------------- */

static void pad(struct maker *m) {
    struct maker_file *f = maker_file(m, "top.mp4");
    f->p = realloc(f->p, f->n + PADDING);
    memset(f->p + f->n, 0, PADDING);
    const uint8_t head[] = {
        0,  (uint8_t)(PADDING >> 16), (uint8_t)(PADDING >> 8 & 255), (uint8_t)(PADDING & 255), 'f', 'r', 'e',
        'e'};
    memcpy(f->p + f->n, head, sizeof head);
    f->n += PADDING;
}

static struct maker *fresh(void) {
    struct maker *m = maker_new("film/a.mp4");
    m->film->layout = FILM_ORDINARY;
    maker_film(m);
    pad(m);
    maker_state_film(m);
    maker_sign(m);
    rig.bad = NOWHERE;
    return m;
}

static uint64_t sample_at(const struct maker *m, uint32_t i) {
    const struct maker_file *f = maker_file((struct maker *)(uintptr_t)m, "top.mp4");
    const uint8_t *p = memmem(f->p, f->n, m->film->s[i].p, m->film->s[i].size);
    if (p == NULL)
        tap_bail("sample %u is not in the film", i);
    return (uint64_t)(p - f->p);
}

static void test_same(void) {
    same(fresh(), "as made", "intact as-recorded");
    struct maker *m = fresh();
    maker_file(m, "top.mp4")->p[maker_file(m, "top.mp4")->n - 1] ^= 1;
    same(m, "a byte of the container", "intact remuxed");
    m = fresh();
    maker_file(m, "top.mp4")->p[sample_at(m, 5) + 20] ^= 1;
    same(m, "a byte of a picture", "altered remuxed");
    m = fresh();
    maker_file(m, "top.mp4")->p[sample_at(m, 3) + 4] ^= 0x80;
    maker_file(m, "top.mp4")->p[sample_at(m, 9) + 4] ^= 0x80;
    same(m, "two broken NAL units", "altered remuxed\nfilm-nal: top.mp4 sample 3 ");
    m = fresh();
    pad(m);
    same(m, "another size", "intact remuxed");
    m = fresh();
    maker_file(m, "top.mp4")->p[4] ^= 1;
    same(m, "no film", "altered remuxed");
    m = fresh();
    film_cut(m->film, 1);
    maker_film(m);
    pad(m);
    same(m, "a segment is missing", "incomplete remuxed");
    m = fresh();
    maker_file(m, "originals/top-0001.jpg")->p[4] ^= 1;
    same(m, "another original", "altered as-recorded\noriginal-altered: ");
    m = fresh();
    maker_file(m, "clip.json")->p[3] ^= 1;
    same(m, "no statement", "unreadable ");
    m = fresh();
    maker_put(m, "notes.bin", NULL, LARGE);
    same(m, "a large file that nobody names", "intact as-recorded\nunauthenticated: notes.bin");
    tap_ok(rig.beside < LARGE, "which the helper gave up");
    m = fresh();
    maker_put(m, "clip.json.minisig", NULL, LARGE);
    same(m, "a large signature", "altered as-recorded\nsignature-malformed: ");
    tap_ok(rig.beside < LARGE, "which the helper gave up");
    m = fresh();
    maker_put(m, "top.mp4", NULL, LARGE);
    same(m, "a large file for a film", "altered remuxed\nfilm-");
    tap_ok(rig.beside < LARGE, "which the helper gave up");
}

static void test_failing(void) {
    struct maker *m = fresh();
    rig.bad = maker_file(m, "top.mp4")->n - 1;
    same(m, "a byte behind the pictures cannot be read", "unreadable unknown\nfile-unreadable: top.mp4");
    m = fresh();
    rig.bad = sample_at(m, 5);
    same(m, "a picture cannot be read", "unreadable unknown\nfile-unreadable: top.mp4");
    m = fresh();
    rig.bad = 0;
    same(m, "nothing can be read", "unreadable unknown\nfile-unreadable: top.mp4");
}

static unsigned asked, stop_at;
static uint64_t last;
static bool back, beside;

static int progress(void *ctx, uint64_t done, uint64_t total) {
    (void)ctx;
    asked++;
    beside |= is_helper();
    back |= done < last || done > total;
    last = done;
    return asked == stop_at;
}

static void test_progress(void) {
    char out[256];
    struct maker *m = fresh();
    tap_is_int(judge(m, lend, progress, out, sizeof out), 0, "with progress");
    tap_ok(asked > 0 && !back && !beside, "told %u times, by the judging thread, never back", asked);
    stop_at = 1;
    asked = 0;
    tap_is_int(judge(m, NULL, progress, out, sizeof out), PS_ETIME, "stopped, alone");
    asked = 0;
    last = 0;
    tap_is_int(judge(m, lend, progress, out, sizeof out), PS_ETIME, "stopped, with a helper at work");
    maker_free(m);
}

int main(void) {
    rig.judge = pthread_self();
    sem_init(&rig.begun, 0, 0);
    test_same();
    test_failing();
    test_progress();
    sem_destroy(&rig.begun);
    return tap_done();
}
