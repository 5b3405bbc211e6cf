/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "viewer/workers.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct item {
    void (*work)(void *job);
    void *job;
    struct item *next;
};
struct line {
    struct item *first, **last;
};

struct ps_workers {
    pthread_mutex_t lock;
    pthread_cond_t some;
    struct line quick, slow;
    unsigned waiting, running_slow, threads;
    bool ending;
    pthread_t thread[PS_WORKERS];
};

static struct item *take(struct line *l) {
    struct item *i = l->first;
    if (i != NULL) {
        l->first = i->next;
        if (l->first == NULL)
            l->last = &l->first;
    }
    return i;
}

static void *run(void *arg) {
    struct ps_workers *w = arg;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        struct item *i = take(&w->quick);
        bool slow = i == NULL && w->running_slow < PS_WORKERS_SLOW && (i = take(&w->slow)) != NULL;
        if (i == NULL) {
            if (w->ending && w->slow.first == NULL)
                break;
            pthread_cond_wait(&w->some, &w->lock);
            continue;
        }
        w->waiting--;
        w->running_slow += slow;
        pthread_mutex_unlock(&w->lock);
        i->work(i->job);
        free(i);
        pthread_mutex_lock(&w->lock);
        if (slow) {
            w->running_slow--;
            pthread_cond_signal(&w->some);
        }
    }
    pthread_cond_broadcast(&w->some);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

struct ps_workers *ps_workers_new(void) {
    struct ps_workers *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return NULL;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->some, NULL);
    w->quick.last = &w->quick.first;
    w->slow.last = &w->slow.first;
    while (w->threads < PS_WORKERS && pthread_create(&w->thread[w->threads], NULL, run, w) == 0)
        w->threads++;
    if (w->threads == PS_WORKERS)
        return w;
    ps_workers_free(w);
    return NULL;
}

bool ps_workers_give(struct ps_workers *w, void (*work)(void *job), void *job, bool slow) {
    struct item *i = malloc(sizeof(*i));
    if (i == NULL)
        return false;
    *i = (struct item){work, job, NULL};
    pthread_mutex_lock(&w->lock);
    bool takes = !w->ending && w->waiting < PS_WORKERS_QUEUE;
    if (takes) {
        struct line *l = slow ? &w->slow : &w->quick;
        *l->last = i;
        l->last = &i->next;
        w->waiting++;
        pthread_cond_signal(&w->some);
    }
    pthread_mutex_unlock(&w->lock);
    if (!takes)
        free(i);
    return takes;
}

void ps_workers_end(struct ps_workers *w) {
    pthread_mutex_lock(&w->lock);
    w->ending = true;
    pthread_cond_broadcast(&w->some);
    pthread_mutex_unlock(&w->lock);
    for (unsigned i = 0; i < w->threads; i++)
        pthread_join(w->thread[i], NULL);
    w->threads = 0;
}

void ps_workers_free(struct ps_workers *w) {
    if (w == NULL)
        return;
    ps_workers_end(w);
    pthread_cond_destroy(&w->some);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
