/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_NOTARY_H
#define PS_RECORDER_NOTARY_H
/*
 * The recorder's side of the signer's socket (docs/PROTOCOL.md). One connection, one request at a time, used by one
 * thread. Every call is bounded in time; a connection that fails is closed and opened again at the next call, at most
 * once in PS_NOTARY_RETRY_NS.
 */
#include "evidence/error.h"
#include "evidence/wire.h"
#include <stdbool.h>
#include <stddef.h>

#define PS_NOTARY_RETRY_NS 500000000LL

struct ps_notary;

int ps_notary_new(struct ps_notary **out, const char *socket_path);
void ps_notary_free(struct ps_notary *n);

/* Each returns 0; PS_EGONE when the signer cannot be reached or does not answer in time (the request may or may not
 * have been journaled: ask again, words are idempotent); PS_EPERM when it refused: *refused (may be NULL) says why. */
int ps_notary_status(struct ps_notary *n, struct ps_wire_status *out, struct ps_wire_refused *refused);
int ps_notary_open(struct ps_notary *n, const void *opening, size_t size, struct ps_wire_opened *out,
                   struct ps_wire_refused *refused);
int ps_notary_segment(struct ps_notary *n, const struct ps_wire_segment *s, struct ps_wire_refused *refused);
int ps_notary_end(struct ps_notary *n, uint64_t clip, struct ps_wire_refused *refused);
int ps_notary_abort(struct ps_notary *n, uint64_t clip, uint8_t reason, struct ps_wire_refused *refused);
int ps_notary_records(struct ps_notary *n, uint64_t clip, uint32_t first, struct ps_wire_records *out,
                      struct ps_wire_refused *refused);
/* A leaf beside a clip's own (docs/FORMAT.md section 4.4). The same again soon after is the same leaf. */
int ps_notary_append(struct ps_notary *n, const struct ps_wire_append *a, struct ps_wire_appended *out,
                     struct ps_wire_refused *refused);
/* The statement travels as a sealed memfd. */
int ps_notary_seal(struct ps_notary *n, uint64_t clip, const void *statement, size_t size,
                   struct ps_wire_sealed *out, struct ps_wire_refused *refused);
/* False after a failed call, until one works again. */
bool ps_notary_reachable(const struct ps_notary *n);

#endif
