/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_PAGE_H
#define PS_CLI_PAGE_H
/*
 * verify.html beside a bundle: a courtesy to who gets it. It does not lie in the bundle, for no checker may come with what it
 * checks.
 */
#include "archive/root.h"
#include <stdbool.h>

/* Puts the installed page into the folder of zip; out gets its path. 0: it is there now, or was already with the same bytes.
 * PS_EEXIST: another file of that name is there, and was left alone. PS_ENOENT: none is installed. PS_EIO, PS_EFULL, PS_EPERM,
 * PS_ELIMIT, PS_ENOMEM. */
int ps_page_beside(const char *zip, char out[PS_ROOT_PATH], struct ps_why *why);

#endif
