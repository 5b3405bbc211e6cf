/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bench days of tests/golden/bench-day played through the session with the real table and list: clips, codes, reasons
 * and warnings must be those of the expected files. With a name as argument, prints what comes of that day.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "evidence/bytes.h"
#include "recorder/desk.h"
#include "recorder/scale.h"
#include "recorder/scanner.h"
#include "tests/unit/tap.h"

#define MS 1000000LL

struct day {
    struct ps_scale_stated stated; /* of the scale in the clip */
    struct ps_desk desk;
    struct ps_session s;
    struct ps_buf out, clip; /* told so far; of the clip that runs, behind its first line */
    char head[256];
    int64_t ms, started_ms;
    unsigned events, clips;
    bool open, times;
};

static void put_time(const struct day *d, struct ps_buf *b, int64_t ms) {
    if (d->times)
        ps_buf_fmt(b, "%02d:%02d:%02d.%03d ", (int)(ms / 3600000), (int)(ms / 60000 % 60),
                   (int)(ms / 1000 % 60), (int)(ms % 1000));
}

static void put_code(struct day *d, const struct ps_code *c) {
    ps_buf_fmt(&d->clip, "  code %s %s %s%s\n", ps_opening_code_type(c->type),
               c->carrier[0] ? c->carrier : "-", c->value, c->entry == PS_ENTRY_API ? " list" : "");
    if (c->type != PS_CODE_SKU && c->type != PS_CODE_UNKNOWN)
        ps_desk_remember(&d->desk, c->value, d->s.kind);
}

static void put_links(struct day *d, const struct ps_session_action *a) {
    for (unsigned i = 0; i < a->n_links; i++) {
        struct ps_code k;
        ps_desk_link(&d->desk, &a->links[i], &k);
        put_code(d, &k);
    }
}

static void put_event(struct day *d, const char *what, const char *text) {
    struct ps_buf *b = d->open ? &d->clip : &d->out;

    ps_buf_text(b, d->open ? "  " : "said ");
    put_time(d, b, d->ms);
    ps_buf_fmt(b, "%s%s%s\n", what, text[0] ? " " : "", text);
}

static void act(struct day *d, const struct ps_session_action *a) {
    switch (a->type) {
    case PS_SESSION_DO_START:
        d->open = true;
        d->started_ms = d->ms;
        (void)snprintf(d->head, sizeof d->head, "%s %s", ps_opening_kind(a->kind),
                       a->operator_id[0] ? a->operator_id : "nobody");
        ps_desk_next(&d->desk);
        d->stated = (struct ps_scale_stated){0};
        put_code(d, &a->code);
        put_links(d, a);
        return;
    case PS_SESSION_DO_END:
        ps_buf_fmt(&d->out, "clip %u ", ++d->clips);
        put_time(d, &d->out, d->started_ms);
        put_time(d, &d->out, d->ms);
        ps_buf_fmt(&d->out, "%s %s\n", d->head, ps_statement_end_reason(a->reason));
        ps_buf_bytes(&d->out, d->clip.p, d->clip.n);
        ps_buf_reset(&d->clip);
        d->open = false;
        return;
    case PS_SESSION_DO_IGNORE: put_event(d, "ignored", a->code.value); return;
    case PS_SESSION_DO_ADD:
        if (a->listed)
            put_code(d, &a->code);
        put_event(d, "scan", a->code.value);
        if (a->names)
            put_event(d, "named", a->code.value);
        put_links(d, a);
        return;
    case PS_SESSION_DO_NOTE: put_event(d, a->what, a->text); return;
    case PS_SESSION_DO_WARN: put_event(d, ps_session_warning_word(a->warning), a->text); return;
    }
}

static void step(struct day *d, const struct ps_session_event *e) {
    static struct ps_session_action a[PS_SESSION_ACTIONS];
    int n = ps_session_step(&d->s, e, a);

    for (int i = 0; i < n; i++)
        act(d, &a[i]);
}

/* "bench ST,GS,+ 1.234 kg": read and told as the station does it. */
static bool on_weight(struct day *d, const char *text) {
    struct ps_scale_frame f;
    struct ps_scale_frame_weight w;
    char name[32], line[96];
    int at = 0;

    if (sscanf(text, "%31s %n", name, &at) != 1)
        return false;
    ps_scale_frame_init(&f, PS_CONFIG_WEIGHT_ST, PS_CONFIG_UNIT_ANY);
    (void)snprintf(line, sizeof line, "%s\r", text + at);
    for (const char *p = line; *p != '\0'; p++) {
        if (ps_scale_frame_byte(&f, (uint8_t)*p, &w) != PS_SCALE_FRAME_WEIGHT)
            continue;
        const struct ps_scale_reading r = {
            .known = true, .grams = w.grams, .stable = !w.moving, .net = w.net};
        (void)snprintf(line, sizeof line, "%d g %s%s", (int)w.grams, name, w.net ? " net" : "");
        if (d->open && ps_scale_news(&d->stated, &r, 5, d->ms * MS) == PS_SCALE_STATE)
            put_event(d, "weight", line);
        return true;
    }
    return false;
}

/* "gun SF40|00000000001": a line of bytes with a pause at the bar. Were a code to come of it, it would be scanned. */
static bool on_torn(struct day *d, const char *text) {
    static struct ps_session_event e;
    struct ps_scanner_line l = {0};
    char name[32];
    int at = 0;

    if (sscanf(text, "%31s %n", name, &at) != 1 || !strchr(text, '|'))
        return false;
    for (const char *p = text + at; *p != '\0'; p++)
        if (*p == '|')
            ps_scanner_line_tear(&l);
        else
            (void)ps_scanner_line_byte(&l, (uint8_t)*p);
    if (ps_scanner_line_byte(&l, '\r')) {
        e = (struct ps_session_event){.type = PS_SESSION_CODE, .mono_ns = d->ms * MS};
        ps_desk_read(&d->desk, l.text, &e);
        step(d, &e);
    } else if (l.torn_n) {
        put_event(d, "scan-torn", name);
    }
    return true;
}

/* "08:00:01.000 scan SF1234567890123": the clock goes on in seconds up to then. */
static bool on_line(struct day *d, const char *line) {
    static const struct {
        const char *word;
        enum ps_session_event_type type;
    } words[] = {{"scan", PS_SESSION_CODE},
                 {"motion", PS_SESSION_MOTION},
                 {"cameras-lost", PS_SESSION_CAMERAS_LOST},
                 {"disk-full", PS_SESSION_DISK_FULL},
                 {"fault", PS_SESSION_FAULT},
                 {"shutdown", PS_SESSION_SHUTDOWN}};
    static struct ps_session_event e;
    int h, m, s, ms, at = 0;
    char word[16];

    if (line[0] == '#' || line[0] == '\0')
        return true;
    if (sscanf(line, "%2d:%2d:%2d.%3d %15s%n", &h, &m, &s, &ms, word, &at) != 5)
        return false;
    int64_t now = ((h * 60LL + m) * 60 + s) * 1000 + ms;
    for (; d->ms / 1000 < now / 1000; d->ms = (d->ms / 1000 + 1) * 1000)
        if (d->ms) {
            e = (struct ps_session_event){.type = PS_SESSION_TICK, .mono_ns = d->ms * MS};
            step(d, &e);
        }
    d->ms = now;
    d->events++;
    if (strcmp(word, "weight") == 0)
        return on_weight(d, line + at + (line[at] == ' '));
    if (strcmp(word, "torn") == 0)
        return on_torn(d, line + at + (line[at] == ' '));
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(word, words[i].word) == 0) {
            e = (struct ps_session_event){.type = words[i].type, .mono_ns = now * MS};
            if (e.type == PS_SESSION_CODE)
                ps_desk_read(&d->desk, line + at + (line[at] == ' '), &e);
            step(d, &e);
            return true;
        }
    return false;
}

static bool play(struct day *d, const char *root, const char *src, const char *name, int64_t minimum_ms,
                 bool times) {
    const struct ps_session_rules rules = {.same_code_ns = 5000 * MS,
                                           .idle_ns = 300000 * MS,
                                           .maximum_ns = 1800000 * MS,
                                           .minimum_ns = minimum_ms * MS};
    char path[1024], line[512], text[256];
    bool loud, ok = true;

    memset(d, 0, sizeof *d);
    d->times = times;
    ps_buf_init(&d->out, 1 << 20);
    ps_buf_init(&d->clip, 1 << 20);
    (void)snprintf(path, sizeof path, "%s/tests/golden/bench-day/orders.csv", src);
    ps_desk_open(&d->desk, root, path, "HZ01");
    ok = ps_desk_tick(&d->desk, 0, text, &loud) && !loud;
    if (!ok)
        tap_diag("%s", text);
    ps_session_init(&d->s, &rules, "");
    (void)snprintf(path, sizeof path, "%s/tests/golden/bench-day/%s.txt", src, name);
    FILE *f = fopen(path, "r");
    while (f && ok && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        ok = on_line(d, line);
    }
    if (f)
        (void)fclose(f);
    ps_buf_u8(&d->out, 0);
    return f && ok;
}

static void finish(struct day *d) {
    ps_desk_close(&d->desk);
    ps_buf_free(&d->out);
    ps_buf_free(&d->clip);
}

/* The first line that differs is told. */
static bool same(const char *got, const char *src, const char *name) {
    char path[1024], line[512];
    const char *at = got;
    unsigned n = 0;

    (void)snprintf(path, sizeof path, "%s/tests/golden/bench-day/%s.txt", src, name);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        n++;
        size_t len = strlen(line);
        if (strncmp(at, line, len) != 0) {
            tap_diag("line %u: got %.*s, wanted %s", n, (int)strcspn(at, "\n"), at, line);
            break;
        }
        at += len;
    }
    bool ok = f && feof(f) && *at == '\0';
    if (f)
        (void)fclose(f);
    return ok;
}

int main(int argc, char **argv) {
    const char *given = getenv("PACKSEAL_SRC");
    char root[] = "/tmp/packseal-day.XXXXXX", table[64], target[PATH_MAX],
         *src = realpath(given ? given : ".", NULL);
    static struct day d;

    if (!src || !mkdtemp(root))
        return 1;
    (void)snprintf(table, sizeof table, "%s/carriers.conf", root);
    if (snprintf(target, sizeof target, "%s/recorder/carriers.conf", src) >= (int)sizeof target ||
        symlink(target, table) != 0)
        return 1;
    if (argc > 1) {
        bool is_short = strcmp(argv[1], "short") == 0;
        bool ok = play(&d, root, src, argv[1], is_short ? 0 : 3000, !is_short);
        (void)fputs((const char *)d.out.p, stdout);
        finish(&d);
        unlink(table);
        rmdir(root);
        free(src);
        return !ok;
    }
    tap_ok(play(&d, root, src, "day", 3000, true), "the day is read to its end");
    tap_is_str(d.desk.carriers_told, "", "with the table that is shipped");
    tap_ok(d.events >= 120, "it has %u events", d.events);
    tap_ok(same((const char *)d.out.p, src, "expected"),
           "its %u clips, their codes, reasons and warnings are as expected", d.clips);
    tap_ok(!d.open && d.clip.n == 0, "nothing is left open");
    finish(&d);
    tap_ok(play(&d, root, src, "short", 0, false), "the short day is read to its end");
    tap_ok(same((const char *)d.out.p, src, "short-expected"), "its %u clips are as expected", d.clips);
    finish(&d);
    unlink(table);
    rmdir(root);
    free(src);
    return tap_done();
}
