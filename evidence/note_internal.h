/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_NOTE_INTERNAL_H
#define PS_EVIDENCE_NOTE_INTERNAL_H
/*
 * Shared by note.c and proof.c and by nobody else: the lines of their text formats.
 */
#include "evidence/bytes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* At most cap bytes, of one spelling only: padding is required and its spare bits are zero. *got is their number.
 * PS_EFORMAT; what is far above cap is PS_ELIMIT. */
int ps_note_unbase64(void *out, size_t cap, size_t *got, const char *s, size_t len);
/* Appends base64 of at most PS_NOTE_BASE64 bytes. */
void ps_note_base64(struct ps_buf *b, const void *p, size_t n);
#define PS_NOTE_BASE64 512

/* Decimal as it is written: no sign, no leading zero; below 2^63. */
bool ps_note_decimal(const char *s, size_t len, uint64_t *out);
/* The next line without its line feed, which must be there; NULL with r->err set. Borrowed. */
const char *ps_note_line(struct ps_rd *r, size_t *len);

#endif
