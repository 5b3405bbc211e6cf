/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_REPORT_OWN_H
#define PS_REPORT_OWN_H
/*
 * Whom the station itself asks for the time. Who makes a report of his own clips without naming a trust file believes the
 * authorities and witnesses of his configuration; who checks it decides for himself.
 */
#include "evidence/trust.h"

/* Adds those of [time] in the configuration of root that are not there yet. What cannot be read is left out. 0 or PS_ENOMEM. */
int ps_own_add(struct ps_trust *t, const char *root);

#endif
