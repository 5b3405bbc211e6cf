/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the viewer decides without devices: waits after failures, hosts, ranges, times, paths, passwords, codes. */
#include "archive/viewer_code.h"
#include "archive/viewer_db.h"
#include "tests/unit/tap.h"
#include "viewer/host.h"
#include "viewer/limits.h"
#include "viewer/passwords.h"
#include "viewer/range.h"
#include "viewer/request.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void test_limits(void) {
    struct ps_limits *l = ps_limits_new();
    int64_t now = 1000000, most = 60000, sum = 0;
    for (int i = 0; i < 5; i++)
        sum += ps_limits_failed(l, "name a", 5, most, now);
    tap_is_int(sum, 0, "five failures are free");
    tap_is_int(ps_limits_failed(l, "name a", 5, most, now), 5000, "the sixth costs 5 s");
    tap_is_int(ps_limits_wait(l, "name a", now + 500), 4500, "which pass");
    tap_is_int(ps_limits_wait(l, "name a", now + 5000), 0, "and are over");
    tap_is_int(ps_limits_failed(l, "name a", 5, most, now + 5000), 10000, "the seventh costs twice that");
    bool shorter = false;
    for (int i = 0; i < 50; i++) {
        int64_t before = sum;
        sum = ps_limits_failed(l, "name a", 5, most, now);
        shorter |= i > 0 && sum < before;
    }
    tap_is_int(sum, most, "the wait grows to its greatest, and no further");
    tap_ok(!shorter, "never a shorter one in between");
    tap_is_int(ps_limits_wait(l, "name b", now), 0, "another name waits for nothing");
    tap_is_int(ps_limits_failed(l, "name a", 5, most, now + most + PS_LIMITS_FORGET_MS + 1), 0,
               "an hour without failures is forgiven");
    for (int i = 0; i < 9; i++)
        ps_limits_failed(l, "name c", 5, most, now);
    ps_limits_forget(l, "name c");
    tap_is_int(ps_limits_wait(l, "name c", now), 0, "who got in begins anew");
    for (int i = 0; i < 6; i++)
        ps_limits_failed(l, "victim", 5, 900000, now);
    for (int i = 0; i < 100000; i++) {
        char key[32];
        snprintf(key, sizeof(key), "other %d", i);
        ps_limits_failed(l, key, 5, most, now + 1);
    }
    tap_ok(ps_limits_wait(l, "victim", now + 1) > 0, "100000 others push out nobody who is locked");
    ps_limits_free(l);
}

static void test_hosts(void) {
    static const char *const good[] = {"127.0.0.1",   "127.0.0.1:8480", "[::1]:8480", "localhost",
                                       "LOCALHOST:1", "192.168.1.20",   "box",        "box.local:8480",
                                       "a.example",   "B.example:443",  "a.example.", "[fe80::1]"};
    static const char *const bad[] = {
        "",           "evil.example", "a.example.evil", "127.0.0.1.evil",   "box.evil", "[::1",
        "[::1]x",     "localhost:",   "localhost:x",    "localhost:999999", "a b",      "box.localx",
        "xa.example", "[evil]:1",     "a.example/",     "a@localhost"};
    bool all = true;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        all &= ps_host_allowed(good[i], "a.example, b.example", "box");
    tap_ok(all, "addresses, localhost, the machine's name and those that were named are hosts of ours");
    all = false;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        all |= ps_host_allowed(bad[i], "a.example, b.example", "box");
    tap_ok(!all, "no other is");
    tap_ok(!ps_host_allowed("x", "", ""), "a machine without a name has none");
    tap_ok(ps_host_same_origin("https://box:8480", "BOX:8480") &&
               !ps_host_same_origin("https://box:8481", "box:8480") && !ps_host_same_origin("null", "null") &&
               !ps_host_same_origin("box:8480", "box:8480"),
           "an origin is the same host and port");
}

static void range(const char *header, int want, uint64_t from, uint64_t n, const char *what) {
    uint64_t f = 0, m = 0;
    int got = ps_range_parse(header, 1000, &f, &m);
    tap_ok(got == want && (want != 1 || (f == from && m == n)), "%s: %s", header, what);
}

static void test_ranges(void) {
    uint64_t f, n;
    range("bytes=0-0", 1, 0, 1, "the first byte");
    range("bytes=0-", 1, 0, 1000, "all of it");
    range("bytes=999-", 1, 999, 1, "the last byte");
    range("bytes=500-5000", 1, 500, 500, "cut at the end");
    range("bytes=-1", 1, 999, 1, "the last one");
    range("bytes=-5000", 1, 0, 1000, "more than there is");
    range("BYTES= 1-2 ", 1, 1, 2, "blanks");
    range("bytes=1000-", -1, 0, 0, "behind the end");
    range("bytes=-0", -1, 0, 0, "nothing");
    range("bytes=2-1", 0, 0, 0, "backwards");
    range("bytes=0-1,3-4", 0, 0, 0, "two ranges");
    range("bytes=-", 0, 0, 0, "no number");
    range("bytes=0-99999999999999999999", 0, 0, 0, "a number too long");
    range("bytes=+1-2", 0, 0, 0, "a sign");
    range("lines=1-2", 0, 0, 0, "another unit");
    tap_is_int(ps_range_parse("bytes=0-0", 0, &f, &n), -1, "of an empty file there is no part");
    tap_ok(ps_range_has_tag("\"a\", W/\"b\"", "b") && ps_range_has_tag("*", "x") &&
               !ps_range_has_tag("\"ab\"", "b") && !ps_range_has_tag("b", "b") &&
               !ps_range_has_tag("\"b", "b"),
           "tags of a list");
}

static int64_t iso(const char *s) {
    int64_t ns = -1;
    return ps_request_iso(s, &ns) == 0 ? ns : -1;
}

static void test_times(void) {
    static const char *const bad[] = {"",
                                      "2026",
                                      "2026-13-01",
                                      "2026-02-29",
                                      "2026-1-1",
                                      "1969-12-31",
                                      "2262-01-01",
                                      "2026-11-22T",
                                      "2026-11-22T24:00Z",
                                      "2026-11-22T10:60Z",
                                      "2026-11-22Z",
                                      "2026-11-22T10:00:00.Z",
                                      "2026-11-22T10:00+8",
                                      "2026-11-22T10:00+15:00",
                                      "2026-11-22T10:00Zx"};
    tap_is_int(iso("1970-01-01T00:00Z"), 0, "the first moment");
    tap_is_int(iso("2026-11-22T08:15:30.123Z"), 1795335330123000000LL, "milliseconds, UTC");
    tap_is_int(iso("2026-11-22T16:15:30.123456789+08:00"), 1795335330123456789LL,
               "nanoseconds, Chinese time");
    tap_is_int(iso("2026-11-22T16:15:30 08:00"), 1795335330000000000LL, "a plus that nobody escaped");
    tap_is_int(iso("2024-02-29T00:00:00Z"), 1709164800000000000LL, "a leap day");
    setenv("TZ", "Asia/Shanghai", 1);
    tzset();
    tap_is_int(iso("2026-11-22"), 1795276800000000000LL, "a bare day begins at local midnight");
    bool any = false;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        any |= iso(bad[i]) != -1;
    tap_ok(!any, "what is no time is none");
}

static void test_targets(void) {
    static struct ps_request r;
    char path[PS_REQUEST_PATH], arg[PS_REQUEST_ARGS][PS_REQUEST_ARG], out[64];
    int64_t v = 7;
    tap_is_int(ps_request_target(&r, path, "/clips/a?number=SF%2b1+2&page=3&tag=%E7%A0%B4"), 0, "a target");
    tap_is_str(path, "/clips/a", "its path");
    tap_is_str(ps_request_query(&r, "number"), "SF+1 2", "a value, decoded");
    tap_is_str(ps_request_query(&r, "tag"), "破", "UTF-8");
    tap_ok(ps_request_number(&r, "page", 1, 9, &v) == 1 && v == 3 &&
               ps_request_number(&r, "page", 4, 9, &v) < 0 && ps_request_number(&r, "limit", 1, 9, &v) == 0 &&
               ps_request_number(&r, "number", 1, 9, &v) < 0,
           "numbers within bounds");
    tap_ok(ps_request_match("/a/{x}/b/{y}", "/a/1/b/2", arg) && strcmp(arg[1], "2") == 0 &&
               !ps_request_match("/a/{x}/b", "/a//b", arg) && !ps_request_match("/a/{x}", "/a/1/2", arg) &&
               !ps_request_match("/a", "/a/", arg),
           "patterns match whole segments");
    tap_ok(ps_request_cookie("a=1; packseal=abc_-9 ; b=2", "packseal", out, sizeof(out)) &&
               strcmp(out, "abc_-9") == 0 &&
               !ps_request_cookie("xpackseal=abc", "packseal", out, sizeof(out)) &&
               !ps_request_cookie("packseal=a; packseal=b", "packseal", out, sizeof(out)) &&
               !ps_request_cookie("packseal=\"a\"", "packseal", out, sizeof(out)),
           "one cookie of that name");
}

static void test_passwords(void) {
    char hash[PS_VIEWER_DB_HASH];
    tap_ok(ps_passwords_weak("anna", "123456789") != NULL &&
               ps_passwords_weak("anna", "annaannaanna") != NULL &&
               ps_passwords_weak("anna", "Anna!Anna!") != NULL &&
               ps_passwords_weak("anna", "zzzzzzzzzz") != NULL,
           "weak ones");
    tap_ok(ps_passwords_weak("anna", "korrektes pferd") == NULL &&
               ps_passwords_weak("anna", "十个汉字作为口令没问题") == NULL &&
               ps_passwords_weak("ann", "annual budget 7") == NULL,
           "fit ones");
    tap_ok(ps_passwords_weak("anna", "汉字汉字汉") != NULL, "characters are counted, not bytes");
    tap_ok(ps_passwords_init() == 0 && ps_passwords_hash("korrektes pferd", hash) == 0, "one is hashed");
    tap_ok(strncmp(hash, "$argon2id$", 10) == 0, "by Argon2id");
    tap_ok(ps_passwords_check(hash, "korrektes pferd") == 0 &&
               ps_passwords_check(hash, "korrektes Pferd") == PS_EPERM &&
               ps_passwords_check(NULL, "korrektes pferd") == PS_EPERM,
           "and compared; nobody's is never right");
}

static void test_codes(const char *root) {
    char folder[256], code[PS_VIEWER_CODE_TEXT], again[PS_VIEWER_CODE_TEXT], typed[16];
    snprintf(folder, sizeof(folder), "%s/viewer", root);
    tap_is_int(ps_viewer_code_make(root, "pair", 100, code, NULL), PS_ENOENT, "no folder, no code");
    mkdir(folder, 0750);
    tap_ok(ps_viewer_code_make(root, "pair", 100, code, NULL) == 0 &&
               ps_viewer_code_read(root, "pair", 99, again) == 0 && strcmp(code, again) == 0,
           "a code is made and read");
    tap_is_int(ps_viewer_code_read(root, "pair", 100, again), PS_ENOENT, "until its time is over");
    tap_is_int(ps_viewer_code_take(root, "pair", "ZZZZZZZZZ", 1), PS_EPERM, "another one is not it");
    tap_is_int(ps_viewer_code_take(root, "pair", "", 1), PS_EPERM, "nor is nothing");
    snprintf(typed, sizeof(typed), " %.4s-%s", code, code + 4);
    for (char *p = typed; *p != '\0'; p++)
        *p = *p == '0' ? 'o' : *p == '1' ? 'l' : *p;
    tap_is_int(ps_viewer_code_take(root, "pair", typed, 1), 0, "as people type it, it is");
    tap_is_int(ps_viewer_code_take(root, "pair", typed, 1), PS_ENOENT, "once");
}

static int admin_count(struct ps_viewer_db *d) {
    uint64_t n = 99;
    return ps_viewer_db_admins(d, &n) == 0 ? (int)n : -1;
}

static int one_text(void *ctx, const char *text) {
    strncat((char *)ctx, text, 8);
    return 0;
}

static int one_audit(void *ctx, const struct ps_viewer_db_audit *a) {
    *(size_t *)ctx += strlen(a->detail);
    return 0;
}

/* What was read, changed by another, and written by the first. */
static void test_change(struct ps_viewer_db *d) {
    struct ps_viewer_db_account k = {.name = "Ben", .role = "clerk", .hash = "old", .language = "en"},
                                was = k, is;
    tap_is_int(ps_viewer_db_account_add(d, &k), 0, "another account");
    k.seen_ns = 7;
    tap_is_int(ps_viewer_db_account_change(d, &was, &k), 0, "one that nobody touched is changed");
    k.disabled = true;
    tap_is_int(ps_viewer_db_account_put(d, &k), 0, "it is closed");
    tap_is_int(ps_viewer_db_account_change(d, &was, &was), PS_ESTATE,
               "who read it before does not open it again");
    tap_ok(ps_viewer_db_account_get(d, "ben", &is) == 0 && is.disabled && is.seen_ns == 7,
           "so it stays closed");
}

static void test_db(const char *root) {
    struct ps_viewer_db *d = NULL;
    struct ps_why why = {0};
    struct ps_viewer_db_account a = {.name = "Anna", .role = "admin", .hash = "x", .language = "en"}, b;
    char all[64] = "", detail[2000];
    int64_t id = 0;
    uint64_t n = 0;
    size_t length = 0;
    tap_is_int(ps_viewer_db_open(&d, root, &why), 0, "a database is made");
    tap_ok(ps_viewer_db_account_add(d, &a) == 0 && ps_viewer_db_account_get(d, "ANNA", &b) == 0 &&
               strcmp(b.name, "Anna") == 0,
           "names are found in any case");
    tap_is_int(ps_viewer_db_account_add(d, &a), PS_EEXIST, "and given once");
    a.disabled = true;
    tap_ok(ps_viewer_db_account_put(d, &a) == PS_EPERM && admin_count(d) == 1,
           "the last administrator stays");
    static const char *const tags[] = {"b", "a", "b"};
    tap_ok(ps_viewer_db_tags_put(d, "ST03-1", tags, 3) == 0 &&
               ps_viewer_db_tags(d, "ST03-1", one_text, all) == 0 && strcmp(all, "ab") == 0,
           "tags are a set");
    tap_is_int(ps_viewer_db_tags_put(d, "ST03-1", tags, 17), PS_ELIMIT, "of a bounded size");
    tap_ok(ps_viewer_db_note_add(d, "ST03-1", "Anna", 1, "seen", &id) == 0 && id == 1, "a note");
    tap_is_int(ps_viewer_db_note_add(d, "ST03-1", "Anna", 1, "", &id), PS_ELIMIT, "an empty one is none");
    for (size_t i = 0; i + 3 < sizeof(detail); i += 3)
        memcpy(detail + i, "破", 4);
    struct ps_viewer_db_audit e = {
        .at_ns = 5, .who = "Anna", .from = "::1", .what = "view", .clip = "", .detail = detail};
    struct ps_viewer_db_audit_query q = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .limit = 9};
    tap_ok(ps_viewer_db_audit_add(d, &e) == 0 && ps_viewer_db_audits(d, &q, one_audit, &length) == 0 &&
               length == 510,
           "a long detail is cut at a character");
    tap_ok(ps_viewer_db_audit_prune(d, 6, &n) == 0 && n == 1, "old entries go");
    test_change(d);
    ps_viewer_db_close(d);
    d = NULL;
    tap_ok(ps_viewer_db_open(&d, root, &why) == 0 && admin_count(d) == 1, "all of it is there the next time");
    ps_viewer_db_close(d);
}

int main(void) {
    char root[] = "/tmp/packseal-viewer.XXXXXX";
    if (sodium_init() < 0 || mkdtemp(root) == NULL)
        return 1;
    test_limits();
    test_hosts();
    test_ranges();
    test_times();
    test_targets();
    test_passwords();
    test_codes(root);
    test_db(root);
    char command[64];
    static const char *const files[] = {"viewer/viewer.db", "viewer/viewer.db-wal", "viewer/viewer.db-shm",
                                        "viewer", ""};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(command, sizeof(command), "%s/%s", root, files[i]);
        remove(command);
    }
    return tap_done();
}
