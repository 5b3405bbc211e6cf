/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_ZIPW_H
#define PS_ARCHIVE_ZIPW_H
/*
 * Writes a stored zip (APPNOTE 6.3.10), ZIP64 where needed: no data descriptors, local headers as the central
 * ones, DOS time 1980-01-01, so that the same files give the same bytes. The file must be one that can be
 * written at a place: the CRC goes into the local header once the data has gone by.
 */
#include "evidence/bytes.h"
#include "evidence/error.h"
#include <stddef.h>
#include <stdint.h>

struct ps_zipw {
    int fd;      /* borrowed */
    uint64_t at; /* bytes written */
    struct ps_buf directory;
    uint64_t n; /* entries in it */
    /* The entry being written. */
    char name[256];
    uint64_t offset, size, left;
    uint32_t crc;
};

/* An empty file, or one at `at` bytes whose entries before it do not matter (tests of ZIP64). */
void ps_zipw_init(struct ps_zipw *z, int fd, uint64_t at);
void ps_zipw_free(struct ps_zipw *z);
/* An entry of exactly size bytes: begin, data in pieces, end (PS_ESTATE when more or fewer came). Names are
 * the caller's care: ps_zip_name_ok. PS_ELIMIT past PS_MAX_ZIP_ENTRIES, PS_EFULL when the disk is. */
int ps_zipw_begin(struct ps_zipw *z, const char *name, uint64_t size);
int ps_zipw_data(struct ps_zipw *z, const void *p, size_t n);
int ps_zipw_end(struct ps_zipw *z);
/* Directory and end record. The caller syncs. */
int ps_zipw_finish(struct ps_zipw *z);
/* CRC-32 (ISO 3309), continued from crc; starts with 0. */
uint32_t ps_zipw_crc(uint32_t crc, const void *p, size_t n);

#endif
