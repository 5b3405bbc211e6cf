/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * GET /clips/{clip}/verdict: the checker's own verdict over the clip's folder, computed now. In this process and not in a child:
 * the checker takes a clip as it would lie in a bundle, with proofs and tokens that are made from the ledger in memory, and the
 * bytes are the station's, where a stranger's bundle (check.c) is judged apart. Films are read in pieces; two at once, no more.
 */
#include "archive/judged.h"
#include "viewer/rows.h"
#include "viewer/viewer.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define AT_ONCE 2
#define SECONDS 120 /* an hour of two cameras from a slow disk takes half of it */

static atomic_int running;

struct going {
    const struct ps_viewer *viewer;
    time_t until;
};

static time_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

static int go_on(void *ctx, uint64_t done, uint64_t total) {
    const struct going *g = ctx;
    (void)done, (void)total;
    return atomic_load(&g->viewer->stopping) || now() >= g->until;
}

static void judge(struct ps_request *r, struct ps_answer *a, const struct ps_rows_clip *c) {
    struct going g = {.viewer = r->viewer, .until = now() + SECONDS};
    struct ps_why why = {0};
    struct ps_trust trust = {0};
    struct ps_verdict *v = malloc(sizeof(*v));
    bool have = ps_judged_trust(&trust, r->viewer->root, NULL) == 0;
    const struct ps_judged j = {.root = r->viewer->root,
                                .path = c->path,
                                .trust = have ? &trust : NULL,
                                .progress = go_on,
                                .ctx = &g};
    int err =
        v != NULL ? ps_judged_clip(v, &j, &why) : ps_error_why(&why, PS_ENOMEM, c->name, "out of memory");
    if (err == 0) {
        json_t *o = ps_judged_json(v, false);
        if (o != NULL) {
            json_object_set_new(o, "path", json_string(c->path));
            json_object_set_new(o, "clip", json_string(c->name));
            json_object_set_new(o, "bundle", json_false());
            json_object_set_new(o, "trust", have ? json_string(PS_ROOT_PUBLIC "/trust") : json_null());
        }
        ps_answer_json(a, 200, o != NULL ? o : json_object());
        ps_verdict_free(v);
    } else if (err == PS_ETIME) {
        ps_answer_error(a, "busy", "it takes too long here", c->name, "judge it with: packseal verify");
    } else {
        ps_answer_error(a, err == PS_ENOENT ? "not-found" : "internal", why.text, why.where,
                        "judge it with: packseal verify");
    }
    if (have)
        ps_trust_free(&trust);
    free(v);
}

static void get_verdict(struct ps_request *r, struct ps_answer *a) {
    struct ps_rows_clip c;
    if (!ps_rows_clip(r, a, &c))
        return;
    if (c.removed)
        ps_answer_error(a, "not-found", "it was removed: there is no film to judge", c.name,
                        "read its statement");
    else if (ps_viewer_audit_once(r, "verdict", c.name, NULL) < 0)
        ps_answer_error(a, "internal", "the audit trail cannot be written", c.name, "look at the disk");
    else if (atomic_fetch_add(&running, 1) >= AT_ONCE) {
        atomic_fetch_sub(&running, 1);
        ps_answer_error(a, "busy", "other clips are being judged", c.name, "try again in a moment");
    } else {
        judge(r, a, &c);
        atomic_fetch_sub(&running, 1);
    }
    json_decref(c.row);
}

const struct ps_route ps_verdict_routes[] = {
    {"GET", "/api/v1/clips/{clip}/verdict", PS_ROLE_PERSON | PS_ROLE_READ | PS_ROUTE_SLOW, PS_BODY_NONE, 0,
     NULL, get_verdict},
    {NULL, NULL, 0, PS_BODY_NONE, 0, NULL, NULL},
};
