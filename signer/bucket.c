/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signer/bucket.h"

#include "signer/bounds.h"

#define TOKEN_NS ((int64_t)1000000000 / PS_SERVICE_RATE)
#define FULL_NS (PS_SERVICE_BURST * TOKEN_NS)

struct ps_bucket ps_bucket_full(int64_t mono_ns) {
    return (struct ps_bucket){.filled_ns = mono_ns, .room_ns = FULL_NS};
}

bool ps_bucket_take(struct ps_bucket *b, int tokens, int64_t mono_ns) {
    int64_t elapsed = mono_ns - b->filled_ns;

    /* By subtraction: after a year's sleep a sum might not fit. */
    b->room_ns = elapsed >= FULL_NS - b->room_ns ? FULL_NS : b->room_ns + elapsed;
    b->filled_ns = mono_ns;
    if (b->room_ns < tokens * TOKEN_NS)
        return false;
    b->room_ns -= tokens * TOKEN_NS;
    return true;
}
