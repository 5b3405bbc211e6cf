/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Exports: asked for, watched, downloaded (docs/API.md). */
#include "archive/store.h"
#include "evidence/limits.h"
#include "viewer/answer.h"
#include "viewer/jobs.h"
#include "viewer/times.h"
#include "viewer/viewer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const state_words[] = {"waiting", "running", "done", "failed"};

static json_t *job_json(const struct ps_job *k) {
    char made[40];
    json_t *clips = json_array();

    for (unsigned i = 0; i < k->ask.n_clips; i++)
        json_array_append_new(clips, json_string(k->ask.clip[i]));
    ps_times_text(k->made_ns, made);
    json_t *o = json_pack("{s:s, s:s, s:i, s:s, s:I, s:s, s:o, s:s, s:s, s:s}", "job", k->id, "state",
                          state_words[k->state], "percent", (int)k->percent, "error", k->error, "bytes",
                          (json_int_t)k->bytes, "sha256", k->sha256, "clips", clips, "by", k->ask.by, "made",
                          made, "name", k->name);
    if (k->leaf >= 0)
        json_object_set_new(o, "leaf", json_integer(k->leaf));
    else if (k->unledgered[0])
        json_object_set_new(o, "unledgered", json_string(k->unledgered));
    return o;
}

static bool is_word(const char *s) {
    size_t n = strlen(s);

    return n < 64 && s[0] != '-' && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

/* A reason's key is as the merchant's profile words it, often Chinese. It is an argument of a program, never of a shell. */
static bool is_reason(const char *s) {
    for (const char *p = s; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return false;
    return s[0] != '-' && strlen(s) < sizeof(((struct ps_job_ask *)NULL)->reason);
}

static bool read_clips(struct ps_job_ask *ask, const json_t *clips) {
    size_t n = json_array_size(clips);

    if (n == 0 || n > PS_JOBS_CLIPS)
        return false;
    for (size_t i = 0; i < n; i++) {
        const char *s = json_string_value(json_array_get(clips, i));
        if (!s || strlen(s) >= sizeof(ask->clip[0]) || !ps_store_is_clip_name(s))
            return false;
        snprintf(ask->clip[i], sizeof(ask->clip[i]), "%s", s);
    }
    ask->n_clips = (unsigned)n;
    return true;
}

/* NULL, or what is wrong with it. */
static const char *read_ask(struct ps_job_ask *ask, const struct ps_request *r) {
    const json_t *clips = NULL;
    json_int_t from = -1, to = -1;
    const char *profile = "", *reason = "", *language = r->who.language;
    int report = 0, page = 1;
    json_error_t e;

    /* jansson reads through a pointer that is not const, and changes nothing. */
    if (json_unpack_ex((json_t *)(uintptr_t)r->body, &e, JSON_STRICT,
                       "{s:o, s?I, s?I, s?s, s?s, s?b, s?s, s?b}", "clips", &clips, "from_ms", &from, "to_ms",
                       &to, "profile", &profile, "reason", &reason, "report", &report, "language", &language,
                       "page", &page) != 0)
        return "clips, from_ms, to_ms, profile, reason, report, language, page";
    if (!read_clips(ask, clips))
        return "clips: 1 to 64 names as ST03-0000123";
    if ((from < 0) != (to < 0) || (from >= 0 && (to <= from || to > PS_MAX_CLIP_SECONDS * 1000LL)))
        return "from_ms and to_ms: both, in order, within the clip";
    if (from >= 0 && ask->n_clips != 1)
        return "an excerpt is of one clip";
    if (!is_word(profile) || !is_reason(reason) || (reason[0] && !profile[0]))
        return "profile: a name of a-z, 0-9 and -; reason: one of its keys; a reason needs a profile";
    ask->cut = from >= 0;
    ask->from_ms = from;
    ask->to_ms = to;
    ask->report = report;
    ask->page = page;
    ask->chinese = strncmp(language, "zh", 2) == 0;
    snprintf(ask->profile, sizeof(ask->profile), "%s", profile);
    snprintf(ask->reason, sizeof(ask->reason), "%s", reason);
    snprintf(ask->by, sizeof(ask->by), "%s", r->who.name);
    return NULL;
}

static void post(struct ps_request *r, struct ps_answer *a) {
    struct ps_job_ask *ask = calloc(1, sizeof(*ask));
    char id[17];
    const char *wrong = ask ? read_ask(ask, r) : "out of memory";

    if (wrong) {
        ps_answer_error(a, "bad-request", "not an export", "exports", wrong);
        free(ask);
        return;
    }
    for (unsigned i = 0; i < ask->n_clips; i++)
        if (ps_viewer_audit(r, "export", ask->clip[i], ask->profile) < 0) {
            ps_answer_error(a, "internal", "the audit trail cannot be written", "exports",
                            "look at the disk");
            free(ask);
            return;
        }
    int err = ps_jobs_add(r->viewer->jobs, ask, id);
    free(ask);
    if (err == PS_EFULL)
        ps_answer_error(a, "busy", "too many exports wait", "exports", "try again when one is done");
    else if (err < 0)
        ps_answer_error(a, "internal", ps_error_text(err), "exports", "try again");
    else
        ps_answer_json(a, 202, json_pack("{s:s}", "job", id));
}

/* A token sees what tokens of its name asked for; people of the roles that may export see all, as the ledger does. */
static bool may_see(const struct ps_request *r, const struct ps_job *k) {
    return r->who.role != PS_ROLE_EXPORT || strcmp(r->who.name, k->ask.by) == 0;
}

static void list(struct ps_request *r, struct ps_answer *a) {
    struct ps_job *all = calloc(PS_JOBS, sizeof(*all));
    json_t *jobs = json_array();

    for (unsigned i = 0, n = all ? ps_jobs_list(r->viewer->jobs, all, PS_JOBS) : 0; i < n; i++)
        if (may_see(r, &all[i]))
            json_array_append_new(jobs, job_json(&all[i]));
    free(all);
    ps_answer_json(a, 200, json_pack("{s:o}", "exports", jobs));
}

/* The job that the path names, for the caller to free; else NULL and answered. */
static struct ps_job *find(struct ps_request *r, struct ps_answer *a) {
    struct ps_job *k = calloc(1, sizeof(*k));

    if (k && ps_jobs_get(r->viewer->jobs, r->arg[0], k) && may_see(r, k))
        return k;
    free(k);
    ps_answer_error(a, "not-found", "no such export", r->arg[0], "export again: the same bundle is made");
    return NULL;
}

static void get(struct ps_request *r, struct ps_answer *a) {
    struct ps_job *k = find(r, a);

    if (k)
        ps_answer_json(a, 200, job_json(k));
    free(k);
}

static void download(struct ps_request *r, struct ps_answer *a) {
    struct ps_job *k = find(r, a);
    char name[96];
    int fd;

    if (!k)
        return;
    int err = ps_jobs_open(r->viewer->jobs, k->id, &fd);
    if (err == PS_ESTATE)
        ps_answer_error(a, "conflict", "the export is not finished", k->id, "wait for its state done");
    else if (err < 0)
        ps_answer_error(a, "not-found", "no such export", k->id, "export again: the same bundle is made");
    else if (ps_viewer_audit_once(r, "download", k->ask.clip[0], k->sha256) < 0) {
        close(fd);
        ps_answer_error(a, "internal", "the audit trail cannot be written", "exports", "look at the disk");
    } else {
        snprintf(name, sizeof(name), "packseal-%s", k->name);
        ps_answer_file(a, fd, "application/zip", k->id, name);
    }
    free(k);
}

#define MAY (PS_ROLE_CLERK | PS_ROLE_ADMIN | PS_ROLE_EXPORT)

const struct ps_route ps_export_routes[] = {
    {"POST", "/api/v1/exports", MAY, PS_BODY_JSON, 0, NULL, post},
    {"GET", "/api/v1/exports", MAY, PS_BODY_NONE, 0, NULL, list},
    {"GET", "/api/v1/exports/{job}", MAY, PS_BODY_NONE, 0, NULL, get},
    {"GET", "/api/v1/exports/{job}/download", MAY, PS_BODY_NONE, 0, NULL, download},
    {NULL, NULL, 0, PS_BODY_NONE, 0, NULL, NULL},
};
