/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "viewer/routes.h"
#include "viewer/viewer.h"
#include <string.h>

static const struct ps_route *const all[] = {
    ps_signin_routes,
    ps_accounts_routes,
    ps_audit_routes,
    ps_health_routes,
    ps_station_routes,
    ps_events_routes,
    ps_preview_routes,
    ps_find_routes,
    ps_clip_routes,
    ps_verdict_routes,
    ps_film_routes,
    ps_thumb_routes,
    ps_export_routes,
    ps_check_routes,
    ps_orders_routes,
    ps_hooks_routes,
    ps_metrics_routes,
    ps_profiles_routes,
    NULL,
};
/* With --verify-only: what needs neither station nor person. */
static const struct ps_route *const alone[] = {ps_health_routes, ps_check_open_routes, NULL};

static bool serves(const struct ps_route *r, const char *method) {
    return strcmp(r->method, method) == 0 || (strcmp(r->method, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

const struct ps_route *ps_routes_find(bool verify_only, const char *method, const char *path,
                                      char arg[PS_REQUEST_ARGS][PS_REQUEST_ARG], bool *known) {
    *known = false;
    for (const struct ps_route *const *t = verify_only ? alone : all; *t != NULL; t++)
        for (const struct ps_route *r = *t; r->method != NULL; r++) {
            if (!ps_request_match(r->pattern, path, arg))
                continue;
            *known = true;
            if (serves(r, method))
                return r;
        }
    return NULL;
}

void ps_routes_print(FILE *to) {
    static const char *const roles[] = {"nobody", "screen", "packer", "clerk",  "auditor",
                                        "admin",  "scan",   "read",   "export", "metrics"};
    static const char *const bodies[] = {"none", "json", "file"};
    for (const struct ps_route *const *t = all; *t != NULL; t++)
        for (const struct ps_route *r = *t; r->method != NULL; r++) {
            fprintf(to, "%s %s ", r->method, r->pattern);
            for (size_t i = 0, n = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
                if ((r->may & 1U << i) != 0)
                    fprintf(to, "%s%s", n++ > 0 ? "," : "", roles[i]);
            fprintf(to, " %s\n", bodies[r->body]);
        }
}
