/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_RECORDING_H
#define PS_RECORDER_RECORDING_H
/*
 * One clip in the making: its statement as far as it is known, its half-done folder, and the log that brings it back
 * after a crash (docs/FORMAT.md section 10). Every change is one line of recording.log and is applied by the same
 * function that replays the line, so what recovery sees is what was recorded.
 *
 * Owned by one thread at a time: the station while it records, then the sealer.
 */
#include "archive/store.h"
#include "evidence/statement.h"
#include "recorder/clock.h"
#include "recorder/mp4w.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct ps_recording_track { /* beside clip->tracks[i] */
    struct ps_mp4w *film;   /* owned; NULL while the track thread has it, and when nothing was written */
    uint32_t sent;          /* records that the signer has, in order */
    uint32_t capacity;      /* of clip->tracks[i].records */
    uint8_t *late;          /* a byte a record: enum ps_wire_late */
    bool declared, ended;
};

struct ps_recording {
    struct ps_clip *clip; /* heap; tracks has room for PS_MAX_TRACKS */
    struct ps_recording_track track[PS_MAX_TRACKS];
    char id[40]; /* of the half-done folder */
    int dirfd, log;
    off_t log_size;
    bool opened;         /* the signer knows it: number, take and open leaf are set */
    bool ended;          /* end_reason and ended are set */
    uint8_t boot_id[16]; /* of the kernel it began in */
    uint32_t segments;   /* of all tracks */
    int64_t started_mono_ns;
    bool fault; /* the signer refused a record; it cannot be sealed as it is */
    uint32_t originals_left_out;
};

/* A new half-done folder with its log. Takes the opening by copy; started is filled from the map at mono_ns. */
int ps_recording_new(struct ps_recording **out, const char *root, const struct ps_opening *o,
                     const char *station_name, const struct ps_clock_map *map, int64_t mono_ns,
                     const uint8_t boot_id[16], struct ps_why *why);
/* Brings one back from its folder. PS_ENOENT: the log holds no start. A torn last line is ignored. */
int ps_recording_load(struct ps_recording **out, const char *root, const char *id, struct ps_why *why);
void ps_recording_free(struct ps_recording *r); /* closes films and folder */

/* Each appends a line and applies it; errors are of the disk (PS_EIO, PS_EFULL) or of bounds (PS_ELIMIT). */
int ps_recording_opened(struct ps_recording *r, uint64_t clip, uint32_t take, const uint8_t *leaf,
                        uint16_t leaf_len);
/* Camera, file name, format, codec, size, banner and first time of track `index`, and how many of its first segments are
 * pre-roll; counts and records are ignored. */
int ps_recording_track(struct ps_recording *r, uint32_t index, const struct ps_track *t);
/* The banner of track `index` from the segment `from` on; text: what stands in the place of the codes. */
int ps_recording_banner(struct ps_recording *r, uint32_t index, const struct ps_banner_change *k);
int ps_recording_segment(struct ps_recording *r, const struct ps_record *s, const struct ps_counts *so_far);
int ps_recording_gap(struct ps_recording *r, uint32_t track, const struct ps_gap *g);
int ps_recording_original(struct ps_recording *r, const struct ps_original *o);
/* The same for a file in the folder, as long as a statement has room. Of the last `ends` places only originals of the clip's end
 * ("end") take one. What gets none is removed from the folder and counted; the clip goes on, and its events tell: that
 * it began ("originals-full"), and before the end how many (ps_recording_originals_told). */
int ps_recording_original_room(struct ps_recording *r, const struct ps_original *o, uint32_t ends,
                               int64_t mono_ns);
int ps_recording_originals_told(struct ps_recording *r, int64_t mono_ns);
int ps_recording_code(struct ps_recording *r, const struct ps_code *c);
int ps_recording_event(struct ps_recording *r, int64_t mono_ns, const char *what, const char *text);
/* What was seen of the label so far: enum ps_label. The last one counts. */
int ps_recording_label(struct ps_recording *r, uint8_t label);
int ps_recording_end(struct ps_recording *r, uint8_t reason, const struct ps_time *ended);
/* Makes all lines so far durable: after a fragment, before the signer hears of it. */
int ps_recording_sync(struct ps_recording *r);

/* Marks a record as unwitnessed (not logged: the signer's journal is the truth). */
void ps_recording_late(struct ps_recording *r, uint32_t track, uint32_t seq);

/* Makes the statement from all this: heads, ranges, software and keys from the signer's status. The file references of
 * the tracks must be set. Text in b. */
struct ps_wire_status;
int ps_recording_statement(struct ps_recording *r, const struct ps_wire_status *signer,
                           const uint8_t recorder_sha256[32], struct ps_buf *b, struct ps_why *why);

void ps_recording_time(const struct ps_clock_map *m, int64_t mono_ns, struct ps_time *out);

#endif
