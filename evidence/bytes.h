/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_BYTES_H
#define PS_EVIDENCE_BYTES_H
/*
 * Bounded reading and growing, bounded writing. All integers are big-endian unless the name ends in `le`.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A cursor over borrowed bytes. After the first failure `err` stays set and every read gives zeros: read
 * many fields, then ask once. */
struct ps_rd {
    const uint8_t *p;
    size_t left;
    int err;
};

struct ps_rd ps_rd_of(const void *p, size_t n);
uint8_t ps_rd_u8(struct ps_rd *r);
uint16_t ps_rd_u16(struct ps_rd *r);
uint32_t ps_rd_u32(struct ps_rd *r);
uint64_t ps_rd_u64(struct ps_rd *r);
uint16_t ps_rd_u16le(struct ps_rd *r);
uint32_t ps_rd_u32le(struct ps_rd *r);
uint64_t ps_rd_u64le(struct ps_rd *r);
void ps_rd_bytes(struct ps_rd *r, void *out, size_t n); /* zeros on failure */
const uint8_t *ps_rd_skip(struct ps_rd *r, size_t n);   /* borrowed, NULL on failure */
struct ps_rd ps_rd_sub(struct ps_rd *r, size_t n);      /* a cursor over the next n bytes */
/* A u16 length and that many bytes of UTF-8 without NUL or control characters, at most cap-1; copied and
 * terminated. */
void ps_rd_str(struct ps_rd *r, char *out, size_t cap);
/* 0 when nothing failed and nothing is left; else PS_ESHORT, PS_ETRAIL or the first error. */
int ps_rd_end(const struct ps_rd *r);

/* A buffer born with its maximum. `err` is sticky, as above. Owns its memory: ps_buf_free. */
struct ps_buf {
    uint8_t *p;
    size_t n, cap, max;
    int err;
};

void ps_buf_init(struct ps_buf *b, size_t max);
void ps_buf_free(struct ps_buf *b); /* wipes nothing; secrets never live here */
void ps_buf_reset(struct ps_buf *b);
void ps_buf_u8(struct ps_buf *b, uint8_t v);
void ps_buf_u16(struct ps_buf *b, uint16_t v);
void ps_buf_u32(struct ps_buf *b, uint32_t v);
void ps_buf_u64(struct ps_buf *b, uint64_t v);
void ps_buf_u16le(struct ps_buf *b, uint16_t v);
void ps_buf_u32le(struct ps_buf *b, uint32_t v);
void ps_buf_u64le(struct ps_buf *b, uint64_t v);
void ps_buf_bytes(struct ps_buf *b, const void *p, size_t n);
void ps_buf_str(struct ps_buf *b, const char *s);  /* u16 length ‖ bytes */
void ps_buf_text(struct ps_buf *b, const char *s); /* the bytes of s alone */
void ps_buf_fmt(struct ps_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Lower-case hexadecimal. `out` takes 2n+1. */
void ps_bytes_hex(char *out, const void *p, size_t n);
/* Exactly n bytes from 2n lower-case digits (len must be 2n); else PS_EFORMAT. */
int ps_bytes_unhex(void *out, size_t n, const char *hex, size_t len);
/* UTF-8 as RFC 3629, no NUL, no control characters (U+0000-1F, U+007F-9F). */
bool ps_bytes_is_text(const char *s, size_t n);
/* Printable ASCII 0x20-0x7E. */
bool ps_bytes_is_ascii(const char *s, size_t n);

#endif
