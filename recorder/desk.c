/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/desk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_NS 2000000000LL
#define COUNT_MOST 1000 /* takes of one number that are counted */

/* A table that cannot be read must not stop a bench: the installed one serves, and at worst every long number is a
 * waybill. */
static void open_table(struct ps_desk *d) {
    char path[PS_ROOT_PATH];
    struct ps_why why;

    if (ps_carriers_find(d->root, path, sizeof path, true) == 0) {
        if (ps_carriers_load(d->carriers, path, &why) == 0)
            return;
        snprintf(d->carriers_told, sizeof d->carriers_told, "%.127s: %.120s", why.where, why.text);
        if (ps_carriers_find(d->root, path, sizeof path, false) == 0 &&
            ps_carriers_load(d->carriers, path, &why) == 0)
            return;
    } else {
        snprintf(d->carriers_told, sizeof d->carriers_told, "%s: is not installed", PS_CARRIERS_FILE);
    }
    ps_carriers_fallback(d->carriers);
}

int ps_desk_open(struct ps_desk *d, const char *root, const char *orders_file, const char *site) {
    memset(d, 0, sizeof *d);
    snprintf(d->root, sizeof d->root, "%s", root);
    snprintf(d->site, sizeof d->site, "%s", site);
    d->carriers = calloc(1, sizeof *d->carriers);
    if (!d->carriers)
        return PS_ENOMEM;
    open_table(d);
    ps_codes_table(d->carriers);
    d->orders.missing = !orders_file[0]; /* one that nobody has sent yet is nothing to be told */
    return ps_orders_path(root, orders_file, d->orders.path);
}

void ps_desk_close(struct ps_desk *d) {
    ps_codes_table(NULL);
    free(d->carriers);
    ps_orders_file_close(&d->orders);
    ps_index_close(d->index);
    d->carriers = NULL;
    d->index = NULL;
}

/* The list was read: how much of it counts, and the first line that does not. */
static bool tell_list(struct ps_desk *d, char text[256], bool *loud) {
    struct ps_orders_summary s;

    ps_orders_summary(d->orders.orders, &s);
    *loud = s.n_bad > 0;
    if (!s.n_bad) {
        d->orders_told[0] = '\0';
        snprintf(text, 256, "list of orders: %" PRIu64 " rows, %" PRIu64 " refunded, %s", s.rows, s.refunded,
                 s.encoding);
        return true;
    }
    snprintf(d->orders_told, sizeof d->orders_told,
             "%.80s line %" PRIu64 ": %.90s (%" PRIu64 " such lines; %" PRIu64 " rows count)", d->orders.path,
             s.bad[0].line, s.bad[0].text, s.n_bad, s.rows);
    snprintf(text, 256, "list of orders: %.230s", d->orders_told);
    return true;
}

bool ps_desk_tick(struct ps_desk *d, int64_t mono_ns, char text[256], bool *loud) {
    struct ps_why why;

    if (mono_ns < d->next_look_ns)
        return false;
    d->next_look_ns = mono_ns + LOOK_NS;
    int did = ps_orders_file_look(&d->orders, &why);
    if (did == 0)
        return false;
    if (did > 0)
        return tell_list(d, text, loud);
    *loud = true;
    snprintf(d->orders_told, sizeof d->orders_told, "%.120s: %.120s", why.where, why.text);
    snprintf(text, 256, "list of orders: %.160s%s", d->orders_told,
             d->orders.orders ? ": the one that was read before counts" : "");
    return true;
}

/* ---- earlier clips ---- */

static uint32_t count(struct ps_desk *d, const char *value, uint8_t kind) {
    struct ps_index_query q = {.code = value,
                               .from_ns = INT64_MIN,
                               .to_ns = INT64_MAX,
                               .kind = ps_opening_kind(kind),
                               .limit = COUNT_MOST};
    unsigned kept = d->n_recent < PS_DESK_RECENT ? d->n_recent : PS_DESK_RECENT;
    uint32_t recent = 0;

    for (unsigned i = 0; i < kept; i++)
        recent += d->recent[i].kind == kind && strcmp(d->recent[i].value, value) == 0;
    if (!d->index && ps_index_open(&d->index, d->root, false, NULL) < 0)
        d->index = NULL;
    int n = d->index ? ps_index_find(d->index, &q, NULL, NULL, NULL) : 0;
    return n > 0 && (uint32_t)n > recent ? (uint32_t)n : recent;
}

void ps_desk_remember(struct ps_desk *d, const char *value, uint8_t kind) {
    unsigned at = d->n_recent++ % PS_DESK_RECENT;

    snprintf(d->recent[at].value, sizeof d->recent[at].value, "%s", value);
    d->recent[at].kind = kind;
}

/* An order that goes out in two parcels is complete after two. */
static bool complete(struct ps_desk *d, const char *order) {
    struct ps_orders_found f;
    uint32_t parcels = 0, waybills = 0;

    ps_orders_find(d->orders.orders, order, &f);
    for (unsigned i = 0; i < f.n_links; i++) {
        parcels += f.links[i].type == PS_CODE_PARCEL;
        waybills += f.links[i].type == PS_CODE_WAYBILL;
    }
    uint32_t all = parcels > waybills ? parcels : waybills;
    return count(d, order, PS_KIND_PACK) >= (all ? all : 1);
}

void ps_desk_read(struct ps_desk *d, const char *raw, struct ps_session_event *e) {
    struct ps_codes_scan *c = &e->scan;

    ps_codes_read(d->carriers, d->orders.orders, d->site, raw, c);
    memset(e->earlier, 0, sizeof e->earlier);
    e->order_again[0] = '\0';
    if (c->command != PS_CODES_NONE || c->code.type == PS_CODE_SKU || c->code.type == PS_CODE_UNKNOWN)
        return;
    for (uint8_t kind = PS_KIND_PACK; kind <= PS_KIND_AUDIT; kind++)
        e->earlier[kind] = count(d, c->code.value, kind);
    if (e->earlier[PS_KIND_PACK])
        return;
    for (unsigned i = 0; i < c->list.n_links; i++)
        if (c->list.links[i].type == PS_CODE_ORDER && complete(d, c->list.links[i].value)) {
            snprintf(e->order_again, sizeof e->order_again, "%s", c->list.links[i].value);
            return;
        }
}

void ps_desk_link(const struct ps_desk *d, const struct ps_orders_link *l, struct ps_code *out) {
    struct ps_codes_scan s;

    ps_codes_read(d->carriers, NULL, "", l->value, &s);
    *out = s.code;
    if (s.code.type != l->type)
        out->carrier[0] = '\0';
    out->type = l->type;
    snprintf(out->value, sizeof out->value, "%s", l->value);
    snprintf(out->raw, sizeof out->raw, "%s", l->value);
    out->entry = PS_ENTRY_API;
    snprintf(out->device, sizeof out->device, "orders");
}
