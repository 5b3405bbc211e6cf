/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_CAPTION_H
#define PS_RECORDER_CAPTION_H
/*
 * What the banners say: of a clip as it begins, of a provisional clip from the moment when it gets its label, and of pre-roll,
 * which is of no clip yet.
 */
#include "recorder/burn.h"
#include "recorder/station.h"

/* Of the clip that begins. */
void ps_caption_clip(const struct ps_station *st, struct ps_banner_text *out);
/* The clip that runs has got a label: its banners show that code from the next segment on. Nothing when it is no code of the
 * clip. */
void ps_caption_named(struct ps_station *st, const char *value);
/* Tells the lanes what pre-roll shows by now; when the freshness code has changed, and at the start. */
void ps_caption_idle(struct ps_station *st);

#endif
