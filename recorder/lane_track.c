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
    /* the open GOP; its last sample's duration is not known yet */
    uint8_t *bytes;
    size_t n_bytes, cap_bytes;
    struct ps_mp4w_sample *samples;
    uint32_t n_samples, cap_samples;
    uint64_t gop_start, last_ticks; /* of the GOP's first and last sample */
    uint32_t seq;
    uint64_t frames;
};

static struct ps_letter *letter(const struct ps_lane_track *t, enum ps_lane_word word) {
    struct ps_letter *l = calloc(1, sizeof *l);

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

static int declare(struct ps_lane_track *t) {
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
    l->mono_ns = t->s.first_mono_ns;
    l->track.first.wall_ns = ps_clock_wall_of(&t->clock, t->s.first_mono_ns);
    l->track.first.boot_ns = ps_clock_boot_of(&t->clock, t->s.first_mono_ns);
    l->track.first.clock = t->clock.state;
    l->track.first.max_error_us = t->clock.max_error_us;
    t->post(t->ctx, l);
    return 0;
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

int ps_lane_track_new(struct ps_lane_track **out, const struct ps_lane_track_spec *s,
                      void (*post)(void *ctx, struct ps_letter *l), void *ctx, struct ps_why *why) {
    struct ps_lane_track *t = calloc(1, sizeof *t);
    struct ps_mp4w_spec film;
    char name[PS_MAX_FILE_NAME + 1];
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
    ps_burn_set(t->burn, &s->job->text);
    film.width = s->width;
    film.height = s->height;
    film.full_range = s->full_range;
    film.avcc = ps_encoder_avcc(t->encoder, &film.avcc_len);
    ps_sha256(t->avcc, film.avcc, film.avcc_len);
    file_name(s, name, sizeof name);
    err = ps_mp4w_create(&t->film, s->job->dirfd, name, &film, why);
    if (err < 0)
        goto fail;
    err = declare(t);
    if (err < 0)
        goto fail;
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

    return ns > 0 ? (uint64_t)(ns * 9 + 50000) / 100000 : 0; /* 90 kHz: 9 ticks in 100 µs */
}

uint32_t ps_lane_track_index(const struct ps_lane_track *t) {
    return t->s.index;
}

/* The first GOP of each lane has another length, so that keyframes (about three times a frame's cost) of several cameras
 * do not fall together. */
static uint64_t gop_length(const struct ps_lane_track *t) {
    uint64_t whole = (uint64_t)t->s.lane->segment_seconds * PS_TICKS_PER_SECOND;

    return t->seq == 0 && t->s.lane->of > 1 ? whole * (t->s.lane->of - t->s.lane->number) / t->s.lane->of
                                            : whole;
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

static int post_segment(struct ps_lane_track *t, const struct ps_counts *counts) {
    struct ps_record_builder b;
    const uint8_t *p = t->bytes;
    struct ps_letter *l = letter(t, PS_LANE_SEGMENT);
    int err = l ? 0 : PS_ENOMEM;

    ps_record_begin(&b, t->s.index, t->seq, t->gop_start, t->avcc);
    for (uint32_t i = 0; !err && i < t->n_samples; i++) {
        err = ps_record_add(&b, p, t->samples[i].size, t->samples[i].ticks);
        p += t->samples[i].size;
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

/* The GOP is complete: every duration is known. Fragment first, durable; then the letter. */
static int close_gop(struct ps_lane_track *t, const struct ps_counts *counts, struct ps_why *why) {
    uint64_t offset, ticks = 0;
    int err;

    if (!t->n_samples)
        return 0;
    err = ps_mp4w_fragment(t->film, t->samples, t->n_samples, t->bytes, t->n_bytes, &offset, why);
    if (err < 0)
        return err;
    err = post_segment(t, counts);
    if (err < 0)
        return ps_error_why(why, err, t->s.lane->camera.name, "segment: %s", ps_error_text(err));
    for (uint32_t i = 0; i < t->n_samples; i++)
        ticks += t->samples[i].ticks;
    guard_bitrate(t, t->n_bytes, ticks);
    t->seq++;
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

int ps_lane_track_picture(struct ps_lane_track *t, struct ps_picture *p, int64_t mono_ns,
                          const struct ps_counts *counts, struct ps_why *why) {
    uint64_t ticks = ps_lane_track_ticks(t, mono_ns);
    struct ps_access_unit au;
    bool idr = !t->n_samples;
    int err;

    if (t->n_samples) {
        if (ticks <= t->last_ticks)
            ticks = t->last_ticks + 1;
        t->samples[t->n_samples - 1].ticks = (uint32_t)(ticks - t->last_ticks);
        idr = ticks - t->gop_start >= gop_length(t) || t->n_samples >= PS_MAX_SEGMENT_FRAMES;
    }
    if (idr) {
        err = close_gop(t, counts, why);
        if (err < 0)
            return err;
        t->gop_start = ticks;
        read_clock(t, mono_ns);
    }
    t->frames++;
    ps_burn_draw(t->burn, p, ps_clock_wall_of(&t->clock, mono_ns), t->utc_offset,
                 t->clock.state != PS_CLOCK_SYNCED, t->frames);
    err = ps_encoder_encode(t->encoder, p, (int64_t)ticks, idr, &au);
    if (err < 0 || au.idr != idr)
        return ps_error_why(why, err < 0 ? err : PS_EFORMAT, t->s.lane->camera.name, "the encoder failed");
    t->last_ticks = ticks;
    err = append(t, &au);
    return err < 0 ? ps_error_why(why, err, t->s.lane->camera.name, "out of memory") : 0;
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
    struct ps_letter *l = letter(t, PS_LANE_FILM);

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
