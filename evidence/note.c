/* SPDX-License-Identifier: ISC */
#include "evidence/note.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "evidence/note_internal.h"
#include "evidence/sha256.h"

#define DASH "\xe2\x80\x94 " /* U+2014 and a space begin a signature line */
#define DASH_LEN (sizeof DASH - 1)
#define COSIGNATURE_BYTES (8 + 64)
#define MAX_SIGNATURE 8192 /* bytes: room for post-quantum ones, which are passed over */

/* ---- parts of lines ---- */

int ps_note_unbase64(void *out, size_t cap, size_t *got, const char *s, size_t len) {
    const char *end = NULL;
    *got = 0;
    /* libsodium 1.0.18 takes the byte 0xAF for '/'. */
    if (!ps_bytes_is_ascii(s, len))
        return PS_EFORMAT;
    if (len / 4 * 3 > cap + 2)
        return PS_ELIMIT;
    if (sodium_base642bin(out, cap, s, len, NULL, got, &end, sodium_base64_VARIANT_ORIGINAL) != 0)
        return PS_EFORMAT;
    return end == s + len ? 0 : PS_EFORMAT;
}

void ps_note_base64(struct ps_buf *b, const void *p, size_t n) {
    char text[sodium_base64_ENCODED_LEN(PS_NOTE_BASE64, sodium_base64_VARIANT_ORIGINAL)];
    if (n > PS_NOTE_BASE64) {
        b->err = b->err != 0 ? b->err : PS_ELIMIT;
        return;
    }
    sodium_bin2base64(text, sizeof text, p, n, sodium_base64_VARIANT_ORIGINAL);
    ps_buf_text(b, text);
}

bool ps_note_decimal(const char *s, size_t len, uint64_t *out) {
    uint64_t v = 0;
    if (len == 0 || (s[0] == '0' && len > 1))
        return false;
    for (size_t i = 0; i < len; i++) {
        uint64_t digit = (uint64_t)(uint8_t)s[i] - '0';
        if (digit > 9 || v > (INT64_MAX - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *out = v;
    return true;
}

const char *ps_note_line(struct ps_rd *r, size_t *len) {
    const uint8_t *nl = r->err == 0 && r->left > 0 ? memchr(r->p, '\n', r->left) : NULL;
    *len = 0;
    if (nl == NULL) {
        r->err = r->err != 0 ? r->err : PS_ESHORT;
        return NULL;
    }
    *len = (size_t)(nl - r->p);
    return (const char *)ps_rd_skip(r, *len + 1);
}

/* Unicode's white space beyond ASCII, in UTF-8 as bytes; control characters are no text anyway. */
static bool has_space(const char *s, size_t n) {
    static const char *const spaces[] = {
        " ",
        "\xc2\xa0",
        "\xe1\x9a\x80",
        "\xe2\x80\xa8",
        "\xe2\x80\xa9",
        "\xe2\x80\xaf",
        "\xe2\x81\x9f",
        "\xe3\x80\x80",
    };
    for (size_t i = 0; i < sizeof spaces / sizeof spaces[0]; i++) {
        if (memmem(s, n, spaces[i], strlen(spaces[i])) != NULL)
            return true;
    }
    for (size_t i = 0; i + 2 < n; i++) { /* U+2000 to U+200A */
        if (memcmp(s + i, "\xe2\x80", 2) == 0 && (uint8_t)s[i + 2] >= 0x80 && (uint8_t)s[i + 2] <= 0x8a)
            return true;
    }
    return false;
}

/* A key's name: 0, PS_ELIMIT or PS_EFORMAT. */
static int check_name(const char *s, size_t n) {
    if (n > PS_NOTE_NAME)
        return PS_ELIMIT;
    if (n == 0 || !ps_bytes_is_text(s, n) || memchr(s, '+', n) != NULL || has_space(s, n))
        return PS_EFORMAT;
    return 0;
}

static int take_name(char out[PS_NOTE_NAME + 1], const char *s, size_t n) {
    int err = check_name(s, n);
    if (err != 0)
        return err;
    memcpy(out, s, n);
    out[n] = '\0';
    return 0;
}

/* ---- keys ---- */

static void key_id(struct ps_vkey *k) {
    struct ps_sha256 h;
    uint8_t sum[32];
    ps_sha256_init(&h);
    ps_sha256_update(&h, k->name, strlen(k->name));
    ps_sha256_update(&h, "\n", 1);
    ps_sha256_update(&h, &k->type, 1);
    ps_sha256_update(&h, k->key, 32);
    ps_sha256_final(&h, sum);
    memcpy(k->id, sum, 4);
}

int ps_note_vkey_make(struct ps_vkey *out, const char *name, uint8_t type, const uint8_t key[32]) {
    *out = (struct ps_vkey){.type = type};
    if (type != PS_NOTE_ED25519 && type != PS_NOTE_COSIGNATURE)
        return PS_EVERSION;
    int err = take_name(out->name, name, strlen(name));
    if (err != 0)
        return err;
    memcpy(out->key, key, 32);
    key_id(out);
    return 0;
}

int ps_note_vkey_parse(struct ps_vkey *out, const char *line, size_t n) {
    uint8_t id[4], typed[MAX_SIGNATURE];
    char name[PS_NOTE_NAME + 1];
    size_t got = 0;
    *out = (struct ps_vkey){0};
    if (n > 0 && line[n - 1] == '\n')
        n--;
    if (n > PS_NOTE_MAX)
        return PS_ELIMIT;
    const char *plus = n > 0 ? memchr(line, '+', n) : NULL;
    if (plus == NULL)
        return PS_EFORMAT;
    int err = take_name(name, line, (size_t)(plus - line));
    if (err != 0)
        return err;
    size_t left = n - (size_t)(plus + 1 - line);
    if (left < 9 || plus[9] != '+' || ps_bytes_unhex(id, 4, plus + 1, 8) != 0)
        return PS_EFORMAT;
    err = ps_note_unbase64(typed, sizeof typed, &got, plus + 10, left - 9);
    if (err != 0)
        return err;
    if (got == 0)
        return PS_EFORMAT;
    if (typed[0] != PS_NOTE_ED25519 && typed[0] != PS_NOTE_COSIGNATURE)
        return PS_EVERSION;
    if (got != 33)
        return PS_EFORMAT;
    struct ps_vkey k;
    err = ps_note_vkey_make(&k, name, typed[0], typed + 1);
    if (err != 0)
        return err;
    if (memcmp(k.id, id, 4) != 0)
        return PS_EFORMAT;
    *out = k;
    return 0;
}

void ps_note_vkey_write(struct ps_buf *b, const struct ps_vkey *k) {
    uint8_t typed[33] = {k->type};
    char id[9];
    memcpy(typed + 1, k->key, 32);
    ps_bytes_hex(id, k->id, 4);
    ps_buf_fmt(b, "%s+%s+", k->name, id);
    ps_note_base64(b, typed, sizeof typed);
}

bool ps_note_vkey_same(const struct ps_vkey *a, const struct ps_vkey *b) {
    return a->type == b->type && memcmp(a->key, b->key, 32) == 0 && strcmp(a->name, b->name) == 0;
}

/* ---- notes ---- */

static int read_signature(struct ps_note_signature *s, const char *line, size_t n) {
    uint8_t raw[4 + MAX_SIGNATURE];
    size_t got = 0;
    if (n < DASH_LEN || memcmp(line, DASH, DASH_LEN) != 0)
        return PS_EFORMAT;
    line += DASH_LEN;
    n -= DASH_LEN;
    const char *space = memchr(line, ' ', n);
    if (space == NULL)
        return PS_EFORMAT;
    size_t name_len = (size_t)(space - line);
    int err = take_name(s->name, line, name_len);
    if (err == 0)
        err = ps_note_unbase64(raw, sizeof raw, &got, space + 1, n - name_len - 1);
    if (err != 0)
        return err;
    if (got <= 4)
        return PS_EFORMAT;
    s->n = got - 4;
    memcpy(s->id, raw, 4);
    memcpy(s->sig, raw + 4, s->n < sizeof s->sig ? s->n : sizeof s->sig);
    return 0;
}

/* Length of the text: up to the last blank line. 0 when there is none. */
static size_t text_of(const char *p, size_t n) {
    for (size_t i = n; i >= 2; i--) {
        if (p[i - 1] == '\n' && p[i - 2] == '\n')
            return i - 1;
    }
    return 0;
}

int ps_note_parse(struct ps_note *out, const void *p, size_t n) {
    *out = (struct ps_note){0};
    if (n == 0)
        return PS_ESHORT;
    if (n > PS_NOTE_MAX)
        return PS_ELIMIT;
    struct ps_note note = {.text = p, .text_len = text_of(p, n)};
    struct ps_rd r = ps_rd_of(p, n);
    if (note.text_len == 0)
        return PS_EFORMAT;
    while (r.left > 0) {
        size_t at = n - r.left, len = 0;
        const char *line = ps_note_line(&r, &len);
        if (line == NULL)
            return r.err;
        if (!ps_bytes_is_text(line, len))
            return PS_EFORMAT;
        if (at <= note.text_len) /* of the text, or the blank line itself */
            continue;
        if (note.n == PS_NOTE_SIGNATURES)
            return PS_ELIMIT;
        int err = read_signature(&note.sigs[note.n++], line, len);
        if (err != 0)
            return err;
    }
    if (note.n == 0)
        return PS_EFORMAT;
    *out = note;
    return 0;
}

void ps_note_cosigned(struct ps_buf *b, const char *text, size_t n, uint64_t time) {
    ps_buf_fmt(b, "cosignature/v1\ntime %" PRIu64 "\n", time);
    ps_buf_bytes(b, text, n);
}

/* One signature by this key, whose name and id it bears. */
static int verify_one(const struct ps_note *note, const struct ps_note_signature *s, const struct ps_vkey *k,
                      uint64_t *time) {
    const uint8_t *sig = s->sig, *covered = (const uint8_t *)note->text;
    size_t n = note->text_len;
    struct ps_buf b;
    int err = PS_ESIG;
    ps_buf_init(&b, PS_NOTE_MAX + 64);
    *time = 0;
    if (k->type == PS_NOTE_COSIGNATURE) {
        struct ps_rd r = ps_rd_of(s->sig, 8);
        *time = ps_rd_u64(&r);
        if (s->n != COSIGNATURE_BYTES || *time > INT64_MAX)
            goto out;
        ps_note_cosigned(&b, note->text, note->text_len, *time);
        if (b.err != 0) {
            err = b.err;
            goto out;
        }
        sig = s->sig + 8;
        covered = b.p;
        n = b.n;
    } else if (k->type != PS_NOTE_ED25519 || s->n != 64) {
        goto out;
    }
    err = crypto_sign_verify_detached(sig, covered, n, k->key) == 0 ? 0 : PS_ESIG;
out:
    ps_buf_free(&b);
    return err;
}

static bool is_of(const struct ps_note_signature *s, const struct ps_vkey *k) {
    return memcmp(s->id, k->id, 4) == 0 && strcmp(s->name, k->name) == 0;
}

int ps_note_verify(const struct ps_note *note, const struct ps_vkey *k, uint64_t *time) {
    uint64_t earliest = UINT64_MAX, one = 0;
    bool found = false;
    if (time != NULL)
        *time = 0;
    for (unsigned i = 0; i < note->n; i++) {
        if (!is_of(&note->sigs[i], k))
            continue;
        int err = verify_one(note, &note->sigs[i], k, &one);
        if (err != 0)
            return err;
        found = true;
        if (one < earliest)
            earliest = one;
    }
    if (found && time != NULL)
        *time = earliest;
    return found ? 0 : PS_ENOENT;
}

static void append(struct ps_buf *b, const struct ps_vkey *k, const uint8_t *sig, size_t n) {
    uint8_t raw[4 + COSIGNATURE_BYTES];
    memcpy(raw, k->id, 4);
    memcpy(raw + 4, sig, n);
    ps_buf_fmt(b, DASH "%s ", k->name);
    ps_note_base64(b, raw, 4 + n);
    ps_buf_text(b, "\n");
}

void ps_note_append(struct ps_buf *b, const struct ps_vkey *k, const uint8_t sig[64]) {
    if (k->type != PS_NOTE_ED25519 && b->err == 0)
        b->err = PS_EINVAL;
    append(b, k, sig, 64);
}

void ps_note_append_cosignature(struct ps_buf *b, const struct ps_vkey *k, uint64_t time,
                                const uint8_t sig[64]) {
    uint8_t timed[COSIGNATURE_BYTES];
    if ((k->type != PS_NOTE_COSIGNATURE || time > INT64_MAX) && b->err == 0)
        b->err = PS_EINVAL;
    for (int i = 0; i < 8; i++)
        timed[i] = (uint8_t)(time >> (56 - 8 * i));
    memcpy(timed + 8, sig, 64);
    append(b, k, timed, sizeof timed);
}

/* ---- checkpoints ---- */

int ps_checkpoint_parse(struct ps_checkpoint *out, const char *text, size_t n) {
    struct ps_rd r = ps_rd_of(text, n);
    struct ps_checkpoint c = {.size = 0};
    size_t origin_len = 0, size_len = 0, root_len = 0, len = 0, got = 0;
    uint8_t nothing[32];
    *out = c;
    if (n > PS_NOTE_MAX)
        return PS_ELIMIT;
    const char *origin = ps_note_line(&r, &origin_len);
    const char *size = ps_note_line(&r, &size_len);
    const char *root = ps_note_line(&r, &root_len);
    if (root == NULL)
        return r.err;
    int err = take_name(c.origin, origin, origin_len);
    if (err != 0)
        return err;
    if (!ps_note_decimal(size, size_len, &c.size) ||
        ps_note_unbase64(c.root, 32, &got, root, root_len) != 0 || got != 32)
        return PS_EFORMAT;
    while (r.left > 0) { /* extensions */
        const char *line = ps_note_line(&r, &len);
        if (line == NULL)
            return r.err;
        if (len == 0 || !ps_bytes_is_text(line, len))
            return PS_EFORMAT;
    }
    ps_sha256(nothing, "", 0);
    if (c.size == 0 && memcmp(c.root, nothing, 32) != 0)
        return PS_EFORMAT;
    *out = c;
    return 0;
}

void ps_checkpoint_write(struct ps_buf *b, const struct ps_checkpoint *c) {
    if (b->err == 0 &&
        (check_name(c->origin, strnlen(c->origin, sizeof c->origin)) != 0 || c->size > INT64_MAX))
        b->err = PS_EINVAL;
    if (b->err != 0)
        return;
    ps_buf_fmt(b, "%s\n%" PRIu64 "\n", c->origin, c->size);
    ps_note_base64(b, c->root, 32);
    ps_buf_text(b, "\n");
}

static int open_note(struct ps_note *note, struct ps_checkpoint *out, const void *p, size_t n,
                     const struct ps_vkey *log) {
    struct ps_checkpoint c;
    *out = (struct ps_checkpoint){.size = 0};
    if (log->type != PS_NOTE_ED25519) /* a witness's key signs no checkpoint of its own */
        return PS_EINVAL;
    int err = ps_note_parse(note, p, n);
    if (err == 0)
        err = ps_note_verify(note, log, NULL);
    if (err == 0)
        err = ps_checkpoint_parse(&c, note->text, note->text_len);
    if (err != 0)
        return err;
    if (strcmp(c.origin, log->name) != 0)
        return PS_ESIG;
    *out = c;
    return 0;
}

int ps_checkpoint_open(struct ps_checkpoint *out, const void *note, size_t n, const struct ps_vkey *log) {
    struct ps_note parsed;
    return open_note(&parsed, out, note, n, log);
}

int ps_checkpoint_stamped(struct ps_buf *b, const void *note, size_t n, const struct ps_vkey *log) {
    struct ps_note parsed;
    struct ps_checkpoint c;
    const struct ps_note_signature *own = NULL;
    int err = open_note(&parsed, &c, note, n, log);
    for (unsigned i = 0; err == 0 && i < parsed.n; i++) {
        if (!is_of(&parsed.sigs[i], log))
            continue;
        if (own != NULL)
            err = PS_EFORMAT;
        own = &parsed.sigs[i];
    }
    if (err != 0)
        return err;
    ps_buf_bytes(b, parsed.text, parsed.text_len);
    ps_buf_text(b, "\n");
    ps_note_append(b, log, own->sig); /* one spelling only: these are the note's own bytes */
    return b->err;
}
