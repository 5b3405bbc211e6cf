/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_LEAF_H
#define PS_EVIDENCE_LEAF_H
/*
 * Ledger leaves (docs/FORMAT.md section 4). A leaf can be served to anyone: it holds no order and no name.
 * Layout, big-endian, at most 512 bytes:
 *   "PSL1" ‖ u8 type ‖ u8 clock ‖ u16 0 ‖ log[16] ‖ u64 index ‖ u64 subject ‖ i64 wall_ns ‖ i64 boot_ns
 *   ‖ boot_id[16] ‖ u32 max_error_us ‖ head[32] ‖ digest[32] ‖ u16 extra_len ‖ extra
 * The leaf's hash in the tree is RFC 6962's SHA-256(0x00 ‖ leaf).
 */
#include "evidence/limits.h"
#include <stddef.h>
#include <stdint.h>

enum ps_leaf_type {
    PS_LEAF_STARTUP = 1,    /* digest: random nonce */
    PS_LEAF_OPEN = 2,       /* digest: SHA-256 of the opening; extra: u32 take; subject = index */
    PS_LEAF_SEAL = 3,       /* subject: index of the open leaf; head: of all tracks; digest: of clip.json */
    PS_LEAF_ABORT = 4,      /* subject: index of the open leaf; head: as journaled; extra: u8 reason */
    PS_LEAF_TOMBSTONE = 5,  /* subject: open leaf of a sealed clip; digest: its seal's; extra: u8 reason */
    PS_LEAF_KEY = 6,        /* reserved: accepted as a leaf, not judged */
    PS_LEAF_CLOCK_STEP = 7, /* the signer's own; subject = index; extra: i64 nanoseconds */
    PS_LEAF_HEALTH = 8,     /* subject = index; digest: of a status; extra: PS_LEAF_HEALTH_EXTRA bytes */
    PS_LEAF_EXPORT = 9,     /* subject: open leaf; digest: of the bundle */
    PS_LEAF_LINK = 10,      /* subject: open leaf; digest: of the salted number */
    PS_LEAF_INTAKE = 11,    /* subject = index; digest: of the intake's statement */
    PS_LEAF_ANCHOR = 12,    /* subject = index; digest: of token and chain */
    PS_LEAF_RECOVERY = 13 /* index 0; digest: of the old ledger's checkpoint; extra: u64 size ‖ str origin */
};

#define PS_LEAF_HEALTH_EXTRA 12 /* docs/FORMAT.md section 4.4 */
#define PS_LEAF_FREE_EXTRA 64   /* of export, link, intake, anchor: at most */

enum ps_tombstone_reason {
    PS_TOMBSTONE_RETENTION = 1, /* its time was over */
    PS_TOMBSTONE_ERASURE = 2,   /* somebody who is in it asked */
    PS_TOMBSTONE_OPERATOR = 3,  /* by hand, for another reason */
    PS_TOMBSTONE_SPACE = 4      /* the disk had to have room for new clips */
};

enum ps_clock_state {
    PS_CLOCK_UNKNOWN = 0,
    PS_CLOCK_SYNCED = 1, /* the kernel says so: adjtimex(2) without STA_UNSYNC */
    PS_CLOCK_UNSYNCED = 2
};

enum ps_abort_reason {
    PS_ABORT_NOTHING_RECORDED = 1, /* not one frame */
    PS_ABORT_LOST = 2,             /* the disk lost the clip folder */
    PS_ABORT_REFUSED = 3           /* could not be sealed; see the journal */
};

struct ps_leaf {
    uint8_t type;          /* enum ps_leaf_type */
    uint8_t clock;         /* enum ps_clock_state */
    uint8_t log[16];       /* ps_leaf_log_id of the ledger key */
    uint64_t index;        /* of this leaf */
    uint64_t subject;      /* index of the leaf it speaks of; its own for open and startup */
    int64_t wall_ns;       /* CLOCK_REALTIME of the signer */
    int64_t boot_ns;       /* CLOCK_BOOTTIME of the signer */
    uint8_t boot_id[16];   /* of the running kernel */
    uint32_t max_error_us; /* adjtimex maxerror */
    uint8_t head[32];
    uint8_t digest[32];
    uint16_t extra_len;
    uint8_t extra[PS_MAX_LEAF - 142];
};

#define PS_LEAF_FIXED 142 /* bytes before extra */

/* Returns the length, at most PS_MAX_LEAF, or PS_EINVAL. */
int ps_leaf_encode(const struct ps_leaf *l, uint8_t out[PS_MAX_LEAF]);
/* Strict: unknown type is PS_EVERSION, trailing bytes PS_ETRAIL, wrong extra_len for a known type PS_EFORMAT. */
int ps_leaf_decode(struct ps_leaf *l, const void *p, size_t n);
/* SHA-256(0x00 ‖ leaf): RFC 6962 section 2.1. */
void ps_leaf_hash(uint8_t out[32], const void *p, size_t n);
/* First 16 bytes of SHA-256("packseal/log/v1\0" ‖ ledger public key). */
void ps_leaf_log_id(uint8_t out[16], const uint8_t ledger_pk[32]);
/* Take number of an open leaf, abort reason of an abort leaf. */
uint32_t ps_leaf_take(const struct ps_leaf *l);
/* "start-up", "open", …; "?" for an unknown type. */
const char *ps_leaf_type_name(uint8_t type);

#endif
