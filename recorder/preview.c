/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/preview.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "evidence/bytes.h"
#include "evidence/error.h"
#include "recorder/clock.h"
#include "recorder/preview_picture.h"

#define SECOND INT64_C(1000000000)
#define NICE 10
#define LINE 256
#define ASK_PATIENCE_NS (5 * SECOND)   /* for the line that says what is wanted */
#define READ_PATIENCE_NS (10 * SECOND) /* for a client that takes nothing */
#define HEAD 12

struct shot { /* one picture on its way to one client or several */
    unsigned refs;
    size_t n;
    uint8_t bytes[];
};

struct client {
    int fd; /* -1: free */
    bool looks;
    unsigned camera, width;
    int64_t every_ns, due_ns;
    int64_t deadline_ns; /* INT64_MAX: none */
    struct shot *shot;   /* NULL: may have the next one */
    size_t sent, n;
    char line[LINE];
};

struct eye {
    bool asked;
    struct ps_frame frame;
};

struct ps_preview {
    struct ps_preview_spec s;
    char path[108];
    int fd, wake;
    pthread_t thread;
    bool joinable; /* the station's own */
    pthread_mutex_t lock;
    /* under lock */
    bool running, quit;
    unsigned n_clients, n_incoming; /* clients: incoming ones too */
    int incoming[PS_PREVIEW_CLIENTS];
    /* the thread's own */
    struct ps_preview_picture *picture;
    struct client client[PS_PREVIEW_CLIENTS];
    struct eye eye[PS_PREVIEW_CAMERAS];
};

/* ---- clients ---- */

static void let_go(struct shot *s) {
    if (s && --s->refs == 0)
        free(s);
}

static void drop(struct ps_preview *p, struct client *k) {
    close(k->fd);
    let_go(k->shot);
    k->fd = -1;
    k->shot = NULL;
    pthread_mutex_lock(&p->lock);
    p->n_clients--;
    pthread_mutex_unlock(&p->lock);
}

static int64_t bounded(const json_t *o, const char *name, int64_t usual, int64_t least, int64_t most) {
    const json_t *v = json_object_get(o, name);
    int64_t n = json_is_integer(v) ? json_integer_value(v) : usual;

    return n < least ? least : n > most ? most : n;
}

/* False: not understood. */
static bool begin(struct ps_preview *p, struct client *k, size_t n) {
    json_t *o = json_loadb(k->line, n, JSON_REJECT_DUPLICATES, NULL);
    const char *camera = json_string_value(json_object_get(o, "camera"));
    bool known = false;

    for (unsigned i = 0; camera && i < p->s.n_cameras && !known; i++)
        if (strcmp(camera, p->s.camera[i]) == 0) {
            k->camera = i;
            known = true;
        }
    k->every_ns = SECOND / bounded(o, "fps", 5, 1, 15);
    k->width = (unsigned)bounded(o, "width", 640, 160, 1280);
    json_decref(o);
    k->looks = known;
    k->due_ns = 0;
    k->deadline_ns = INT64_MAX;
    return known;
}

static void read_client(struct ps_preview *p, struct client *k) {
    ssize_t got = recv(k->fd, k->line + k->n, sizeof k->line - k->n, MSG_DONTWAIT);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0 || k->looks) { /* gone, or a line without end; who looks has nothing more to say */
        drop(p, k);
        return;
    }
    k->n += (size_t)got;
    const char *nl = memchr(k->line, '\n', k->n);
    if (nl ? nl != k->line + k->n - 1 || !begin(p, k, k->n - 1) : k->n == sizeof k->line)
        drop(p, k);
}

static void write_client(struct ps_preview *p, struct client *k, int64_t now) {
    ssize_t did = send(k->fd, k->shot->bytes + k->sent, k->shot->n - k->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (did < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (did < 0) {
        drop(p, k);
        return;
    }
    k->sent += (size_t)did;
    k->deadline_ns = now + READ_PATIENCE_NS;
    if (k->sent < k->shot->n)
        return;
    let_go(k->shot);
    k->shot = NULL;
    k->deadline_ns = INT64_MAX;
}

/* ---- pictures ---- */

static struct shot *make_shot(struct ps_preview *p, const struct ps_frame *f, int part) {
    const uint8_t *jpeg;
    size_t size;
    struct ps_buf head;

    if (ps_preview_picture_jpeg(p->picture, f, part, &jpeg, &size) < 0 || size > PS_PREVIEW_PICTURE_MAX)
        return NULL;
    struct shot *s = malloc(sizeof *s + HEAD + size);
    ps_buf_init(&head, HEAD);
    ps_buf_u32(&head, (uint32_t)size);
    ps_buf_u64(&head, (uint64_t)f->mono_ns);
    if (s && !head.err) {
        memcpy(s->bytes, head.p, HEAD);
        memcpy(s->bytes + HEAD, jpeg, size);
        s->n = HEAD + size;
        s->refs = 1;
    } else {
        free(s);
        s = NULL;
    }
    ps_buf_free(&head);
    return s;
}

static bool wants(const struct client *k, unsigned camera, int64_t now) {
    return k->fd >= 0 && k->looks && k->camera == camera && !k->shot && k->due_ns <= now;
}

/* A picture is made once for all who want one of its size. */
static void serve(struct ps_preview *p, unsigned camera, const struct ps_frame *f, int64_t now) {
    struct shot *made[9] = {NULL};
    bool tried[9] = {false};

    for (unsigned i = 0; i < PS_PREVIEW_CLIENTS; i++) {
        struct client *k = &p->client[i];
        if (!wants(k, camera, now))
            continue;
        int part = ps_preview_picture_part(p->picture, f, k->width);
        if (part < 0)
            break; /* damaged: the next one */
        if (!tried[part])
            made[part] = make_shot(p, f, part);
        tried[part] = true;
        if (!made[part])
            continue;
        made[part]->refs++;
        k->shot = made[part];
        k->sent = 0;
        k->due_ns = k->due_ns + k->every_ns > now - k->every_ns ? k->due_ns + k->every_ns : now + k->every_ns;
        k->deadline_ns = now + READ_PATIENCE_NS;
        write_client(p, k, now);
    }
    for (unsigned i = 0; i < 9; i++)
        let_go(made[i]);
}

static void ask_cameras(struct ps_preview *p, int64_t now) {
    for (unsigned c = 0; c < p->s.n_cameras; c++)
        for (unsigned i = 0; i < PS_PREVIEW_CLIENTS && !p->eye[c].asked; i++)
            if (wants(&p->client[i], c, now)) {
                p->eye[c].asked = true;
                p->s.ask(p->s.ctx, c, p->wake);
            }
}

static void fetch_pictures(struct ps_preview *p, int64_t now) {
    for (unsigned c = 0; c < p->s.n_cameras; c++) {
        struct eye *y = &p->eye[c];
        if (!y->asked || !p->s.fetch(p->s.ctx, c, &y->frame))
            continue;
        y->asked = false;
        serve(p, c, &y->frame, now);
    }
}

/* ---- the thread ---- */

static void take_in(struct ps_preview *p, int64_t now) {
    for (unsigned i = 0; i < PS_PREVIEW_CLIENTS && p->n_incoming; i++) {
        struct client *k = &p->client[i];
        if (k->fd >= 0)
            continue;
        *k = (struct client){.fd = p->incoming[--p->n_incoming], .deadline_ns = now + ASK_PATIENCE_NS};
    }
}

/* False when nobody looks any more. */
static bool go_on(struct ps_preview *p, int64_t now) {
    pthread_mutex_lock(&p->lock);
    take_in(p, now);
    p->running = p->n_clients > 0 && !p->quit;
    bool on = p->running;
    pthread_mutex_unlock(&p->lock);
    return on;
}

static int patience_ms(const struct ps_preview *p, int64_t now) {
    int64_t until = now + 60 * SECOND;

    for (unsigned i = 0; i < PS_PREVIEW_CLIENTS; i++) {
        const struct client *k = &p->client[i];
        if (k->fd < 0)
            continue;
        if (k->deadline_ns < until)
            until = k->deadline_ns;
        if (k->looks && !k->shot && k->due_ns > now && k->due_ns < until)
            until = k->due_ns;
    }
    return until <= now ? 0 : (int)((until - now) / 1000000 + 1);
}

static void turn(struct ps_preview *p) {
    struct pollfd polls[PS_PREVIEW_CLIENTS + 1] = {{.fd = p->wake, .events = POLLIN}};
    int64_t now = ps_clock_mono_ns();
    eventfd_t count;

    ask_cameras(p, now);
    for (unsigned i = 0; i < PS_PREVIEW_CLIENTS; i++)
        polls[i + 1] = (struct pollfd){.fd = p->client[i].fd,
                                       .events = (short)(POLLIN | (p->client[i].shot ? POLLOUT : 0))};
    if (poll(polls, PS_PREVIEW_CLIENTS + 1, patience_ms(p, now)) < 0)
        return; /* interrupted: nothing is lost */
    now = ps_clock_mono_ns();
    if (polls[0].revents && eventfd_read(p->wake, &count) == 0)
        fetch_pictures(p, now);
    for (unsigned i = 0; i < PS_PREVIEW_CLIENTS; i++) {
        struct client *k = &p->client[i];
        short got = polls[i + 1].revents;
        if (k->fd < 0 || k->fd != polls[i + 1].fd)
            continue;
        if (got & (POLLIN | POLLHUP | POLLERR))
            read_client(p, k);
        if (k->fd >= 0 && k->shot && got & POLLOUT)
            write_client(p, k, now);
        if (k->fd >= 0 && k->deadline_ns <= now)
            drop(p, k);
    }
}

static void *run(void *arg) {
    struct ps_preview *p = arg;

    pthread_setname_np(pthread_self(), "preview");
    /* Of this thread alone, on Linux. Where it is not allowed the pictures are still few and small. */
    (void)setpriority(PRIO_PROCESS, 0, NICE);
    while (go_on(p, ps_clock_mono_ns()))
        turn(p);
    return NULL;
}

/* What a thread leaves behind. */
static void clean_up(struct ps_preview *p) {
    for (unsigned i = 0; i < PS_PREVIEW_CLIENTS; i++)
        if (p->client[i].fd >= 0)
            drop(p, &p->client[i]);
    for (unsigned c = 0; c < p->s.n_cameras; c++) {
        if (p->eye[c].asked)
            p->s.ask(p->s.ctx, c, -1);
        ps_frame_free(&p->eye[c].frame);
        p->eye[c] = (struct eye){0};
    }
    ps_preview_picture_free(p->picture);
    p->picture = NULL;
}

static void join(struct ps_preview *p) {
    if (!p->joinable)
        return;
    pthread_join(p->thread, NULL);
    p->joinable = false;
    clean_up(p);
}

/* ---- the station's side ---- */

static int listen_at(const char *path, struct ps_why *why) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof a.sun_path)
        return ps_error_why(why, PS_ELIMIT, path, "the root's path is too long for a socket (107 bytes)");
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    unlink(path); /* of a recorder that died; run's lock keeps a second one away */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t before = umask(0117);
    bool ok = fd >= 0 && bind(fd, (const struct sockaddr *)&a, sizeof a) == 0 &&
              listen(fd, PS_PREVIEW_CLIENTS) == 0;
    int err = ok ? 0 : ps_error_why(why, PS_EIO, path, "%s", strerror(errno));
    umask(before);
    if (!ok && fd >= 0)
        close(fd);
    return ok ? fd : err;
}

int ps_preview_new(struct ps_preview **out, const struct ps_preview_spec *s, struct ps_why *why) {
    struct ps_preview *p = calloc(1, sizeof *p);

    if (!p)
        return ps_error_why(why, PS_ENOMEM, s->path, "out of memory");
    p->s = *s;
    p->s.path = p->path;
    for (unsigned i = 0; i < PS_PREVIEW_CLIENTS; i++)
        p->client[i].fd = -1;
    p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    p->fd = p->wake < 0 ? ps_error_why(why, PS_EIO, s->path, "%s", strerror(errno)) : listen_at(s->path, why);
    if (p->fd < 0) {
        int err = p->fd;
        if (p->wake >= 0)
            close(p->wake);
        free(p);
        return err;
    }
    snprintf(p->path, sizeof p->path, "%s", s->path);
    pthread_mutex_init(&p->lock, NULL);
    *out = p;
    return 0;
}

void ps_preview_free(struct ps_preview *p) {
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->quit = true;
    pthread_mutex_unlock(&p->lock);
    eventfd_write(p->wake, 1);
    join(p);
    for (unsigned i = 0; i < p->n_incoming; i++)
        close(p->incoming[i]);
    close(p->fd);
    unlink(p->path);
    close(p->wake);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

int ps_preview_fd(const struct ps_preview *p) {
    return p ? p->fd : -1;
}

/* The thread that was there is over: another one. */
static bool start(struct ps_preview *p) {
    join(p);
    if (ps_preview_picture_new(&p->picture) < 0)
        return false;
    p->running = true;
    if (pthread_create(&p->thread, NULL, run, p) == 0) {
        p->joinable = true;
        return true;
    }
    p->running = false;
    ps_preview_picture_free(p->picture);
    p->picture = NULL;
    return false;
}

void ps_preview_accept(struct ps_preview *p) {
    int fd = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return;
    pthread_mutex_lock(&p->lock);
    bool room = p->n_clients < PS_PREVIEW_CLIENTS;
    if (room) {
        p->incoming[p->n_incoming++] = fd;
        p->n_clients++;
    }
    bool running = p->running;
    pthread_mutex_unlock(&p->lock);
    if (!room) {
        close(fd);
    } else if (running) {
        eventfd_write(p->wake, 1);
    } else if (!start(p)) { /* no thread runs: the fields are ours */
        p->n_incoming--;
        p->n_clients--;
        close(fd);
    }
}
