/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_SEAL_CHECK_H
#define PS_SIGNER_SEAL_CHECK_H
/*
 * Is a statement what was witnessed? Pure. The parser has checked before that it is consistent in itself.
 */
#include "evidence/error.h"
#include "evidence/statement.h"
#include "signer/witness.h"
#include <stdint.h>

/* Who this signer is: what a statement must say of it. */
struct ps_seal_check_me {
    const char *station;
    const struct ps_pubkey *key;
    const uint8_t *ledger_key;    /* 32 */
    const uint8_t *signer_sha256; /* 32 */
};

/* 0, or PS_EPERM with where and why. boot_ns is now. */
int ps_seal_check_against(const struct ps_clip *c, const struct ps_witness_clip *w,
                          const struct ps_seal_check_me *me, int64_t boot_ns, struct ps_why *why);

#endif
