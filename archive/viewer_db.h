/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_VIEWER_DB_H
#define PS_ARCHIVE_VIEWER_DB_H
/*
 * ROOT/viewer/viewer.db: what people made and no folder could give back: accounts, sessions, tokens, notes, tags, the audit
 * trail, hooks. Written by the viewer alone; SQLite, WAL, synchronous FULL: what was answered is on the disk.
 *
 * One object serves all threads, one at a time. Callbacks run inside that turn: they must not call back in. Strings given
 * to them live until they return. Secrets are not in here: of passwords the Argon2id string, of session and bearer tokens
 * a digest.
 */
#include "evidence/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PS_VIEWER_DB_NAME 32    /* bytes of an account's name */
#define PS_VIEWER_DB_HASH 128   /* crypto_pwhash_STRBYTES */
#define PS_VIEWER_DB_DIGEST 32  /* of a session's or bearer's token */
#define PS_VIEWER_DB_NOTE 4096  /* bytes of a note */
#define PS_VIEWER_DB_NOTES 200  /* of a clip: PS_EFULL above */
#define PS_VIEWER_DB_TAG 48     /* bytes of a tag */
#define PS_VIEWER_DB_TAGS 16    /* of a clip */
#define PS_VIEWER_DB_DETAIL 512 /* bytes of an audit entry's detail; longer ones are cut at a character */

struct ps_viewer_db;

/* Makes ROOT/viewer (0750) and the database where missing. A newer schema is PS_EVERSION. */
int ps_viewer_db_open(struct ps_viewer_db **out, const char *root, struct ps_why *why);
void ps_viewer_db_close(struct ps_viewer_db *d);

/* ---- accounts; names compare without case */

struct ps_viewer_db_account {
    char name[PS_VIEWER_DB_NAME + 1];
    char role[16]; /* packer, clerk, auditor, admin */
    char hash[PS_VIEWER_DB_HASH];
    char language[8];
    bool disabled;
    int64_t made_ns, seen_ns; /* wall clock; seen 0: never signed in */
};

/* PS_EEXIST when the name is taken. */
int ps_viewer_db_account_add(struct ps_viewer_db *d, const struct ps_viewer_db_account *a);
/* PS_ENOENT */
int ps_viewer_db_account_get(struct ps_viewer_db *d, const char *name, struct ps_viewer_db_account *out);
/* Replaces role, hash, language, disabled, seen of a->name. PS_EPERM when no administrator who may sign in would be left. */
int ps_viewer_db_account_put(struct ps_viewer_db *d, const struct ps_viewer_db_account *a);
/* The same, if its role, hash and disabled are still those of `was`: between reading and writing lies a password's digest, and
 * another may have closed the account meanwhile. PS_ESTATE when they are not. */
int ps_viewer_db_account_change(struct ps_viewer_db *d, const struct ps_viewer_db_account *was,
                                const struct ps_viewer_db_account *a);
/* By name. Non-zero of row() stops. */
int ps_viewer_db_accounts(struct ps_viewer_db *d, int (*row)(void *ctx, const struct ps_viewer_db_account *a),
                          void *ctx);
/* Administrators who may sign in. */
int ps_viewer_db_admins(struct ps_viewer_db *d, uint64_t *n);

/* ---- sessions and bearer tokens */

struct ps_viewer_db_session {
    uint8_t digest[PS_VIEWER_DB_DIGEST];
    char name[PS_VIEWER_DB_NAME + 1]; /* account, or "screen-2" */
    bool screen;
    int64_t made_ns, seen_ns;
};
int ps_viewer_db_session_put(struct ps_viewer_db *d, const struct ps_viewer_db_session *s);
int ps_viewer_db_session_drop(struct ps_viewer_db *d, const uint8_t digest[PS_VIEWER_DB_DIGEST]);
int ps_viewer_db_sessions(struct ps_viewer_db *d, int (*row)(void *ctx, const struct ps_viewer_db_session *s),
                          void *ctx);

struct ps_viewer_db_token {
    int64_t id;
    uint8_t digest[PS_VIEWER_DB_DIGEST];
    char name[PS_VIEWER_DB_NAME + 1];
    char scope[16]; /* scan, read, export, metrics */
    int64_t made_ns, used_ns;
};
/* Sets t->id. PS_EEXIST when the name is taken. */
int ps_viewer_db_token_add(struct ps_viewer_db *d, struct ps_viewer_db_token *t);
int ps_viewer_db_token_used(struct ps_viewer_db *d, int64_t id, int64_t used_ns);
/* PS_ENOENT */
int ps_viewer_db_token_drop(struct ps_viewer_db *d, int64_t id);
int ps_viewer_db_tokens(struct ps_viewer_db *d, int (*row)(void *ctx, const struct ps_viewer_db_token *t),
                        void *ctx);

/* ---- notes and tags of clips; clip as "ST03-0000123", which the caller has looked up */

struct ps_viewer_db_note {
    int64_t id, at_ns;
    const char *clip, *who, *text;
};
int ps_viewer_db_note_add(struct ps_viewer_db *d, const char *clip, const char *who, int64_t at_ns,
                          const char *text, int64_t *id);
/* Oldest first. */
int ps_viewer_db_notes(struct ps_viewer_db *d, const char *clip,
                       int (*row)(void *ctx, const struct ps_viewer_db_note *n), void *ctx);

/* Replaces all tags of the clip; n at most PS_VIEWER_DB_TAGS. */
int ps_viewer_db_tags_put(struct ps_viewer_db *d, const char *clip, const char *const *tags, size_t n);
int ps_viewer_db_tags(struct ps_viewer_db *d, const char *clip, int (*row)(void *ctx, const char *tag),
                      void *ctx);
/* Clips that have the tag (case as written), latest tagged first. */
int ps_viewer_db_tagged(struct ps_viewer_db *d, const char *tag, int (*row)(void *ctx, const char *clip),
                        void *ctx);
/* All tags in use, by name. */
int ps_viewer_db_all_tags(struct ps_viewer_db *d, int (*row)(void *ctx, const char *tag, uint64_t clips),
                          void *ctx);

/* ---- audit trail */

struct ps_viewer_db_audit {
    int64_t at_ns;
    const char *who, *from, *what, *clip, *detail; /* from: an address; clip and detail may be "" */
};
int ps_viewer_db_audit_add(struct ps_viewer_db *d, const struct ps_viewer_db_audit *a);

struct ps_viewer_db_audit_query {
    int64_t from_ns, to_ns; /* INT64_MIN, INT64_MAX: open */
    const char *who, *what; /* NULL: any */
    unsigned limit;
    uint64_t offset;
};
/* Newest first. */
int ps_viewer_db_audits(struct ps_viewer_db *d, const struct ps_viewer_db_audit_query *q,
                        int (*row)(void *ctx, const struct ps_viewer_db_audit *a), void *ctx);
/* Entries older than this go; how many went in *n. */
int ps_viewer_db_audit_prune(struct ps_viewer_db *d, int64_t before_ns, uint64_t *n);

/* ---- hooks, and what waits to be delivered to them */

struct ps_viewer_db_hook {
    int64_t id;
    char url[512];
    char events[256]; /* words with commas between */
    char secret[65];  /* it signs, so it must be here as it is */
    int64_t last_ns;  /* of the last delivery that was taken; 0: none */
    uint32_t failing; /* deliveries in a row that were not */
    uint64_t dropped; /* deliveries that were given up */
};
/* Sets h->id. */
int ps_viewer_db_hook_add(struct ps_viewer_db *d, struct ps_viewer_db_hook *h);
/* Replaces last, failing and dropped. */
int ps_viewer_db_hook_put(struct ps_viewer_db *d, const struct ps_viewer_db_hook *h);
/* With all that waits for it. PS_ENOENT */
int ps_viewer_db_hook_drop(struct ps_viewer_db *d, int64_t id);
int ps_viewer_db_hooks(struct ps_viewer_db *d, int (*row)(void *ctx, const struct ps_viewer_db_hook *h),
                       void *ctx);

struct ps_viewer_db_delivery {
    int64_t id, hook;
    const char *event, *body;
    uint32_t tries;
    int64_t next_ns;
};
/* Sets *id. PS_EFULL above 10000 waiting for one hook. */
int ps_viewer_db_delivery_add(struct ps_viewer_db *d, const struct ps_viewer_db_delivery *v, int64_t *id);
int ps_viewer_db_delivery_put(struct ps_viewer_db *d, int64_t id, uint32_t tries, int64_t next_ns);
int ps_viewer_db_delivery_drop(struct ps_viewer_db *d, int64_t id);
/* Those that are due at now_ns, longest waiting first, at most limit. */
int ps_viewer_db_deliveries(struct ps_viewer_db *d, int64_t now_ns, unsigned limit,
                            int (*row)(void *ctx, const struct ps_viewer_db_delivery *v), void *ctx);
/* When the next is due; INT64_MAX: none waits. */
int ps_viewer_db_delivery_next(struct ps_viewer_db *d, int64_t *next_ns);

#endif
