/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_VIEWER_RANGE_H
#define PS_VIEWER_RANGE_H
/*
 * Byte ranges and entity tags of HTTP (RFC 9110 sections 8.8.3, 13.1, 14), as far as a player and a cache need them.
 */
#include <stdbool.h>
#include <stdint.h>

/* Of a Range header: 1 one range, its first byte and length, both inside size; 0 to be ignored (several ranges, another unit,
 * malformed): the whole is sent; -1 outside: 416. */
int ps_range_parse(const char *header, uint64_t size, uint64_t *from, uint64_t *n);
/* Is the tag (without quotes) in an If-None-Match list? Weak tags and "*" match. */
bool ps_range_has_tag(const char *header, const char *tag);

#endif
