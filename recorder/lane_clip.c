/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A lane while a clip is open: pictures, slates, originals, tracks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive/store.h"
#include "evidence/sha256.h"
#include "recorder/clock.h"
#include "recorder/lane_internal.h"

#define SLATE_AFTER_NS 1000000000LL /* without a frame; then one slate each such time */
#define START_PATIENCE_NS 400000000LL
#define END_PATIENCE_NS 200000000LL   /* for the frame that tells how long the last one lasted */
#define MARK_PATIENCE_NS 1000000000LL /* an older picture is not of the marked moment */

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
    ps_lane_post(l, k);
}

/* A smaller picture or a lower rate than was asked for: also where it makes no new track. */
static void post_reduced(struct ps_lane *l) {
    struct ps_letter *k = l->status.info.reduced ? letter(l, PS_LANE_EVENT) : NULL;

    if (!k)
        return;
    snprintf(k->what, sizeof k->what, "camera-reduced");
    snprintf(k->text, sizeof k->text, "%.32s: %s", l->s.camera.name, l->status.info.format);
    ps_lane_post(l, k);
}

static void post_gap(struct ps_lane *l, int64_t from_ns, int64_t to_ns, uint64_t frames, const char *reason) {
    struct ps_letter *k = l->track ? letter(l, PS_LANE_GAP) : NULL;

    if (!k)
        return;
    k->gap.start = ps_lane_track_ticks(l->track, from_ns);
    k->gap.duration = ps_lane_track_ticks(l->track, to_ns) - k->gap.start;
    k->gap.frames = frames;
    snprintf(k->gap.reason, sizeof k->gap.reason, "%s", reason);
    ps_lane_post(l, k);
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
    ps_lane_post(l, k);
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
    ps_lane_post(l, k);
}

/* The statement must not be silent about a mark that has no picture: the camera gives no JPEG, or was away. */
static void mark_in_vain(struct ps_lane *l) {
    l->mark_at = INT64_MAX;
    post_event(l, "mark-no-original");
}

static void keep_mark(struct ps_lane *l) {
    l->mark_at = INT64_MAX;
    keep_original(l, "mark");
}

static void remember_good(struct ps_lane *l) {
    struct ps_frame spare = l->good;
    bool first = !l->originals;

    if (l->frame.pixels != PS_PIXELS_JPEG) {
        if (l->frame.mono_ns >= l->mark_at)
            mark_in_vain(l);
        return;
    }
    l->good = l->frame;
    l->frame = spare;
    l->have_good = true;
    l->good_mono_ns = l->good.mono_ns;
    l->good_ticks = ps_lane_track_ticks(l->track, l->good.mono_ns);
    if (first)
        keep_original(l, "start");
    else if (l->good_mono_ns >= l->mark_at)
        keep_mark(l);
    else if (l->s.originals_every &&
             l->good_mono_ns - l->last_original_ns >= (int64_t)l->s.originals_every * 1000000000)
        keep_original(l, "periodic");
}

/* ---- tracks ---- */

static void publish_sum(struct ps_lane *l, const struct ps_counts *more) {
    struct ps_counts c = l->counts;

    c.captured += more->captured;
    c.encoded += more->encoded;
    c.dropped += more->dropped;
    c.damaged += more->damaged;
    c.repeated += more->repeated;
    publish_counts(l, &c);
}

/* 0: the clip goes on with its pre-roll's track; 1: there is none that fits. A hole between both is none that the film
 * could hide: such pre-roll is dropped. */
static int join_preroll(struct ps_lane *l, uint16_t width, uint16_t height, bool full_range, int64_t mono_ns,
                        struct ps_why *why) {
    struct ps_lane_track *t = l->pre;
    struct ps_counts c = l->pre_counts;

    if (!t)
        return 1;
    if (!ps_lane_track_fits(t, width, height, full_range) || mono_ns - l->pre_last_ns > SLATE_AFTER_NS ||
        l->status.generation != l->pre_generation ||
        strcmp(l->pre_text.freshness, l->now.text.freshness) != 0) {
        ps_lane_idle_drop(l);
        return 1;
    }
    l->pre = NULL;
    int err = ps_lane_track_join(t, &l->now, mono_ns, &c, why);
    if (err == PS_ENOENT) {
        ps_lane_track_drop(t);
        return 1;
    }
    l->track = t; /* also after an error: fail() drops it */
    l->part = 1;
    publish_sum(l, &c);
    return err;
}

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
    int err = join_preroll(l, width, height, full_range, mono_ns, why);
    if (err <= 0)
        return err;
    err = ps_lane_track_new(&l->track, &s, ps_lane_post, l, why);
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
    struct ps_counts c = l->counts; /* with those of pre-roll, which start_track may have brought */
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

/* A lane that lagged behind still had pictures from before while the camera was away, and finds the next one of another opening
 * behind them: the absence is stated and shown all the same. */
static void find_absence(struct ps_lane *l) {
    const struct ps_frame *f = &l->frame;

    if (l->slating || !l->track || !l->opening || f->opening == l->opening ||
        f->mono_ns - l->last_mono_ns <= SLATE_AFTER_NS)
        return;
    l->slating = true;
    l->away_since_ns = l->last_mono_ns;
    post_event(l, "camera-lost");
    slate(l, l->last_mono_ns + SLATE_AFTER_NS, "NO CAMERA");
}

static void end_absence(struct ps_lane *l) {
    find_absence(l);
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
    l->opening = l->frame.opening;
    if (l->failed)
        return;
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
    slate(l, l->track ? now : l->last_mono_ns + 1, "NO CAMERA");
}

/* ---- a clip's beginning and end ---- */

void ps_lane_clip_begin(struct ps_lane *l, const struct ps_lane_job *job) {
    l->now = *job;
    l->recording = true;
    l->failed = l->have_good = l->have_picture = l->slating = false;
    l->part = l->originals = l->opening = 0;
    l->mark_at = INT64_MAX;
    l->last_mono_ns = job->from_mono_ns - 1;
    if (l->pre) {
        ps_lane_idle_finish(l, job->from_mono_ns);
        if (l->pre_last_ns > l->last_mono_ns)
            l->last_mono_ns = l->pre_last_ns; /* taken before the scan was known */
    }
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
        slate(l, l->last_mono_ns + 1, "NO CAMERA");
    if (!l->failed && l->slating)
        post_gap(l, l->away_since_ns, mono_ns, 0, "camera-lost");
    if (!l->failed && l->mark_at != INT64_MAX) {
        if (l->have_good && l->mark_at - l->good_mono_ns < MARK_PATIENCE_NS)
            keep_mark(l);
        else
            mark_in_vain(l);
    }
    if (!l->failed)
        keep_original(l, "end");
    if (!l->failed) {
        int err = ps_lane_track_end(l->track, mono_ns, &l->counts, &why);
        l->track = NULL;
        if (err < 0)
            fail(l, err, &why);
    }
    ps_lane_idle_drop(l); /* a fault may have left some */
    l->pre_not_before_ns = mono_ns + (int64_t)l->s.preroll_seconds * 1000000000;
    k = letter(l, PS_LANE_ENDED);
    l->recording = false;
    pthread_mutex_lock(&l->lock);
    l->end_mono_ns = INT64_MAX;
    pthread_mutex_unlock(&l->lock);
    if (k) {
        k->counts = l->counts;
        ps_lane_post(l, k);
    }
}

void ps_lane_clip_step(struct ps_lane *l, int64_t end_at) {
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
