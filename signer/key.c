/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signer/key.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence/bytes.h"
#include "signer/file.h"

#define LINE_MAX_BYTES 160

/* All that must not leave this file. Lives in sodium_malloc memory. */
struct secret {
    uint8_t clip[crypto_sign_SECRETKEYBYTES];
    uint8_t ledger[crypto_sign_SECRETKEYBYTES];
    uint8_t seed[crypto_sign_SEEDBYTES]; /* while a file is read or written */
    char line[LINE_MAX_BYTES];
};

struct ps_key {
    struct secret *secret; /* no access but while signing */
    int locked;
    struct ps_pubkey clip, ledger;
};

static void checksum(const char *name, const uint8_t id[8], const uint8_t seed[32], uint8_t out[8]) {
    crypto_generichash_state st;
    uint8_t sum[32];

    crypto_generichash_init(&st, NULL, 0, sizeof(sum));
    crypto_generichash_update(&st, (const uint8_t *)name, strlen(name));
    crypto_generichash_update(&st, id, 8);
    crypto_generichash_update(&st, seed, 32);
    crypto_generichash_final(&st, sum, sizeof(sum));
    memcpy(out, sum, 8);
    sodium_memzero(sum, sizeof(sum));
}

static int create_one(int dir, struct secret *s, const char *name, struct ps_why *why) {
    char file[16], id_hex[17], check_hex[17];
    uint8_t id[8], check[8];

    snprintf(file, sizeof(file), "%s.key", name);
    randombytes_buf(id, sizeof(id));
    randombytes_buf(s->seed, sizeof(s->seed));
    checksum(name, id, s->seed, check);
    ps_bytes_hex(id_hex, id, sizeof(id));
    ps_bytes_hex(check_hex, check, sizeof(check));
    /* The seed is written into guarded memory straight away: printf would leave copies behind. */
    int n = snprintf(s->line, sizeof(s->line), "packseal-key 1 %s %s ", name, id_hex);
    ps_bytes_hex(s->line + n, s->seed, sizeof(s->seed));
    n += 64;
    s->line[n++] = ' ';
    memcpy(s->line + n, check_hex, 16);
    n += 16;
    s->line[n++] = '\n';
    int err = ps_file_create(dir, file, s->line, (size_t)n, 0600);
    if (err == PS_EEXIST)
        return ps_error_why(why, err, file, "is there already: a key is never overwritten");
    if (err != 0)
        return ps_error_why(why, err, file, "cannot be written: %s", strerror(errno));
    return 0;
}

int ps_key_create(int dir, struct ps_why *why) {
    int err;
    struct secret *s = sodium_malloc(sizeof(*s));

    if (s == NULL)
        return ps_error_why(why, PS_ENOMEM, "keys", "no memory for them");
    /* Both or none, as far as can be told beforehand. */
    if (faccessat(dir, "clip.key", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        err = ps_error_why(why, PS_EEXIST, "clip.key", "is there already: a key is never overwritten");
    else if (faccessat(dir, "ledger.key", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        err = ps_error_why(why, PS_EEXIST, "ledger.key", "is there already: a key is never overwritten");
    else
        err = create_one(dir, s, "clip", why);
    if (err == 0)
        err = create_one(dir, s, "ledger", why);
    sodium_free(s); /* wipes */
    return err;
}

/* Refuses a file that others can read: its key is no secret any more. */
static int check_mode(int dir, const char *file, struct ps_why *why) {
    struct stat st;

    if (fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return ps_error_why(why, PS_ENOENT, file, "%s: has the station been set up (--init)?",
                            strerror(errno));
    if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0 || st.st_uid != geteuid())
        return ps_error_why(why, PS_EPERM, file, "must be a file of the signer's user alone, mode 0600");
    return 0;
}

static int load_one(int dir, struct secret *s, const char *name, struct ps_pubkey *pub, uint8_t *sk,
                    struct ps_why *why) {
    char file[16], head[32];
    uint8_t check[8], want[8];

    snprintf(file, sizeof(file), "%s.key", name);
    size_t h = (size_t)snprintf(head, sizeof(head), "packseal-key 1 %s ", name);
    int err = check_mode(dir, file, why);
    if (err != 0)
        return err;
    ssize_t n = ps_file_load(dir, file, s->line, sizeof(s->line));
    if (n < 0)
        return ps_error_why(why, (int)n, file, "cannot be read: %s", strerror(errno));
    const char *p = s->line + h;
    if ((size_t)n != h + 16 + 1 + 64 + 1 + 16 + 1 || memcmp(s->line, head, h) != 0 || p[16] != ' ' ||
        p[81] != ' ' || p[98] != '\n' || ps_bytes_unhex(pub->id, 8, p, 16) != 0 ||
        ps_bytes_unhex(s->seed, 32, p + 17, 64) != 0 || ps_bytes_unhex(check, 8, p + 82, 16) != 0)
        return ps_error_why(why, PS_EFORMAT, file, "is no key file");
    checksum(name, pub->id, s->seed, want);
    if (sodium_memcmp(check, want, 8) != 0)
        return ps_error_why(why, PS_EFORMAT, file, "its checksum is wrong: restore it from a copy");
    crypto_sign_seed_keypair(pub->key, sk, s->seed);
    sodium_memzero(s->seed, sizeof(s->seed));
    sodium_memzero(s->line, sizeof(s->line));
    return 0;
}

int ps_key_load(struct ps_key **out, int dir, struct ps_why *why) {
    struct ps_key *k = calloc(1, sizeof(*k));

    if (k != NULL)
        k->secret = sodium_malloc(sizeof(*k->secret));
    if (k == NULL || k->secret == NULL) {
        free(k);
        return ps_error_why(why, PS_ENOMEM, "keys", "no memory for them");
    }
    /* sodium_malloc has asked for this already, but does not tell how it went. */
    k->locked = sodium_mlock(k->secret, sizeof(*k->secret)) == 0;
    int err = load_one(dir, k->secret, "clip", &k->clip, k->secret->clip, why);
    if (err == 0)
        err = load_one(dir, k->secret, "ledger", &k->ledger, k->secret->ledger, why);
    if (err != 0) {
        ps_key_free(k);
        return err;
    }
    sodium_mprotect_noaccess(k->secret);
    *out = k;
    return 0;
}

void ps_key_free(struct ps_key *k) {
    if (k == NULL)
        return;
    sodium_free(k->secret);
    free(k);
}

const struct ps_pubkey *ps_key_clip(const struct ps_key *k) {
    return &k->clip;
}

const uint8_t *ps_key_ledger(const struct ps_key *k) {
    return k->ledger.key;
}

int ps_key_locked(const struct ps_key *k) {
    return k->locked;
}

int ps_key_sign_clip(const struct ps_key *k, const void *p, size_t n, const char *comment,
                     struct ps_minisig *out) {
    uint8_t hash[64], both[64 + PS_MAX_TRUSTED_COMMENT];
    size_t c = strlen(comment);

    if (c > PS_MAX_TRUSTED_COMMENT)
        return PS_EINVAL;
    memcpy(out->id, k->clip.id, sizeof(out->id));
    memcpy(out->comment, comment, c + 1);
    ps_minisign_prehash(hash, p, n);
    if (sodium_mprotect_readonly(k->secret) != 0)
        return PS_EIO;
    crypto_sign_detached(out->sig, NULL, hash, sizeof(hash), k->secret->clip);
    memcpy(both, out->sig, 64);
    memcpy(both + 64, comment, c);
    crypto_sign_detached(out->global, NULL, both, 64 + c, k->secret->clip);
    sodium_mprotect_noaccess(k->secret);
    return 0;
}

int ps_key_sign_checkpoint(const struct ps_key *k, const char *text, size_t n, uint8_t sig[64]) {
    if (n == 0)
        return PS_EINVAL;
    if (sodium_mprotect_readonly(k->secret) != 0)
        return PS_EIO;
    crypto_sign_detached(sig, NULL, (const unsigned char *)text, n, k->secret->ledger);
    sodium_mprotect_noaccess(k->secret);
    return 0;
}
