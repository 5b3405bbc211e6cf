/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_REPORT_ENCLOSED_H
#define PS_REPORT_ENCLOSED_H
/*
 * What a bundle holds beside its clips (docs/FORMAT.md section 11), as far as a report on one clip tells it: the time stamps
 * that bear on the clip, keys, certificates, revocations, photographs taken in. The verdict is given elsewhere: here is only
 * looked up what it rests on, by the same functions.
 */
#include "evidence/cert.h"
#include "evidence/timestamp.h"
#include "evidence/verdict.h"

#define PS_ENCLOSED_TOKENS 32  /* of one clip, that are told */
#define PS_ENCLOSED_KEYS 64    /* of clips, certificates, revocations: as many as a checker looks at */
#define PS_ENCLOSED_INTAKES 32 /* that are told */

struct ps_enclosed_token {
    struct ps_timestamp ts;
    bool fresh, stamps; /* the statement's code is of it; it is over the checkpoint of the proofs */
    bool trusted;       /* verified up to an authority in the trust file: it bounds */
    char name[128];     /* of that authority in the trust file; "" none */
};

struct ps_enclosed_key {
    char file[64]; /* below keys/ */
    struct ps_pubkey key;
    bool own; /* the clip's */
};

struct ps_enclosed_cert { /* of the clip's key, station and ledger */
    struct ps_cert cert;
    bool trusted; /* signed by a root in the trust file, that may speak for this merchant */
};

struct ps_enclosed_revocation {
    struct ps_revocation r;
    bool own, trusted;
};

struct ps_enclosed_intake {
    char name[48], order[128]; /* ST03-I0000131 */
    unsigned photos;
    uint64_t entry;     /* of the ledger, by its leaf */
    int64_t wall_ns;    /* of that leaf */
    uint8_t sha256[32]; /* of intake.json */
    bool whole;         /* statement and leaf can be read and belong together */
};

struct ps_enclosed {
    unsigned n_tokens, n_keys, n_certs, n_revocations, n_intakes;
    struct ps_enclosed_token tokens[PS_ENCLOSED_TOKENS];
    struct ps_enclosed_key keys[PS_ENCLOSED_KEYS];
    struct ps_enclosed_cert certs[PS_ENCLOSED_KEYS];
    struct ps_enclosed_revocation revocations[PS_ENCLOSED_KEYS];
    struct ps_enclosed_intake intakes[PS_ENCLOSED_INTAKES];
    unsigned more_intakes;
};

/* in as it was judged, v what came of it; v->clip is there. *out is large: not for the stack. What cannot be read is left
 * out: the verdict tells it. */
void ps_enclosed_read(struct ps_enclosed *out, const struct ps_verdict_input *in, const struct ps_verdict *v);

#endif
