/* SPDX-License-Identifier: ISC */
#include "evidence/origin.h"

#include <stdio.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/opening.h"
#include "evidence/sha256.h"

#define PREFIX "packseal.invalid/" /* reserved by RFC 2606: nobody owns it */

static void mark_of(const uint8_t key[32], char out[PS_ORIGIN_MARK + 1]) {
    uint8_t sum[32];
    ps_sha256(sum, key, 32);
    ps_bytes_hex(out, sum, PS_ORIGIN_MARK / 2);
}

void ps_origin_first(struct ps_origin *out, const char *station, const uint8_t ledger_key[32]) {
    *out = (struct ps_origin){.generation = 1};
    snprintf(out->station, sizeof out->station, "%s", station);
    mark_of(ledger_key, out->mark);
}

void ps_origin_name(const struct ps_origin *o, char out[PS_NOTE_NAME + 1]) {
    int n =
        snprintf(out, PS_NOTE_NAME + 1, PREFIX "%s%s%s", o->station, o->mark[0] != '\0' ? "/" : "", o->mark);
    if (o->generation > 1)
        snprintf(out + n, (size_t)(PS_NOTE_NAME + 1 - n), "/%u", o->generation);
}

/* A decimal number of a ledger begun anew: from 2, no sign, no leading zero. */
static int read_generation(const char *s, unsigned *out) {
    unsigned v = 0;
    for (const char *p = s; *p != '\0'; p++) {
        if (*p < '0' || *p > '9' || (v == 0 && *p == '0') || v > PS_ORIGIN_GENERATIONS / 10)
            return PS_EFORMAT;
        v = 10 * v + (unsigned)(*p - '0');
    }
    *out = v;
    return v >= 2 ? 0 : PS_EFORMAT;
}

int ps_origin_parse(struct ps_origin *out, const char *name) {
    uint8_t raw[PS_ORIGIN_MARK / 2];
    *out = (struct ps_origin){.generation = 1};
    if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
        return PS_EFORMAT;
    const char *s = name + strlen(PREFIX);
    size_t n = strcspn(s, "/");
    if (n > PS_MAX_STATION_ID)
        return PS_EFORMAT;
    memcpy(out->station, s, n);
    if (!ps_opening_station_ok(out->station))
        return PS_EFORMAT;
    s += n;
    if (*s == '\0')
        return 0;
    /* No number of ours has 16 digits, so that the two never look alike. */
    n = strcspn(++s, "/");
    if (n == PS_ORIGIN_MARK) {
        if (ps_bytes_unhex(raw, sizeof raw, s, n) != 0)
            return PS_EFORMAT;
        memcpy(out->mark, s, n);
        s += n;
        if (*s == '\0')
            return 0;
        s++;
    }
    return read_generation(s, &out->generation);
}

bool ps_origin_fits(const struct ps_origin *o, const uint8_t ledger_key[32]) {
    char mark[PS_ORIGIN_MARK + 1];
    mark_of(ledger_key, mark);
    return o->mark[0] == '\0' || o->generation > 1 || strcmp(o->mark, mark) == 0;
}
