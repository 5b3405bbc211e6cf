/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_CONFIG_CHECK_H
#define PS_ARCHIVE_CONFIG_CHECK_H
/*
 * What can be judged only when a whole configuration was read: keys that are missing, and keys that name others. What a
 * value alone may be stands where it is read, in archive/config.c.
 */
#include "archive/config.h"

/* Takes the station's id for its name where that is missing. name is the file's. */
int ps_config_check(struct ps_config *c, const char *name, struct ps_why *why);

#endif
