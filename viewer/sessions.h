/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_VIEWER_SESSIONS_H
#define PS_VIEWER_SESSIONS_H
/*
 * Who is signed in: all sessions and bearer tokens, in memory and in viewer.db, there as digests. Looking one up needs neither
 * disk nor database, so that the threads that move bytes may do it. From any thread.
 */
#include "archive/viewer_db.h"
#include "viewer/request.h"

#define PS_SESSIONS_TOKEN 48 /* holds a session's or bearer's token as text: 256 random bits */
#define PS_SESSIONS_MOST 1024
#define PS_SESSIONS_OF_ONE 20 /* of one account; the longest unused one goes */
#define PS_SESSIONS_IDLE_S (12 * 3600)
#define PS_SESSIONS_ABSOLUTE_S (7 * 86400) /* screens know neither */
#define PS_SESSIONS_TOKENS 64

struct ps_sessions;

int ps_sessions_open(struct ps_sessions **out, struct ps_viewer_db *db, struct ps_why *why);
void ps_sessions_close(struct ps_sessions *s);

/* A new session, whose token goes into the cookie. PS_EFULL: too many screens. */
int ps_sessions_make(struct ps_sessions *s, const char *name, const char *role, const char *language,
                     int64_t now_ns, char token[PS_SESSIONS_TOKEN]);
/* Fills all of who but the address; false when there is none, or its time is over. */
bool ps_sessions_find(struct ps_sessions *s, const char *token, int64_t now_ns, struct ps_person *who);
/* Is it still a session or a bearer's token? It does not count as used. */
bool ps_sessions_alive(struct ps_sessions *s, const char *token);
void ps_sessions_drop(struct ps_sessions *s, const char *token);
/* All sessions of an account (or a screen) but the one with this token (NULL: none is spared). */
void ps_sessions_drop_name(struct ps_sessions *s, const char *name, const char *spare);
/* An account's role or language has changed: so have its sessions. */
void ps_sessions_change(struct ps_sessions *s, const char *name, const char *role, const char *language);
/* A name for a new screen: the lowest "screen-N" that is not taken. */
void ps_sessions_screen_name(struct ps_sessions *s, char out[PS_VIEWER_DB_NAME + 1]);
/* Writes down when each was last used, and drops what is over; from time to time. */
void ps_sessions_flush(struct ps_sessions *s, int64_t now_ns);

/* scope: scan, read, export, metrics. PS_EEXIST, PS_EFULL. */
int ps_sessions_bearer_make(struct ps_sessions *s, const char *name, const char *scope, int64_t now_ns,
                            int64_t *id, char token[PS_SESSIONS_TOKEN]);
bool ps_sessions_bearer_find(struct ps_sessions *s, const char *token, int64_t now_ns, struct ps_person *who);
int ps_sessions_bearer_drop(struct ps_sessions *s, int64_t id);

/* One bit of enum ps_role, or 0. */
unsigned ps_sessions_role(const char *word);
const char *ps_sessions_role_word(unsigned role);

#endif
