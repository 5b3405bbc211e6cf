/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The folder of tokens: which is newest, which covers a leaf, what is passed over, what a crash leaves. */
#include "archive/tokens.h"
#include "evidence/bytes.h"
#include "tests/unit/shelf.h"
#include "tests/unit/tap.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST "packseal.invalid/ST03"
#define SECOND "packseal.invalid/ST03/2"
#define DAY_NS (86400 * INT64_C(1000000000))

static struct ps_why why;

struct file {
    uint8_t *p;
    size_t n;
};

static struct file golden(const char *name) {
    char path[64];
    snprintf(path, sizeof(path), "tsa/%s", name);
    struct file f = {NULL, 0};
    f.p = sample_golden(path, &f.n);
    if (f.p == NULL)
        tap_bail("no %s", path);
    return f;
}

/* A checkpoint with a signature line of the right shape: what lies in tokens/ was verified before. */
static struct ps_checkpoint note(struct ps_buf *b, const char *origin, uint64_t size) {
    static const uint8_t sig[64], key[32] = {1};
    struct ps_checkpoint c = {.size = size};
    struct ps_vkey k;
    snprintf(c.origin, sizeof(c.origin), "%s", origin);
    c.root[0] = (uint8_t)size;
    ps_buf_init(b, PS_NOTE_MAX);
    ps_checkpoint_write(b, &c);
    ps_buf_text(b, "\n");
    if (ps_note_vkey_make(&k, origin, PS_NOTE_ED25519, key) < 0)
        tap_bail("no key");
    ps_note_append(b, &k, sig);
    return c;
}

/* Writes a token; gives its folder's name. */
static const char *put(const char *origin, uint64_t size, const char *authority, const char *token) {
    static char name[PS_TOKENS_NAME];
    struct ps_buf b;
    struct ps_checkpoint c = note(&b, origin, size);
    struct file t = golden(token), chain = golden("chain.pem");
    struct ps_timestamp time;
    if (ps_timestamp_read(&time, t.p, t.n, &why) < 0)
        tap_bail("%s: %s", why.where, why.text);
    struct ps_tokens_new in = {.authority = authority,
                               .url = "http://tsa.example/",
                               .checkpoint = &c,
                               .time = &time,
                               .note = b.p,
                               .note_n = b.n,
                               .token = t.p,
                               .token_n = t.n,
                               .chain = chain.p,
                               .chain_n = chain.n};
    int rc = ps_tokens_write(shelf_root, &in, name, &why);
    if (rc < 0)
        tap_diag("%d: %s: %s", rc, why.where, why.text);
    ps_buf_free(&b);
    free(t.p);
    free(chain.p);
    return rc == 0 ? name : "";
}

static void newest_is(const char *origin, const char *authority, const char *want, const char *name) {
    struct ps_token t;
    int rc = ps_tokens_newest(shelf_root, origin, authority, &t, &why);
    tap_is_str(rc == 0 ? t.entry.name : "", want, "%s", name);
    if (rc == 0)
        ps_tokens_free(&t);
}

static void covering_is(const char *origin, const char *authority, uint64_t leaf, const char *want,
                        const char *name) {
    struct ps_token t;
    int rc = ps_tokens_covering(shelf_root, origin, authority, leaf, &t, &why);
    tap_is_str(rc == 0 ? t.entry.name : "", want, "%s", name);
    if (rc == 0)
        ps_tokens_free(&t);
}

static int count(void *ctx, const struct ps_token *t) {
    (void)t;
    ++*(unsigned *)ctx;
    return 0;
}

static unsigned expiring(int64_t until_ns) {
    unsigned n = 0;
    ps_tokens_expiring(shelf_root, NULL, until_ns, count, &n, &why);
    return n;
}

static void empty(void) {
    struct ps_tokens_list l;
    tap_ok(ps_tokens_list(shelf_root, &l, &why) == 0 && l.n == 0, "no folder, no tokens, no error");
    newest_is(NULL, NULL, "", "and none is the newest");
    covering_is(NULL, NULL, 0, "", "nor covers a leaf");
}

static void locks(void) {
    int a = ps_tokens_lock(shelf_root, &why), b = ps_tokens_lock(shelf_root, &why);
    tap_ok(a >= 0 && b == PS_EBUSY, "one writer at a time");
    close(a);
    b = ps_tokens_lock(shelf_root, &why);
    tap_ok(b >= 0, "and the next when it is done");
    close(b);
}

static void finds(void) {
    tap_is_str(put(FIRST, 10, "main", "rsa.tsr"), "000000000010-main",
               "a token's folder is named by size and authority");
    tap_is_str(put(FIRST, 10, "main", "ec.tst"), "000000000010-main.2", "a further one is numbered");
    tap_is_str(put(FIRST, 20, "main", "rsa.tsr"), "000000000020-main", "a greater checkpoint");
    tap_is_str(put(FIRST, 20, "bj", "late.tsr"), "000000000020-bj", "another authority");
    tap_is_str(put(FIRST, 30, "bj", "ec.tst"), "000000000030-bj", "the greatest checkpoint");
    tap_is_str(put(SECOND, 5, "main", "rsa.tsr"), "000000000005-main", "a ledger that was begun anew");
    tap_is_str(put(FIRST, 40, "../x", "rsa.tsr"), "", "an authority's name is no path");

    newest_is(NULL, NULL, "000000000030-bj", "the newest is of the greatest checkpoint");
    newest_is(NULL, "main", "000000000020-main", "of one authority");
    newest_is(SECOND, NULL, "000000000005-main", "of one ledger");
    newest_is("packseal.invalid/other", NULL, "", "of no ledger");
    covering_is(FIRST, NULL, 9, "000000000010-main",
                "the earliest that covers the last leaf of a checkpoint");
    covering_is(FIRST, NULL, 10, "000000000020-main",
                "the next leaf is in the next; the earlier of two authorities");
    covering_is(FIRST, "bj", 9, "000000000020-bj", "of one authority");
    covering_is(FIRST, NULL, 30, "", "a leaf that no token covers yet");
    covering_is(SECOND, NULL, 4, "000000000005-main", "in the ledger that was begun anew");
    covering_is(SECOND, NULL, 5, "", "where greater checkpoints of the old one do not count");

    static const uint8_t key[32] = {1};
    struct ps_vkey k;
    struct ps_buf b;
    ps_buf_init(&b, 1024);
    ps_note_vkey_make(&k, SECOND, PS_NOTE_ED25519, key);
    ps_note_vkey_write(&b, &k);
    if (ps_store_write_file(AT_FDCWD, shelf_path("public/log.vkey"), b.p, b.n, &why) < 0)
        tap_bail("%s", why.text);
    ps_buf_free(&b);
    newest_is(NULL, NULL, "000000000005-main", "the present ledger's comes before a greater one of the old");

    tap_is_uint(expiring(INT64_C(2398377600) * 1000000000), 0, "none expires before its certificate");
    tap_is_uint(expiring(INT64_C(2398377600) * 1000000000 + DAY_NS), 6, "all within a day of it");
}

static void reads(void) {
    struct ps_token t;
    struct ps_timestamp again;
    struct file f = golden("ec.tst");
    tap_is_int(ps_tokens_read(shelf_root, "000000000010-main.2", &t, &why), 0, "a token is read");
    tap_ok(t.token_n == f.n && memcmp(t.token, f.p, f.n) == 0 && t.checkpoint.size == 10 &&
               strcmp(t.checkpoint.origin, FIRST) == 0,
           "as it was written");
    tap_ok(ps_timestamp_read(&again, f.p, f.n, &why) == 0 && strcmp(again.code, t.time.code) == 0,
           "with its code");
    ps_tokens_free(&t);
    free(f.p);
    tap_is_int(ps_tokens_read(shelf_root, "../tokens", &t, &why), PS_EINVAL, "a path is no name");
    tap_is_int(ps_tokens_read(shelf_root, "000000000011-main", &t, &why), PS_ENOENT,
               "nor is one that is not there");
}

/* What lies about in the folder is passed over. */
static void strays(void) {
    static const char *const names[] = {
        "000000000099-main", "00000000099-main",     "000000000099-Main", "000000000099-",
        "000000000099-a.1",  "000000000099-a.02",    "000000000099-a.2x", ".part",
        "000000000099",      "000000000099-a.99999", "0000000000999-main"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char rest[128];
        snprintf(rest, sizeof(rest), "tokens/%s", names[i]);
        if (mkdir(shelf_path(rest), 0750) != 0)
            tap_bail("%s: %s", rest, strerror(errno));
    }
    newest_is(FIRST, NULL, "000000000030-bj", "folders that hold no token are passed over");
    struct ps_tokens_list l;
    tap_ok(ps_tokens_list(shelf_root, &l, &why) == 0 && l.n == 7,
           "only what is named like a token is listed");
    ps_tokens_list_free(&l);
    tap_is_str(put(FIRST, 31, "main", "rsa.tsr"), "000000000031-main",
               "what a crash left of a token is in nobody's way");
    tap_is_str(put(FIRST, 99, "main", "rsa.tsr"), "000000000099-main.2", "and no folder is written over");

    struct ps_buf b;
    note(&b, FIRST, 98);
    unlink(shelf_path("tokens/000000000099-main.2/checkpoint"));
    if (ps_store_write_file(AT_FDCWD, shelf_path("tokens/000000000099-main.2/checkpoint"), b.p, b.n, &why) <
        0)
        tap_bail("%s", why.text);
    ps_buf_free(&b);
    newest_is(FIRST, NULL, "000000000031-main", "a checkpoint of another size is not the folder's");
}

int main(void) {
    shelf_make();
    empty();
    locks();
    finds();
    reads();
    strays();
    return tap_done();
}
