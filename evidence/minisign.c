/* SPDX-License-Identifier: ISC */
#include "evidence/minisign.h"

#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/sha256.h"

#define UNTRUSTED "untrusted comment: "
#define TRUSTED "trusted comment: "

#define KEY_BYTES 42 /* "Ed" ‖ id ‖ key */
#define KEY_CHARS 56
#define SIG_BYTES 74 /* "ED" ‖ id ‖ signature */
#define SIG_CHARS 100
#define GLOBAL_CHARS 88

_Static_assert(sodium_base64_ENCODED_LEN(KEY_BYTES, sodium_base64_VARIANT_ORIGINAL) == KEY_CHARS + 1,
               "base64");
_Static_assert(sodium_base64_ENCODED_LEN(SIG_BYTES, sodium_base64_VARIANT_ORIGINAL) == SIG_CHARS + 1,
               "base64");
_Static_assert(sodium_base64_ENCODED_LEN(64, sodium_base64_VARIANT_ORIGINAL) == GLOBAL_CHARS + 1, "base64");

/* Exactly n bytes, of one spelling only: padding is required and its spare bits are zero. */
static int from_base64(void *out, size_t n, const char *s, size_t len) {
    size_t got = 0;
    const char *end = NULL;
    /* libsodium 1.0.18 takes the byte 0xAF for '/'. */
    if (!ps_bytes_is_ascii(s, len))
        return PS_EFORMAT;
    if (sodium_base642bin(out, n, s, len, NULL, &got, &end, sodium_base64_VARIANT_ORIGINAL) != 0)
        return PS_EFORMAT;
    return got == n && end == s + len ? 0 : PS_EFORMAT;
}

/* Comments are text; stock minisign parts its default comment by tabs. */
static bool is_comment(const char *s, size_t n) {
    while (n > 0) {
        const char *tab = memchr(s, '\t', n);
        size_t part = tab != NULL ? (size_t)(tab - s) : n;
        if (!ps_bytes_is_text(s, part))
            return false;
        if (tab == NULL)
            return true;
        s += part + 1;
        n -= part + 1;
    }
    return true;
}

/* The next line without its newline, which must be there. NULL with err set. */
static const char *next_line(struct ps_rd *r, size_t *len) {
    const uint8_t *nl = r->err == 0 && r->left > 0 ? memchr(r->p, '\n', r->left) : NULL;
    if (nl == NULL) {
        r->err = r->err != 0 ? r->err : PS_ESHORT;
        return NULL;
    }
    *len = (size_t)(nl - r->p);
    return (const char *)ps_rd_skip(r, *len + 1);
}

/* Cuts the line's fixed beginning off; NULL when it begins otherwise or is no comment. */
static const char *after(const char *line, size_t *len, const char *begin) {
    size_t n = strlen(begin);
    if (*len < n || memcmp(line, begin, n) != 0 || !is_comment(line + n, *len - n))
        return NULL;
    *len -= n;
    return line + n;
}

/* ---- public keys ---- */

int ps_minisign_pubkey_parse(struct ps_pubkey *out, const void *p, size_t n) {
    struct ps_rd r = ps_rd_of(p, n);
    size_t len = 0;
    *out = (struct ps_pubkey){0};
    if (n == 0)
        return PS_ESHORT;
    if (n > PS_MAX_MINISIG)
        return PS_ELIMIT;
    if (n > strlen(UNTRUSTED) && memcmp(p, UNTRUSTED, strlen(UNTRUSTED)) == 0) {
        const char *line = next_line(&r, &len);
        if (line == NULL)
            return r.err;
        if (after(line, &len, UNTRUSTED) == NULL)
            return PS_EFORMAT;
    }
    uint8_t raw[KEY_BYTES];
    const char *text = (const char *)ps_rd_skip(&r, KEY_CHARS);
    if (text == NULL)
        return PS_ESHORT;
    if (from_base64(raw, sizeof raw, text, KEY_CHARS) != 0 || memcmp(raw, "Ed", 2) != 0)
        return PS_EFORMAT;
    if (r.left > 1 || (r.left == 1 && r.p[0] != '\n'))
        return PS_EFORMAT;
    memcpy(out->id, raw + 2, 8);
    memcpy(out->key, raw + 10, 32);
    return 0;
}

void ps_minisign_pubkey_text(const struct ps_pubkey *k, char out[57]) {
    uint8_t raw[KEY_BYTES] = {'E', 'd'};
    memcpy(raw + 2, k->id, 8);
    memcpy(raw + 10, k->key, 32);
    sodium_bin2base64(out, KEY_CHARS + 1, raw, sizeof raw, sodium_base64_VARIANT_ORIGINAL);
}

void ps_minisign_pubkey_write(struct ps_buf *b, const struct ps_pubkey *k, const char *untrusted_comment) {
    char text[KEY_CHARS + 1];
    ps_minisign_pubkey_text(k, text);
    if (b->err == 0 && !is_comment(untrusted_comment, strlen(untrusted_comment)))
        b->err = PS_EINVAL;
    ps_buf_fmt(b, UNTRUSTED "%s\n%s\n", untrusted_comment, text);
}

void ps_minisign_id_text(const uint8_t id[8], char out[17]) {
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < 8; i++) {
        out[2 * i] = digits[id[7 - i] >> 4];
        out[2 * i + 1] = digits[id[7 - i] & 15];
    }
    out[16] = '\0';
}

void ps_minisign_fingerprint(const struct ps_pubkey *k, char out[40]) {
    uint8_t raw[42] = {'E', 'd'}, sum[32];
    memcpy(raw + 2, k->id, 8);
    memcpy(raw + 10, k->key, 32);
    ps_sha256(sum, raw, sizeof(raw));
    for (size_t i = 0; i < 8; i++)
        snprintf(out + 5 * i, 6, "%02X%02X%s", sum[2 * i], sum[2 * i + 1], i < 7 ? " " : "");
}

/* ---- signatures ---- */

int ps_minisign_sig_parse(struct ps_minisig *out, const void *p, size_t n) {
    struct ps_rd r = ps_rd_of(p, n);
    size_t untrusted_len = 0, sig_len = 0, trusted_len = 0, global_len = 0;
    uint8_t raw[SIG_BYTES];
    *out = (struct ps_minisig){0};
    if (n == 0)
        return PS_ESHORT;
    if (n > PS_MAX_MINISIG)
        return PS_ELIMIT;
    const char *untrusted = next_line(&r, &untrusted_len);
    const char *sig = next_line(&r, &sig_len);
    const char *trusted = next_line(&r, &trusted_len);
    const char *global = next_line(&r, &global_len);
    int err = ps_rd_end(&r);
    if (err != 0)
        return err;
    if (after(untrusted, &untrusted_len, UNTRUSTED) == NULL)
        return PS_EFORMAT;
    trusted = after(trusted, &trusted_len, TRUSTED);
    if (trusted == NULL)
        return PS_EFORMAT;
    if (trusted_len > PS_MAX_TRUSTED_COMMENT)
        return PS_ELIMIT;
    if (from_base64(raw, sizeof raw, sig, sig_len) != 0)
        return PS_EFORMAT;
    if (memcmp(raw, "Ed", 2) == 0)
        return PS_EVERSION;
    if (memcmp(raw, "ED", 2) != 0 || from_base64(out->global, 64, global, global_len) != 0)
        return PS_EFORMAT;
    memcpy(out->id, raw + 2, 8);
    memcpy(out->sig, raw + 10, 64);
    memcpy(out->comment, trusted, trusted_len);
    return 0;
}

void ps_minisign_sig_write(struct ps_buf *b, const struct ps_minisig *s, const char *untrusted_comment) {
    uint8_t raw[SIG_BYTES] = {'E', 'D'};
    char sig[SIG_CHARS + 1], global[GLOBAL_CHARS + 1];
    size_t n = strnlen(s->comment, sizeof s->comment);
    memcpy(raw + 2, s->id, 8);
    memcpy(raw + 10, s->sig, 64);
    sodium_bin2base64(sig, sizeof sig, raw, sizeof raw, sodium_base64_VARIANT_ORIGINAL);
    sodium_bin2base64(global, sizeof global, s->global, 64, sodium_base64_VARIANT_ORIGINAL);
    if (b->err == 0 && (n == sizeof s->comment || !is_comment(s->comment, n) ||
                        !is_comment(untrusted_comment, strlen(untrusted_comment))))
        b->err = PS_EINVAL;
    if (b->err == 0)
        ps_buf_fmt(b, UNTRUSTED "%s\n%s\n" TRUSTED "%s\n%s\n", untrusted_comment, sig, s->comment, global);
}

void ps_minisign_prehash(uint8_t out[64], const void *p, size_t n) {
    crypto_generichash(out, 64, p, n, NULL, 0);
}

int ps_minisign_verify(const struct ps_minisig *s, const struct ps_pubkey *k, const void *p, size_t n) {
    uint8_t digest[64], covered[64 + PS_MAX_TRUSTED_COMMENT];
    size_t comment_len = strnlen(s->comment, PS_MAX_TRUSTED_COMMENT);
    if (memcmp(s->id, k->id, 8) != 0)
        return PS_ENOENT;
    ps_minisign_prehash(digest, p, n);
    if (crypto_sign_verify_detached(s->sig, digest, sizeof digest, k->key) != 0)
        return PS_ESIG;
    memcpy(covered, s->sig, 64);
    memcpy(covered + 64, s->comment, comment_len);
    if (crypto_sign_verify_detached(s->global, covered, 64 + comment_len, k->key) != 0)
        return PS_ESIG;
    return 0;
}
