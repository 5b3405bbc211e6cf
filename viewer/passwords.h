/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_VIEWER_PASSWORDS_H
#define PS_VIEWER_PASSWORDS_H
/*
 * Passwords: Argon2id (RFC 9106) by libsodium, 64 MiB each. Two at a time and a few that wait: memory is the station's.
 */
#include "archive/viewer_db.h"

#define PS_PASSWORDS_LEAST 10 /* characters */
#define PS_PASSWORDS_MOST 256 /* bytes */

/* Once, at the start. */
int ps_passwords_init(void);
/* NULL, or what is wrong with it. */
const char *ps_passwords_weak(const char *name, const char *password);
/* PS_EBUSY: too many wait. */
int ps_passwords_hash(const char *password, char out[PS_VIEWER_DB_HASH]);
/* 0 when it is the password. hash NULL: there is no such account; takes as long, and is PS_EPERM. PS_EBUSY. */
int ps_passwords_check(const char *hash, const char *password);

#endif
