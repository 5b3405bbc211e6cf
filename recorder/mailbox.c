/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/mailbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "evidence/error.h"

struct ps_mailbox {
    pthread_mutex_t lock;
    pthread_cond_t came, went;
    int fd;
    unsigned first, n, capacity;
    void *letter[];
};

int ps_mailbox_new(struct ps_mailbox **out, unsigned capacity) {
    struct ps_mailbox *m = calloc(1, sizeof *m + capacity * sizeof m->letter[0]);
    pthread_condattr_t a;

    if (!m)
        return PS_ENOMEM;
    m->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (m->fd < 0) {
        free(m);
        return PS_EIO;
    }
    m->capacity = capacity;
    pthread_condattr_init(&a);
    pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->came, &a);
    pthread_cond_init(&m->went, &a);
    pthread_condattr_destroy(&a);
    *out = m;
    return 0;
}

void ps_mailbox_free(struct ps_mailbox *m) {
    if (!m)
        return;
    pthread_cond_destroy(&m->came);
    pthread_cond_destroy(&m->went);
    pthread_mutex_destroy(&m->lock);
    close(m->fd);
    free(m);
}

int ps_mailbox_fd(const struct ps_mailbox *m) {
    return m->fd;
}

void ps_mailbox_put(struct ps_mailbox *m, void *letter) {
    uint64_t one = 1;

    pthread_mutex_lock(&m->lock);
    while (m->n == m->capacity)
        pthread_cond_wait(&m->went, &m->lock);
    m->letter[(m->first + m->n++) % m->capacity] = letter;
    if (write(m->fd, &one, sizeof one) < 0 && errno != EAGAIN)
        abort(); /* an eventfd that we own cannot fail otherwise */
    pthread_cond_signal(&m->came);
    pthread_mutex_unlock(&m->lock);
}

static void *take_locked(struct ps_mailbox *m) {
    void *letter = m->letter[m->first];
    uint64_t count;

    m->first = (m->first + 1) % m->capacity;
    if (--m->n == 0 && read(m->fd, &count, sizeof count) < 0 && errno != EAGAIN)
        abort();
    pthread_cond_signal(&m->went);
    return letter;
}

void *ps_mailbox_take(struct ps_mailbox *m) {
    pthread_mutex_lock(&m->lock);
    void *letter = m->n ? take_locked(m) : NULL;
    pthread_mutex_unlock(&m->lock);
    return letter;
}

void *ps_mailbox_wait(struct ps_mailbox *m, int timeout_ms) {
    struct timespec until;
    int r = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&m->lock);
    while (!m->n && r == 0)
        r = pthread_cond_timedwait(&m->came, &m->lock, &until);
    void *letter = m->n ? take_locked(m) : NULL;
    pthread_mutex_unlock(&m->lock);
    return letter;
}
