/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_REQUEST_H
#define PS_SIGNER_REQUEST_H
/*
 * What a station asks the root key to certify (docs/FORMAT.md section 16.2): strict JSON, signed by minisign with the
 * clip key itself, which shows that the station has it.
 *
 *   {"type":"packseal-request","version":1,"crit":[],
 *   "station":"ST03","clip_key":"RWQ…","ledger_key":"NAME+HASH+BASE64","made":"…Z"}
 */
#include "evidence/limits.h"
#include "evidence/minisign.h"
#include "evidence/note.h"
#include <stdint.h>

struct ps_buf;

#define PS_REQUEST_MAX 4096

struct ps_request {
    char station[PS_MAX_STATION_ID + 1];
    struct ps_pubkey clip_key;
    struct ps_vkey ledger_key;
    int64_t made_ns;
};

void ps_request_write(const struct ps_request *r, struct ps_buf *b);
/* "packseal v1 request ST03 sha256 HEX" */
void ps_request_comment(const struct ps_request *r, const void *p, size_t n,
                        char out[PS_MAX_TRUSTED_COMMENT + 1]);
/* Reads it and checks the signature of the key that it names: PS_ESIG when that fails. */
int ps_request_open(struct ps_request *out, const void *p, size_t n, const void *sig, size_t sig_n,
                    struct ps_why *why);

#endif
