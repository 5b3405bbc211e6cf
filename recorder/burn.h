/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_BURN_H
#define PS_RECORDER_BURN_H
/*
 * Text burned into the picture: white on black across the top, neutral chroma. Glyphs come from freetype once
 * (an atlas for the digits and signs that change with each frame; ready strips for the rest); per frame there is only copying.
 */
#include "evidence/statement.h"
#include "recorder/picture.h"
#include <stdbool.h>

struct ps_banner_text { /* UTF-8; empty strings show as nothing */
    char codes[512];    /* joined by two spaces */
    char station[PS_MAX_NAME + 1];
    char operator_id[PS_MAX_NAME + 1];
    char clip[48];     /* "ST03-0000123", or "…" while not known */
    char freshness[9]; /* 8 characters, or "" : then "--------" is shown */
    char kind[16];     /* "" for pack, else RETURN, AUDIT, PRE-ROLL */
    bool uncounted;    /* pictures of no clip yet: they have no number */
};

struct ps_burn;

/* Fonts: font_path, or NULL to look for wqy-zenhei, wqy-microhei, Noto CJK in the usual Debian places. PS_ENOENT + why
 * names the package to install. Layout is a function of size and text alone ("top-v1"): text height is about
 * 1/28 of the picture, never under 14 px; fields wrap to as few rows as fit, at
 * most half of the picture. Any even size from 2x2 up. */
int ps_burn_new(struct ps_burn **out, uint16_t width, uint16_t height, const char *font_path,
                struct ps_why *why);
void ps_burn_free(struct ps_burn *b);
/* Sets the text of a clip and lays out; any bytes will do. What has no glyph or no width is shown as U+XXXX; returns how
 * many. A list of codes too long for its row is cut to "… (count)"; a field that finds no room is left out. */
int ps_burn_set(struct ps_burn *b, const struct ps_banner_text *t);
/* Draws for one frame. offset_s: local UTC offset in seconds; unsynced: a '?' follows the time. */
void ps_burn_draw(struct ps_burn *b, struct ps_picture *p, int64_t wall_ns, int offset_s, bool unsynced,
                  uint64_t frame_number);
/* Layout name, rectangle and fields, as the last ps_burn_set laid them out. A clip whose text changed states the largest
 * rectangle. */
void ps_burn_describe(const struct ps_burn *b, struct ps_banner *out);
/* Large words in the middle of the picture (the NO CAMERA slate). */
void ps_burn_words(struct ps_burn *b, struct ps_picture *p, const char *words);

#endif
