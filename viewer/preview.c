/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * GET /preview/{camera}: live pictures as multipart/x-mixed-replace (RFC 2046 section 5.1). However many browsers look at one camera, the
 * recorder is asked once: a thread reads its preview socket (docs/PROTOCOL.md) while anybody looks, keeps the newest picture,
 * and each browser takes that at its own speed.
 */
#include "archive/root.h"
#include "archive/socket.h"
#include "viewer/answer.h"
#include "viewer/gate.h"
#include "viewer/server.h"
#include "viewer/sessions.h"
#include "viewer/viewer.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SOURCES 16 /* camera, rate and width */
#define WATCHERS 128
#define JPEG_MAX ((uint32_t)1 << 20)
#define BOUNDARY "packseal"
#define LOOK_MS 500
#define COUNTS_MS 1000

struct picture {
    unsigned refs; /* under the lock */
    size_t n;
    uint8_t p[];
};

struct source {
    bool used;
    char camera[PS_MAX_NAME + 1];
    int fps, width, fd;
    unsigned watchers;
    uint64_t seq;           /* of newest; 0: none yet */
    struct picture *newest; /* NULL until the first */
    bool over;              /* the recorder is gone, or there is no such camera */
};

struct watcher {
    struct source *source;
    struct ps_wake *wake;
    uint64_t seen;
    struct picture *now; /* being sent */
    struct ps_sessions *sessions;
    char token[64]; /* of the session, or the bearer's: who is signed out sees no more */
    int64_t asked_ms;
    char head[128];
    size_t head_n, at; /* how much of head, picture and line end went out */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct source sources[SOURCES];
static struct watcher *watchers[WATCHERS];

/* ---- pictures; under the lock */

static void put_back(struct picture *p) {
    if (p && --p->refs == 0)
        free(p);
}

static void wake_all(const struct source *s) {
    for (unsigned i = 0; i < WATCHERS; i++)
        if (watchers[i] && watchers[i]->source == s && watchers[i]->wake)
            ps_answer_wake(watchers[i]->wake);
}

/* ---- reading: one thread a source, which ends with its last watcher */

/* False when the recorder closed, or nobody looks any more. */
static bool read_all(struct source *s, void *p, size_t n) {
    for (size_t at = 0; at < n;) {
        struct pollfd q = {.fd = s->fd, .events = POLLIN};
        pthread_mutex_lock(&lock);
        bool alone = s->watchers == 0;
        pthread_mutex_unlock(&lock);
        if (alone)
            return false;
        if (poll(&q, 1, LOOK_MS) <= 0)
            continue;
        ssize_t got = recv(s->fd, (uint8_t *)p + at, n - at, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += (size_t)got;
    }
    return true;
}

static bool read_one(struct source *s) {
    uint8_t h[12];

    if (!read_all(s, h, sizeof(h)))
        return false;
    uint32_t n = (uint32_t)h[0] << 24 | (uint32_t)h[1] << 16 | (uint32_t)h[2] << 8 | h[3];
    struct picture *p = n > 0 && n <= JPEG_MAX ? malloc(sizeof(*p) + n) : NULL;
    if (!p)
        return false;
    p->n = n;
    p->refs = 1;
    if (!read_all(s, p->p, n)) {
        free(p);
        return false;
    }
    pthread_mutex_lock(&lock);
    put_back(s->newest);
    s->newest = p;
    s->seq++;
    wake_all(s);
    pthread_mutex_unlock(&lock);
    return true;
}

/* The slot is free again when thread and watchers have both let go of it; whoever comes last. */
static void maybe_free(struct source *s) {
    if (s->over && s->watchers == 0) {
        put_back(s->newest);
        memset(s, 0, sizeof(*s));
    }
}

static void *work(void *ctx) {
    struct source *s = ctx;

    while (read_one(s))
        ;
    close(s->fd);
    pthread_mutex_lock(&lock);
    s->over = true;
    wake_all(s);
    maybe_free(s);
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* Under the lock, which all streams need: connects without waiting, and sends one line into an empty buffer. */
static int start(struct source *s, const char *root, struct ps_why *why) {
    char line[160];
    pthread_t thread;
    pthread_attr_t attr;

    int fd = ps_socket_connect(root, PS_ROOT_PREVIEW_SOCKET, SOCK_STREAM | SOCK_NONBLOCK, why);
    if (fd < 0)
        return fd;
    json_t *ask = json_pack("{s:s, s:i, s:i}", "camera", s->camera, "fps", s->fps, "width", s->width);
    size_t n = json_dumpb(ask, line, sizeof(line) - 1, JSON_COMPACT);
    json_decref(ask);
    s->fd = fd;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    bool ok = n > 0 && n < sizeof(line) - 1;
    if (ok) {
        line[n++] = '\n';
        ok = send(fd, line, n, MSG_NOSIGNAL) == (ssize_t)n && pthread_create(&thread, &attr, work, s) == 0;
    }
    pthread_attr_destroy(&attr);
    if (ok)
        return 0;
    close(fd);
    return ps_error_why(why, PS_EIO, "run/preview.sock", "cannot be asked");
}

/* Under the lock. The source that these can share, or a new one. */
static int join(struct watcher *w, const char *root, const char *camera, int fps, int width,
                struct ps_why *why) {
    struct source *free_one = NULL, *s = NULL;

    for (unsigned i = 0; i < SOURCES && !s; i++)
        if (!sources[i].used)
            free_one = free_one ? free_one : &sources[i];
        else if (!sources[i].over && sources[i].watchers && sources[i].fps == fps &&
                 sources[i].width == width && strcmp(sources[i].camera, camera) == 0)
            s = &sources[i];
    if (!s) {
        if (!free_one)
            return ps_error_why(why, PS_EFULL, camera, "too many different previews at once");
        s = free_one;
        *s = (struct source){.used = true, .fps = fps, .width = width, .watchers = 1};
        snprintf(s->camera, sizeof(s->camera), "%.*s", PS_MAX_NAME, camera);
        int err = start(s, root, why);
        if (err < 0) {
            memset(s, 0, sizeof(*s));
            return err;
        }
    } else {
        s->watchers++;
    }
    w->source = s;
    return 0;
}

/* ---- a browser */

static bool next_picture(struct watcher *w) {
    struct source *s = w->source;

    if (s->seq == w->seen)
        return false;
    w->seen = s->seq;
    w->now = s->newest;
    w->now->refs++;
    w->at = 0;
    w->head_n = (size_t)snprintf(w->head, sizeof(w->head),
                                 "--" BOUNDARY "\r\nContent-Type: image/jpeg\r\nContent-Length: %zu\r\n\r\n",
                                 w->now->n);
    return true;
}

/* The next bytes of head, picture, line end. */
static size_t give(struct watcher *w, char *p, size_t max) {
    const size_t parts[3] = {w->head_n, w->now->n, 2};
    const void *const from[3] = {w->head, w->now->p, "\r\n"};
    size_t base = 0;

    for (int i = 0; i < 3; base += parts[i++]) {
        if (w->at >= base + parts[i])
            continue;
        size_t n = base + parts[i] - w->at;
        n = n < max ? n : max;
        memcpy(p, (const char *)from[i] + (w->at - base), n);
        w->at += n;
        return n;
    }
    return 0;
}

static bool still_counts(struct watcher *w) {
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t now = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
    if (now - w->asked_ms < COUNTS_MS)
        return true;
    w->asked_ms = now;
    return ps_sessions_alive(w->sessions, w->token);
}

static ssize_t pull(void *ctx, char *p, size_t max) {
    struct watcher *w = ctx;

    if (!still_counts(w))
        return -1;
    for (;;) {
        size_t n = w->now ? give(w, p, max) : 0;
        if (n)
            return (ssize_t)n;
        pthread_mutex_lock(&lock);
        put_back(w->now);
        w->now = NULL;
        bool more = next_picture(w), over = w->source->over;
        pthread_mutex_unlock(&lock);
        if (!more)
            return over ? -1 : 0;
    }
}

static void leave(void *ctx) {
    struct watcher *w = ctx;

    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < WATCHERS; i++)
        if (watchers[i] == w)
            watchers[i] = NULL;
    put_back(w->now);
    w->source->watchers--;
    maybe_free(w->source);
    pthread_mutex_unlock(&lock);
    ps_answer_wake_free(w->wake);
    free(w);
}

static bool is_camera(const struct ps_config *c, const char *name) {
    for (unsigned i = 0; i < c->n_cameras; i++)
        if (strcmp(c->cameras[i].name, name) == 0)
            return true;
    return false;
}

static void get(struct ps_request *r, struct ps_answer *a) {
    int64_t fps = 5, width = 640;
    struct ps_why why = {0};
    struct watcher *w;
    struct ps_wake *wake = NULL;
    unsigned slot = 0;

    if (!is_camera(&r->viewer->config, r->arg[0])) {
        ps_answer_error(a, "not-found", "no such camera", "preview", "see the station's cameras");
        return;
    }
    if (ps_request_number(r, "fps", 1, 15, &fps) < 0 ||
        ps_request_number(r, "width", 160, 1280, &width) < 0) {
        ps_answer_error(a, "bad-request", "fps or width", "preview", "fps is 1 to 15, width 160 to 1280");
        return;
    }
    if (!(w = calloc(1, sizeof(*w)))) {
        ps_answer_error(a, "internal", "out of memory", "preview", "try again");
        return;
    }
    const struct ps_gate *g = ps_server_gate(r);
    w->sessions = r->viewer->sessions;
    snprintf(w->token, sizeof(w->token), "%s",
             g->session[0] == '\0' && strlen(g->authorization) > 7 ? g->authorization + 7 : g->session);
    pthread_mutex_lock(&lock);
    while (slot < WATCHERS && watchers[slot])
        slot++;
    int err = slot == WATCHERS ? ps_error_why(&why, PS_EFULL, "preview", "too many look at once")
                               : join(w, r->viewer->root, r->arg[0], (int)fps, (int)width, &why);
    if (err == 0)
        watchers[slot] = w;
    pthread_mutex_unlock(&lock);
    if (err < 0) {
        free(w);
        ps_answer_error(a, err == PS_EFULL ? "busy" : "no-recorder", why.text, why.where,
                        "see the station's state");
        return;
    }
    /* Without the lock: it may call leave(), and give no slot then. A picture that comes before the slot is filled is found
     * by the first pull. */
    ps_answer_stream(a, "multipart/x-mixed-replace; boundary=" BOUNDARY, pull, leave, w, &wake);
    if (!wake)
        return;
    pthread_mutex_lock(&lock);
    w->wake = wake;
    pthread_mutex_unlock(&lock);
}

const struct ps_route ps_preview_routes[] = {
    {"GET", "/api/v1/preview/{camera}", PS_ROLE_SEES, PS_BODY_NONE, 0, NULL, get},
    {NULL, NULL, 0, PS_BODY_NONE, 0, NULL, NULL},
};
