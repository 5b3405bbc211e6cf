/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_TAKES_H
#define PS_SIGNER_TAKES_H
/*
 * How often each code was opened at this station, without keeping the codes.
 *
 * The file DIR/takes: "PST1" ‖ u32 0 ‖ key[32] (random), then one entry for each open leaf, in order:
 * hash[16] ‖ u64 clip, big-endian; hash = BLAKE2b-128 of the clip's first code, keyed. Whoever reads the
 * signer's folder can test a guess; nobody else can.
 */
#include "evidence/error.h"
#include <stddef.h>
#include <stdint.h>

#define PS_TAKES_HASH 16

struct ps_takes;

/* A new, empty file. PS_EEXIST when there is one. */
int ps_takes_create(int dir);
/* An incomplete last entry is cut: the journal has it. */
int ps_takes_open(struct ps_takes **out, int dir, struct ps_why *why);
void ps_takes_close(struct ps_takes *t);
void ps_takes_hash(const struct ps_takes *t, const char *code, uint8_t out[PS_TAKES_HASH]);
uint32_t ps_takes_count(const struct ps_takes *t, const uint8_t hash[PS_TAKES_HASH]);
uint64_t ps_takes_entries(const struct ps_takes *t);
/* Is this clip counted already? Clips come in growing order. */
int ps_takes_has(const struct ps_takes *t, uint64_t clip);
/* Room for one more, so that ps_takes_add cannot fail for memory. */
int ps_takes_reserve(struct ps_takes *t);
/* Durable when it returns 0; PS_EIO: the process must end. */
int ps_takes_add(struct ps_takes *t, const uint8_t hash[PS_TAKES_HASH], uint64_t clip);

#endif
