/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_SEALER_H
#define PS_RECORDER_SEALER_H
/*
 * The thread that makes a finished clip of an ended recording while the next one runs: finishes the films, settles with
 * the signer's journal, writes the statement, has it signed, publishes the folder, tells the index. Recordings that an
 * earlier run left behind go the same way, with their true reason.
 *
 * When the signer is away it keeps trying; what is left at the end waits in its half-done folder for the next start.
 */
#include "archive/root.h"
#include "recorder/mailbox.h"
#include "recorder/recording.h"
#include <stdbool.h>
#include <stdint.h>

struct json_t;
struct ps_sealer;

enum ps_sealed_what {
    PS_SEALED_DONE,     /* published and indexed */
    PS_SEALED_UNOPENED, /* the signer never heard of it: the station opens it, then hands it over again */
    PS_SEALED_ABORTED,  /* nothing to seal, or it cannot be: folder kept aside, abort in the ledger */
    PS_SEALED_WAITING   /* the signer is away; said once for each recording */
};

struct ps_sealed { /* letters to the station, malloc */
    enum ps_sealed_what what;
    uint64_t serial; /* of the recording, as the station knows it; 0 for recovered ones */
    uint64_t clip;
    char name[40], path[PS_ROOT_PATH];
    struct ps_recording *recording; /* UNOPENED: ownership passes */
    struct ps_why why;              /* ABORTED, WAITING */
    struct json_t *facts; /* DONE: of the event "sealed" (announce.h); ownership passes; may be NULL */
};

/* Before the first clip of this run: lists what earlier runs left, ends what the signer still has open, starts the
 * thread. boot_id: of the running kernel. */
int ps_sealer_start(struct ps_sealer **out, const char *root, const char *socket_path,
                    const uint8_t boot_id[16], struct ps_mailbox *results, struct ps_why *why);
/* Takes ownership. */
void ps_sealer_put(struct ps_sealer *s, struct ps_recording *r, uint64_t serial);
/* How many recordings it has. */
unsigned ps_sealer_busy(struct ps_sealer *s);
/* Seals what it can within timeout_ms, then joins and frees. */
void ps_sealer_stop(struct ps_sealer *s, int timeout_ms);

#endif
