/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The audit trail: what people did, when, from where. Written before the answer, read by auditors.
 */
#include "viewer/answer.h"
#include "viewer/times.h"
#include "viewer/viewer.h"
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define ONCE_NS (600 * 1000000000LL)
#define ONCE 512 /* remembered; more: an entry too many, never one too few */
#define PAGE 100

/* Which views have an entry that still counts. */
static struct {
    uint8_t key[16];
    int64_t at_ns;
} once[ONCE];
static size_t next_once;
static pthread_mutex_t once_lock = PTHREAD_MUTEX_INITIALIZER;

int ps_viewer_audit(const struct ps_request *r, const char *what, const char *clip, const char *detail) {
    if (r->viewer->db == NULL)
        return PS_ESTATE;
    struct ps_viewer_db_audit a = {.at_ns = ps_times_now_ns(),
                                   .who = r->who.name,
                                   .from = r->who.address,
                                   .what = what,
                                   .clip = clip != NULL ? clip : "",
                                   .detail = detail != NULL ? detail : ""};
    return ps_viewer_db_audit_add(r->viewer->db, &a);
}

static bool is_told(const uint8_t key[16], int64_t now) {
    bool told = false;
    pthread_mutex_lock(&once_lock);
    for (size_t i = 0; i < ONCE && !told; i++)
        told = once[i].at_ns != 0 && now - once[i].at_ns < ONCE_NS && memcmp(once[i].key, key, 16) == 0;
    pthread_mutex_unlock(&once_lock);
    return told;
}

int ps_viewer_audit_once(const struct ps_request *r, const char *what, const char *clip, const char *detail) {
    char text[1024];
    uint8_t key[16];
    int64_t now = ps_times_now_ns();
    snprintf(text, sizeof(text), "%s\n%s\n%s\n%s\n%s\n%s", r->who.name, r->who.csrf, r->who.address, what,
             clip != NULL ? clip : "", detail != NULL ? detail : "");
    crypto_generichash(key, sizeof(key), (const unsigned char *)text, strlen(text), NULL, 0);
    if (is_told(key, now))
        return 0;
    int rc = ps_viewer_audit(r, what, clip, detail);
    if (rc < 0)
        return rc;
    pthread_mutex_lock(&once_lock);
    memcpy(once[next_once].key, key, sizeof(key));
    once[next_once].at_ns = now;
    next_once = (next_once + 1) % ONCE;
    pthread_mutex_unlock(&once_lock);
    return 0;
}

/* ---- reading it */

struct reading {
    json_t *rows;
    unsigned most;
    bool more;
};

static int row(void *ctx, const struct ps_viewer_db_audit *e) {
    struct reading *d = ctx;
    char at[40];
    d->more = json_array_size(d->rows) == d->most;
    if (d->more)
        return 1;
    ps_times_text(e->at_ns, at);
    json_array_append_new(d->rows,
                          json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "at", at, "who", e->who, "from",
                                    e->from, "what", e->what, "clip", e->clip, "detail", e->detail));
    return 0;
}

static void get_audit(struct ps_request *r, struct ps_answer *a) {
    struct ps_viewer_db_audit_query q = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .limit = PAGE + 1};
    int64_t page = 1;
    if (ps_request_time(r, "from", &q.from_ns) < 0 || ps_request_time(r, "to", &q.to_ns) < 0 ||
        ps_request_number(r, "page", 1, 1000000, &page) < 0) {
        ps_answer_error(a, "bad-request", "not a time or number", "from, to, page", "see docs/API.md");
        return;
    }
    q.who = ps_request_query(r, "who");
    q.what = ps_request_query(r, "what");
    q.offset = (uint64_t)(page - 1) * PAGE;
    struct reading d = {json_array(), PAGE, false};
    int rc = ps_viewer_db_audits(r->viewer->db, &q, row, &d);
    if (rc < 0) {
        json_decref(d.rows);
        ps_answer_error(a, "internal", ps_error_text(rc), "viewer.db", "look at the disk");
        return;
    }
    ps_answer_json(a, 200,
                   json_pack("{s:o, s:I, s:b}", "entries", d.rows, "page", (json_int_t)page, "more", d.more));
}

const struct ps_route ps_audit_routes[] = {
    {"GET", "/api/v1/audit", PS_ROLE_AUDITOR | PS_ROLE_ADMIN, PS_BODY_NONE, 0, NULL, get_audit},
    {NULL, NULL, 0, PS_BODY_NONE, 0, NULL, NULL},
};
