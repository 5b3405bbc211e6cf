/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/queue.h"

#include "evidence/error.h"
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define NS_PER_S 1000000000L
#define MAX_FRAMES 4096

struct slot {
    struct ps_frame frame;
    uint32_t queue_lost;
};

/*
 * A ring of slots; a slot that is not in use owns no buffer. Buffers of taken frames wait on a stack, so
 * that no more of them exist than the queue was ever deep, plus the two in the hands of its users.
 */
struct ps_queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct slot *slots;
    struct ps_frame *spares; /* buffers only: cap and data */
    unsigned max_frames, head, n, n_spares;
    size_t max_bytes, bytes;
    uint32_t refused, lost_with_refused; /* to be told with the next accepted frame */
    int64_t refused_ns;                  /* stamp of the newest refused frame */
    bool refuse_next, woken;
};

static int init_sync(struct ps_queue *q) {
    pthread_condattr_t attr;
    if (pthread_mutex_init(&q->lock, NULL) != 0)
        return PS_ENOMEM;
    if (pthread_condattr_init(&attr) != 0)
        goto destroy_lock;
    /* A step of the wall clock must not lengthen a wait. */
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    int failed = pthread_cond_init(&q->changed, &attr);
    pthread_condattr_destroy(&attr);
    if (failed == 0)
        return 0;
destroy_lock:
    pthread_mutex_destroy(&q->lock);
    return PS_ENOMEM;
}

int ps_queue_new(struct ps_queue **out, unsigned frames, size_t bytes) {
    *out = NULL;
    if (frames == 0 || frames > MAX_FRAMES || bytes == 0)
        return PS_EINVAL;
    struct ps_queue *q = calloc(1, sizeof *q);
    if (!q)
        return PS_ENOMEM;
    q->slots = calloc(frames, sizeof *q->slots);
    q->spares = calloc(frames, sizeof *q->spares);
    if (!q->slots || !q->spares || init_sync(q) != 0) {
        free(q->slots);
        free(q->spares);
        free(q);
        return PS_ENOMEM;
    }
    q->max_frames = frames;
    q->max_bytes = bytes;
    *out = q;
    return 0;
}

void ps_queue_free(struct ps_queue *q) {
    if (!q)
        return;
    for (unsigned i = 0; i < q->max_frames; i++) {
        ps_frame_free(&q->slots[i].frame);
        ps_frame_free(&q->spares[i]);
    }
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->lock);
    free(q->slots);
    free(q->spares);
    free(q);
}

static uint32_t add_saturated(uint32_t a, uint32_t b) {
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static bool has_room(struct ps_queue *q, size_t size) {
    if (q->n == q->max_frames || size > q->max_bytes - q->bytes)
        return false;
    bool crowded = q->n > q->max_frames / 4 * 3 + q->max_frames % 4 * 3 / 4 ||
                   q->bytes > q->max_bytes / 4 * 3 + q->max_bytes % 4 * 3 / 4;
    if (!crowded)
        q->refuse_next = false;
    else if ((q->refuse_next = !q->refuse_next))
        return false;
    return true;
}

int ps_queue_put(struct ps_queue *q, struct ps_frame *f) {
    pthread_mutex_lock(&q->lock);
    if (!has_room(q, f->size)) {
        q->refused = add_saturated(q->refused, 1);
        /* What the source lost before a refused frame is still the source's loss. */
        q->lost_with_refused = add_saturated(q->lost_with_refused, f->lost_before);
        q->refused_ns = f->mono_ns;
        pthread_mutex_unlock(&q->lock);
        return PS_EFULL;
    }
    struct slot *s = &q->slots[(q->head + q->n) % q->max_frames];
    s->frame = *f; /* transferred */
    s->frame.lost_before = add_saturated(f->lost_before, q->lost_with_refused);
    s->queue_lost = q->refused;
    q->refused = q->lost_with_refused = 0;
    q->bytes += f->size;
    q->n++;
    *f = (struct ps_frame){0};
    if (q->n_spares > 0) {
        struct ps_frame *spare = &q->spares[--q->n_spares];
        f->data = spare->data; /* transferred */
        f->cap = spare->cap;
        *spare = (struct ps_frame){0};
    }
    pthread_cond_signal(&q->changed);
    pthread_mutex_unlock(&q->lock);
    return 0;
}

static struct timespec deadline_after(int timeout_ms) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += timeout_ms / 1000;
    t.tv_nsec += timeout_ms % 1000 * 1000000L;
    if (t.tv_nsec >= NS_PER_S) {
        t.tv_nsec -= NS_PER_S;
        t.tv_sec++;
    }
    return t;
}

int ps_queue_wait(struct ps_queue *q, int timeout_ms, int64_t *mono_ns) {
    struct timespec until = deadline_after(timeout_ms < 0 ? 0 : timeout_ms);
    int failed = 0;
    pthread_mutex_lock(&q->lock);
    while (q->n == 0 && !q->woken && failed == 0)
        failed = timeout_ms < 0 ? pthread_cond_wait(&q->changed, &q->lock)
                                : pthread_cond_timedwait(&q->changed, &q->lock, &until);
    q->woken = false;
    int found = q->n > 0;
    if (found && mono_ns)
        *mono_ns = q->slots[q->head].frame.mono_ns;
    pthread_mutex_unlock(&q->lock);
    return found;
}

/* The buffer of a frame that nobody wants any more; lock held. There is room: see struct ps_queue. */
static void keep_spare(struct ps_queue *q, struct ps_frame *f) {
    if (f->data && q->n_spares < q->max_frames)
        q->spares[q->n_spares++] = (struct ps_frame){.data = f->data, .cap = f->cap}; /* transferred */
    else
        ps_frame_free(f);
}

static struct slot pop(struct ps_queue *q) {
    struct slot s = q->slots[q->head];
    q->slots[q->head] = (struct slot){0};
    q->head = (q->head + 1) % q->max_frames;
    q->n--;
    q->bytes -= s.frame.size;
    return s;
}

int ps_queue_take(struct ps_queue *q, struct ps_frame *f, uint32_t *queue_lost) {
    pthread_mutex_lock(&q->lock);
    int found = q->n > 0;
    if (found) {
        struct slot s = pop(q);
        keep_spare(q, f);
        *f = s.frame; /* transferred */
        if (queue_lost)
            *queue_lost = s.queue_lost;
    }
    pthread_mutex_unlock(&q->lock);
    return found;
}

void ps_queue_discard_before(struct ps_queue *q, int64_t mono_ns) {
    pthread_mutex_lock(&q->lock);
    while (q->n > 0 && q->slots[q->head].frame.mono_ns < mono_ns) {
        struct slot s = pop(q);
        keep_spare(q, &s.frame);
    }
    if (q->n == 0 && q->refused > 0 && q->refused_ns < mono_ns)
        q->refused = q->lost_with_refused = 0;
    pthread_mutex_unlock(&q->lock);
}

void ps_queue_wake(struct ps_queue *q) {
    pthread_mutex_lock(&q->lock);
    q->woken = true;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}
