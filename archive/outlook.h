/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_OUTLOOK_H
#define PS_ARCHIVE_OUTLOOK_H
/*
 * How long the disk lasts. Not by its free room alone: the days ahead are played one after the other, each with as much
 * film as the days of the last week had, and with what retention (archive/retention.h) does about it.
 */
#include "archive/config.h"
#include "archive/retention.h"
#include "archive/root.h"
#include <stdbool.h>
#include <stdint.h>

#define PS_OUTLOOK_AHEAD 3650 /* days: nobody plans further, and by then the rate is a guess */
#define PS_OUTLOOK_NEVER UINT32_MAX

/* What lies on the disk. Clips that retention may remove stand by their age in days, to which counts how much longer they
 * wait for a time from outside. */
struct ps_outlook_stock;
int ps_outlook_stock_new(struct ps_outlook_stock **out);
void ps_outlook_stock_free(struct ps_outlook_stock *s);
/* Clips of that age, one or many of one kind. held, known and archived as ps_retention_judge takes them, but a clip that
 * is not due yet is taken for one that will be copied elsewhere in time. */
void ps_outlook_stock_add(struct ps_outlook_stock *s, const struct ps_config *c, uint32_t age_days,
                          const struct ps_retention_clip *facts, uint64_t bytes);
/* All of ROOT/clips. Of each day's clips some are weighed and looked up in the ledger, held ones all. */
int ps_outlook_stock_take(struct ps_outlook_stock **out, const struct ps_config *c, const char *root,
                          int64_t now_ns, struct ps_why *why);
/* Bytes of what retention keeps for this reason: PS_RETENTION_HELD, _UNKNOWN or _UNARCHIVED. */
uint64_t ps_outlook_stock_kept(const struct ps_outlook_stock *s, enum ps_retention_word why_kept);
/* Bytes a day: of the seven days before today, or of those since the first clip; of today when that is more and the
 * station younger than three days. 0: nothing to tell by. */
uint64_t ps_outlook_stock_rate(const struct ps_outlook_stock *s);

struct ps_outlook {
    uint32_t keeps;    /* days: no clip goes younger, but by hand; NEVER: none goes in AHEAD days */
    uint32_t runs_low; /* days until the reserve cannot be kept any more; 0 now, or NEVER in AHEAD days */
    uint32_t refuses;  /* days until no new clip is begun: less than min_free_mb is left; 0 now, or NEVER */
};
/* by_age: the clock is sure enough that days count (ps_retention_clock_is_sure). */
/* Out of memory it promises nothing: all three are NEVER. */
void ps_outlook_reckon(struct ps_outlook *out, const struct ps_outlook_stock *s, const struct ps_config *c,
                       bool by_age, uint64_t rate, uint64_t free_bytes, uint64_t disk_bytes);

#endif
