/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * GET /metrics: the text format of Prometheus, version 0.0.4 (prometheus.io, "Exposition formats"). What the recorder says of itself, asked
 * for now, and what the viewer keeps.
 */
#include "evidence/bytes.h"
#include "viewer/answer.h"
#include "viewer/ask.h"
#include "viewer/jobs.h"
#include "viewer/viewer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX ((size_t)256 << 10)
#define SECONDS 2

static void head(struct ps_buf *b, const char *name, const char *type, const char *help) {
    ps_buf_fmt(b, "# HELP packseal_%s %s\n# TYPE packseal_%s %s\n", name, help, name, type);
}

/* A label's value: backslash, quote and line feed are escaped. */
static void label(struct ps_buf *b, const char *key, const char *value) {
    ps_buf_fmt(b, "{%s=\"", key);
    for (; value && *value; value++) {
        if (*value == '\\' || *value == '"')
            ps_buf_u8(b, '\\');
        ps_buf_u8(b, (uint8_t)(*value == '\n' ? ' ' : *value));
    }
    ps_buf_text(b, "\"}");
}

static void number(struct ps_buf *b, const char *name, const char *type, const char *help, int64_t v) {
    head(b, name, type, help);
    ps_buf_fmt(b, "packseal_%s %lld\n", name, (long long)v);
}

/* One line for each of the words, 1 for the one that holds. */
static void one_of(struct ps_buf *b, const char *name, const char *help, const char *const *words,
                   const char *now) {
    head(b, name, "gauge", help);
    for (; *words; words++) {
        ps_buf_fmt(b, "packseal_%s", name);
        label(b, "is", *words);
        ps_buf_fmt(b, " %d\n", now && strcmp(now, *words) == 0);
    }
}

static void cameras(struct ps_buf *b, const json_t *status) {
    static const char *const counts[] = {"captured", "encoded", "dropped", "damaged", "repeated"};
    const json_t *all = json_object_get(status, "cameras"), *o;
    size_t i;

    head(b, "camera_live", "gauge", "1 while a camera delivers pictures.");
    json_array_foreach(all, i, o) {
        const char *state = json_string_value(json_object_get(o, "state"));
        ps_buf_text(b, "packseal_camera_live");
        label(b, "camera", json_string_value(json_object_get(o, "name")));
        ps_buf_fmt(b, " %d\n", state && strcmp(state, "live") == 0);
    }
    for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++) {
        char name[48];
        snprintf(name, sizeof(name), "clip_frames_%s", counts[k]);
        head(b, name, "gauge", "Frames of the clip that runs, or of the last one.");
        json_array_foreach(all, i, o) {
            ps_buf_fmt(b, "packseal_%s", name);
            label(b, "camera", json_string_value(json_object_get(o, "name")));
            ps_buf_fmt(b, " %lld\n", (long long)json_integer_value(json_object_get(o, counts[k])));
        }
    }
}

/* Alarms by their word; details hold names of devices and codes, which belong into no time series. */
static void alarms(struct ps_buf *b, const json_t *status) {
    static const char *const words[] = {"camera-lost",
                                        "camera-reduced",
                                        "scanner-lost",
                                        "signer-away",
                                        "disk-low",
                                        "disk-full",
                                        "clock-unsynced",
                                        "unsealed",
                                        "carriers",
                                        "orders",
                                        "duplicate",
                                        "refunded",
                                        "list-differs",
                                        "fault",
                                        "label-not-seen",
                                        "picture-dark",
                                        "picture-covered",
                                        "picture-blurred",
                                        "picture-frozen",
                                        "camera-moved",
                                        "scale-lost",
                                        "scale-strange",
                                        NULL};
    const json_t *all = json_object_get(status, "alarms"), *o;
    size_t i;

    head(b, "alarm", "gauge", "Alarms of this kind that are on.");
    for (const char *const *w = words; *w; w++) {
        int n = 0;
        json_array_foreach(all, i, o) {
            const char *s = json_string_value(o);
            n += s && strncmp(s, *w, strlen(*w)) == 0 && s[strlen(*w)] == ':';
        }
        ps_buf_text(b, "packseal_alarm");
        label(b, "alarm", *w);
        ps_buf_fmt(b, " %d\n", n);
    }
}

static void of_recorder(struct ps_buf *b, const json_t *s) {
    static const char *const states[] = {"idle", "recording", "sealing", "faulted", NULL};
    static const char *const signers[] = {"confined", "unconfined", "away", NULL};

    number(b, "able", "gauge", "1 when a scan would record now.", json_is_true(json_object_get(s, "able")));
    one_of(b, "state", "State of the station.", states, json_string_value(json_object_get(s, "state")));
    one_of(b, "signer", "How the signer runs.", signers, json_string_value(json_object_get(s, "signer")));
    number(b, "free_bytes", "gauge", "Free on the disk of the clips.",
           json_integer_value(json_object_get(s, "free_mb")) * 1048576);
    number(b, "uptime_seconds", "gauge", "Since the recorder started.",
           json_integer_value(json_object_get(s, "uptime_s")));
    cameras(b, s);
    alarms(b, s);
}

static void of_exports(struct ps_buf *b, struct ps_jobs *jobs) {
    static const char *const words[] = {"waiting", "running", "done", "failed"};
    int n[4] = {0};
    struct ps_job *all = jobs ? calloc(PS_JOBS, sizeof(*all)) : NULL;

    for (unsigned i = 0, k = all ? ps_jobs_list(jobs, all, PS_JOBS) : 0; i < k; i++)
        n[all[i].state]++;
    free(all);
    head(b, "exports", "gauge", "Exports that are kept, by state.");
    for (int i = 0; i < 4; i++) {
        ps_buf_text(b, "packseal_exports");
        label(b, "state", words[i]);
        ps_buf_fmt(b, " %d\n", n[i]);
    }
}

/* Without a token from this machine alone: a scraper beside us needs none. Behind a proxy every request is from this machine. */
static bool may(const struct ps_request *r) {
    const char *from = r->who.address;

    return r->who.role != PS_ROLE_NOBODY || (!r->viewer->config.viewer.behind_proxy &&
                                             (strcmp(from, "127.0.0.1") == 0 || strcmp(from, "::1") == 0));
}

static void get(struct ps_request *r, struct ps_answer *a) {
    struct ps_buf b;
    json_t *status = NULL;
    struct ps_why why = {0};

    if (!may(r)) {
        ps_answer_error(a, "sign-in", "a token of scope metrics is needed", "metrics",
                        "an administrator makes one");
        return;
    }
    int err = ps_ask_recorder(r->viewer->root, json_pack("{s:s}", "do", "status"), SECONDS, &status, &why);
    ps_buf_init(&b, TEXT_MAX);
    number(&b, "up", "gauge", "1 when the recorder answers.", err == 0);
    if (err == 0)
        of_recorder(&b, status);
    of_exports(&b, r->viewer->jobs);
    json_decref(status);
    if (b.err)
        ps_answer_error(a, "internal", ps_error_text(b.err), "metrics", "see the log");
    else
        ps_answer_text(a, 200, "text/plain; version=0.0.4; charset=utf-8", b.p, b.n);
    ps_buf_free(&b);
}

const struct ps_route ps_metrics_routes[] = {
    {"GET", "/metrics", PS_ROLE_NOBODY | PS_ROLE_METRICS | PS_ROLE_ADMIN | PS_ROUTE_SLOW, PS_BODY_NONE, 0,
     NULL, get},
    {"GET", "/api/v1/metrics", PS_ROLE_NOBODY | PS_ROLE_METRICS | PS_ROLE_ADMIN | PS_ROUTE_SLOW, PS_BODY_NONE,
     0, NULL, get},
    {NULL, NULL, 0, PS_BODY_NONE, 0, NULL, NULL},
};
