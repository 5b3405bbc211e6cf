/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signer/keyfile.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "evidence/bytes.h"

#define SALT crypto_pwhash_argon2id_SALTBYTES
#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define BOX (32 + crypto_aead_xchacha20poly1305_ietf_ABYTES)
_Static_assert(SALT == 16 && NONCE == 24 && BOX == 48, "keyfile.h tells these sizes");

const struct ps_keyfile_cost ps_keyfile_cost_station = {crypto_pwhash_argon2id_OPSLIMIT_MODERATE,
                                                        crypto_pwhash_argon2id_MEMLIMIT_MODERATE};
const struct ps_keyfile_cost ps_keyfile_cost_root = {crypto_pwhash_argon2id_OPSLIMIT_SENSITIVE,
                                                     crypto_pwhash_argon2id_MEMLIMIT_SENSITIVE};

struct ps_keyfile_passphrase {
    size_t n;
    char text[PS_KEYFILE_PASSPHRASE_MAX];
};

/* What a line of version 2 holds; nothing of it is secret. */
struct sealed {
    struct ps_keyfile_cost cost;
    uint8_t salt[SALT], nonce[NONCE], box[BOX];
    uint8_t ad[PS_KEYFILE_MAX]; /* the line without its box */
    size_t ad_n;
};

/* ---- passphrases ---- */

int ps_keyfile_passphrase_read(struct ps_keyfile_passphrase **out, int fd, struct ps_why *why) {
    struct ps_keyfile_passphrase *p = sodium_malloc(sizeof(*p));
    const char *wrong = NULL;
    char c = 0;
    ssize_t got = 0;

    *out = NULL;
    if (p == NULL)
        return ps_error_why(why, PS_ENOMEM, "passphrase", "no memory for it");
    p->n = 0;
    while (wrong == NULL) {
        got = read(fd, &c, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || c == '\n')
            break;
        if (p->n == sizeof(p->text))
            wrong = "is longer than 1024 bytes";
        else
            p->text[p->n++] = c;
    }
    sodium_memzero(&c, sizeof(c));
    if (p->n > 0 && p->text[p->n - 1] == '\r')
        p->n--;
    if (got < 0)
        wrong = "cannot be read";
    else if (wrong == NULL && p->n == 0)
        wrong = "is empty";
    else if (wrong == NULL && !ps_bytes_is_text(p->text, p->n))
        wrong = "is not one line of UTF-8 text";
    if (wrong != NULL) {
        sodium_free(p);
        return ps_error_why(why, got < 0 ? PS_EIO : PS_EFORMAT, "passphrase", "%s", wrong);
    }
    *out = p;
    return 0;
}

void ps_keyfile_passphrase_free(struct ps_keyfile_passphrase *p) {
    sodium_free(p); /* wipes; NULL is allowed */
}

/* The box's key, in guarded memory; NULL when there is not enough. */
static uint8_t *derive(const struct ps_keyfile_passphrase *p, const struct ps_keyfile_cost *cost,
                       const uint8_t salt[SALT]) {
    uint8_t *key = sodium_malloc(crypto_aead_xchacha20poly1305_ietf_KEYBYTES);

    if (key != NULL &&
        crypto_pwhash_argon2id(key, crypto_aead_xchacha20poly1305_ietf_KEYBYTES, p->text, p->n, salt,
                               cost->ops, (size_t)cost->mem, crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0) {
        sodium_free(key);
        key = NULL;
    }
    return key;
}

/* ---- writing ---- */

static void checksum(const struct ps_keyfile *k, uint8_t out[8]) {
    crypto_generichash_state st;
    uint8_t sum[32];

    crypto_generichash_init(&st, NULL, 0, sizeof(sum));
    crypto_generichash_update(&st, (const uint8_t *)k->name, strlen(k->name));
    crypto_generichash_update(&st, k->id, sizeof(k->id));
    crypto_generichash_update(&st, k->seed, sizeof(k->seed));
    crypto_generichash_final(&st, sum, sizeof(sum));
    memcpy(out, sum, 8);
    sodium_memzero(sum, sizeof(sum));
    sodium_memzero(&st, sizeof(st));
}

static size_t encode_plain(char *line, const struct ps_keyfile *k) {
    char id[17], check_hex[17];
    uint8_t check[8];

    checksum(k, check);
    ps_bytes_hex(id, k->id, sizeof(k->id));
    ps_bytes_hex(check_hex, check, sizeof(check));
    /* The seed is written into guarded memory straight away: printf would leave copies behind. */
    size_t n = (size_t)snprintf(line, PS_KEYFILE_MAX, "packseal-key 1 %s %s ", k->name, id);
    ps_bytes_hex(line + n, k->seed, sizeof(k->seed));
    n += 64;
    line[n++] = ' ';
    memcpy(line + n, check_hex, 16);
    n += 16;
    line[n++] = '\n';
    return n;
}

static int encode_sealed(char *line, size_t *n, const struct ps_keyfile *k,
                         const struct ps_keyfile_lock *lock, struct ps_why *why) {
    uint8_t salt[SALT], nonce[NONCE], box[BOX];
    char id[17], pub[65], salt_hex[2 * SALT + 1], nonce_hex[2 * NONCE + 1], ad[PS_KEYFILE_MAX];

    if (lock->passphrase->n < PS_KEYFILE_PASSPHRASE_MIN)
        return ps_error_why(why, PS_EINVAL, "passphrase", "takes at least %d bytes; several words are better",
                            PS_KEYFILE_PASSPHRASE_MIN);
    if (k->label[0] == '\0' || !ps_bytes_is_text(k->label, strlen(k->label)))
        return ps_error_why(why, PS_EINVAL, k->name, "its owner's name is empty or no text");
    randombytes_buf(salt, sizeof(salt));
    randombytes_buf(nonce, sizeof(nonce));
    ps_bytes_hex(id, k->id, sizeof(k->id));
    ps_bytes_hex(pub, k->pub, sizeof(k->pub));
    ps_bytes_hex(salt_hex, salt, sizeof(salt));
    ps_bytes_hex(nonce_hex, nonce, sizeof(nonce));
    int head = snprintf(ad, sizeof(ad), "packseal-key 2 %s %s %s %" PRIu64 " %" PRIu64 " %s %s ", k->name, id,
                        pub, lock->cost.ops, lock->cost.mem, salt_hex, nonce_hex);
    int all = head + snprintf(ad + head, sizeof(ad) - (size_t)head, " %s\n", k->label);
    uint8_t *key = derive(lock->passphrase, &lock->cost, salt);
    if (key == NULL)
        return ps_error_why(why, PS_ENOMEM, "passphrase", "needs %" PRIu64 " MiB of free memory for a moment",
                            lock->cost.mem >> 20);
    crypto_aead_xchacha20poly1305_ietf_encrypt(box, NULL, k->seed, sizeof(k->seed), (const uint8_t *)ad,
                                               (unsigned long long)all, NULL, nonce, key);
    sodium_free(key);
    memcpy(line, ad, (size_t)head);
    ps_bytes_hex(line + head, box, sizeof(box));
    memcpy(line + head + 2 * BOX, ad + head, (size_t)(all - head));
    *n = (size_t)all + 2 * BOX;
    return 0;
}

int ps_keyfile_encode(char *line, size_t *n, const struct ps_keyfile *k, const struct ps_keyfile_lock *lock,
                      struct ps_why *why) {
    if (lock != NULL)
        return encode_sealed(line, n, k, lock, why);
    *n = encode_plain(line, k);
    return 0;
}

/* ---- reading ---- */

/* Cuts n bytes and the blank after them; NULL when they are not there. */
static const char *field(struct ps_rd *r, size_t n) {
    const char *s = (const char *)ps_rd_skip(r, n);

    return s != NULL && ps_rd_u8(r) == ' ' && r->err == 0 ? s : NULL;
}

static int hex_field(struct ps_rd *r, void *out, size_t n) {
    const char *s = field(r, 2 * n);

    return s != NULL ? ps_bytes_unhex(out, n, s, 2 * n) : PS_EFORMAT;
}

/* One spelling: no sign, no zero first. */
static int number_field(struct ps_rd *r, uint64_t least, uint64_t most, uint64_t *out) {
    uint64_t v = 0;
    uint8_t c = ps_rd_u8(r);

    for (int i = 0; c >= '0' && c <= '9' && i < 12; i++, c = ps_rd_u8(r)) {
        if (i > 0 && v == 0)
            return PS_EFORMAT;
        v = v * 10 + (uint64_t)(c - '0');
    }
    *out = v;
    return r->err == 0 && c == ' ' && v >= least && v <= most ? 0 : PS_EFORMAT;
}

static int begin(struct ps_rd *r, const char *line, size_t n, const char *name) {
    static const char magic[] = "packseal-key ";
    size_t m = sizeof(magic) - 1, k = strlen(name);

    if (n > PS_KEYFILE_MAX || n < m + 2 + k + 1 || memcmp(line, magic, m) != 0 || line[m + 1] != ' ' ||
        memcmp(line + m + 2, name, k) != 0 || line[m + 2 + k] != ' ')
        return PS_EFORMAT;
    *r = ps_rd_of(line + m + 2 + k + 1, n - (m + 2 + k + 1));
    switch (line[m]) {
    case '1': return PS_KEYFILE_PLAIN;
    case '2': return PS_KEYFILE_PASSPHRASE;
    default: return PS_EVERSION;
    }
}

static int read_sealed(struct ps_keyfile *k, struct sealed *s, struct ps_rd *r, const char *line, size_t n) {
    if (hex_field(r, k->id, sizeof(k->id)) != 0 || hex_field(r, k->pub, sizeof(k->pub)) != 0 ||
        number_field(r, 1, PS_KEYFILE_OPS_MAX, &s->cost.ops) != 0 ||
        number_field(r, crypto_pwhash_argon2id_MEMLIMIT_MIN, PS_KEYFILE_MEM_MAX, &s->cost.mem) != 0 ||
        hex_field(r, s->salt, SALT) != 0 || hex_field(r, s->nonce, NONCE) != 0)
        return PS_EFORMAT;
    size_t head = n - r->left;
    /* hex_field wants the blank after the box, which begins what follows it. */
    if (hex_field(r, s->box, BOX) != 0 || r->left < 2 || r->left - 1 > PS_MAX_NAME ||
        r->p[r->left - 1] != '\n' || !ps_bytes_is_text((const char *)r->p, r->left - 1))
        return PS_EFORMAT;
    memcpy(k->label, r->p, r->left - 1);
    k->label[r->left - 1] = '\0';
    memcpy(s->ad, line, head);
    memcpy(s->ad + head, line + head + 2 * BOX, n - head - 2 * BOX);
    s->ad_n = n - 2 * BOX;
    return 0;
}

static int read_plain(struct ps_keyfile *k, struct ps_rd *r) {
    uint8_t check[8], want[8];

    if (hex_field(r, k->id, sizeof(k->id)) != 0 || hex_field(r, k->seed, sizeof(k->seed)) != 0 ||
        r->left != 17 || r->p[16] != '\n' || ps_bytes_unhex(check, 8, (const char *)r->p, 16) != 0)
        return PS_EFORMAT;
    checksum(k, want);
    return sodium_memcmp(check, want, 8) == 0 ? 0 : PS_ESIG;
}

static int unseal(struct ps_keyfile *k, const struct sealed *s, const struct ps_keyfile_passphrase *p,
                  const char *where, struct ps_why *why) {
    if (p == NULL)
        return ps_error_why(
            why, PS_ENOENT, where,
            "is encrypted: give its passphrase (--passphrase-file, or the credential packseal-passphrase)");
    uint8_t *key = derive(p, &s->cost, s->salt);
    if (key == NULL)
        return ps_error_why(why, PS_ENOMEM, where, "its passphrase needs %" PRIu64 " MiB of free memory",
                            s->cost.mem >> 20);
    int bad = crypto_aead_xchacha20poly1305_ietf_decrypt(k->seed, NULL, NULL, s->box, BOX, s->ad, s->ad_n,
                                                         s->nonce, key);
    sodium_free(key);
    return bad == 0 ? 0
                    : ps_error_why(why, PS_EPERM, where, "the passphrase is wrong, or the file was changed");
}

int ps_keyfile_decode(struct ps_keyfile *out, const char *line, size_t n, const char *name,
                      const struct ps_keyfile_passphrase *p, const char *where, struct ps_why *why) {
    struct ps_rd r;
    struct sealed s;

    memset(out, 0, sizeof(*out));
    snprintf(out->name, sizeof(out->name), "%s", name);
    int kind = begin(&r, line, n, name);
    if (kind == PS_EVERSION) {
        memset(out, 0, sizeof(*out));
        return ps_error_why(why, PS_EVERSION, where, "is of a later version of PackSeal");
    }
    int err = kind == PS_KEYFILE_PLAIN        ? read_plain(out, &r)
              : kind == PS_KEYFILE_PASSPHRASE ? read_sealed(out, &s, &r, line, n)
                                              : PS_EFORMAT;
    if (err == 0 && kind == PS_KEYFILE_PASSPHRASE)
        err = unseal(out, &s, p, where, why);
    else if (err == PS_ESIG)
        err = ps_error_why(why, PS_EFORMAT, where, "its checksum is wrong: restore it from a copy");
    else if (err != 0)
        err = ps_error_why(why, err, where, "is no key file");
    if (err != 0)
        sodium_memzero(out, sizeof(*out));
    return err;
}

int ps_keyfile_peek(struct ps_keyfile *out, const char *line, size_t n, const char *name) {
    struct ps_rd r;
    struct sealed s;

    memset(out, 0, sizeof(*out));
    snprintf(out->name, sizeof(out->name), "%s", name);
    int kind = begin(&r, line, n, name);
    if (kind == PS_KEYFILE_PLAIN) {
        int err = read_plain(out, &r);
        sodium_memzero(out->seed, sizeof(out->seed));
        return err == 0 ? kind : PS_EFORMAT;
    }
    return kind == PS_KEYFILE_PASSPHRASE && read_sealed(out, &s, &r, line, n) == 0 ? kind : PS_EFORMAT;
}
