/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_VIEWER_HOOKS_H
#define PS_VIEWER_HOOKS_H
/*
 * Webhooks (docs/API.md, "Webhooks"): what happened at the station is told to addresses that an administrator named. Kept in
 * viewer.db until it was taken, so that a restart loses none; one thread delivers, and a dead address holds up no other.
 */
#include "archive/viewer_db.h"
#include <jansson.h>

struct ps_hooks;

/* db outlives it. Starts the thread. */
int ps_hooks_new(struct ps_hooks **out, struct ps_viewer_db *db, const char *station, struct ps_why *why);
/* What was under way is tried again at the next start. */
void ps_hooks_free(struct ps_hooks *h);
/* From any thread: an event of the station, docs/PROTOCOL.md "Events". Cheap when no hook wants it. */
void ps_hooks_tell(struct ps_hooks *h, const char *event, const json_t *o);

/* X-PackSeal-Signature: "hmac-sha256=" and the hex of HMAC-SHA-256 (RFC 2104, FIPS 198-1) under the characters of secret. */
#define PS_HOOKS_SIGNATURE 77
void ps_hooks_sign(const char *secret, const char *time, const char *body, char out[PS_HOOKS_SIGNATURE]);

#endif
