/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bench from afar: its status, and what a packer does there.
 */
#include "viewer/answer_internal.h"
#include "viewer/ask.h"
#include "viewer/rows.h"
#include "viewer/times.h"
#include "viewer/viewer.h"
#include <string.h>
#include <time.h>

#define RECENT 8
#define STATUS_S 5
#define SCAN_S 30 /* until the clip has opened */
#define STOP_S 60 /* until it is sealed */

/* ---- what is there */

struct recent {
    const struct ps_request *r;
    json_t *rows;
};

static int recent_row(void *ctx, const struct ps_index_row *row) {
    struct recent *c = ctx;
    return json_array_append_new(c->rows, ps_rows_json(c->r, row));
}

static int64_t midnight_ns(void) {
    time_t now = time(NULL);
    struct tm tm;
    if (localtime_r(&now, &tm) == NULL)
        return ps_times_now_ns();
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    tm.tm_isdst = -1;
    return (int64_t)mktime(&tm) * 1000000000;
}

/* A station that has not recorded yet has no index: nothing recent, no reason to hide its status. */
static void add_clips(const struct ps_request *r, json_t *status) {
    struct ps_index *x = NULL;
    struct recent c = {r, json_array()};
    struct ps_index_query last = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .limit = RECENT};
    uint64_t today = 0;
    if (ps_index_open(&x, r->viewer->root, false, NULL) == 0) {
        (void)ps_index_find(x, &last, recent_row, &c, NULL);
        (void)ps_index_total(x, midnight_ns(), INT64_MAX, &today);
        ps_index_close(x);
    }
    json_object_set_new(status, "recent", c.rows);
    json_object_set_new(status, "today", json_integer((json_int_t)today));
}

static void get_station(struct ps_request *r, struct ps_answer *a) {
    struct ps_why why = {0};
    json_t *status = NULL;
    int rc = ps_ask_recorder(r->viewer->root, json_pack("{s:s}", "do", "status"), STATUS_S, &status, &why);
    if (rc < 0 || !json_is_true(json_object_get(status, "ok"))) {
        ps_answer_error(a, "no-recorder", "the recorder does not answer", rc < 0 ? why.where : "status",
                        "start it, or look at its log");
        json_decref(status);
        return;
    }
    json_object_del(status, "ok");
    add_clips(r, status);
    ps_answer_json(a, 200, status);
}

/* ---- what is done; each is an entry of the trail, for a screen has no person before it that the recorder could name */

static void act(struct ps_request *r, struct ps_answer *a, json_t *request, const char *what,
                const char *detail, unsigned seconds) {
    if (ps_viewer_audit(r, what, NULL, detail) < 0) {
        json_decref(request);
        ps_answer_error(a, "internal", "the audit trail cannot be written", "viewer.db", "look at the disk");
        return;
    }
    ps_ask_answer(r, a, request, seconds);
}

static void post_scan(struct ps_request *r, struct ps_answer *a) {
    static const struct ps_member members[] = {
        {"code", 's', true, 1, PS_MAX_CODE}, {"manual", 'b', false, 0, 0}, {NULL, 0, false, 0, 0}};
    if (!ps_request_members(r, a, members))
        return;
    const char *code = ps_request_text(r, "code");
    json_t *request = json_pack("{s:s, s:s}", "do", "scan", "code", code);
    if (json_is_true(json_object_get(r->body, "manual")))
        json_object_set_new(request, "manual", json_true());
    act(r, a, request, "scan", code, SCAN_S);
}

static const struct ps_member nothing[] = {{NULL, 0, false, 0, 0}};

static void post_stop(struct ps_request *r, struct ps_answer *a) {
    if (ps_request_members(r, a, nothing))
        act(r, a, json_pack("{s:s}", "do", "stop"), "stop", NULL, STOP_S);
}

static void post_cancel(struct ps_request *r, struct ps_answer *a) {
    if (ps_request_members(r, a, nothing))
        act(r, a, json_pack("{s:s}", "do", "cancel"), "cancel", NULL, STOP_S);
}

const struct ps_route ps_station_routes[] = {
    {"GET", "/api/v1/station", PS_ROLE_SEES | PS_ROUTE_SLOW, PS_BODY_NONE, 0, NULL, get_station},
    {"POST", "/api/v1/scan", PS_ROLE_ACTS | PS_ROLE_SCAN | PS_ROUTE_SLOW, PS_BODY_JSON, 0, NULL, post_scan},
    {"POST", "/api/v1/stop", PS_ROLE_ACTS | PS_ROLE_SCAN | PS_ROUTE_SLOW, PS_BODY_JSON, 0, NULL, post_stop},
    {"POST", "/api/v1/cancel", PS_ROLE_ACTS | PS_ROLE_SCAN | PS_ROUTE_SLOW, PS_BODY_JSON, 0, NULL,
     post_cancel},
    {NULL, NULL, 0, PS_BODY_NONE, 0, NULL, NULL},
};
