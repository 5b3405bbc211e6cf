/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_VIEWER_CODE_H
#define PS_ARCHIVE_VIEWER_CODE_H
/*
 * Codes that prove that somebody is at the box: ROOT/viewer/code while there is no administrator, ROOT/viewer/pair for a
 * screen. 8 characters of Crockford's base32, 40 random bits; a file of one line, "CODE UNTIL", UNTIL in seconds since 1970 or
 * 0. Who may write in that folder may make one: root and the viewer's user.
 */
#include "evidence/error.h"
#include <stdbool.h>
#include <stdint.h>

#define PS_VIEWER_CODE_SETUP "code"
#define PS_VIEWER_CODE_PAIR "pair"
#define PS_VIEWER_CODE_PAIR_S 600
#define PS_VIEWER_CODE_TEXT 9

/* A new code in place of an older one; until 0: for ever. The file belongs to the owner of the folder, and is
 * for nobody else (0600): who may read clips is not yet an administrator. */
int ps_viewer_code_make(const char *root, const char *which, int64_t until_s, char code[PS_VIEWER_CODE_TEXT],
                        struct ps_why *why);
/* The code that is there; PS_ENOENT: none, or its time is over. */
int ps_viewer_code_read(const char *root, const char *which, int64_t now_s, char code[PS_VIEWER_CODE_TEXT]);
/* 0 when typed is the code: it is used up then. Case, blanks and hyphens do not count, O is 0, I and L are 1. PS_EPERM: another;
 * PS_ENOENT: there is none. */
int ps_viewer_code_take(const char *root, const char *which, const char *typed, int64_t now_s);

#endif
