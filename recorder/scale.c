/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/scale.h"

#include "recorder/scanner_tty.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SETTLE_READINGS 3
#define SETTLE_GAP_NS INT64_C(2000000000) /* what stood there longer ago says nothing of in between */
#define STRANGE_MANY 8
#define REFILLS 8 /* of one call: 2 KiB, more than 115200 baud brings in a tenth of a second */

struct ps_scale {
    const struct ps_config_scale *config;
    int fd; /* -1: away */
    struct ps_devices_seen seen;
    struct ps_scale_frame frame;
    struct ps_scale_settle settle;
    int64_t next_ask_ns;
    unsigned strange; /* in a row */
    size_t at, n;     /* of bytes */
    uint8_t bytes[256];
};

/* ---- rest ---- */

void ps_scale_settle_anew(struct ps_scale_settle *s) {
    s->some = false;
    s->count = 0;
}

bool ps_scale_settle(struct ps_scale_settle *s, const struct ps_scale_frame_weight *w, int64_t mono_ns) {
    if (w->moving) {
        ps_scale_settle_anew(s);
        return false;
    }
    if (s->settle_ns == 0)
        return true;
    if (!s->some || s->grams != w->grams || s->net != w->net || mono_ns - s->last_ns > SETTLE_GAP_NS) {
        s->some = true;
        s->grams = w->grams;
        s->net = w->net;
        s->since_ns = mono_ns;
        s->count = 0;
    }
    s->last_ns = mono_ns;
    if (s->count < SETTLE_READINGS)
        s->count++;
    return s->count == SETTLE_READINGS && mono_ns - s->since_ns >= s->settle_ns;
}

/* ---- what is stated ---- */

#define APART_NS INT64_C(1000000000)
#define STATED_MOST 200

enum ps_scale_news ps_scale_news(struct ps_scale_stated *s, const struct ps_scale_reading *r,
                                 uint16_t change_grams, int64_t mono_ns) {
    const int32_t before = s->any ? s->grams : 0,
                  apart = r->grams > before ? r->grams - before : before - r->grams;
    const bool same_kind = !s->any || s->net == r->net;

    if (!r->known || !r->stable || (apart <= change_grams && same_kind) || s->n > STATED_MOST ||
        (s->any && mono_ns - s->mono_ns < APART_NS))
        return PS_SCALE_NOTHING;
    s->any = true;
    s->net = r->net;
    s->grams = r->grams;
    s->mono_ns = mono_ns;
    return s->n++ < STATED_MOST ? PS_SCALE_STATE : PS_SCALE_LEFT_OUT;
}

/* ---- the device ---- */

int ps_scale_new(struct ps_scale **out, const struct ps_config_scale *config) {
    struct ps_scale *s = calloc(1, sizeof *s);
    *out = s;
    if (!s)
        return PS_ENOMEM;
    s->config = config;
    s->fd = -1;
    return 0;
}

int ps_scale_open(struct ps_scale *s, struct ps_why *why) {
    const struct ps_config_scale *c = s->config;
    const struct ps_scanner_tty line = {
        .data_bits = c->data_bits, .parity = c->parity, .stop_bits = c->stop_bits};
    if (strncmp(c->source, "serial:", 7) != 0)
        return ps_error_why(why, PS_EINVAL, c->source, "a scale is serial:/dev/…");
    ps_scale_frame_init(&s->frame, c->protocol, c->unit);
    s->settle = (struct ps_scale_settle){.settle_ns = c->settle_ms * INT64_C(1000000)};
    s->strange = 0;
    s->at = s->n = 0;
    s->next_ask_ns = 0;
    s->fd = ps_scanner_tty_open(c->source + 7, &line, &s->seen, why);
    return s->fd < 0 ? s->fd : 0;
}

bool ps_scale_is_open(const struct ps_scale *s) {
    return s->fd >= 0;
}

bool ps_scale_is_strange(const struct ps_scale *s) {
    return s->strange >= STRANGE_MANY;
}

static void go_away(struct ps_scale *s) {
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

/* A line that takes nothing now is asked the next time; one that is gone is found out by reading. */
static void ask(struct ps_scale *s, int64_t mono_ns) {
    char text[sizeof s->config->ask + 2];
    if (s->config->ask[0] == '\0' || mono_ns < s->next_ask_ns)
        return;
    const int n = snprintf(text, sizeof text, "%s\r\n", s->config->ask);
    if (write(s->fd, text, (size_t)n) < 0 && errno == EAGAIN)
        return;
    s->next_ask_ns = s->config->ask_ms ? mono_ns + s->config->ask_ms * INT64_C(1000000) : INT64_MAX;
}

static int refill(struct ps_scale *s, struct ps_why *why) {
    const ssize_t n = read(s->fd, s->bytes, sizeof s->bytes);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0) {
        go_away(s);
        return ps_error_why(why, PS_EGONE, s->config->name, "the scale is gone: %s",
                            n == 0 ? "hung up" : strerror(errno));
    }
    s->at = 0;
    s->n = (size_t)n;
    return 1;
}

static void judge(struct ps_scale *s, enum ps_scale_frame_said said, const struct ps_scale_frame_weight *w,
                  int64_t mono_ns, struct ps_scale_reading *out) {
    *out = (struct ps_scale_reading){.known = said == PS_SCALE_FRAME_WEIGHT};
    s->strange = 0;
    if (!out->known) {
        ps_scale_settle_anew(&s->settle);
        return;
    }
    out->grams = w->grams;
    out->net = w->net;
    out->stable = ps_scale_settle(&s->settle, w, mono_ns);
}

int ps_scale_read(struct ps_scale *s, int64_t mono_ns, struct ps_scale_reading *out, struct ps_why *why) {
    struct ps_scale_frame_weight w;
    if (s->fd < 0)
        return ps_error_why(why, PS_EGONE, s->config->name, "the scale is not there");
    ask(s, mono_ns);
    for (unsigned refills = 0;;) {
        if (s->at == s->n) {
            if (refills++ == REFILLS)
                return 2;
            const int result = refill(s, why);
            if (result <= 0)
                return result;
        }
        while (s->at < s->n) {
            const enum ps_scale_frame_said said = ps_scale_frame_byte(&s->frame, s->bytes[s->at++], &w);
            if (said == PS_SCALE_FRAME_MORE)
                continue;
            if (said == PS_SCALE_FRAME_STRANGE) {
                s->strange += s->strange < STRANGE_MANY;
                continue;
            }
            judge(s, said, &w, mono_ns, out);
            return 1;
        }
    }
}

void ps_scale_free(struct ps_scale *s) {
    if (!s)
        return;
    go_away(s);
    free(s);
}
