/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_VIEWER_REQUEST_H
#define PS_VIEWER_REQUEST_H
/*
 * One request as the handlers see it: who asks, what matched, a body that has been read and parsed. Everything in it is
 * bounded and is text; nothing of it has been used to open a file (docs/API.md, "Rules for every request").
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ps_viewer;
struct ps_answer;

#define PS_REQUEST_ARGS 3
#define PS_REQUEST_ARG 128
#define PS_REQUEST_TARGET 2048 /* bytes of path and query together */
#define PS_REQUEST_PATH 400
#define PS_REQUEST_QUERIES 16
#define PS_REQUEST_NAME 24
#define PS_REQUEST_VALUE 256

/* Bits, so that a route lists who may. A token has the bit of its scope and no other. */
enum ps_role {
    PS_ROLE_NOBODY = 1 << 0, /* not signed in */
    PS_ROLE_SCREEN = 1 << 1,
    PS_ROLE_PACKER = 1 << 2,
    PS_ROLE_CLERK = 1 << 3,
    PS_ROLE_AUDITOR = 1 << 4,
    PS_ROLE_ADMIN = 1 << 5,
    PS_ROLE_SCAN = 1 << 6, /* tokens from here on */
    PS_ROLE_READ = 1 << 7,
    PS_ROLE_EXPORT = 1 << 8,
    PS_ROLE_METRICS = 1 << 9,
    /* The table's words (docs/API.md). */
    PS_ROLE_ANYBODY = (1 << 10) - 1,
    PS_ROLE_PERSON = PS_ROLE_PACKER | PS_ROLE_CLERK | PS_ROLE_AUDITOR | PS_ROLE_ADMIN, /* "packer…" */
    PS_ROLE_SEES = PS_ROLE_SCREEN | PS_ROLE_PERSON, /* "screen, packer…" of GET */
    PS_ROLE_ACTS = PS_ROLE_SCREEN | PS_ROLE_PACKER | PS_ROLE_CLERK | PS_ROLE_ADMIN, /* the same of POST */
    PS_ROLE_SIGNED_IN = PS_ROLE_SEES,
    /* No role: the handler takes long (waits for the recorder, judges a bundle). At most half of the workers do such at a time, so
     * that quick questions are answered meanwhile. */
    PS_ROUTE_SLOW = 1 << 16,
};

struct ps_person {
    unsigned role;    /* one bit of enum ps_role */
    char name[64];    /* account, "screen-2", "token:erp"; "" of nobody */
    char language[8]; /* "zh-CN" or "en" */
    char csrf[48];    /* "" of tokens and nobody */
    char address[48]; /* the peer's */
};

struct ps_request {
    struct ps_viewer *viewer;
    const char *method, *path;
    struct ps_person who;
    char arg[PS_REQUEST_ARGS][PS_REQUEST_ARG]; /* what stood for each {…} of the route */
    const json_t *body;                        /* PS_BODY_JSON: an object; else NULL */
    int body_fd;                               /* PS_BODY_FILE: unlinked, at offset 0; else -1 */
    uint64_t body_bytes;
    void *connection; /* server.c's */
    unsigned n_query;
    struct {
        char name[PS_REQUEST_NAME + 1], value[PS_REQUEST_VALUE + 1];
    } query[PS_REQUEST_QUERIES];
};

#define PS_BODY_MAX_CHECK UINT64_MAX /* as body_max: [viewer] check_max_mb */

enum ps_body { PS_BODY_NONE, PS_BODY_JSON, PS_BODY_FILE };

struct ps_route {
    const char *method;  /* "GET"; a GET route serves HEAD too */
    const char *pattern; /* "/api/v1/clips/{clip}/notes": {…} is one path segment of [A-Za-z0-9._-] */
    unsigned may;        /* bits of enum ps_role */
    enum ps_body body;
    uint64_t body_max; /* PS_BODY_FILE; 0: 64 KiB */
    const char *type;  /* Content-Type that PS_BODY_FILE must have; NULL: any */
    /* Fills *a by one of viewer/answer.h; runs on one of the program's workers, several at a time, and may wait. */
    void (*handle)(struct ps_request *r, struct ps_answer *a);
};
/* Each module of the viewer has a table of its own, which ends with a NULL method; routes.c lists the tables. */

/* A query parameter, percent-decoded; NULL when missing. Malformed text (control characters, not UTF-8, over 256 bytes) is
 * refused before the handler runs. Valid while the handler runs. */
const char *ps_request_query(const struct ps_request *r, const char *name);
/* As a number within min..max: 1 when given, 0 when missing (*out unchanged), negative when it is not one. */
int ps_request_number(const struct ps_request *r, const char *name, int64_t min, int64_t max, int64_t *out);
/* ISO 8601 time as nanoseconds since 1970; as ps_request_number. A bare day is its start in local time. */
int ps_request_time(const struct ps_request *r, const char *name, int64_t *out_ns);

/* What a body's object may hold. */
struct ps_member {
    const char *name;
    char type; /* 's' text of min..max bytes, 'b' bool, 'i' integer, 'a' array, 'o' object */
    bool needed;
    size_t min, max; /* of 's'; max 0: 256 */
};
/* True when the body has the needed members, each of its type, and no other (members ends with a NULL name). Else answers
 * bad-request and is false: return then. Text is UTF-8 without control characters, but line feeds where type is 't'. */
bool ps_request_members(const struct ps_request *r, struct ps_answer *a, const struct ps_member *members);
/* Text of a member, NULL when missing. */
const char *ps_request_text(const struct ps_request *r, const char *name);

/* ---- parsing, for server.c and the tests */

/* Path and query of a request line's target: fills path[PS_REQUEST_PATH] and r's queries. The path has segments of
 * [A-Za-z0-9._-], none of them "." or "..", and no percent signs. PS_EFORMAT, PS_ELIMIT. */
int ps_request_target(struct ps_request *r, char path[PS_REQUEST_PATH], const char *target);
/* The value of the cookie by that name in a Cookie header; false when it is not there, longer than cap-1, there twice, or has
 * other than [A-Za-z0-9_-]. */
bool ps_request_cookie(const char *header, const char *name, char *out, size_t cap);
/* "2026-11-22", "2026-11-22T08:15", "…:30.123" and Z or +08:00 behind a time (none: local). */
int ps_request_iso(const char *s, int64_t *wall_ns);
/* Does path match pattern? Fills args. */
bool ps_request_match(const char *pattern, const char *path, char arg[PS_REQUEST_ARGS][PS_REQUEST_ARG]);

#endif
