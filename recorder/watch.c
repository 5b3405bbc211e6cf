/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/watch.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "evidence/error.h"
#include "recorder/clock.h"
#include "recorder/decode.h"
#include "recorder/label.h"
#include "recorder/watch_reference.h"

#define SECOND 1000000000LL
#define LOOK_MS 150
#define EVENTS 64
#define NICE 10
#define STILL_READS 4                     /* in a picture that does not change every so many looks read it */
#define STILL_FIRST 8                     /* after so many that do: each direction was tried by then */
#define STEADY_LOOKS 2                    /* without motion, before a picture becomes the day's reference */
#define STEADY_PATIENCE_NS (120 * SECOND) /* after that any picture must do: the bench is never still */
#define KEEP_RETRY_NS (60 * SECOND)       /* the disk refused a reference */

struct eye {
    struct ps_gauge_eye gauge;
    struct ps_frame frame;
    struct ps_picture picture;
    int64_t due_ns, first_ns, keep_ns;
    char asked_day[11]; /* the disk was asked for this day's reference */
    unsigned direction;
    unsigned still;              /* looks without motion, one after the other */
    struct ps_watch_state state; /* under the watch's lock */
};

struct ps_watch {
    struct ps_watch_spec s;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool quit;
    int fd;
    unsigned first, n;
    struct ps_watch_event event[EVENTS];
    /* the thread's own */
    struct ps_decoder *decoder;
    struct ps_label_reader *reader; /* NULL: no labels */
    struct eye eye[PS_WATCH_CAMERAS];
};

static void post(struct ps_watch *w, const struct ps_watch_event *e) {
    uint64_t one = 1;

    pthread_mutex_lock(&w->lock);
    if (w->n < EVENTS) {
        w->event[(w->first + w->n++) % EVENTS] = *e;
        if (write(w->fd, &one, sizeof one) < 0 && errno != EAGAIN)
            abort(); /* an eventfd that we own cannot fail otherwise */
    }
    pthread_mutex_unlock(&w->lock);
}

/* ---- labels ---- */

/* Bars at most some 15 degrees askew are read along rows and columns. Where nothing was, one further direction is tried in
 * each look, so that a label that lies anyhow is read within three seconds. In 64ths: 28 and 42 degrees. */
static const struct direction {
    int slope;
    bool columns;
} directions[] = {{34, false}, {-34, false}, {34, true}, {-34, true}, {58, false}, {-58, false}};
#define DIRECTIONS (sizeof directions / sizeof directions[0])

static void read_labels(struct ps_watch *w, unsigned i) {
    struct eye *y = &w->eye[i];
    const struct ps_picture *p = &y->picture;
    struct ps_label_found found[PS_LABEL_MOST];
    unsigned n =
        ps_label_read(w->reader, p->plane[0], p->stride[0], p->width, p->height, found, PS_LABEL_MOST);

    n = ps_label_prefer(found, n);
    if (n == 0) {
        const struct direction *d = &directions[y->direction++ % DIRECTIONS];
        n = ps_label_read_slanted(w->reader, p->plane[0], p->stride[0], p->width, p->height, d->slope,
                                  d->columns, found, PS_LABEL_MOST);
    }
    for (unsigned k = 0; k < n; k++) {
        struct ps_watch_event e = {
            .word = PS_WATCH_LABEL, .camera = i, .mono_ns = y->frame.mono_ns, .linear = found[k].linear};
        memcpy(e.text, found[k].text, sizeof e.text);
        post(w, &e);
    }
}

/* ---- the reference of the day ---- */

static void use_reference(struct ps_watch *w, struct eye *y, const char *day, const uint8_t sha256[32],
                          double detail) {
    ps_gauge_refer(&y->gauge, detail);
    pthread_mutex_lock(&w->lock);
    memcpy(y->state.reference, sha256, 32);
    snprintf(y->state.reference_day, sizeof y->state.reference_day, "%s", day);
    y->state.has_reference = true;
    pthread_mutex_unlock(&w->lock);
}

/* One that this day has already, from before the recorder was started anew. */
static bool load_reference(struct ps_watch *w, unsigned i, const char *day) {
    struct eye *y = &w->eye[i];
    struct ps_frame f = {0};
    struct ps_picture p = {0};
    struct ps_gauge_eye as_it_was = y->gauge;
    struct ps_gauge_look l;
    uint8_t sha256[32];
    bool good = ps_watch_reference_load(w->s.root, day, w->s.camera[i], &f, sha256) == 0 &&
                ps_decoder_decode(w->decoder, &f, &p) == 0;

    if (good) {
        y->gauge.has_reference = false;
        ps_gauge_measure(&y->gauge, p.plane[0], p.stride[0], p.width, p.height, p.full_range, &l);
        use_reference(w, y, day, sha256, l.detail);
        y->gauge.last = as_it_was.last; /* the newest picture is not this one */
        y->gauge.last_digest = as_it_was.last_digest;
        y->gauge.has_last = as_it_was.has_last;
    }
    ps_frame_free(&f);
    ps_picture_free(&p);
    return good;
}

static bool fit_for_reference(const struct eye *y, const struct ps_gauge_look *l, int64_t now) {
    if (l->mean < 30 || l->spread < 12) /* well clear of dark and covered */
        return false;
    return y->still >= STEADY_LOOKS || now - y->first_ns > STEADY_PATIENCE_NS;
}

static void keep_old_ones_few(const struct ps_watch *w, int64_t wall_ns) {
    char before[11];

    if (!w->s.keep_days)
        return;
    ps_watch_reference_day(wall_ns - (int64_t)w->s.keep_days * 86400 * SECOND, before);
    ps_watch_reference_forget(w->s.root, before);
}

static void see_to_reference(struct ps_watch *w, unsigned i, const struct ps_gauge_look *l) {
    struct eye *y = &w->eye[i];
    int64_t wall = ps_clock_wall_ns(), now = ps_clock_mono_ns();
    uint8_t sha256[32];
    struct ps_why why;
    char day[11];

    ps_watch_reference_day(wall, day);
    if (strcmp(day, y->state.reference_day) == 0 || now < y->keep_ns)
        return;
    if (strcmp(day, y->asked_day) != 0) {
        memcpy(y->asked_day, day, sizeof day);
        if (load_reference(w, i, day))
            return;
    }
    if (!fit_for_reference(y, l, now))
        return;
    if (ps_watch_reference_keep(w->s.root, day, w->s.camera[i], &y->frame, &y->picture, sha256, &why) < 0) {
        y->keep_ns = now + KEEP_RETRY_NS; /* a comparison with what nobody can look at is worth nothing */
        return;
    }
    use_reference(w, y, day, sha256, l->detail);
    keep_old_ones_few(w, wall);
}

/* ---- one look ---- */

static int64_t thread_cpu_ns(void) {
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

/* Whether labels are looked for in this picture: what did not change would read as it did the last time. */
static bool worth_reading(const struct ps_watch *w, const struct eye *y) {
    return w->reader && (y->still < STILL_FIRST || y->still % STILL_READS == 0);
}

static void judge(struct ps_watch *w, unsigned i, bool read, struct ps_gauge_look *l) {
    struct eye *y = &w->eye[i];
    unsigned alarms = w->s.alarms ? ps_gauge_judge(&y->gauge, l, y->frame.mono_ns) : 0;

    pthread_mutex_lock(&w->lock);
    y->state.looks++;
    y->state.reads += read;
    y->state.mono_ns = y->frame.mono_ns;
    if (read)
        y->state.read_ns = y->frame.mono_ns;
    y->state.alarms = alarms;
    y->state.look = *l;
    pthread_mutex_unlock(&w->lock);
}

static void look_at(struct ps_watch *w, unsigned i) {
    struct eye *y = &w->eye[i];
    const struct ps_picture *p = &y->picture;
    struct ps_gauge_look l;

    if (!w->s.look(w->s.ctx, i, &y->frame, LOOK_MS) ||
        ps_decoder_decode(w->decoder, &y->frame, &y->picture) < 0)
        return;
    if (!y->first_ns)
        y->first_ns = ps_clock_mono_ns();
    ps_gauge_measure(&y->gauge, p->plane[0], p->stride[0], p->width, p->height, p->full_range, &l);
    y->still = ps_gauge_moves(&l) ? 0 : y->still + 1;
    if (w->s.alarms)
        see_to_reference(w, i, &l);
    bool read = worth_reading(w, y);
    if (read)
        read_labels(w, i);
    judge(w, i, read, &l);
    if (ps_gauge_moves(&l))
        post(w, &(struct ps_watch_event){.word = PS_WATCH_MOTION, .camera = i, .mono_ns = y->frame.mono_ns});
}

/* A look, and when the next one may be. */
static void take_turn(struct ps_watch *w, unsigned i) {
    struct eye *y = &w->eye[i];
    int64_t before = thread_cpu_ns(), now = ps_clock_mono_ns();

    look_at(w, i);
    int64_t cost = thread_cpu_ns() - before, pause = (int64_t)((double)cost / PS_WATCH_SHARE);
    y->due_ns = now + (pause > PS_WATCH_PERIOD_NS ? pause : PS_WATCH_PERIOD_NS);
    pthread_mutex_lock(&w->lock);
    y->state.cpu_ns += cost;
    pthread_mutex_unlock(&w->lock);
}

/* ---- the thread ---- */

/* The camera whose turn is next; waits for it. -1: quit. */
static int wait_for_turn(struct ps_watch *w) {
    unsigned next = 0;
    bool quit;

    for (unsigned i = 1; i < w->s.n_cameras; i++)
        if (w->eye[i].due_ns < w->eye[next].due_ns)
            next = i;
    int64_t due = w->eye[next].due_ns;
    struct timespec until = {.tv_sec = due / SECOND, .tv_nsec = due % SECOND};
    int r = 0;
    pthread_mutex_lock(&w->lock);
    while (!w->quit && r == 0 && ps_clock_mono_ns() < due)
        r = pthread_cond_timedwait(&w->woken, &w->lock, &until);
    quit = w->quit;
    pthread_mutex_unlock(&w->lock);
    return quit ? -1 : (int)next;
}

static void *run(void *arg) {
    struct ps_watch *w = arg;

    pthread_setname_np(pthread_self(), "watch");
    /* Of this thread alone, on Linux. Where it is not allowed the looks are as they are: short and seldom. */
    (void)setpriority(PRIO_PROCESS, 0, NICE);
    for (int i; (i = wait_for_turn(w)) >= 0;)
        take_turn(w, (unsigned)i);
    return NULL;
}

static void destroy(struct ps_watch *w) {
    for (unsigned i = 0; i < PS_WATCH_CAMERAS; i++) {
        ps_frame_free(&w->eye[i].frame);
        ps_picture_free(&w->eye[i].picture);
    }
    ps_label_free(w->reader);
    ps_decoder_free(w->decoder);
    if (w->fd >= 0)
        close(w->fd);
    pthread_cond_destroy(&w->woken);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

static void init_sync(struct ps_watch *w) {
    pthread_condattr_t a;

    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&a);
    pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    pthread_cond_init(&w->woken, &a);
    pthread_condattr_destroy(&a);
}

/* Signals are the main thread's. */
static int start_thread(struct ps_watch *w) {
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&w->thread, NULL, run, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? PS_ENOMEM : 0;
}

int ps_watch_start(struct ps_watch **out, const struct ps_watch_spec *s) {
    struct ps_watch *w = calloc(1, sizeof *w);
    int err;

    *out = NULL;
    if (!w)
        return PS_ENOMEM;
    if (s->n_cameras < 1 || s->n_cameras > PS_WATCH_CAMERAS) {
        free(w);
        return PS_EINVAL;
    }
    w->s = *s;
    init_sync(w);
    w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    err = w->fd < 0 ? PS_EIO : ps_decoder_new(&w->decoder);
    if (!err && s->label_kinds)
        err = ps_label_new(&w->reader, s->label_kinds, s->label_density);
    /* Each camera in its own part of the period. */
    for (unsigned i = 0; i < s->n_cameras; i++)
        w->eye[i].due_ns = ps_clock_mono_ns() + PS_WATCH_PERIOD_NS * i / s->n_cameras;
    if (!err)
        err = start_thread(w);
    if (err) {
        destroy(w);
        return err;
    }
    *out = w; /* transferred */
    return 0;
}

void ps_watch_stop(struct ps_watch *w) {
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->quit = true;
    pthread_cond_signal(&w->woken);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    destroy(w);
}

int ps_watch_fd(const struct ps_watch *w) {
    return w ? w->fd : -1;
}

bool ps_watch_take(struct ps_watch *w, struct ps_watch_event *out) {
    uint64_t count;

    pthread_mutex_lock(&w->lock);
    bool any = w->n > 0;
    if (any) {
        *out = w->event[w->first];
        w->first = (w->first + 1) % EVENTS;
        if (--w->n == 0 && read(w->fd, &count, sizeof count) < 0 && errno != EAGAIN)
            abort();
    }
    pthread_mutex_unlock(&w->lock);
    return any;
}

void ps_watch_state(struct ps_watch *w, unsigned camera, struct ps_watch_state *out) {
    pthread_mutex_lock(&w->lock);
    *out = w->eye[camera].state;
    pthread_mutex_unlock(&w->lock);
}
