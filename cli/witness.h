/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_WITNESS_H
#define PS_CLI_WITNESS_H
/*
 * One checkpoint cosigned by one witness (C2SP tlog-witness, add-checkpoint): asked with a proof that the ledger has only
 * grown since it cosigned last, the answer judged and kept. Nothing is written that did not verify.
 */
#include "archive/config.h"
#include "cli/stamp.h"
#include <stdbool.h>

struct ps_witness_result {
    bool asked;    /* else it had cosigned this checkpoint before */
    bool have;     /* there is a cosignature of its: of this checkpoint, or after a failure of an older one */
    uint64_t size; /* of that checkpoint */
    int64_t time_ns; /* the witness's time in it */
    int64_t skew_ns; /* the witness's clock minus ours; of a new one */
    bool restored;   /* it remembers more of this ledger than there is: an old copy was put back */
};

/* Under the lock of ps_tokens_lock. When it succeeds s->note bears the cosignature, and ROOT/witness has it. Errors as
 * ps_http_post has them; PS_EPERM when the witness does not know this ledger, PS_ESTATE when it knows another history of
 * it, PS_ESIG when the cosignature does not hold, PS_ETIME too when its time is not plausible. */
int ps_witness_ask(struct ps_stamp *s, const struct ps_config_witness *w, struct ps_witness_result *out,
                   struct ps_why *why);

#endif
