/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_REPORT_DOCUMENT_H
#define PS_REPORT_DOCUMENT_H
/*
 * What every form of the report is made from: facts, pictures, a language.
 */
#include "evidence/bytes.h"
#include "report/facts.h"
#include "report/stills.h"

#define PS_DOCUMENT_MAX ((size_t)64 << 20) /* bytes of one report */

struct ps_document {
    const struct ps_facts *facts;
    const struct ps_stills *stills;
    const struct ps_clip *clip;
    enum ps_facts_lang lang;
};

/* One file: no script, nothing from elsewhere, pictures inside; all text escaped. b->err tells. */
void ps_html_write(const struct ps_document *d, struct ps_buf *b);
/* A4. The same facts and pictures give the same bytes (with the same libcairo and fonts). PS_ENOENT: no font. */
int ps_pdf_write(const struct ps_document *d, struct ps_buf *b, struct ps_why *why);
/* One JPEG for a phone, below 1 MB. */
int ps_card_write(const struct ps_document *d, struct ps_buf *b, struct ps_why *why);

#define PS_CARD_MAX 1000000

#endif
