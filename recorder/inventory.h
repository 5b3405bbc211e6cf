/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_INVENTORY_H
#define PS_RECORDER_INVENTORY_H
/*
 * packseal-recorder --list-devices: what is plugged in, for `packseal cameras` and `doctor` (docs/PROTOCOL.md). The
 * recorder is the one program that knows devices.
 */

/* Prints one JSON object a device; with each the sources (as in packseal.conf) that mean it. Returns the exit status. */
int ps_inventory_print(char *const *sources, int n);

#endif
