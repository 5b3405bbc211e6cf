/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_ATTACHED_H
#define PS_CLI_ATTACHED_H
/*
 * What is plugged in, as packseal-recorder --list-devices tells: cameras, keyboard and serial scanners.
 */
#include "archive/config.h"
#include "evidence/error.h"
#include <jansson.h>

/* The devices, and to each that packseal.conf means (c may be NULL) a member "section": "camera top". New reference to an
 * array, or NULL with why when the recorder cannot be asked. */
json_t *ps_attached_list(const struct ps_config *c, struct ps_why *why);
/* The device of a section "camera top", borrowed; NULL when there is none. */
json_t *ps_attached_of(const json_t *devices, const char *section);
/* Prints what there is to know of one device, indented, for people. */
void ps_attached_print(const json_t *device);

#endif
