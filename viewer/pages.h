/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_VIEWER_PAGES_H
#define PS_VIEWER_PAGES_H
/*
 * The pages and what they load: all files of the folder web, read once at the start. A request is answered from memory, and
 * its path is compared with names, never opened.
 */
#include "evidence/error.h"
#include <stdbool.h>
#include <stddef.h>

struct ps_pages;
struct ps_page {
    char name[128]; /* below web/: "words.js", "tones/start.wav" */
    const char *type;
    char etag[33];
    char *policy; /* Content-Security-Policy of its own, or NULL */
    unsigned char *p;
    size_t n;
};

/* Looks beside the program, else in ../../share/packseal. */
int ps_pages_open(struct ps_pages **out, struct ps_why *why);
void ps_pages_close(struct ps_pages *p);
/* For a path as it was asked for: "/", "/clip/ST03-0000001", "/web/words.js". NULL: there is none. */
const struct ps_page *ps_pages_find(const struct ps_pages *p, const char *path);

#endif
