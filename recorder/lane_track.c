/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/lane_track.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/record.h"
#include "evidence/sha256.h"
#include "recorder/encoder.h"

#define QP_CEILING 40 /* above it text in the picture suffers */

struct ps_lane_track {
    struct ps_lane_track_spec s;
    void (*post)(void *ctx, struct ps_letter *l);
    void *ctx;
    struct ps_encoder *encoder;
    struct ps_burn *burn;
    struct ps_mp4w *film;
    struct ps_picture slate;
    uint8_t avcc[32]; /* SHA-256 of the payload */
    uint8_t qp;
    struct ps_clock_map clock;
    int utc_offset;
    uint64_t
        zero; /* ticks since first_mono_ns at which the film begins: not 0 when pre-roll was cut at a GOP */
    uint32_t clip_seq;        /* of the clip's first GOP: behind its pre-roll */
    uint64_t due;             /* ticks at which that GOP begins */
    struct ps_counts counted; /* pre-roll: until the last GOP */
    struct ps_gap lost;       /* pre-roll: since then; on the line of zero = 0 */
    struct ps_banner_text text;
    bool text_new;
    /* the open GOP; its last sample's duration is not known yet */
    uint8_t *bytes;
    size_t n_bytes, cap_bytes;
    struct ps_mp4w_sample *samples;
    uint32_t n_samples, cap_samples;
    uint64_t gop_start, last_ticks; /* of the GOP's first and last sample */
    int64_t gop_mono_ns;
    uint32_t seq;
    uint64_t frames;
};

static struct ps_letter *letter(const struct ps_lane_track *t, enum ps_lane_word word) {
    struct ps_letter *l = t->s.job ? calloc(1, sizeof *l) : NULL;

    if (!l)
        return NULL;
    l->word = word;
    l->lane = t->s.lane->number;
    l->serial = t->s.job->serial;
    l->index = t->s.index;
    return l;
}

static void file_name(const struct ps_lane_track_spec *s, char *out, size_t cap) {
    if (s->part == 1)
        snprintf(out, cap, "%s.mp4", s->lane->camera.name);
    else
        snprintf(out, cap, "%s-%u.mp4", s->lane->camera.name, s->part);
}

static int open_encoder(struct ps_lane_track *t, struct ps_encoder **out, struct ps_why *why) {
    struct ps_encoder_spec e = {
        .width = t->s.width,
        .height = t->s.height,
        .fps = t->s.camera->fps ? t->s.camera->fps : 30,
        .qp = t->qp,
        .full_range = t->s.full_range,
    };

    return ps_encoder_new(out, &e, why);
}

/* What the banner shows from the segment `from` on, which begins at mono_ns. */
static int post_banner(struct ps_lane_track *t, uint32_t from, int64_t mono_ns) {
    struct ps_letter *l = letter(t, PS_LANE_BANNER);

    if (!l)
        return PS_ENOMEM;
    ps_burn_describe(t->burn, &l->track.banner);
    snprintf(l->track.camera, sizeof l->track.camera, "%s", t->s.lane->camera.name);
    file_name(&t->s, l->track.file.name, sizeof l->track.file.name);
    l->from = from;
    l->mono_ns = mono_ns;
    snprintf(l->text, sizeof l->text, "%.*s", PS_MAX_CODE, t->text.codes);
    t->post(t->ctx, l);
    return 0;
}

/* preroll: so many of its first segments are. */
static int declare(struct ps_lane_track *t, uint32_t preroll) {
    struct ps_letter *l = letter(t, PS_LANE_DECLARED);
    const struct ps_camera_info *c = t->s.camera;

    if (!l)
        return PS_ENOMEM;
    snprintf(l->track.camera, sizeof l->track.camera, "%s", t->s.lane->camera.name);
    snprintf(l->track.model, sizeof l->track.model, "%s", c->model);
    snprintf(l->track.serial, sizeof l->track.serial, "%s", c->serial);
    snprintf(l->track.path, sizeof l->track.path, "%s", c->path);
    snprintf(l->track.driver, sizeof l->track.driver, "%s", c->driver);
    snprintf(l->track.source_format, sizeof l->track.source_format, "%s", c->format);
    file_name(&t->s, l->track.file.name, sizeof l->track.file.name);
    ps_encoder_codec(t->encoder, l->track.codec);
    l->track.width = t->s.width;
    l->track.height = t->s.height;
    ps_burn_describe(t->burn, &l->track.banner);
    l->track.n_preroll = preroll;
    l->mono_ns = t->s.first_mono_ns;
    l->track.first.wall_ns = ps_clock_wall_of(&t->clock, t->s.first_mono_ns);
    l->track.first.boot_ns = ps_clock_boot_of(&t->clock, t->s.first_mono_ns);
    l->track.first.clock = t->clock.state;
    l->track.first.max_error_us = t->clock.max_error_us;
    t->post(t->ctx, l);
    return post_banner(t, 0, t->s.first_mono_ns);
}

static void read_clock(struct ps_lane_track *t, int64_t mono_ns) {
    ps_clock_sample(&t->clock);
    t->utc_offset = ps_clock_utc_offset(ps_clock_wall_of(&t->clock, mono_ns));
}

static void destroy(struct ps_lane_track *t) {
    ps_mp4w_close(t->film);
    ps_encoder_free(t->encoder);
    ps_burn_free(t->burn);
    ps_picture_free(&t->slate);
    free(t->bytes);
    free(t->samples);
    free(t);
}

static int create_film(struct ps_lane_track *t, struct ps_why *why) {
    struct ps_mp4w_spec film = {.width = t->s.width, .height = t->s.height, .full_range = t->s.full_range};
    char name[PS_MAX_FILE_NAME + 1];

    film.avcc = ps_encoder_avcc(t->encoder, &film.avcc_len);
    file_name(&t->s, name, sizeof name);
    return ps_mp4w_create(&t->film, t->s.job->dirfd, name, &film, why);
}

int ps_lane_track_new(struct ps_lane_track **out, const struct ps_lane_track_spec *s,
                      void (*post)(void *ctx, struct ps_letter *l), void *ctx, struct ps_why *why) {
    struct ps_lane_track *t = calloc(1, sizeof *t);
    size_t n;
    int err;

    if (!t)
        return ps_error_why(why, PS_ENOMEM, s->lane->camera.name, "out of memory");
    t->s = *s;
    t->post = post;
    t->ctx = ctx;
    t->qp = (uint8_t)s->lane->qp;
    read_clock(t, s->first_mono_ns);
    err = open_encoder(t, &t->encoder, why);
    if (err < 0)
        goto fail;
    err = ps_burn_new(&t->burn, s->width, s->height, s->lane->font[0] ? s->lane->font : NULL, why);
    if (err < 0)
        goto fail;
    t->text = s->job ? s->job->text : *s->text;
    ps_burn_set(t->burn, &t->text);
    const uint8_t *avcc = ps_encoder_avcc(t->encoder, &n);
    ps_sha256(t->avcc, avcc, n);
    if (s->job) {
        err = create_film(t, why);
        if (!err)
            err = declare(t, 0);
        if (err < 0)
            goto fail;
    }
    *out = t;
    return 0;
fail:
    destroy(t);
    return err;
}

bool ps_lane_track_fits(const struct ps_lane_track *t, uint16_t width, uint16_t height, bool full_range) {
    return t->s.width == width && t->s.height == height && t->s.full_range == full_range;
}

uint64_t ps_lane_track_ticks(const struct ps_lane_track *t, int64_t mono_ns) {
    int64_t ns = mono_ns - t->s.first_mono_ns;
    uint64_t ticks = ns > 0 ? (uint64_t)(ns * 9 + 50000) / 100000 : 0; /* 90 kHz: 9 ticks in 100 µs */

    return ticks > t->zero ? ticks - t->zero : 0;
}

uint32_t ps_lane_track_index(const struct ps_lane_track *t) {
    return t->s.index;
}

/* The first GOP of each lane has another length, so that keyframes (about three times a frame's cost) of several cameras
 * do not fall together; nor are two GOPs of cameras that show the same alike, which the signer takes for one told twice. */
static uint64_t gop_length(const struct ps_lane_track *t) {
    const struct ps_lane_spec *l = t->s.lane;
    /* Pre-roll has short ones: it is cut at their borders. */
    uint64_t whole = (t->s.job ? l->segment_seconds : 1u) * (uint64_t)PS_TICKS_PER_SECOND;
    bool first = t->s.job ? t->seq == t->clip_seq : !t->counted.encoded;

    return first && l->of > 1 ? whole * (l->of - l->number) / l->of : whole;
}

/* Bitrate guard for constant QP: noisy film costs bytes. A new encoder with another QP takes over at a GOP border; SPS and
 * PPS stay the same, so the film's one avcC holds. */
static void guard_bitrate(struct ps_lane_track *t, uint64_t bytes, uint64_t ticks) {
    uint64_t limit = (uint64_t)t->s.lane->max_mbit * 1000000;
    uint64_t rate = bytes * 8 * PS_TICKS_PER_SECOND / (ticks ? ticks : 1);
    uint8_t qp = t->qp;
    struct ps_encoder *other;
    size_t n;
    uint8_t avcc[32];

    if (!limit)
        return;
    if (rate > limit && qp + 2 <= QP_CEILING)
        qp = (uint8_t)(qp + 2);
    else if (rate < limit / 2 && qp > t->s.lane->qp)
        qp = (uint8_t)(qp - 1);
    if (qp == t->qp)
        return;
    uint8_t before = t->qp;
    t->qp = qp;
    if (open_encoder(t, &other, NULL) < 0) {
        t->qp = before;
        return;
    }
    const uint8_t *payload = ps_encoder_avcc(other, &n);
    ps_sha256(avcc, payload, n);
    if (memcmp(avcc, t->avcc, sizeof avcc) != 0) {
        ps_encoder_free(other);
        t->qp = before;
        return;
    }
    ps_encoder_free(t->encoder);
    t->encoder = other;
}

static int post_segment(struct ps_lane_track *t, const struct ps_mp4w_sample *s, uint32_t n, const uint8_t *p,
                        uint64_t start, const struct ps_counts *counts) {
    struct ps_record_builder b;
    struct ps_letter *l = letter(t, PS_LANE_SEGMENT);
    int err = l ? 0 : PS_ENOMEM;

    ps_record_begin(&b, t->s.index, t->seq, start, t->avcc);
    for (uint32_t i = 0; !err && i < n; i++) {
        err = ps_record_add(&b, p, s[i].size, s[i].ticks);
        p += s[i].size;
    }
    if (!err)
        err = ps_record_end(&b, &l->record);
    if (err) {
        free(l);
        return err;
    }
    l->counts = *counts;
    l->mono_ns = ps_clock_mono_ns();
    t->post(t->ctx, l);
    return 0;
}

/* Fragment first, durable; then the letter. */
static int write_segment(struct ps_lane_track *t, const struct ps_mp4w_sample *s, uint32_t n,
                         const uint8_t *p, size_t size, uint64_t start, const struct ps_counts *counts,
                         struct ps_why *why) {
    uint64_t offset;
    int err = ps_mp4w_fragment(t->film, s, n, p, size, &offset, why);

    if (err < 0)
        return err;
    err = post_segment(t, s, n, p, start, counts);
    if (err < 0)
        return ps_error_why(why, err, t->s.lane->camera.name, "segment: %s", ps_error_text(err));
    t->seq++;
    return 0;
}

static void take_counts(struct ps_counts *c, const struct ps_counts *more, int64_t sign) {
    c->captured += (uint64_t)(sign * (int64_t)more->captured);
    c->encoded += (uint64_t)(sign * (int64_t)more->encoded);
    c->dropped += (uint64_t)(sign * (int64_t)more->dropped);
    c->damaged += (uint64_t)(sign * (int64_t)more->damaged);
    c->repeated += (uint64_t)(sign * (int64_t)more->repeated);
}

/* Pre-roll: the GOP's memory goes to the ring as it is. */
static void keep_gop(struct ps_lane_track *t, uint64_t ticks, const struct ps_counts *counts) {
    struct ps_lane_ring_gop g = {.mono_ns = t->gop_mono_ns,
                                 .ticks = t->gop_start,
                                 .duration = ticks,
                                 .counts = *counts,
                                 .gap = t->lost,
                                 .samples = t->samples,
                                 .n = t->n_samples,
                                 .bytes = t->bytes,
                                 .size = t->n_bytes};

    take_counts(&g.counts, &t->counted, -1);
    t->counted = *counts;
    memset(&t->lost, 0, sizeof t->lost);
    t->samples = NULL; /* transferred */
    t->bytes = NULL;
    t->cap_samples = 0;
    t->cap_bytes = 0;
    ps_lane_ring_put(t->s.ring, &g, (uint64_t)t->s.lane->preroll_seconds * PS_TICKS_PER_SECOND);
}

/* The GOP is complete: every duration is known. */
static int close_gop(struct ps_lane_track *t, const struct ps_counts *counts, struct ps_why *why) {
    uint64_t ticks = 0;
    size_t bytes = t->n_bytes;
    int err = 0;

    if (!t->n_samples)
        return 0;
    for (uint32_t i = 0; i < t->n_samples; i++)
        ticks += t->samples[i].ticks;
    if (t->s.job)
        err = write_segment(t, t->samples, t->n_samples, t->bytes, t->n_bytes, t->gop_start, counts, why);
    else
        keep_gop(t, ticks, counts);
    if (err < 0)
        return err;
    guard_bitrate(t, bytes, ticks);
    t->n_samples = 0;
    t->n_bytes = 0;
    return 0;
}

static int append(struct ps_lane_track *t, const struct ps_access_unit *au) {
    if (t->cap_bytes - t->n_bytes < au->size) {
        size_t more = (t->n_bytes + au->size) * 3 / 2;
        uint8_t *p = realloc(t->bytes, more);
        if (!p)
            return PS_ENOMEM;
        t->bytes = p;
        t->cap_bytes = more;
    }
    if (t->n_samples == t->cap_samples) {
        uint32_t more = t->cap_samples ? t->cap_samples * 2 : 128;
        struct ps_mp4w_sample *s = realloc(t->samples, more * sizeof *s);
        if (!s)
            return PS_ENOMEM;
        t->samples = s;
        t->cap_samples = more;
    }
    memcpy(t->bytes + t->n_bytes, au->data, au->size);
    t->n_bytes += au->size;
    t->samples[t->n_samples++] = (struct ps_mp4w_sample){.size = au->size};
    return 0;
}

static int change_banner(struct ps_lane_track *t, int64_t mono_ns) {
    t->text_new = false;
    ps_burn_set(t->burn, &t->text);
    return t->s.job ? post_banner(t, t->seq, mono_ns) : 0;
}

int ps_lane_track_picture(struct ps_lane_track *t, struct ps_picture *p, int64_t mono_ns,
                          const struct ps_counts *counts, struct ps_why *why) {
    uint64_t ticks = ps_lane_track_ticks(t, mono_ns);
    struct ps_access_unit au;
    bool idr = !t->n_samples;
    int err;

    if (ticks < t->due)
        ticks = t->due;
    if (t->n_samples) {
        if (ticks <= t->last_ticks)
            ticks = t->last_ticks + 1;
        t->samples[t->n_samples - 1].ticks = (uint32_t)(ticks - t->last_ticks);
        idr = ticks - t->gop_start >= gop_length(t) || t->n_samples >= PS_MAX_SEGMENT_FRAMES || t->text_new;
    }
    if (idr) {
        err = close_gop(t, counts, why);
        if (!err && t->text_new)
            err = change_banner(t, mono_ns);
        if (err < 0)
            return err;
        t->gop_start = ticks;
        t->gop_mono_ns = mono_ns;
        read_clock(t, mono_ns);
    }
    t->frames++;
    ps_burn_draw(t->burn, p, ps_clock_wall_of(&t->clock, mono_ns), t->utc_offset,
                 t->clock.state != PS_CLOCK_SYNCED, t->frames);
    /* The encoder's time goes on where pre-roll became the clip's. */
    err = ps_encoder_encode(t->encoder, p, (int64_t)(ticks + t->zero), idr, &au);
    if (err < 0 || au.idr != idr)
        return ps_error_why(why, err < 0 ? err : PS_EFORMAT, t->s.lane->camera.name, "the encoder failed");
    t->last_ticks = ticks;
    err = append(t, &au);
    return err < 0 ? ps_error_why(why, err, t->s.lane->camera.name, "out of memory") : 0;
}

void ps_lane_track_text(struct ps_lane_track *t, const struct ps_banner_text *text) {
    t->text = *text;
    t->text_new = true;
}

/* ---- from pre-roll to a clip ---- */

void ps_lane_track_lost(struct ps_lane_track *t, int64_t from_ns, int64_t to_ns, uint64_t frames,
                        const char *reason) {
    uint64_t from = ps_lane_track_ticks(t, from_ns), to = ps_lane_track_ticks(t, to_ns);

    if (!t->lost.frames) {
        t->lost.start = from;
        snprintf(t->lost.reason, sizeof t->lost.reason, "%s", reason);
    }
    t->lost.duration = to - t->lost.start;
    t->lost.frames += frames;
}

static int post_lost(struct ps_lane_track *t, const struct ps_gap *g) {
    struct ps_letter *l = g->frames ? letter(t, PS_LANE_GAP) : NULL;
    uint64_t end = g->start + g->duration;

    if (!l)
        return g->frames ? PS_ENOMEM : 0;
    l->gap = *g;
    l->gap.start = g->start > t->zero ? g->start - t->zero : 0;
    l->gap.duration = end > t->zero ? end - t->zero - l->gap.start : 0;
    t->post(t->ctx, l);
    return 0;
}

/* Film and declaration, then all that the ring holds, which counts from its first picture. */
static int write_ring(struct ps_lane_track *t, struct ps_counts *so_far, struct ps_why *why) {
    struct ps_lane_ring *ring = t->s.ring;
    const struct ps_lane_ring_gop *g = ps_lane_ring_at(ring, 0);
    int64_t began = t->s.first_mono_ns;
    int err = create_film(t, why);

    t->zero = g->ticks;
    t->s.first_mono_ns = g->mono_ns;
    if (!err)
        err = declare(t, ring->n);
    t->s.first_mono_ns = began;
    for (uint32_t i = 0; !err && i < ring->n; i++) {
        g = ps_lane_ring_at(ring, i);
        take_counts(so_far, &g->counts, 1);
        err = post_lost(t, &g->gap);
        if (!err)
            err = write_segment(t, g->samples, g->n, g->bytes, g->size, g->ticks - t->zero, so_far, why);
    }
    ps_lane_ring_clear(ring);
    return err;
}

int ps_lane_track_join(struct ps_lane_track *t, const struct ps_lane_job *job, int64_t mono_ns,
                       struct ps_counts *counts, struct ps_why *why) {
    uint64_t ticks = ps_lane_track_ticks(t, mono_ns);
    const struct ps_counts all = *counts;
    int err = 0;

    memset(counts, 0, sizeof *counts);
    if (t->n_samples) {
        if (ticks <= t->last_ticks)
            ticks = t->last_ticks + 1;
        t->samples[t->n_samples - 1].ticks = (uint32_t)(ticks - t->last_ticks);
        err = close_gop(t, &all, why);
    }
    if (err < 0)
        return err;
    if (!t->s.ring->n)
        return PS_ENOENT;
    t->s.job = job;
    err = write_ring(t, counts, why);
    t->due = ticks - t->zero;
    t->frames = 0;
    t->clip_seq = t->seq;
    ps_lane_track_text(t, &job->text);
    return err;
}

struct ps_picture *ps_lane_track_slate(struct ps_lane_track *t, const char *words) {
    if (!t->slate.memory && ps_picture_alloc(&t->slate, t->s.width, t->s.height) < 0)
        return NULL;
    t->slate.full_range = t->s.full_range;
    ps_picture_fill(&t->slate, 48, 128, 128);
    ps_burn_words(t->burn, &t->slate, words);
    return &t->slate;
}

static void post_film(struct ps_lane_track *t) {
    struct ps_letter *l = t->film ? letter(t, PS_LANE_FILM) : NULL;

    if (l) {
        l->film = t->film;
        t->film = NULL; /* transferred */
        t->post(t->ctx, l);
    }
    destroy(t);
}

int ps_lane_track_end(struct ps_lane_track *t, int64_t mono_ns, const struct ps_counts *counts,
                      struct ps_why *why) {
    uint64_t ticks = ps_lane_track_ticks(t, mono_ns);
    int err = 0;

    if (t->n_samples) {
        t->samples[t->n_samples - 1].ticks = ticks > t->last_ticks ? (uint32_t)(ticks - t->last_ticks) : 1;
        err = close_gop(t, counts, why);
    }
    post_film(t);
    return err;
}

void ps_lane_track_drop(struct ps_lane_track *t) {
    if (t)
        post_film(t);
}
