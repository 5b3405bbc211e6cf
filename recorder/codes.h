/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_CODES_H
#define PS_RECORDER_CODES_H
/*
 * What a code is: command, parcel, order, item, or unknown (docs/CODES.md). In this order: a command barcode; what the
 * merchant's list of orders says of it; the shapes of the carrier table; an item's EAN-8, EAN-13 or UPC-A with valid check
 * digit and assigned prefix; the table's weak shapes; else unknown.
 */
#include "archive/orders.h"
#include "evidence/opening.h"
#include "recorder/carriers.h"
#include <stdbool.h>

enum ps_codes_command {
    PS_CODES_NONE,
    PS_CODES_STOP,
    PS_CODES_CANCEL,
    PS_CODES_PACK,
    PS_CODES_RETURN,
    PS_CODES_BOX,
    PS_CODES_SIGN_IN, /* argument: the staff number */
    PS_CODES_SIGN_OUT,
    PS_CODES_MARK,
    PS_CODES_FOREIGN, /* of another site, or of any while this station has none */
    PS_CODES_BAD      /* of this site, and no word that is known */
};

struct ps_codes_scan {
    struct ps_code code; /* entry, device, wall_ns are the caller's */
    char spelling[PS_MAX_CODE +
                  1]; /* upper case, blanks at the ends cut, nothing else: the very same barcode again? */
    char parcel[PS_MAX_CODE + 1]; /* the waybill that it is, or is a parcel of; "" of other types */
    unsigned part, of;            /* "-2-3-"; 0 when it has none */
    enum ps_codes_command command;
    char argument[17];
    struct ps_orders_found list; /* known: false when the list does not have it */
};

/* table and orders may be NULL. site: "" or 4 characters. */
void ps_codes_read(const struct ps_carriers *table, const struct ps_orders *orders, const char *site,
                   const char *raw, struct ps_codes_scan *out);

/* By shape alone, with the table given to ps_codes_table before any thread began (it is borrowed). */
void ps_codes_classify(const char *raw, struct ps_code *out);
void ps_codes_table(const struct ps_carriers *table);

/* EAN-8, EAN-13, UPC-A: check digit and a prefix that GS1 has assigned. */
bool ps_codes_is_item(const char *value);

#endif
