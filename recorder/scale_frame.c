/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/scale_frame.h"

#include <string.h>

#define STX 0x02
#define ETX 0x03
#define DIGITS 9   /* of a weight, so that no product below overflows */
#define DECIMALS 6 /* behind its point */

void ps_scale_frame_init(struct ps_scale_frame *f, uint8_t protocol, uint8_t unit) {
    memset(f, 0, sizeof *f);
    f->protocol = protocol;
    f->unit = unit;
}

/* ---- a bounded cursor ---- */

struct cursor {
    const uint8_t *p, *end;
};

static void blanks(struct cursor *c) {
    while (c->p < c->end && *c->p == ' ')
        c->p++;
}

static bool take(struct cursor *c, char wanted) {
    if (c->p == c->end || *c->p != (uint8_t)wanted)
        return false;
    c->p++;
    return true;
}

static bool take_text(struct cursor *c, const char *wanted) {
    const size_t n = strlen(wanted);
    if ((size_t)(c->end - c->p) < n || memcmp(c->p, wanted, n) != 0)
        return false;
    c->p += n;
    return true;
}

static bool at_end(struct cursor *c) {
    blanks(c);
    return c->p == c->end;
}

/* ---- numbers and units ---- */

struct number {
    int64_t value;
    int decimals; /* how many digits of it stand behind the point; below 0: so many zeros are to be added */
    bool negative;
};

static bool take_number(struct cursor *c, struct number *n) {
    unsigned digits = 0;
    bool point = false;
    *n = (struct number){0};
    blanks(c);
    if (take(c, '-'))
        n->negative = true;
    else
        take(c, '+');
    blanks(c);
    for (; c->p < c->end; c->p++) {
        if (*c->p == '.' && !point && digits > 0) {
            point = true;
        } else if (*c->p >= '0' && *c->p <= '9') {
            n->value = n->value * 10 + (*c->p - '0');
            n->decimals += point;
            if (++digits > DIGITS)
                return false;
        } else {
            break;
        }
    }
    return digits > 0 && n->decimals <= DECIMALS && !(point && n->decimals == 0);
}

static uint8_t take_unit(struct cursor *c) {
    static const struct {
        const char *text;
        uint8_t unit;
    } units[] = {{"kg", PS_CONFIG_UNIT_KG}, {"g", PS_CONFIG_UNIT_G},   {"lbs", PS_CONFIG_UNIT_LB},
                 {"lb", PS_CONFIG_UNIT_LB}, {"oz", PS_CONFIG_UNIT_OZ}, {"t", PS_CONFIG_UNIT_T}};
    char word[4] = "";
    size_t n = 0;
    blanks(c);
    for (; c->p < c->end && n < 3; c->p++, n++) {
        const char small = (char)(*c->p | 0x20);
        if (small < 'a' || small > 'z')
            break;
        word[n] = small;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(word, units[i].text) == 0)
            return units[i].unit;
    return PS_CONFIG_UNIT_ANY;
}

/* The avoirdupois pound is 0.45359237 kg (NIST Handbook 44, appendix C), the ounce a sixteenth of it. */
static bool to_grams(const struct number *n, uint8_t unit, int32_t *grams) {
    static const struct {
        int64_t up, down;
    } units[] = {[PS_CONFIG_UNIT_G] = {1, 1},
                 [PS_CONFIG_UNIT_KG] = {1000, 1},
                 [PS_CONFIG_UNIT_LB] = {45359237, 100000},
                 [PS_CONFIG_UNIT_OZ] = {45359237, 1600000},
                 [PS_CONFIG_UNIT_T] = {1000000, 1}};
    if (unit == PS_CONFIG_UNIT_ANY || unit >= sizeof units / sizeof units[0])
        return false;
    int64_t up = n->value * units[unit].up, down = units[unit].down;
    for (int i = 0; i < n->decimals; i++)
        down *= 10;
    for (int i = 0; i < -n->decimals; i++)
        up *= 10;
    up = (up + down / 2) / down;
    if (up > PS_SCALE_FRAME_GRAMS)
        return false;
    *grams = (int32_t)(n->negative ? -up : up);
    return true;
}

/* unit: as the scale says it, ANY when it does not. */
static enum ps_scale_frame_said weigh(const struct ps_scale_frame *f, const struct number *n, uint8_t unit,
                                      struct ps_scale_frame_weight *out) {
    if (unit == PS_CONFIG_UNIT_ANY)
        unit = f->unit;
    else if (f->unit != PS_CONFIG_UNIT_ANY && f->unit != unit)
        return PS_SCALE_FRAME_STRANGE;
    return to_grams(n, unit, &out->grams) ? PS_SCALE_FRAME_WEIGHT : PS_SCALE_FRAME_STRANGE;
}

/* Number, unit, and nothing behind them. */
static enum ps_scale_frame_said rest(const struct ps_scale_frame *f, struct cursor *c, bool comma,
                                     struct ps_scale_frame_weight *out) {
    struct number n;
    if (!take_number(c, &n))
        return PS_SCALE_FRAME_STRANGE;
    if (comma)
        take(c, ',');
    const bool bare = at_end(c);
    const uint8_t unit = bare ? PS_CONFIG_UNIT_ANY : take_unit(c);
    if (!at_end(c) || (!bare && unit == PS_CONFIG_UNIT_ANY))
        return PS_SCALE_FRAME_STRANGE;
    return weigh(f, &n, unit, out);
}

/* ---- lines ---- */

static enum ps_scale_frame_said st(const struct ps_scale_frame *f, struct cursor *c,
                                   struct ps_scale_frame_weight *out) {
    if (take_text(c, "OL") || take_text(c, "QT"))
        return PS_SCALE_FRAME_NONE;
    out->moving = take_text(c, "US");
    if ((!out->moving && !take_text(c, "ST")) || !take(c, ','))
        return PS_SCALE_FRAME_STRANGE;
    if (take_text(c, "TR,") || take_text(c, "T,"))
        return PS_SCALE_FRAME_NONE;
    out->net = take_text(c, "NT,") || take_text(c, "N,");
    const bool kind = out->net || take_text(c, "GS,") || take_text(c, "G,");
    /* CAS, 22 bytes: device and lamps, of any value, and a comma. The lamps say once more whether it stands still. */
    if (kind && c->end - c->p == 14 && c->p[2] == ',') {
        if (((c->p[1] & 0x40) == 0) != out->moving)
            return PS_SCALE_FRAME_STRANGE;
        c->p += 3;
    }
    return rest(f, c, true, out);
}

static enum ps_scale_frame_said sics(const struct ps_scale_frame *f, struct cursor *c,
                                     struct ps_scale_frame_weight *out) {
    if (!take_text(c, "S "))
        return PS_SCALE_FRAME_STRANGE;
    if (c->end - c->p == 1)
        return strchr("I+-", *c->p) ? PS_SCALE_FRAME_NONE : PS_SCALE_FRAME_STRANGE;
    out->moving = take_text(c, "D ");
    if (!out->moving && !take_text(c, "S "))
        return PS_SCALE_FRAME_STRANGE;
    return rest(f, c, false, out);
}

static enum ps_scale_frame_said plain(const struct ps_scale_frame *f, struct cursor *c,
                                      struct ps_scale_frame_weight *out) {
    blanks(c);
    out->net = take_text(c, "wn");
    if (!out->net)
        take_text(c, "ww");
    return rest(f, c, false, out);
}

static enum ps_scale_frame_said line_byte(struct ps_scale_frame *f, uint8_t byte,
                                          struct ps_scale_frame_weight *out) {
    if (byte == STX || byte == '\r' || byte == '\n') {
        struct cursor c = {f->bytes, f->bytes + f->n};
        const bool whole = byte != STX && !f->overlong, some = f->n > 0;
        f->n = 0;
        f->overlong = false;
        if (!some)
            return PS_SCALE_FRAME_MORE;
        if (!whole)
            return PS_SCALE_FRAME_STRANGE;
        return f->protocol == PS_CONFIG_WEIGHT_ST     ? st(f, &c, out)
               : f->protocol == PS_CONFIG_WEIGHT_SICS ? sics(f, &c, out)
                                                      : plain(f, &c, out);
    }
    if (byte == ETX && f->n == 0)
        return PS_SCALE_FRAME_MORE; /* behind the line end, as some have it */
    if (f->n == sizeof f->bytes)
        f->overlong = true;
    else
        f->bytes[f->n++] = byte;
    return PS_SCALE_FRAME_MORE;
}

/* ---- frames ---- */

#define TOLEDO_STATUS 3
#define TOLEDO_DIGITS 6
#define TOLEDO_SHORT (TOLEDO_STATUS + TOLEDO_DIGITS)
#define TOLEDO_LONG (TOLEDO_SHORT + TOLEDO_DIGITS)

/* Six places: leading blanks for zeros. */
static bool toledo_digits(const uint8_t *p, int64_t *value) {
    bool digit = false;
    *value = 0;
    for (int i = 0; i < TOLEDO_DIGITS; i++) {
        if (p[i] == ' ' && !digit)
            continue;
        if (p[i] < '0' || p[i] > '9')
            return false;
        digit = true;
        *value = *value * 10 + (p[i] - '0');
    }
    return digit;
}

static enum ps_scale_frame_said toledo(const struct ps_scale_frame *f, struct ps_scale_frame_weight *out) {
    const uint8_t a = f->bytes[0], b = f->bytes[1], c = f->bytes[2];
    struct number n = {.decimals = (a & 7) - 2, .negative = b >> 1 & 1};
    if ((f->n != TOLEDO_SHORT && f->n != TOLEDO_LONG) || !(a & b & c & 0x20) || a & 0x40 || (c & 7) > 1)
        return PS_SCALE_FRAME_STRANGE;
    if (b & 0x44)
        return PS_SCALE_FRAME_NONE;
    if (!toledo_digits(f->bytes + TOLEDO_STATUS, &n.value))
        return PS_SCALE_FRAME_STRANGE;
    out->moving = b >> 3 & 1;
    out->net = b & 1;
    return weigh(f, &n, c & 1 ? PS_CONFIG_UNIT_G : b >> 4 & 1 ? PS_CONFIG_UNIT_KG : PS_CONFIG_UNIT_LB, out);
}

static bool toledo_sum(const struct ps_scale_frame *f, uint8_t sum) {
    unsigned all = STX + '\r' + (sum & 0x7f);
    for (size_t i = 0; i < f->n; i++)
        all += f->bytes[i];
    return (all & 0x7f) == 0;
}

/* Bit 7 is a parity bit or 0. */
static enum ps_scale_frame_said toledo_byte(struct ps_scale_frame *f, uint8_t byte,
                                            struct ps_scale_frame_weight *out) {
    const bool with_sum = f->protocol == PS_CONFIG_WEIGHT_TOLEDO_SUM;
    enum ps_scale_frame_said said = PS_SCALE_FRAME_STRANGE;
    byte &= 0x7f;
    if (f->sum_due) { /* this is the sum, whatever it is */
        f->in = f->sum_due = false;
        return toledo_sum(f, byte) ? toledo(f, out) : said;
    }
    if (byte == STX) {
        const bool torn = f->in && f->n > 0;
        f->in = true;
        f->n = 0;
        return torn ? said : PS_SCALE_FRAME_MORE;
    }
    if (!f->in)
        return PS_SCALE_FRAME_MORE;
    if (byte == '\r' && with_sum) {
        f->sum_due = true;
        return PS_SCALE_FRAME_MORE;
    }
    if (byte != '\r' && f->n < TOLEDO_LONG) {
        f->bytes[f->n++] = byte;
        return PS_SCALE_FRAME_MORE;
    }
    f->in = false;
    return byte == '\r' ? toledo(f, out) : said;
}

#define YAOHUA_LONG 10 /* between STX and ETX */

static enum ps_scale_frame_said yaohua(const struct ps_scale_frame *f, struct ps_scale_frame_weight *out) {
    static const char hex[] = "0123456789ABCDEF";
    struct number n = {.decimals = f->bytes[7] - '0', .negative = f->bytes[0] == '-'};
    uint8_t sum = 0;
    if (f->n != YAOHUA_LONG || (f->bytes[0] != '+' && f->bytes[0] != '-') || n.decimals < 0 || n.decimals > 4)
        return PS_SCALE_FRAME_STRANGE;
    for (int i = 0; i < 8; i++)
        sum ^= f->bytes[i];
    if (f->bytes[8] != hex[sum >> 4] || f->bytes[9] != hex[sum & 15])
        return PS_SCALE_FRAME_STRANGE;
    for (int i = 1; i < 7; i++) {
        if (f->bytes[i] < '0' || f->bytes[i] > '9')
            return PS_SCALE_FRAME_STRANGE;
        n.value = n.value * 10 + (f->bytes[i] - '0');
    }
    return weigh(f, &n, PS_CONFIG_UNIT_ANY, out);
}

static enum ps_scale_frame_said yaohua_byte(struct ps_scale_frame *f, uint8_t byte,
                                            struct ps_scale_frame_weight *out) {
    if (byte == STX) {
        const bool torn = f->in && f->n > 0;
        f->in = true;
        f->n = 0;
        return torn ? PS_SCALE_FRAME_STRANGE : PS_SCALE_FRAME_MORE;
    }
    if (!f->in)
        return PS_SCALE_FRAME_MORE;
    if (byte != ETX && f->n < YAOHUA_LONG) {
        f->bytes[f->n++] = byte;
        return PS_SCALE_FRAME_MORE;
    }
    f->in = false;
    return byte == ETX ? yaohua(f, out) : PS_SCALE_FRAME_STRANGE;
}

enum ps_scale_frame_said ps_scale_frame_byte(struct ps_scale_frame *f, uint8_t byte,
                                             struct ps_scale_frame_weight *out) {
    *out = (struct ps_scale_frame_weight){0};
    switch (f->protocol) {
    case PS_CONFIG_WEIGHT_TOLEDO:
    case PS_CONFIG_WEIGHT_TOLEDO_SUM: return toledo_byte(f, byte, out);
    case PS_CONFIG_WEIGHT_YAOHUA: return yaohua_byte(f, byte, out);
    default: return line_byte(f, byte, out);
    }
}
