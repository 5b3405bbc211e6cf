/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_JPEG_H
#define PS_EVIDENCE_JPEG_H
/*
 * A photograph's JPEG (ITU-T T.81) marker by marker, without decoding a pixel: is it one whole picture, what does it say of
 * its camera, and what in it speaks against its being a camera's own bytes. Such signs are no verdict: each has harmless
 * causes, and none of them missing proves nothing.
 */
#include "evidence/error.h"
#include "evidence/exif.h"

enum ps_jpeg_tail { /* after the end of the picture: what cameras are known to write there */
                    PS_JPEG_TAIL_NONE,
                    PS_JPEG_TAIL_PADDING, /* zero bytes */
                    PS_JPEG_TAIL_PICTURES, /* previews or gain maps, announced by an MPF segment (CIPA DC-007) */
                    PS_JPEG_TAIL_FILM,     /* of a motion photo, announced in XMP */
                    PS_JPEG_TAIL_MAKER     /* Samsung's SEF blocks */
};

enum ps_jpeg_sign {
    PS_JPEG_NO_EXIF = 1 << 0,
    PS_JPEG_EXIF_DAMAGED = 1 << 1,
    PS_JPEG_NO_CAMERA = 1 << 2,  /* EXIF without maker or model */
    PS_JPEG_NO_TIME = 1 << 3,    /* EXIF without the time of the photograph */
    PS_JPEG_EDITOR = 1 << 4,     /* software, creator tool or comment of a program that changes pictures */
    PS_JPEG_JFIF_ONLY = 1 << 5,  /* JFIF and no EXIF: what messengers leave */
    PS_JPEG_SCREEN = 1 << 6,     /* the size of a screen, and no camera named */
    PS_JPEG_HUFFMAN = 1 << 7,    /* motion JPEG made standalone: tables added, as it seems */
    PS_JPEG_NO_HUFFMAN = 1 << 8, /* a motion-JPEG frame as the camera sent it; some programs do not show it */
    PS_JPEG_THUMBNAIL = 1 << 9,  /* other proportions than the picture */
    PS_JPEG_SIZE = 1 << 10,      /* EXIF tells another size than the picture has */
    PS_JPEG_PROGRESSIVE = 1 << 11, /* hardly a camera writes that */
    PS_JPEG_SIGNS = 12             /* so many */
};

struct ps_jpeg {
    uint16_t width, height;
    uint8_t components;
    bool progressive, has_exif, jfif, avi1, mpf, motion;
    bool photoshop;                     /* resources of an editor (APP13) */
    uint8_t sampling;                   /* of the first component: horizontal << 4 | vertical */
    unsigned tables;                    /* Huffman segments before the first scan */
    bool standard;                      /* the first is all four tables of T.81 annex K in one piece */
    bool tables_first;                  /* and stands before the quantisation tables */
    struct ps_exif exif;                /* when has_exif; thumb borrows from the picture */
    uint16_t thumb_width, thumb_height; /* 0: none, or it is not JPEG */
    char creator[PS_EXIF_TEXT];         /* XMP's CreatorTool, or a comment */
    enum ps_jpeg_tail tail;
    size_t tail_n; /* bytes */
};

/* All of p is one baseline or progressive JPEG of 8 bits and one or three components, and what may follow it. PS_EFORMAT
 * (text says what it is, if that is known), PS_ESHORT, PS_ETRAIL, PS_EVERSION (another JPEG process). */
int ps_jpeg_parse(struct ps_jpeg *out, const void *p, size_t n, struct ps_why *why);
/* The signs, as a sum. */
unsigned ps_jpeg_signs(const struct ps_jpeg *j);
/* "no-exif", …, for i below PS_JPEG_SIGNS. */
const char *ps_jpeg_sign_name(unsigned i);
/* "", "padding", "pictures", "film", "maker" */
const char *ps_jpeg_tail_name(enum ps_jpeg_tail t);

#endif
