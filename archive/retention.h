/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_RETENTION_H
#define PS_ARCHIVE_RETENTION_H
/*
 * Which clips may go, and why (packseal-prune(1)). The judgement is pure; beside it what it is made from: the ledger's word
 * on each clip, and the list of what was copied elsewhere.
 */
#include "archive/config.h"
#include "archive/root.h"
#include "evidence/leaf.h"
#include "evidence/statement.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PS_RETENTION_UNSTAMPED_DAYS 90 /* a clip without a time from outside waits so much longer for one */

enum ps_retention_word {
    PS_RETENTION_YOUNG, /* nothing to do yet */
    /* It would go, but: */
    PS_RETENTION_HELD,
    PS_RETENTION_UNKNOWN, /* the ledger has no such sealed clip: it is of an earlier one, or was changed */
    PS_RETENTION_UNSTAMPED,
    PS_RETENTION_UNARCHIVED,
    /* It goes: */
    PS_RETENTION_DAYS,
    PS_RETENTION_SPACE
};
const char *ps_retention_word(enum ps_retention_word w); /* "young", "held", … */

struct ps_retention_clip {
    int64_t age_ns; /* since its end */
    bool held, known, stamped, archived;
};
/* by_age: days count. need_room: the reserve is not met. stamps: an authority is configured. archive: a list is. */
enum ps_retention_word ps_retention_judge(const struct ps_config *c, bool by_age, bool need_room,
                                          const struct ps_retention_clip *clip);
/* Bytes to keep free on a disk of this size: reserve_mb or reserve_percent, and at least min_free_mb. */
uint64_t ps_retention_reserve(const struct ps_config *c, uint64_t disk_bytes);
/* A clock that is years ahead would make every clip old: somebody outside has to have said that it is not, the kernel's time
 * service, or a time-stamp token of the last weeks (its time, 0 for none). */
bool ps_retention_clock_is_sure(const struct ps_config *c, int64_t token_ns, int64_t now_ns);

/* ---- what the ledger says */

struct ps_retention_ledger;
struct ps_retention_entry {
    uint64_t clip, seal, tomb; /* entries; tomb 0: none */
    uint8_t digest[32];        /* of the sealed statement */
};

/* Reads every entry of ROOT/ledger. */
int ps_retention_ledger_open(struct ps_retention_ledger **out, const char *root, struct ps_why *why);
void ps_retention_ledger_close(struct ps_retention_ledger *l);
/* A sealed clip; NULL when there is none of that number. */
const struct ps_retention_entry *ps_retention_ledger_clip(const struct ps_retention_ledger *l,
                                                          uint64_t number);
/* The tombstone itself, into out (PS_MAX_LEAF); its length or an error. */
int ps_retention_ledger_tomb(struct ps_retention_ledger *l, const struct ps_retention_entry *e, uint8_t *out);

/* ---- copies elsewhere */

/* Lines as sha256sum(1) writes them; what counts are the digests. */
struct ps_retention_copies;
int ps_retention_copies_open(struct ps_retention_copies **out, const char *path, struct ps_why *why);
void ps_retention_copies_close(struct ps_retention_copies *l);
/* Is the statement of this digest listed, and each film and original that it names? */
bool ps_retention_copies_have(const struct ps_retention_copies *l, const struct ps_clip *clip,
                              const uint8_t digest[32]);

#endif
