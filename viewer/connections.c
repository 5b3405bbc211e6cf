/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "viewer/connections.h"
#include "viewer/host.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ps_connection {
    int fd;
    char address[48];
    int64_t late_ms; /* 0: never */
    struct ps_connection *next, *prev;
};

struct ps_connections {
    pthread_mutex_t lock;
    struct ps_connection *first;
    unsigned n;
};

struct ps_connections *ps_connections_new(void) {
    struct ps_connections *all = calloc(1, sizeof(*all));
    if (all != NULL)
        pthread_mutex_init(&all->lock, NULL);
    return all;
}

void ps_connections_free(struct ps_connections *all) {
    if (all == NULL)
        return;
    pthread_mutex_destroy(&all->lock);
    free(all);
}

static bool text_of(const struct sockaddr *a, char out[48]) {
    const void *p =
        a->sa_family == AF_INET    ? (const void *)&((const struct sockaddr_in *)(const void *)a)->sin_addr
        : a->sa_family == AF_INET6 ? (const void *)&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr
                                   : NULL;
    if (p == NULL || inet_ntop(a->sa_family, p, out, 48) == NULL)
        return false;
    if (strncmp(out, "::ffff:", 7) == 0 && strchr(out + 7, '.') != NULL)
        memmove(out, out + 7, strlen(out + 7) + 1);
    return true;
}

/* Who has a whole network of version 6 is still one: the first 64 bits tell. */
static bool same(const char *a, const char *b) {
    struct in6_addr x, y;
    if (inet_pton(AF_INET6, a, &x) == 1 && inet_pton(AF_INET6, b, &y) == 1)
        return memcmp(&x, &y, 8) == 0;
    return strcmp(a, b) == 0;
}

bool ps_connections_room(struct ps_connections *all, const struct sockaddr *from) {
    char address[48];
    if (!text_of(from, address))
        return false;
    unsigned most = ps_host_is_loopback(address) ? PS_CONNECTIONS_LOOPBACK : PS_CONNECTIONS_OF_ONE,
             of_one = 0;
    pthread_mutex_lock(&all->lock);
    bool room = all->n < PS_CONNECTIONS_MOST;
    for (const struct ps_connection *c = all->first; c != NULL && room; c = c->next)
        room = !same(c->address, address) || ++of_one < most;
    pthread_mutex_unlock(&all->lock);
    return room;
}

struct ps_connection *ps_connections_add(struct ps_connections *all, int fd, const struct sockaddr *from,
                                         int64_t now) {
    struct ps_connection *c = calloc(1, sizeof(*c));
    if (c == NULL || !text_of(from, c->address)) {
        free(c);
        return NULL;
    }
    c->fd = fd;
    c->late_ms = now + PS_CONNECTIONS_HEAD_MS;
    pthread_mutex_lock(&all->lock);
    c->next = all->first;
    if (c->next != NULL)
        c->next->prev = c;
    all->first = c;
    all->n++;
    pthread_mutex_unlock(&all->lock);
    return c;
}

void ps_connections_remove(struct ps_connections *all, struct ps_connection *c) {
    pthread_mutex_lock(&all->lock);
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        all->first = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    all->n--;
    pthread_mutex_unlock(&all->lock);
    free(c);
}

void ps_connections_expect(struct ps_connections *all, struct ps_connection *c, int64_t now,
                           int64_t within_ms) {
    pthread_mutex_lock(&all->lock);
    c->late_ms = within_ms == 0 ? 0 : now + within_ms;
    pthread_mutex_unlock(&all->lock);
}

unsigned ps_connections_sweep(struct ps_connections *all, int64_t now) {
    unsigned cut = 0;
    pthread_mutex_lock(&all->lock); /* the server removes a connection before it closes its descriptor */
    for (struct ps_connection *c = all->first; c != NULL; c = c->next)
        if (c->late_ms != 0 && now >= c->late_ms) {
            c->late_ms = 0;
            shutdown(c->fd, SHUT_RDWR);
            cut++;
        }
    pthread_mutex_unlock(&all->lock);
    return cut;
}

unsigned ps_connections_count(struct ps_connections *all) {
    pthread_mutex_lock(&all->lock);
    unsigned n = all->n;
    pthread_mutex_unlock(&all->lock);
    return n;
}

const char *ps_connections_address(const struct ps_connection *c) {
    return c->address;
}
