/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_CLOCK_H
#define PS_SIGNER_CLOCK_H
/*
 * The signer's own view of time, and what the kernel says of its quality.
 */
#include <stdint.h>

struct ps_clock {
    int64_t wall_ns;
    int64_t boot_ns;       /* counts through suspend; nobody can set it */
    uint8_t state;         /* enum ps_clock_state */
    uint32_t max_error_us; /* the kernel's bound; meaningless unless synchronised */
};

void ps_clock_read(struct ps_clock *out);
/* The running kernel's boot id. 0, PS_EIO or PS_EFORMAT. */
int ps_clock_boot_id(uint8_t out[16]);

#endif
