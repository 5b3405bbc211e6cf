/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_REPORT_MAKE_H
#define PS_REPORT_MAKE_H
/*
 * From a bundle to reports: what is judged is what a checker will get, not what the station has.
 */
#include "report/facts.h"
#include <stdbool.h>

struct ps_make {
    const char *bundle; /* a zip; its clips are reported one by one */
    const char *clip;   /* only this one, or NULL */
    const char *root;   /* a station's root, whose index knows other takes; or NULL */
    const char *trust;  /* trust file or public key; or NULL */
    bool own;           /* trust is the station's: believe whom its configuration asks for the time, too */
    enum ps_facts_lang lang;
    struct ps_facts_date printed, picked_up, delivered, claimed;
    const char *out; /* a folder, made when missing; NULL: no report. Several clips get a folder each in it */
    bool ascii;      /* file names as a bundle takes them */
    bool folders;    /* a folder for each clip, even for one */
    const char *profile; /* a profile file, or NULL: no appeal pack */
    const char *reason;  /* key of one of its reasons, or NULL */
    const char *pack;    /* folder of the appeal pack; several clips get one each, named with the clip */
    void (*made)(void *ctx, const char *path);
    void (*note)(void *ctx, const char *zh, const char *en);
    int (*progress)(void *ctx, uint64_t done, uint64_t total);
    void *ctx;
};

/* 0 or an error with why. Nothing that exists is overwritten. */
int ps_make_all(const struct ps_make *m, struct ps_why *why);

#endif
