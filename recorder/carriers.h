/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_CARRIERS_H
#define PS_RECORDER_CARRIERS_H
/*
 * The table of carriers and platforms (recorder/carriers.conf, docs/CODES.md): shapes of waybills and orders. Pure but for
 * ps_carriers_load.
 */
#include "evidence/error.h"
#include "evidence/opening.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PS_CARRIERS_FILE "carriers.conf"
#define PS_CARRIERS_TEXT ((size_t)128 << 10) /* bytes of the file */
#define PS_CARRIERS_NAMES 64
#define PS_CARRIERS_RULES 256
#define PS_CARRIERS_ITEMS 32 /* elements of one shape */

enum ps_carriers_check {
    PS_CARRIERS_ANY,
    PS_CARRIERS_S10,   /* UPU S10-12: weights 8 6 4 2 3 5 9 7, modulo 11 */
    PS_CARRIERS_UPS,   /* of 1Z: letters by ASCII less 3, weights 1 2, modulo 10 */
    PS_CARRIERS_FEDEX, /* of 12 digits: weights 3 1 7, modulo 11, then 10 */
    PS_CARRIERS_MOD7,  /* the digits before it modulo 7 */
    PS_CARRIERS_GS1    /* GS1 General Specifications 7.9 */
};

struct ps_carriers_name {
    char id[PS_MAX_NAME + 1]; /* "" of [*] */
    char en[PS_MAX_NAME + 1], zh[PS_MAX_NAME + 1];
};

struct ps_carriers_item { /* `least` to `most` of `what`; only the last of a shape has a range */
    char what;            /* '#', '@', '*', or the character itself with plain set */
    bool plain;
    uint8_t least, most;
};

struct ps_carriers_rule {
    uint8_t name; /* index in names */
    uint8_t type; /* PS_CODE_WAYBILL or PS_CODE_ORDER */
    uint8_t check;
    bool parts, weak;
    uint8_t n;
    struct ps_carriers_item item[PS_CARRIERS_ITEMS];
};

struct ps_carriers {
    unsigned n_names, n_rules;
    struct ps_carriers_name names[PS_CARRIERS_NAMES];
    struct ps_carriers_rule rules[PS_CARRIERS_RULES];
};

struct ps_carriers_match {
    uint8_t type;               /* PS_CODE_UNKNOWN: nothing fits, or waybill and order alike */
    const char *carrier;        /* "" when unknown, or several fit; borrowed from the table */
    char base[PS_MAX_CODE + 1]; /* the waybill, without the number of the parcel */
    unsigned part, of;          /* 0 when it has none */
};

/* PS_EFORMAT with file and line; nothing of a bad file counts. */
int ps_carriers_parse(struct ps_carriers *c, const char *text, size_t n, const char *name,
                      struct ps_why *why);
int ps_carriers_load(struct ps_carriers *c, const char *path, struct ps_why *why);
/* ROOT/carriers.conf; for the default root also /etc/packseal's; else the installed one. PS_ENOENT. */
int ps_carriers_find(const char *root, char *path, size_t cap, bool own);
/* Where there is no table at all: 10 to 32 letters and digits are somebody's waybill. */
void ps_carriers_fallback(struct ps_carriers *c);

/* value: upper case, no blanks around. weak: the weak rules, else the others. */
void ps_carriers_match(const struct ps_carriers *c, const char *value, bool weak,
                       struct ps_carriers_match *out);
const struct ps_carriers_name *ps_carriers_name(const struct ps_carriers *c,
                                                const char *id); /* NULL: unknown */

/* GS1 check digit over all digits of s. */
bool ps_carriers_gs1_valid(const char *s);

#endif
