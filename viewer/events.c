/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "viewer/events.h"
#include "archive/root.h"
#include "archive/socket.h"
#include "viewer/answer_internal.h"
#include "viewer/ask.h"
#include "viewer/gate.h"
#include "viewer/hooks.h"
#include "viewer/server.h"
#include "viewer/sessions.h"
#include "viewer/viewer.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_LINE 65536
#define AGAIN_MS 1000
#define PULSE_MS \
    15000 /* a comment, so that proxies keep the line open, and a look whether the session still counts */

struct block { /* one event as browsers read it */
    char *text;
    size_t n;
};

struct listener {
    struct ps_events *events;
    uint64_t next; /* block to send */
    char *part;    /* a block that did not fit, or the first one */
    size_t part_n, at;
    int64_t said_ms;
    char session[64]; /* "" of a bearer's token, which lives until it is dropped */
    char bearer[64];
    struct ps_wake *wake;
    struct listener *following;
};

struct ps_events {
    struct ps_viewer *viewer;
    pthread_mutex_t lock;
    struct block ring[PS_EVENTS_RING];
    uint64_t next; /* number of the block that comes */
    struct listener *listeners;
    unsigned n;
    int stop; /* eventfd */
    pthread_t thread;
};

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- to browsers */

/* "event: NAME\ndata: {...}\n\n"; JSON of one line. NULL: no memory. */
static char *block_of(const char *name, const json_t *data, size_t *n) {
    char *json = json_dumps(data, JSON_COMPACT), *text = NULL;
    int len = json != NULL ? asprintf(&text, "event: %s\ndata: %s\n\n", name, json) : -1;
    free(json);
    if (len < 0)
        return NULL;
    *n = (size_t)len;
    return text;
}

/* Steals data. */
static void publish(struct ps_events *e, const char *name, json_t *data) {
    size_t n = 0;
    char *text = data != NULL ? block_of(name, data, &n) : NULL;
    json_decref(data);
    if (text == NULL)
        return;
    pthread_mutex_lock(&e->lock);
    struct block *b = &e->ring[e->next % PS_EVENTS_RING];
    free(b->text);
    *b = (struct block){text, n};
    e->next++;
    for (struct listener *l = e->listeners; l != NULL; l = l->following)
        if (l->wake != NULL)
            ps_answer_wake(l->wake);
    pthread_mutex_unlock(&e->lock);
}

/* Is who listens still somebody? One who was signed out, or whose account was closed, hears no more. */
static bool still_counts(const struct listener *l) {
    struct ps_sessions *s = l->events->viewer->sessions;
    return ps_sessions_alive(s, l->session[0] != '\0' ? l->session : l->bearer);
}

static ssize_t pull(void *ctx, char *p, size_t max) {
    struct listener *l = ctx;
    struct ps_events *e = l->events;
    size_t n = 0;
    bool lost = false;
    int64_t now = now_ms();
    pthread_mutex_lock(&e->lock);
    while (n < max && !lost) {
        if (l->part == NULL && l->next < e->next) {
            lost = e->next - l->next > PS_EVENTS_RING;
            const struct block *b = &e->ring[l->next % PS_EVENTS_RING];
            if (lost || (l->part = malloc(b->n)) == NULL)
                break;
            memcpy(l->part, b->text, b->n);
            l->part_n = b->n;
            l->at = 0;
            l->next++;
        }
        if (l->part == NULL)
            break;
        size_t some = l->part_n - l->at < max - n ? l->part_n - l->at : max - n;
        memcpy(p + n, l->part + l->at, some);
        n += some;
        l->at += some;
        if (l->at == l->part_n) {
            free(l->part);
            l->part = NULL;
        }
    }
    pthread_mutex_unlock(&e->lock);
    if (lost)
        return -1;
    if (now - l->said_ms >= PULSE_MS) {
        if (!still_counts(l))
            return -1;
        l->said_ms = now;
        if (n == 0 && max >= 3) {
            memcpy(p, ":\n\n", 3);
            n = 3;
        }
    }
    return (ssize_t)n;
}

static void over(void *ctx) {
    struct listener *l = ctx;
    struct ps_events *e = l->events;
    pthread_mutex_lock(&e->lock);
    for (struct listener **at = &e->listeners; *at != NULL; at = &(*at)->following)
        if (*at == l) {
            *at = l->following;
            e->n--;
            break;
        }
    pthread_mutex_unlock(&e->lock);
    ps_answer_wake_free(l->wake);
    free(l->part);
    free(l);
}

/* What a browser begins with: the status of now. Events that happen meanwhile follow, perhaps told a second time. */
static void greet(const struct ps_viewer *v, struct listener *l) {
    json_t *reply = NULL, *data = NULL;
    const char *name = "no-recorder";
    if (ps_ask_recorder(v->root, json_pack("{s:s}", "do", "status"), 5, &reply, NULL) == 0 &&
        json_is_true(json_object_get(reply, "ok"))) {
        name = "status";
        data = json_incref(reply);
        json_object_del(data, "ok");
    }
    json_decref(reply);
    if (data == NULL)
        data = json_object();
    l->part = block_of(name, data, &l->part_n);
    json_decref(data);
}

static void get_events(struct ps_request *r, struct ps_answer *a) {
    struct ps_events *e = r->viewer->events;
    const struct ps_gate *g = ps_server_gate(r);
    struct listener *l = calloc(1, sizeof(*l));
    if (l == NULL) {
        ps_answer_error(a, "internal", "out of memory", "events", "try again");
        return;
    }
    l->events = e;
    l->said_ms = now_ms();
    snprintf(l->session, sizeof(l->session), "%s", g->session);
    if (l->session[0] == '\0' && strlen(g->authorization) > 7)
        snprintf(l->bearer, sizeof(l->bearer), "%s", g->authorization + 7);
    pthread_mutex_lock(&e->lock);
    bool room = e->n < PS_EVENTS_LISTENERS;
    if (room) {
        l->next = e->next;
        l->following = e->listeners;
        e->listeners = l;
        e->n++;
    }
    pthread_mutex_unlock(&e->lock);
    if (!room) {
        free(l);
        ps_answer_error(a, "busy", "too many browsers listen", "events", "close some windows");
        return;
    }
    greet(r->viewer, l);
    struct ps_wake *wake = NULL;
    ps_answer_stream(a, "text/event-stream", pull, over, l, &wake);
    if (wake == NULL)
        return;
    pthread_mutex_lock(&e->lock); /* the answer is not on its way yet: l lives */
    l->wake = wake;
    pthread_mutex_unlock(&e->lock);
}

/* ---- from the recorder */

static bool stopped(struct ps_events *e, int fd, int wait_ms) {
    struct pollfd p[] = {{.fd = e->stop, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    while (poll(p, fd >= 0 ? 2 : 1, wait_ms) < 0 && errno == EINTR)
        continue;
    return p[0].revents != 0;
}

static bool is_name(const char *s) {
    size_t n = s != NULL ? strspn(s, "abcdefghijklmnopqrstuvwxyz-") : 0;
    return n >= 1 && n <= 32 && s[n] == '\0';
}

/* One line of the stream: its first is the answer to the question, with the status of then. False: it is no stream of events. */
static bool take_line(struct ps_events *e, const char *line, size_t n, bool *first) {
    json_t *o = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
    const char *name = json_string_value(json_object_get(o, "event"));
    bool ok = true;
    if (*first) {
        ok = json_is_true(json_object_get(o, "ok"));
        if (ok)
            publish(e, "recorder", json_incref(json_object_get(o, "status")));
        *first = false;
    } else if (is_name(name)) {
        ps_hooks_tell(e->viewer->hooks, name, o);
        publish(e, name, json_incref(o));
    }
    json_decref(o);
    return ok;
}

/* Reads until the recorder goes or we stop. */
static void follow(struct ps_events *e, int fd, char *line) {
    size_t n = 0;
    bool first = true;
    while (!stopped(e, fd, -1)) {
        ssize_t got = read(fd, line + n, MAX_LINE - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return;
        n += (size_t)got;
        char *from = line, *feed;
        while ((feed = memchr(from, '\n', n - (size_t)(from - line))) != NULL) {
            if (!take_line(e, from, (size_t)(feed - from), &first))
                return;
            from = feed + 1;
        }
        n -= (size_t)(from - line);
        memmove(line, from, n);
        if (n == MAX_LINE)
            return;
    }
}

static void *run(void *arg) {
    static const char ask[] = "{\"do\":\"events\"}\n";
    struct ps_events *e = arg;
    char *line = malloc(MAX_LINE);
    bool there = true; /* so that the first absence is told */
    while (line != NULL) {
        int fd = ps_socket_connect(e->viewer->root, PS_ROOT_CONTROL_SOCKET, SOCK_STREAM, NULL);
        if (fd >= 0) {
            there = true;
            if (send(fd, ask, sizeof(ask) - 1, MSG_NOSIGNAL) == (ssize_t)sizeof(ask) - 1)
                follow(e, fd, line);
            close(fd);
        }
        if (there)
            publish(e, "no-recorder", json_object());
        there = false;
        if (stopped(e, -1, AGAIN_MS))
            break;
    }
    free(line);
    return NULL;
}

int ps_events_open(struct ps_events **out, struct ps_viewer *v, struct ps_why *why) {
    struct ps_events *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return ps_error_why(why, PS_ENOMEM, "events", "out of memory");
    e->viewer = v;
    pthread_mutex_init(&e->lock, NULL);
    e->stop = eventfd(0, EFD_CLOEXEC);
    if (e->stop < 0 || pthread_create(&e->thread, NULL, run, e) != 0) {
        if (e->stop >= 0)
            close(e->stop);
        free(e);
        return ps_error_why(why, PS_EIO, "events", "cannot start: %s", strerrordesc_np(errno));
    }
    *out = e;
    return 0;
}

void ps_events_close(struct ps_events *e) {
    uint64_t one = 1;
    if (e == NULL)
        return;
    if (write(e->stop, &one, sizeof(one)) == (ssize_t)sizeof(one))
        pthread_join(e->thread, NULL);
    close(e->stop);
    for (size_t i = 0; i < PS_EVENTS_RING; i++)
        free(e->ring[i].text);
    pthread_mutex_destroy(&e->lock);
    free(e);
}

const struct ps_route ps_events_routes[] = {
    {"GET", "/api/v1/events", PS_ROLE_SEES | PS_ROLE_READ | PS_ROUTE_SLOW, PS_BODY_NONE, 0, NULL, get_events},
    {NULL, NULL, 0, PS_BODY_NONE, 0, NULL, NULL},
};
