/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_VIEWER_ANSWER_INTERNAL_H
#define PS_VIEWER_ANSWER_INTERNAL_H
/*
 * Between server.c, which queues answers, and answer.c, which makes them.
 */
#include "viewer/answer.h"
#include <stdint.h>

#define PS_ANSWER_HEADERS 4

struct MHD_Response;
struct ps_answer {
    struct MHD_Response *response; /* NULL: not answered yet */
    unsigned status;
    void *connection; /* MHD's, which a stream suspends */
    struct {
        char name[24], value[256];
    } extra[PS_ANSWER_HEADERS];
    unsigned n_extra;
    const char *policy; /* Content-Security-Policy; NULL: of all pages but one */
    bool may_keep;      /* a cache may keep it, and asks each time */
    /* What the request said of ranges; "" nothing. */
    char range[128], if_range[128], none_match[256];
};

/* A header of this answer; name and value are ours, and are text. */
void ps_answer_header(struct ps_answer *a, const char *name, const char *value);
/* Bytes that outlive the server, with an entity tag: 304 when the browser has them. */
void ps_answer_kept(struct ps_answer *a, const char *type, const void *p, size_t n, const char *etag);
/* The status that goes with an error's word. */
unsigned ps_answer_status_of(const char *word);

/* Streams: wakes those that have slept 5 s, once a second or so; at the end all of them, and none falls asleep any more. */
void ps_answer_tick(void);
void ps_answer_end_streams(void);

#endif
