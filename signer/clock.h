/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_CLOCK_H
#define PS_SIGNER_CLOCK_H
/*
 * The signer's own view of time, and what the kernel says of its quality.
 */
#include <stdbool.h>
#include <stdint.h>

struct ps_clock {
    int64_t wall_ns;
    int64_t boot_ns;       /* counts through suspend; nobody can set it */
    uint8_t state;         /* enum ps_clock_state */
    uint32_t max_error_us; /* the kernel's bound; meaningless unless synchronised */
};

void ps_clock_read(struct ps_clock *out);
#define PS_CLOCK_STEP_NS 1000000000LL /* what is more than this is a step */
#define PS_CLOCK_SLEW 1000            /* a clock that is steered drifts by at most a thousandth of the time */

/* How far the wall clock stood from the boot clock, followed at the pace of a clock that is steered. Many small steps
 * thus add up until they are one. Pure. */
struct ps_clock_watch {
    bool set;
    int64_t offset_ns, boot_ns;
};
/* Nanoseconds that the wall clock was stepped by since it was watched, or 0; the first look gives 0. */
int64_t ps_clock_step(struct ps_clock_watch *w, int64_t wall_ns, int64_t boot_ns);

/* The running kernel's boot id. 0, PS_EIO or PS_EFORMAT. */
int ps_clock_boot_id(uint8_t out[16]);

#endif
