/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * POST /check: a bundle from anybody, judged by packseal-verify in a process of its own: it may crash, loop or swell there, and
 * the answer is then one line that says so.
 */
#include "viewer/answer.h"
#include "viewer/child.h"
#include "viewer/viewer.h"
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define AT_ONCE 2
#define SECONDS 120 /* 4 GiB are read in 20 s on the slowest machine that was tried */
#define MEMORY ((uint64_t)1 << 30)
#define OUT_MAX ((size_t)4 << 20)
#define PATH "/proc/self/fd/3" /* PS_CHILD_KEEP */
#define NAME "bundle.zip"

static atomic_int running;

/* The child knows the file by a number; people call it what they sent. */
static void rename_path(json_t *o) {
    const char *path = json_string_value(json_object_get(o, "path"));

    if (path && strncmp(path, PATH, sizeof(PATH) - 1) == 0)
        json_object_set_new(o, "path", json_sprintf(NAME "%s", path + sizeof(PATH) - 1));
}

/* One object a line; NULL when a line is none. */
static json_t *read_verdicts(const struct ps_buf *out) {
    json_t *all = json_array();
    const char *p = (const char *)out->p, *end = p + out->n;

    while (p && p < end) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t n = nl ? (size_t)(nl - p) : (size_t)(end - p);
        json_t *o = n ? json_loadb(p, n, JSON_REJECT_DUPLICATES, NULL) : NULL;
        if (!json_is_object(o)) {
            json_decref(o);
            json_decref(all);
            return NULL;
        }
        rename_path(o);
        json_array_append_new(all, o);
        p = nl ? nl + 1 : end;
    }
    return all;
}

static void judge(struct ps_request *r, struct ps_answer *a) {
    char trust[PS_ROOT_PATH + 64] = "";
    const char *argv[8] = {"packseal-verify", "--json", "--jobs", "1"};
    unsigned n = 4;
    struct ps_child_told told;
    struct ps_why why = {0};

    if (r->viewer->trust[0])
        snprintf(trust, sizeof(trust), "%s", r->viewer->trust);
    else if (!r->viewer->verify_only)
        snprintf(trust, sizeof(trust), "%s/" PS_ROOT_PUBLIC "/trust", r->viewer->root);
    if (trust[0]) {
        argv[n++] = "--trust";
        argv[n++] = trust;
    }
    argv[n++] = PATH;
    argv[n] = NULL;
    const struct ps_child_ask ask = {.program = "packseal-verify",
                                     .argv = argv,
                                     .chinese = strncmp(r->who.language, "zh", 2) == 0,
                                     .keep = r->body_fd,
                                     .seconds = SECONDS,
                                     .cpu_seconds = SECONDS,
                                     .memory = MEMORY,
                                     .out_max = OUT_MAX};
    int err = ps_child_run(&ask, &told, &why);
    json_t *verdicts = err == 0 && told.status <= 3 ? read_verdicts(&told.out) : NULL;
    if (err == PS_ETIME || err == PS_ELIMIT || (err == 0 && told.status > 3))
        ps_answer_error(a, "too-large", "this bundle needs more time or memory than is given here", NAME,
                        "judge it with packseal-verify on a computer of your own");
    else if (err < 0)
        ps_answer_error(a, "internal", why.text, why.where, "see the log");
    else if (!verdicts || json_array_size(verdicts) == 0)
        ps_answer_error(a, "bad-request", told.last[0] ? told.last : "cannot be judged", NAME,
                        "send a bundle as packseal export writes it");
    else
        ps_answer_json(a, 200, json_pack("{s:O, s:i}", "verdicts", verdicts, "exit", told.status));
    json_decref(verdicts);
    ps_buf_free(&told.out);
}

static void post(struct ps_request *r, struct ps_answer *a) {
    if (!r->viewer->verify_only && ps_viewer_audit(r, "check", NULL, NULL) < 0) {
        ps_answer_error(a, "internal", "the audit trail cannot be written", "check", "look at the disk");
        return;
    }
    if (atomic_fetch_add(&running, 1) >= AT_ONCE)
        ps_answer_error(a, "busy", "other bundles are being judged", "check", "try again in a moment");
    else
        judge(r, a);
    atomic_fetch_sub(&running, 1);
}

const struct ps_route ps_check_routes[] = {
    {"POST", "/api/v1/check", PS_ROLE_CLERK | PS_ROLE_AUDITOR | PS_ROLE_ADMIN | PS_ROUTE_SLOW, PS_BODY_FILE,
     PS_BODY_MAX_CHECK, "application/zip", post},
    {NULL, NULL, 0, PS_BODY_NONE, 0, NULL, NULL},
};
/* With --verify-only the same is open to anybody, and it is all there is. */
const struct ps_route ps_check_open_routes[] = {
    {"POST", "/api/v1/check", PS_ROLE_NOBODY | PS_ROUTE_SLOW, PS_BODY_FILE, PS_BODY_MAX_CHECK,
     "application/zip", post},
    {NULL, NULL, 0, PS_BODY_NONE, 0, NULL, NULL},
};
