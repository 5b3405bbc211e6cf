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

/* What errno tells, as one of our errors with the system's words; errno stays. What this user may not do is PS_EIO:
 * PS_EPERM is for most callers the refusal of a signer or server. */
int ps_root_failed(struct ps_why *why, const char *where, const char *what);
/* The same for those who tell people to do it as another user: there it is PS_EPERM. */
int ps_root_failed_or_denied(struct ps_why *why, const char *where, const char *what);

/* A folder by its name, which may be no link. A descriptor, or -1 with errno. */
int ps_root_open_folder(int at, const char *name);
/* The same for ROOT/rest; the root itself may be a link. A descriptor or an error. */
int ps_root_open(const char *root, const char *rest, struct ps_why *why);
/* ROOT/name, made (2750) where missing, opened. */
int ps_root_make(const char *root, const char *name, struct ps_why *why);

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
#define PS_ROOT_ORDERS "viewer/orders.csv" /* the list that clerks send, where packseal.conf names none */
#define PS_ROOT_RUN "run"
#define PS_ROOT_SIGNER_SOCKET "run/signer.sock"
#define PS_ROOT_STAMP_WANTED "run/stamp-wanted" /* empty: somebody has made what wants a time */
#define PS_ROOT_CONTROL_SOCKET "run/control.sock"
#define PS_ROOT_PREVIEW_SOCKET "run/preview.sock"

#endif
