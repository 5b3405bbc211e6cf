/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_ORDERS_H
#define PS_ARCHIVE_ORDERS_H
/*
 * The merchant's list of expected orders, a CSV file as an ERP or a platform exports it (docs/CODES.md): which numbers belong
 * together, and what was refunded. Hostile bytes: bounded in every direction; a bad line is told with its number, the
 * others stand.
 */
#include "archive/root.h"
#include "evidence/error.h"
#include "evidence/limits.h"
#include "evidence/opening.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PS_ORDERS_FILE_MAX ((size_t)16 << 20)
#define PS_ORDERS_ROWS 200000
#define PS_ORDERS_RECORD 16384 /* bytes of one record, quoted line breaks included */
#define PS_ORDERS_NUMBERS 32   /* of one row: order, waybill, parcels, items */
#define PS_ORDERS_LINKS 16     /* told of one number */
#define PS_ORDERS_BAD 8        /* bad lines that are kept; more are counted */
#define PS_ORDERS_NOTE 200

struct ps_orders;

struct ps_orders_link {
    char value[PS_MAX_CODE + 1];
    uint8_t type; /* PS_CODE_ORDER, PS_CODE_WAYBILL or PS_CODE_PARCEL */
};

struct ps_orders_found {
    bool known;
    uint8_t type;  /* of the number itself: order, waybill, parcel or sku */
    bool refunded; /* one of its orders */
    char refunded_order[PS_MAX_CODE + 1];
    char waybill[PS_MAX_CODE + 1]; /* of a parcel: the waybill that it belongs to */
    unsigned n_links;              /* orders of a waybill or parcel; waybills and parcels of an order */
    struct ps_orders_link links[PS_ORDERS_LINKS];
    char note[PS_ORDERS_NOTE + 1]; /* "" for none */
};

struct ps_orders_bad {
    uint64_t line; /* 1 is the headings */
    char text[96]; /* English */
};

struct ps_orders_summary {
    uint64_t rows, n_bad, refunded;
    const char *encoding; /* "UTF-8", "GB18030" */
    unsigned kept;        /* of bad */
    struct ps_orders_bad bad[PS_ORDERS_BAD];
};

/* Text as it lies in the file. PS_EFORMAT: no headings that are known, UTF-16, no text; PS_ELIMIT; PS_ENOMEM. */
int ps_orders_parse(struct ps_orders **out, const void *p, size_t n, const char *name, struct ps_why *why);
int ps_orders_load(struct ps_orders **out, const char *path, struct ps_why *why);
void ps_orders_free(struct ps_orders *o);
void ps_orders_summary(const struct ps_orders *o, struct ps_orders_summary *out);
/* number: letters of either case, blanks around do not count. o may be NULL. */
void ps_orders_find(const struct ps_orders *o, const char *number, struct ps_orders_found *out);

/* Where the list lies that packseal.conf names: below root unless the path is absolute; "": the one that clerks send to the
 * viewer. PS_ELIMIT. */
int ps_orders_path(const char *root, const char *file, char out[PS_ROOT_PATH]);

/* A list that is read anew when its file changes: a change counts when two looks see the same, so that a file
 * that is being written is left alone. Zeroed at the start, path filled. */
struct ps_orders_file {
    char path[PS_ROOT_PATH];
    struct ps_orders *orders; /* NULL until it was readable once; then the last readable one */
    int64_t seen[4], read[4]; /* size, inode, change time */
    bool missing;             /* told already */
};
/* 1: read anew; 0: nothing new; an error, once for each change: the file is not there, cannot be read, is no list. */
int ps_orders_file_look(struct ps_orders_file *f, struct ps_why *why);
void ps_orders_file_close(struct ps_orders_file *f);

#endif
