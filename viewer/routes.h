/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_VIEWER_ROUTES_H
#define PS_VIEWER_ROUTES_H
/*
 * All tables of routes together.
 */
#include "viewer/request.h"
#include <stdio.h>

/* The route for method and path; NULL: none. *known tells whether the path is one of another method's. Fills arg. */
const struct ps_route *ps_routes_find(bool verify_only, const char *method, const char *path,
                                      char arg[PS_REQUEST_ARGS][PS_REQUEST_ARG], bool *known);
/* One line a route: method, pattern, who, body: what tests compare docs/API.md and openapi.json with. */
void ps_routes_print(FILE *to);

#endif
