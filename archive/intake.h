/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_INTAKE_H
#define PS_ARCHIVE_INTAKE_H
/*
 * Product photographs taken in, byte for byte (docs/FORMAT.md section 17): ROOT/intake/YYYY/MM/DD/STATION-INNNNNNN/ with
 * the photographs, intake.json whose SHA-256 is in the ledger, that leaf, and a checkpoint that covers it. Folders appear whole and are never changed.
 */
#include "archive/root.h"
#include "evidence/jpeg.h"
#include "evidence/leaf.h"
#include "evidence/statement.h"

struct ps_buf;

#define PS_INTAKE_FOLDER "intake"
#define PS_INTAKE_STATEMENT "intake.json"
#define PS_INTAKE_LEAF "leaf.bin"
#define PS_INTAKE_CHECKPOINT "checkpoint"
#define PS_INTAKE_FILES 64 /* of one intake */
/* What a picture complaint takes, "200 kB-20 MB", in the smaller reading of either unit. */
#define PS_INTAKE_LEAST 200000u
#define PS_INTAKE_MOST 20000000u

struct ps_intake_photo {
    struct ps_file_ref file; /* name: "0001.jpg" */
    char given[256];         /* the file's own name; "" when it is no text */
    struct ps_jpeg jpeg;     /* without its thumbnail */
    unsigned signs;          /* enum ps_jpeg_sign */
};

struct ps_intake {
    uint8_t salt[16];
    char station[PS_MAX_STATION_ID + 1], station_name[PS_MAX_NAME + 1];
    uint8_t ledger_key[32];
    struct ps_time at;
    const char *order, *note; /* "" for none; text of at most PS_MAX_CODE, PS_MAX_TEXT bytes */
    unsigned n;
    struct ps_intake_photo photos[PS_INTAKE_FILES];
};

/* The photograph at path, whole (malloc, caller frees), and what is to be said of it; its name is left to the caller. PS_ELIMIT: not
 * of a size that complaints take; PS_ENOENT, PS_EIO, PS_ENOMEM; else as ps_jpeg_parse. Nothing is allocated then. */
int ps_intake_read(struct ps_intake_photo *out, const char *path, uint8_t **bytes, struct ps_why *why);

/* A new hidden folder below ROOT/intake. */
int ps_intake_begin(const char *root, char part[48], int *dirfd, struct ps_why *why);
/* Takes it away again with what is in it. */
void ps_intake_abandon(const char *root, const char *part);
/* Its final name, by the leaf; path is relative to root. */
int ps_intake_publish(const char *root, const char *part, const struct ps_intake *in,
                      const struct ps_leaf *leaf, char path[PS_ROOT_PATH], struct ps_why *why);

/* intake.json; b->err tells. */
void ps_intake_write(const struct ps_intake *in, struct ps_buf *b);

#endif
