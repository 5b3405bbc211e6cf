/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/prune.h"
#include "archive/holds.h"
#include "archive/index.h"
#include "archive/links.h"
#include "archive/store.h"
#include "archive/tokens.h"
#include "cli/appending.h"
#include "cli/ledger.h"
#include "evidence/sha256.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NS INT64_C(1000000000)
#define DAY_NS (86400 * NS)
#define HOLD_TRIES 100  /* of a tenth of a second */
#define UNHURRIED 20    /* removals at once; then ten a second: the signer has a recording to serve */
#define FAILURES_MOST 3 /* one after the other */

static const struct timespec tenth = {.tv_nsec = 100000000};

struct work {
    const struct ps_prune_ask *ask;
    struct ps_prune_sum *sum;
    struct ps_retention_ledger *ledger;
    struct ps_retention_copies *copies;
    uint64_t stamped; /* entries below this one have a time from outside */
    uint64_t free_at_start;
    int64_t now_ns;
    int signer; /* -1: not connected */
    unsigned failures;
    struct ps_why *why;
};

/* A clip that may have to go. */
struct subject {
    const char *path, *name;
    struct ps_clip *clip;
    uint8_t digest[32];
    const struct ps_retention_entry *entry; /* NULL: the ledger does not know these bytes */
    uint64_t bytes;
};

static void tell(struct work *w, enum ps_prune_did did, const struct subject *s, const char *reason,
                 uint64_t entry, const struct ps_why *why) {
    const struct ps_prune_told told = {.did = did,
                                       .clip = s->name,
                                       .reason = reason,
                                       .ended_ns = s->clip != NULL ? s->clip->ended.wall_ns : 0,
                                       .bytes = s->bytes,
                                       .entry = entry,
                                       .why = why};
    if (did == PS_PRUNE_REMOVED || did == PS_PRUNE_WOULD) {
        w->sum->removed++;
        w->sum->freed += s->bytes;
        w->failures = 0;
    }
    if (did == PS_PRUNE_FAILED) {
        w->sum->failed++;
        w->failures++;
    }
    w->ask->tell(w->ask->ctx, &told);
}

/* ---- reading */

static int read_subject(const struct work *w, struct subject *s, struct ps_why *why) {
    char path[PS_ROOT_PATH];
    uint8_t *text = NULL;
    size_t n = 0;
    int dir = ps_root_path(w->ask->root, s->path, path) < 0
                  ? -1
                  : open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0)
        return ps_error_why(why, PS_ENOENT, s->path, "cannot be opened");
    int rc = ps_store_read_file(dir, "clip.json", PS_MAX_STATEMENT, &text, &n, why);
    close(dir);
    if (rc == 0)
        rc = ps_statement_parse(&s->clip, text, n, why);
    if (rc == 0) {
        ps_sha256(s->digest, text, n);
        s->entry = ps_retention_ledger_clip(w->ledger, s->clip->number);
        if (s->entry != NULL && memcmp(s->entry->digest, s->digest, sizeof(s->digest)) != 0)
            s->entry = NULL;
    }
    free(text);
    s->bytes = ps_removal_weigh(w->ask->root, s->path);
    return rc;
}

/* What the file system says may lag behind what was removed; the sum does not. */
static uint64_t room(const struct work *w) {
    uint64_t now = 0, reckoned = w->free_at_start + w->sum->freed;
    if (w->ask->dry_run || ps_store_free_bytes(w->ask->root, &now) < 0)
        return reckoned;
    return now > reckoned ? now : reckoned;
}

static bool is_short(const struct work *w) {
    return room(w) < w->sum->reserve;
}

/* ---- one removal */

/* The ledger's entry first. A clip whose entry is there already keeps that one. */
static int enter(struct work *w, const struct subject *s, uint8_t reason, struct ps_removal *r,
                 struct ps_why *why) {
    struct ps_wire_append ask = {
        .type = PS_LEAF_TOMBSTONE, .subject = s->entry->clip, .extra_len = 1, .extra = {reason}};
    struct ps_wire_appended got;
    memcpy(ask.digest, s->digest, sizeof(ask.digest));
    if (w->signer < 0)
        w->signer = ps_appending_open(w->ask->root, why);
    if (w->signer < 0)
        return w->signer;
    int rc = ps_appending_ask(w->signer, &ask, &got, why);
    if (rc < 0)
        return rc;
    if (ps_removal_of_leaf(r, s->name, got.leaf, got.leaf_len) < 0 || r->leaf.index != got.index ||
        r->leaf.subject != ask.subject || memcmp(r->leaf.digest, ask.digest, sizeof(ask.digest)) != 0)
        return ps_error_why(why, PS_ESIG, "signer", "answered with a leaf of something else");
    return 0;
}

/* Between the look for a hold and the renamed folder nobody holds or releases. */
static int take_aside(struct work *w, const struct subject *s, uint8_t reason, struct ps_removal *r,
                      char aside[PS_REMOVAL_ASIDE], struct ps_why *why) {
    struct ps_hold h;
    uint8_t leaf[PS_MAX_LEAF];
    int lock = ps_holds_lock(w->ask->root, why), rc;
    for (int i = 0; lock == PS_EBUSY && i < HOLD_TRIES; i++) {
        nanosleep(&tenth, NULL);
        lock = ps_holds_lock(w->ask->root, why);
    }
    if (lock < 0)
        return lock;
    if (s->entry->tomb != 0) { /* cut off before: no hold undoes what the ledger says */
        int n = ps_retention_ledger_tomb(w->ledger, s->entry, leaf);
        rc = n < 0 ? n : ps_removal_of_leaf(r, s->name, leaf, (size_t)n);
        if (rc < 0)
            ps_error_why(why, rc, "ledger", "its tombstone cannot be read back");
    } else if (ps_holds_get(w->ask->root, s->name, &h) != PS_ENOENT) {
        rc = ps_error_why(why, PS_EPERM, s->name, "is held");
    } else {
        rc = enter(w, s, reason, r, why);
    }
    if (rc == 0)
        rc = ps_removal_aside(w->ask->root, s->path, aside, why);
    close(lock);
    return rc;
}

/* The index is a cache: what it misses, reindex finds. It is brought up to date before the folder has its place, so that a
 * removal that is finished later does so again. */
static int clear(const struct work *w, const char *aside, const struct subject *s, const struct ps_removal *r,
                 struct ps_why *why) {
    char clip[40], place[PS_ROOT_PATH], now[PS_ROOT_PATH], from[PS_ROOT_PATH];
    struct ps_index *x = NULL;
    int rc = ps_removal_clear(w->ask->root, aside, r, why);
    if (rc == 0 && r->leaf.extra[0] ==
                       PS_TOMBSTONE_ERASURE) /* numbers that were learned later are of that person, too */
        rc = ps_links_drop(w->ask->root, r->clip, why);
    if (rc < 0)
        return rc;
    rc = ps_removal_names(aside, clip, place, now);
    snprintf(from, sizeof(from), PS_ROOT_CLIPS "%s", place + strlen(PS_ROOT_REMOVED));
    if (rc == 0 && (rc = ps_index_open(&x, w->ask->root, true, why)) == 0) {
        const struct ps_clip *left = r->leaf.extra[0] == PS_TOMBSTONE_ERASURE ? NULL : s->clip;
        rc = ps_index_moved(x, left, from, place);
        if (rc < 0)
            ps_error_why(why, rc, PS_ROOT_INDEX, "%s", ps_error_text(rc));
    }
    ps_index_close(x);
    return rc < 0 ? rc : ps_removal_settle(w->ask->root, aside, why);
}

static void remove_one(struct work *w, const struct subject *s, uint8_t reason) {
    struct ps_removal r = {.n = 0};
    struct ps_why why = {0};
    char aside[PS_REMOVAL_ASIDE];
    if (w->ask->dry_run) {
        tell(w, PS_PRUNE_WOULD, s, ps_removal_reason(reason), 0, NULL);
        return;
    }
    snprintf(r.text, sizeof(r.text), "%s", w->ask->text != NULL ? w->ask->text : "");
    int rc = take_aside(w, s, reason, &r, aside, &why);
    if (rc == 0)
        rc = clear(w, aside, s, &r, &why);
    if (rc == 0)
        tell(w, PS_PRUNE_REMOVED, s, ps_removal_reason(r.leaf.extra[0]), r.leaf.index, NULL);
    else
        tell(w, PS_PRUNE_FAILED, s, ps_removal_reason(reason), 0, &why);
    if (w->sum->removed > UNHURRIED)
        nanosleep(&tenth, NULL);
}

/* ---- what an earlier run left */

/* Its tombstone: as it was noted down, else from the ledger; else the signer is asked again, for what was entered a moment
 * ago is in no checkpoint yet, and it answers as it did then. */
static int tombstone_of(struct work *w, const struct subject *s, struct ps_removal *r, struct ps_why *why) {
    uint8_t leaf[PS_MAX_LEAF];
    if (ps_removal_read(w->ask->root, s->path, r, why) == 0 && strcmp(r->clip, s->name) == 0)
        return 0;
    *r = (struct ps_removal){.n = 0};
    const struct ps_retention_entry *e =
        ps_retention_ledger_clip(w->ledger, strtoull(strrchr(s->name, '-') + 1, NULL, 10));
    int n = e == NULL ? PS_ENOENT : ps_retention_ledger_tomb(w->ledger, e, leaf);
    if (n >= 0 && ps_removal_of_leaf(r, s->name, leaf, (size_t)n) == 0)
        return 0;
    return s->entry != NULL ? enter(w, s, PS_TOMBSTONE_RETENTION, r, why)
                            : ps_error_why(why, PS_ENOENT, s->name, "the ledger has no tombstone of it");
}

static int finish(void *ctx, const char *aside) {
    struct work *w = ctx;
    char clip[40], place[PS_ROOT_PATH], now[PS_ROOT_PATH];
    struct ps_removal r = {.n = 0};
    struct ps_why why = {0};
    if (ps_removal_names(aside, clip, place, now) < 0)
        return 0;
    struct subject s = {.path = now, .name = clip};
    (void)read_subject(w, &s,
                       NULL); /* after an erasure there is none, and then nothing goes into the index */
    int rc = tombstone_of(w, &s, &r, &why);
    if (rc == 0)
        rc = clear(w, aside, &s, &r, &why);
    if (rc == 0)
        tell(w, PS_PRUNE_REMOVED, &s, ps_removal_reason(r.leaf.extra[0]), r.leaf.index, NULL);
    else
        tell(w, PS_PRUNE_FAILED, &s, "?", 0, &why);
    ps_statement_free(s.clip);
    return 0;
}

/* ---- by the rules */

static int64_t day_of(const char *path) {
    struct tm tm = {.tm_isdst = 0};
    if (strptime(path + strlen(PS_ROOT_CLIPS) + 1, "%Y/%m/%d", &tm) == NULL)
        return INT64_MAX;
    return (int64_t)timegm(&tm) * NS;
}

/* Most clips are known to be too young by their day, without a look into their folder. */
static bool may_be_due(const struct work *w, const char *path, bool need_room) {
    const struct ps_config *c = w->ask->config;
    int64_t day = day_of(path), age = day > w->now_ns ? 0 : w->now_ns - day;
    return (w->sum->by_age && c->days > 0 && age >= (int64_t)c->days * DAY_NS) ||
           (need_room && age >= (int64_t)c->min_days * DAY_NS);
}

static void judge(struct work *w, const struct subject *s, bool need_room) {
    struct ps_hold h;
    const struct ps_retention_clip facts = {
        .age_ns = w->now_ns - s->clip->ended.wall_ns,
        .held = ps_holds_get(w->ask->root, s->name, &h) != PS_ENOENT,
        .known = s->entry != NULL,
        .stamped = s->entry != NULL && s->entry->seal < w->stamped,
        .archived = w->copies != NULL && ps_retention_copies_have(w->copies, s->clip, s->digest)};
    enum ps_retention_word word = ps_retention_judge(w->ask->config, w->sum->by_age, need_room, &facts);
    w->sum->kept[word]++;
    if (word == PS_RETENTION_DAYS || word == PS_RETENTION_SPACE)
        remove_one(w, s, word == PS_RETENTION_DAYS ? PS_TOMBSTONE_RETENTION : PS_TOMBSTONE_SPACE);
    else if (word != PS_RETENTION_YOUNG)
        tell(w, PS_PRUNE_KEPT, s, ps_retention_word(word), 0, NULL);
}

static int consider(void *ctx, const char *path, const char *name) {
    struct work *w = ctx;
    struct ps_why why = {0};
    struct subject s = {.path = path, .name = name};
    const struct ps_retention_entry *e =
        ps_retention_ledger_clip(w->ledger, strtoull(strrchr(name, '-') + 1, NULL, 10));
    bool need_room = is_short(w), cut_off = e != NULL && e->tomb != 0;
    if (!cut_off && !may_be_due(w, path, need_room))
        return 0;
    if (read_subject(w, &s, &why) < 0)
        tell(w, PS_PRUNE_KEPT, &s, ps_retention_word(PS_RETENTION_UNKNOWN), 0, &why);
    else if (s.entry != NULL && s.entry->tomb != 0)
        remove_one(w, &s, PS_TOMBSTONE_RETENTION);
    else
        judge(w, &s, need_room);
    ps_statement_free(s.clip);
    return w->failures < FAILURES_MOST ? 0 : 1;
}

/* ---- by hand */

static int remove_named(struct work *w) {
    for (unsigned i = 0; i < w->ask->n && w->failures < FAILURES_MOST; i++) {
        const char *path = w->ask->paths[i];
        struct ps_why why = {0};
        struct ps_hold h;
        struct subject s = {.path = path, .name = strrchr(path, '/') + 1};
        if (read_subject(w, &s, &why) < 0)
            tell(w, PS_PRUNE_FAILED, &s, ps_removal_reason(w->ask->reason), 0, &why);
        else if (s.entry == NULL)
            tell(w, PS_PRUNE_KEPT, &s, ps_retention_word(PS_RETENTION_UNKNOWN), 0, NULL);
        else if (ps_holds_get(w->ask->root, s.name, &h) != PS_ENOENT)
            tell(w, PS_PRUNE_KEPT, &s, ps_retention_word(PS_RETENTION_HELD), 0, NULL);
        else
            remove_one(w, &s, w->ask->reason);
        ps_statement_free(s.clip);
    }
    return 0;
}

/* ---- before */

static int read_times(struct work *w) {
    char path[PS_ROOT_PATH];
    struct ps_vkey key;
    struct ps_token token;
    struct timespec now;
    int64_t token_ns = 0;
    clock_gettime(CLOCK_REALTIME, &now);
    w->now_ns = (int64_t)now.tv_sec * NS + now.tv_nsec;
    int rc = ps_root_path(w->ask->root, PS_ROOT_PUBLIC "/log.vkey", path);
    if (rc == 0)
        rc = ps_ledger_key(path, &key);
    if (rc < 0)
        return ps_error_why(w->why, rc, PS_ROOT_PUBLIC "/log.vkey", "%s", ps_error_text(rc));
    if (ps_tokens_newest(w->ask->root, key.name, NULL, &token, NULL) == 0) {
        w->stamped = token.entry.size;
        token_ns = token.time.time_ns;
        ps_tokens_free(&token);
    }
    w->sum->by_age =
        w->ask->config->days > 0 && ps_retention_clock_is_sure(w->ask->config, token_ns, w->now_ns);
    return 0;
}

static int prepare(struct work *w) {
    const struct ps_config *c = w->ask->config;
    char list[PS_ROOT_PATH];
    uint64_t disk = 0;
    if (ps_store_free_bytes(w->ask->root, &w->free_at_start) < 0 ||
        ps_store_disk_bytes(w->ask->root, &disk) < 0)
        return ps_error_why(w->why, PS_EIO, w->ask->root, "the disk does not tell its room");
    w->sum->reserve = ps_retention_reserve(c, disk);
    int rc = ps_retention_ledger_open(&w->ledger, w->ask->root, w->why);
    if (rc == 0)
        rc = read_times(w);
    if (rc < 0 || c->archive_list[0] == '\0')
        return rc;
    rc = c->archive_list[0] == '/' ? 0 : ps_root_path(w->ask->root, c->archive_list, list);
    return rc < 0 ? ps_error_why(w->why, rc, c->archive_list, "the path is too long")
                  : ps_retention_copies_open(&w->copies, c->archive_list[0] == '/' ? c->archive_list : list,
                                             w->why);
}

int ps_prune(const struct ps_prune_ask *ask, struct ps_prune_sum *sum, struct ps_why *why) {
    struct work w = {.ask = ask, .sum = sum, .signer = -1, .why = why};
    *sum = (struct ps_prune_sum){.removed = 0};
    int lock = ask->dry_run ? -1 : ps_removal_lock(ask->root, why);
    if (lock < 0 && !ask->dry_run)
        return lock;
    int rc = prepare(&w);
    if (rc == 0 && !ask->dry_run)
        rc = ps_removal_each_aside(ask->root, finish, &w);
    if (rc == 0)
        rc = ask->n > 0 ? remove_named(&w) : ps_store_each(ask->root, consider, &w);
    if (rc < 0 && why->text[0] == '\0')
        ps_error_why(why, rc, PS_ROOT_CLIPS, "%s", ps_error_text(rc));
    sum->free_bytes = room(&w);
    sum->is_short = is_short(&w);
    if (w.signer >= 0)
        close(w.signer);
    ps_retention_ledger_close(w.ledger);
    ps_retention_copies_close(w.copies);
    if (lock >= 0)
        close(lock);
    return rc < 0 ? rc : 0;
}
