/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "player/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char request[] = "{\"do\":\"events\"}\n";

void ps_stream_init(struct ps_stream *s) {
    s->fd = -1;
    s->n = 0;
}

void ps_stream_close(struct ps_stream *s) {
    if (s->fd >= 0)
        close(s->fd);
    ps_stream_init(s);
}

int ps_stream_connect(struct ps_stream *s, const char *path, struct ps_why *why) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof a.sun_path)
        return ps_error_why(why, PS_ELIMIT, path, "the path is too long for a socket (107 bytes)");
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    s->n = 0;
    s->welcomed = false;
    /* The recorder accepts at once or is not there: this connect does not wait for long. */
    bool ok = s->fd >= 0 && connect(s->fd, (const struct sockaddr *)&a, sizeof a) == 0 &&
              send(s->fd, request, sizeof request - 1, MSG_NOSIGNAL) == (ssize_t)sizeof request - 1 &&
              fcntl(s->fd, F_SETFL, O_NONBLOCK) == 0;
    if (ok)
        return 0;
    int err = errno == ENOENT || errno == ECONNREFUSED ? PS_ENOENT : errno == EACCES ? PS_EPERM : PS_EIO;
    ps_error_why(why, err, path, "%s", err == PS_ENOENT ? "no recorder runs" : strerrordesc_np(errno));
    ps_stream_close(s);
    return err;
}

static int lost(struct ps_stream *s, int err, struct ps_why *why, const char *text) {
    ps_stream_close(s);
    return ps_error_why(why, err, "events", "%s", text);
}

int ps_stream_fill(struct ps_stream *s, struct ps_why *why) {
    if (s->n == sizeof s->line)
        return lost(s, PS_EFORMAT, why, "a line without end");
    ssize_t got = recv(s->fd, s->line + s->n, sizeof s->line - s->n, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (got <= 0)
        return lost(s, PS_EGONE, why, "the recorder has ended");
    s->n += (size_t)got;
    return 0;
}

static void copy_text(char out[40], const json_t *o, const char *key) {
    const char *s = json_string_value(json_object_get(o, key));

    snprintf(out, 40, "%s", s && strlen(s) < 40 ? s : "");
}

int ps_stream_next(struct ps_stream *s, struct ps_stream_event *e, struct ps_why *why) {
    char *nl = s->fd >= 0 ? memchr(s->line, '\n', s->n) : NULL;

    if (!nl)
        return 0;
    size_t n = (size_t)(nl - s->line);
    json_t *o = json_loadb(s->line, n, 0, NULL);
    s->n -= n + 1;
    memmove(s->line, nl + 1, s->n);
    bool refused = !json_is_object(o) || (!s->welcomed && !json_is_true(json_object_get(o, "ok")));
    memset(e, 0, sizeof *e);
    if (!refused && s->welcomed) {
        e->seq = (uint64_t)json_integer_value(json_object_get(o, "seq"));
        e->mono_ns = json_integer_value(json_object_get(o, "mono_ns"));
        copy_text(e->tone, o, "tone");
        copy_text(e->say, o, "say");
    }
    s->welcomed = true;
    json_decref(o);
    return refused ? lost(s, PS_EFORMAT, why, "the recorder gives no events: is it an older one?") : 1;
}
