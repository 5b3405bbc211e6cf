/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_REPORT_BARCODES_H
#define PS_REPORT_BARCODES_H
/*
 * The sheet beside the bench: command barcodes and staff numbers as Code 128, captions in both languages. A4.
 */
#include "evidence/bytes.h"
#include "evidence/error.h"

#define PS_BARCODES_PEOPLE 64
#define PS_BARCODES_MAX ((size_t)4 << 20) /* bytes of a sheet */

struct ps_barcodes {
    const char *site;    /* 4 of A-Z and 0-9 */
    const char *station; /* name for people, or "" */
    const char
        *people[PS_BARCODES_PEOPLE]; /* "0017" or "0017=NAME": a staff number is 1 to 16 of A-Z and 0-9 */
    unsigned n_people;
};

/* The same sheet gives the same bytes (with the same libcairo and fonts). PS_EINVAL: a site or number that no scanner would
 * give back as it is; PS_ENOENT: no font. b holds PS_BARCODES_MAX. */
int ps_barcodes_write(const struct ps_barcodes *s, struct ps_buf *b, struct ps_why *why);

#endif
