/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether it works, and what the interface is.
 */
#include "archive/index.h"
#include "viewer/answer_internal.h"
#include "viewer/ask.h"
#include "viewer/pages.h"
#include "viewer/viewer.h"

static void get_health(struct ps_request *r, struct ps_answer *a) {
    const struct ps_viewer *v = r->viewer;
    json_t *status = NULL;
    struct ps_index *x = NULL;
    bool recorder = true, index = true;
    if (!v->verify_only) {
        recorder = ps_ask_recorder(v->root, json_pack("{s:s}", "do", "status"), 2, &status, NULL) == 0 &&
                   json_is_true(json_object_get(status, "ok"));
        json_decref(status);
        index = ps_index_open(&x, v->root, false, NULL) == 0;
        ps_index_close(x);
    }
    ps_answer_json(a, recorder && index ? 200 : 503,
                   json_pack("{s:b, s:b, s:b, s:s}", "ok", recorder && index, "recorder", recorder, "index",
                             index, "version", PS_VERSION));
}

static void get_openapi(struct ps_request *r, struct ps_answer *a) {
    const struct ps_page *p =
        r->viewer->pages != NULL ? ps_pages_find(r->viewer->pages, "/web/openapi.json") : NULL;
    if (p == NULL)
        ps_answer_error(a, "not-found", "is not installed", "openapi.json", "install packseal again");
    else
        ps_answer_kept(a, p->type, p->p, p->n, p->etag);
}

const struct ps_route ps_health_routes[] = {
    {"GET", "/api/v1/health", PS_ROLE_ANYBODY | PS_ROUTE_SLOW, PS_BODY_NONE, 0, NULL, get_health},
    {"GET", "/api/v1/openapi.json", PS_ROLE_ANYBODY, PS_BODY_NONE, 0, NULL, get_openapi},
    {NULL, NULL, 0, PS_BODY_NONE, 0, NULL, NULL},
};
