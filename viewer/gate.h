/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_VIEWER_GATE_H
#define PS_VIEWER_GATE_H
/*
 * What every request has to pass before its body is read: a host of ours, a length that means one thing, a person who may, and
 * for changes the word that only our own page knows. No HTTP library in here.
 */
#include "viewer/answer_internal.h"
#include "viewer/viewer.h"

#define PS_GATE_JSON_MAX 65536 /* bytes of a JSON body */
#define PS_GATE_CHUNK 512

/* Headers of the request, "" where there is none; the first of each name. */
struct ps_gate {
    const char *host, *origin, *cookie, *authorization, *csrf, *type, *length, *languages, *forwarded_for,
        *forwarded_proto;
    unsigned n_host, n_length, n_authorization, n_cookie; /* how many of that name */
    bool chunked;                                         /* any Transfer-Encoding */
    const char *peer;                                     /* address of who is connected */
    char session[64];                                     /* the cookie's token, "" none */
};

/* Fills who; answers and is false when the request is not one to look at further. */
bool ps_gate_person(struct ps_viewer *v, struct ps_gate *g, struct ps_person *who, struct ps_answer *a);
/* May this person do that, and is the body one that is taken? Fills *bytes with the body's length. */
bool ps_gate_route(const struct ps_viewer *v, const struct ps_gate *g, const struct ps_person *who,
                   const struct ps_route *route, const char *path, uint64_t *bytes, struct ps_answer *a);

#endif
