/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_JSON_H
#define PS_EVIDENCE_JSON_H
/*
 * The strict JSON of signed statements (docs/FORMAT.md section 5). A one-pass lexer enforces what jansson
 * does not: no floats, null, BOM, escapes other than \" and \\, control characters or trailing bytes;
 * integers within ±(2^53-1), no "-0"; keys [a-z0-9_]{1,48}; depth <= 8; bounded number of values and string
 * length. Then jansson builds the tree (duplicate keys rejected).
 */
#include "evidence/error.h"
#include <jansson.h>
#include <stddef.h>

/* *out is a new reference, owned by the caller. The root must be an object. Errors: PS_EFORMAT, PS_ELIMIT,
 * PS_ENOMEM; why->where is "byte N". */
int ps_json_parse(json_t **out, const void *p, size_t n, struct ps_why *why);
/* Lexer alone: what the rules say of the bytes, without building anything. */
int ps_json_check(const void *p, size_t n, struct ps_why *why);

/* Appends s as a JSON string with quotes, escaping only \" and \\ (the caller's text has no controls). */
struct ps_buf;
void ps_json_quote(struct ps_buf *b, const char *s);

#endif
