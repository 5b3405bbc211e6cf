/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_STAMP_H
#define PS_CLI_STAMP_H
/*
 * One checkpoint stamped by one authority: asked, the answer judged, token and what proves it kept. Nothing is written
 * that did not verify.
 */
#include "archive/config.h"
#include "archive/tokens.h"

struct ps_buf;

struct ps_stamp { /* what is to be stamped, made once */
    char root[PS_ROOT_PATH];
    struct ps_vkey log;
    struct ps_checkpoint checkpoint;
    uint8_t *note; /* owned */
    size_t note_n;
    uint8_t imprint[32]; /* SHA-256 of the stamped bytes */
    unsigned timeout, retries;
};

struct ps_stamp_result {
    char name[PS_TOKENS_NAME]; /* of the new token */
    struct ps_timestamp time;
    int64_t skew_ns;     /* authority's clock minus ours */
    unsigned lists;      /* revocation lists kept */
    struct ps_why later; /* what did not come and is not needed, "" nothing */
};

/* Reads public/log.vkey and ledger/checkpoint and checks the log's signature; the note gets the cosignatures that are
 * kept of it. Free with ps_stamp_close. */
int ps_stamp_open(struct ps_stamp *s, const char *root, const struct ps_config *c, struct ps_why *why);
void ps_stamp_close(struct ps_stamp *s);
/* Waits before a further attempt, the first being 0: longer each time. */
void ps_stamp_pause(unsigned attempt);
/* s->note becomes a copy of this one: the same text with more signatures. */
int ps_stamp_take_note(struct ps_stamp *s, struct ps_buf *note);
/* Under the lock of ps_tokens_lock. Errors as ps_http_post and ps_timestamp_verify have them; PS_ETIME too when the
 * authority's clock is not plausible. */
int ps_stamp_ask(const struct ps_stamp *s, const struct ps_config_authority *a, struct ps_stamp_result *out,
                 struct ps_why *why);

#endif
