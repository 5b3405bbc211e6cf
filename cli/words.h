/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_WORDS_H
#define PS_CLI_WORDS_H
/*
 * The two languages of the command line, and its one form of error.
 */
#include <stdbool.h>
#include <stdio.h>

/* "en", "zh" or "zh-CN"; false for another. NULL: by LC_ALL, LC_MESSAGES, LANG, as locale(7) orders them. */
bool ps_words_choose(const char *lang);
bool ps_words_zh(void);
/* The text of the language in use. */
const char *ps_words(const char *en, const char *zh) __attribute__((format_arg(1), format_arg(2)));
/* One line on standard error, "packseal: WHAT: WHERE: WHAT TO DO"; line breaks and controls become blanks.
 * NULL parts are left out. Returns status, so that a command can end with it. */
int ps_words_fail(int status, const char *what, const char *where, const char *todo);
/* The same line to another file, for what is to be told later. */
int ps_words_fail_to(FILE *f, int status, const char *what, const char *where, const char *todo);
/* The same as progress or a remark: "packseal: …", not an error. */
void ps_words_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Columns that UTF-8 text takes on a terminal (wide characters take two). */
int ps_words_columns(const char *s);
/* Prints s and blanks up to so many columns. */
void ps_words_pad(FILE *f, const char *s, int columns);

#endif
