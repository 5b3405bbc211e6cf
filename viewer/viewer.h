/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_VIEWER_VIEWER_H
#define PS_VIEWER_VIEWER_H
/*
 * The running program, which each request's handler reaches by r->viewer. Fixed once the server serves, but for what says
 * otherwise; what the modules keep is behind pointers, each with a lock of its own.
 */
#include "archive/config.h"
#include "archive/root.h"
#include "archive/viewer_db.h"
#include "viewer/request.h"
#include <stdatomic.h>

struct ps_viewer {
    char root[PS_ROOT_PATH];
    struct ps_config config;
    struct ps_viewer_db *db;  /* archive/viewer_db.h: from any thread */
    bool tls;                 /* browsers reach us by https, here or at the proxy */
    bool verify_only;         /* the checking page alone: no station, no accounts; routes.c then lists
                              * ps_check_open_routes instead of all others that need a station or a person */
    char trust[PS_ROOT_PATH]; /* verify_only: --trust FILE, what keys are compared with; "" none */
    atomic_bool stopping;     /* what runs long looks at it */
    struct ps_sessions *sessions;
    struct ps_accounts *accounts;
    struct ps_events *events;
    struct ps_pages *pages;
    struct ps_server *server;
    struct ps_jobs *jobs;   /* viewer/jobs.h; NULL: verify_only */
    struct ps_hooks *hooks; /* viewer/hooks.h; the same */
};

/* An entry of the audit trail, made by this request: what is one of docs/API.md's words ("view", "export", ...); clip and
 * detail may be NULL. The trail is part of the service: a view that could not be written down is refused, so the caller
 * answers an error ("internal") when this is negative. Repeated range requests of one film by one session within 10 min
 * are one entry: say ps_viewer_audit_once for these. */
int ps_viewer_audit(const struct ps_request *r, const char *what, const char *clip, const char *detail);
int ps_viewer_audit_once(const struct ps_request *r, const char *what, const char *clip, const char *detail);

/* One line for the log: ps_log_line of viewer/log.h. */
void ps_viewer_log(int level, const char *what, const char *where, const char *todo);

/* The tables of routes, which routes.c lists; each ends with a NULL method. A module that comes adds its own here and there. */
extern const struct ps_route ps_signin_routes[], ps_accounts_routes[], ps_audit_routes[], ps_health_routes[],
    ps_station_routes[], ps_events_routes[], ps_export_routes[], ps_check_routes[], ps_check_open_routes[],
    ps_orders_routes[], ps_hooks_routes[], ps_metrics_routes[], ps_preview_routes[], ps_find_routes[],
    ps_clip_routes[], ps_verdict_routes[], ps_film_routes[], ps_thumb_routes[], ps_profiles_routes[];

#endif
