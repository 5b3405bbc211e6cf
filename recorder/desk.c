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

static unsigned kept(const struct ps_desk *d) {
    return d->n_recent < PS_DESK_RECENT ? d->n_recent : PS_DESK_RECENT;
}

static bool is_recent(const struct ps_desk *d, unsigned i, const char *value, uint8_t kind) {
    return d->recent[i].kind == kind && strcmp(d->recent[i].value, value) == 0;
}

/* One clip may have a number more than once: in two spellings, linked and scanned. */
static bool first_of_clip(const struct ps_desk *d, unsigned i) {
    for (unsigned k = 0; k < i; k++)
        if (d->recent[k].clip == d->recent[i].clip && is_recent(d, k, d->recent[i].value, d->recent[i].kind))
            return false;
    return true;
}

static uint32_t count(struct ps_desk *d, const char *value, uint8_t kind) {
    struct ps_index_query q = {.code = value,
                               .from_ns = INT64_MIN,
                               .to_ns = INT64_MAX,
                               .kind = ps_opening_kind(kind),
                               .limit = COUNT_MOST};
    uint32_t recent = 0;

    for (unsigned i = 0; i < kept(d); i++)
        recent += is_recent(d, i, value, kind) && first_of_clip(d, i);
    if (!d->index && ps_index_open(&d->index, d->root, false, NULL) < 0)
        d->index = NULL;
    int n = d->index ? ps_index_find(d->index, &q, NULL, NULL, NULL) : 0;
    return n > 0 && (uint32_t)n > recent ? (uint32_t)n : recent;
}

void ps_desk_next(struct ps_desk *d) {
    d->clip++;
}

void ps_desk_remember(struct ps_desk *d, const char *value, uint8_t kind) {
    unsigned at = d->n_recent++ % PS_DESK_RECENT;

    snprintf(d->recent[at].value, sizeof d->recent[at].value, "%s", value);
    d->recent[at].kind = kind;
    d->recent[at].clip = d->clip;
}

/* ---- the parcels of one waybill ---- */

#define PARTS 64 /* that are told apart */

struct parts {
    const char *waybill;
    unsigned of;   /* how many there are; 0: nobody has said it */
    uint64_t seen; /* a bit each: a clip has its number */
    unsigned bare; /* clips with the waybill alone: a parcel each, who knows which */
};

/* "JDVB00000000001-2-3-": parcel 2 of 3 of this waybill. n: the length of the code. */
static bool take_part(struct parts *p, const char *code, size_t n) {
    const size_t w = strlen(p->waybill);
    unsigned part, of;
    int used = 0;
    char rest[16];

    if (n <= w || n - w >= sizeof rest || strncmp(code, p->waybill, w) != 0)
        return false;
    memcpy(rest, code + w, n - w);
    rest[n - w] = '\0';
    if (sscanf(rest, "-%2u-%2u-%n", &part, &of, &used) != 2 || (size_t)used != n - w || part == 0 ||
        part > of || of > PARTS)
        return false;
    p->seen |= UINT64_C(1) << (part - 1);
    p->of = of > p->of ? of : p->of;
    return true;
}

static int take_row(void *ctx, const struct ps_index_row *r) {
    struct parts *p = ctx;
    bool numbered = false;

    for (const char *line = r->codes; line && *line;) {
        const size_t n = strcspn(line, "\n");
        numbered |= take_part(p, line, n);
        line += n + (line[n] == '\n');
    }
    p->bare += !numbered;
    return 0;
}

static void take_recent(struct ps_desk *d, struct parts *p, uint8_t kind) {
    unsigned bare = 0;

    for (unsigned i = 0; i < kept(d); i++) {
        bool numbered = false;
        if (d->recent[i].kind == kind)
            (void)take_part(p, d->recent[i].value, strlen(d->recent[i].value));
        if (!is_recent(d, i, p->waybill, kind) || !first_of_clip(d, i))
            continue;
        for (unsigned k = 0; k < kept(d); k++) {
            struct parts other = {.waybill = p->waybill};
            numbered |= d->recent[k].clip == d->recent[i].clip && d->recent[k].kind == kind &&
                        take_part(&other, d->recent[k].value, strlen(d->recent[k].value));
        }
        bare += !numbered;
    }
    p->bare = bare > p->bare ? bare : p->bare;
}

/* Whether all parcels of the waybill have been recorded, as far as their labels or the list tell how many there are. While there are more,
 * the waybill's own barcode, which is on each of their labels, is no second take. */
static bool all_recorded(struct ps_desk *d, const struct ps_codes_scan *c, uint8_t kind, unsigned *of) {
    const struct ps_index_query q = {.code = c->code.value,
                                     .from_ns = INT64_MIN,
                                     .to_ns = INT64_MAX,
                                     .kind = ps_opening_kind(kind),
                                     .limit = COUNT_MOST};
    struct parts p = {.waybill = c->code.value};
    unsigned listed = 0, listed_seen = 0, seen = 0;
    char number[PS_MAX_CODE + 16];

    if (d->index)
        (void)ps_index_find(d->index, &q, take_row, &p, NULL);
    take_recent(d, &p, kind);
    for (unsigned k = 1; k <= p.of; k++) {
        snprintf(number, sizeof number, "%s-%u-%u-", p.waybill, k, p.of);
        seen += (p.seen >> (k - 1) & 1) || count(d, number, kind) > 0;
    }
    for (unsigned i = 0; i < c->list.n_links; i++)
        if (c->list.links[i].type == PS_CODE_PARCEL) {
            listed++;
            listed_seen += count(d, c->list.links[i].value, kind) > 0;
        }
    *of = p.of > listed ? p.of : listed;
    return (seen > listed_seen ? seen : listed_seen) + p.bare >= *of;
}

/* An order that goes out in two parcels is complete after two. of: parcels of the waybill in hand, 0 when nobody knows. */
static bool complete(struct ps_desk *d, const char *order, unsigned of) {
    struct ps_orders_found f;
    uint32_t parcels = 0, waybills = 0;

    ps_orders_find(d->orders.orders, order, &f);
    for (unsigned i = 0; i < f.n_links; i++) {
        parcels += f.links[i].type == PS_CODE_PARCEL;
        waybills += f.links[i].type == PS_CODE_WAYBILL;
    }
    uint32_t all = parcels > waybills ? parcels : waybills;
    all = of > all ? of : all;
    return count(d, order, PS_KIND_PACK) >= (all ? all : 1);
}

void ps_desk_read(struct ps_desk *d, const char *raw, struct ps_session_event *e) {
    struct ps_codes_scan *c = &e->scan;

    ps_codes_read(d->carriers, d->orders.orders, d->site, raw, c);
    memset(e->earlier, 0, sizeof e->earlier);
    e->order_again[0] = '\0';
    if (c->command != PS_CODES_NONE || c->code.type == PS_CODE_SKU || c->code.type == PS_CODE_UNKNOWN)
        return;
    unsigned of = c->of;
    for (uint8_t kind = PS_KIND_PACK; kind <= PS_KIND_AUDIT; kind++) {
        unsigned several = 0;
        e->earlier[kind] = count(d, c->code.value, kind);
        if (e->earlier[kind] && c->code.type == PS_CODE_WAYBILL && !all_recorded(d, c, kind, &several)) {
            e->earlier[kind] = 0;
            of = several;
        }
    }
    if (e->earlier[PS_KIND_PACK])
        return;
    for (unsigned i = 0; i < c->list.n_links; i++)
        if (c->list.links[i].type == PS_CODE_ORDER && complete(d, c->list.links[i].value, of)) {
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
