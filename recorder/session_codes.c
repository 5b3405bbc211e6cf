/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "recorder/session.h"

struct ps_session_seen *ps_session_codes_seen(struct ps_session *s, const char *spelling) {
    for (unsigned i = 0; i < s->n_seen; i++)
        if (s->seen[i].scanned && strcmp(s->seen[i].spelling, spelling) == 0)
            return &s->seen[i];
    return NULL;
}

bool ps_session_codes_has(const struct ps_session *s, const char *value) {
    for (unsigned i = 0; i < s->n_seen; i++)
        if (strcmp(s->seen[i].value, value) == 0)
            return true;
    return false;
}

static bool is_label(uint8_t type) {
    return type == PS_CODE_WAYBILL || type == PS_CODE_PARCEL;
}

static bool linked_to(const struct ps_codes_scan *c, const char *value) {
    for (unsigned i = 0; i < c->list.n_links; i++)
        if (strcmp(c->list.links[i].value, value) == 0)
            return true;
    return false;
}

/* A waybill, or a parcel of one, beside the labels that the clip has already. The label of a parcel may hold both: the
 * waybill alone, and the waybill with the parcel's number. Two numbers of one waybill are two parcels. */
static enum ps_session_relation of_label(const struct ps_session *s, const struct ps_codes_scan *c) {
    bool any = false, mine = false;

    for (unsigned i = 0; i < s->n_seen; i++) {
        const struct ps_session_seen *k = &s->seen[i];
        if (!is_label(k->type) || !k->scanned)
            continue;
        any = true;
        if (strcmp(k->value, c->code.value) == 0)
            return PS_SESSION_THIS_PARCEL;
        bool numbered = k->type == PS_CODE_PARCEL && c->code.type == PS_CODE_PARCEL;
        if (numbered && strcmp(k->parcel, c->parcel) == 0)
            return PS_SESSION_OTHER_PARCEL;
        mine |= !numbered && strcmp(k->parcel, c->parcel) == 0;
    }
    return !any || mine ? PS_SESSION_THIS_PARCEL : PS_SESSION_OTHER_PARCEL;
}

/* Several orders may lie in one box: beside a waybill an order joins, unless the list has it with another parcel. A
 * clip that an order began is ended by another order, as a bench that scans orders alone wants it. */
static enum ps_session_relation of_order(const struct ps_session *s, const struct ps_codes_scan *c) {
    bool label = false, knows = false;

    if (s->opened_by == PS_CODE_SKU || s->opened_by == PS_CODE_UNKNOWN) {
        bool named = false;
        for (unsigned i = 0; i < s->n_seen; i++)
            named |=
                s->seen[i].scanned && s->seen[i].type != PS_CODE_SKU && s->seen[i].type != PS_CODE_UNKNOWN;
        if (!named)
            return PS_SESSION_THIS_PARCEL;
    }
    if (ps_session_codes_has(s, c->code.value))
        return PS_SESSION_THIS_PARCEL;
    for (unsigned i = 0; i < s->n_seen; i++) {
        const struct ps_session_seen *k = &s->seen[i];
        if (!is_label(k->type))
            continue;
        label = true;
        if (linked_to(c, k->value) || linked_to(c, k->parcel))
            return PS_SESSION_THIS_PARCEL;
    }
    for (unsigned i = 0; i < c->list.n_links; i++)
        knows |= is_label(c->list.links[i].type);
    if (label && s->opened_by != PS_CODE_ORDER && !knows)
        return PS_SESSION_THIS_PARCEL;
    return PS_SESSION_OTHER_PARCEL;
}

bool ps_session_codes_label_known(const struct ps_session *s, const struct ps_codes_scan *c) {
    for (unsigned i = 0; c->code.type == PS_CODE_WAYBILL && i < s->n_seen; i++)
        if (s->seen[i].scanned && s->seen[i].part && strcmp(s->seen[i].parcel, c->parcel) == 0)
            return true;
    return false;
}

bool ps_session_codes_list_differs(const struct ps_session *s, const struct ps_codes_scan *c) {
    bool knows = false;

    if (!is_label(c->code.type))
        return false;
    for (unsigned i = 0; i < s->n_seen; i++) {
        const struct ps_session_seen *k = &s->seen[i];
        if (k->type != PS_CODE_ORDER || !k->scanned)
            continue;
        knows |= k->knows;
        if (linked_to(c, k->value))
            return false;
    }
    return knows;
}

enum ps_session_relation ps_session_codes_relation(const struct ps_session *s,
                                                   const struct ps_codes_scan *c) {
    uint8_t type = c->code.type;

    if (type != PS_CODE_SKU)
        for (unsigned i = 0; i < s->n_seen; i++)
            if (s->seen[i].scanned && strcmp(s->seen[i].spelling, c->spelling) == 0)
                return PS_SESSION_AGAIN;
    if (is_label(type))
        return of_label(s, c);
    return type == PS_CODE_ORDER ? of_order(s, c) : PS_SESSION_LOOSE_CODE;
}

static struct ps_session_seen *put(struct ps_session *s, const char *value, uint8_t type) {
    if (s->n_seen == PS_MAX_CODES)
        return NULL;
    struct ps_session_seen *k = &s->seen[s->n_seen++];
    memset(k, 0, sizeof *k);
    snprintf(k->value, sizeof k->value, "%s", value);
    snprintf(k->spelling, sizeof k->spelling, "%s", value);
    snprintf(k->parcel, sizeof k->parcel, "%s", is_label(type) ? value : "");
    k->type = type;
    return k;
}

/* The orders of a parcel belong to the clip; of an order's parcels only when there is but one, for which of several is
 * on the bench only its label tells. */
static void keep_links(struct ps_session *s, const struct ps_codes_scan *c, struct ps_session_action *a) {
    bool order = c->code.type == PS_CODE_ORDER;

    a->n_links = 0;
    if (c->code.type == PS_CODE_SKU || c->code.type == PS_CODE_UNKNOWN || (order && c->list.n_links != 1))
        return;
    for (unsigned i = 0; i < c->list.n_links; i++) {
        const struct ps_orders_link *l = &c->list.links[i];
        if (ps_session_codes_has(s, l->value) || (order && !is_label(l->type)) || !put(s, l->value, l->type))
            continue;
        a->links[a->n_links++] = *l;
    }
}

bool ps_session_codes_keep(struct ps_session *s, const struct ps_codes_scan *c, int64_t mono_ns,
                           struct ps_session_action *a) {
    bool loose = c->code.type == PS_CODE_SKU || c->code.type == PS_CODE_UNKNOWN, listed = true;
    struct ps_session_seen *k = NULL;

    a->n_links = 0;
    for (unsigned i = 0; i < s->n_seen && !k;
         i++) /* a linked one that is scanned now, or a spelling of before */
        if (strcmp(s->seen[i].spelling, c->spelling) == 0) {
            k = &s->seen[i];
            listed = !k->scanned; /* what the list brought stands there once more, now that it was scanned */
        }
    if (!k && loose && s->n_loose == PS_SESSION_LOOSE)
        return false;
    if (!k) {
        k = put(s, c->code.value, c->code.type);
        s->n_loose += k && loose;
    }
    if (!k)
        return false;
    snprintf(k->spelling, sizeof k->spelling, "%s", c->spelling);
    snprintf(k->parcel, sizeof k->parcel, "%s", c->parcel);
    k->type = c->code.type;
    k->part = c->part;
    k->scanned = true;
    k->last_ns = mono_ns;
    k->knows = c->code.type == PS_CODE_ORDER && c->list.n_links > 0;
    keep_links(s, c, a);
    return listed;
}
