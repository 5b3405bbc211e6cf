/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_VIEWER_ANSWER_H
#define PS_VIEWER_ANSWER_H
/*
 * What a handler answers with. Exactly one of these is called for a request; server.c adds the security headers.
 */
#include "viewer/request.h"
#include <sys/types.h>

/* Steals o. */
void ps_answer_json(struct ps_answer *a, unsigned status, json_t *o);
/* {"error":"what: where: todo","code":word}; status from the word: docs/API.md. */
void ps_answer_error(struct ps_answer *a, const char *word, const char *what, const char *where,
                     const char *todo);
/* 204. */
void ps_answer_nothing(struct ps_answer *a);
/* Copies. type as "text/html; charset=utf-8". */
void ps_answer_text(struct ps_answer *a, unsigned status, const char *type, const void *p, size_t n);
/* A regular file, whose descriptor it takes; byte ranges, If-Range and If-None-Match by etag (without quotes; NULL: none).
 * save_as: Content-Disposition's file name in ASCII, or NULL. */
void ps_answer_file(struct ps_answer *a, int fd, const char *type, const char *etag, const char *save_as);
/* A body without end: pull() fills at most max bytes and returns how many, 0 for "nothing yet" (the connection sleeps until
 * ps_answer_wake, or 5 s), negative for the end. over() is called once, always. wake_slot receives what ps_answer_wake takes. */
struct ps_wake;
void ps_answer_stream(struct ps_answer *a, const char *type, ssize_t (*pull)(void *ctx, char *p, size_t max),
                      void (*over)(void *ctx), void *ctx, struct ps_wake **wake_slot);
/* From any thread, any number of times, also after over(): the reference is counted. */
void ps_answer_wake(struct ps_wake *w);
void ps_answer_wake_free(struct ps_wake *w);

#endif
