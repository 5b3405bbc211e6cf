/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_OPENING_H
#define PS_EVIDENCE_OPENING_H
/*
 * What is fixed when a clip opens, before the first frame (docs/FORMAT.md section 4.3). The open leaf holds
 * SHA-256 of these bytes; the salt (128 random bits) keeps the orders unguessable. The verifier rebuilds the
 * bytes from clip.json.
 *
 *   "packseal/open/v1\0" ‖ salt[16] ‖ str station ‖ u8 kind ‖ str operator
 *   ‖ u16 codes ‖ codes × (str value ‖ str raw ‖ u8 type ‖ str carrier ‖ u8 entry ‖ str device)
 *   ‖ u16 tracks ‖ tracks × (str camera) ‖ str freshness code ‖ freshness token[32]
 * str = u16 length ‖ UTF-8.
 */
#include "evidence/limits.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ps_buf;

enum ps_code_type {
    PS_CODE_UNKNOWN = 0,
    PS_CODE_WAYBILL = 1,
    PS_CODE_PARCEL = 2,
    PS_CODE_ORDER = 3,
    PS_CODE_SKU = 4
};
/* How a code came. */
enum ps_entry { PS_ENTRY_SCANNER = 1, PS_ENTRY_CAMERA = 2, PS_ENTRY_MANUAL = 3, PS_ENTRY_API = 4 };
enum ps_kind { PS_KIND_PACK = 1, PS_KIND_RETURN = 2, PS_KIND_AUDIT = 3 };

struct ps_code {
    char value[PS_MAX_CODE + 1];   /* normalised: what is searched and shown */
    char raw[PS_MAX_CODE + 1];     /* as it came; bytes that are not printable text appear as %XX */
    uint8_t type;                  /* enum ps_code_type */
    char carrier[PS_MAX_NAME + 1]; /* "" when unknown */
    uint8_t entry;                 /* enum ps_entry */
    char device[PS_MAX_NAME + 1];  /* name of the scanner or camera, "" when none */
    int64_t wall_ns;               /* when; not part of the opening */
};

struct ps_opening {
    uint8_t salt[16];
    char station[PS_MAX_STATION_ID + 1];
    uint8_t kind;                      /* enum ps_kind */
    char operator_id[PS_MAX_NAME + 1]; /* staff number, "" when nobody is signed in */
    uint16_t n_codes, n_tracks;
    struct ps_code codes[PS_MAX_CODES];
    char tracks[PS_MAX_TRACKS][PS_MAX_NAME + 1]; /* camera names */
    char freshness[9]; /* 8 Crockford base32 characters, or "" when no token was known */
    uint8_t token[32]; /* SHA-256 of that token, or zeros */
};

/* Appends the bytes above; b->err is set when a field is out of bounds. */
void ps_opening_encode(const struct ps_opening *o, struct ps_buf *b);
/* Strict; wall_ns of codes is left 0. */
int ps_opening_decode(struct ps_opening *o, const void *p, size_t n);

/* A station's id: 1 to 16 of [A-Za-z0-9-], not beginning with '-' (it begins folder names). */
bool ps_opening_station_ok(const char *station);
/* A code: value not empty, all texts terminated UTF-8 without control characters, known type and entry. */
bool ps_opening_code_ok(const struct ps_code *c);

/* The words of the statement for these enums, both ways; NULL and -1 for the unknown. */
const char *ps_opening_code_type(uint8_t type);
const char *ps_opening_entry(uint8_t entry);
const char *ps_opening_kind(uint8_t kind);
int ps_opening_code_type_of(const char *word);
int ps_opening_entry_of(const char *word);
int ps_opening_kind_of(const char *word);

#endif
