/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/outlook.h"
#include "archive/holds.h"
#include "archive/removal.h"
#include "archive/store.h"
#include "archive/tokens.h"
#include "evidence/sha256.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DAY_NS (INT64_C(86400) * 1000000000)
#define WAIT PS_RETENTION_UNSTAMPED_DAYS
#define AGES \
    (36500 + 1 + WAIT) /* the largest number of days that can be configured, and one for all that is older */
#define CELLS (WAIT + AGES + PS_OUTLOOK_AHEAD)
#define TODAY (AGES - 1) /* the cell of clips that end today; older ones lie before it, coming ones behind */
#define WEEK 7
#define YOUNG_STATION 3
#define SAMPLE 16 /* clips of a day that are weighed and looked up; the others are as these */

struct ps_outlook_stock {
    uint64_t may_go[CELLS];
    uint64_t kept[PS_RETENTION_SPACE + 1];
    uint64_t written[WEEK + 1]; /* by age, whatever may become of it */
};

int ps_outlook_stock_new(struct ps_outlook_stock **out) {
    *out = calloc(1, sizeof(**out));
    return *out != NULL ? 0 : PS_ENOMEM;
}

void ps_outlook_stock_free(struct ps_outlook_stock *s) {
    free(s);
}

void ps_outlook_stock_add(struct ps_outlook_stock *s, const struct ps_config *c, uint32_t age_days,
                          const struct ps_retention_clip *facts, uint64_t bytes) {
    struct ps_retention_clip when_due = *facts;
    uint32_t age = age_days < AGES ? age_days : AGES - 1;
    uint32_t least = c->days > 0 && c->days < c->min_days ? c->days : c->min_days;
    if (age_days <= WEEK)
        s->written[age_days] += bytes;
    when_due.age_ns = (int64_t)AGES * DAY_NS;
    when_due.archived = when_due.archived || age < least;
    enum ps_retention_word word = ps_retention_judge(c, true, true, &when_due);
    if (word == PS_RETENTION_DAYS || word == PS_RETENTION_SPACE)
        s->may_go[TODAY + (c->n_authorities > 0 && !facts->stamped ? WAIT : 0) - age] += bytes;
    else
        s->kept[word] += bytes;
}

uint64_t ps_outlook_stock_kept(const struct ps_outlook_stock *s, enum ps_retention_word why_kept) {
    return s->kept[why_kept];
}

uint64_t ps_outlook_stock_rate(const struct ps_outlook_stock *s) {
    uint64_t sum = 0, days = 0;
    for (unsigned age = 1; age <= WEEK; age++)
        if (s->written[age] > 0) {
            sum += s->written[age];
            days = age;
        }
    uint64_t mean = days > 0 ? sum / days : 0;
    return days < YOUNG_STATION && s->written[0] > mean ? s->written[0] : mean;
}

/* ---- the days ahead */

struct play {
    uint64_t cells[CELLS];
    size_t oldest;      /* nothing lies before it */
    int64_t free_bytes; /* below nothing, where more would have been written than there is room */
    int64_t reserve;
    struct ps_outlook *out;
};

static void remove_some(struct play *p, size_t today, uint64_t bytes) {
    uint32_t age = (uint32_t)(today - p->oldest);
    if (bytes > 0 && age < p->out->keeps)
        p->out->keeps = age;
    p->cells[p->oldest] -= bytes;
    p->free_bytes += (int64_t)bytes;
}

/* As packseal prune does: what is too old, and then the oldest until the reserve is met. */
static void prune(struct play *p, const struct ps_config *c, bool by_age, size_t today) {
    while (by_age && c->days > 0 && p->oldest + c->days <= today) {
        remove_some(p, today, p->cells[p->oldest]);
        p->oldest++;
    }
    while (p->free_bytes < p->reserve && p->oldest + c->min_days <= today) {
        uint64_t missing = (uint64_t)(p->reserve - p->free_bytes), there = p->cells[p->oldest];
        remove_some(p, today, there < missing ? there : missing);
        if (there <= missing)
            p->oldest++;
    }
}

void ps_outlook_reckon(struct ps_outlook *out, const struct ps_outlook_stock *s, const struct ps_config *c,
                       bool by_age, uint64_t rate, uint64_t free_bytes, uint64_t disk_bytes) {
    *out = (struct ps_outlook){
        .keeps = PS_OUTLOOK_NEVER, .runs_low = PS_OUTLOOK_NEVER, .refuses = PS_OUTLOOK_NEVER};
    struct play *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return;
    memcpy(p->cells, s->may_go, sizeof(p->cells));
    p->free_bytes = (int64_t)free_bytes;
    p->reserve = (int64_t)ps_retention_reserve(c, disk_bytes);
    p->out = out;
    int64_t least = (int64_t)c->min_free_mb << 20;
    for (uint32_t day = 0; day <= PS_OUTLOOK_AHEAD; day++) {
        if (day > 0) {
            p->cells[TODAY + day] += rate;
            p->free_bytes -= (int64_t)rate;
        }
        prune(p, c, by_age, TODAY + day);
        if (p->free_bytes < p->reserve && out->runs_low == PS_OUTLOOK_NEVER)
            out->runs_low = day;
        if (p->free_bytes < least) {
            out->refuses = day;
            break;
        }
    }
    free(p);
}

/* ---- what lies there */

struct names {
    char (*v)[40];
    size_t n, room;
};

struct taking {
    struct ps_outlook_stock *stock;
    const struct ps_config *c;
    const char *root;
    int64_t now_ns;
    struct ps_retention_ledger *ledger; /* NULL: this user may not read it, and each clip counts as known */
    struct ps_retention_copies *copies;
    uint64_t stamped;       /* entries below this one have a time from outside */
    struct names held, day; /* held ones by name; those of the day that is walked through */
    char folder[32];        /* of that day: "clips/2026/11/21" */
};

static int add_name(struct names *l, const char *name) {
    if (l->n == l->room) {
        size_t room = l->room == 0 ? 256 : l->room * 2;
        void *v = reallocarray(l->v, room, sizeof(l->v[0]));
        if (v == NULL)
            return PS_ENOMEM;
        l->v = v;
        l->room = room;
    }
    snprintf(l->v[l->n++], sizeof(l->v[0]), "%s", name);
    return 0;
}

static int by_name(const void *a, const void *b) {
    return strcmp(a, b);
}

static int add_hold(void *ctx, const struct ps_hold *h) {
    return add_name(ctx, h->clip);
}

/* One clip as retention sees it, and what it weighs. */
static uint64_t look(struct taking *t, const char *name, struct ps_retention_clip *facts) {
    char path[96];
    uint8_t *text = NULL, digest[32];
    size_t n = 0;
    struct ps_clip *clip = NULL;
    const char *dash = strrchr(name, '-');
    snprintf(path, sizeof(path), "%s/%s", t->folder, name);
    facts->known = t->ledger == NULL;
    facts->stamped = true;
    int dir = ps_root_open(t->root, path, NULL);
    if (dir >= 0 && dash != NULL &&
        ps_store_read_file(dir, "clip.json", PS_MAX_STATEMENT, &text, &n, NULL) == 0) {
        const struct ps_retention_entry *e =
            t->ledger != NULL ? ps_retention_ledger_clip(t->ledger, strtoull(dash + 1, NULL, 10)) : NULL;
        ps_sha256(digest, text, n);
        if (e != NULL && memcmp(e->digest, digest, sizeof(digest)) == 0) {
            facts->known = true;
            facts->stamped = e->seal < t->stamped;
        }
        if (t->copies != NULL && ps_statement_parse(&clip, text, n, NULL) == 0)
            facts->archived = ps_retention_copies_have(t->copies, clip, digest);
        ps_statement_free(clip);
    }
    free(text);
    if (dir >= 0)
        close(dir);
    return ps_removal_weigh(t->root, path);
}

/* The clips of a day, when all their names are there. */
static void take_day(struct taking *t) {
    struct tm tm = {.tm_isdst = 0};
    if (t->day.n == 0 || strptime(t->folder + strlen(PS_ROOT_CLIPS) + 1, "%Y/%m/%d", &tm) == NULL)
        return;
    int64_t days = (t->now_ns - (int64_t)timegm(&tm) * 1000000000) / DAY_NS;
    uint32_t age = days < 0 ? 0 : (uint32_t)days;
    size_t n = 0;
    for (size_t i = 0; i < t->day.n; i++) {
        struct ps_retention_clip facts = {.held = true};
        if (t->held.n > 0 &&
            bsearch(t->day.v[i], t->held.v, t->held.n, sizeof(t->held.v[0]), by_name) != NULL) {
            uint64_t bytes = look(t, t->day.v[i], &facts);
            ps_outlook_stock_add(t->stock, t->c, age, &facts, bytes);
        } else {
            memmove(t->day.v[n++], t->day.v[i], sizeof(t->day.v[0]));
        }
    }
    /* Even parts of the day, each weighed by one clip of its own. */
    size_t parts = n < SAMPLE ? n : SAMPLE;
    for (size_t i = 0; i < parts; i++) {
        struct ps_retention_clip facts = {.held = false};
        size_t from = i * n / parts, to = (i + 1) * n / parts;
        uint64_t bytes = look(t, t->day.v[from + (to - from) / 2], &facts);
        ps_outlook_stock_add(t->stock, t->c, age, &facts, bytes * (to - from));
    }
    t->day.n = 0;
}

static int found(void *ctx, const char *path, const char *name) {
    struct taking *t = ctx;
    size_t n = strlen(path) - strlen(name) - 1;
    if (n >= sizeof(t->folder))
        return PS_EFORMAT;
    if (t->day.n > 0 && (strncmp(path, t->folder, n) != 0 || t->folder[n] != '\0'))
        take_day(t);
    snprintf(t->folder, sizeof(t->folder), "%.*s", (int)n, path);
    return add_name(&t->day, name);
}

static void open_lists(struct taking *t) {
    char list[PS_ROOT_PATH];
    struct ps_token token;
    if (ps_retention_ledger_open(&t->ledger, t->root, NULL) < 0)
        t->ledger = NULL;
    if (ps_tokens_newest(t->root, NULL, NULL, &token, NULL) == 0) {
        t->stamped = token.entry.size;
        ps_tokens_free(&token);
    }
    if (t->c->archive_list[0] == '\0')
        return;
    int rc = t->c->archive_list[0] == '/' ? 0 : ps_root_path(t->root, t->c->archive_list, list);
    if (rc == 0 && ps_retention_copies_open(
                       &t->copies, t->c->archive_list[0] == '/' ? t->c->archive_list : list, NULL) < 0)
        t->copies = NULL;
}

int ps_outlook_stock_take(struct ps_outlook_stock **out, const struct ps_config *c, const char *root,
                          int64_t now_ns, struct ps_why *why) {
    struct taking t = {.c = c, .root = root, .now_ns = now_ns};
    int rc = ps_outlook_stock_new(&t.stock);
    if (rc < 0)
        return ps_error_why(why, rc, root, "out of memory");
    open_lists(&t);
    rc = ps_holds_each(root, add_hold, &t.held);
    if (rc == PS_ENOENT)
        rc = 0;
    if (rc == 0 && t.held.n > 0)
        qsort(t.held.v, t.held.n, sizeof(t.held.v[0]), by_name);
    if (rc == 0)
        rc = ps_store_each(root, found, &t);
    if (rc == 0)
        take_day(&t);
    ps_retention_ledger_close(t.ledger);
    ps_retention_copies_close(t.copies);
    free(t.held.v);
    free(t.day.v);
    if (rc < 0) {
        ps_outlook_stock_free(t.stock);
        return ps_error_why(why, rc, PS_ROOT_CLIPS, "%s", ps_error_text(rc));
    }
    *out = t.stock;
    return 0;
}
