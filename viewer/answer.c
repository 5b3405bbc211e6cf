/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Answers of libmicrohttpd. A stream sleeps by MHD_suspend_connection: pull() that gives nothing may be followed at any moment
 * by a wake from another thread, also before the connection is asleep. So both happen under the stream's lock, and a wake that
 * comes too early is remembered.
 */
#include "viewer/answer.h"
#include "viewer/answer_internal.h"
#include "viewer/range.h"
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SLEEP_MS 5000
#define STREAM_BLOCK 65536

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- plain answers */

static void give(struct ps_answer *a, unsigned status, struct MHD_Response *r) {
    if (a->response != NULL)
        MHD_destroy_response(a->response);
    a->response = r;
    a->status = status;
}

static struct MHD_Response *of_bytes(const void *p, size_t n, const char *type) {
    /* MHD does not write to it. */
    struct MHD_Response *r = MHD_create_response_from_buffer(n, (void *)(uintptr_t)p, MHD_RESPMEM_MUST_COPY);
    if (r != NULL && type != NULL)
        MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    return r;
}

void ps_answer_header(struct ps_answer *a, const char *name, const char *value) {
    if (a->n_extra == PS_ANSWER_HEADERS)
        return;
    snprintf(a->extra[a->n_extra].name, sizeof(a->extra[0].name), "%s", name);
    snprintf(a->extra[a->n_extra].value, sizeof(a->extra[0].value), "%s", value);
    a->n_extra++;
}

void ps_answer_text(struct ps_answer *a, unsigned status, const char *type, const void *p, size_t n) {
    give(a, status, of_bytes(p, n, type));
}

void ps_answer_nothing(struct ps_answer *a) {
    give(a, MHD_HTTP_NO_CONTENT, of_bytes("", 0, NULL));
}

void ps_answer_json(struct ps_answer *a, unsigned status, json_t *o) {
    char *s = o != NULL ? json_dumps(o, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    json_decref(o);
    if (s == NULL) {
        ps_answer_error(a, "internal", "out of memory", "answer", "try again");
        return;
    }
    ps_answer_text(a, status, "application/json", s, strlen(s));
    free(s);
}

unsigned ps_answer_status_of(const char *word) {
    static const struct {
        const char *word;
        unsigned status;
    } all[] = {{"bad-request", 400}, {"sign-in", 401},    {"forbidden", 403}, {"csrf", 403},
               {"not-found", 404},   {"conflict", 409},   {"too-large", 413}, {"too-many", 429},
               {"busy", 503},        {"no-recorder", 503}};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (strcmp(all[i].word, word) == 0)
            return all[i].status;
    return 500;
}

void ps_answer_error(struct ps_answer *a, const char *word, const char *what, const char *where,
                     const char *todo) {
    char text[768];
    snprintf(text, sizeof(text), "%s: %s: %s", what, where, todo);
    json_t *o = json_pack("{s:s, s:s}", "error", text, "code", word);
    if (o == NULL) /* not UTF-8 */
        o = json_pack("{s:s, s:s}", "error", todo, "code", word);
    char *s = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    static const char last[] = "{\"error\":\"out of memory: answer: try again\",\"code\":\"internal\"}";
    const char *body = s != NULL ? s : last;
    ps_answer_text(a, ps_answer_status_of(word), "application/json", body, strlen(body));
    free(s);
}

void ps_answer_kept(struct ps_answer *a, const char *type, const void *p, size_t n, const char *etag) {
    char quoted[80];
    snprintf(quoted, sizeof(quoted), "\"%s\"", etag);
    a->may_keep = true;
    struct MHD_Response *r =
        ps_range_has_tag(a->none_match, etag)
            ? of_bytes("", 0, NULL)
            : MHD_create_response_from_buffer(n, (void *)(uintptr_t)p, MHD_RESPMEM_PERSISTENT);
    bool same = ps_range_has_tag(a->none_match, etag);
    if (r != NULL) {
        MHD_add_response_header(r, MHD_HTTP_HEADER_ETAG, quoted);
        if (!same)
            MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    }
    give(a, same ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, r);
}

/* ---- files */

static void name_it(struct MHD_Response *r, const char *save_as) {
    char text[200];
    for (const char *p = save_as; *p != '\0'; p++)
        if (*p < 0x20 || *p > 0x7E || *p == '"' || *p == '\\')
            return;
    int n = snprintf(text, sizeof(text), "attachment; filename=\"%s\"", save_as);
    if (n > 0 && n < (int)sizeof(text))
        MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_DISPOSITION, text);
}

/* A part counts only of the file that the other parts are of. */
static bool same_file(const struct ps_answer *a, const char *etag) {
    char quoted[160];
    if (a->if_range[0] == '\0')
        return true;
    snprintf(quoted, sizeof(quoted), "\"%s\"", etag != NULL ? etag : "");
    return etag != NULL && strcmp(a->if_range, quoted) == 0;
}

static void file_headers(struct MHD_Response *r, const char *type, const char *etag, const char *save_as) {
    char quoted[160];
    MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(r, MHD_HTTP_HEADER_ACCEPT_RANGES, "bytes");
    if (etag != NULL) {
        snprintf(quoted, sizeof(quoted), "\"%s\"", etag);
        MHD_add_response_header(r, MHD_HTTP_HEADER_ETAG, quoted);
    }
    if (save_as != NULL)
        name_it(r, save_as);
}

void ps_answer_file(struct ps_answer *a, int fd, const char *type, const char *etag, const char *save_as) {
    struct stat st;
    char text[96];
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        ps_answer_error(a, "internal", "is no ordinary file", "answer", "look at the disk");
        return;
    }
    uint64_t size = (uint64_t)st.st_size, from = 0, n = size;
    unsigned status = MHD_HTTP_OK;
    int part = a->range[0] != '\0' && same_file(a, etag) ? ps_range_parse(a->range, size, &from, &n) : 0;
    if (etag != NULL && ps_range_has_tag(a->none_match, etag)) {
        status = MHD_HTTP_NOT_MODIFIED;
    } else if (part < 0) {
        status = MHD_HTTP_RANGE_NOT_SATISFIABLE;
        snprintf(text, sizeof(text), "bytes */%llu", (unsigned long long)size);
        ps_answer_header(a, MHD_HTTP_HEADER_CONTENT_RANGE, text);
    } else if (part > 0) {
        status = MHD_HTTP_PARTIAL_CONTENT;
        snprintf(text, sizeof(text), "bytes %llu-%llu/%llu", (unsigned long long)from,
                 (unsigned long long)(from + n - 1), (unsigned long long)size);
        ps_answer_header(a, MHD_HTTP_HEADER_CONTENT_RANGE, text);
    }
    bool body = status == MHD_HTTP_OK || status == MHD_HTTP_PARTIAL_CONTENT;
    struct MHD_Response *r =
        body ? MHD_create_response_from_fd_at_offset64(n, fd, from) : of_bytes("", 0, NULL);
    if (!body || r == NULL)
        close(fd);
    if (r != NULL)
        file_headers(r, type, etag, body ? save_as : NULL);
    a->may_keep = etag != NULL;
    give(a, status, r);
}

/* ---- streams */

struct ps_wake {
    pthread_mutex_t lock;
    atomic_uint users; /* the stream and whoever has a wake slot */
    struct MHD_Connection *connection;
    bool asleep, early; /* early: a wake came while it was awake */
    bool over;
    int64_t since_ms;
    struct ps_wake *next, *prev; /* of all streams */
};

struct stream {
    struct ps_wake *wake;
    ssize_t (*pull)(void *ctx, char *p, size_t max);
    void (*over)(void *ctx);
    void *ctx;
};

/* One server a process. The lock of the list comes before that of a stream. */
static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct ps_wake *list;
static bool ending;

static void rouse(struct ps_wake *w) { /* lock held */
    w->early = true;
    if (w->asleep) {
        w->asleep = false;
        MHD_resume_connection(w->connection);
    }
}

void ps_answer_wake(struct ps_wake *w) {
    pthread_mutex_lock(&w->lock);
    if (!w->over)
        rouse(w);
    pthread_mutex_unlock(&w->lock);
}

void ps_answer_wake_free(struct ps_wake *w) {
    if (w == NULL || atomic_fetch_sub(&w->users, 1) > 1)
        return;
    pthread_mutex_destroy(&w->lock);
    free(w);
}

static void wake_all(bool all) {
    int64_t now = now_ms();
    pthread_mutex_lock(&list_lock);
    for (struct ps_wake *w = list; w != NULL; w = w->next) {
        pthread_mutex_lock(&w->lock);
        if (w->asleep && (all || now - w->since_ms >= SLEEP_MS))
            rouse(w);
        pthread_mutex_unlock(&w->lock);
    }
    pthread_mutex_unlock(&list_lock);
}

void ps_answer_tick(void) {
    wake_all(false);
}

void ps_answer_end_streams(void) {
    pthread_mutex_lock(&list_lock);
    ending = true;
    pthread_mutex_unlock(&list_lock);
    wake_all(true);
}

static bool is_ending(void) {
    pthread_mutex_lock(&list_lock);
    bool is = ending;
    pthread_mutex_unlock(&list_lock);
    return is;
}

/* Who only reads is not heard of when he goes, unless one looks. */
static bool peer_is_gone(struct MHD_Connection *c) {
    const union MHD_ConnectionInfo *i = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct pollfd p = {.fd = i != NULL ? i->connect_fd : -1, .events = POLLRDHUP};
    return p.fd >= 0 && poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

/* True when it sleeps now; false when it was woken meanwhile. */
static bool fall_asleep(struct ps_wake *w) {
    pthread_mutex_lock(&list_lock); /* an end of all streams comes before or after, never in between */
    pthread_mutex_lock(&w->lock);
    bool sleeps = !w->early && !ending;
    if (sleeps) {
        w->asleep = true;
        w->since_ms = now_ms();
        MHD_suspend_connection(w->connection);
    }
    pthread_mutex_unlock(&w->lock);
    pthread_mutex_unlock(&list_lock);
    return sleeps;
}

static ssize_t read_stream(void *cls, uint64_t at, char *p, size_t max) {
    struct stream *s = cls;
    (void)at;
    for (;;) {
        if (is_ending() || peer_is_gone(s->wake->connection))
            return MHD_CONTENT_READER_END_OF_STREAM;
        pthread_mutex_lock(&s->wake->lock);
        s->wake->early = false;
        pthread_mutex_unlock(&s->wake->lock);
        ssize_t n = s->pull(s->ctx, p, max);
        if (n < 0)
            return MHD_CONTENT_READER_END_OF_STREAM;
        if (n > 0 || fall_asleep(s->wake))
            return n;
    }
}

static void stream_over(void *cls) {
    struct stream *s = cls;
    struct ps_wake *w = s->wake;
    pthread_mutex_lock(&list_lock);
    if (w->prev != NULL)
        w->prev->next = w->next;
    else if (list == w)
        list = w->next;
    if (w->next != NULL)
        w->next->prev = w->prev;
    pthread_mutex_lock(&w->lock);
    w->over = true;
    pthread_mutex_unlock(&w->lock);
    pthread_mutex_unlock(&list_lock);
    s->over(s->ctx);
    ps_answer_wake_free(w);
    free(s);
}

void ps_answer_stream(struct ps_answer *a, const char *type, ssize_t (*pull)(void *ctx, char *p, size_t max),
                      void (*over)(void *ctx), void *ctx, struct ps_wake **wake_slot) {
    struct stream *s = calloc(1, sizeof(*s));
    struct ps_wake *w = calloc(1, sizeof(*w));
    struct MHD_Response *r =
        s != NULL && w != NULL
            ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream, s, stream_over)
            : NULL;
    if (r == NULL) {
        free(s);
        free(w);
        *wake_slot = NULL;
        over(ctx);
        ps_answer_error(a, "internal", "out of memory", "answer", "try again");
        return;
    }
    *s = (struct stream){w, pull, over, ctx};
    pthread_mutex_init(&w->lock, NULL);
    atomic_init(&w->users, 2);
    w->connection = a->connection;
    *wake_slot = w;
    pthread_mutex_lock(&list_lock);
    w->next = list;
    if (list != NULL)
        list->prev = w;
    list = w;
    pthread_mutex_unlock(&list_lock);
    MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    give(a, MHD_HTTP_OK, r);
}
