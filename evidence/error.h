/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_ERROR_H
#define PS_EVIDENCE_ERROR_H
/*
 * One enum for every library: a function returns 0 (or a count) or one of these, negative.
 * A library says what and where (see struct ps_problem, struct ps_why) and prints nothing.
 */
enum ps_error {
    PS_OK = 0,
    PS_ENOMEM = -1,   /* out of memory */
    PS_EIO = -2,      /* reading or writing failed; errno tells where the caller did the I/O */
    PS_ESHORT = -3,   /* the input ends too early */
    PS_ETRAIL = -4,   /* bytes after the end */
    PS_EFORMAT = -5,  /* not of this format */
    PS_EVERSION = -6, /* a version or critical field that this program does not know */
    PS_ELIMIT = -7,   /* a bound of limits.h is exceeded */
    PS_ESIG = -8,     /* a signature does not verify */
    PS_ENOENT = -9,   /* not there */
    PS_EEXIST = -10,  /* there already; evidence is never overwritten */
    PS_EPERM = -11,   /* not allowed: peer, state or rule */
    PS_ESTATE = -12,  /* asked out of order */
    PS_EBUSY = -13,   /* in use, try again */
    PS_ETIME = -14,   /* too late, or too fast */
    PS_EINVAL = -15,  /* a caller's argument is out of range */
    PS_EGONE = -16,   /* a device or peer went away */
    PS_EFULL = -17    /* no room: disk, queue, table */
};

/* Where and why, for one line of a message. `where` names a file, field or offset, `text` is a sentence in
 * English without a full stop. Both are always terminated and printable. */
struct ps_why {
    char where[128];
    char text[256];
};

/* "out of memory", ...; never NULL. */
const char *ps_error_text(int err);

/* Fills why (NULL is allowed) and returns err, so that a refusal is one line: return ps_error_why(...). */
int ps_error_why(struct ps_why *why, int err, const char *where, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
