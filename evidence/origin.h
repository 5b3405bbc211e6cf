/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_ORIGIN_H
#define PS_EVIDENCE_ORIGIN_H
/*
 * The name of a station's ledger (docs/FORMAT.md section 13.2):
 *
 *   packseal.invalid/STATION/MARK       MARK: first 8 bytes of SHA-256 of the station's first ledger key, hexadecimal
 *   packseal.invalid/STATION/MARK/N     the N-th ledger of this station, from 2 on
 *   packseal.invalid/STATION[/N]        as the first version of PackSeal named them: not unique
 */
#include "evidence/limits.h"
#include "evidence/note.h"
#include <stdbool.h>
#include <stdint.h>

#define PS_ORIGIN_MARK 16
#define PS_ORIGIN_GENERATIONS 9999

struct ps_origin {
    char station[PS_MAX_STATION_ID + 1];
    char mark[PS_ORIGIN_MARK + 1]; /* "" of an old name */
    unsigned generation;           /* 1: the first ledger */
};

/* The name of a station's first ledger, whose key this is. */
void ps_origin_first(struct ps_origin *out, const char *station, const uint8_t ledger_key[32]);
void ps_origin_name(const struct ps_origin *o, char out[PS_NOTE_NAME + 1]);
/* PS_EFORMAT when no station of ours names its ledger so. */
int ps_origin_parse(struct ps_origin *out, const char *name);
/* May this key bear this name? Of a first ledger with a mark, the mark is the key's; of others nothing is known. */
bool ps_origin_fits(const struct ps_origin *o, const uint8_t ledger_key[32]);

#endif
