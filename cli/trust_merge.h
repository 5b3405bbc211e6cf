/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_TRUST_MERGE_H
#define PS_CLI_TRUST_MERGE_H
/*
 * What others hand to a platform, put into its trust file line by line: never twice, and never against what stands there
 * (docs/FORMAT.md section 8). Texts for people are in the language in use.
 */
#include "evidence/bytes.h"
#include "evidence/trust.h"

enum ps_trust_merge_said {
    PS_TRUST_MERGE_NEW,
    PS_TRUST_MERGE_THERE,
    PS_TRUST_MERGE_CONFLICT,
    PS_TRUST_MERGE_LEFT
};

struct ps_trust_merge_entry { /* one line, as it is told */
    enum ps_trust_merge_said said;
    const char *kind;  /* clip, revoked, root, tsa, witness, log */
    const char *line;  /* as it would stand in the file */
    const char *print; /* fingerprint, or "" */
    const char *why;   /* of a conflict, or of what is left out; else "" */
};

struct ps_trust_merge {
    struct ps_buf text; /* the trust file, with what is new */
    struct ps_trust all;
    unsigned fresh, conflicts;
    bool
        authorities; /* take tsa and witness lines, too: whom a platform believes in time is its own affair */
    void (*tell)(void *ctx, const struct ps_trust_merge_entry *e);
    void *ctx;
};

/* Begins with the trust file as it is; NULL: a new one. PS_EFORMAT when it is none, or a single public key. */
int ps_trust_merge_begin(struct ps_trust_merge *m, const void *p, size_t n, struct ps_why *why);
void ps_trust_merge_end(struct ps_trust_merge *m);
/* Puts every entry of a trust file in; tells each. 0 also when some are refused: see m->conflicts. */
int ps_trust_merge_file(struct ps_trust_merge *m, const struct ps_trust *in, struct ps_why *why);
/* Tells every entry of m->all as PS_TRUST_MERGE_THERE. */
int ps_trust_merge_list(struct ps_trust_merge *m);

/* Is this an enrolment note by its first line? */
bool ps_trust_merge_is_note(const void *p, size_t n);
/* Its signature by the root key that it names, and what it says as the text of a trust file. PS_ESIG and others with why. */
int ps_trust_merge_note(struct ps_buf *out, const void *p, size_t n, const void *sig, size_t sig_n,
                        struct ps_why *why);

#endif
