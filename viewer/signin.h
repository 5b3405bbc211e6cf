/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_VIEWER_SIGNIN_H
#define PS_VIEWER_SIGNIN_H
/*
 * Signing in and out, the first administrator, the screens.
 */
#include "evidence/error.h"
#include <stdbool.h>

struct ps_viewer;
struct ps_accounts;

int ps_signin_open(struct ps_accounts **out, struct ps_viewer *v, struct ps_why *why);
void ps_signin_close(struct ps_accounts *a);
/* Role and language words that an account may have. */
bool ps_signin_is_role(const char *role);
bool ps_signin_is_language(const char *language);
/* [A-Za-z0-9._-]{1,32}, and not like a screen's. */
bool ps_signin_is_name(const char *name);

#endif
