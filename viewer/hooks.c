/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "viewer/hooks.h"
#include "evidence/bytes.h"
#include "viewer/answer.h"
#include "viewer/times.h"
#include "viewer/viewer.h"
#include <curl/curl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HOOKS 32
#define BATCH 16
#define SECONDS 10L
#define ANSWER_MAX ((size_t)64 << 10)
#define NS_PER_S 1000000000LL

/* After which try how long to wait: the table of docs/API.md. */
static const int64_t again_s[] = {10, 60, 600, 3600, 21600, 86400};
#define TRIES (sizeof(again_s) / sizeof(again_s[0]))

static const char *const words[] = {"sealed", "unsealed", "opened", "ended", "scan",
                                    "alarm",  "label",    "camera", "weight"};

struct ps_hooks {
    struct ps_viewer_db *db;
    char station[64];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    bool stop;
    struct ps_viewer_db_hook hook[HOOKS]; /* as in the database */
    unsigned n;
};

struct delivery {
    int64_t id, hook;
    char event[32], *body;
    uint32_t tries;
};

static bool wants(const struct ps_viewer_db_hook *h, const char *event) {
    size_t n = strlen(event);

    for (const char *p = h->events; *p; p += strcspn(p, ","), p += *p == ',')
        if (strcspn(p, ",") == n && memcmp(p, event, n) == 0)
            return true;
    return false;
}

static int add_row(void *ctx, const struct ps_viewer_db_hook *row) {
    struct ps_hooks *h = ctx;

    h->hook[h->n++] = *row;
    return h->n == HOOKS;
}

/* Under the lock. */
static int reload(struct ps_hooks *h) {
    h->n = 0;
    return ps_viewer_db_hooks(h->db, add_row, h);
}

void ps_hooks_tell(struct ps_hooks *h, const char *event, const json_t *o) {
    struct ps_viewer_db_delivery v = {.event = event, .next_ns = ps_times_now_ns()};
    char *body = NULL;

    pthread_mutex_lock(&h->lock);
    for (unsigned i = 0; i < h->n; i++) {
        if (!wants(&h->hook[i], event))
            continue;
        if (!body) {
            json_t *copy = json_copy((json_t *)(uintptr_t)o); /* it is only read */
            json_object_set_new(copy, "station", json_string(h->station));
            body = json_dumps(copy, JSON_COMPACT);
            json_decref(copy);
        }
        v.hook = h->hook[i].id;
        v.body = body;
        if (body && ps_viewer_db_delivery_add(h->db, &v, &v.id) < 0) {
            h->hook[i].dropped++;
            ps_viewer_db_hook_put(h->db, &h->hook[i]);
            ps_viewer_log(3, "an event for a webhook was dropped", h->hook[i].url,
                          "look at the address, and the disk");
        }
    }
    if (body)
        pthread_cond_signal(&h->more);
    pthread_mutex_unlock(&h->lock);
    free(body);
}

/* ---- sending */

void ps_hooks_sign(const char *secret, const char *time, const char *body, char out[PS_HOOKS_SIGNATURE]) {
    crypto_auth_hmacsha256_state s;
    uint8_t mac[crypto_auth_hmacsha256_BYTES];

    crypto_auth_hmacsha256_init(&s, (const uint8_t *)secret, strlen(secret));
    crypto_auth_hmacsha256_update(&s, (const uint8_t *)time, strlen(time));
    crypto_auth_hmacsha256_update(&s, (const uint8_t *)".", 1);
    crypto_auth_hmacsha256_update(&s, (const uint8_t *)body, strlen(body));
    crypto_auth_hmacsha256_final(&s, mac);
    memcpy(out, "hmac-sha256=", 12);
    ps_bytes_hex(out + 12, mac, sizeof(mac));
}

static size_t swallow(char *p, size_t size, size_t n, void *ctx) {
    size_t *left = ctx;

    (void)p;
    if (size * n > *left)
        return 0;
    *left -= size * n;
    return size * n;
}

static int stop_asked(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    struct ps_hooks *h = ctx;

    (void)a, (void)b, (void)c, (void)d;
    pthread_mutex_lock(&h->lock);
    bool stop = h->stop;
    pthread_mutex_unlock(&h->lock);
    return stop;
}

static struct curl_slist *headers_of(const struct ps_viewer_db_hook *to, const struct delivery *v) {
    char line[160], time[24], signature[PS_HOOKS_SIGNATURE];
    struct curl_slist *l = curl_slist_append(NULL, "Content-Type: application/json");

    snprintf(time, sizeof(time), "%lld", (long long)(ps_times_now_ns() / NS_PER_S));
    ps_hooks_sign(to->secret, time, v->body, signature);
    const char *const forms[][2] = {
        {"X-PackSeal-Event", v->event}, {"X-PackSeal-Time", time}, {"X-PackSeal-Signature", signature}};
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        snprintf(line, sizeof(line), "%s: %s", forms[i][0], forms[i][1]);
        l = curl_slist_append(l, line);
    }
    snprintf(line, sizeof(line), "X-PackSeal-Delivery: %" PRId64, v->id);
    return curl_slist_append(l, line);
}

/* True when the address took it. */
static bool post_one(struct ps_hooks *h, const struct ps_viewer_db_hook *to, const struct delivery *v) {
    size_t left = ANSWER_MAX;
    long status = 0;
    CURL *c = curl_easy_init();
    struct curl_slist *headers = headers_of(to, v);

    if (c) {
        curl_easy_setopt(c, CURLOPT_URL, to->url);
        curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
        curl_easy_setopt(c, CURLOPT_TIMEOUT, SECONDS);
        curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, v->body);
        curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, swallow);
        curl_easy_setopt(c, CURLOPT_WRITEDATA, &left);
        curl_easy_setopt(c, CURLOPT_USERAGENT, "packseal/" PS_VERSION);
        curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, stop_asked);
        curl_easy_setopt(c, CURLOPT_XFERINFODATA, h);
        curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
        curl_easy_perform(c); /* the status is what counts: without an answer it stays 0 */
        curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_cleanup(c);
    }
    curl_slist_free_all(headers);
    return status >= 200 && status <= 299;
}

/* ---- the thread */

struct batch {
    struct delivery v[BATCH];
    unsigned n;
};

static int add_delivery(void *ctx, const struct ps_viewer_db_delivery *row) {
    struct batch *b = ctx;
    struct delivery *v = &b->v[b->n];

    *v = (struct delivery){.id = row->id, .hook = row->hook, .tries = row->tries, .body = strdup(row->body)};
    snprintf(v->event, sizeof(v->event), "%s", row->event);
    if (!v->body)
        return 1;
    b->n++;
    return b->n == BATCH;
}

/* A copy of the hook; false when it is gone, and its deliveries with it. */
static bool hook_of(struct ps_hooks *h, int64_t id, struct ps_viewer_db_hook *out) {
    bool found = false;

    pthread_mutex_lock(&h->lock);
    for (unsigned i = 0; i < h->n && !found; i++)
        if (h->hook[i].id == id) {
            *out = h->hook[i];
            found = true;
        }
    pthread_mutex_unlock(&h->lock);
    return found;
}

static void note(struct ps_hooks *h, int64_t id, bool taken, bool dropped) {
    pthread_mutex_lock(&h->lock);
    for (unsigned i = 0; i < h->n; i++)
        if (h->hook[i].id == id) {
            h->hook[i].failing = taken ? 0 : h->hook[i].failing + 1;
            h->hook[i].last_ns = taken ? ps_times_now_ns() : h->hook[i].last_ns;
            h->hook[i].dropped += dropped;
            ps_viewer_db_hook_put(h->db, &h->hook[i]);
            if (dropped)
                ps_viewer_log(3, "an event was given up after seven tries", h->hook[i].url,
                              "look at the address");
        }
    pthread_mutex_unlock(&h->lock);
}

/* What else waits for an address that just failed waits as long, untried. */
static void put_off(struct ps_hooks *h, const struct batch *b, unsigned from, int64_t hook, int64_t next_ns) {
    for (unsigned i = from; i < b->n; i++)
        if (b->v[i].hook == hook)
            ps_viewer_db_delivery_put(h->db, b->v[i].id, b->v[i].tries, next_ns);
}

static void deliver(struct ps_hooks *h, const struct batch *b) {
    int64_t failed[BATCH];
    unsigned n_failed = 0;

    for (unsigned i = 0; i < b->n && !stop_asked(h, 0, 0, 0, 0); i++) {
        const struct delivery *v = &b->v[i];
        struct ps_viewer_db_hook to;
        bool skip = !hook_of(h, v->hook, &to);
        for (unsigned k = 0; k < n_failed; k++)
            skip |= failed[k] == v->hook;
        if (skip)
            continue;
        if (post_one(h, &to, v)) {
            ps_viewer_db_delivery_drop(h->db, v->id);
            note(h, v->hook, true, false);
            continue;
        }
        if (stop_asked(h, 0, 0, 0, 0))
            return;
        bool last = v->tries >= TRIES;
        int64_t next = ps_times_now_ns() + again_s[last ? TRIES - 1 : v->tries] * NS_PER_S;
        if (last)
            ps_viewer_db_delivery_drop(h->db, v->id);
        else
            ps_viewer_db_delivery_put(h->db, v->id, v->tries + 1, next);
        note(h, v->hook, false, last);
        put_off(h, b, i + 1, v->hook, next);
        failed[n_failed++] = v->hook;
    }
}

static void sleep_until_due(struct ps_hooks *h) {
    int64_t next = INT64_MAX, latest = ps_times_now_ns() + 60 * NS_PER_S;

    pthread_mutex_lock(&h->lock);
    if (ps_viewer_db_delivery_next(h->db, &next) < 0 || next > latest)
        next = latest; /* the clock may be set meanwhile */
    struct timespec until = {.tv_sec = next / NS_PER_S, .tv_nsec = next % NS_PER_S};
    if (!h->stop && next > ps_times_now_ns())
        pthread_cond_timedwait(&h->more, &h->lock, &until);
    pthread_mutex_unlock(&h->lock);
}

static void *work(void *ctx) {
    struct ps_hooks *h = ctx;

    while (!stop_asked(h, 0, 0, 0, 0)) {
        struct batch b = {.n = 0};
        ps_viewer_db_deliveries(h->db, ps_times_now_ns(), BATCH, add_delivery, &b);
        if (b.n == 0)
            sleep_until_due(h);
        deliver(h, &b);
        for (unsigned i = 0; i < b.n; i++)
            free(b.v[i].body);
    }
    return NULL;
}

int ps_hooks_new(struct ps_hooks **out, struct ps_viewer_db *db, const char *station, struct ps_why *why) {
    struct ps_hooks *h = calloc(1, sizeof(*h));

    if (!h || curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
        free(h);
        return ps_error_why(why, PS_ENOMEM, "webhooks", "out of memory");
    }
    h->db = db;
    snprintf(h->station, sizeof(h->station), "%s", station);
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->more, NULL);
    int err = reload(h);
    if (err >= 0 && pthread_create(&h->thread, NULL, work, h) != 0)
        err = PS_ENOMEM;
    if (err < 0) {
        free(h);
        return ps_error_why(why, err, "webhooks", "%s", ps_error_text(err));
    }
    *out = h;
    return 0;
}

void ps_hooks_free(struct ps_hooks *h) {
    if (!h)
        return;
    pthread_mutex_lock(&h->lock);
    h->stop = true;
    pthread_cond_signal(&h->more);
    pthread_mutex_unlock(&h->lock);
    pthread_join(h->thread, NULL);
    pthread_cond_destroy(&h->more);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

/* ---- routes */

static void list(struct ps_request *r, struct ps_answer *a) {
    struct ps_hooks *h = r->viewer->hooks;
    json_t *all = json_array();

    pthread_mutex_lock(&h->lock);
    for (unsigned i = 0; i < h->n; i++) {
        const struct ps_viewer_db_hook *k = &h->hook[i];
        json_t *events = json_array();
        char last[40] = "";
        for (const char *p = k->events; *p; p += strcspn(p, ","), p += *p == ',')
            json_array_append_new(events, json_stringn(p, strcspn(p, ",")));
        if (k->last_ns)
            ps_times_text(k->last_ns, last);
        json_array_append_new(all, json_pack("{s:I, s:s, s:o, s:s, s:i, s:I}", "id", (json_int_t)k->id, "url",
                                             k->url, "events", events, "last", last, "failing",
                                             (int)k->failing, "dropped", (json_int_t)k->dropped));
    }
    pthread_mutex_unlock(&h->lock);
    ps_answer_json(a, 200, json_pack("{s:o}", "hooks", all));
}

/* http or https, a host, and no password, which would stand in every list. */
static bool url_ok(const char *url) {
    CURLU *u = curl_url();
    char *scheme = NULL, *host = NULL, *user = NULL;
    bool ok = u && strlen(url) < sizeof(((struct ps_viewer_db_hook *)0)->url) &&
              ps_bytes_is_ascii(url, strlen(url)) && !strchr(url, ' ') &&
              curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_USER, &user, 0) != CURLUE_OK &&
              (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);

    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    curl_url_cleanup(u);
    return ok;
}

static bool read_events(const json_t *list_of, char out[256]) {
    size_t n = json_array_size(list_of), at = 0;

    for (size_t i = 0; i < n; i++) {
        const char *s = json_string_value(json_array_get(list_of, i));
        bool known = false;
        for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++)
            known |= s && strcmp(s, words[k]) == 0;
        if (!known || n > sizeof(words) / sizeof(words[0]))
            return false;
        at += (size_t)snprintf(out + at, 256 - at, "%s%s", at ? "," : "", s);
    }
    return n > 0;
}

static void post(struct ps_request *r, struct ps_answer *a) {
    struct ps_hooks *h = r->viewer->hooks;
    struct ps_viewer_db_hook k = {.id = 0};
    const char *url = NULL;
    const json_t *events = NULL;
    uint8_t secret[32];
    json_error_t e;

    if (json_unpack_ex((json_t *)(uintptr_t)r->body, &e, JSON_STRICT, "{s:s, s:o}", "url", &url, "events",
                       &events) != 0 ||
        !url_ok(url) || !read_events(events, k.events)) {
        ps_answer_error(
            a, "bad-request", "not a webhook", "hooks",
            "url: http or https without a password; events: sealed, unsealed, opened, ended, scan, alarm, "
            "label, camera, weight");
        return;
    }
    snprintf(k.url, sizeof(k.url), "%s", url);
    randombytes_buf(secret, sizeof(secret));
    ps_bytes_hex(k.secret, secret, sizeof(secret));
    pthread_mutex_lock(&h->lock);
    int err = h->n == HOOKS ? PS_EFULL : ps_viewer_db_hook_add(h->db, &k);
    if (err >= 0)
        err = reload(h);
    pthread_mutex_unlock(&h->lock);
    if (err < 0)
        ps_answer_error(a, err == PS_EFULL ? "conflict" : "internal", ps_error_text(err), "hooks",
                        "at most 32; remove one");
    else if (ps_viewer_audit(r, "hook", NULL, k.url) < 0)
        ps_answer_error(a, "internal", "the audit trail cannot be written", "hooks", "look at the disk");
    else
        ps_answer_json(a, 201, json_pack("{s:I, s:s}", "id", (json_int_t)k.id, "secret", k.secret));
}

static void drop(struct ps_request *r, struct ps_answer *a) {
    struct ps_hooks *h = r->viewer->hooks;
    char *end;
    long long id = strtoll(r->arg[0], &end, 10);

    pthread_mutex_lock(&h->lock);
    int err = *end || id <= 0 ? PS_ENOENT : ps_viewer_db_hook_drop(h->db, id);
    if (err >= 0)
        err = reload(h);
    pthread_mutex_unlock(&h->lock);
    if (err == PS_ENOENT)
        ps_answer_error(a, "not-found", "no such webhook", r->arg[0], "see GET /api/v1/hooks");
    else if (err < 0 || ps_viewer_audit(r, "hook", NULL, "removed") < 0)
        ps_answer_error(a, "internal", "it cannot be written down", "hooks", "look at the disk");
    else
        ps_answer_nothing(a);
}

const struct ps_route ps_hooks_routes[] = {
    {"GET", "/api/v1/hooks", PS_ROLE_ADMIN, PS_BODY_NONE, 0, NULL, list},
    {"POST", "/api/v1/hooks", PS_ROLE_ADMIN, PS_BODY_JSON, 0, NULL, post},
    {"DELETE", "/api/v1/hooks/{id}", PS_ROLE_ADMIN, PS_BODY_NONE, 0, NULL, drop},
    {NULL, NULL, 0, PS_BODY_NONE, 0, NULL, NULL},
};
