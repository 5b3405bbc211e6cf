/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_VERIFY_REPORT_H
#define PS_CLI_VERIFY_REPORT_H
/*
 * What packseal verify prints, for people and for programs.
 */
#include "evidence/verdict.h"
#include <stdio.h>

struct ps_verify_report {
    FILE *out;
    const char *path; /* as the user gave it */
    const char *clip; /* "ST03-0000123", folder in the bundle, or "" */
    bool bundle;      /* about the bundle, not about a clip: only content and problems */
    const struct ps_verdict *v;
    const struct ps_trust_key *k; /* registered entry of the signer, or NULL */
    const char *trust;            /* file that was used, or NULL */
};

/* One object and a line feed. PS_ENOMEM, PS_EIO. */
int ps_verify_report_json(const struct ps_verify_report *r);
void ps_verify_report_text(const struct ps_verify_report *r);
/* Once, at the end, on standard output: which trust file, and what all this does not show. */
void ps_verify_report_end(const char *trust);

#endif
