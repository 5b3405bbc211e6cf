/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_RECORDING_LOG_H
#define PS_RECORDER_RECORDING_LOG_H
/*
 * The lines of recording.log: one JSON object each, strict as statements are (docs/FORMAT.md section 10). Writers
 * initialise *line, which the caller frees; line->err tells of bounds.
 */
#include "recorder/recording.h"

struct ps_buf;

#define PS_RECORDING_LOG_MAX ((size_t)64 << 20)
#define PS_RECORDING_LINE_MAX ((size_t)256 << 10)

void ps_recording_log_start(struct ps_buf *line, const struct ps_opening *o, const char *station_name,
                            const struct ps_time *started, int64_t mono_ns, const uint8_t boot_id[16]);
void ps_recording_log_opened(struct ps_buf *line, uint64_t clip, uint32_t take, const uint8_t *leaf,
                             uint16_t leaf_len);
void ps_recording_log_track(struct ps_buf *line, uint32_t index, const struct ps_track *t);
void ps_recording_log_banner(struct ps_buf *b, uint32_t index, const struct ps_banner_change *k);
void ps_recording_log_segment(struct ps_buf *line, const struct ps_record *s, const struct ps_counts *c);
void ps_recording_log_gap(struct ps_buf *line, uint32_t track, const struct ps_gap *g);
void ps_recording_log_original(struct ps_buf *line, const struct ps_original *o);
void ps_recording_log_code(struct ps_buf *line, const struct ps_code *c);
void ps_recording_log_event(struct ps_buf *line, uint64_t ms, const char *what, const char *text);
void ps_recording_log_label(struct ps_buf *line, uint8_t label);
void ps_recording_log_end(struct ps_buf *line, uint8_t reason, const struct ps_time *ended);

/* Parses one line and applies it to the recording. The first line must be a start, and only the first. PS_EFORMAT,
 * PS_ELIMIT, PS_ESTATE, PS_ENOMEM; on error nothing has changed. */
int ps_recording_log_apply(struct ps_recording *r, const void *line, size_t n, struct ps_why *why);

#endif
