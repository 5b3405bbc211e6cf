/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/caption.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

void ps_caption_clip(const struct ps_station *st, struct ps_banner_text *out) {
    const struct ps_clip *c = st->rec->clip;
    const char *kind = ps_opening_kind(c->opening.kind);

    memset(out, 0, sizeof *out);
    for (size_t i = 0; c->opening.kind != PS_KIND_PACK && kind && kind[i] && i + 1 < sizeof out->kind; i++)
        out->kind[i] = (char)toupper((unsigned char)kind[i]);
    snprintf(out->codes, sizeof out->codes, "%s", c->opening.codes[0].value);
    snprintf(out->station, sizeof out->station, "%s", st->config.station_name);
    snprintf(out->operator_id, sizeof out->operator_id, "%s", c->opening.operator_id);
    snprintf(out->freshness, sizeof out->freshness, "%s", c->opening.freshness);
    if (st->rec->opened)
        ps_statement_clip_name(c->opening.station, c->number, out->clip);
    else
        snprintf(out->clip, sizeof out->clip, "%s-…", c->opening.station);
}

static bool has_code(const struct ps_clip *c, const char *value) {
    for (int i = 0; i < c->opening.n_codes; i++)
        if (strcmp(c->opening.codes[i].value, value) == 0)
            return true;
    for (int i = 0; i < c->n_added_codes; i++)
        if (strcmp(c->added_codes[i].value, value) == 0)
            return true;
    return false;
}

void ps_caption_named(struct ps_station *st, const char *value) {
    struct ps_banner_text text;

    /* A banner with a code that the statement does not have would make the statement a broken one. */
    if (!st->rec || !has_code(st->rec->clip, value))
        return;
    ps_caption_clip(st, &text);
    snprintf(text.codes, sizeof text.codes, "%s", value);
    for (unsigned i = 0; i < st->n_lanes; i++)
        ps_lane_text(st->lane[i], &text);
}

void ps_caption_idle(struct ps_station *st) {
    struct ps_banner_text text = {.kind = "PRE-ROLL", .uncounted = true};

    snprintf(text.station, sizeof text.station, "%s", st->config.station_name);
    snprintf(text.freshness, sizeof text.freshness, "%s", st->freshness);
    for (unsigned i = 0; i < st->n_lanes; i++)
        ps_lane_idle_text(st->lane[i], &text);
}
