/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_TESTS_MAKER_H
#define PS_TESTS_MAKER_H
/*
 * A signed clip from a golden film, as a station would have made it: statement, signature, one film, one original.
 * A test bends the film, the statement or the files after, before or without signing.
 */
#include "evidence/source.h"
#include "tests/golden/sample.h"
#include "tests/unit/film.h"

struct maker_file {
    char name[PS_MAX_FILE_NAME + 1];
    uint8_t *p; /* malloc */
    size_t n;
};

struct maker {
    struct sample *s;
    struct film *film;
    uint8_t (*records)[PS_RECORD_SIZE];
    struct maker_file files[16];
    size_t n;
};

static const char maker_jpeg[] = "\xff\xd8 not quite a picture \xff\xd9";

static inline struct maker_file *maker_file(struct maker *m, const char *name) {
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->files[i].name, name) == 0)
            return &m->files[i];
    return NULL;
}

/* Takes p. */
static inline void maker_put(struct maker *m, const char *name, uint8_t *p, size_t n) {
    struct maker_file *f = maker_file(m, name);
    if (f == NULL) {
        f = &m->files[m->n++];
        (void)snprintf(f->name, sizeof f->name, "%s", name);
    } else {
        free(f->p);
    }
    f->p = p;
    f->n = n;
}

static inline void maker_text(struct maker *m, const char *name, const char *text) {
    maker_put(m, name, (uint8_t *)strdup(text), strlen(text));
}

static inline void maker_drop(struct maker *m, const char *name) {
    struct maker_file *f = maker_file(m, name);
    free(f->p);
    *f = m->files[--m->n];
}

/* Records of the film as it is now, into the statement. */
static inline void maker_record(struct maker *m) {
    struct ps_track *t = &m->s->tracks[0];
    uint8_t avcc[32];
    uint64_t start = 0;
    uint32_t n = 0;
    ps_sha256(avcc, m->film->mp4.avcc, m->film->mp4.avcc_len);
    free(m->records);
    m->records = calloc(FILM_MOST, PS_RECORD_SIZE);
    for (uint32_t i = 0; i < m->film->n; n++) {
        struct ps_record_builder b;
        struct ps_record r;
        ps_record_begin(&b, 0, n, start, avcc);
        do {
            const struct film_sample *s = &m->film->s[i++];
            if (ps_record_add(&b, s->p, s->size, s->ticks) < 0)
                abort();
        } while (i < m->film->n && !m->film->s[i].sync);
        if (ps_record_end(&b, &r) < 0)
            abort();
        ps_record_encode(&r, m->records[n]);
        start += r.duration;
    }
    t->records = m->records;
    t->n_records = n;
    t->counts = (struct ps_counts){.captured = m->film->n, .encoded = m->film->n};
}

/* Open leaf, heads, statement and signature, from what the struct says now. */
static inline void maker_sign(struct maker *m) {
    struct ps_track *t = &m->s->tracks[0];
    struct ps_buf b;
    sample_close(m->s);
    ps_leaf_hash(t->head, m->s->clip.open_leaf, m->s->clip.open_leaf_len);
    for (uint32_t i = 0; i < t->n_records; i++)
        ps_record_chain(t->head, t->records[i]);
    ps_buf_init(&b, PS_MAX_STATEMENT);
    ps_statement_write(&m->s->clip, &b);
    if (b.err != 0)
        abort();
    maker_put(m, "clip.json", b.p, b.n);
    struct ps_minisig sig = sample_sign(m->s, b.p, b.n);
    ps_buf_init(&b, PS_MAX_MINISIG);
    ps_minisign_sig_write(&b, &sig, "signature by a test");
    maker_put(m, "clip.json.minisig", b.p, b.n);
}

/* The film as it is now, as the clip's file. */
static inline void maker_film(struct maker *m) {
    size_t n;
    uint8_t *p = film_write(m->film, &n);
    maker_put(m, "top.mp4", p, n);
}

/* And stated: size and digest. */
static inline void maker_state_film(struct maker *m) {
    const struct maker_file *f = maker_file(m, "top.mp4");
    m->s->tracks[0].file.size = f->n;
    ps_sha256(m->s->tracks[0].file.sha256, f->p, f->n);
}

/* The clip in memory, as the library sees a folder. */
static inline const char *maker_tree_name(void *ctx, size_t i) {
    return ((struct maker *)ctx)->files[i].name;
}

static inline int maker_tree_open(void *ctx, size_t i, struct ps_blob *out) {
    struct maker *m = ctx;
    *out = ps_blob_of_memory(m->files[i].p, m->files[i].n);
    return 0;
}

static inline struct ps_tree maker_tree(struct maker *m) {
    return (struct ps_tree){.ctx = m, .n = m->n, .name = maker_tree_name, .open = maker_tree_open};
}

static inline struct maker *maker_new(const char *film) {
    struct maker *m = calloc(1, sizeof *m);
    m->s = sample_new();
    m->film = film_open(film);
    struct ps_clip *c = &m->s->clip;
    struct ps_track *t = &m->s->tracks[0];
    c->opening.n_tracks = c->n_tracks = 1;
    c->n_originals = 1;
    c->end_reason = PS_END_STOP;
    c->ended =
        (struct ps_time){SAMPLE_WALL_NS + 10100000000, SAMPLE_BOOT_NS + 10100000000, PS_CLOCK_SYNCED, 1500};
    t->n_unwitnessed = t->n_lost = t->n_gaps = 0;
    t->width = m->film->mp4.width;
    t->height = m->film->mp4.height;
    t->banner.w = 160;
    t->banner.h = 16;
    SAMPLE_PUT(t->codec, "avc1.64000A");
    m->film->layout = FILM_HYBRID;
    maker_film(m);
    maker_state_film(m);
    maker_text(m, "originals/top-0001.jpg", maker_jpeg);
    c->originals[0].file.size = strlen(maker_jpeg);
    ps_sha256(c->originals[0].file.sha256, maker_jpeg, strlen(maker_jpeg));
    maker_record(m);
    maker_sign(m);
    return m;
}

static inline void maker_free(struct maker *m) {
    for (size_t i = 0; i < m->n; i++)
        free(m->files[i].p);
    film_close(m->film);
    free(m->records);
    free(m->s);
    free(m);
}

#endif
