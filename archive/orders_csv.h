/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_ORDERS_CSV_H
#define PS_ARCHIVE_ORDERS_CSV_H
/*
 * Records of a CSV file (RFC 4180, with ',', ';' or tab), in UTF-8 or GB18030, as spreadsheets and ERPs write them. All
 * pointers are into the caller's bytes or the reader's own buffer.
 */
#include "archive/orders.h"
#include <iconv.h>

#define PS_ORDERS_CSV_FIELDS 64 /* of a record; further ones are passed over */

struct ps_orders_csv {
    const char *p, *end;
    uint64_t line; /* of p */
    char delimiter;
    bool gb;
    iconv_t conv; /* (iconv_t)-1 in UTF-8 */
    /* the last record */
    uint64_t record_line;
    unsigned n;
    const char *field[PS_ORDERS_CSV_FIELDS];
    size_t used;
    char room[3 * PS_ORDERS_RECORD]; /* GB18030's two bytes are three in UTF-8 */
};

/* Finds encoding and delimiter. PS_EFORMAT, PS_ELIMIT. Closed in every case by ps_orders_csv_close. */
int ps_orders_csv_open(struct ps_orders_csv *c, const void *p, size_t n, const char *name,
                       struct ps_why *why);
void ps_orders_csv_close(struct ps_orders_csv *c);
/* 1: a record, its fields terminated UTF-8 without control characters, blanks around cut; 0: the end; PS_EFORMAT: a bad one, which
 * begins at record_line, is told in text and passed over. Empty lines are passed over. */
int ps_orders_csv_next(struct ps_orders_csv *c, char text[96]);

#endif
