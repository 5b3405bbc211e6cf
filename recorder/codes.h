/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_CODES_H
#define PS_RECORDER_CODES_H
#include "evidence/opening.h"
#include <stdbool.h>

/* What a code is, from its shape alone: type, carrier, and the value normalised (letters upper case, blanks at the
 * ends cut). raw is what the scanner gave, already printable. Known waybill shapes first; then items: EAN-8,
 * EAN-13, UPC-A with a valid check digit (GS1 General Specifications 7.9); else unknown. entry, device and wall_ns are the caller's. */
void ps_codes_classify(const char *raw, struct ps_code *out);

/* GS1 check digit over all digits of s. */
bool ps_codes_gs1_valid(const char *s);

#endif
