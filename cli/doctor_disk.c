/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/index.h"
#include "archive/store.h"
#include "cli/doctor.h"
#include "cli/words.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define RATE_DAYS 7      /* the recent rate of writing is that of the last week */
#define RATE_CLIPS 20000 /* and of so many clips at most */

struct rate {
    const char *root;
    uint64_t bytes;
    int64_t first_ns;
};

static int weigh(void *ctx, const struct ps_index_row *r) {
    struct rate *rate = ctx;
    char path[PS_ROOT_PATH + 256];
    struct stat st;
    for (const char *t = r->tracks; *t != '\0';) {
        const char *end = strchrnul(t, '\n');
        snprintf(path, sizeof(path), "%s/%s/%.*s", rate->root, r->path, (int)(end - t), t);
        if (stat(path, &st) == 0)
            rate->bytes += (uint64_t)st.st_size;
        t = *end == '\n' ? end + 1 : end;
    }
    if (r->started_ns < rate->first_ns)
        rate->first_ns = r->started_ns;
    return 0;
}

/* Bytes a day over the last week; 0 when there is too little to tell by. */
static uint64_t recent_rate(struct ps_doctor *d) {
    struct ps_why why = {0};
    struct ps_index *x = NULL;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t now_ns = (int64_t)now.tv_sec * 1000000000, day = INT64_C(86400) * 1000000000;
    int rc = ps_index_open(&x, d->root, false, &why);
    if (rc < 0) {
        ps_doctor_say(d, "index", rc == PS_ENOENT ? PS_DOCTOR_NOTE : PS_DOCTOR_MEND,
                      ps_words("run: packseal reindex", "请运行:packseal reindex"), "%s: %s", why.where,
                      why.text);
        return 0;
    }
    struct rate rate = {.root = d->root, .first_ns = now_ns};
    struct ps_index_query q = {.from_ns = now_ns - RATE_DAYS * day, .to_ns = INT64_MAX, .limit = RATE_CLIPS};
    int n = ps_index_find(x, &q, weigh, &rate, &why);
    ps_index_close(x);
    if (n < 0) {
        ps_doctor_say(d, "index", PS_DOCTOR_MEND,
                      ps_words("run: packseal reindex", "请运行:packseal reindex"), "%s: %s", why.where,
                      why.text);
        return 0;
    }
    ps_doctor_say(d, "index", PS_DOCTOR_OK, NULL,
                  ps_words("%d clips in the last %d days", "找到 %d 段录像(最近 %d 天)"), n, RATE_DAYS);
    int64_t days = (now_ns - rate.first_ns + day - 1) / day;
    return n > 0 ? rate.bytes / (uint64_t)(days > 0 ? days : 1) : 0;
}

void ps_doctor_disk(struct ps_doctor *d) {
    uint64_t free_bytes = 0, rate = recent_rate(d);
    const char *todo = ps_words("make room", "请腾出空间");
    if (ps_store_free_bytes(d->root, &free_bytes) < 0) {
        ps_doctor_say(d, "disk", PS_DOCTOR_MEND, NULL, "%s: %s", d->root, strerrordesc_np(errno));
        return;
    }
    uint64_t mb = free_bytes >> 20, least = d->configured ? d->config.min_free_mb : 0;
    if (mb < least)
        ps_doctor_say(
            d, "disk", PS_DOCTOR_MEND, todo,
            ps_words("%" PRIu64 " MB free, recording needs %" PRIu64, "余 %" PRIu64 " MB,录像需要 %" PRIu64),
            mb, least);
    else if (rate == 0)
        ps_doctor_say(d, "disk", PS_DOCTOR_OK, NULL, ps_words("%" PRIu64 " MB free", "余 %" PRIu64 " MB"),
                      mb);
    else {
        uint64_t days = (free_bytes - (least << 20)) / rate;
        if (days > 3650) { /* nobody plans so far, and the rate is a guess by then */
            ps_doctor_say(d, "disk", PS_DOCTOR_OK, NULL,
                          ps_words("%" PRIu64 " MB free, more than ten years at the recent rate",
                                   "余 %" PRIu64 " MB,按近期用量可用十年以上"),
                          mb);
            return;
        }
        ps_doctor_say(d, "disk", days < 7 ? PS_DOCTOR_NOTE : PS_DOCTOR_OK, days < 7 ? todo : NULL,
                      ps_words("%" PRIu64 " MB free, %" PRIu64 " days at the recent rate of %" PRIu64
                               " MB a day",
                               "余 %" PRIu64 " MB,按近期每天用量还可用 %" PRIu64 " 天(每天 %" PRIu64 " MB)"),
                      mb, days, rate >> 20);
    }
}
