/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_EXIF_H
#define PS_EVIDENCE_EXIF_H
/*
 * The few fields of EXIF (CIPA DC-008, a TIFF 6.0 structure) that say who made a photograph and when. They are the
 * camera's own word: anybody can write them.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PS_EXIF_TEXT 96

struct ps_exif {
    bool damaged; /* some entry or folder lies outside; what could be read stands here */
    char make[PS_EXIF_TEXT], model[PS_EXIF_TEXT], software[PS_EXIF_TEXT]; /* "" when not there */
    char taken[PS_EXIF_TEXT];  /* DateTimeOriginal as written: "2026:11:21 08:15:30" */
    char offset[PS_EXIF_TEXT]; /* OffsetTimeOriginal: "+08:00" */
    uint32_t width, height;    /* PixelXDimension, PixelYDimension; 0 when not there */
    const uint8_t *thumb;      /* borrowed from the bytes read, or NULL */
    size_t thumb_n;
};

/* The TIFF structure that follows "Exif\0\0". Never fails: what is wrong sets damaged. Texts come out as UTF-8 without
 * control characters; a byte that is not so becomes '?'. */
void ps_exif_read(struct ps_exif *out, const void *p, size_t n);

#endif
