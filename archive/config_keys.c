/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sections and keys of packseal.conf, and what each value may be.
 */
#include "archive/config_internal.h"
#include "evidence/bytes.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* ---- values */

static bool number(const char *s, uint32_t least, uint32_t most, uint32_t *out) {
    uint64_t v = 0;
    if (*s == '\0' || strlen(s) > 9)
        return false;
    for (; *s != '\0'; s++) {
        if (*s < '0' || *s > '9')
            return false;
        v = v * 10 + (uint64_t)(*s - '0');
    }
    *out = (uint32_t)v;
    return v >= least && v <= most;
}

static int number32(struct ps_config_reading *r, const char *v, uint32_t least, uint32_t most, uint32_t *to) {
    uint32_t n = 0;
    if (!number(v, least, most, &n)) {
        char rule[160];
        snprintf(rule, sizeof(rule), "%s must be a number from %u to %u", r->key, least, most);
        return ps_config_refuse(r, r->value_line, rule, v);
    }
    *to = n;
    return 1;
}

static int number16(struct ps_config_reading *r, const char *v, uint32_t least, uint32_t most, uint16_t *to) {
    uint32_t n = 0;
    int ok = number32(r, v, least, most, &n);
    if (ok)
        *to = (uint16_t)n;
    return ok;
}

static int text(struct ps_config_reading *r, const char *v, size_t most, char *to) {
    size_t n = strlen(v);
    if (n > most || !ps_bytes_is_text(v, n))
        return ps_config_refuse(r, r->value_line, "too long, or not plain UTF-8 text", v);
    memcpy(to, v, n + 1);
    return 1;
}

static bool only(const char *v, const char *extra, size_t least, size_t most) {
    size_t n = strlen(v);
    for (const char *p = v; *p != '\0'; p++)
        if (!isdigit((unsigned char)*p) && !(*p >= 'a' && *p <= 'z') && strchr(extra, *p) == NULL)
            return false;
    return n >= least && n <= most;
}

#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static bool one_of(const char *v, const char *const *prefixes) {
    for (; *prefixes != NULL; prefixes++)
        if (strncmp(v, *prefixes, strlen(*prefixes)) == 0)
            return true;
    return false;
}

/* ---- sections */

static int station(struct ps_config_reading *r, const char *k, const char *v) {
    struct ps_config *c = r->c;
    if (strcmp(k, "id") == 0) {
        if (!only(v, UPPER "-", 1, PS_MAX_STATION_ID))
            return ps_config_refuse(r, r->value_line, "id is 1 to 16 letters, digits and hyphens", v);
        return text(r, v, PS_MAX_STATION_ID, c->station_id);
    }
    if (strcmp(k, "name") == 0)
        return text(r, v, PS_MAX_NAME, c->station_name);
    if (strcmp(k, "site") == 0) {
        if (v[0] != '\0' && !only(v, UPPER, 4, 4))
            return ps_config_refuse(r, r->value_line, "site is 4 letters or digits", v);
        return text(r, v, 4, c->site);
    }
    if (strcmp(k, "operator") == 0)
        return text(r, v, PS_MAX_NAME, c->operator_id);
    return ps_config_refuse(r, r->value_line, "unknown key in [station]", k);
}

/* Index of the named entry, made when it is new; -1 after a refusal. Both kinds of entry start with their
 * name. */
static int entry(struct ps_config_reading *r, const char *name, void *first, size_t size, unsigned *n,
                 unsigned most) {
    if (!only(name, "-", 1, 32))
        return ps_config_refuse(
                   r, r->value_line,
                   "a camera, scanner, scale, authority or witness is named with 1 to 32 of a-z, 0-9 and "
                   "hyphen",
                   name),
               -1;
    char *at = first;
    for (unsigned i = 0; i < *n; i++, at += size)
        if (strcmp(at, name) == 0)
            return (int)i;
    if (*n >= most)
        return ps_config_refuse(r, r->value_line,
                                "too many cameras, scanners, scales, authorities or witnesses", name),
               -1;
    memcpy(at, name, strlen(name) + 1);
    return (int)(*n)++;
}

/* "1280x720@30 640x480@15": a number up to the given character, which is stepped over. */
static bool part(const char **p, char until, uint32_t least, uint32_t most, uint16_t *out) {
    char digits[8] = "";
    uint32_t v;
    size_t n = strspn(*p, "0123456789");
    if (n == 0 || n >= sizeof(digits) || (until != '\0' && (*p)[n] != until))
        return false;
    memcpy(digits, *p, n);
    *p += n + (until != '\0');
    if (!number(digits, least, most, &v))
        return false;
    *out = (uint16_t)v;
    return true;
}

static int fallback(struct ps_config_reading *r, const char *v, struct ps_config_camera *cam) {
    static const char rule[] = "fallback is up to 8 of WIDTHxHEIGHT@RATE, with blanks between";
    const char *p = v;
    while (*p != '\0') {
        struct ps_config_step s;
        if (cam->n_fallback == PS_CONFIG_STEPS || !part(&p, 'x', 16, PS_MAX_PICTURE, &s.width) ||
            !part(&p, '@', 16, PS_MAX_PICTURE, &s.height) || !part(&p, '\0', 1, 120, &s.fps) ||
            (*p != '\0' && *p != ' '))
            return ps_config_refuse(r, r->value_line, rule, v);
        p += strspn(p, " ");
        cam->fallback[cam->n_fallback++] = s;
    }
    return 1;
}

static int camera(struct ps_config_reading *r, const char *name, const char *k, const char *v) {
    static const char *const kinds[] = {"v4l2:", "lavf:", NULL};
    struct ps_config *c = r->c;
    int i = entry(r, name, c->cameras, sizeof(c->cameras[0]), &c->n_cameras, PS_CONFIG_CAMERAS);
    if (i < 0)
        return 0;
    struct ps_config_camera *cam = &c->cameras[i];
    if (strcmp(k, "source") == 0) {
        if (!one_of(v, kinds) || v[5] == '\0')
            return ps_config_refuse(r, r->value_line, "source of a camera is v4l2:DEVICE or lavf:URL", v);
        return text(r, v, sizeof(cam->source) - 1, cam->source);
    }
    if (strcmp(k, "width") == 0)
        return number16(r, v, 0, PS_MAX_PICTURE, &cam->width);
    if (strcmp(k, "height") == 0)
        return number16(r, v, 0, PS_MAX_PICTURE, &cam->height);
    if (strcmp(k, "fps") == 0)
        return number16(r, v, 0, 120, &cam->fps);
    if (strcmp(k, "fallback") == 0)
        return fallback(r, v, cam);
    return ps_config_refuse(r, r->value_line, "unknown key in [camera]", k);
}

/* One of n words, NULL where none may stand; its place is the value. */
static int word(struct ps_config_reading *r, const char *v, const char *const *words, uint8_t n,
                const char *rule, uint8_t *to) {
    for (uint8_t i = 0; i < n; i++)
        if (words[i] != NULL && strcmp(v, words[i]) == 0) {
            *to = i;
            return 1;
        }
    return ps_config_refuse(r, r->value_line, rule, v);
}

static int end_of_code(struct ps_config_reading *r, const char *v, uint8_t *to) {
    static const char *const ends[] = {[PS_CONFIG_END_ANY] = "any",
                                       [PS_CONFIG_END_ENTER] = "enter",
                                       [PS_CONFIG_END_TAB] = "tab",
                                       [PS_CONFIG_END_NONE] = "none"};
    return word(r, v, ends, sizeof(ends) / sizeof(ends[0]), "end is any, enter, tab or none", to);
}

static int scanner(struct ps_config_reading *r, const char *name, const char *k, const char *v) {
    static const char *const kinds[] = {"stdin:", "serial:", "evdev:", "hidraw:", "camera:", NULL};
    struct ps_config *c = r->c;
    int i = entry(r, name, c->scanners, sizeof(c->scanners[0]), &c->n_scanners, PS_CONFIG_SCANNERS);
    if (i < 0)
        return 0;
    struct ps_config_scanner *s = &c->scanners[i];
    if (strcmp(k, "source") == 0) {
        if (!one_of(v, kinds))
            return ps_config_refuse(
                r, r->value_line,
                "source of a scanner is stdin:, serial:DEVICE, evdev:DEVICE, hidraw:DEVICE or camera:NAME",
                v);
        return text(r, v, sizeof(s->source) - 1, s->source);
    }
    if (strcmp(k, "share") == 0) {
        if (strcmp(v, "yes") != 0 && strcmp(v, "no") != 0)
            return ps_config_refuse(r, r->value_line, "share is yes or no", v);
        s->share = v[0] == 'y';
        return 1;
    }
    if (strcmp(k, "end") == 0)
        return end_of_code(r, v, &s->end);
    if (strcmp(k, "gap_ms") == 0)
        return number16(r, v, 10, 2000, &s->gap_ms);
    if (strcmp(k, "min_length") == 0)
        return number16(r, v, 1, PS_MAX_CODE, &s->min_length);
    if (strcmp(k, "prefix") == 0)
        return text(r, v, sizeof(s->prefix) - 1, s->prefix);
    if (strcmp(k, "suffix") == 0)
        return text(r, v, sizeof(s->suffix) - 1, s->suffix);
    return ps_config_refuse(r, r->value_line, "unknown key in [scanner]", k);
}

/* "7e1": bits, parity, stop bits. */
static int serial_line(struct ps_config_reading *r, const char *v, struct ps_config_scale *s) {
    if (strlen(v) != 3 || (v[0] != '7' && v[0] != '8') || strchr("neo", v[1]) == NULL ||
        (v[2] != '1' && v[2] != '2'))
        return ps_config_refuse(r, r->value_line, "line is 8n1, 7e1, 7o1 and the like", v);
    s->data_bits = (uint8_t)(v[0] - '0');
    s->parity = v[1];
    s->stop_bits = (uint8_t)(v[2] - '0');
    return 1;
}

/* A new one is as most scales are. */
static int scale(struct ps_config_reading *r, const char *name, const char *k, const char *v) {
    static const char *const kinds[] = {"serial:", NULL};
    static const char *const protocols[] = {NULL, "st", "sics", "toledo", "toledo-sum", "yaohua", "plain"};
    static const char *const units[] = {NULL, "g", "kg", "lb", "oz", "t"};
    struct ps_config *c = r->c;
    unsigned had = c->n_scales;
    int i = entry(r, name, c->scales, sizeof(c->scales[0]), &c->n_scales, PS_CONFIG_SCALES);
    if (i < 0)
        return 0;
    struct ps_config_scale *s = &c->scales[i];
    if (c->n_scales > had) {
        s->data_bits = 8, s->parity = 'n', s->stop_bits = 1;
        s->ask_ms = 500, s->change_grams = 5, s->settle_ms = PS_CONFIG_SETTLE_UNSET;
    }
    if (strcmp(k, "source") == 0)
        return one_of(v, kinds) && v[7] != '\0'
                   ? text(r, v, sizeof(s->source) - 1, s->source)
                   : ps_config_refuse(r, r->value_line, "source of a scale is serial:DEVICE", v);
    if (strcmp(k, "protocol") == 0)
        return word(r, v, protocols, sizeof(protocols) / sizeof(protocols[0]),
                    "protocol is st, sics, toledo, toledo-sum, yaohua or plain", &s->protocol);
    if (strcmp(k, "unit") == 0)
        return word(r, v, units, sizeof(units) / sizeof(units[0]), "unit is g, kg, lb, oz or t", &s->unit);
    if (strcmp(k, "line") == 0)
        return serial_line(r, v, s);
    if (strcmp(k, "ask") == 0)
        return ps_bytes_is_ascii(v, strlen(v)) ? text(r, v, sizeof(s->ask) - 1, s->ask)
                                               : ps_config_refuse(r, r->value_line, "ask is plain ASCII", v);
    if (strcmp(k, "ask_ms") == 0)
        return strcmp(v, "0") == 0 ? (s->ask_ms = 0, 1) : number16(r, v, 50, 60000, &s->ask_ms);
    if (strcmp(k, "settle_ms") == 0)
        return number16(r, v, 0, 10000, &s->settle_ms);
    if (strcmp(k, "change_grams") == 0)
        return number16(r, v, 0, 10000, &s->change_grams);
    return ps_config_refuse(r, r->value_line, "unknown key in [scale]", k);
}

static int recording(struct ps_config_reading *r, const char *k, const char *v) {
    struct ps_config *c = r->c;
    if (strcmp(k, "segment_seconds") == 0)
        return number16(r, v, 1, 10, &c->segment_seconds);
    if (strcmp(k, "qp") == 0)
        return number16(r, v, 18, 40, &c->qp);
    if (strcmp(k, "max_mbit") == 0)
        return number16(r, v, 0, 1000, &c->max_mbit);
    if (strcmp(k, "idle_seconds") == 0)
        return number32(r, v, 0, PS_MAX_CLIP_SECONDS, &c->idle_seconds);
    if (strcmp(k, "max_seconds") == 0)
        return number32(r, v, 1, PS_MAX_CLIP_SECONDS, &c->max_seconds);
    if (strcmp(k, "min_seconds") == 0)
        return number32(r, v, 0, 60, &c->min_seconds);
    if (strcmp(k, "originals_every") == 0)
        return number32(r, v, 0, PS_MAX_CLIP_SECONDS, &c->originals_every);
    if (strcmp(k, "preroll_seconds") == 0)
        return number16(r, v, 0, PS_MAX_PREROLL_SECONDS, &c->preroll_seconds);
    if (strcmp(k, "min_free_mb") == 0)
        return number32(r, v, 0, 100000000, &c->min_free_mb);
    if (strcmp(k, "font") == 0)
        return text(r, v, sizeof(c->font) - 1, c->font);
    return ps_config_refuse(r, r->value_line, "unknown key in [recording]", k);
}

/* "code128 qr", or "none" alone. */
static int label_kinds(struct ps_config_reading *r, const char *v) {
    static const struct {
        const char *word;
        uint8_t bit;
    } kinds[] = {{"code128", PS_CONFIG_LABEL_CODE128},
                 {"code39", PS_CONFIG_LABEL_CODE39},
                 {"code93", PS_CONFIG_LABEL_CODE93},
                 {"qr", PS_CONFIG_LABEL_QR}};
    uint8_t sum = 0;
    if (strcmp(v, "none") == 0)
        return r->c->label_read = 0, 1;
    for (const char *p = v; *p != '\0';) {
        size_t n = strcspn(p, " "), i = 0;
        while (i < 4 && (strlen(kinds[i].word) != n || strncmp(p, kinds[i].word, n) != 0))
            i++;
        if (i == 4)
            break;
        sum |= kinds[i].bit;
        p += n + strspn(p + n, " ");
        if (*p == '\0')
            return r->c->label_read = sum, 1;
    }
    return ps_config_refuse(r, r->value_line, "read is none, or some of code128 code39 code93 qr", v);
}

static int label(struct ps_config_reading *r, const char *k, const char *v) {
    struct ps_config *c = r->c;
    if (strcmp(k, "read") == 0)
        return label_kinds(r, v);
    if (strcmp(k, "density") == 0)
        return number16(r, v, 1, 8, &c->label_density);
    if (strcmp(k, "not_seen_seconds") == 0)
        return number16(r, v, 0, 600, &c->label_seconds);
    if (strcmp(k, "away_seconds") == 0)
        return number16(r, v, 1, 600, &c->label_away);
    if (strcmp(k, "picture_alarms") != 0)
        return ps_config_refuse(r, r->value_line, "unknown key in [label]", k);
    if (strcmp(v, "yes") != 0 && strcmp(v, "no") != 0)
        return ps_config_refuse(r, r->value_line, "picture_alarms is yes or no", v);
    c->picture_alarms = v[0] == 'y';
    return 1;
}

static int retention(struct ps_config_reading *r, const char *k, const char *v) {
    struct ps_config *c = r->c;
    if (strcmp(k, "days") == 0)
        return number32(r, v, 0, 36500, &c->days);
    if (strcmp(k, "min_days") == 0)
        return number32(r, v, 0, 36500, &c->min_days);
    if (strcmp(k, "reserve_mb") == 0)
        return number32(r, v, 0, 100000000, &c->reserve_mb);
    if (strcmp(k, "reserve_percent") == 0)
        return number16(r, v, 0, 50, &c->reserve_percent);
    if (strcmp(k, "archive_list") == 0)
        return text(r, v, sizeof(c->archive_list) - 1, c->archive_list);
    if (strcmp(k, "trust_clock") != 0)
        return ps_config_refuse(r, r->value_line, "unknown key in [retention]", k);
    if (strcmp(v, "yes") != 0 && strcmp(v, "no") != 0)
        return ps_config_refuse(r, r->value_line, "trust_clock is yes or no", v);
    c->trust_clock = v[0] == 'y';
    return 1;
}

/* "authority", "ca.bj": which part of which authority. */
static int authority(struct ps_config_reading *r, const char *k, const char *v) {
    static const char *const kinds[] = {"http://", "https://", NULL};
    struct ps_config *c = r->c;
    const char *dot = strchr(k, '.');
    size_t n = dot != NULL ? (size_t)(dot - k) : strlen(k);
    bool url = n == 9 && strncmp(k, "authority", n) == 0, ca = n == 2 && strncmp(k, "ca", n) == 0;
    if (!url && !ca && !(n == 3 && strncmp(k, "crl", n) == 0))
        return ps_config_refuse(r, r->value_line, "unknown key in [time]", k);
    if (url && (!one_of(v, kinds) || !ps_bytes_is_ascii(v, strlen(v))))
        return ps_config_refuse(r, r->value_line, "an authority is http://... or https://...", v);
    int i = entry(r, dot != NULL ? dot + 1 : "main", c->authorities, sizeof(c->authorities[0]),
                  &c->n_authorities, PS_CONFIG_AUTHORITIES);
    if (i < 0)
        return 0;
    struct ps_config_authority *a = &c->authorities[i];
    char *to = url ? a->url : ca ? a->ca : a->crl;
    if (to[0] != '\0') /* "authority" is the same as "authority.main" */
        return ps_config_refuse(r, r->value_line, "given twice", k);
    return text(r, v, sizeof(a->url) - 1, to);
}

/* "witness", "witness-key.bj" */
static int witness(struct ps_config_reading *r, const char *k, const char *v) {
    static const char *const kinds[] = {"http://", "https://", NULL};
    struct ps_config *c = r->c;
    const char *dot = strchr(k, '.');
    size_t n = dot != NULL ? (size_t)(dot - k) : strlen(k);
    bool url = n == 7;
    if (!url && !(n == 11 && strncmp(k, "witness-key", n) == 0))
        return ps_config_refuse(r, r->value_line, "unknown key in [time]", k);
    int i = entry(r, dot != NULL ? dot + 1 : "main", c->witnesses, sizeof(c->witnesses[0]), &c->n_witnesses,
                  PS_CONFIG_WITNESSES);
    if (i < 0)
        return 0;
    struct ps_config_witness *w = &c->witnesses[i];
    if (url ? w->url[0] != '\0' : w->key.name[0] != '\0') /* "witness" is the same as "witness.main" */
        return ps_config_refuse(r, r->value_line, "given twice", k);
    if (!url)
        return ps_note_vkey_parse(&w->key, v, strlen(v)) == 0 && w->key.type == PS_NOTE_COSIGNATURE
                   ? 1
                   : ps_config_refuse(r, r->value_line,
                                      "a witness's key is NAME+HASH+BASE64 of the kind that cosigns", v);
    if (!one_of(v, kinds) || !ps_bytes_is_ascii(v, strlen(v)))
        return ps_config_refuse(r, r->value_line, "a witness is http://... or https://...", v);
    return text(r, v, sizeof(w->url) - 1, w->url);
}

static int time_from_outside(struct ps_config_reading *r, const char *k, const char *v) {
    struct ps_config *c = r->c;
    if (strcmp(k, "timeout") == 0)
        return number16(r, v, 1, 300, &c->stamp_timeout);
    if (strcmp(k, "retries") == 0)
        return number16(r, v, 0, 10, &c->stamp_retries);
    if (strcmp(k, "refresh_minutes") == 0)
        return number32(r, v, 0, 10080, &c->refresh_minutes);
    if (strncmp(k, "witness", 7) == 0)
        return witness(r, k, v);
    return authority(r, k, v);
}

static bool seen_before(struct ps_config_reading *r) {
    char both[sizeof(r->seen[0])] = "";
    snprintf(both, sizeof(both), "%s\n%s", r->section, r->key);
    if (r->n_seen == sizeof(r->seen) / sizeof(r->seen[0]))
        return true;
    for (unsigned i = 0; i < r->n_seen; i++)
        if (strcmp(r->seen[i], both) == 0)
            return true;
    memcpy(r->seen[r->n_seen++], both, sizeof(both));
    return false;
}

int ps_config_keys_take(struct ps_config_reading *r) {
    if (!r->has_value || r->rc != 0)
        return r->rc == 0;
    r->has_value = false;
    const char *s = r->section, *k = r->key, *v = r->value;
    if (seen_before(r))
        return ps_config_refuse(r, r->value_line, "given twice, or too many keys", k);
    if (strcmp(s, "station") == 0)
        return station(r, k, v);
    if (strncmp(s, "camera ", 7) == 0)
        return camera(r, s + 7, k, v);
    if (strncmp(s, "scanner ", 8) == 0)
        return scanner(r, s + 8, k, v);
    if (strncmp(s, "scale ", 6) == 0)
        return scale(r, s + 6, k, v);
    if (strcmp(s, "recording") == 0)
        return recording(r, k, v);
    if (strcmp(s, "label") == 0)
        return label(r, k, v);
    if (strcmp(s, "orders") == 0)
        return strcmp(k, "file") == 0 ? text(r, v, sizeof(r->c->orders_file) - 1, r->c->orders_file)
                                      : ps_config_refuse(r, r->value_line, "unknown key in [orders]", k);
    if (strcmp(s, "time") == 0)
        return time_from_outside(r, k, v);
    if (strcmp(s, "retention") == 0)
        return retention(r, k, v);
    if (strcmp(s, "viewer") == 0) {
        const char *rule = ps_config_viewer_set(&r->c->viewer, r->key, v);
        return rule == NULL ? 1 : ps_config_refuse(r, r->value_line, rule, v);
    }
    return ps_config_refuse(r, r->value_line, "unknown section", s);
}
