/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "archive/holds.h"
#include "evidence/bytes.h"
#include "evidence/json.h"
#include "recorder/announce.h"
#include "recorder/clock.h"
#include "recorder/station.h"

#define CLIENTS 32
#define LISTENERS 24 /* of them: somebody can still ask */
#define LINE 4096
#define OUT ((size_t)64 << 10)
#define EVENTS (256 << 10) /* bytes that a listener may leave unread: its socket's buffer, nothing of ours */

struct client {
    int fd; /* -1: free */
    uint64_t id;
    size_t n;
    bool waits; /* for an answer: one request at a time */
    bool listens;
    char line[LINE];
};

struct ps_control {
    int fd;
    uint64_t next_id;
    char path[108];
    struct client client[CLIENTS];
};

int ps_control_new(struct ps_control **out, const char *path, struct ps_why *why) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct ps_control *c = calloc(1, sizeof *c);

    if (!c)
        return ps_error_why(why, PS_ENOMEM, path, "out of memory");
    for (int i = 0; i < CLIENTS; i++)
        c->client[i].fd = -1;
    if (strlen(path) >= sizeof a.sun_path) {
        free(c);
        return ps_error_why(why, PS_ELIMIT, path, "the root's path is too long for a socket (107 bytes)");
    }
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    snprintf(c->path, sizeof c->path, "%s", path);
    unlink(path); /* of a recorder that died; run's lock keeps a second one away */
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t before = umask(0117);
    bool ok =
        c->fd >= 0 && bind(c->fd, (const struct sockaddr *)&a, sizeof a) == 0 && listen(c->fd, CLIENTS) == 0;
    umask(before);
    if (!ok) {
        int err = ps_error_why(why, PS_EIO, path, "%s", strerror(errno));
        if (c->fd >= 0)
            close(c->fd);
        free(c);
        return err;
    }
    c->next_id = 1;
    *out = c;
    return 0;
}

static void drop(struct client *k) {
    close(k->fd);
    k->fd = -1;
}

void ps_control_free(struct ps_control *c) {
    if (!c)
        return;
    for (int i = 0; i < CLIENTS; i++)
        if (c->client[i].fd >= 0)
            drop(&c->client[i]);
    close(c->fd);
    unlink(c->path);
    free(c);
}

static struct client *by_id(struct ps_control *c, uint64_t id) {
    for (int i = 0; id && i < CLIENTS; i++)
        if (c->client[i].fd >= 0 && c->client[i].id == id)
            return &c->client[i];
    return NULL;
}

unsigned ps_control_listeners(const struct ps_control *c) {
    unsigned n = 0;

    for (int i = 0; c && i < CLIENTS; i++)
        n += c->client[i].fd >= 0 && c->client[i].listens;
    return n;
}

void ps_control_listen(struct ps_control *c, uint64_t id) {
    struct client *k = by_id(c, id);
    int room = EVENTS;

    if (!k)
        return;
    k->listens = true;
    /* The kernel counts its own overhead, too, and doubles the figure for that. */
    setsockopt(k->fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
}

void ps_control_tell(struct ps_control *c, char *text) {
    size_t n = strlen(text);

    text[n] = '\n'; /* over the terminator */
    for (int i = 0; i < CLIENTS; i++) {
        struct client *k = &c->client[i];
        if (k->fd >= 0 && k->listens &&
            send(k->fd, text, n + 1, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)n + 1)
            drop(k);
    }
}

/* Takes the reference. Replies are short and the socket's buffer is empty when a client waits; one that does not read
 * is dropped rather than waited for. */
static void answer(struct ps_control *c, uint64_t id, json_t *o) {
    struct client *k = by_id(c, id);
    char *text = k && o ? json_dumps(o, JSON_COMPACT) : NULL;

    json_decref(o);
    if (!text)
        return;
    size_t n = strlen(text);
    text[n++] = '\n'; /* over the terminator */
    k->waits = false;
    if (n > OUT || send(k->fd, text, n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)n)
        drop(k);
    free(text);
}

void ps_control_ok(struct ps_control *c, uint64_t client, json_t *members) {
    if (!members)
        members = json_object();
    json_object_set_new(members, "ok", json_true());
    answer(c, client, members);
}

void ps_control_error(struct ps_control *c, uint64_t client, const char *what, const char *where,
                      const char *todo) {
    char text[1024];

    if (!client)
        return;
    snprintf(text, sizeof text, "%s: %s: %s", what, where, todo);
    answer(c, client, json_pack("{s:b, s:s}", "ok", 0, "error", text));
}

static void do_scan(struct ps_station *st, uint64_t id, json_t *o) {
    const char *code = json_string_value(json_object_get(o, "code"));
    bool manual = json_is_true(json_object_get(o, "manual"));

    if (!code || !*code || strlen(code) > PS_MAX_CODE || !ps_bytes_is_text(code, strlen(code))) {
        ps_control_error(st->control, id, "not a code", "scan", "1 to 128 bytes of printable text");
        return;
    }
    ps_conduct_code(st, code, manual ? PS_ENTRY_MANUAL : PS_ENTRY_API, "", ps_clock_mono_ns(), id);
}

/* Holds are short work under a lock that retention gives back after each clip; who asks waits, not the recording. */
static void do_hold(struct ps_station *st, uint64_t id, json_t *o, bool hold) {
    const char *clip = json_string_value(json_object_get(o, "clip"));
    const char *note = json_string_value(json_object_get(o, "note"));
    struct ps_hold h = {.since_ns = 0};
    struct ps_clock_map map;
    struct ps_why why = {0};

    if (!clip || strlen(clip) >= sizeof h.clip || (note && strlen(note) > PS_HOLD_NOTE)) {
        ps_control_error(st->control, id, "not a clip's name, or the note is too long", "hold",
                         "a name as ST03-0000123, 256 bytes of note");
        return;
    }
    ps_clock_sample(&map);
    h.since_ns = ps_clock_wall_of(&map, ps_clock_mono_ns());
    snprintf(h.clip, sizeof h.clip, "%s", clip);
    snprintf(h.note, sizeof h.note, "%s", note ? note : "");
    int lock = ps_holds_lock(st->root, &why);
    if (lock == PS_EBUSY) {
        ps_control_ok(st->control, id, json_pack("{s:b}", "busy", 1));
        return;
    }
    int err = lock < 0 ? lock : hold ? ps_holds_put(st->root, &h, &why) : ps_holds_drop(st->root, clip, &why);
    if (lock >= 0)
        close(lock);
    if (err < 0) {
        ps_control_error(st->control, id, why.text, why.where, "see packseal find and packseal hold");
        return;
    }
    ps_station_say("%s %s%s%s", hold ? "held" : "released", clip, h.note[0] ? ": " : "", h.note);
    ps_control_ok(st->control, id, json_pack("{s:s, s:b}", "clip", clip, "held", (int)hold));
}

static void do_events(struct ps_station *st, uint64_t id) {
    if (ps_control_listeners(st->control) < LISTENERS)
        ps_announce_listen(st, id);
    else
        ps_control_error(st->control, id, "too many listeners", "control socket",
                         "end one of the others: screens, players, packseal events");
}

static void obey(struct ps_station *st, uint64_t id, json_t *o) {
    const char *word = json_string_value(json_object_get(o, "do"));

    if (!word)
        ps_control_error(st->control, id, "no word", "control socket", "see docs/PROTOCOL.md");
    else if (strcmp(word, "status") == 0)
        ps_control_ok(st->control, id, ps_status_json(st));
    else if (strcmp(word, "events") == 0)
        do_events(st, id);
    else if (strcmp(word, "cameras") == 0)
        ps_control_ok(st->control, id, json_pack("{s:o}", "cameras", ps_status_cameras(st)));
    else if (strcmp(word, "scan") == 0)
        do_scan(st, id, o);
    else if (strcmp(word, "hold") == 0 || strcmp(word, "release") == 0)
        do_hold(st, id, o, word[0] == 'h');
    else if (strcmp(word, "stop") == 0)
        ps_conduct_event(st, PS_SESSION_STOP, ps_clock_mono_ns(), id);
    else if (strcmp(word, "cancel") == 0)
        ps_conduct_event(st, PS_SESSION_CANCEL, ps_clock_mono_ns(), id);
    else
        ps_control_error(st->control, id, "unknown word", "control socket", "see docs/PROTOCOL.md");
}

static void on_line(struct ps_station *st, struct ps_control *c, struct client *k, size_t n) {
    json_error_t e;
    uint64_t id = k->id;
    json_t *o = json_loadb(k->line, n, JSON_REJECT_DUPLICATES, &e);

    k->waits = true;
    if (json_is_object(o))
        obey(st, id, o);
    else
        ps_control_error(c, id, "not a JSON object", "control socket", "one object a line");
    json_decref(o);
}

/* Takes the first whole line out of the buffer; the rest stays until it is answered. */
static void pump(struct ps_station *st, struct ps_control *c, struct client *k) {
    uint64_t id = k->id;

    while (k->fd >= 0 && k->id == id && !k->waits && k->n) {
        char *nl = memchr(k->line, '\n', k->n);
        if (!nl)
            return;
        size_t n = (size_t)(nl - k->line);
        on_line(st, c, k, n);
        if (k->fd < 0 || k->id != id)
            return;
        k->n -= n + 1;
        memmove(k->line, k->line + n + 1, k->n);
        if (k->listens && k->n)
            drop(k);
    }
}

static void on_readable(struct ps_station *st, struct ps_control *c, struct client *k) {
    ssize_t got = recv(k->fd, k->line + k->n, sizeof k->line - k->n, MSG_DONTWAIT);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0 || k->listens) { /* gone, or a line that does not fit; a listener has nothing more to ask */
        drop(k);
        return;
    }
    k->n += (size_t)got;
    pump(st, c, k);
}

static void on_connect(struct ps_control *c) {
    int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return;
    for (int i = 0; i < CLIENTS; i++)
        if (c->client[i].fd < 0) {
            c->client[i].fd = fd;
            c->client[i].id = c->next_id++;
            c->client[i].n = 0;
            c->client[i].waits = c->client[i].listens = false;
            return;
        }
    close(fd); /* full: the client sees the end and says so */
}

unsigned ps_control_poll(struct ps_control *c, struct pollfd *p, unsigned max) {
    unsigned n = 0;

    if (n < max)
        p[n++] = (struct pollfd){.fd = c->fd, .events = POLLIN};
    for (int i = 0; i < CLIENTS && n < max; i++)
        if (c->client[i].fd >= 0 && c->client[i].n < sizeof c->client[i].line)
            p[n++] = (struct pollfd){.fd = c->client[i].fd, .events = POLLIN};
    return n;
}

void ps_control_serve(struct ps_station *st, struct ps_control *c, const struct pollfd *p, unsigned n) {
    for (int i = 0; i < CLIENTS; i++) { /* lines that came while an answer was due */
        if (c->client[i].fd >= 0)
            pump(st, c, &c->client[i]);
    }
    for (unsigned i = 0; i < n; i++) {
        if (!p[i].revents)
            continue;
        if (p[i].fd == c->fd) {
            on_connect(c);
            continue;
        }
        for (int k = 0; k < CLIENTS; k++)
            if (c->client[k].fd == p[i].fd) {
                on_readable(st, c, &c->client[k]);
                break;
            }
    }
}
