/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "viewer/gate.h"
#include "viewer/host.h"
#include "viewer/sessions.h"
#include "viewer/times.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static bool refuse(struct ps_answer *a, const char *word, const char *what, const char *where,
                   const char *todo) {
    ps_answer_error(a, word, what, where, todo);
    return false;
}

/* The proxy writes the address that it saw behind what it was given: the last one is its word, all others anybody's. */
static void address(const struct ps_viewer *v, const struct ps_gate *g, char out[48]) {
    unsigned char raw[16];
    snprintf(out, 48, "%s", g->peer);
    if (!v->config.viewer.behind_proxy || !ps_host_is_loopback(g->peer) || g->forwarded_for[0] == '\0')
        return;
    const char *last = strrchr(g->forwarded_for, ',');
    last = last != NULL ? last + 1 : g->forwarded_for;
    last += strspn(last, " \t");
    size_t n = strcspn(last, " \t");
    char text[48];
    if (n == 0 || n >= sizeof(text) || last[n + strspn(last + n, " \t")] != '\0')
        return;
    memcpy(text, last, n);
    text[n] = '\0';
    if (inet_pton(AF_INET, text, raw) == 1 || inet_pton(AF_INET6, text, raw) == 1)
        memcpy(out, text, n + 1);
}

static bool host(const struct ps_viewer *v, const struct ps_gate *g, struct ps_answer *a) {
    char machine[65] = "";
    if (g->n_host != 1)
        return refuse(a, "bad-request", "one header is needed", "Host", "name the host once");
    (void)gethostname(machine, sizeof(machine) - 1);
    if (!ps_host_allowed(g->host, v->config.viewer.names, machine))
        return refuse(a, "forbidden", "not a name of this station", "Host",
                      "use its address, or add the name: [viewer] names of packseal.conf");
    if (g->origin[0] != '\0' && strcmp(g->origin, "null") != 0 && !ps_host_same_origin(g->origin, g->host))
        return refuse(a, "csrf", "a page of another site asks", "Origin", "open the station's own page");
    return true;
}

static bool bearer(struct ps_viewer *v, const struct ps_gate *g, struct ps_person *who, struct ps_answer *a) {
    const char *token = g->authorization + 7;
    if (g->n_authorization == 1 && strncasecmp(g->authorization, "Bearer ", 7) == 0 &&
        strlen(token) < PS_SESSIONS_TOKEN && v->sessions != NULL &&
        ps_sessions_bearer_find(v->sessions, token, ps_times_now_ns(), who))
        return true;
    ps_answer_header(a, "WWW-Authenticate", "Bearer");
    return refuse(a, "sign-in", "the token is not valid", "Authorization", "have an administrator make one");
}

bool ps_gate_person(struct ps_viewer *v, struct ps_gate *g, struct ps_person *who, struct ps_answer *a) {
    *who = (struct ps_person){.role = PS_ROLE_NOBODY};
    address(v, g, who->address);
    /* "zh" anywhere in Accept-Language; the station's packers are asked in Chinese. */
    snprintf(who->language, sizeof(who->language), "%s", strstr(g->languages, "zh") != NULL ? "zh-CN" : "en");
    if (!host(v, g, a))
        return false;
    if (g->authorization[0] != '\0')
        return bearer(v, g, who, a);
    if (v->sessions == NULL || g->n_cookie != 1 ||
        !ps_request_cookie(g->cookie, "packseal", g->session, sizeof(g->session)))
        g->session[0] = '\0';
    if (g->session[0] != '\0' && !ps_sessions_find(v->sessions, g->session, ps_times_now_ns(), who))
        g->session[0] = '\0';
    return true;
}

static bool may(const struct ps_person *who, const struct ps_route *route, const char *path,
                struct ps_answer *a) {
    if ((who->role & route->may) != 0)
        return true;
    return who->role == PS_ROLE_NOBODY
               ? refuse(a, "sign-in", "nobody is signed in", path, "sign in")
               : refuse(a, "forbidden", "this role may not do that", path, "ask an administrator");
}

/* One Content-Length, or none where there is no body. Chunked bodies are refused: no client of ours needs them, and where both
 * are given a proxy and we could count differently (RFC 9112 section 6.3). */
static bool length(const struct ps_gate *g, const struct ps_route *route, uint64_t most, uint64_t *bytes,
                   struct ps_answer *a) {
    uint64_t n = 0;
    size_t digits = strspn(g->length, "0123456789");
    if (g->chunked)
        return refuse(a, "bad-request", "bodies of unknown length are not taken", "Transfer-Encoding",
                      "send Content-Length alone");
    if (g->n_length > 1 || digits > 18 || g->length[digits] != '\0' || (g->n_length == 1 && digits == 0))
        return refuse(a, "bad-request", "one number is needed", "Content-Length", "send it once");
    for (size_t i = 0; i < digits; i++)
        n = n * 10 + (uint64_t)(g->length[i] - '0');
    if (n > 0 && route->body == PS_BODY_NONE)
        return refuse(a, "bad-request", "a body where none belongs", "Content-Length", "leave it away");
    if (n > most)
        return refuse(a, "too-large", "the body is too large", "Content-Length", "send less");
    if (n == 0 && route->body == PS_BODY_FILE)
        return refuse(a, "bad-request", "the body is missing", "Content-Length", "send the file as the body");
    *bytes = n;
    return true;
}

/* "application/json; charset=utf-8" is application/json. */
static bool is_type(const char *header, const char *type) {
    size_t n = strlen(type);
    if (strncasecmp(header, type, n) != 0)
        return false;
    n += strspn(header + n, " \t");
    return header[n] == '\0' || header[n] == ';';
}

bool ps_gate_route(const struct ps_viewer *v, const struct ps_gate *g, const struct ps_person *who,
                   const struct ps_route *route, const char *path, uint64_t *bytes, struct ps_answer *a) {
    bool changes = strcmp(route->method, "GET") != 0;
    const char *type = route->body == PS_BODY_JSON ? "application/json" : route->type;
    uint64_t most = route->body == PS_BODY_NONE            ? 0
                    : route->body == PS_BODY_JSON          ? PS_GATE_JSON_MAX
                    : route->body_max == PS_BODY_MAX_CHECK ? (uint64_t)v->config.viewer.check_max_mb << 20
                    : route->body_max != 0                 ? route->body_max
                                                           : PS_GATE_JSON_MAX;
    if (!may(who, route, path, a))
        return false;
    /* Where nobody need be signed in there is no word yet; a stranger's page cannot send such a type without asking first. */
    if (changes && who->csrf[0] != '\0' && (route->may & PS_ROLE_NOBODY) == 0 &&
        (strlen(g->csrf) != strlen(who->csrf) || sodium_memcmp(g->csrf, who->csrf, strlen(who->csrf)) != 0))
        return refuse(a, "csrf", "the session's word is missing or old", "X-PackSeal-CSRF",
                      "load the page again");
    if (!length(g, route, most, bytes, a))
        return false;
    bool typed = changes && type != NULL && (*bytes > 0 || (route->may & PS_ROLE_NOBODY) != 0);
    if (typed && !is_type(g->type, type))
        return refuse(a, "bad-request", "the body is of another type", "Content-Type", type);
    return true;
}
