/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_LABEL_H
#define PS_RECORDER_LABEL_H
/*
 * Codes in a picture (libzbar), and the rules by which what was read counts. Whatever a picture shows is a stranger's
 * word: a code is text of bounded length or it is none.
 */
#include "evidence/limits.h"
#include <stdbool.h>
#include <stdint.h>

#define PS_LABEL_MOST 16 /* codes of one picture; more are not looked at */

enum ps_label_kind { PS_LABEL_CODE128 = 1, PS_LABEL_CODE39 = 2, PS_LABEL_CODE93 = 4, PS_LABEL_QR = 8 };

struct ps_label_found {
    char text[PS_MAX_CODE + 1]; /* UTF-8 without control characters */
    bool linear;                /* bars, not QR */
    int x0, y0, x1, y1;         /* where, in pixels; of bars only the line that was read */
};

struct ps_label_reader;

/* kinds: a sum of enum ps_label_kind. density: every how many lines are looked at, 1 to 8. */
int ps_label_new(struct ps_label_reader **out, unsigned kinds, unsigned density);
void ps_label_free(struct ps_label_reader *r);
/* Luma, height rows of stride bytes; not written to. Gives how many codes, at most `most`, each text once. */
unsigned ps_label_read(struct ps_label_reader *r, const uint8_t *luma, int stride, int width, int height,
                       struct ps_label_found *out, unsigned most);

/* The same for bars that lie askew: rows that fall or rise by `slope` (in 64ths, -64 to 64) are looked at, and nothing but
 * bars. `columns`: columns that lean instead. Places are not told. */
unsigned ps_label_read_slanted(struct ps_label_reader *r, const uint8_t *luma, int stride, int width,
                               int height, int slope, bool columns, struct ps_label_found *out,
                               unsigned most);

/* A QR code beside bars is on the same label, and says the same or leads to an advertisement: the bars count. Beside: nearer
 * than the bars are long. Keeps the rest in their order; gives how many. */
unsigned ps_label_prefer(struct ps_label_found *f, unsigned n);

/* Which sightings are a scan. A code counts when it was seen twice within PS_LABEL_DWELL_NS, and again only after it was
 * away for so long that it must have been taken away. */
#define PS_LABEL_DWELL_NS 1500000000LL
#define PS_LABEL_GATE 64

struct ps_label_gate {
    struct {
        char text[PS_MAX_CODE + 1]; /* "": free */
        int64_t last_ns;
        bool counted;
    } seen[PS_LABEL_GATE];
};
bool ps_label_gate(struct ps_label_gate *g, const char *text, int64_t mono_ns, int64_t away_ns);

#endif
