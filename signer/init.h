/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_INIT_H
#define PS_SIGNER_INIT_H
/*
 * A new station: folders, keys, an empty ledger, and what others register.
 *
 * public/clip.pub is the minisign public key of clips, public/log.vkey the ledger key as a C2SP signed-note
 * vkey, named by station and key (evidence/origin.h), public/trust a trust file of both (docs/FORMAT.md section 8).
 */
#include "evidence/error.h"

struct ps_options;

/* Makes it; nothing that exists is overwritten (PS_EEXIST). On success report holds lines for people. */
int ps_init_station(const struct ps_options *o, char report[1024], struct ps_why *why);

#endif
