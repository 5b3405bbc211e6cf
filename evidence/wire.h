/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_WIRE_H
#define PS_EVIDENCE_WIRE_H
/*
 * The words between the signer and its clients (docs/PROTOCOL.md): bytes in, structs out, no sockets.
 * One datagram each: u8 version (1) ‖ u8 word ‖ u16 0 ‖ body. A message ends where it says.
 */
#include "evidence/leaf.h"
#include "evidence/limits.h"
#include "evidence/minisign.h"
#include "evidence/record.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ps_buf;

enum ps_wire_word {
    PS_WIRE_STATUS = 1,  /* -> STATUS_IS */
    PS_WIRE_OPEN = 2,    /* body: opening bytes (evidence/opening.h) -> OPENED */
    PS_WIRE_SEGMENT = 3, /* u64 clip ‖ u8 late ‖ record -> ACK */
    PS_WIRE_END = 4,     /* u64 clip: no more segments in real time; another clip may open -> ACK */
    PS_WIRE_SEAL = 5,    /* u64 clip ‖ u32 size; the statement comes as one sealed memfd -> SEALED */
    PS_WIRE_ABORT = 6,   /* u64 clip ‖ u8 reason -> ACK */
    PS_WIRE_RECORDS = 7, /* u64 clip ‖ u32 first: journaled records -> RECORDS_ARE, up to 48 a reply */
    PS_WIRE_APPEND = 8, /* u8 leaf type ‖ u64 subject ‖ digest[32] ‖ u16 length ‖ extra -> APPENDED */
    PS_WIRE_KEY = 9, /* u16 length ‖ certificate or revocation ‖ u16 length ‖ its signature -> APPENDED */
    PS_WIRE_STATUS_IS = 129,
    PS_WIRE_OPENED = 130,
    PS_WIRE_ACK = 131, /* empty: journaled and fsynced */
    PS_WIRE_SEALED = 133,
    PS_WIRE_RECORDS_ARE = 135,
    PS_WIRE_APPENDED = 136,
    PS_WIRE_REFUSED = 255 /* u8 reason ‖ str text */
};

enum ps_wire_refusal {
    PS_REFUSED_FORMAT = 1,    /* does not parse: the connection ends after this */
    PS_REFUSED_PEER = 2,      /* this word is not for this peer */
    PS_REFUSED_STATE = 3,     /* no such clip, another is open, already sealed with other bytes */
    PS_REFUSED_SEQUENCE = 4,  /* sequence not contiguous, digest seen before, start not the sum */
    PS_REFUSED_AHEAD = 5,     /* durations run ahead of the signer's clock: send it as late */
    PS_REFUSED_STATEMENT = 6, /* the statement is not what was journaled; text says where */
    PS_REFUSED_RATE = 7,      /* too many requests */
    PS_REFUSED_DISK = 8       /* the journal cannot be written */
};

#define PS_WIRE_MAX_NOTE 1024 /* bytes of a checkpoint with the ledger key's signature alone */
#define PS_WIRE_MAX_PENDING 4 /* clips that ended and are not yet sealed, besides the open one */

struct ps_wire_pending {
    uint64_t clip;
    uint8_t ended;          /* END was said, or the signer restarted */
    uint8_t same_boot;      /* opened in the kernel that runs now */
    uint32_t records, late; /* journaled: all, and of these late */
};

struct ps_wire_status {
    char station[PS_MAX_STATION_ID + 1];
    uint64_t leaves;
    uint8_t confined; /* bits: 1 no_new_privs, 2 rlimits, 4 seccomp, 8 memory locked, 16 separated users */
    uint8_t root[32]; /* of the ledger's tree */
    uint8_t signer_sha256[32]; /* of the running executable */
    uint8_t boot_id[16];
    struct ps_pubkey key; /* clip key */
    uint8_t ledger_key[32];
    uint8_t n_pending;
    struct ps_wire_pending pending[PS_WIRE_MAX_PENDING + 1];
};

struct ps_wire_opened {
    uint64_t clip;
    uint32_t take;
    uint16_t leaf_len;
    uint8_t leaf[PS_MAX_LEAF];
};

enum ps_wire_late { PS_WIRE_WITNESSED = 0, PS_WIRE_LATE = 1, PS_WIRE_PREROLL = 2 };

struct ps_wire_segment {
    uint64_t clip;
    uint8_t late; /* enum ps_wire_late */
    uint8_t record[PS_RECORD_SIZE];
};

struct ps_wire_sealed {
    uint16_t leaf_len, sig_len, note_len;
    uint8_t leaf[PS_MAX_LEAF];
    char sig[PS_MAX_MINISIG + 1]; /* the signature file, text */
    char note[PS_WIRE_MAX_NOTE +
              1]; /* the signed checkpoint whose last leaf is this one, text; "" when there is none */
};

struct ps_wire_append {
    uint8_t type;     /* enum ps_leaf_type */
    uint64_t subject; /* a clip for tombstone, export, link; 0 for those that speak of themselves */
    uint8_t digest[32];
    uint16_t extra_len;
    uint8_t extra[PS_MAX_LEAF - PS_LEAF_FIXED];
};

struct ps_wire_key { /* borrowed bytes */
    const uint8_t *text, *sig;
    uint16_t n, sig_n;
};

struct ps_wire_appended {
    uint64_t index;
    uint16_t leaf_len;
    uint8_t leaf[PS_MAX_LEAF];
};

struct ps_wire_records {
    uint64_t clip;
    uint32_t first, n; /* n = 0: no more */
    struct {
        uint8_t late;
        uint8_t record[PS_RECORD_SIZE];
    } r[48];
};

struct ps_wire_refused {
    uint8_t reason; /* enum ps_wire_refusal */
    char text[256];
};

/* Word of a datagram, or PS_EFORMAT / PS_EVERSION; *body is its rest. */
int ps_wire_word(const void *p, size_t n, const uint8_t **body, size_t *body_n);

/* Writers append a whole datagram; b->err tells. Readers take the body. */
void ps_wire_put_simple(struct ps_buf *b, uint8_t word);              /* STATUS, ACK */
void ps_wire_put_clip(struct ps_buf *b, uint8_t word, uint64_t clip); /* END */
void ps_wire_put_open(struct ps_buf *b, const void *opening, size_t n);
void ps_wire_put_segment(struct ps_buf *b, const struct ps_wire_segment *s);
void ps_wire_put_seal(struct ps_buf *b, uint64_t clip, uint32_t size);
void ps_wire_put_abort(struct ps_buf *b, uint64_t clip, uint8_t reason);
void ps_wire_put_records_from(struct ps_buf *b, uint64_t clip, uint32_t first);
void ps_wire_put_status_is(struct ps_buf *b, const struct ps_wire_status *s);
void ps_wire_put_opened(struct ps_buf *b, const struct ps_wire_opened *o);
void ps_wire_put_sealed(struct ps_buf *b, const struct ps_wire_sealed *s);
void ps_wire_put_records(struct ps_buf *b, const struct ps_wire_records *r);
void ps_wire_put_append(struct ps_buf *b, const struct ps_wire_append *a);
void ps_wire_put_key(struct ps_buf *b, const struct ps_wire_key *k);
void ps_wire_put_appended(struct ps_buf *b, const struct ps_wire_appended *a);
void ps_wire_put_refused(struct ps_buf *b, uint8_t reason, const char *text);

int ps_wire_get_clip(const void *body, size_t n, uint64_t *clip);
int ps_wire_get_segment(const void *body, size_t n, struct ps_wire_segment *s);
int ps_wire_get_seal(const void *body, size_t n, uint64_t *clip, uint32_t *size);
int ps_wire_get_abort(const void *body, size_t n, uint64_t *clip, uint8_t *reason);
int ps_wire_get_records_from(const void *body, size_t n, uint64_t *clip, uint32_t *first);
int ps_wire_get_status_is(const void *body, size_t n, struct ps_wire_status *s);
int ps_wire_get_opened(const void *body, size_t n, struct ps_wire_opened *o);
int ps_wire_get_sealed(const void *body, size_t n, struct ps_wire_sealed *s);
int ps_wire_get_records(const void *body, size_t n, struct ps_wire_records *r);
int ps_wire_get_append(const void *body, size_t n, struct ps_wire_append *a);
int ps_wire_get_key(const void *body, size_t n, struct ps_wire_key *k);
int ps_wire_get_appended(const void *body, size_t n, struct ps_wire_appended *a);
int ps_wire_get_refused(const void *body, size_t n, struct ps_wire_refused *r);

#endif
