/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_SETTLE_H
#define PS_RECORDER_SETTLE_H
/*
 * Settling a recording with the disk and with the signer's journal. Whatever the order of crashes, the journal's word
 * on what was witnessed stands, and what the disk holds beyond it is sent late.
 */
#include "recorder/notary.h"
#include "recorder/recording.h"

/* After a crash: reads each film's whole fragments, cuts torn tails, makes records and log agree with the disk, drops
 * originals that are not there, and sets the end and its true reason if none was logged. PS_ENOENT: not one
 * fragment in any film. */
int ps_settle_disk(struct ps_recording *r, const uint8_t boot_id[16], struct ps_why *why);

/* Sends the signer what it has not seen, takes its word on what was late, and states as lost what it has and the
 * disk lost. PS_EGONE: try again. PS_ESIG: journal and disk contradict each other; it cannot be sealed. */
int ps_settle_journal(struct ps_recording *r, struct ps_notary *n, struct ps_why *why);

#endif
