/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_ROOT_H
#define PS_ARCHIVE_ROOT_H
/*
 * Where things lie under ROOT (docs/FORMAT.md section 1, INSTALL.md). Every path is made here and nowhere else.
 */
#include "evidence/error.h"
#include <stddef.h>

#define PS_ROOT_DEFAULT "/var/lib/packseal"
#define PS_ROOT_PATH 1024

/* --root DIR, else $PACKSEAL_ROOT, else the default; NULL arg means not given. Absolute, no trailing slash. */
int ps_root_resolve(const char *arg, char out[PS_ROOT_PATH], struct ps_why *why);
/* out = root/rest; PS_ELIMIT when too long. */
int ps_root_path(const char *root, const char *rest, char out[PS_ROOT_PATH]);
/* Configuration file: ROOT/packseal.conf, else /etc/packseal/packseal.conf for the default root. */
int ps_root_config(const char *root, char out[PS_ROOT_PATH]);

/* Names below ROOT. */
#define PS_ROOT_CLIPS "clips"
#define PS_ROOT_PART "clips/.part"
#define PS_ROOT_REMOVING "clips/.removing" /* while a clip is being removed */
#define PS_ROOT_REMOVED "clips/.removed"   /* what is kept of those that were */
#define PS_ROOT_HOLDS "holds"
#define PS_ROOT_INDEX "index.db" /* in ROOT, or in the next where that is */
#define PS_ROOT_INDEX_FOLDER "index"
#define PS_ROOT_PUBLIC "public"
#define PS_ROOT_SIGNER "signer"
#define PS_ROOT_LEDGER "ledger"
#define PS_ROOT_TOKENS "tokens"
#define PS_ROOT_WITNESS "witness"
#define PS_ROOT_EXPORTS "exports"
#define PS_ROOT_RUN "run"
#define PS_ROOT_SIGNER_SOCKET "run/signer.sock"
#define PS_ROOT_STAMP_WANTED "run/stamp-wanted" /* empty: somebody has made what wants a time */
#define PS_ROOT_CONTROL_SOCKET "run/control.sock"

#endif
