/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A request's way: the raw target is kept when its first line is there (uri_of); at the end of its head it passes the gate; its
 * body is collected; then its connection sleeps while a worker runs the handler, and is woken to send the answer. Static pages
 * are answered on the spot.
 */
#include "viewer/server.h"
#include "evidence/bytes.h"
#include "viewer/answer_internal.h"
#include "viewer/connections.h"
#include "viewer/gate.h"
#include "viewer/pages.h"
#include "viewer/room.h"
#include "viewer/routes.h"
#include "viewer/sessions.h"
#include "viewer/workers.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define THREADS 4
#define HEAD_BYTES 32768 /* memory of a connection: its head must fit, with room for ours */
#define SILENCE_S 30
#define BODY_MS 30000
#define BODY_BYTES_MS 64 /* a body comes at 64 kB a second, or is late */
#define UPLOADS 4        /* bodies in files at a time: their disk is ours */

static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' "
    "blob:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

struct ps_server {
    struct ps_viewer *viewer;
    struct MHD_Daemon *daemon;
    struct ps_connections *connections;
    struct ps_workers *workers;
    atomic_uint uploads;
    atomic_uint_least64_t coming; /* bytes of them, as they were told */
};

enum step { STEP_HEAD, STEP_BODY, STEP_WORK, STEP_ANSWER, STEP_SENT };

struct call {
    struct ps_server *server;
    struct MHD_Connection *connection;
    struct ps_connection *peer;
    enum step step;
    bool too_long; /* the target */
    char target[PS_REQUEST_TARGET + 2], path[PS_REQUEST_PATH];
    struct ps_gate gate;
    struct ps_request r;
    struct ps_answer a;
    const struct ps_route *route;
    uint64_t expected;
    int64_t begun_ms; /* its body */
    struct ps_buf body;
    json_t *json;
    int file;
};

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct ps_connection *peer_of(struct MHD_Connection *c) {
    const union MHD_ConnectionInfo *i = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return i != NULL ? i->socket_context : NULL;
}

/* ---- a call begins and ends */

static void *uri_of(void *cls, const char *uri, struct MHD_Connection *c) {
    struct call *k = calloc(1, sizeof(*k));
    (void)c;
    if (k == NULL)
        return NULL;
    size_t n = strnlen(uri, PS_REQUEST_TARGET + 1);
    k->server = cls;
    k->connection = c;
    k->file = -1;
    k->r.body_fd = -1;
    k->too_long = n > PS_REQUEST_TARGET;
    memcpy(k->target, uri, k->too_long ? 0 : n);
    ps_buf_init(&k->body, PS_GATE_JSON_MAX);
    return k;
}

static void completed(void *cls, struct MHD_Connection *c, void **ctx, enum MHD_RequestTerminationCode how) {
    struct ps_server *s = cls;
    struct call *k = *ctx;
    struct ps_connection *peer = peer_of(c);
    (void)how;
    if (peer != NULL)
        ps_connections_expect(s->connections, peer, now_ms(), PS_CONNECTIONS_HEAD_MS);
    if (k == NULL)
        return;
    *ctx = NULL;
    if (k->file >= 0) {
        close(k->file);
        atomic_fetch_sub(&s->uploads, 1);
        atomic_fetch_sub(&s->coming, k->expected);
    }
    if (k->a.response != NULL)
        MHD_destroy_response(k->a.response);
    json_decref(k->json);
    ps_buf_free(&k->body);
    free(k);
}

static enum MHD_Result accept_from(void *cls, const struct sockaddr *from, socklen_t n) {
    struct ps_server *s = cls;
    (void)n;
    return ps_connections_room(s->connections, from) ? MHD_YES : MHD_NO;
}

static void connection(void *cls, struct MHD_Connection *c, void **ctx,
                       enum MHD_ConnectionNotificationCode what) {
    struct ps_server *s = cls;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *a = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
        const union MHD_ConnectionInfo *f = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
        *ctx = a != NULL && f != NULL
                   ? ps_connections_add(s->connections, f->connect_fd, a->client_addr, now_ms())
                   : NULL;
    } else if (*ctx != NULL) {
        ps_connections_remove(s->connections, *ctx);
        *ctx = NULL;
    }
}

/* ---- the answer goes out */

static void header(struct MHD_Response *r, const char *name, const char *value) {
    /* What is there already is the handler's own. */
    if (MHD_get_response_header(r, name) == NULL)
        MHD_add_response_header(r, name, value);
}

static enum MHD_Result answer(struct call *k) {
    struct ps_answer *a = &k->a;
    if (a->response == NULL)
        ps_answer_error(a, "internal", "no answer was made", k->path, "see the log");
    if (a->response == NULL)
        return MHD_NO; /* no memory: the connection ends */
    struct MHD_Response *r = a->response;
    a->response = NULL;
    for (unsigned i = 0; i < a->n_extra; i++)
        MHD_add_response_header(r, a->extra[i].name, a->extra[i].value);
    header(r, MHD_HTTP_HEADER_CONTENT_SECURITY_POLICY, a->policy != NULL ? a->policy : policy);
    header(r, "X-Content-Type-Options", "nosniff");
    header(r, "Referrer-Policy", "no-referrer");
    header(r, "Cross-Origin-Opener-Policy", "same-origin");
    header(r, "Cross-Origin-Resource-Policy", "same-origin");
    header(r, MHD_HTTP_HEADER_CACHE_CONTROL, a->may_keep ? "private, no-cache" : "no-store");
    enum MHD_Result did = MHD_queue_response(k->connection, a->status, r);
    MHD_destroy_response(r);
    k->step = STEP_SENT;
    return did;
}

/* ---- the head */

struct heads {
    struct ps_gate *g;
    struct ps_answer *a;
};

static void keep(char *to, size_t cap, const char *value) {
    size_t n = strlen(value);
    if (n < cap) /* what is longer is nothing that we sent */
        memcpy(to, value, n + 1);
}

static enum MHD_Result one_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value) {
    struct heads *h = cls;
    struct ps_gate *g = h->g;
    const struct {
        const char *name, **to;
        unsigned *count;
    } all[] = {{"Host", &g->host, &g->n_host},
               {"Origin", &g->origin, NULL},
               {"Cookie", &g->cookie, &g->n_cookie},
               {"Authorization", &g->authorization, &g->n_authorization},
               {"X-PackSeal-CSRF", &g->csrf, NULL},
               {"Content-Type", &g->type, NULL},
               {"Content-Length", &g->length, &g->n_length},
               {"Accept-Language", &g->languages, NULL},
               {"X-Forwarded-For", &g->forwarded_for, NULL},
               {"X-Forwarded-Proto", &g->forwarded_proto, NULL}};
    (void)kind;
    value = value != NULL ? value : "";
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (strcasecmp(name, all[i].name) == 0) {
            /* Of several lines of a list the last one is the proxy's. */
            if ((*all[i].to)[0] == '\0' || all[i].to == &g->forwarded_for)
                *all[i].to = value;
            if (all[i].count != NULL)
                ++*all[i].count;
        }
    if (strcasecmp(name, "Transfer-Encoding") == 0)
        g->chunked = true;
    if (strcasecmp(name, "Range") == 0)
        keep(h->a->range, sizeof(h->a->range), value);
    if (strcasecmp(name, "If-Range") == 0)
        keep(h->a->if_range, sizeof(h->a->if_range), *value != '\0' ? value : "?");
    if (strcasecmp(name, "If-None-Match") == 0)
        keep(h->a->none_match, sizeof(h->a->none_match), value);
    return MHD_YES;
}

static void take_headers(struct call *k) {
    struct ps_gate *g = &k->gate;
    struct heads h = {g, &k->a};
    g->host = g->origin = g->cookie = g->authorization = g->csrf = g->type = g->length = g->languages =
        g->forwarded_for = g->forwarded_proto = "";
    g->peer = k->peer != NULL ? ps_connections_address(k->peer) : "";
    MHD_get_connection_values(k->connection, MHD_HEADER_KIND, one_header, &h);
}

static void page(struct call *k, const char *method) {
    const struct ps_viewer *v = k->server->viewer;
    const char *path = v->verify_only && strcmp(k->path, "/") == 0 ? "/verify" : k->path;
    const struct ps_page *p =
        v->verify_only && strcmp(path, "/verify") != 0 ? NULL : ps_pages_find(v->pages, path);
    if (p == NULL) {
        ps_answer_error(&k->a, "not-found", "no such page", "path", "go to /");
    } else if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        ps_answer_error(&k->a, "bad-request", "this method is not for that path", "path", "see docs/API.md");
        k->a.status = MHD_HTTP_METHOD_NOT_ALLOWED;
        ps_answer_header(&k->a, "Allow", "GET, HEAD");
    } else {
        k->a.policy = p->policy;
        ps_answer_kept(&k->a, p->type, p->p, p->n, p->etag);
    }
}

static int open_file(struct call *k) {
    const char *root = k->server->viewer->root, *what = "too many files are being sent";
    char path[PS_ROOT_PATH];
    uint64_t coming = atomic_fetch_add(&k->server->coming, k->expected) + k->expected;
    bool turn = atomic_fetch_add(&k->server->uploads, 1) < UPLOADS;
    if (turn && !ps_room_for(k->server->viewer, coming)) {
        turn = false;
        what = "the disk keeps the room that is left for recording";
    }
    if (turn) {
        if (root[0] != '\0' && ps_root_path(root, "viewer", path) == 0)
            k->file = open(path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (k->file < 0)
            k->file = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (k->file >= 0)
            return 0;
    }
    atomic_fetch_sub(&k->server->uploads, 1);
    atomic_fetch_sub(&k->server->coming, k->expected);
    ps_answer_error(&k->a, "busy", what, "body", "try again in a moment");
    return PS_EBUSY;
}

/* 1: a handler is to run; 0: answered. */
static int head(struct call *k, const char *method) {
    struct ps_viewer *v = k->server->viewer;
    bool known = false;
    take_headers(k);
    if (k->too_long || ps_request_target(&k->r, k->path, k->target) < 0) {
        ps_answer_error(&k->a, "bad-request", "the path or query is not understood", "request line",
                        "see docs/API.md");
        return 0;
    }
    k->r.viewer = v;
    k->r.method = method;
    k->r.path = k->path;
    k->r.connection = k;
    k->a.connection = k->connection;
    if (!ps_gate_person(v, &k->gate, &k->r.who, &k->a))
        return 0;
    k->route = ps_routes_find(v->verify_only, method, k->path, k->r.arg, &known);
    if (k->route == NULL && !known && strncmp(k->path, "/api/", 5) != 0) {
        page(k, method);
        return 0;
    }
    if (k->route == NULL) {
        ps_answer_error(&k->a, known ? "bad-request" : "not-found",
                        known ? "this method is not for that path" : "no such thing", "path",
                        "see docs/API.md");
        k->a.status = known ? MHD_HTTP_METHOD_NOT_ALLOWED : MHD_HTTP_NOT_FOUND;
        return 0;
    }
    if (!ps_gate_route(v, &k->gate, &k->r.who, k->route, k->path, &k->expected, &k->a))
        return 0;
    return k->route->body != PS_BODY_FILE || open_file(k) == 0;
}

/* ---- the body */

static int collect(struct call *k, const char *p, size_t n) {
    if (n > k->expected - k->r.body_bytes) /* MHD ends at the length; this says so */
        return PS_ELIMIT;
    k->r.body_bytes += n;
    /* By what came, not by what was promised: four who promise much and send nothing would keep all others out for hours. */
    ps_connections_expect(k->server->connections, k->peer, k->begun_ms,
                          BODY_MS + (int64_t)(k->r.body_bytes / BODY_BYTES_MS));
    if (k->route->body == PS_BODY_JSON) {
        ps_buf_bytes(&k->body, p, n);
        return k->body.err;
    }
    while (n > 0) {
        ssize_t did = write(k->file, p, n);
        if (did < 0 && errno == EINTR)
            continue;
        if (did < 0)
            return PS_EIO;
        p += did;
        n -= (size_t)did;
    }
    return 0;
}

static bool body_is_whole(struct call *k) {
    if (k->route->body == PS_BODY_FILE) {
        k->r.body_fd = k->file;
        return lseek(k->file, 0, SEEK_SET) == 0;
    }
    if (k->route->body != PS_BODY_JSON)
        return true;
    k->json = k->body.n == 0 ? json_object()
                             : json_loadb((const char *)k->body.p, k->body.n, JSON_REJECT_DUPLICATES, NULL);
    k->r.body = k->json;
    if (json_is_object(k->json))
        return true;
    ps_answer_error(&k->a, "bad-request", "is not one JSON object", "body", "see docs/API.md");
    return false;
}

/* ---- work */

static void work(void *job) {
    struct call *k = job;
    k->route->handle(&k->r, &k->a);
    k->step = STEP_ANSWER;
    MHD_resume_connection(k->connection); /* k may be gone after this */
}

static enum MHD_Result set_to_work(struct call *k) {
    if (!body_is_whole(k)) {
        if (k->a.response == NULL)
            ps_answer_error(&k->a, "internal", "the body was not kept", "body", "try again");
        return answer(k);
    }
    k->step = STEP_WORK;
    ps_connections_expect(k->server->connections, k->peer, now_ms(), 0);
    MHD_suspend_connection(k->connection);
    if (!ps_workers_give(k->server->workers, work, k, (k->route->may & PS_ROUTE_SLOW) != 0)) {
        ps_answer_error(&k->a, "busy", "too much is asked at once", "server", "try again in a moment");
        k->step = STEP_ANSWER;
        MHD_resume_connection(k->connection);
    }
    return MHD_YES;
}

static enum MHD_Result begin(struct call *k, const char *method, const char *version) {
    k->peer = peer_of(k->connection);
    if (k->peer == NULL)
        return MHD_NO;
    if (strcmp(version, MHD_HTTP_VERSION_1_1) != 0 && strcmp(version, MHD_HTTP_VERSION_1_0) != 0)
        return MHD_NO;
    ps_connections_expect(k->server->connections, k->peer, now_ms(), 0);
    if (head(k, method) == 0) {
        /* An answer before the body's end costs the connection; where there is no body there is nothing to save. */
        bool none = !k->gate.chunked && k->gate.n_length == 0;
        k->step = STEP_ANSWER;
        return none ? MHD_YES : answer(k);
    }
    k->step = STEP_BODY;
    k->begun_ms = now_ms();
    if (k->expected > 0)
        ps_connections_expect(k->server->connections, k->peer, k->begun_ms, BODY_MS);
    return MHD_YES;
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *c, const char *url, const char *method,
                              const char *version, const char *p, size_t *n, void **ctx) {
    struct call *k = *ctx;
    (void)cls;
    (void)url; /* decoded; the target as it came is what counts */
    if (k == NULL)
        return MHD_NO;
    k->connection = c;
    switch (k->step) {
    case STEP_HEAD: return begin(k, method, version);
    case STEP_BODY:
        if (*n == 0)
            return set_to_work(k);
        if (collect(k, p, *n) < 0)
            return MHD_NO; /* no disk for it; the peer sees the connection end */
        *n = 0;
        return MHD_YES;
    case STEP_ANSWER: return answer(k);
    case STEP_WORK:
    case STEP_SENT: break;
    }
    return MHD_YES;
}

/* ---- starting and stopping */

static int listen_at(const char *host, uint16_t *port, struct ps_why *why) {
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(*port)};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(*port)};
    bool is_four = inet_pton(AF_INET, host, &four.sin_addr) == 1;
    if (!is_four && inet_pton(AF_INET6, host, &six.sin6_addr) != 1)
        return ps_error_why(why, PS_EINVAL, host, "is no address");
    const struct sockaddr *a = is_four ? (const struct sockaddr *)&four : (const struct sockaddr *)&six;
    socklen_t n = is_four ? sizeof(four) : sizeof(six);
    int one = 1, fd = socket(a->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (fd < 0 || bind(fd, a, n) != 0 || listen(fd, 256) != 0) {
        char where[96];
        snprintf(where, sizeof(where), "%s port %u", host, *port);
        ps_error_why(why, PS_EIO, where, "cannot listen: %s", strerrordesc_np(errno));
        if (fd >= 0)
            close(fd);
        return PS_EIO;
    }
    if (getsockname(fd, (struct sockaddr *)(is_four ? (void *)&four : (void *)&six), &n) == 0)
        *port = ntohs(is_four ? four.sin_port : six.sin6_port);
    return fd;
}

static struct MHD_Daemon *daemon_of(struct ps_server *s, int fd, bool six, const char *cert,
                                    const char *key) {
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | (six ? MHD_USE_IPv6 : 0) |
                     (cert != NULL ? MHD_USE_TLS : 0);
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)cert},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
        {MHD_OPTION_END, 0, NULL}};
    return MHD_start_daemon(
        flags, 0, accept_from, s, handle, s, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_THREAD_POOL_SIZE,
        (unsigned)THREADS, MHD_OPTION_CONNECTION_LIMIT, (unsigned)PS_CONNECTIONS_MOST,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SILENCE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)HEAD_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK, uri_of, s,
        MHD_OPTION_NOTIFY_COMPLETED, completed, s, MHD_OPTION_NOTIFY_CONNECTION, connection, s,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_ARRAY, cert != NULL ? tls : &tls[3], MHD_OPTION_END);
}

int ps_server_start(struct ps_server **out, struct ps_viewer *v, const char *host, uint16_t *port,
                    const char *cert, const char *key, struct ps_why *why) {
    int rc = PS_ENOMEM, fd = -1;
    struct ps_server *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return ps_error_why(why, PS_ENOMEM, host, "out of memory");
    s->viewer = v;
    s->connections = ps_connections_new();
    s->workers = ps_workers_new();
    if (s->connections == NULL || s->workers == NULL) {
        ps_error_why(why, PS_ENOMEM, host, "no memory or threads");
        goto out;
    }
    rc = fd = listen_at(host, port, why);
    if (fd < 0)
        goto out;
    s->daemon = daemon_of(s, fd, strchr(host, ':') != NULL, cert, key);
    if (s->daemon != NULL) {
        *out = s;
        return 0;
    }
    rc = ps_error_why(why, PS_EIO, host,
                      cert != NULL ? "the server does not start; are key and certificate a pair?"
                                   : "the server does not start");
    close(fd);
out:
    ps_workers_free(s->workers);
    ps_connections_free(s->connections);
    free(s);
    return rc;
}

void ps_server_tick(struct ps_server *s) {
    ps_connections_sweep(s->connections, now_ms());
    ps_answer_tick();
}

void ps_server_stop(struct ps_server *s) {
    if (s == NULL)
        return;
    int fd = MHD_quiesce_daemon(s->daemon);
    /* MHD must not be stopped while a connection sleeps: first no handler runs, then no stream. */
    ps_workers_end(s->workers);
    ps_answer_end_streams();
    MHD_stop_daemon(s->daemon);
    if (fd >= 0)
        close(fd);
    ps_workers_free(s->workers);
    ps_connections_free(s->connections);
    free(s);
}

const struct ps_gate *ps_server_gate(const struct ps_request *r) {
    const struct call *k = r->connection;
    return &k->gate;
}

unsigned ps_server_connections(struct ps_server *s) {
    return ps_connections_count(s->connections);
}
