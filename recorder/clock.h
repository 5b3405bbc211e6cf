/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_CLOCK_H
#define PS_RECORDER_CLOCK_H
/*
 * The machine's clocks. Frames carry CLOCK_MONOTONIC; statements need wall and boot clock: a map taken at one
 * instant translates. A map grows old as the wall clock is slewed or stepped: take a new one per GOP.
 */
#include "evidence/leaf.h" /* enum ps_clock_state */
#include <stdint.h>

struct ps_clock_map {
    int64_t mono_ns, boot_ns, wall_ns; /* of one instant */
    int64_t spread_ns;                 /* the readings lie within this time */
    uint8_t state;                     /* enum ps_clock_state, the kernel's word */
    uint32_t max_error_us;             /* the kernel's word; UINT32_MAX when it says nothing */
};

int64_t ps_clock_mono_ns(void);
int64_t ps_clock_boot_ns(void);
int64_t ps_clock_wall_ns(void);

void ps_clock_sample(struct ps_clock_map *out);
/* Another clock's reading at the moment mono_ns, before or after the sample. */
int64_t ps_clock_wall_of(const struct ps_clock_map *m, int64_t mono_ns);
int64_t ps_clock_boot_of(const struct ps_clock_map *m, int64_t mono_ns);

/* "2026-11-22T05:01:02.345Z" */
#define PS_CLOCK_TEXT 32
void ps_clock_text(int64_t wall_ns, char out[PS_CLOCK_TEXT]);

/* Seconds east of UTC in the local time zone at that moment (TZ, /etc/localtime). 0 when it cannot be told. */
int ps_clock_utc_offset(int64_t wall_ns);

#endif
