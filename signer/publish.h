/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_SIGNER_PUBLISH_H
#define PS_SIGNER_PUBLISH_H
/*
 * What others see of the ledger: its tiles, and the checkpoint that this key signs.
 */
#include <stdint.h>

struct ps_state;

#define PS_PUBLISH_NOTE 1024 /* room for a checkpoint: two names of 128 bytes, two digests, a signature */

/* Brings tiles, and then the checkpoint, up to the ledger. 0; PS_EFULL: not now, ask again; PS_EIO: the process must
 * end. */
int ps_publish_all(struct ps_state *s);
/* The signed checkpoint of the first `size` leaves into out (PS_PUBLISH_NOTE); its length or an error. Always the same
 * for the same size. */
int ps_publish_checkpoint(const struct ps_state *s, uint64_t size, char *out);

#endif
