/* SPDX-License-Identifier: ISC */
#include "evidence/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "evidence/bytes.h"

static const char *const texts[] = {
    [0] = "no error",
    [-PS_ENOMEM] = "out of memory",
    [-PS_EIO] = "reading or writing failed",
    [-PS_ESHORT] = "ends too early",
    [-PS_ETRAIL] = "bytes after the end",
    [-PS_EFORMAT] = "not of this format",
    [-PS_EVERSION] = "a version that this program does not know",
    [-PS_ELIMIT] = "out of bounds",
    [-PS_ESIG] = "the signature or digest does not match",
    [-PS_ENOENT] = "not there",
    [-PS_EEXIST] = "there already",
    [-PS_EPERM] = "not allowed",
    [-PS_ESTATE] = "asked out of order",
    [-PS_EBUSY] = "in use",
    [-PS_ETIME] = "too late or too fast",
    [-PS_EINVAL] = "argument out of range",
    [-PS_EGONE] = "went away",
    [-PS_EFULL] = "no room",
};

const char *ps_error_text(int err) {
    /* Positive values are counts, hence no error; the table is not asked with INT_MIN negated. */
    if (err > 0)
        return texts[0];
    if (err < -(int)(sizeof texts / sizeof texts[0] - 1))
        return "unknown error";
    return texts[-err];
}

/* Names and messages may quote hostile bytes, and vsnprintf may cut a character in two. */
static void make_printable(char *s) {
    size_t n = strlen(s);
    for (size_t i = 0; i < n;) {
        size_t len = 1;
        while (len <= 4 && len <= n - i && !ps_bytes_is_text(s + i, len))
            len++;
        if (len > 4 || len > n - i) {
            s[i] = '?';
            len = 1;
        }
        i += len;
    }
}

int ps_error_why(struct ps_why *why, int err, const char *where, const char *fmt, ...) {
    if (why == NULL)
        return err;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why->text, sizeof why->text, fmt, ap);
    va_end(ap);
    snprintf(why->where, sizeof why->where, "%s", where != NULL ? where : "");
    make_printable(why->where);
    make_printable(why->text);
    return err;
}
