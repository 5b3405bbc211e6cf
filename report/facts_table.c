/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rows of a report as they are gathered.
 */
#include "report/facts_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "evidence/bytes.h"

/* ---- strings --------------------------------------------------------------------------------------------------- */

char *ps_facts_cleaned(struct ps_facts_gathering *g, const char *text) {
    char *s = ps_facts_clean(text);
    if (s == NULL)
        g->err = PS_ENOMEM;
    return s;
}

struct ps_facts_text ps_facts_text_of(struct ps_facts_gathering *g, const char *zh, const char *en) {
    return (struct ps_facts_text){ps_facts_cleaned(g, zh), ps_facts_cleaned(g, en)};
}

/* ---- the table ------------------------------------------------------------------------------------------------- */

void ps_facts_tell(struct ps_facts_gathering *g, enum ps_facts_section section, enum ps_facts_who who,
                   unsigned flags, const char *label_zh, const char *label_en, const char *zh,
                   const char *en) {
    struct ps_facts *f = g->f;
    if (g->err < 0)
        return;
    if (f->n == g->cap) {
        size_t cap = g->cap == 0 ? 128 : 2 * g->cap;
        struct ps_fact *more = realloc(f->facts, cap * sizeof *more);
        if (more == NULL) {
            g->err = PS_ENOMEM;
            return;
        }
        f->facts = more;
        g->cap = cap;
    }
    f->facts[f->n++] = (struct ps_fact){.section = section,
                                        .who = who,
                                        .warn = flags & PS_FACTS_WARN,
                                        .mono = flags & PS_FACTS_MONO,
                                        .head = flags & PS_FACTS_HEAD,
                                        .label = ps_facts_text_of(g, label_zh, label_en),
                                        .value = ps_facts_text_of(g, zh, en)};
}

void ps_facts_same(struct ps_facts_gathering *g, enum ps_facts_section section, enum ps_facts_who who,
                   unsigned flags, const char *label_zh, const char *label_en, const char *value) {
    ps_facts_tell(g, section, who, flags, label_zh, label_en, value, value);
}

void ps_facts_say(struct ps_facts_gathering *g, enum ps_facts_section section, enum ps_facts_who who,
                  unsigned flags, const char *label_zh, const char *label_en, const char *zh, const char *en,
                  ...) {
    char a[PS_FACTS_LINE], b[PS_FACTS_LINE];
    va_list ap;
    va_start(ap, en);
    (void)vsnprintf(a, sizeof a, zh, ap);
    va_end(ap);
    va_start(ap, en);
    (void)vsnprintf(b, sizeof b, en, ap);
    va_end(ap);
    ps_facts_tell(g, section, who, flags, label_zh, label_en, a, b);
}

void ps_facts_hex(struct ps_facts_gathering *g, enum ps_facts_section section, enum ps_facts_who who,
                  const char *label_zh, const char *label_en, const uint8_t digest[32]) {
    char text[65];
    ps_bytes_hex(text, digest, 32);
    ps_facts_same(g, section, who, PS_FACTS_MONO, label_zh, label_en, text);
}
