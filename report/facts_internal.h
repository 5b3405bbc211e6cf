/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_REPORT_FACTS_INTERNAL_H
#define PS_REPORT_FACTS_INTERNAL_H
/*
 * Shared by facts.c (which facts there are) and facts_words.c (how values read). Nobody else includes this. A value out
 * of its range has a word, too.
 */
#include "report/facts.h"
#include <stdbool.h>
#include <stdint.h>

#define PS_FACTS_LINE 1024

const char *ps_facts_clock(uint8_t clock, bool zh);
const char *ps_facts_label(uint8_t label, bool zh);
const char *ps_facts_kind(uint8_t kind, bool zh);
const char *ps_facts_code_type(uint8_t type, bool zh);
const char *ps_facts_entry(uint8_t entry, bool zh);
const char *ps_facts_moment_name(enum ps_facts_moment_kind kind, bool zh);
const char *ps_facts_container(enum ps_container container, bool zh);
/* Of a gap, in Chinese; the English report has the word of the statement. */
const char *ps_facts_gap(const char *reason);
void ps_facts_duration(int64_t ns, char zh[64], char en[64]);
/* The verdict's answer about time, with its moments. */
void ps_facts_bounds(const struct ps_verdict *v, char zh[PS_FACTS_LINE], char en[PS_FACTS_LINE]);

#endif
