/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_SCALE_FRAME_H
#define PS_RECORDER_SCALE_FRAME_H
/*
 * Bytes of a scale's line -> weights. No I/O. Nothing is guessed: what is not as the configured protocol has it is counted and
 * passed over, for a weight that was guessed would be signed.
 *
 *   st          header ST (stable), US (moving), OL (overload), a weight, a unit, CR LF. In one frame or another:
 *               A&D EK-i/EK-L manuals, "Data format": "ST,+001234.5  g";
 *               CAS CI-series manuals, appendix "Data format", 22 bytes: "ST,GS," device and lamp (a byte each) ",   0.123 kg",
 *               and "AND 18 bytes": "ST,GS,   0.123kg"; Tiger TI-02 manual, 7.1: "ST,GS, 000.123,kg".
 *               GS, G gross, NT, N net; TR, T is a tare and no weight; QT and "PC" count pieces
 *   sics        Mettler-Toledo, "MT-SICS Interface Commands" reference manual, answers to S, SI, SIR, SR: "S S     100.00 g";
 *               S D moving; S I, S +, S - no weight
 *   toledo      Mettler-Toledo IND445, ICS4x5 manuals, "TOLEDO Continuous mode", and the status bytes of their appendices (the
 *               same in Fairbanks FB3000, Rice Lake 920i manuals, "Toledo 8142"): STX, three status bytes, 6 digits of
 *               weight, 6 of tare (or none, Cardinal 225: "short"), CR. Byte A bits 0-2: place of the decimal point, B: 0 net,
 *               1 negative, 2 out of range, 3 moving, 4 kg, else lb, 6 not zeroed since power-up; C bits 0-2: 1 grams
 *   toledo-sum  the same and a byte that makes the sum of all low 7 bits 0
 *   yaohua      Yaohua XK3190-A26, -A23p manuals, "continuous communication format 0" (1 in the latter): STX, sign, 6 digits, decimals,
 *               XOR of these 8 bytes as two hexadecimal digits, ETX. It tells neither unit nor rest
 *   plain       a sign, digits, perhaps a point, a unit, CR or LF; "ww" gross or "wn" net before it (Liden LUW2001 manual,
 *               "continuous output A format")
 */
#include "archive/config.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PS_SCALE_FRAME_MAX 40
#define PS_SCALE_FRAME_GRAMS 10000000 /* what is more, either way, is no packing bench's weight */

struct ps_scale_frame_weight {
    int32_t grams; /* rounded, halves away from zero */
    bool moving;   /* the scale says so */
    bool net;      /* the scale says that a tare was taken off */
};

enum ps_scale_frame_said {
    PS_SCALE_FRAME_MORE,   /* nothing yet */
    PS_SCALE_FRAME_WEIGHT, /* *out is filled */
    PS_SCALE_FRAME_NONE,   /* it says that it has no weight: overload, an error */
    PS_SCALE_FRAME_STRANGE /* what has come is not as the protocol has it */
};

struct ps_scale_frame {
    uint8_t protocol; /* enum ps_config_weight */
    uint8_t unit;     /* enum ps_config_unit: of a scale that tells one, the only one that is taken */
    bool in;          /* protocols that begin with STX: it was there */
    bool overlong;
    bool sum_due; /* toledo-sum: the CR was there */
    size_t n;
    uint8_t bytes[PS_SCALE_FRAME_MAX];
};

void ps_scale_frame_init(struct ps_scale_frame *f, uint8_t protocol, uint8_t unit);
enum ps_scale_frame_said ps_scale_frame_byte(struct ps_scale_frame *f, uint8_t byte,
                                             struct ps_scale_frame_weight *out);

#endif
