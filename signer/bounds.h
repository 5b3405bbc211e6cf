/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_BOUNDS_H
#define PS_SIGNER_BOUNDS_H
/*
 * Every bound that is the signer's own, in one list. Those of the formats are in evidence/limits.h.
 */
#include "evidence/limits.h"

/* Clients are a recorder, a viewer and a person with the command line. */
#define PS_SERVICE_CONNECTIONS 16

/* Token bucket of each connection. Sixteen tracks of half-second segments are 32 requests a second; a recorder
 * that comes back after an outage sends up to PS_MAX_SEGMENTS late records in one go, and asks for as many. A seal
 * makes the signer parse megabytes, so it costs more. */
#define PS_SERVICE_RATE 1000 /* tokens a second */
#define PS_SERVICE_BURST 16000
#define PS_SERVICE_COST_SEAL 50
#define PS_SERVICE_COST_APPEND 50 /* of one leaf: 20 a second for ever are two gigabytes a week */

#define PS_SERVICE_PUBLISH_MS 1000 /* a leaf that is no seal waits this long for tiles and checkpoint */
#define PS_SERVICE_CLOCK_MS 10000

/* How far the durations of a track may run ahead of the signer's own clock: the segment in hand, and jitter. */
#define PS_WITNESS_SLACK_TICKS (2 * PS_TICKS_PER_SECOND)

/* The journal is rewritten when it holds this much more than what the pending clips need. */
#define PS_STATE_ROTATE_BYTES ((uint64_t)1 << 20)

#define PS_JOURNAL_PAYLOAD 2048           /* of one frame: a leaf and a comment are about 1100 bytes */
#define PS_JOURNAL_MAX ((size_t)64 << 20) /* of a journal file; five full clips need 10 MB */

/* A ledger grows by about 300 bytes a clip. A file past this is a fault of ours, not work. */
#define PS_SANDBOX_FILE_BYTES ((uint64_t)16 << 30)
#define PS_SANDBOX_FILES 64 /* connections, own files, and descriptors in flight */

#endif
