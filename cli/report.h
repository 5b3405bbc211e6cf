/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_REPORT_H
#define PS_CLI_REPORT_H
/*
 * Starts packseal-report, which decodes film and lays out pages, so that packseal itself need not.
 */
#include "archive/bundle.h"
#include "cli/clips.h"
#include <stdbool.h>

struct ps_report_dates { /* as typed, or NULL: --printed, --picked-up, --delivered, --claimed */
    const char *printed, *picked_up, *delivered, *claimed;
};

struct ps_report_ask {
    const char *root, *bundle;
    const char *trust;                   /* what keys are compared with; NULL: ROOT/public/trust */
    const char *lang;                    /* zh, en, both */
    const struct ps_report_dates *dates; /* checked by ps_report_dates_ok */
    const char *out;                     /* folder for reports, or NULL */
    bool inside;                         /* names and folders as a bundle takes them */
    const char *profile, *reason, *pack; /* file, key, folder; or NULL */
    bool quiet;                          /* do not print what was made */
};

/* Each is a time that packseal knows; false after a message. */
bool ps_report_dates_ok(const struct ps_report_dates *d);
/* The file of a profile: a path, ROOT/profiles/NAME.conf, or the one shipped. false after a message. */
bool ps_report_profile(const char *root, const char *name, char out[PS_ROOT_PATH]);
/* Exit status of the program; it has said what went wrong. */
int ps_report_run(const struct ps_report_ask *a);

/* Reports of these clips as files of a bundle: a bundle without them is written to a folder beside out, reported, and
 * removed. extra and n go into the bundle's spec; ps_report_inside_free. Exit status. */
struct ps_report_inside {
    struct ps_bundle_extra *extra;
    unsigned n;
};
int ps_report_inside(struct ps_report_inside *r, const struct ps_report_ask *how,
                     const struct ps_bundle_spec *spec,
                     int (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx);
void ps_report_inside_free(struct ps_report_inside *r);

#endif
