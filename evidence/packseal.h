/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_PACKSEAL_H
#define PS_EVIDENCE_PACKSEAL_H
/*
 * libpackseal-evidence for other programs, C and C++:
 *
 *     #include <evidence/packseal.h>
 *     cc program.c $(pkg-config --static --cflags --libs packseal-evidence)
 *
 * docs/examples/verify-bundle.c is a whole program. Call sodium_init() first. The library does no I/O, prints nothing, has
 * no threads and keeps no state: calls that share only what is const may run at the same time.
 *
 * Stable: what this header includes. Until 1.0 a change of it is told in CHANGELOG; from 1.0 on functions keep their
 * meaning, and structs that the caller fills only grow at their end (fill them with designated initializers, so that what
 * is new is zero). The codes of problems, words of verdicts and exit statuses are those of docs/FORMAT.md section 9, and
 * new codes may come. The other installed headers serve the formats one by one (MP4, records, notes, tiles, proofs,
 * certificates); they may change with any version.
 *
 *     judge.h      a bundle, a clip's folder or a film: one answer for each clip
 *     verdict.h    what an answer says, and its words in English and Chinese
 *     source.h     bytes and files, as callbacks of yours
 *     trust.h      whom you believe
 *     statement.h  what a clip's signed statement says (struct ps_clip)
 *     zip.h        a strict reader of stored zips
 *     error.h, limits.h
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "evidence/error.h"
#include "evidence/judge.h"
#include "evidence/limits.h"
#include "evidence/source.h"
#include "evidence/statement.h"
#include "evidence/trust.h"
#include "evidence/verdict.h"
#include "evidence/zip.h"

#ifdef __cplusplus
}
#endif

#endif
