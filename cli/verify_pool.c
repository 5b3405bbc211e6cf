/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/verify_pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "cli/words.h"
#include "evidence/verdict.h"

#define AHEAD 8                     /* paths for each thread that may be finished before their turn */
#define MOST_WAITING (256 << 10)    /* bytes of answers that may wait for their turn, of each path */
#define DRAW_NS 200000000LL         /* between two lines of progress */
#define ESTIMATE_AFTER 1000000000LL /* the first second tells little */

/* A path that is finished, and whose turn has not come. */
struct done {
    bool there;
    int status;
    char *out, *err;
    size_t out_n, err_n;
};

struct ps_verify_pool {
    const struct ps_verify_pool_spec *spec;
    pthread_mutex_t list; /* held while the next path is taken; before `lock` */
    bool ended;           /* the list; guarded by `list` */

    pthread_mutex_t lock;
    pthread_cond_t moved; /* head has changed, or stop */
    uint64_t head;        /* the path whose turn it is */
    uint64_t next;        /* paths taken so far, */
    double taken;         /* and how much of the list they are */
    struct done *ring;
    unsigned n_ring;
    int worst;
    bool drawn;
    int64_t began, told; /* monotonic */

    atomic_bool stop; /* nobody reads the answers any more */
    atomic_int spare; /* threads that might run and do not */
    atomic_ullong bytes;
};

static int64_t mono_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- progress; with the lock held ---------------------------------------------------------------- */

static void erase(struct ps_verify_pool *p) {
    if (p->drawn)
        fputs("\r\033[K", stderr);
    p->drawn = false;
}

static void draw(struct ps_verify_pool *p, const struct ps_verify_pool_job *job) {
    const int64_t now = mono_ns(), ran = now - p->began;
    if (now - p->told < DRAW_NS)
        return;
    p->told = now;
    erase(p);
    fprintf(stderr, ps_words("%llu judged, %.0f MB/s", "已核验 %llu 个,%.0f MB/s"),
            (unsigned long long)p->head, (double)atomic_load(&p->bytes) * 1000 / (double)(ran + 1));
    /* What is finished, and this thread's path in part, of what was taken of the list. */
    double part = job->size > 0 ? (double)(job->earlier + job->now) / (double)job->size : 0;
    double all = p->next > 0 ? p->taken * ((double)p->head + (part < 1 ? part : 1)) / (double)p->next : 0;
    if (all > 0 && ran > ESTIMATE_AFTER) {
        long left = (long)((double)ran / 1e9 * (1 - all) / all) + 1;
        fprintf(stderr, ps_words(", about %ld:%02ld left", ",约剩 %ld:%02ld"), left / 60, left % 60);
    }
    fflush(stderr);
    p->drawn = true;
}

/* Of each byte of a film two are read, one by each pass: half of it is what the film has. */
int ps_verify_pool_progress(void *ctx, uint64_t done, uint64_t total) {
    struct ps_verify_pool_job *job = ctx;
    struct ps_verify_pool *p = job->pool;
    job->now = done / 2;
    if (done >= total) {
        job->earlier += job->now;
        job->now = 0;
    }
    uint64_t here = job->earlier + job->now;
    if (here > job->counted) {
        atomic_fetch_add(&p->bytes, here - job->counted);
        job->counted = here;
    }
    if (p->spec->progress && pthread_mutex_trylock(&p->lock) == 0) {
        draw(p, job);
        pthread_mutex_unlock(&p->lock);
    }
    return atomic_load(&p->stop);
}

/* ---- answers, in order; with the lock held ------------------------------------------------------- */

static void put(struct ps_verify_pool *p, const char *out, size_t out_n, const char *err, size_t err_n) {
    erase(p);
    if ((out_n > 0 && fwrite(out, 1, out_n, stdout) != out_n) || fflush(stdout) != 0) {
        p->stop = true;
        pthread_cond_broadcast(&p->moved);
    }
    if (err_n > 0)
        (void)fwrite(err, 1, err_n, stderr);
}

static void count(struct ps_verify_pool *p, int status) {
    p->worst = p->worst < 0 ? status : ps_verdict_worst(p->worst, status);
}

/* All whose turn it is. */
static void put_finished(struct ps_verify_pool *p) {
    struct done *d;
    while ((d = &p->ring[p->head % p->n_ring])->there) {
        put(p, d->out, d->out_n, d->err, d->err_n);
        free(d->out);
        free(d->err);
        *d = (struct done){0};
        p->head++;
    }
    pthread_cond_broadcast(&p->moved);
}

/* ---- one path ------------------------------------------------------------------------------------ */

static bool open_job(struct ps_verify_pool_job *job) {
    job->out = open_memstream(&job->out_text, &job->out_size);
    job->err = open_memstream(&job->err_text, &job->err_size);
    return job->out != NULL && job->err != NULL;
}

static void close_job(struct ps_verify_pool_job *job) {
    if (job->out != NULL)
        fclose(job->out);
    if (job->err != NULL)
        fclose(job->err);
    job->out = job->err = NULL;
}

void ps_verify_pool_answered(struct ps_verify_pool_job *job) {
    struct ps_verify_pool *p = job->pool;
    if (fflush(job->out) != 0 || job->out_size < MOST_WAITING)
        return;
    pthread_mutex_lock(&p->lock);
    while (p->head != job->seq && !p->stop)
        pthread_cond_wait(&p->moved, &p->lock);
    if (!p->stop)
        put(p, job->out_text, job->out_size, NULL, 0);
    pthread_mutex_unlock(&p->lock);
    rewind(job->out); /* the stream's size follows its position */
    (void)fflush(job->out);
}

static void finish(struct ps_verify_pool *p, struct ps_verify_pool_job *job, int status) {
    bool lost = job->out == NULL || job->err == NULL || ferror(job->out) || ferror(job->err);
    close_job(job);
    pthread_mutex_lock(&p->lock);
    if (lost)
        status = ps_words_fail(2, ps_words("out of memory", "内存不足"), job->path, NULL);
    p->ring[job->seq % p->n_ring] = (struct done){.there = true,
                                                  .status = status,
                                                  .out = job->out_text,
                                                  .err = job->err_text,
                                                  .out_n = lost ? 0 : job->out_size,
                                                  .err_n = lost ? 0 : job->err_size};
    count(p, status);
    if (p->head == job->seq)
        put_finished(p);
    pthread_mutex_unlock(&p->lock);
}

/* The next path, once it is not too far ahead; NULL at the end. */
static char *take(struct ps_verify_pool *p, uint64_t *seq) {
    char *path = NULL;
    pthread_mutex_lock(&p->list);
    pthread_mutex_lock(&p->lock);
    while (p->next - p->head == p->n_ring && !p->stop)
        pthread_cond_wait(&p->moved, &p->lock);
    bool stop = p->stop;
    pthread_mutex_unlock(&p->lock);
    if (!stop && !p->ended) {
        path = p->spec->next(p->spec->next_ctx);
        p->ended = path == NULL;
    }
    if (path != NULL) {
        pthread_mutex_lock(&p->lock);
        *seq = p->next++;
        p->taken = p->spec->taken(p->spec->next_ctx);
        pthread_mutex_unlock(&p->lock);
    }
    pthread_mutex_unlock(&p->list);
    return path;
}

static void *work(void *arg) {
    struct ps_verify_pool *p = arg;
    uint64_t seq = 0;
    char *path;
    while ((path = take(p, &seq)) != NULL) {
        struct ps_verify_pool_job job = {.pool = p, .path = path, .seq = seq};
        int status = open_job(&job) ? p->spec->judge(p->spec->judge_ctx, &job) : 2;
        finish(p, &job, status);
        free(path);
    }
    atomic_fetch_add(&p->spare, 1);
    return NULL;
}

/* ---- threads ------------------------------------------------------------------------------------- */

struct call {
    void (*fn)(void *);
    void *arg;
    int cpu; /* where its maker runs; -1 unknown */
};

/* A new thread begins where its maker runs, and a work of some 20 ms is half done before the kernel spreads the two. So it
 * moves away once; afterwards it may run anywhere again. */
static void step_aside(int cpu) {
    cpu_set_t all, others;
    if (cpu < 0 || sched_getaffinity(0, sizeof(all), &all) != 0)
        return;
    others = all;
    CPU_CLR((size_t)cpu, &others);
    if (CPU_COUNT(&others) > 0 && sched_setaffinity(0, sizeof(others), &others) == 0)
        (void)sched_setaffinity(0, sizeof(all), &all);
}

static void *run_call(void *arg) {
    const struct call *c = arg;
    step_aside(c->cpu);
    c->fn(c->arg);
    return NULL;
}

void ps_verify_pool_both(void *ctx, void (*a)(void *), void *a_arg, void (*b)(void *), void *b_arg) {
    const struct ps_verify_pool_job *job = ctx;
    struct call other = {b, b_arg, sched_getcpu()};
    pthread_t thread;
    bool two =
        atomic_fetch_sub(&job->pool->spare, 1) > 0 && pthread_create(&thread, NULL, run_call, &other) == 0;
    a(a_arg);
    if (two)
        pthread_join(thread, NULL);
    atomic_fetch_add(&job->pool->spare, 1);
}

int ps_verify_pool_run(const struct ps_verify_pool_spec *spec) {
    pthread_t threads[PS_VERIFY_POOL_MOST];
    unsigned n = 0, most = spec->jobs;
    if (spec->n > 0 && spec->n < most)
        most = (unsigned)spec->n;
    struct ps_verify_pool p = {.spec = spec,
                               .list = PTHREAD_MUTEX_INITIALIZER,
                               .lock = PTHREAD_MUTEX_INITIALIZER,
                               .moved = PTHREAD_COND_INITIALIZER,
                               .n_ring = most * AHEAD,
                               .worst = -1,
                               .began = mono_ns()};
    p.ring = calloc(p.n_ring, sizeof *p.ring);
    if (p.ring == NULL)
        return ps_words_fail(2, ps_words("out of memory", "内存不足"), "verify", NULL);
    atomic_init(&p.spare, (int)(spec->jobs - most));
    /* This thread is one of them; where no more can be had it does all the work. */
    while (n + 1 < most && pthread_create(&threads[n], NULL, work, &p) == 0)
        n++;
    (void)work(&p);
    while (n > 0)
        pthread_join(threads[--n], NULL);
    erase(&p);
    for (unsigned i = 0; i < p.n_ring; i++) { /* left over when output failed */
        free(p.ring[i].out);
        free(p.ring[i].err);
    }
    free(p.ring);
    return p.worst;
}
