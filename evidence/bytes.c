/* SPDX-License-Identifier: ISC */
#include "evidence/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/error.h"

/* ---- reading ---- */

struct ps_rd ps_rd_of(const void *p, size_t n) {
    return (struct ps_rd){.p = p, .left = n};
}

const uint8_t *ps_rd_skip(struct ps_rd *r, size_t n) {
    if (r->err != 0)
        return NULL;
    if (n > r->left) {
        r->err = PS_ESHORT;
        return NULL;
    }
    /* An empty cursor may hold a null pointer; "found, of no bytes" must not look like a failure. */
    const uint8_t *at = r->p != NULL ? r->p : (const uint8_t *)"";
    if (n > 0)
        r->p += n;
    r->left -= n;
    return at;
}

static uint64_t read_be(struct ps_rd *r, size_t n) {
    const uint8_t *p = ps_rd_skip(r, n);
    uint64_t v = 0;
    for (size_t i = 0; p != NULL && i < n; i++)
        v = v << 8 | p[i];
    return v;
}

static uint64_t read_le(struct ps_rd *r, size_t n) {
    const uint8_t *p = ps_rd_skip(r, n);
    uint64_t v = 0;
    for (size_t i = n; p != NULL && i > 0; i--)
        v = v << 8 | p[i - 1];
    return v;
}

uint8_t ps_rd_u8(struct ps_rd *r) {
    return (uint8_t)read_be(r, 1);
}

uint16_t ps_rd_u16(struct ps_rd *r) {
    return (uint16_t)read_be(r, 2);
}

uint32_t ps_rd_u32(struct ps_rd *r) {
    return (uint32_t)read_be(r, 4);
}

uint64_t ps_rd_u64(struct ps_rd *r) {
    return read_be(r, 8);
}

uint16_t ps_rd_u16le(struct ps_rd *r) {
    return (uint16_t)read_le(r, 2);
}

uint32_t ps_rd_u32le(struct ps_rd *r) {
    return (uint32_t)read_le(r, 4);
}

uint64_t ps_rd_u64le(struct ps_rd *r) {
    return read_le(r, 8);
}

void ps_rd_bytes(struct ps_rd *r, void *out, size_t n) {
    const uint8_t *p = ps_rd_skip(r, n);
    if (n == 0)
        return;
    if (p != NULL)
        memcpy(out, p, n);
    else
        memset(out, 0, n);
}

struct ps_rd ps_rd_sub(struct ps_rd *r, size_t n) {
    const uint8_t *p = ps_rd_skip(r, n);
    if (p == NULL)
        return (struct ps_rd){.err = r->err};
    return ps_rd_of(p, n);
}

void ps_rd_str(struct ps_rd *r, char *out, size_t cap) {
    out[0] = '\0';
    uint16_t n = ps_rd_u16(r);
    if (r->err == 0 && n >= cap)
        r->err = PS_ELIMIT;
    const uint8_t *p = ps_rd_skip(r, n);
    if (p == NULL)
        return;
    if (!ps_bytes_is_text((const char *)p, n)) {
        r->err = PS_EFORMAT;
        return;
    }
    memcpy(out, p, n);
    out[n] = '\0';
}

int ps_rd_end(const struct ps_rd *r) {
    if (r->err != 0)
        return r->err;
    return r->left > 0 ? PS_ETRAIL : 0;
}

/* ---- writing ---- */

void ps_buf_init(struct ps_buf *b, size_t max) {
    *b = (struct ps_buf){.max = max};
}

void ps_buf_free(struct ps_buf *b) {
    free(b->p);
    ps_buf_init(b, b->max);
}

void ps_buf_reset(struct ps_buf *b) {
    b->n = 0;
    b->err = 0;
}

/* Room for n more bytes, or NULL with err set. b->n <= b->cap <= b->max always holds. */
static uint8_t *make_room(struct ps_buf *b, size_t n) {
    if (b->err != 0)
        return NULL;
    if (n > b->max - b->n) {
        b->err = PS_ELIMIT;
        return NULL;
    }
    if (b->p == NULL || n > b->cap - b->n) {
        size_t cap = b->cap < 128 ? 128 : b->cap;
        while (cap - b->n < n)
            cap = cap > b->max / 2 ? b->max : cap * 2;
        if (cap > b->max)
            cap = b->max > 0 ? b->max : 1;
        uint8_t *p = realloc(b->p, cap);
        if (p == NULL) {
            b->err = PS_ENOMEM;
            return NULL;
        }
        b->p = p;
        b->cap = cap;
    }
    uint8_t *at = b->p + b->n;
    b->n += n;
    return at;
}

static void write_be(struct ps_buf *b, uint64_t v, size_t n) {
    uint8_t *at = make_room(b, n);
    for (size_t i = n; at != NULL && i > 0; i--, v >>= 8)
        at[i - 1] = (uint8_t)v;
}

static void write_le(struct ps_buf *b, uint64_t v, size_t n) {
    uint8_t *at = make_room(b, n);
    for (size_t i = 0; at != NULL && i < n; i++, v >>= 8)
        at[i] = (uint8_t)v;
}

void ps_buf_u8(struct ps_buf *b, uint8_t v) {
    write_be(b, v, 1);
}

void ps_buf_u16(struct ps_buf *b, uint16_t v) {
    write_be(b, v, 2);
}

void ps_buf_u32(struct ps_buf *b, uint32_t v) {
    write_be(b, v, 4);
}

void ps_buf_u64(struct ps_buf *b, uint64_t v) {
    write_be(b, v, 8);
}

void ps_buf_u16le(struct ps_buf *b, uint16_t v) {
    write_le(b, v, 2);
}

void ps_buf_u32le(struct ps_buf *b, uint32_t v) {
    write_le(b, v, 4);
}

void ps_buf_u64le(struct ps_buf *b, uint64_t v) {
    write_le(b, v, 8);
}

void ps_buf_bytes(struct ps_buf *b, const void *p, size_t n) {
    uint8_t *at = make_room(b, n);
    if (at != NULL && n > 0)
        memcpy(at, p, n);
}

void ps_buf_str(struct ps_buf *b, const char *s) {
    size_t n = strlen(s);
    /* What no reader would take is not written. */
    if (b->err == 0 && n > UINT16_MAX)
        b->err = PS_ELIMIT;
    if (b->err == 0 && !ps_bytes_is_text(s, n))
        b->err = PS_EINVAL;
    ps_buf_u16(b, (uint16_t)n);
    ps_buf_bytes(b, s, n);
}

void ps_buf_text(struct ps_buf *b, const char *s) {
    ps_buf_bytes(b, s, strlen(s));
}

void ps_buf_fmt(struct ps_buf *b, const char *fmt, ...) {
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0 && b->err == 0)
        b->err = PS_EINVAL;
    /* vsnprintf wants room for a NUL, which is then given back. */
    uint8_t *at = n < 0 ? NULL : make_room(b, (size_t)n);
    if (at != NULL) {
        char small[256];
        if ((size_t)n < sizeof small) {
            vsnprintf(small, sizeof small, fmt, again);
            memcpy(at, small, (size_t)n);
        } else {
            char *big = malloc((size_t)n + 1);
            if (big == NULL) {
                b->n -= (size_t)n;
                b->err = PS_ENOMEM;
            } else {
                vsnprintf(big, (size_t)n + 1, fmt, again);
                memcpy(at, big, (size_t)n);
                free(big);
            }
        }
    }
    va_end(again);
}

/* ---- text ---- */

void ps_bytes_hex(char *out, const void *p, size_t n) {
    static const char digits[] = "0123456789abcdef";
    const uint8_t *in = p;
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[in[i] >> 4];
        out[2 * i + 1] = digits[in[i] & 15];
    }
    out[2 * n] = '\0';
}

static int digit_of(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

int ps_bytes_unhex(void *out, size_t n, const char *hex, size_t len) {
    uint8_t *to = out;
    if (len / 2 != n || len % 2 != 0)
        return PS_EFORMAT;
    for (size_t i = 0; i < n; i++) {
        int hi = digit_of(hex[2 * i]), lo = digit_of(hex[2 * i + 1]);
        if (hi < 0 || lo < 0)
            return PS_EFORMAT;
        to[i] = (uint8_t)(hi << 4 | lo);
    }
    return 0;
}

/* Length of the character at s (RFC 3629 section 4: no overlong form, no surrogate, none past U+10FFFF), or
 * 0 when it is none, is cut, or is a control character. */
static size_t character(const uint8_t *s, size_t n) {
    uint8_t lead = s[0];
    if (lead < 0x80)
        return lead >= 0x20 && lead != 0x7f ? 1 : 0;
    size_t len = lead >= 0xc2 && lead <= 0xdf   ? 2
                 : lead >= 0xe0 && lead <= 0xef ? 3
                 : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                : 0;
    if (len == 0 || len > n)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    uint8_t second = s[1];
    bool bad = (lead == 0xc2 && second < 0xa0) ||  /* U+0080-9F, controls */
               (lead == 0xe0 && second < 0xa0) ||  /* overlong */
               (lead == 0xed && second >= 0xa0) || /* surrogates */
               (lead == 0xf0 && second < 0x90) ||  /* overlong */
               (lead == 0xf4 && second >= 0x90);   /* past U+10FFFF */
    return bad ? 0 : len;
}

bool ps_bytes_is_text(const char *s, size_t n) {
    const uint8_t *p = (const uint8_t *)s;
    while (n > 0) {
        size_t len = character(p, n);
        if (len == 0)
            return false;
        p += len;
        n -= len;
    }
    return true;
}

bool ps_bytes_is_ascii(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (s[i] < 0x20 || s[i] > 0x7e)
            return false;
    }
    return true;
}
