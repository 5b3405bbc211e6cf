/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_BUNDLE_TEXT_H
#define PS_ARCHIVE_BUNDLE_TEXT_H
/*
 * The texts inside a bundle. None of them names an order or a person.
 */
#include "evidence/bytes.h"
#include <stdint.h>

/* HOW-TO-VERIFY.txt: begin, one line a clip, end. */
void ps_bundle_text_begin(struct ps_buf *b);
void ps_bundle_text_clip(struct ps_buf *b, const char *clip);
void ps_bundle_text_end(struct ps_buf *b);
/* Behind it, when the clip is cut. */
void ps_bundle_text_excerpt(struct ps_buf *b);
/* And when there are photographs that were taken in; or, alone, as the text of such a folder that goes without a bundle. */
void ps_bundle_text_intake(struct ps_buf *b);
/* bag-info.txt without the clips; the date is the day (UTC) on which the last clip ended, so that the same
 * clips give the same bytes whenever they are exported. */
void ps_bundle_text_info(struct ps_buf *b, uint64_t bytes, unsigned files, int64_t ended_ns);
/* A line of a manifest. */
void ps_bundle_text_line(struct ps_buf *b, const uint8_t sha256[32], const char *name);

#endif
