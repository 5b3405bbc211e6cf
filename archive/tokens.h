/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_TOKENS_H
#define PS_ARCHIVE_TOKENS_H
/*
 * Time-stamp tokens over checkpoints, on disk: ROOT/tokens/<size, 12 digits>-<authority>[.N]/ with checkpoint,
 * token.tsr, chain.pem and info (docs/FORMAT.md section 15). Folders appear whole, and are never changed or
 * overwritten. What is read here was verified when it was written; who must not rely on that verifies it again.
 */
#include "archive/root.h"
#include "evidence/note.h"
#include "evidence/timestamp.h"
#include <stdint.h>

#define PS_TOKENS_NAME 64
#define PS_TOKENS_AUTHORITY 32

struct ps_tokens_entry { /* what a folder's name tells */
    char name[PS_TOKENS_NAME];
    uint64_t size; /* leaves of the checkpoint */
    char authority[PS_TOKENS_AUTHORITY + 1];
    unsigned nth; /* 1, or N */
};

struct ps_tokens_list {
    struct ps_tokens_entry *v; /* by size, then authority, then N */
    size_t n;
};

struct ps_token {
    struct ps_tokens_entry entry;
    struct ps_checkpoint checkpoint; /* its text; the log's signature is not verified here */
    struct ps_timestamp time;        /* as the token tells; root is zeros */
    uint8_t sha256[32];              /* of token.tsr */
    uint8_t *note, *token, *chain;   /* owned; terminated */
    size_t note_n, token_n, chain_n;
};

/* All tokens; none is no error. Free with ps_tokens_list_free. */
int ps_tokens_list(const char *root, struct ps_tokens_list *out, struct ps_why *why);
void ps_tokens_list_free(struct ps_tokens_list *l);
/* One folder. Free with ps_tokens_free. */
int ps_tokens_read(const char *root, const char *name, struct ps_token *out, struct ps_why *why);
void ps_tokens_free(struct ps_token *t);

/* In these, origin NULL is any ledger and authority NULL is any authority; folders that cannot be read are passed over;
 * PS_ENOENT when there is none. */

/* The newest token: of the greatest checkpoint, the latest; origin NULL prefers the ledger of public/log.vkey. Its code and digest are what an opening takes. */
int ps_tokens_newest(const char *root, const char *origin, const char *authority, struct ps_token *out,
                     struct ps_why *why);
/* The earliest token whose checkpoint covers the leaf: the bound "not after" of that leaf. */
int ps_tokens_covering(const char *root, const char *origin, const char *authority, uint64_t leaf,
                       struct ps_token *out, struct ps_why *why);
/* Calls found() for each token whose signing certificate ends before until_ns: these want to be anchored and stamped
 * anew. Non-zero from found() stops and is returned. */
int ps_tokens_expiring(const char *root, const char *origin, int64_t until_ns,
                       int (*found)(void *ctx, const struct ps_token *t), void *ctx, struct ps_why *why);

struct ps_tokens_new {
    const char *authority; /* [a-z0-9-]{1,32} */
    const char *url;       /* without user and password */
    int64_t asked_ns;      /* the station's own clock */
    const struct ps_checkpoint *checkpoint;
    const struct ps_timestamp *time;
    const void *note, *token, *chain;
    size_t note_n, token_n, chain_n;
};

/* Makes ROOT/tokens where missing; only one at a time may write: a descriptor to be closed, or PS_EBUSY. */
int ps_tokens_lock(const char *root, struct ps_why *why);
/* Under the lock. A further token of this checkpoint and authority gets .2, .3 … */
int ps_tokens_write(const char *root, const struct ps_tokens_new *in, char name[PS_TOKENS_NAME],
                    struct ps_why *why);

#endif
