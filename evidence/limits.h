/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_LIMITS_H
#define PS_EVIDENCE_LIMITS_H
/*
 * Every bound of the formats, in one list (docs/FORMAT.md gives the reasons).
 * A reader refuses what exceeds a bound; a writer never makes it.
 */
#include <stddef.h>
#include <stdint.h>

#define PS_TICKS_PER_SECOND 90000 /* media time unit: 90 kHz, as in RTP (RFC 6184) and MPEG systems */

#define PS_MAX_STATEMENT ((size_t)4 << 20) /* clip.json, bytes */
#define PS_MAX_JSON_VALUES 200000          /* values in one JSON text: bounds the parser's memory */
#define PS_MAX_JSON_DEPTH 8
#define PS_MAX_JSON_STRING 65536           /* bytes of one string */
#define PS_MAX_JSON_INT 9007199254740991LL /* 2^53 - 1 (RFC 8259 section 6, interoperable integers) */

#define PS_MAX_CODES 64
#define PS_MAX_CODE 128       /* bytes of one code, UTF-8 */
#define PS_MAX_NAME 64        /* station, camera, operator, carrier, device: bytes, UTF-8 */
#define PS_MAX_STATION_ID 16  /* [A-Za-z0-9-] */
#define PS_MAX_FILE_NAME 96   /* a path inside a clip folder, ASCII */
#define PS_MAX_TEXT 1024      /* reasons, models, versions */
#define PS_MAX_TRACKS 16      /* cameras, and new tracks after a changed format */
#define PS_MAX_SEGMENTS 12000 /* of a clip, all tracks together */
#define PS_MAX_RANGES 4096    /* of sequences, in unwitnessed and lost */
#define PS_MAX_ORIGINALS 512
#define PS_MAX_EVENTS 4096
#define PS_MAX_GAPS 1024
#define PS_MAX_BANNERS 16 /* of a track: how often its banner may change */
#define PS_MAX_PREROLL_SECONDS 30
#define PS_MAX_EXCERPT ((size_t)128 << 10) /* excerpt.json, bytes */
#define PS_MAX_CLIP_SECONDS 3600
#define PS_MAX_SEGMENT_TICKS (30 * PS_TICKS_PER_SECOND) /* a segment is 2 s by default; never over 30 s */
#define PS_MAX_SEGMENT_FRAMES 7200
#define PS_MAX_SAMPLE ((uint32_t)16 << 20) /* bytes of one access unit */
#define PS_MAX_SAMPLES 432000              /* of a track: one hour at 120 fps */
#define PS_MAX_PICTURE 8192                /* width or height */

#define PS_MAX_LEAF 512
#define PS_MAX_OPENING 8188 /* bytes of the opening that the open leaf hashes: it travels in one datagram */

#define PS_MAX_MINISIG 2048 /* bytes of a signature file */
#define PS_MAX_TRUSTED_COMMENT 512
#define PS_MAX_TRUST 262144
#define PS_MAX_TRUST_KEYS 4096

#define PS_MAX_MP4_BOX ((uint32_t)16 << 20) /* of a box that is held in memory (moov, moof) */
#define PS_MAX_MP4_DEPTH 12
#define PS_MAX_MP4_BOXES 65536 /* on the top level */

#define PS_MAX_ZIP_ENTRIES 4096
#define PS_MAX_ZIP_NAME 255
#define PS_MAX_ZIP_DIRECTORY ((uint32_t)2 << 20)
#define PS_MAX_MANIFEST ((size_t)1 << 20)

#define PS_MAX_TOKENS 32 /* of a bundle that are judged */

#define PS_MAX_PROBLEMS 64 /* kept of one verdict; more are counted */

#define PS_MAX_WIRE \
    8192 /* one datagram between the signer and a client; larger statements travel as a memfd */

#endif
