/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/holds.h"
#include "archive/removal.h"
#include "archive/retention.h"
#include "archive/store.h"
#include "tests/unit/shelf.h"

#define DAY_NS (INT64_C(86400) * 1000000000)

static struct ps_why why;
static struct ps_config c;

/* ---- the judgement */

static void judged(bool by_age, bool need_room, int64_t days, struct ps_retention_clip facts,
                   enum ps_retention_word want, const char *name) {
    facts.age_ns = days * DAY_NS;
    enum ps_retention_word got = ps_retention_judge(&c, by_age, need_room, &facts);
    tap_is_str(ps_retention_word(got), ps_retention_word(want), "%s", name);
}

static void judgement(void) {
    const struct ps_retention_clip plain = {.known = true}, stamped = {.known = true, .stamped = true},
                                   held = {.known = true, .held = true, .stamped = true},
                                   strange = {.stamped = true},
                                   copied = {.known = true, .stamped = true, .archived = true};
    ps_config_default(&c);
    judged(true, false, 179, plain, PS_RETENTION_YOUNG, "before its days are over a clip is young");
    judged(true, false, 180, plain, PS_RETENTION_DAYS, "then it goes");
    judged(false, false, 9999, plain, PS_RETENTION_YOUNG, "not by a clock that nobody confirms");
    judged(true, true, 29, plain, PS_RETENTION_YOUNG, "a young one does not go for room either");
    judged(true, true, 30, plain, PS_RETENTION_SPACE, "an older one does");
    judged(true, false, 30, plain, PS_RETENTION_YOUNG, "when there is need");
    judged(true, true, 180, plain, PS_RETENTION_DAYS, "of two reasons the days are told");
    judged(true, true, 999, held, PS_RETENTION_HELD, "a held one never goes");
    judged(true, true, 999, strange, PS_RETENTION_UNKNOWN, "nor one that the ledger does not know");
    judged(true, true, -1, plain, PS_RETENTION_YOUNG, "nor one of the future");
    c.days = 0;
    judged(true, false, 99999, plain, PS_RETENTION_YOUNG, "0 days are for ever");
    judged(true, true, 31, plain, PS_RETENTION_SPACE, "but for room");
    ps_config_default(&c);
    c.n_authorities = 1;
    judged(true, false, 180, stamped, PS_RETENTION_DAYS, "with a time from outside it goes in time");
    judged(true, false, 180, plain, PS_RETENTION_UNSTAMPED, "without it waits");
    judged(true, false, 269, plain, PS_RETENTION_UNSTAMPED, "for ninety days");
    judged(true, false, 270, plain, PS_RETENTION_DAYS, "and no longer");
    judged(true, true, 119, plain, PS_RETENTION_UNSTAMPED, "for room as well");
    judged(true, true, 120, plain, PS_RETENTION_SPACE, "and no longer");
    judged(true, true, 200, plain, PS_RETENTION_SPACE, "where room is the sooner reason it is the reason");
    snprintf(c.archive_list, sizeof(c.archive_list), "copies");
    judged(true, true, 999, stamped, PS_RETENTION_UNARCHIVED, "where copies are asked for it waits for one");
    judged(true, true, 999, copied, PS_RETENTION_DAYS, "with a copy it goes");
}

static void reserves(void) {
    ps_config_default(&c);
    tap_is_uint(ps_retention_reserve(&c, UINT64_C(1000) << 30), UINT64_C(50) << 30,
                "a twentieth of a large disk");
    tap_is_uint(ps_retention_reserve(&c, UINT64_C(16) << 30), UINT64_C(2048) << 20, "2 GiB of a small one");
    c.min_free_mb = 4096;
    tap_is_uint(ps_retention_reserve(&c, UINT64_C(16) << 30), UINT64_C(4096) << 20,
                "and never less than recording needs");
}

/* ---- copies elsewhere */

static void put_line(FILE *f, const uint8_t digest[32], const char *rest) {
    for (int i = 0; i < 32; i++)
        fprintf(f, "%02x", digest[i]);
    fprintf(f, "%s\n", rest);
}

static void copies(void) {
    struct ps_retention_copies *l = NULL;
    struct sample *s = shelf_sample(5, SAMPLE_WALL_NS, "SF1");
    const struct ps_clip *k = &s->clip;
    uint8_t statement[32] = {0xAB};
    char path[PS_ROOT_PATH], long_name[5000];
    snprintf(path, sizeof(path), "%s", shelf_path("copies"));
    FILE *f = fopen(path, "w");
    put_line(f, statement, "  a name");
    fputs("# a remark\nabc\n", f);
    for (uint32_t i = 0; i < k->n_tracks; i++)
        put_line(f, k->tracks[i].file.sha256, " *film");
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    long_name[0] = long_name[1] = ' ';
    for (uint32_t i = 0; i < k->n_originals; i++)
        put_line(f, k->originals[i].file.sha256, long_name);
    fclose(f);
    tap_is_int(ps_retention_copies_open(&l, path, &why), 0, "a list of digests is read");
    tap_ok(ps_retention_copies_have(l, k, statement), "all of a clip's files are in it");
    tap_ok(k->n_tracks > 0, "of which it has some");
    s->clip.tracks[0].file.sha256[31] ^= 1;
    tap_ok(!ps_retention_copies_have(l, k, statement), "a film that is another is not");
    s->clip.tracks[0].file.sha256[31] ^= 1;
    statement[0] ^= 1;
    tap_ok(!ps_retention_copies_have(l, k, statement), "nor another statement");
    ps_retention_copies_close(l);
    tap_is_int(ps_retention_copies_open(&l, shelf_path("nowhere"), &why), PS_ENOENT,
               "a missing list is told");
    free(s);
}

/* ---- holds */

static int count(void *ctx, const struct ps_hold *h) {
    (void)h;
    ++*(int *)ctx;
    return 0;
}

static void holds(void) {
    struct ps_hold h = {.clip = "ST03-0000021", .since_ns = SAMPLE_WALL_NS, .note = "\"a\" 客诉"}, got;
    char path[PS_ROOT_PATH];
    int n = 0;
    struct sample *s = shelf_sample(21, SAMPLE_WALL_NS, "SF21");
    tap_is_int(shelf_publish(s, 100, path, &why), 0, "a clip");
    free(s);
    int lock = ps_holds_lock(shelf_root, &why);
    tap_ok(lock >= 0, "the lock is taken");
    tap_is_int(ps_holds_lock(shelf_root, &why), PS_EBUSY, "by one at a time");
    tap_is_int(ps_holds_get(shelf_root, h.clip, &got), PS_ENOENT, "nothing is held");
    tap_is_int(ps_holds_put(shelf_root, &h, &why), 0, "the clip is held");
    tap_ok(ps_holds_get(shelf_root, h.clip, &got) == 0 && strcmp(got.note, h.note) == 0 &&
               got.since_ns == h.since_ns,
           "with its note");
    snprintf(h.note, sizeof(h.note), "other");
    tap_is_int(ps_holds_put(shelf_root, &h, &why), 0, "once more");
    tap_ok(ps_holds_get(shelf_root, h.clip, &got) == 0 && strcmp(got.note, "other") == 0,
           "with another note");
    int fd = open(shelf_path("holds/ST03-0000021"), O_WRONLY | O_TRUNC);
    tap_ok(close(fd) == 0 && ps_holds_get(shelf_root, h.clip, &got) == 0 && got.note[0] == '\0',
           "an empty file holds as well");
    tap_ok(ps_holds_each(shelf_root, count, &n) == 0 && n == 1, "and is listed");
    tap_is_int(ps_holds_drop(shelf_root, h.clip, &why), 0, "released");
    tap_is_int(ps_holds_drop(shelf_root, h.clip, &why), PS_ENOENT, "once");
    snprintf(h.clip, sizeof(h.clip), "ST03-0000099");
    tap_is_int(ps_holds_put(shelf_root, &h, &why), PS_ENOENT, "a clip that is not there is not held");
    snprintf(h.clip, sizeof(h.clip), "../x-0000099");
    tap_is_int(ps_holds_put(shelf_root, &h, &why), PS_EINVAL, "nor is a path");
    tap_is_int(ps_holds_drop(shelf_root, "../clips", &why), PS_EINVAL, "or released");
    close(lock);
}

/* ---- removing */

static void tombstone(struct ps_removal *r, uint8_t reason) {
    struct ps_leaf leaf = {.type = PS_LEAF_TOMBSTONE,
                           .index = 77,
                           .subject = 21,
                           .wall_ns = SAMPLE_WALL_NS,
                           .digest = {1},
                           .extra_len = 1,
                           .extra = {reason}};
    uint8_t bytes[PS_MAX_LEAF];
    int n = ps_leaf_encode(&leaf, bytes);
    *r = (struct ps_removal){.text = "why \"not\""};
    tap_is_int(ps_removal_of_leaf(r, "ST03-0000021", bytes, (size_t)n), 0, "a tombstone");
}

static int first(void *ctx, const char *aside) {
    snprintf(ctx, PS_REMOVAL_ASIDE, "%s", aside);
    return 1;
}

static void removing(void) {
    struct ps_removal r, got;
    char aside[PS_REMOVAL_ASIDE], again[PS_REMOVAL_ASIDE] = "", clip[40], place[PS_ROOT_PATH],
                                  now[PS_ROOT_PATH];
    static const char path[] = "clips/2026/11/21/ST03-0000021";
    tombstone(&r, PS_TOMBSTONE_SPACE);
    int lock = ps_removal_lock(shelf_root, &why);
    tap_ok(lock >= 0, "the lock is taken");
    tap_is_int(ps_removal_lock(shelf_root, &why), PS_EBUSY, "by one at a time");
    tap_is_int(ps_removal_aside(shelf_root, "clips/../x/ST03-0000021", aside, &why), PS_EINVAL,
               "a path is looked at before it is renamed");
    tap_ok(ps_removal_weigh(shelf_root, path) > 0, "a clip takes room");
    tap_is_int(ps_removal_aside(shelf_root, path, aside, &why), 0, "a clip is put aside");
    tap_is_str(aside, "2026-11-21-ST03-0000021", "under a name that tells its place");
    tap_ok(access(shelf_path(path), F_OK) != 0, "it is no clip any more");
    tap_ok(ps_removal_each_aside(shelf_root, first, again) == 1 && strcmp(again, aside) == 0, "it is found");
    tap_is_int(ps_removal_names(aside, clip, place, now), 0, "its name is read");
    tap_is_str(place, "clips/.removed/2026/11/21/ST03-0000021", "and gives its place");
    int fd =
        open(shelf_path("clips/.removing/2026-11-21-ST03-0000021/removed.json"), O_WRONLY | O_CREAT, 0640);
    tap_ok(write(fd, "{\"clip\":", 8) == 8 && close(fd) == 0, "a note that was cut off");
    tap_is_int(ps_removal_clear(shelf_root, aside, &r, &why), 0, "it is cleared");
    tap_is_int(ps_removal_clear(shelf_root, aside, &r, &why), 0, "and once more");
    tap_is_int(ps_removal_settle(shelf_root, aside, &why), 0, "and put to its place");
    tap_is_int(ps_removal_read(shelf_root, place, &got, &why), 0, "where its note is read");
    tap_ok(got.leaf.index == 77 && got.leaf.extra[0] == PS_TOMBSTONE_SPACE &&
               strcmp(got.text, "why \"not\"") == 0 && got.n == r.n && memcmp(got.bytes, r.bytes, r.n) == 0,
           "as it was written");
    tap_ok(access(shelf_path("clips/.removed/2026/11/21/ST03-0000021/clip.json"), F_OK) == 0 &&
               access(shelf_path("clips/.removed/2026/11/21/ST03-0000021/originals"), F_OK) != 0,
           "the statement is there, the rest is not");
    tap_ok(ps_removal_is(place) && !ps_removal_is(path), "paths tell what is removed");
    struct ps_hold h = {.clip = "ST03-0000021"};
    tap_is_int(ps_holds_put(shelf_root, &h, &why), PS_ESTATE, "what is removed is not held any more");
    tap_is_int(ps_removal_names("2026-11-21-x", clip, place, now), PS_EINVAL, "other names are none");
    tap_is_int(ps_removal_names("2026-1/-21-ST03-0000021", clip, place, now), PS_EINVAL, "nor paths");
    close(lock);
}

int main(void) {
    umask(0077);
    shelf_make();
    judgement();
    reserves();
    copies();
    holds();
    removing();
    return tap_done();
}
