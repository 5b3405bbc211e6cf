/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "viewer/limits.h"
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 8 /* places that a key may have: who fills the table pushes out others only here */

struct place {
    uint64_t key; /* 0: free */
    unsigned failures;
    int64_t last_ms, until_ms;
};

struct ps_limits {
    pthread_mutex_t lock;
    uint8_t secret[crypto_shorthash_KEYBYTES];
    struct place all[PS_LIMITS_PLACES];
};

struct ps_limits *ps_limits_new(void) {
    struct ps_limits *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return NULL;
    pthread_mutex_init(&l->lock, NULL);
    crypto_shorthash_keygen(l->secret);
    return l;
}

void ps_limits_free(struct ps_limits *l) {
    if (l == NULL)
        return;
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static struct place *find(struct ps_limits *l, const char *key, bool make, int64_t now_ms) {
    uint64_t h = 0;
    crypto_shorthash((unsigned char *)&h, (const unsigned char *)key, strlen(key), l->secret);
    h |= h == 0;
    struct place *first = &l->all[h % (PS_LIMITS_PLACES / WAYS) * WAYS], *worst = first;
    for (struct place *p = first; p < first + WAYS; p++) {
        if (p->key == h) {
            if (now_ms - p->last_ms > PS_LIMITS_FORGET_MS && now_ms >= p->until_ms)
                p->failures = 0;
            return p;
        }
        if (p->key == 0 || (worst->key != 0 && p->until_ms < worst->until_ms) ||
            (worst->key != 0 && p->until_ms == worst->until_ms && p->last_ms < worst->last_ms))
            worst = p;
    }
    if (!make)
        return NULL;
    *worst = (struct place){.key = h};
    return worst;
}

int64_t ps_limits_wait(struct ps_limits *l, const char *key, int64_t now_ms) {
    pthread_mutex_lock(&l->lock);
    const struct place *p = find(l, key, false, now_ms);
    int64_t wait = p != NULL && p->until_ms > now_ms ? p->until_ms - now_ms : 0;
    pthread_mutex_unlock(&l->lock);
    return wait;
}

int64_t ps_limits_failed(struct ps_limits *l, const char *key, unsigned free_tries, int64_t most_ms,
                         int64_t now_ms) {
    int64_t wait = 0;
    pthread_mutex_lock(&l->lock);
    struct place *p = find(l, key, true, now_ms);
    p->failures++;
    p->last_ms = now_ms;
    if (p->failures > free_tries) {
        unsigned doubled = p->failures - free_tries - 1;
        wait = doubled > 20 ? most_ms : (int64_t)PS_LIMITS_FIRST_MS << doubled;
        wait = wait > most_ms ? most_ms : wait;
        p->until_ms = now_ms + wait;
    }
    pthread_mutex_unlock(&l->lock);
    return wait;
}

void ps_limits_forget(struct ps_limits *l, const char *key) {
    pthread_mutex_lock(&l->lock);
    struct place *p = find(l, key, false, 0);
    if (p != NULL)
        *p = (struct place){0};
    pthread_mutex_unlock(&l->lock);
}
