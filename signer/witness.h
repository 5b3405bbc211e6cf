/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_WITNESS_H
#define PS_SIGNER_WITNESS_H
/*
 * What the signer has seen of the clips that are open or not yet sealed, and the rules of seeing. Pure: no
 * files, no clock, no keys. The caller asks first (may_…, judge), makes the journal durable, and then tells
 * (open, take, end, remove); telling does not fail.
 */
#include "evidence/leaf.h"
#include "evidence/record.h"
#include "evidence/wire.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ps_witness_record {
    uint8_t late; /* enum ps_wire_late */
    uint8_t record[PS_RECORD_SIZE];
};

struct ps_witness_track {
    uint32_t n;       /* records so far, the next sequence number */
    uint64_t end;     /* ticks: sum of all durations, the next start */
    uint64_t seen;    /* ticks witnessed since since_ns */
    uint32_t last;    /* index of its last record, when n > 0 */
    uint32_t preroll; /* so many of its first records came as pre-roll */
    uint8_t head[32];
};

struct ps_witness_clip {
    uint64_t clip;
    uint8_t leaf[PS_MAX_LEAF]; /* the open leaf */
    size_t leaf_len;
    struct ps_leaf open;   /* the same, decoded */
    uint8_t take_hash[16]; /* for the journal's next generation */
    bool ended;            /* END was said, or the machine restarted */
    bool same_boot;
    int64_t since_ns;                  /* CLOCK_BOOTTIME from which this process watches */
    uint32_t n, late, cap;             /* late: pre-roll too */
    struct ps_witness_record *records; /* of all tracks, as they came */
    struct ps_witness_track tracks[PS_MAX_TRACKS];
};

struct ps_witness {
    size_t n;
    struct ps_witness_clip *clips[PS_WIRE_MAX_PENDING + 1]; /* by number */
};

void ps_witness_free(struct ps_witness *w);
struct ps_witness_clip *ps_witness_find(const struct ps_witness *w, uint64_t clip);
/* The clip that is not ended, or NULL. */
struct ps_witness_clip *ps_witness_current(const struct ps_witness *w);

/* 0 or a refusal (enum ps_wire_refusal) with its text. */
int ps_witness_may_open(const struct ps_witness *w, struct ps_wire_refused *why);
/* A clip from its open leaf, not yet among the others. NULL: no memory, or no open leaf. */
struct ps_witness_clip *ps_witness_new(const uint8_t *leaf, size_t n, const uint8_t take_hash[16],
                                       const uint8_t boot_id[16], int64_t since_ns);
void ps_witness_drop(struct ps_witness_clip *c); /* of one that was not added */
/* Owns c from now on. There must be room: ps_witness_may_open, or PS_EFULL. */
int ps_witness_add(struct ps_witness *w, struct ps_witness_clip *c);

#define PS_WITNESS_AGAIN (-1) /* the track's last record once more: nothing to do, say yes */
/* May this segment be taken now? 0, PS_WITNESS_AGAIN, or a refusal with its text. Makes room for it. */
int ps_witness_judge(struct ps_witness_clip *c, const struct ps_wire_segment *s, int64_t boot_ns,
                     struct ps_wire_refused *why);
/* The same without the rules about time, for records from the journal. */
int ps_witness_judge_replayed(struct ps_witness_clip *c, const struct ps_wire_segment *s,
                              struct ps_wire_refused *why);
void ps_witness_take(struct ps_witness_clip *c, const struct ps_wire_segment *s, bool replayed);
void ps_witness_remove(struct ps_witness *w, uint64_t clip);

/* SHA-256("packseal/heads/v1\0" ‖ for each track: u32 index ‖ head), of tracks 0 … the last one with a
 * record. */
void ps_witness_heads(const struct ps_witness_clip *c, uint8_t out[32]);

/* Fills why and returns the reason, so that a refusal is one line. */
int ps_witness_refuse(struct ps_wire_refused *why, uint8_t reason, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
