/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/index.h"
#include "archive/outlook.h"
#include "archive/store.h"
#include "archive/tokens.h"
#include "cli/doctor.h"
#include "cli/words.h"
#include "evidence/bytes.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define RATE_DAYS 7   /* clips of so many days are counted */
#define SOON_DAYS 7   /* no clip after so many days: mend it now */
#define AHEAD_DAYS 60 /* after so many: plan for it */
#define DAY_SECONDS 86400

static int count(void *ctx, const struct ps_index_row *r) {
    (void)ctx, (void)r;
    return 0;
}

static void check_index(struct ps_doctor *d, int64_t now_ns) {
    struct ps_why why = {0};
    struct ps_index *x = NULL;
    struct ps_index_query q = {.from_ns = now_ns - RATE_DAYS * INT64_C(86400000000000), .to_ns = INT64_MAX};
    int n = ps_index_open(&x, d->root, false, &why), rc = n;
    if (n == 0)
        n = ps_index_find(x, &q, count, NULL, &why);
    ps_index_close(x);
    if (n < 0)
        ps_doctor_say(d, "index", rc == PS_ENOENT ? PS_DOCTOR_NOTE : PS_DOCTOR_MEND,
                      ps_words("run: packseal reindex", "请运行:packseal reindex"), "%s: %s", why.where,
                      why.text);
    else
        ps_doctor_say(d, "index", PS_DOCTOR_OK, NULL,
                      ps_words("%d clips in the last %d days", "找到 %d 段录像(最近 %d 天)"), n, RATE_DAYS);
}

/* ---- how long the disk lasts */

struct future {
    uint64_t free_mb, day_mb, reserve_mb, held_mb,
        stuck_mb; /* stuck: no rule will remove it, and nobody holds it */
    struct ps_outlook o;
    char refuses_on[16]; /* "2027-03-04", "" never */
};

static uint64_t mb_up(uint64_t bytes) {
    return (bytes + (1u << 20) - 1) >> 20;
}

static bool look_ahead(struct ps_doctor *d, struct future *f, int64_t now_ns, uint64_t free_bytes) {
    struct ps_outlook_stock *s = NULL;
    struct ps_token token;
    struct ps_why why = {0};
    uint64_t disk = 0;
    int64_t token_ns = 0;
    if (!d->configured || ps_store_disk_bytes(d->root, &disk) < 0 ||
        ps_outlook_stock_take(&s, &d->config, d->root, now_ns, &why) < 0)
        return false;
    if (ps_tokens_newest(d->root, NULL, NULL, &token, NULL) == 0) {
        token_ns = token.time.time_ns;
        ps_tokens_free(&token);
    }
    uint64_t rate = ps_outlook_stock_rate(s);
    ps_outlook_reckon(&f->o, s, &d->config, ps_retention_clock_is_sure(&d->config, token_ns, now_ns), rate,
                      free_bytes, disk);
    f->day_mb = mb_up(rate);
    f->reserve_mb = ps_retention_reserve(&d->config, disk) >> 20;
    f->held_mb = mb_up(ps_outlook_stock_kept(s, PS_RETENTION_HELD));
    f->stuck_mb = mb_up(ps_outlook_stock_kept(s, PS_RETENTION_UNKNOWN) +
                        ps_outlook_stock_kept(s, PS_RETENTION_UNARCHIVED));
    ps_outlook_stock_free(s);
    if (f->o.refuses != PS_OUTLOOK_NEVER) {
        struct tm tm;
        time_t then = (time_t)(now_ns / 1000000000) + (time_t)f->o.refuses * DAY_SECONDS;
        if (localtime_r(&then, &tm) != NULL)
            strftime(f->refuses_on, sizeof(f->refuses_on), "%Y-%m-%d", &tm);
    }
    return rate > 0;
}

static json_t *facts_of(const struct future *f) {
    bool keeps = f->o.keeps != PS_OUTLOOK_NEVER, refuses = f->o.refuses != PS_OUTLOOK_NEVER;
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "free_mb", (json_int_t)f->free_mb, "day_mb",
                     (json_int_t)f->day_mb, "reserve_mb", (json_int_t)f->reserve_mb, "held_mb",
                     (json_int_t)f->held_mb, "stuck_mb", (json_int_t)f->stuck_mb, "keeps_days",
                     keeps ? (json_int_t)f->o.keeps : -1, "refuses_days",
                     refuses ? (json_int_t)f->o.refuses : -1, "refuses_on", f->refuses_on);
}

/* "clips are kept about 46 days; held ones take 12 MB; the disk refuses no clip" */
static void put_future(struct ps_buf *b, const struct future *f) {
    ps_buf_fmt(
        b,
        ps_words("%" PRIu64 " MB free, %" PRIu64 " MB a day: ", "余 %" PRIu64 " MB,每天约 %" PRIu64 " MB:"),
        f->free_mb, f->day_mb);
    if (f->o.keeps != PS_OUTLOOK_NEVER)
        ps_buf_fmt(b, ps_words("clips are kept about %u days", "录像约可保留 %u 天"), f->o.keeps);
    else if (f->o.refuses != PS_OUTLOOK_NEVER)
        ps_buf_text(b, ps_words("no clip is removed before the disk is full", "磁盘写满前没有可删除的录像"));
    else
        ps_buf_text(b, ps_words("clips are kept more than ten years", "录像可保留十年以上"));
    if (f->held_mb > 0)
        ps_buf_fmt(b, ps_words("; held clips take %" PRIu64 " MB", ";留存的录像占 %" PRIu64 " MB"),
                   f->held_mb);
    if (f->stuck_mb > 0)
        ps_buf_fmt(b,
                   ps_words("; %" PRIu64 " MB are not in this ledger or not copied elsewhere, and stay",
                            ";%" PRIu64 " MB 不在本账本或尚未归档,不会删除"),
                   f->stuck_mb);
    if (f->o.refuses == PS_OUTLOOK_NEVER)
        ps_buf_text(b,
                    ps_words("; at this rate the disk never refuses a clip", ";按此用量不会因磁盘拒绝录像"));
    else
        ps_buf_fmt(b, ps_words("; at this rate the disk refuses clips on %s", ";按此用量将于 %s 起拒绝录像"),
                   f->refuses_on);
    ps_buf_u8(b, 0);
}

static void say_future(struct ps_doctor *d, const struct future *f) {
    struct ps_buf b;
    const char *todo = ps_words("make room, release holds or lower min_days; see: packseal prune --dry-run",
                                "请腾出空间、解除留存或减小 min_days;参见:packseal prune --dry-run");
    enum ps_doctor_state state = f->o.refuses < SOON_DAYS                                 ? PS_DOCTOR_MEND
                                 : f->o.refuses < AHEAD_DAYS || f->o.runs_low < SOON_DAYS ? PS_DOCTOR_NOTE
                                                                                          : PS_DOCTOR_OK;
    ps_buf_init(&b, 900);
    put_future(&b, f);
    if (b.err == 0)
        ps_doctor_say(d, "disk", state, state == PS_DOCTOR_OK ? NULL : todo, "%s", (const char *)b.p);
    ps_buf_free(&b);
}

void ps_doctor_disk(struct ps_doctor *d) {
    struct future f = {.free_mb = 0};
    struct timespec now;
    uint64_t free_bytes = 0, least = d->configured ? d->config.min_free_mb : 0;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t now_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    check_index(d, now_ns);
    if (ps_store_free_bytes(d->root, &free_bytes) < 0) {
        ps_doctor_say(d, "disk", PS_DOCTOR_MEND, NULL, "%s: %s", d->root, strerrordesc_np(errno));
        return;
    }
    f.free_mb = free_bytes >> 20;
    bool tells = look_ahead(d, &f, now_ns, free_bytes);
    if (tells && d->json)
        d->facts = facts_of(&f);
    if (f.free_mb < least)
        ps_doctor_say(
            d, "disk", PS_DOCTOR_MEND, ps_words("make room", "请腾出空间"),
            ps_words("%" PRIu64 " MB free, recording needs %" PRIu64, "余 %" PRIu64 " MB,录像需要 %" PRIu64),
            f.free_mb, least);
    else if (!tells)
        ps_doctor_say(d, "disk", PS_DOCTOR_OK, NULL,
                      ps_words("%" PRIu64 " MB free; too little was recorded to tell how long that lasts",
                               "余 %" PRIu64 " MB;录像太少,无法推算可用多久"),
                      f.free_mb);
    else
        say_future(d, &f);
}
