/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/config_check.h"
#include <string.h>

/* "camera:top": the camera must be there. Other scanners are looked for when they are opened. */
static bool camera_is_known(const struct ps_config *c, const char *source) {
    if (strncmp(source, "camera:", 7) != 0)
        return true;
    for (unsigned i = 0; i < c->n_cameras; i++)
        if (strcmp(c->cameras[i].name, source + 7) == 0)
            return true;
    return false;
}

/* What is needed, and what depends on the protocol: some do not tell when a weight stands still. */
static int check_scale(struct ps_config_scale *s, const char *name, struct ps_why *why) {
    const bool bare = s->protocol == PS_CONFIG_WEIGHT_YAOHUA;
    const char *missing = s->source[0] == '\0'                      ? "source"
                          : s->protocol == PS_CONFIG_WEIGHT_MISSING ? "protocol"
                          : bare && s->unit == PS_CONFIG_UNIT_ANY   ? "unit"
                                                                    : NULL;
    if (missing != NULL)
        return ps_error_why(why, PS_EFORMAT, name, "[scale %s] %s is missing", s->name, missing);
    if (s->settle_ms == PS_CONFIG_SETTLE_UNSET)
        s->settle_ms = bare || s->protocol == PS_CONFIG_WEIGHT_PLAIN ? 1000 : 0;
    return 0;
}

int ps_config_check(struct ps_config *c, const char *name, struct ps_why *why) {
    if (c->station_id[0] == '\0')
        return ps_error_why(why, PS_EFORMAT, name, "[station] id is missing");
    if (c->station_name[0] == '\0')
        memcpy(c->station_name, c->station_id, sizeof(c->station_id));
    if (c->max_seconds + c->preroll_seconds > PS_MAX_CLIP_SECONDS)
        return ps_error_why(why, PS_EFORMAT, name,
                            "[recording] max_seconds and preroll_seconds make more than %d together",
                            PS_MAX_CLIP_SECONDS);
    for (unsigned i = 0; i < c->n_cameras; i++)
        if (c->cameras[i].source[0] == '\0')
            return ps_error_why(why, PS_EFORMAT, name, "[camera %s] source is missing", c->cameras[i].name);
    for (unsigned i = 0; i < c->n_scanners; i++)
        if (c->scanners[i].source[0] == '\0')
            return ps_error_why(why, PS_EFORMAT, name, "[scanner %s] source is missing", c->scanners[i].name);
    for (unsigned i = 0; i < c->n_scanners; i++)
        if (!camera_is_known(c, c->scanners[i].source))
            return ps_error_why(why, PS_EFORMAT, name, "[scanner %s] source names no [camera]",
                                c->scanners[i].name);
    for (unsigned i = 0; i < c->n_scales; i++)
        if (check_scale(&c->scales[i], name, why) != 0)
            return PS_EFORMAT;
    for (unsigned i = 0; i < c->n_authorities; i++)
        if (c->authorities[i].url[0] == '\0')
            return ps_error_why(why, PS_EFORMAT, name, "[time] authority.%s is missing",
                                c->authorities[i].name);
    for (unsigned i = 0; i < c->n_witnesses; i++)
        if (c->witnesses[i].url[0] == '\0' || c->witnesses[i].key.name[0] == '\0')
            return ps_error_why(why, PS_EFORMAT, name, "[time] %s.%s is missing",
                                c->witnesses[i].url[0] == '\0' ? "witness" : "witness-key",
                                c->witnesses[i].name);
    return 0;
}
