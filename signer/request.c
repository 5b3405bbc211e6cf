/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signer/request.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/json.h"
#include "evidence/opening.h"
#include "evidence/sha256.h"
#include "evidence/statement.h"

#define TYPE "packseal-request"

void ps_request_write(const struct ps_request *r, struct ps_buf *b) {
    char clip[57], made[32];

    ps_minisign_pubkey_text(&r->clip_key, clip);
    ps_statement_time_text(r->made_ns, made);
    ps_buf_fmt(b,
               "{\"type\":\"" TYPE
               "\",\"version\":1,\"crit\":[],\n\"station\":\"%s\",\n\"clip_key\":\"%s\",\n"
               "\"ledger_key\":\"",
               r->station, clip);
    ps_note_vkey_write(b, &r->ledger_key); /* neither quotes nor backslashes stand in a vkey of ours */
    ps_buf_fmt(b, "\",\n\"made\":\"%s\"}\n", made);
}

void ps_request_comment(const struct ps_request *r, const void *p, size_t n,
                        char out[PS_MAX_TRUSTED_COMMENT + 1]) {
    uint8_t sum[32];
    char hex[65];

    ps_sha256(sum, p, n);
    ps_bytes_hex(hex, sum, sizeof(sum));
    snprintf(out, PS_MAX_TRUSTED_COMMENT + 1, "packseal v1 request %s sha256 %s", r->station, hex);
}

/* All keys of version 1 are known, so crit may name no other. */
static bool crit_ok(const json_t *o) {
    static const char *const known[] = {"type",     "version",    "crit", "station",
                                        "clip_key", "ledger_key", "made"};
    const json_t *crit = json_object_get(o, "crit"), *one;
    size_t i;

    json_array_foreach(crit, i, one) {
        bool found = false;
        for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
            found |= json_is_string(one) && strcmp(json_string_value(one), known[k]) == 0;
        if (!found)
            return false;
    }
    return json_is_array(crit);
}

static int read_members(struct ps_request *out, const json_t *o, struct ps_why *why) {
    const char *type = json_string_value(json_object_get(o, "type"));
    const char *station = json_string_value(json_object_get(o, "station"));
    const char *clip = json_string_value(json_object_get(o, "clip_key"));
    const char *ledger = json_string_value(json_object_get(o, "ledger_key"));
    const char *made = json_string_value(json_object_get(o, "made"));

    if (type == NULL || strcmp(type, TYPE) != 0)
        return ps_error_why(why, PS_EFORMAT, "type", "is no request of a station");
    if (json_integer_value(json_object_get(o, "version")) != 1 || !crit_ok(o))
        return ps_error_why(why, PS_EVERSION, "version", "is of a later version of PackSeal");
    if (station == NULL || !ps_opening_station_ok(station))
        return ps_error_why(why, PS_EFORMAT, "station", "is no station's id");
    snprintf(out->station, sizeof(out->station), "%s", station);
    if (clip == NULL || strlen(clip) != 56 || ps_minisign_pubkey_parse(&out->clip_key, clip, 56) != 0)
        return ps_error_why(why, PS_EFORMAT, "clip_key", "is no minisign public key");
    if (ledger == NULL || ps_note_vkey_parse(&out->ledger_key, ledger, strlen(ledger)) != 0 ||
        out->ledger_key.type != PS_NOTE_ED25519)
        return ps_error_why(why, PS_EFORMAT, "ledger_key", "is no verifier key of a ledger");
    if (made == NULL || ps_statement_time_of(made, &out->made_ns) != 0)
        return ps_error_why(why, PS_EFORMAT, "made", "is no time");
    return 0;
}

int ps_request_open(struct ps_request *out, const void *p, size_t n, const void *sig, size_t sig_n,
                    struct ps_why *why) {
    struct ps_minisig s;
    json_t *o = NULL;

    memset(out, 0, sizeof(*out));
    if (n > PS_REQUEST_MAX)
        return ps_error_why(why, PS_ELIMIT, "request", "is too long");
    int err = ps_json_parse(&o, p, n, why);
    if (err != 0)
        return err;
    err = read_members(out, o, why);
    json_decref(o);
    if (err != 0)
        return err;
    if ((err = ps_minisign_sig_parse(&s, sig, sig_n)) != 0)
        return ps_error_why(why, err, "request", "its signature cannot be read: %s", ps_error_text(err));
    if (ps_minisign_verify(&s, &out->clip_key, p, n) != 0)
        return ps_error_why(why, PS_ESIG, "request",
                            "is not signed by the clip key that it names: ask the station for it again");
    return 0;
}
