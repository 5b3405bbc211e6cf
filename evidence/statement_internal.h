/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_STATEMENT_INTERNAL_H
#define PS_EVIDENCE_STATEMENT_INTERNAL_H
/*
 * Shared by the files statement*.c and by nobody else: rules for single fields that writer and reader
 * both keep.
 */
#include "evidence/statement.h"
#include <stdbool.h>
#include <stddef.h>

#define PS_NS_PER_MS 1000000

const char *ps_statement_label(uint8_t label); /* "not-seen", "matched", …; NULL */
int ps_statement_label_of(const char *word);
const char *ps_statement_clock(uint8_t clock); /* "unknown", "synced", "unsynced"; NULL */
int ps_statement_clock_of(const char *word);

/* A name inside a clip folder: components of [A-Za-z0-9._-] that begin with a letter or digit, at most one
 * '/', at most PS_MAX_FILE_NAME bytes. */
bool ps_statement_file_name_ok(const char *name);

#endif
