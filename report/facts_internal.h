/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_REPORT_FACTS_INTERNAL_H
#define PS_REPORT_FACTS_INTERNAL_H
/*
 * Shared by facts.c (which facts there are), facts_time.c (those about time), facts_enclosed.c (those about what the bundle
 * holds besides), facts_table.c (how they are kept) and facts_words.c (how values read). Nobody else includes this. A value
 * out of its range has a word, too.
 */
#include "report/facts.h"
#include <stdbool.h>
#include <stdint.h>

#define PS_FACTS_LINE 1024

/* A witness tells whole seconds, and may have cosigned in the last moment of one (docs/FORMAT.md section 9). */
#define PS_FACTS_WITNESS_NS INT64_C(1000000000)

struct ps_facts_gathering {
    struct ps_facts *f;
    const struct ps_facts_input *in;
    const struct ps_clip *c;
    size_t cap;
    int err; /* the first; afterwards nothing is added */
};

enum { PS_FACTS_WARN = 1, PS_FACTS_MONO = 2, PS_FACTS_HEAD = 4 };

/* A row, in both languages. */
void ps_facts_tell(struct ps_facts_gathering *g, enum ps_facts_section section, enum ps_facts_who who,
                   unsigned flags, const char *label_zh, const char *label_en, const char *zh,
                   const char *en);
/* One whose value needs no words. */
void ps_facts_same(struct ps_facts_gathering *g, enum ps_facts_section section, enum ps_facts_who who,
                   unsigned flags, const char *label_zh, const char *label_en, const char *value);
void ps_facts_hex(struct ps_facts_gathering *g, enum ps_facts_section section, enum ps_facts_who who,
                  const char *label_zh, const char *label_en, const uint8_t digest[32]);
/* zh and en formats take the same arguments in the same order. */
void __attribute__((format(printf, 7, 9), format(printf, 8, 9)))
ps_facts_say(struct ps_facts_gathering *g, enum ps_facts_section section, enum ps_facts_who who,
             unsigned flags, const char *label_zh, const char *label_en, const char *zh, const char *en, ...);
/* Cleaned copies; NULL, with g->err, when there is no memory. */
char *ps_facts_cleaned(struct ps_facts_gathering *g, const char *text);
struct ps_facts_text ps_facts_text_of(struct ps_facts_gathering *g, const char *zh, const char *en);

/* The parts that have a file of their own. */
void ps_facts_times(struct ps_facts_gathering *g);
void ps_facts_enclosed(struct ps_facts_gathering *g);
/* The certificate of the clip's key. */
void ps_facts_certificate(struct ps_facts_gathering *g);

const char *ps_facts_clock(uint8_t clock, bool zh);
const char *ps_facts_label(uint8_t label, bool zh);
const char *ps_facts_kind(uint8_t kind, bool zh);
const char *ps_facts_code_type(uint8_t type, bool zh);
const char *ps_facts_entry(uint8_t entry, bool zh);
const char *ps_facts_moment_name(enum ps_facts_moment_kind kind, bool zh);
const char *ps_facts_container(enum ps_container container, bool zh);
/* Why a clip was removed: a tombstone's reason. */
const char *ps_facts_removed(uint8_t reason, bool zh);
/* Of a gap, in Chinese; the English report has the word of the statement. */
const char *ps_facts_gap(const char *reason);
void ps_facts_duration(int64_t ns, char zh[64], char en[64]);
/* The verdict's answer about time, with its moments. */
void ps_facts_bounds(const struct ps_verdict *v, char zh[PS_FACTS_LINE], char en[PS_FACTS_LINE]);

#endif
