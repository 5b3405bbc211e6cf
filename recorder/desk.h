/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_DESK_H
#define PS_RECORDER_DESK_H
/*
 * What the station knows of numbers when one is scanned: the carrier table, the merchant's list of orders, and the clips that were
 * recorded before. Makes the session's event of it; the session itself asks nobody.
 */
#include "archive/index.h"
#include "archive/orders.h"
#include "archive/root.h"
#include "recorder/carriers.h"
#include "recorder/session.h"

#define PS_DESK_RECENT 256 /* codes of clips that the index may not have yet */

struct ps_desk {
    char root[PS_ROOT_PATH], site[5];
    struct ps_carriers *carriers;
    struct ps_orders_file orders;
    struct ps_index *index; /* NULL until there is one */
    struct ps_desk_recent {
        char value[PS_MAX_CODE + 1];
        uint8_t kind;
        uint64_t clip;
    } recent[PS_DESK_RECENT];
    unsigned n_recent;       /* all so far; the ring holds the last */
    uint64_t clip;           /* that they are remembered of */
    char carriers_told[256]; /* "" or what is wrong with the table: an alarm */
    char orders_told[256];   /* the same of the list */
    int64_t next_look_ns;
};

/* orders_file: "" for the one that clerks send, if there is one; a relative path begins at root. site: "" or 4 characters. PS_ENOMEM, PS_ELIMIT. */
int ps_desk_open(struct ps_desk *d, const char *root, const char *orders_file, const char *site);
void ps_desk_close(struct ps_desk *d);
/* Looks at the list every 2 s. True when there is something to say: *text, at most 256 bytes, loud when it is an alarm. */
bool ps_desk_tick(struct ps_desk *d, int64_t mono_ns, char text[256], bool *loud);
/* scan, earlier and order_again of the event; entry, device and times are the caller's. */
void ps_desk_read(struct ps_desk *d, const char *raw, struct ps_session_event *e);
/* What is remembered from here on is of another clip. */
void ps_desk_next(struct ps_desk *d);
/* A clip of this kind has this code. */
void ps_desk_remember(struct ps_desk *d, const char *value, uint8_t kind);
/* A number of the list as a code of a clip. */
void ps_desk_link(const struct ps_desk *d, const struct ps_orders_link *l, struct ps_code *out);

#endif
