/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_DECODE_H
#define PS_RECORDER_DECODE_H
#include "recorder/frame.h"
#include "recorder/picture.h"

struct ps_decoder; /* one per track thread */

int ps_decoder_new(struct ps_decoder **out);
void ps_decoder_free(struct ps_decoder *d);
/* Decodes into *p (allocated here on first use or when the size changes; odd sizes lose their last row or
 * column). Strict: a JPEG that libjpeg-turbo warns of is PS_EFORMAT and *p keeps its old content. 4:2:2 to 4:2:0 by
 * averaging chroma lines; range is kept and told in p->full_range. 4:4:4, 4:2:0 and grey JPEGs work too.
 * PS_EFORMAT also for a frame that is damaged, short, or of another size than f says (0 there: any); PS_ELIMIT, PS_ENOMEM.
 * The planes of *p lie elsewhere after each success. */
int ps_decoder_decode(struct ps_decoder *d, const struct ps_frame *f, struct ps_picture *p);

#endif
