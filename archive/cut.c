/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/cut.h"
#include "archive/files.h"
#include "archive/store.h"
#include "evidence/mp4.h"
#include "evidence/mp4_write.h"
#include "evidence/sha256.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes that lie behind one another in the recorded film as well as in the cut one. */
struct piece {
    uint64_t at, from, n; /* place in the cut film, in the recorded one */
};

struct ps_cut_source {
    int fd; /* the recorded film */
    struct ps_blob blob;
    struct ps_buf head; /* ftyp, moov, head of mdat */
    struct piece *pieces;
    uint32_t n;
};

/* ---- time ---- */

static int64_t ticks_of_ns(int64_t ns) {
    return ns / 100000 * 9 + ns % 100000 * 9 / 100000;
}

/* The track whose first picture is the clip's first, or NULL. */
static const struct ps_track *earliest(const struct ps_clip *c) {
    const struct ps_track *t = NULL;
    for (uint32_t i = 0; i < c->n_tracks; i++)
        if (ps_excerpt_kept(&c->tracks[i]) > 0 &&
            (t == NULL || c->tracks[i].first.boot_ns < t->first.boot_ns))
            t = &c->tracks[i];
    return t;
}

static int64_t start_of(const struct ps_clip *c, const struct ps_track *t) {
    return ticks_of_ns(t->first.boot_ns - earliest(c)->first.boot_ns);
}

static struct ps_record record(const struct ps_track *t, uint32_t seq) {
    struct ps_record r;
    (void)ps_record_decode(&r, t->records[seq]); /* bounds were checked with the statement */
    return r;
}

int64_t ps_cut_length(const struct ps_clip *c) {
    int64_t end = 0;
    for (uint32_t i = 0; i < c->n_tracks; i++) {
        const struct ps_track *t = &c->tracks[i];
        uint32_t kept = ps_excerpt_kept(t);
        if (kept == 0)
            continue;
        struct ps_record r = record(t, kept - 1);
        int64_t to = start_of(c, t) + (int64_t)(r.start + r.duration);
        if (to > end)
            end = to;
    }
    return end;
}

int64_t ps_cut_of_wall(const struct ps_clip *c, int64_t wall_ns) {
    const struct ps_track *t = earliest(c);
    int64_t ns;
    if (t == NULL)
        return 0;
    if (__builtin_sub_overflow(wall_ns, t->first.wall_ns, &ns))
        ns = wall_ns < 0 ? INT64_MIN : INT64_MAX;
    return ticks_of_ns(ns);
}

int64_t ps_cut_of_boot(const struct ps_clip *c, int64_t boot_ns) {
    const struct ps_track *t = earliest(c);
    return t != NULL ? ticks_of_ns(boot_ns - t->first.boot_ns) : 0;
}

/* ---- which segments and originals ---- */

/* False when no segment of the track touches the range. */
static bool choose(const struct ps_clip *c, uint32_t track, int64_t from, int64_t to, struct ps_cut_film *f) {
    const struct ps_track *t = &c->tracks[track];
    uint32_t kept = ps_excerpt_kept(t), n = 0;
    *f = (struct ps_cut_film){.name = t->file.name, .track = track};
    for (uint32_t i = 0; i < kept; i++) {
        struct ps_record r = record(t, i);
        int64_t start = start_of(c, t) + (int64_t)r.start, end = start + (int64_t)r.duration;
        if (start >= to || end <= from)
            continue;
        if (n++ == 0) {
            f->first = i;
            f->from = start;
        }
        f->last = i;
        f->to = end;
    }
    return n > 0;
}

static int choose_originals(struct ps_cut *cut, struct ps_why *why) {
    const struct ps_clip *c = cut->clip;
    cut->what.originals = calloc(c->n_originals + 1, sizeof *cut->what.originals);
    if (cut->what.originals == NULL)
        return ps_error_why(why, PS_ENOMEM, "originals", "out of memory");
    for (uint32_t i = 0; i < c->n_originals; i++) {
        const struct ps_original *o = &c->originals[i];
        const struct ps_excerpt_track *t = ps_excerpt_track(&cut->what, o->track);
        if (t == NULL)
            continue;
        struct ps_record a = record(&c->tracks[o->track], t->first),
                         b = record(&c->tracks[o->track], t->last);
        if (o->ticks >= a.start && o->ticks < b.start + b.duration)
            memcpy(cut->what.originals[cut->what.n_originals++], o->file.name, sizeof o->file.name);
    }
    return 0;
}

/* ---- reading ---- */

static const struct piece *piece_at(const struct ps_cut_source *s, uint64_t off) {
    uint32_t lo = 0, hi = s->n;
    while (hi - lo > 1) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (s->pieces[mid].at <= off)
            lo = mid;
        else
            hi = mid;
    }
    return &s->pieces[lo];
}

static int read_cut(void *ctx, uint64_t off, void *buf, size_t n) {
    const struct ps_cut_source *s = ctx;
    uint8_t *to = buf;
    while (n > 0) {
        size_t now;
        int rc = 0;
        if (off < s->head.n) {
            now = s->head.n - off < n ? (size_t)(s->head.n - off) : n;
            memcpy(to, s->head.p + off, now);
        } else {
            const struct piece *p = piece_at(s, off);
            uint64_t left = p->at + p->n - off;
            now = left < n ? (size_t)left : n;
            rc = ps_blob_read(&s->blob, p->from + (off - p->at), to, now);
        }
        if (rc < 0)
            return PS_EIO;
        to += now;
        off += now;
        n -= now;
    }
    return 0;
}

/* ---- one film ---- */

/* The samples of the run, [*first, *end), when the film holds what the statement's records say of it. */
static int find_run(const struct ps_mp4 *m, const struct ps_track *t, const struct ps_cut_film *f,
                    uint32_t *first, uint32_t *end) {
    uint32_t seq = 0, i = 0;
    for (; i < m->n_samples; seq++) {
        uint32_t from = i;
        uint64_t bytes = 0, ticks = 0;
        do {
            bytes += m->samples[i].size;
            ticks += m->samples[i].ticks;
        } while (++i < m->n_samples && !m->samples[i].sync);
        if (seq >= ps_excerpt_kept(t))
            return PS_EFORMAT;
        struct ps_record r = record(t, seq);
        if (r.frames != i - from || r.bytes != bytes || r.duration != ticks)
            return PS_EFORMAT;
        if (seq == f->first)
            *first = from;
        if (seq == f->last)
            *end = i;
    }
    return seq == ps_excerpt_kept(t) ? 0 : PS_EFORMAT;
}

/* Tables and pieces of the run's samples; at: where their bytes begin in the cut film. */
static void lay_out(const struct ps_mp4_sample *s, uint32_t n, uint64_t at, struct ps_mp4_write_film *film,
                    struct ps_cut_source *source) {
    film->n_samples = film->n_chunks = source->n = 0;
    film->ticks = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (s[i].sync)
            film->chunks[film->n_chunks++] = (struct ps_mp4_write_chunk){.offset = at, .first = i};
        film->chunks[film->n_chunks - 1].n++; /* the first is sync: ps_mp4_read saw to it */
        film->samples[film->n_samples++] =
            (struct ps_mp4_write_sample){.size = s[i].size, .ticks = s[i].ticks};
        film->ticks += s[i].ticks;
        struct piece *p = source->n > 0 ? &source->pieces[source->n - 1] : NULL;
        if (p == NULL || p->from + p->n != s[i].offset) {
            p = &source->pieces[source->n++];
            *p = (struct piece){.at = at, .from = s[i].offset};
        }
        p->n += s[i].size;
        at += s[i].size;
    }
}

static void write_head(struct ps_buf *b, const struct ps_mp4_write_film *film, uint64_t bytes) {
    ps_buf_reset(b);
    ps_mp4_write_ftyp(b);
    ps_mp4_write_moov(b, film, false);
    ps_mp4_write_mdat(b, PS_MP4_WRITE_MDAT + bytes);
}

static int build(struct ps_cut_film *f, const struct ps_mp4 *m, uint32_t first, uint32_t n) {
    struct ps_cut_source *source = f->source;
    const struct ps_mp4_sample *s = m->samples + first;
    struct ps_mp4_write_film *film = calloc(1, sizeof *film);
    uint64_t bytes = 0;
    int rc = PS_ENOMEM;
    if (film == NULL)
        goto out;
    film->samples = calloc(n, sizeof *film->samples);
    film->chunks = calloc(n, sizeof *film->chunks);
    source->pieces = calloc(n, sizeof *source->pieces);
    if (film->samples == NULL || film->chunks == NULL || source->pieces == NULL)
        goto out;
    film->width = m->width;
    film->height = m->height;
    film->full_range = m->full_range;
    memcpy(film->avcc, m->avcc, film->avcc_len = m->avcc_len);
    for (uint32_t i = 0; i < n; i++)
        bytes += s[i].size;
    /* The tables have the same length wherever the samples begin. */
    lay_out(s, n, 0, film, source);
    write_head(&source->head, film, bytes);
    lay_out(s, n, source->head.n, film, source);
    write_head(&source->head, film, bytes);
    rc = source->head.err;
    f->blob = (struct ps_blob){.ctx = source, .size = source->head.n + bytes, .read = read_cut};
out:
    if (film != NULL) {
        free(film->samples);
        free(film->chunks);
    }
    free(film);
    return rc;
}

static int open_film(int dir, const struct ps_track *t, struct ps_cut_film *f, struct ps_why *why) {
    struct ps_cut_source *s = calloc(1, sizeof *s);
    struct ps_mp4 m;
    struct stat st;
    uint32_t first = 0, end = 0;
    if (s == NULL)
        return ps_error_why(why, PS_ENOMEM, f->name, "out of memory");
    f->source = s;
    ps_buf_init(&s->head, PS_MAX_MP4_BOX);
    s->fd = openat(dir, f->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (s->fd < 0 || fstat(s->fd, &st) != 0)
        return ps_error_why(why, errno == ENOENT ? PS_ENOENT : PS_EIO, f->name, "%s", strerrordesc_np(errno));
    if (!S_ISREG(st.st_mode))
        return ps_error_why(why, PS_EFORMAT, f->name, "is no ordinary file");
    s->blob = ps_files_blob(&s->fd, (uint64_t)st.st_size);
    struct ps_why inner = {{0}, {0}};
    int rc = ps_mp4_read(&m, &s->blob, false, &inner);
    if (rc < 0)
        return ps_error_why(why, rc, f->name, "%s: %s", inner.where, inner.text);
    rc = find_run(&m, t, f, &first, &end);
    if (rc < 0)
        (void)ps_error_why(why, rc, f->name, "does not hold what was recorded");
    else if ((rc = build(f, &m, first, end - first)) < 0)
        (void)ps_error_why(why, rc, f->name, "%s", ps_error_text(rc));
    ps_mp4_free(&m);
    return rc;
}

/* ---- the clip ---- */

static int load(struct ps_cut *cut, int dir, struct ps_why *why) {
    uint8_t *p = NULL;
    size_t n = 0;
    int rc = ps_store_read_file(dir, "clip.json", PS_MAX_STATEMENT, &p, &n, why);
    if (rc == 0)
        rc = ps_statement_parse(&cut->clip, p, n, why);
    if (rc == 0)
        ps_sha256(cut->what.statement_sha256, p, n);
    free(p);
    return rc;
}

static int cut_films(struct ps_cut *cut, int dir, int64_t from, int64_t to, struct ps_why *why) {
    const struct ps_clip *c = cut->clip;
    for (uint32_t i = 0; i < c->n_tracks; i++) {
        struct ps_cut_film *f = &cut->films[cut->n];
        if (!choose(c, i, from, to, f))
            continue;
        cut->n++;
        int rc = open_film(dir, &c->tracks[i], f, why);
        if (rc < 0)
            return rc;
        struct ps_excerpt_track *t = &cut->what.tracks[cut->what.n_tracks++];
        *t = (struct ps_excerpt_track){.track = i, .first = f->first, .last = f->last};
        memcpy(t->file, c->tracks[i].file.name, sizeof t->file);
        cut->from = cut->n == 1 || f->from < cut->from ? f->from : cut->from;
        cut->to = cut->n == 1 || f->to > cut->to ? f->to : cut->to;
    }
    return cut->n > 0 ? 0 : ps_error_why(why, PS_ENOENT, "range", "nothing was recorded in it");
}

int ps_cut_open(struct ps_cut **out, const char *root, const char *path, int64_t from, int64_t to,
                struct ps_why *why) {
    char whole[PS_ROOT_PATH];
    *out = NULL;
    if (from >= to)
        return ps_error_why(why, PS_EINVAL, "range", "ends before it begins");
    if (ps_root_path(root, path, whole) < 0)
        return ps_error_why(why, PS_ELIMIT, path, "the path is too long");
    struct ps_cut *cut = calloc(1, sizeof *cut);
    if (cut == NULL)
        return ps_error_why(why, PS_ENOMEM, path, "out of memory");
    ps_buf_init(&cut->text, PS_MAX_EXCERPT);
    int rc = 0, dir = open(whole, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        rc = ps_error_why(why, errno == ENOENT ? PS_ENOENT : PS_EIO, whole, "%s", strerrordesc_np(errno));
    if (rc == 0)
        rc = load(cut, dir, why);
    if (rc == 0)
        rc = cut_films(cut, dir, from, to, why);
    if (dir >= 0)
        close(dir);
    if (rc == 0 && (rc = choose_originals(cut, why)) == 0) {
        ps_excerpt_write(&cut->what, &cut->text);
        rc = cut->text.err;
        if (rc < 0)
            (void)ps_error_why(why, rc, "excerpt.json", "%s", ps_error_text(rc));
    }
    if (rc < 0) {
        ps_cut_free(cut);
        return rc;
    }
    *out = cut; /* transferred */
    return 0;
}

void ps_cut_free(struct ps_cut *c) {
    if (c == NULL)
        return;
    for (uint32_t i = 0; i < c->n; i++) {
        struct ps_cut_source *s = c->films[i].source;
        if (s == NULL)
            continue;
        if (s->fd >= 0)
            close(s->fd);
        ps_buf_free(&s->head);
        free(s->pieces);
        free(s);
    }
    free(c->what.originals);
    ps_buf_free(&c->text);
    ps_statement_free(c->clip);
    free(c);
}
