/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Key files: both versions there and back, each bit flipped, each length cut, the wrong passphrase, and costs that a
 * hostile file asks for.
 */
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "signer/key.h"
#include "signer/keyfile.h"
#include "tests/unit/tap.h"

/* As cheap as Argon2id can be: hundreds of changed files are opened here. */
#define CHEAP ((struct ps_keyfile_cost){1, 8192})

static struct ps_keyfile_passphrase *passphrase(const char *text) {
    struct ps_keyfile_passphrase *p = NULL;
    int ends[2];

    if (pipe(ends) != 0 || write(ends[1], text, strlen(text)) != (ssize_t)strlen(text))
        tap_bail("no pipe");
    close(ends[1]);
    ps_keyfile_passphrase_read(&p, ends[0], NULL);
    close(ends[0]);
    return p;
}

static void sample(struct ps_keyfile *k, const char *name) {
    memset(k, 0, sizeof(*k));
    snprintf(k->name, sizeof(k->name), "%s", name);
    snprintf(k->label, sizeof(k->label), "义乌 某某");
    for (size_t i = 0; i < 32; i++) {
        k->seed[i] = (uint8_t)(i + 1);
        k->pub[i] = (uint8_t)(200 - i);
    }
    memcpy(k->id, "\1\2\3\4\5\6\7\10", 8);
}

static void plain(void) {
    struct ps_keyfile k, back;
    char line[PS_KEYFILE_MAX];
    size_t n = 0;

    sample(&k, "clip");
    tap_is_int(ps_keyfile_encode(line, &n, &k, NULL, NULL), 0, "a plain key is written");
    line[n] = '\0';
    tap_ok(strncmp(line, "packseal-key 1 clip 0102030405060708 0102030405060708090a", 57) == 0,
           "as version 1 has always been");
    tap_is_int(ps_keyfile_decode(&back, line, n, "clip", NULL, "f", NULL), 0, "and read");
    tap_is_mem(back.seed, k.seed, 32, "with its seed");
    tap_is_int(ps_keyfile_decode(&back, line, n, "ledger", NULL, "f", NULL), PS_EFORMAT,
               "not as another key");
    tap_is_int(ps_keyfile_peek(&back, line, n, "clip"), PS_KEYFILE_PLAIN, "it is seen to be plain");
    tap_ok(sodium_is_zero(back.seed, 32), "a look gives no seed away");
    bool refused = true;
    for (size_t i = 0; i < n * 8; i++) {
        line[i / 8] = (char)(line[i / 8] ^ 1 << i % 8);
        refused &= ps_keyfile_decode(&back, line, n, "clip", NULL, "f", NULL) != 0;
        line[i / 8] = (char)(line[i / 8] ^ 1 << i % 8);
    }
    tap_ok(refused, "each bit flipped is refused");
}

/* Every change of one bit, every shorter length, a longer one. */
static void mutations(char *line, size_t n, const struct ps_keyfile_passphrase *p) {
    struct ps_keyfile back;
    size_t passed = 0, kept = 0;

    for (size_t i = 0; i < n * 8; i++) {
        line[i / 8] = (char)(line[i / 8] ^ 1 << i % 8);
        passed += ps_keyfile_decode(&back, line, n, "root", p, "f", NULL) == 0;
        kept += !sodium_is_zero((const unsigned char *)&back, sizeof(back));
        line[i / 8] = (char)(line[i / 8] ^ 1 << i % 8);
    }
    tap_is_uint(passed, 0, "each bit flipped is refused");
    tap_is_uint(kept, 0, "and leaves nothing behind");
    passed = 0;
    for (size_t i = 0; i < n; i++)
        passed += ps_keyfile_decode(&back, line, i, "root", p, "f", NULL) == 0;
    tap_is_uint(passed, 0, "each shorter length is refused");
    line[n] = '\n';
    tap_is_int(ps_keyfile_decode(&back, line, n + 1, "root", p, "f", NULL), PS_EFORMAT, "so is a longer one");
}

static void sealed(void) {
    struct ps_keyfile_passphrase *p = passphrase("korrekt pferd\n"), *other = passphrase("korrekt Pferd\n");
    const struct ps_keyfile_lock lock = {p, CHEAP};
    struct ps_keyfile k, back;
    struct ps_why why = {0};
    char line[PS_KEYFILE_MAX + 1], second[PS_KEYFILE_MAX];
    size_t n = 0, m = 0;

    sample(&k, "root");
    tap_is_int(ps_keyfile_encode(line, &n, &k, &lock, NULL), 0, "a sealed key is written");
    tap_ok(memmem(line, n, "0102030405060708090a", 20) == NULL, "without its seed in sight");
    tap_is_int(ps_keyfile_decode(&back, line, n, "root", p, "f", NULL), 0, "and opened");
    tap_ok(memcmp(back.seed, k.seed, 32) == 0 && memcmp(back.pub, k.pub, 32) == 0 &&
               memcmp(back.id, k.id, 8) == 0 && strcmp(back.label, k.label) == 0,
           "with all that was in it");
    tap_is_int(ps_keyfile_decode(&back, line, n, "root", other, "f", &why), PS_EPERM,
               "another passphrase does not open it");
    tap_is_str(why.text, "the passphrase is wrong, or the file was changed", "and is told so");
    tap_is_int(ps_keyfile_decode(&back, line, n, "root", NULL, "f", NULL), PS_ENOENT, "nor does none");
    tap_is_int(ps_keyfile_peek(&back, line, n, "root"), PS_KEYFILE_PASSPHRASE,
               "a look tells that it is sealed");
    tap_ok(memcmp(back.pub, k.pub, 32) == 0 && sodium_is_zero(back.seed, 32), "and the public half alone");
    ps_keyfile_encode(second, &m, &k, &lock, NULL);
    tap_ok(n == m && memcmp(line, second, n) != 0,
           "no two files of one key are alike: salt and nonce are new");
    mutations(line, n, p);
    ps_keyfile_passphrase_free(other);
    ps_keyfile_passphrase_free(p);
}

static void refusals(void) {
    static const char before[] = "packseal-key 2 root 0102030405060708 "
                                 "0102030405060708010203040506070801020304050607080102030405060708 ";
    static const char after[] =
        " 01020304050607080102030405060708 010203040506070801020304050607080102030405060708 "
        "010203040506070801020304050607080102030405060708010203040506070801020304050607080102030405060708 "
        "M\n";
    static const char *const costs[] = {
        "0 8192",  "33 8192", "1 8191",  "1 1073741825", "1 4294967296000",
        "01 8192", "1 08192", "+1 8192", "1 ",           "99999999999999999999 8192"};
    struct ps_keyfile_passphrase *p = passphrase("korrekt pferd"), *tiny = passphrase("seven77\n");
    struct ps_keyfile k;
    char line[PS_KEYFILE_MAX];
    size_t n;

    for (size_t i = 0; i < sizeof(costs) / sizeof(costs[0]); i++) {
        int len = snprintf(line, sizeof(line), "%s%s%s", before, costs[i], after);
        tap_is_int(ps_keyfile_decode(&k, line, (size_t)len, "root", p, "f", NULL), PS_EFORMAT,
                   "a cost of %s is refused before it is paid", costs[i]);
    }
    int len = snprintf(line, sizeof(line), "%s%s%s", before, "1 8192", after);
    tap_is_int(ps_keyfile_decode(&k, line, (size_t)len, "root", p, "f", NULL), PS_EPERM,
               "the same with a fair cost comes as far as the passphrase");
    line[13] = '3';
    tap_is_int(ps_keyfile_decode(&k, line, (size_t)len, "root", p, "f", NULL), PS_EVERSION,
               "a later version");
    sample(&k, "root");
    const struct ps_keyfile_lock lock = {tiny, CHEAP};
    tap_is_int(ps_keyfile_encode(line, &n, &k, &lock, NULL), PS_EINVAL, "no new key under seven letters");
    ps_keyfile_passphrase_free(tiny);
    ps_keyfile_passphrase_free(p);
}

static void passphrases(void) {
    char text[PS_KEYFILE_PASSPHRASE_MAX + 3];
    struct ps_keyfile_passphrase *first = NULL, *second = NULL;
    int ends[2];

    tap_ok(passphrase("") == NULL, "an empty passphrase is none");
    tap_ok(passphrase("\nnext\n") == NULL, "nor is an empty line");
    tap_ok(passphrase("tab\there\n") == NULL, "nor one with control characters");
    memset(text, 'x', sizeof(text));
    text[PS_KEYFILE_PASSPHRASE_MAX + 1] = '\0';
    tap_ok(passphrase(text) == NULL, "nor one of 1025 bytes");
    text[PS_KEYFILE_PASSPHRASE_MAX] = '\0';
    first = passphrase(text);
    tap_ok(first != NULL, "1024 bytes are one");
    ps_keyfile_passphrase_free(first);
    if (pipe(ends) != 0 || write(ends[1], "current one\r\nnew one\n", 21) != 21)
        tap_bail("no pipe");
    close(ends[1]);
    tap_ok(ps_keyfile_passphrase_read(&first, ends[0], NULL) == 0 &&
               ps_keyfile_passphrase_read(&second, ends[0], NULL) == 0,
           "two lines are two passphrases");
    close(ends[0]);
    /* That the CR is gone shows in what the key opens. */
    struct ps_keyfile_passphrase *same = passphrase("current one\n");
    const struct ps_keyfile_lock lock = {first, CHEAP};
    struct ps_keyfile k;
    char line[PS_KEYFILE_MAX];
    size_t n = 0;
    sample(&k, "clip");
    ps_keyfile_encode(line, &n, &k, &lock, NULL);
    tap_is_int(ps_keyfile_decode(&k, line, n, "clip", same, "f", NULL), 0, "an editor's CR is no part of it");
    ps_keyfile_passphrase_free(same);
    ps_keyfile_passphrase_free(second);
    ps_keyfile_passphrase_free(first);
}

/* The station's pair through files: made, put under a passphrase, cut short in between, taken out again. */
static void station(void) {
    struct ps_keyfile_passphrase *p = passphrase("korrekt pferd\n"), *q = passphrase("batterie heft\n");
    const struct ps_keyfile_lock lock = {p, CHEAP}, next = {q, CHEAP};
    char path[] = "/tmp/packseal-keyfile.XXXXXX";
    struct ps_key *k = NULL;
    struct ps_pubkey before, look;
    enum ps_key_rest rest;
    int dir = mkdtemp(path) != NULL ? open(path, O_RDONLY | O_DIRECTORY) : -1;

    unsetenv("CREDENTIALS_DIRECTORY");
    tap_is_int(ps_key_create(dir, NULL, "ST03", NULL), 0, "a plain pair is made");
    tap_is_int(ps_key_look(dir, "clip", &before, &rest, NULL), 0, "and looked at");
    tap_is_int(rest, PS_KEY_PLAIN, "as plain");
    tap_is_int(ps_key_relock(dir, NULL, &lock, "ST03", NULL), 0, "it is put under a passphrase");
    tap_is_int(ps_key_load(&k, dir, NULL), PS_ENOENT, "and does not open without");
    ps_key_unlock(p);
    tap_is_int(ps_key_load(&k, dir, NULL), 0, "but with it");
    tap_is_mem(ps_key_clip(k), &before, sizeof(before), "and is the same key");
    ps_key_free(k);
    /* Cut short after the first file: the ledger's is still under the old one. */
    int old = openat(dir, "ledger.key", O_RDONLY);
    char ledger[PS_KEYFILE_MAX];
    ssize_t n = read(old, ledger, sizeof(ledger));
    close(old);
    tap_is_int(ps_key_relock(dir, p, &next, "ST03", NULL), 0, "another passphrase");
    unlinkat(dir, "ledger.key", 0);
    int fd = openat(dir, "ledger.key", O_WRONLY | O_CREAT, 0600);
    if (n <= 0 || write(fd, ledger, (size_t)n) != n)
        tap_bail("cannot write");
    close(fd);
    tap_is_int(ps_key_relock(dir, p, &next, "ST03", NULL), 0, "half done, it is completed by the same call");
    ps_key_unlock(q);
    tap_is_int(ps_key_load(&k, dir, NULL), 0, "and both open with the new one");
    ps_key_free(k);
    tap_is_int(ps_key_relock(dir, p, NULL, "ST03", NULL), PS_EPERM, "the old one takes nothing out");
    tap_is_int(ps_key_relock(dir, q, NULL, "ST03", NULL), 0, "the new one does");
    tap_is_int(ps_key_look(dir, "clip", &look, &rest, NULL), 0, "a last look");
    tap_ok(rest == PS_KEY_PLAIN && memcmp(&look, &before, sizeof(look)) == 0, "plain, and the same key");
    ps_key_unlock(NULL);
    unlinkat(dir, "clip.key", 0);
    unlinkat(dir, "ledger.key", 0);
    close(dir);
    rmdir(path);
    ps_keyfile_passphrase_free(q);
    ps_keyfile_passphrase_free(p);
}

int main(void) {
    if (sodium_init() < 0)
        tap_bail("libsodium does not start");
    plain();
    sealed();
    refusals();
    passphrases();
    station();
    return tap_done();
}
