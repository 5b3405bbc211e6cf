/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "evidence/error.h"
#include "recorder/queue.h"
#include "tests/unit/tap.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

/* A frame whose bytes tell its number, so that a swapped or torn buffer is seen. */
static void fill(struct ps_frame *f, unsigned number, size_t size) {
    if (ps_frame_reserve(f, size) != 0)
        tap_bail("out of memory");
    memset(f->data, (int)(number % 251), size);
    f->size = size;
    f->mono_ns = number;
    f->lost_before = 0;
}

static bool holds(const struct ps_frame *f, unsigned number) {
    for (size_t i = 0; i < f->size; i++)
        if (f->data[i] != number % 251)
            return false;
    return f->mono_ns == number;
}

static void test_arguments(void) {
    struct ps_queue *q;
    tap_is_int(ps_queue_new(&q, 0, 100), PS_EINVAL, "no frames at all");
    tap_is_int(ps_queue_new(&q, 10, 0), PS_EINVAL, "no bytes at all");
    ps_queue_free(NULL);
}

static void test_order(void) {
    struct ps_queue *q;
    struct ps_frame in = {0}, out = {0};
    uint32_t lost = 99;
    int64_t mono = 0;
    tap_is_int(ps_queue_new(&q, 8, 1000), 0, "a queue");
    tap_is_int(ps_queue_wait(q, 0, &mono), 0, "empty: nothing to see");
    tap_is_int(ps_queue_take(q, &out, &lost), 0, "empty: nothing to take");
    for (unsigned i = 1; i <= 5; i++) {
        fill(&in, i, 100);
        in.damaged = i == 3;
        ps_queue_put(q, &in);
    }
    tap_is_int(ps_queue_wait(q, 0, &mono), 1, "there is one");
    tap_is_int(mono, 1, "and it is the oldest");
    bool whole = true;
    for (unsigned i = 1; i <= 5; i++)
        whole = whole && ps_queue_take(q, &out, &lost) == 1 && holds(&out, i) && lost == 0 &&
                out.damaged == (i == 3);
    tap_ok(whole, "five frames in order, with their bytes and marks");
    ps_frame_free(&in);
    ps_frame_free(&out);
    ps_queue_free(q);
}

/* 100 slots, nobody takes: 75 and one fit, then every second one. */
static void test_even_dropping(void) {
    struct ps_queue *q;
    struct ps_frame in = {0}, out = {0};
    uint32_t lost, accepted = 0, total_lost = 0, worst = 0;
    ps_queue_new(&q, 100, 1 << 20);
    for (unsigned i = 0; i < 110; i++) {
        fill(&in, i, 10);
        in.lost_before = i == 77 ? 4 : 0; /* 76 is the first refused, 77 accepted, 78 refused */
        if (ps_queue_put(q, &in) == 0)
            accepted++;
    }
    tap_is_uint(accepted, 76 + 17, "even losses above three quarters");
    while (ps_queue_take(q, &out, &lost) == 1) {
        total_lost += lost;
        worst = lost > worst ? lost : worst;
        if (out.mono_ns == 77)
            tap_is_uint(out.lost_before, 4, "the source's own losses stay apart");
    }
    tap_is_uint(worst, 1, "never two lost in a row");
    fill(&in, 110, 10);
    ps_queue_put(q, &in);
    ps_queue_take(q, &out, &lost);
    tap_is_uint(accepted + total_lost + lost, 110, "each frame is either taken or told as lost");

    /* To the brim. */
    unsigned full = 0;
    for (unsigned i = 0; i < 1000; i++) {
        fill(&in, i, 10);
        in.lost_before = 1;
        full += ps_queue_put(q, &in) == PS_EFULL;
    }
    uint32_t n = 0, source_lost = 0;
    total_lost = 0;
    while (ps_queue_take(q, &out, &lost) == 1) {
        n++;
        total_lost += lost;
        source_lost += out.lost_before;
    }
    fill(&in, 2000, 10);
    ps_queue_put(q, &in);
    ps_queue_take(q, &out, &lost);
    tap_is_uint(n, 100, "never more than its frames");
    tap_is_uint(total_lost + lost, full, "all refused frames are told");
    tap_is_uint(source_lost + out.lost_before, 1000, "and what the source lost before refused frames");
    ps_frame_free(&in);
    ps_frame_free(&out);
    ps_queue_free(q);
}

static void test_bytes(void) {
    struct ps_queue *q;
    struct ps_frame in = {0}, out = {0};
    ps_queue_new(&q, 100, 1000);
    fill(&in, 0, 1001);
    tap_is_int(ps_queue_put(q, &in), PS_EFULL, "a frame larger than the queue");
    fill(&in, 1, 700);
    tap_is_int(ps_queue_put(q, &in), 0, "700 bytes of 1000");
    fill(&in, 2, 301);
    tap_is_int(ps_queue_put(q, &in), PS_EFULL, "301 more do not fit");
    fill(&in, 3, 300);
    tap_is_int(ps_queue_put(q, &in), 0, "300 do");
    ps_queue_take(q, &out, NULL);
    tap_ok(holds(&out, 1) && out.size == 700, "taken: room again");
    fill(&in, 4, 700);
    tap_is_int(ps_queue_put(q, &in), 0, "for 700");
    ps_frame_free(&in);
    ps_frame_free(&out);
    ps_queue_free(q);
}

static void test_discard(void) {
    struct ps_queue *q;
    struct ps_frame in = {0}, out = {0};
    uint32_t lost = 99;
    ps_queue_new(&q, 4, 1000);
    for (unsigned i = 10; i < 20; i++) {
        fill(&in, i, 10);
        ps_queue_put(q, &in);
    }
    ps_queue_discard_before(q, 12);
    ps_queue_take(q, &out, &lost);
    tap_ok(holds(&out, 12), "the first kept frame is the one with that stamp");
    ps_queue_discard_before(q, 1000);
    tap_is_int(ps_queue_take(q, &out, &lost), 0, "all discarded");
    fill(&in, 1000, 10);
    ps_queue_put(q, &in);
    ps_queue_take(q, &out, &lost);
    tap_is_uint(lost, 0, "what was refused before is no loss of a clip that begins now");
    ps_frame_free(&in);
    ps_frame_free(&out);
    ps_queue_free(q);
}

/* Buffers move: after the first round nothing is allocated any more. */
static void test_steady_state(void) {
    struct ps_queue *q;
    struct ps_frame in = {0}, out = {0};
    const uint8_t *seen[16];
    unsigned n_seen = 0;
    ps_queue_new(&q, 60, 1 << 20);
    for (unsigned i = 0; i < 5000; i++) {
        fill(&in, i, 1000);
        unsigned k = 0;
        while (k < n_seen && seen[k] != in.data)
            k++;
        if (k == n_seen && n_seen < 16)
            seen[n_seen++] = in.data;
        ps_queue_put(q, &in);
        if (i % 4 == 3)
            while (ps_queue_take(q, &out, NULL) == 1)
                ;
    }
    tap_ok(n_seen <= 6, "4 frames deep: %u buffers in all, however long it runs", n_seen);
    ps_frame_free(&in);
    ps_frame_free(&out);
    ps_queue_free(q);
}

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

static void *wake_later(void *arg) {
    struct timespec t = {.tv_nsec = 30000000};
    nanosleep(&t, NULL);
    ps_queue_wake(arg);
    return NULL;
}

static void test_wait(void) {
    struct ps_queue *q;
    pthread_t thread;
    ps_queue_new(&q, 4, 1000);
    int64_t start = now_ms();
    tap_is_int(ps_queue_wait(q, 60, NULL), 0, "nothing comes");
    tap_ok(now_ms() - start >= 59, "and the time was waited for");
    start = now_ms();
    if (pthread_create(&thread, NULL, wake_later, q) != 0)
        tap_bail("no thread");
    tap_is_int(ps_queue_wait(q, -1, NULL), 0, "woken from an endless wait, without a frame");
    pthread_join(thread, NULL);
    ps_queue_wake(q);
    tap_is_int(ps_queue_wait(q, 10000, NULL), 0, "a wake before the wait is not lost");
    tap_ok(now_ms() - start < 5000, "at once");
    ps_queue_free(q);
}

struct race {
    struct ps_queue *q;
    atomic_bool done;
    unsigned refused;
};

enum { RACE_FRAMES = 20000 };

static void *put_many(void *arg) {
    struct race *r = arg;
    struct ps_frame f = {0};
    for (unsigned i = 1; i <= RACE_FRAMES; i++) {
        fill(&f, i, 16 + i % 500);
        r->refused += ps_queue_put(r->q, &f) == PS_EFULL;
        if (i % 64 == 0) /* bursts, as from a camera that stalled */
            nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
    ps_frame_free(&f);
    atomic_store(&r->done, true);
    ps_queue_wake(r->q);
    return NULL;
}

static void test_threads(void) {
    struct race r = {0};
    struct ps_frame f = {0};
    uint32_t lost = 0, told = 0, taken = 0, broken = 0;
    int64_t last = 0;
    pthread_t thread;
    ps_queue_new(&r.q, 32, 12000);
    if (pthread_create(&thread, NULL, put_many, &r) != 0)
        tap_bail("no thread");
    for (;;) {
        bool done = atomic_load(&r.done);
        ps_queue_wait(r.q, 100, NULL);
        while (ps_queue_take(r.q, &f, &lost) == 1) {
            broken += !holds(&f, (unsigned)f.mono_ns) || f.mono_ns != last + 1 + lost;
            last = f.mono_ns;
            taken++;
            told += lost;
        }
        if (done)
            break;
    }
    pthread_join(thread, NULL);
    tap_is_uint(broken, 0, "two threads: each frame whole, in order, its losses told exactly");
    tap_is_uint(taken + r.refused, RACE_FRAMES, "none vanishes");
    tap_ok(told <= r.refused && r.refused - told == (uint32_t)(RACE_FRAMES - last), "none is told twice");
    tap_diag("%u taken, %u refused", taken, r.refused);
    ps_frame_free(&f);
    ps_queue_free(r.q);
}

int main(void) {
    test_arguments();
    test_order();
    test_even_dropping();
    test_bytes();
    test_discard();
    test_steady_state();
    test_wait();
    test_threads();
    return tap_done();
}
