/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/feed.h"

#include "recorder/clock.h"
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MS INT64_C(1000000)
#define BACK_OFF_FIRST_NS (250 * MS)
#define BACK_OFF_LAST_NS (8000 * MS)
#define STEADY_NS \
    (5000 * MS) /* so long good frames must have come before a loss starts at the first back-off */
#define SILENT_NS (3000 * MS)
#define READ_MS 250

struct ps_feed {
    struct ps_camera_spec spec;
    struct ps_queue *queue;
    void (*notify)(void *ctx);
    void *ctx;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake; /* stop was said */
    atomic_bool stop;
    struct ps_feed_status status; /* under lock */

    /* Of the capture thread alone. */
    struct ps_frame frame;
    int64_t back_off_ns, newest_ns;
};

static void set_state(struct ps_feed *f, enum ps_feed_state state, const struct ps_why *why) {
    pthread_mutex_lock(&f->lock);
    bool changed = f->status.state != state;
    f->status.state = state;
    if (why)
        f->status.why = *why;
    pthread_mutex_unlock(&f->lock);
    if (changed && f->notify)
        f->notify(f->ctx);
}

/* Sleeps until the time is over or stop is said. */
static void back_off(struct ps_feed *f) {
    const int64_t until = ps_clock_mono_ns() + f->back_off_ns;
    const struct timespec t = {.tv_sec = until / (1000 * MS), .tv_nsec = until % (1000 * MS)};
    int failed = 0;
    pthread_mutex_lock(&f->lock);
    while (!atomic_load(&f->stop) && failed == 0)
        failed = pthread_cond_timedwait(&f->wake, &f->lock, &t);
    pthread_mutex_unlock(&f->lock);
    f->back_off_ns = f->back_off_ns >= BACK_OFF_LAST_NS / 2 ? BACK_OFF_LAST_NS : 2 * f->back_off_ns;
}

static void deliver(struct ps_feed *f, const struct ps_camera_info *info, bool first) {
    struct ps_frame *frame = &f->frame;
    /* Also from one opening to the next: a driver stamps the start of exposure, a little in the past. */
    if (frame->mono_ns <= f->newest_ns)
        frame->mono_ns = f->newest_ns + 1;
    f->newest_ns = frame->mono_ns;
    pthread_mutex_lock(&f->lock);
    f->status.frames++;
    f->status.last_mono_ns = frame->mono_ns;
    if (first) {
        f->status.generation++;
        f->status.info = *info;
    }
    pthread_mutex_unlock(&f->lock);
    /* Before the frame, so that nobody finds one of a camera that is still said to be away. */
    if (first)
        set_state(f, PS_FEED_LIVE, NULL);
    ps_queue_put(f->queue, frame); /* a refused frame is counted there */
}

static void explain(struct ps_why *why, const struct ps_camera_spec *spec, int err, bool any) {
    const char *name = spec->name[0] != '\0' ? spec->name : spec->source;
    switch (err) {
    case PS_EGONE:
        ps_error_why(why, err, name,
                     strncmp(spec->source, "lavf:", 5) == 0 ? "the stream has ended"
                                                            : "the camera was unplugged");
        break;
    case PS_ETIME:
        ps_error_why(why, err, name,
                     any ? "no picture for 3 seconds" : "the camera was opened but sends no picture");
        break;
    default: ps_error_why(why, err, name, "the camera failed: %s", ps_error_text(err)); break;
    }
}

/* Reads until the camera fails or falls silent: why; or until stop is said. */
static void stream(struct ps_feed *f, struct ps_camera *camera, struct ps_why *why) {
    int64_t heard = ps_clock_mono_ns(), good_since = 0;
    bool any = false;
    int result = 0;
    while (!atomic_load(&f->stop) && result >= 0) {
        result = ps_camera_read(camera, &f->frame, READ_MS);
        int64_t now = ps_clock_mono_ns();
        if (result == 0 && now - heard > SILENT_NS)
            result = PS_ETIME;
        if (result != 1)
            continue;
        heard = now;
        if (!f->frame.damaged && good_since == 0)
            good_since = now;
        if (good_since != 0 && now - good_since > STEADY_NS)
            f->back_off_ns = BACK_OFF_FIRST_NS;
        deliver(f, ps_camera_info(camera), !any);
        any = true;
    }
    explain(why, &f->spec, result, any);
}

static void *run(void *arg) {
    struct ps_feed *f = arg;
    while (!atomic_load(&f->stop)) {
        struct ps_camera *camera;
        struct ps_why why = {{0}, {0}};
        if (ps_camera_open(&camera, &f->spec, &why) == 0) {
            stream(f, camera, &why);
            ps_camera_close(camera);
        }
        if (atomic_load(&f->stop))
            break;
        set_state(f, PS_FEED_AWAY, &why);
        back_off(f);
    }
    return NULL;
}

/* Signals are the main thread's. */
static int start_thread(struct ps_feed *f) {
    sigset_t all, before;
    char name[16];
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&f->thread, NULL, run, f);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0)
        return PS_ENOMEM;
    snprintf(name, sizeof name, "cam %.11s", f->spec.name);
    pthread_setname_np(f->thread, name);
    return 0;
}

static int init_sync(struct ps_feed *f) {
    pthread_condattr_t attr;
    if (pthread_mutex_init(&f->lock, NULL) != 0)
        return PS_ENOMEM;
    if (pthread_condattr_init(&attr) == 0) {
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        int failed = pthread_cond_init(&f->wake, &attr);
        pthread_condattr_destroy(&attr);
        if (failed == 0)
            return 0;
    }
    pthread_mutex_destroy(&f->lock);
    return PS_ENOMEM;
}

int ps_feed_start(struct ps_feed **out, const struct ps_camera_spec *spec, unsigned queue_frames,
                  size_t queue_bytes, void (*notify)(void *ctx), void *ctx) {
    *out = NULL;
    struct ps_feed *f = calloc(1, sizeof *f);
    if (!f)
        return PS_ENOMEM;
    f->spec = *spec;
    f->spec.stop = &f->stop;
    f->notify = notify;
    f->ctx = ctx;
    f->back_off_ns = BACK_OFF_FIRST_NS;
    f->newest_ns = INT64_MIN;
    int err = ps_queue_new(&f->queue, queue_frames, queue_bytes);
    if (err != 0)
        goto free_feed;
    err = init_sync(f);
    if (err != 0)
        goto free_queue;
    err = start_thread(f);
    if (err != 0)
        goto destroy_sync;
    *out = f; /* transferred */
    return 0;
destroy_sync:
    pthread_cond_destroy(&f->wake);
    pthread_mutex_destroy(&f->lock);
free_queue:
    ps_queue_free(f->queue);
free_feed:
    free(f);
    return err;
}

struct ps_queue *ps_feed_queue(struct ps_feed *f) {
    return f->queue;
}

void ps_feed_status(struct ps_feed *f, struct ps_feed_status *out) {
    pthread_mutex_lock(&f->lock);
    *out = f->status;
    pthread_mutex_unlock(&f->lock);
}

void ps_feed_stop(struct ps_feed *f) {
    if (!f)
        return;
    pthread_mutex_lock(&f->lock);
    atomic_store(&f->stop, true);
    pthread_cond_signal(&f->wake);
    pthread_mutex_unlock(&f->lock);
    pthread_join(f->thread, NULL);
    pthread_cond_destroy(&f->wake);
    pthread_mutex_destroy(&f->lock);
    ps_queue_free(f->queue);
    ps_frame_free(&f->frame);
    free(f);
}
