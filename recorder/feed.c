/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/feed.h"

#include "recorder/clock.h"
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define MS INT64_C(1000000)
#define BACK_OFF_FIRST_NS (500 * MS)
#define BACK_OFF_LAST_NS (30000 * MS)
#define BACK_OFF_LAST_REMOTE_NS (8000 * MS) /* nobody tells when a network camera is there again */
#define LEAST_NS (250 * MS)                 /* between two openings, however often something is plugged in */
#define LOOK_MS 500                         /* is the path there again: costs one access(2) */
#define STEADY_NS \
    (5000 * MS) /* so long good frames must have come before a loss starts at the first back-off */
#define SILENT_NS (3000 * MS)
#define READ_MS 250

/* A copy of one frame for somebody who looks now and then. */
struct look {
    pthread_mutex_t lock;
    atomic_bool wanted;
    /* under lock */
    bool ready;
    struct ps_frame frame;
    int fd; /* to be written when it is ready; -1: none */
};

enum { WATCH, PREVIEW, LOOKS };

struct ps_feed {
    struct ps_camera_spec spec;
    struct ps_queue *queue;
    void (*notify)(void *ctx);
    void *ctx;
    pthread_t thread;
    pthread_mutex_t lock;
    int wake; /* eventfd: stop was said */
    atomic_bool stop;
    struct ps_feed_status status; /* under lock */
    struct look look[LOOKS];
    pthread_cond_t looked; /* of the watch */

    /* Of the capture thread alone. */
    struct ps_frame frame;
    int64_t back_off_ns, newest_ns;
    struct ps_devices_watch *watch; /* NULL: no udev, or no device of this machine */
    struct ps_devices_seen seen;
};

static void set_state(struct ps_feed *f, enum ps_feed_state state, const struct ps_why *why) {
    pthread_mutex_lock(&f->lock);
    bool changed = f->status.state != state;
    f->status.state = state;
    if (state == PS_FEED_LIVE)
        f->status.tries = 0;
    if (state == PS_FEED_AWAY && changed)
        f->status.away_mono_ns = ps_clock_mono_ns();
    if (state == PS_FEED_AWAY)
        f->status.tries++;
    if (why)
        f->status.why = *why;
    pthread_mutex_unlock(&f->lock);
    if (changed && f->notify)
        f->notify(f->ctx);
}

static bool is_local(const struct ps_feed *f) {
    return strncmp(f->spec.source, "v4l2:", 5) == 0;
}

/* Waits so long; 1: something was plugged in; 0: nothing, or stop was said. */
static int wait_for_device(struct ps_feed *f, int64_t ns) {
    struct pollfd p[2] = {{.fd = f->wake, .events = POLLIN},
                          {.fd = ps_devices_watch_fd(f->watch), .events = POLLIN}};
    int ms = ns > LOOK_MS * MS ? LOOK_MS : (int)(ns / MS) + 1;
    if (poll(p, 2, ms) <= 0 || p[1].revents == 0)
        return 0;
    return ps_devices_watch_came(f->watch);
}

/* Sleeps until the time is over, the camera may be there again, or stop is said. */
static void back_off(struct ps_feed *f) {
    const int64_t begun = ps_clock_mono_ns(), until = begun + f->back_off_ns, earliest = begun + LEAST_NS;
    const char *path = is_local(f) && f->spec.source[5] == '/' ? f->spec.source + 5 : NULL;
    const bool missing = path && access(path, F_OK) != 0;
    const int64_t last = is_local(f) ? BACK_OFF_LAST_NS : BACK_OFF_LAST_REMOTE_NS;
    bool came = false;
    for (int64_t now = begun; !atomic_load(&f->stop) && now < (came ? earliest : until);
         now = ps_clock_mono_ns()) {
        came = wait_for_device(f, (came ? earliest : until) - now) == 1 || came;
        came = came || (missing && access(path, F_OK) == 0);
    }
    f->back_off_ns = came ? BACK_OFF_FIRST_NS : f->back_off_ns >= last / 2 ? last : 2 * f->back_off_ns;
}

/* Whoever looks holds the lock for an instant only; if it is held just now, the next frame will do. */
static void offer_look(struct ps_feed *f, struct look *l, const struct ps_frame *frame) {
    if (!atomic_load(&l->wanted) || frame->damaged || pthread_mutex_trylock(&l->lock) != 0)
        return;
    if (atomic_load(&l->wanted) && ps_frame_reserve(&l->frame, frame->size) == 0) {
        struct ps_frame copy = *frame;
        copy.data = l->frame.data;
        copy.cap = l->frame.cap;
        memcpy(copy.data, frame->data, frame->size);
        l->frame = copy;
        l->ready = true;
        atomic_store(&l->wanted, false);
        if (l->fd >= 0)
            eventfd_write(l->fd, 1); /* full: then it is readable already */
        pthread_cond_signal(&f->looked);
    }
    pthread_mutex_unlock(&l->lock);
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
    frame->opening = f->status.generation;
    pthread_mutex_unlock(&f->lock);
    /* Before the frame, so that nobody finds one of a camera that is still said to be away. */
    if (first)
        set_state(f, PS_FEED_LIVE, NULL);
    for (unsigned i = 0; i < LOOKS; i++)
        offer_look(f, &f->look[i], frame);
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
    if (is_local(f))
        ps_devices_watch_new(&f->watch); /* without it the clock alone wakes us */
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
    ps_devices_watch_free(f->watch);
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
    pthread_condattr_t a;

    f->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (f->wake < 0)
        return PS_ENOMEM;
    /* None of these can fail on Linux. */
    pthread_mutex_init(&f->lock, NULL);
    for (unsigned i = 0; i < LOOKS; i++) {
        pthread_mutex_init(&f->look[i].lock, NULL);
        f->look[i].fd = -1;
    }
    pthread_condattr_init(&a);
    pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    pthread_cond_init(&f->looked, &a);
    pthread_condattr_destroy(&a);
    return 0;
}

static void destroy_sync(struct ps_feed *f) {
    close(f->wake);
    pthread_cond_destroy(&f->looked);
    for (unsigned i = 0; i < LOOKS; i++)
        pthread_mutex_destroy(&f->look[i].lock);
    pthread_mutex_destroy(&f->lock);
}

int ps_feed_start(struct ps_feed **out, const struct ps_camera_spec *spec, unsigned queue_frames,
                  size_t queue_bytes, void (*notify)(void *ctx), void *ctx) {
    *out = NULL;
    struct ps_feed *f = calloc(1, sizeof *f);
    if (!f)
        return PS_ENOMEM;
    f->spec = *spec;
    f->spec.stop = &f->stop;
    f->spec.seen = &f->seen;
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
    destroy_sync(f);
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

/* Under its lock: false when no copy is there. */
static bool take_look(struct look *l, struct ps_frame *out) {
    struct ps_frame spare = *out;

    if (!l->ready)
        return false;
    *out = l->frame;
    l->frame = spare;
    l->ready = false;
    return true;
}

bool ps_feed_look(struct ps_feed *f, struct ps_frame *out, int timeout_ms) {
    struct look *l = &f->look[WATCH];
    struct timespec until;
    int r = 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * MS;
    if (until.tv_nsec >= 1000 * MS) {
        until.tv_sec++;
        until.tv_nsec -= 1000 * MS;
    }
    pthread_mutex_lock(&l->lock);
    l->ready = false;
    atomic_store(&l->wanted, true);
    while (!l->ready && r == 0)
        r = pthread_cond_timedwait(&f->looked, &l->lock, &until);
    atomic_store(&l->wanted, false);
    bool got = take_look(l, out);
    pthread_mutex_unlock(&l->lock);
    return got;
}

void ps_feed_ask(struct ps_feed *f, int fd) {
    struct look *l = &f->look[PREVIEW];

    pthread_mutex_lock(&l->lock);
    l->fd = fd;
    l->ready = false;
    atomic_store(&l->wanted, fd >= 0);
    pthread_mutex_unlock(&l->lock);
}

bool ps_feed_fetch(struct ps_feed *f, struct ps_frame *out) {
    struct look *l = &f->look[PREVIEW];

    pthread_mutex_lock(&l->lock);
    bool got = take_look(l, out);
    pthread_mutex_unlock(&l->lock);
    return got;
}

void ps_feed_stop(struct ps_feed *f) {
    if (!f)
        return;
    atomic_store(&f->stop, true);
    eventfd_write(f->wake, 1); /* cannot fail: nobody else counts it up */
    pthread_join(f->thread, NULL);
    destroy_sync(f);
    ps_queue_free(f->queue);
    ps_frame_free(&f->frame);
    for (unsigned i = 0; i < LOOKS; i++)
        ps_frame_free(&f->look[i].frame);
    free(f);
}
