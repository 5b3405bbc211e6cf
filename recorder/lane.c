/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/lane.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive/store.h"
#include "evidence/sha256.h"
#include "recorder/clock.h"
#include "recorder/decode.h"
#include "recorder/lane_track.h"

#define QUEUE_FRAMES 64
#define QUEUE_BYTES ((size_t)48 << 20)
#define KEEP_IDLE_NS 250000000LL    /* of frames kept between clips: a scan waits for the signer's answer */
#define SLATE_AFTER_NS 1000000000LL /* without a frame; then one slate each such time */
#define START_PATIENCE_NS 400000000LL
#define END_PATIENCE_NS 200000000LL /* for the frame that tells how long the last one lasted */

struct ps_lane {
    struct ps_lane_spec s;
    struct ps_mailbox *box;
    struct ps_feed *feed;
    pthread_t thread;
    /* shared with the station */
    pthread_mutex_t lock;
    bool quit, begin;
    struct ps_lane_job job;
    int64_t end_mono_ns;  /* INT64_MAX: none asked */
    int64_t hold_mono_ns; /* INT64_MAX: none asked */
    struct ps_counts counts;
    /* the thread's own */
    bool recording, failed;
    struct ps_lane_job now;
    struct ps_decoder *decoder;
    struct ps_frame frame, good; /* good: the last JPEG that decoded */
    bool have_good, have_picture, slating;
    uint64_t good_ticks;
    int64_t good_mono_ns;
    struct ps_picture picture;
    struct ps_lane_track *track;
    unsigned part, originals;
    int64_t last_mono_ns, last_original_ns, away_since_ns;
    struct ps_feed_status status;
};

static void post(void *ctx, struct ps_letter *letter) {
    struct ps_lane *l = ctx;

    letter->lane = l->s.number;
    ps_mailbox_put(l->box, letter);
}

static struct ps_letter *letter(struct ps_lane *l, enum ps_lane_word word) {
    struct ps_letter *k = calloc(1, sizeof *k);

    if (!k)
        return NULL;
    k->word = word;
    k->serial = l->now.serial;
    k->mono_ns = ps_clock_mono_ns();
    k->index = l->track ? ps_lane_track_index(l->track) : l->s.number;
    return k;
}

static void post_event(struct ps_lane *l, const char *what) {
    struct ps_letter *k = letter(l, PS_LANE_EVENT);

    if (!k)
        return;
    snprintf(k->what, sizeof k->what, "%s", what);
    snprintf(k->text, sizeof k->text, "%s", l->s.camera.name);
    post(l, k);
}

/* A smaller picture or a lower rate than was asked for: also where it makes no new track. */
static void post_reduced(struct ps_lane *l) {
    struct ps_letter *k = l->status.info.reduced ? letter(l, PS_LANE_EVENT) : NULL;

    if (!k)
        return;
    snprintf(k->what, sizeof k->what, "camera-reduced");
    snprintf(k->text, sizeof k->text, "%.32s: %s", l->s.camera.name, l->status.info.format);
    post(l, k);
}

static void post_gap(struct ps_lane *l, int64_t from_ns, int64_t to_ns, uint64_t frames, const char *reason) {
    struct ps_letter *k = l->track ? letter(l, PS_LANE_GAP) : NULL;

    if (!k)
        return;
    k->gap.start = ps_lane_track_ticks(l->track, from_ns);
    k->gap.duration = ps_lane_track_ticks(l->track, to_ns) - k->gap.start;
    k->gap.frames = frames;
    snprintf(k->gap.reason, sizeof k->gap.reason, "%s", reason);
    post(l, k);
}

/* After a fault nothing more is written in this clip; the station ends it. */
static void fail(struct ps_lane *l, int err, const struct ps_why *why) {
    struct ps_letter *k = letter(l, PS_LANE_FAULT);

    ps_lane_track_drop(l->track);
    l->track = NULL;
    l->failed = true;
    if (!k)
        return;
    k->error = err;
    k->why = *why;
    post(l, k);
}

static void publish_counts(struct ps_lane *l, const struct ps_counts *c) {
    pthread_mutex_lock(&l->lock);
    l->counts = *c;
    pthread_mutex_unlock(&l->lock);
}

/* ---- originals ---- */

static void keep_original(struct ps_lane *l, const char *why_kept) {
    struct ps_letter *k;
    struct ps_why why;

    if (!l->have_good || !l->track)
        return;
    k = letter(l, PS_LANE_ORIGINAL);
    if (!k)
        return;
    snprintf(k->original.file.name, sizeof k->original.file.name, "originals/%s-%04u.jpg", l->s.camera.name,
             l->originals + 1);
    k->original.file.size = l->good.size;
    ps_sha256(k->original.file.sha256, l->good.data, l->good.size);
    k->original.track = ps_lane_track_index(l->track);
    k->original.ticks = l->good_ticks;
    snprintf(k->original.why, sizeof k->original.why, "%s", why_kept);
    int err = ps_store_write_file(l->now.dirfd, k->original.file.name, l->good.data, l->good.size, &why);
    if (err < 0) {
        free(k);
        fail(l, err, &why);
        return;
    }
    l->originals++;
    l->last_original_ns = l->good_mono_ns;
    post(l, k);
}

static void remember_good(struct ps_lane *l) {
    struct ps_frame spare = l->good;
    bool first = !l->originals;

    if (l->frame.pixels != PS_PIXELS_JPEG)
        return;
    l->good = l->frame;
    l->frame = spare;
    l->have_good = true;
    l->good_mono_ns = l->good.mono_ns;
    l->good_ticks = ps_lane_track_ticks(l->track, l->good.mono_ns);
    if (first)
        keep_original(l, "start");
    else if (l->s.originals_every &&
             l->good_mono_ns - l->last_original_ns >= (int64_t)l->s.originals_every * 1000000000)
        keep_original(l, "periodic");
}

/* ---- tracks ---- */

static int start_track(struct ps_lane *l, uint16_t width, uint16_t height, bool full_range, int64_t mono_ns,
                       struct ps_why *why) {
    struct ps_lane_track_spec s = {
        .lane = &l->s,
        .job = &l->now,
        .camera = &l->status.info,
        .index = l->part ? atomic_fetch_add(l->now.next_track, 1) : l->s.number,
        .part = l->part + 1,
        .width = width,
        .height = height,
        .full_range = full_range,
        .first_mono_ns = mono_ns,
    };

    if (s.index >= PS_MAX_TRACKS)
        return ps_error_why(why, PS_ELIMIT, l->s.camera.name, "changed its format too often in one clip");
    int err = ps_lane_track_new(&l->track, &s, post, l, why);
    if (!err)
        l->part++;
    return err;
}

/* A picture of another size than the track's ends the track and starts a new one (top-2.mp4). */
static int fit_track(struct ps_lane *l, uint16_t width, uint16_t height, bool full_range, int64_t mono_ns,
                     struct ps_why *why) {
    if (l->track && !ps_lane_track_fits(l->track, width, height, full_range)) {
        int err = ps_lane_track_end(l->track, mono_ns, &l->counts, why);
        l->track = NULL;
        l->have_good = false;
        publish_counts(l, &(struct ps_counts){0});
        if (err < 0)
            return err;
        post_event(l, "format-changed");
    }
    return l->track ? 0 : start_track(l, width, height, full_range, mono_ns, why);
}

/* ---- pictures ---- */

static void encode(struct ps_lane *l, struct ps_picture *p, int64_t mono_ns, struct ps_counts *c) {
    struct ps_why why;
    int err = ps_lane_track_picture(l->track, p, mono_ns, &l->counts, &why);

    if (err < 0) {
        fail(l, err, &why);
        return;
    }
    c->encoded++;
    l->last_mono_ns = mono_ns;
    publish_counts(l, c);
}

static void default_size(const struct ps_lane *l, uint16_t *width, uint16_t *height) {
    const struct ps_camera_info *i = &l->status.info;

    *width = i->width ? i->width : l->s.camera.width ? l->s.camera.width : 1280;
    *height = i->height ? i->height : l->s.camera.height ? l->s.camera.height : 720;
    *width = (uint16_t)(*width & ~1);
    *height = (uint16_t)(*height & ~1);
}

/* A picture that no camera gave: counted as repeated. */
static void slate(struct ps_lane *l, int64_t mono_ns, const char *words) {
    struct ps_counts c = l->counts;
    struct ps_why why = {0};
    uint16_t width, height;

    if (!l->track) {
        default_size(l, &width, &height);
        int err = start_track(l, width, height, true, mono_ns, &why);
        if (err < 0) {
            fail(l, err, &why);
            return;
        }
    }
    struct ps_picture *p = ps_lane_track_slate(l->track, words);
    if (!p) {
        ps_error_why(&why, PS_ENOMEM, l->s.camera.name, "out of memory");
        fail(l, PS_ENOMEM, &why);
        return;
    }
    c.repeated++;
    encode(l, p, mono_ns, &c);
}

static void count_losses(struct ps_lane *l, struct ps_counts *c, uint32_t queue_lost) {
    const struct ps_frame *f = &l->frame;
    uint64_t lost = (uint64_t)f->lost_before + queue_lost;

    c->captured += 1 + lost;
    c->dropped += lost;
    if (f->lost_before)
        post_gap(l, l->last_mono_ns, f->mono_ns, f->lost_before, "driver-dropped");
    if (queue_lost)
        post_gap(l, l->last_mono_ns, f->mono_ns, queue_lost, "queue-full");
}

static void show_damaged(struct ps_lane *l, struct ps_counts *c) {
    int64_t at = l->frame.mono_ns;

    c->damaged++;
    if (l->track && l->have_picture &&
        ps_lane_track_fits(l->track, l->picture.width, l->picture.height, l->picture.full_range)) {
        c->repeated++;
        encode(l, &l->picture, at, c);
        return;
    }
    publish_counts(l, c); /* slate() counts on from here */
    slate(l, at, "DAMAGED PICTURE");
}

static void end_absence(struct ps_lane *l) {
    if (!l->slating)
        return;
    l->slating = false;
    post_gap(l, l->away_since_ns, l->frame.mono_ns, 0, "camera-lost");
    post_event(l, "camera-back");
}

/* What came back may be another size, on another port; also after an absence too short for a slate. */
static void look_again(struct ps_lane *l) {
    struct ps_feed_status now;

    ps_feed_status(l->feed, &now);
    if (now.generation == l->status.generation)
        return;
    l->status = now;
    post_reduced(l);
}

static void take_frame(struct ps_lane *l) {
    struct ps_counts c;
    struct ps_why why;
    uint32_t queue_lost = 0;
    int err;

    if (!ps_queue_take(ps_feed_queue(l->feed), &l->frame, &queue_lost))
        return;
    if (l->failed)
        return;
    bool late = l->frame.mono_ns <= l->last_mono_ns; /* a slate took its place */
    bool good = !late && !l->frame.damaged && ps_decoder_decode(l->decoder, &l->frame, &l->picture) == 0;
    if (!late)
        end_absence(l); /* the gap belongs to the track that it interrupts */
    look_again(l);
    if (good) {
        l->have_picture = true;
        err =
            fit_track(l, l->picture.width, l->picture.height, l->picture.full_range, l->frame.mono_ns, &why);
        if (err < 0) {
            fail(l, err, &why);
            return;
        }
    }
    c = l->counts;
    count_losses(l, &c, queue_lost);
    if (late) {
        c.dropped++;
        publish_counts(l, &c);
    } else if (good) {
        encode(l, &l->picture, l->frame.mono_ns, &c);
        if (!l->failed)
            remember_good(l);
    } else {
        show_damaged(l, &c);
    }
}

/* No frame came. Silence of a camera that is there is only waiting; one that went away shows a slate. */
static void watch_absence(struct ps_lane *l) {
    int64_t now = ps_clock_mono_ns();
    struct ps_feed_status st;

    if (l->failed)
        return;
    ps_feed_status(l->feed, &st);
    if (st.state == PS_FEED_LIVE)
        return;
    if (!l->slating) {
        int64_t since = l->track ? l->last_mono_ns : l->now.from_mono_ns;
        if (now - since < (l->track ? SLATE_AFTER_NS : START_PATIENCE_NS))
            return;
        l->slating = true;
        l->away_since_ns = since;
        post_event(l, "camera-lost");
    } else if (now - l->last_mono_ns < SLATE_AFTER_NS) {
        return;
    }
    slate(l, l->track ? now : l->now.from_mono_ns, "NO CAMERA");
}

/* ---- a clip's beginning and end ---- */

static void begin_clip(struct ps_lane *l, const struct ps_lane_job *job) {
    l->now = *job;
    l->recording = true;
    l->failed = l->have_good = l->have_picture = l->slating = false;
    l->part = l->originals = 0;
    l->last_mono_ns = job->from_mono_ns - 1;
    l->last_original_ns = job->from_mono_ns;
    ps_feed_status(l->feed, &l->status);
    if (l->status.state == PS_FEED_LIVE)
        post_reduced(l);
    ps_queue_discard_before(ps_feed_queue(l->feed), job->from_mono_ns);
    publish_counts(l, &(struct ps_counts){0});
}

static void end_clip(struct ps_lane *l, int64_t mono_ns) {
    struct ps_why why;
    struct ps_letter *k;

    if (!l->failed && !l->track)
        slate(l, l->now.from_mono_ns, "NO CAMERA");
    if (!l->failed && l->slating)
        post_gap(l, l->away_since_ns, mono_ns, 0, "camera-lost");
    if (!l->failed)
        keep_original(l, "end");
    if (!l->failed) {
        int err = ps_lane_track_end(l->track, mono_ns, &l->counts, &why);
        l->track = NULL;
        if (err < 0)
            fail(l, err, &why);
    }
    k = letter(l, PS_LANE_ENDED);
    l->recording = false;
    pthread_mutex_lock(&l->lock);
    l->end_mono_ns = INT64_MAX;
    pthread_mutex_unlock(&l->lock);
    if (k) {
        k->counts = l->counts;
        post(l, k);
    }
}

static void record_step(struct ps_lane *l, int64_t end_at) {
    int64_t stamp, now;
    bool have = ps_queue_wait(ps_feed_queue(l->feed), 50, &stamp) > 0;

    if (have && stamp < end_at) {
        take_frame(l);
        return;
    }
    now = ps_clock_mono_ns();
    if (end_at != INT64_MAX && (have || l->failed || now - end_at > END_PATIENCE_NS)) {
        /* The next frame's time stamp tells how long the last one was shown; without one the end itself does. */
        end_clip(l, have ? stamp : end_at);
        return;
    }
    if (!have)
        watch_absence(l);
}

static void idle_step(struct ps_lane *l, int64_t hold) {
    int64_t stamp;
    int64_t keep = ps_clock_mono_ns() - KEEP_IDLE_NS;

    ps_queue_discard_before(ps_feed_queue(l->feed), keep < hold ? keep : hold);
    if (ps_queue_wait(ps_feed_queue(l->feed), 50, &stamp) > 0) {
        struct timespec nap = {.tv_nsec = 20000000};
        nanosleep(&nap, NULL); /* frames may stay for a while: do not spin over them */
    }
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
        }
        pthread_mutex_unlock(&l->lock);
        if (begin)
            begin_clip(l, &job);
        else if (l->recording)
            record_step(l, end_at);
        else if (quit)
            return NULL;
        else
            idle_step(l, hold);
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
    l->end_mono_ns = l->hold_mono_ns = INT64_MAX;
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
    l->end_mono_ns = l->hold_mono_ns = INT64_MAX;
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
