/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A lane's thread, and the station's side of it. */
#include <stdio.h>
#include <stdlib.h>

#include "recorder/lane_internal.h"

#define QUEUE_FRAMES 64
#define QUEUE_BYTES ((size_t)48 << 20)

void ps_lane_post(void *ctx, struct ps_letter *letter) {
    struct ps_lane *l = ctx;

    letter->lane = l->s.number;
    ps_mailbox_put(l->box, letter);
}

/* What the station asked for of the clip that records; under the lock. */
static void hear_wishes(struct ps_lane *l) {
    if (l->mark_mono_ns != INT64_MAX) {
        l->mark_at = l->mark_mono_ns;
        l->mark_mono_ns = INT64_MAX;
    }
    if (!l->text_new)
        return;
    l->text_new = false;
    l->now.text = l->text;
    if (l->track)
        ps_lane_track_text(l->track, &l->text);
}

static void *run(void *arg) {
    struct ps_lane *l = arg;
    char name[16]; /* the kernel's limit */

    snprintf(name, sizeof name, "lane %.10s", l->s.camera.name);
    pthread_setname_np(pthread_self(), name);

    for (;;) {
        struct ps_lane_job job;
        pthread_mutex_lock(&l->lock);
        bool quit = l->quit, begin = l->begin && !l->recording;
        int64_t end_at = l->end_mono_ns, hold = l->hold_mono_ns;
        if (begin) {
            job = l->job;
            l->begin = false;
        } else if (l->recording) {
            hear_wishes(l);
        }
        pthread_mutex_unlock(&l->lock);
        if (begin)
            ps_lane_clip_begin(l, &job);
        else if (l->recording)
            ps_lane_clip_step(l, end_at);
        else if (quit)
            return NULL;
        else
            ps_lane_idle_step(l, hold);
    }
}

/* ---- the station's side ---- */

static void wake(void *ctx) {
    struct ps_lane *l = ctx;

    if (l->feed)
        ps_queue_wake(ps_feed_queue(l->feed));
}

int ps_lane_start(struct ps_lane **out, const struct ps_lane_spec *s, struct ps_mailbox *box) {
    struct ps_lane *l = calloc(1, sizeof *l);
    int err;

    if (!l)
        return PS_ENOMEM;
    l->s = *s;
    l->box = box;
    l->end_mono_ns = l->hold_mono_ns = l->mark_mono_ns = l->mark_at = INT64_MAX;
    pthread_mutex_init(&l->lock, NULL);
    err = ps_decoder_new(&l->decoder);
    if (err < 0)
        goto fail;
    err = ps_feed_start(&l->feed, &s->camera, QUEUE_FRAMES, QUEUE_BYTES, NULL, NULL);
    if (err < 0)
        goto fail;
    if (pthread_create(&l->thread, NULL, run, l) != 0) {
        err = PS_ENOMEM;
        goto fail;
    }
    *out = l;
    return 0;
fail:
    if (l->feed)
        ps_feed_stop(l->feed);
    ps_decoder_free(l->decoder);
    pthread_mutex_destroy(&l->lock);
    free(l);
    return err;
}

void ps_lane_stop(struct ps_lane *l) {
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->quit = true;
    pthread_mutex_unlock(&l->lock);
    wake(l);
    pthread_join(l->thread, NULL);
    ps_lane_idle_drop(l);
    ps_feed_stop(l->feed);
    ps_decoder_free(l->decoder);
    ps_picture_free(&l->picture);
    ps_frame_free(&l->frame);
    ps_frame_free(&l->good);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

void ps_lane_begin(struct ps_lane *l, const struct ps_lane_job *job) {
    pthread_mutex_lock(&l->lock);
    l->job = *job;
    l->begin = true;
    l->text_new = false;
    l->end_mono_ns = l->hold_mono_ns = l->mark_mono_ns = INT64_MAX;
    pthread_mutex_unlock(&l->lock);
    wake(l);
}

void ps_lane_hold(struct ps_lane *l, int64_t mono_ns) {
    pthread_mutex_lock(&l->lock);
    l->hold_mono_ns = mono_ns;
    pthread_mutex_unlock(&l->lock);
}

void ps_lane_end(struct ps_lane *l, int64_t mono_ns) {
    pthread_mutex_lock(&l->lock);
    l->end_mono_ns = mono_ns;
    pthread_mutex_unlock(&l->lock);
    wake(l);
}

void ps_lane_text(struct ps_lane *l, const struct ps_banner_text *text) {
    pthread_mutex_lock(&l->lock);
    l->text = *text;
    l->text_new = true;
    pthread_mutex_unlock(&l->lock);
}

void ps_lane_mark(struct ps_lane *l, int64_t mono_ns) {
    pthread_mutex_lock(&l->lock);
    l->mark_mono_ns = mono_ns;
    pthread_mutex_unlock(&l->lock);
}

void ps_lane_idle_text(struct ps_lane *l, const struct ps_banner_text *text) {
    pthread_mutex_lock(&l->lock);
    l->idle_text = *text;
    pthread_mutex_unlock(&l->lock);
}

bool ps_lane_look(struct ps_lane *l, struct ps_frame *out, int timeout_ms) {
    return ps_feed_look(l->feed, out, timeout_ms);
}

void ps_lane_ask(struct ps_lane *l, int fd) {
    ps_feed_ask(l->feed, fd);
}

bool ps_lane_fetch(struct ps_lane *l, struct ps_frame *out) {
    return ps_feed_fetch(l->feed, out);
}

void ps_lane_feed(struct ps_lane *l, struct ps_feed_status *out) {
    ps_feed_status(l->feed, out);
}

void ps_lane_counts(struct ps_lane *l, struct ps_counts *out) {
    pthread_mutex_lock(&l->lock);
    *out = l->counts;
    pthread_mutex_unlock(&l->lock);
}
