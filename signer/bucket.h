/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_BUCKET_H
#define PS_SIGNER_BUCKET_H
/*
 * A token bucket: PS_SERVICE_RATE tokens a second, at most PS_SERVICE_BURST at once. Pure; born full.
 */
#include <stdbool.h>
#include <stdint.h>

struct ps_bucket {
    int64_t filled_ns; /* CLOCK_MONOTONIC, when it was looked at last */
    int64_t room_ns;   /* what is in it, as the time that it took to fill */
};

struct ps_bucket ps_bucket_full(int64_t mono_ns);
/* Takes the tokens, or none when there are not enough. */
bool ps_bucket_take(struct ps_bucket *b, int tokens, int64_t mono_ns);

#endif
