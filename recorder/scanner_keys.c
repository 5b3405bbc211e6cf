/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Key codes are positions on a keyboard; what they mean depends on a layout. A scanner types as on a US
 * keyboard whatever the machine's layout is, so the table is fixed here and the system's is not asked.
 */
#include "recorder/scanner.h"

#include <linux/input-event-codes.h>

#define PAUSE_NS INT64_C(220000000) /* a scanner's keys are 1 to 40 ms apart */
/* A person's keys are further apart: what was typed just before a scan is not glued to it. */
#define PAUSE_SHARED_NS INT64_C(50000000)
#define PAUSE_END_NS INT64_C(100000000) /* ends a code that nothing else ends */
#define LEAST_SHARED 6
#define MANUAL_NS INT64_C(60000000)

/* clang-format off */
static const struct { char plain, shifted; } table[] = {
    [KEY_1] = {'1', '!'}, [KEY_2] = {'2', '@'}, [KEY_3] = {'3', '#'}, [KEY_4] = {'4', '$'}, [KEY_5] = {'5', '%'},
    [KEY_6] = {'6', '^'}, [KEY_7] = {'7', '&'}, [KEY_8] = {'8', '*'}, [KEY_9] = {'9', '('}, [KEY_0] = {'0', ')'},
    [KEY_A] = {'a', 'A'}, [KEY_B] = {'b', 'B'}, [KEY_C] = {'c', 'C'}, [KEY_D] = {'d', 'D'}, [KEY_E] = {'e', 'E'},
    [KEY_F] = {'f', 'F'}, [KEY_G] = {'g', 'G'}, [KEY_H] = {'h', 'H'}, [KEY_I] = {'i', 'I'}, [KEY_J] = {'j', 'J'},
    [KEY_K] = {'k', 'K'}, [KEY_L] = {'l', 'L'}, [KEY_M] = {'m', 'M'}, [KEY_N] = {'n', 'N'}, [KEY_O] = {'o', 'O'},
    [KEY_P] = {'p', 'P'}, [KEY_Q] = {'q', 'Q'}, [KEY_R] = {'r', 'R'}, [KEY_S] = {'s', 'S'}, [KEY_T] = {'t', 'T'},
    [KEY_U] = {'u', 'U'}, [KEY_V] = {'v', 'V'}, [KEY_W] = {'w', 'W'}, [KEY_X] = {'x', 'X'}, [KEY_Y] = {'y', 'Y'},
    [KEY_Z] = {'z', 'Z'},
    [KEY_MINUS] = {'-', '_'}, [KEY_EQUAL] = {'=', '+'}, [KEY_LEFTBRACE] = {'[', '{'}, [KEY_RIGHTBRACE] = {']', '}'},
    [KEY_SEMICOLON] = {';', ':'}, [KEY_APOSTROPHE] = {'\'', '"'}, [KEY_GRAVE] = {'`', '~'},
    [KEY_BACKSLASH] = {'\\', '|'}, [KEY_COMMA] = {',', '<'}, [KEY_DOT] = {'.', '>'}, [KEY_SLASH] = {'/', '?'},
    [KEY_SPACE] = {' ', ' '}, [KEY_102ND] = {'<', '>'},
    [KEY_KP0] = {'0', '0'}, [KEY_KP1] = {'1', '1'}, [KEY_KP2] = {'2', '2'}, [KEY_KP3] = {'3', '3'},
    [KEY_KP4] = {'4', '4'}, [KEY_KP5] = {'5', '5'}, [KEY_KP6] = {'6', '6'}, [KEY_KP7] = {'7', '7'},
    [KEY_KP8] = {'8', '8'}, [KEY_KP9] = {'9', '9'}, [KEY_KPDOT] = {'.', '.'}, [KEY_KPMINUS] = {'-', '-'},
    [KEY_KPPLUS] = {'+', '+'}, [KEY_KPASTERISK] = {'*', '*'}, [KEY_KPSLASH] = {'/', '/'},
};
/* clang-format on */

static char character_of(const struct ps_scanner_keys *k, uint16_t code) {
    if (code >= sizeof table / sizeof table[0])
        return '\0';
    char c = table[code].plain;
    bool letter = c >= 'a' && c <= 'z';
    return k->shift != (letter && k->caps) ? table[code].shifted : c;
}

/* Shift, control and the locks. False: some other key. */
static bool is_modifier(struct ps_scanner_keys *k, uint16_t code, bool pressed) {
    switch (code) {
    case KEY_LEFTSHIFT:
    case KEY_RIGHTSHIFT: k->shift = pressed; return true;
    case KEY_LEFTCTRL:
    case KEY_RIGHTCTRL: k->ctrl = pressed; return true;
    case KEY_CAPSLOCK:
        if (pressed)
            k->caps = !k->caps;
        return true;
    case KEY_NUMLOCK:
    case KEY_SCROLLLOCK: return true;
    default: return false;
    }
}

static bool has_begun(const struct ps_scanner_keys *k) {
    return k->spoiled || k->torn || k->alt_digits > 0 || k->line.overlong || (k->line.n > 0 && !k->line.done);
}

static void start_anew(struct ps_scanner_keys *k) {
    uint64_t dropped = k->line.dropped;
    ps_scanner_line_drop(&k->line);
    k->line.dropped = dropped; /* counted here instead */
    k->spoiled = k->torn = k->torn_scan = false;
    k->count = 0;
    k->alt_digits = 0;
    k->alt_number = 0;
}

static int64_t gap(const struct ps_scanner_keys *k) {
    if (k->gap_ns)
        return k->gap_ns;
    if (k->shared)
        return PAUSE_SHARED_NS;
    return k->end == PS_CONFIG_END_NONE ? PAUSE_END_NS : PAUSE_NS;
}

bool ps_scanner_keys_typed(const struct ps_scanner_keys *k) {
    const uint32_t least = k->least ? k->least : LEAST_SHARED;
    return k->shared && (k->count < least || ps_scanner_keys_manual(k));
}

/* What a person typed for another program is no loss to tell of. */
static void drop(struct ps_scanner_keys *k) {
    if (has_begun(k) && !ps_scanner_keys_typed(k))
        k->dropped++;
    start_anew(k);
}

/* A pause inside a code, before one more key. What a scanner has begun is torn: the rest of it is no code. On a shared line a single key
 * may be a person's as well; two of them one by one are, and nothing that comes behind them is torn. */
static void after_pause(struct ps_scanner_keys *k, int64_t pause_ns) {
    const bool scan = k->torn_scan || !ps_scanner_keys_typed(k);
    k->lone = k->shared && k->count <= 1 ? k->lone + 1 : 0;
    if (pause_ns > gap(k) + PS_SCANNER_TORN_NS) {
        const uint64_t dropped = k->dropped;
        drop(k);
        k->long_ago_n += k->dropped - dropped;
        k->lone = 0;
    } else if (k->end == PS_CONFIG_END_NONE || (!scan && (k->lone > 1 || ps_scanner_keys_manual(k)))) {
        drop(k);
    } else {
        start_anew(k);
        k->torn = true;
        k->torn_scan = scan;
    }
}

static bool end_of_torn(struct ps_scanner_keys *k) {
    if (k->torn_scan || !ps_scanner_keys_typed(k)) {
        k->dropped++;
        k->torn_n++;
    }
    start_anew(k);
    return false;
}

static bool end_of_code(struct ps_scanner_keys *k) {
    k->lone = 0;
    if (k->torn)
        return end_of_torn(k);
    if (k->spoiled || (has_begun(k) && ps_scanner_keys_typed(k))) {
        drop(k);
        return false;
    }
    if (ps_scanner_line_end(&k->line))
        return true;
    start_anew(k);
    return false;
}

int64_t ps_scanner_keys_due(const struct ps_scanner_keys *k) {
    return k->end == PS_CONFIG_END_NONE && has_begun(k) ? k->last_ns + gap(k) : INT64_MAX;
}

bool ps_scanner_keys_rest(struct ps_scanner_keys *k) {
    return has_begun(k) && end_of_code(k);
}

static void count_key(struct ps_scanner_keys *k, int64_t mono_ns) {
    if (k->count == 0)
        k->first_ns = mono_ns;
    k->last_ns = mono_ns;
    k->count++;
}

/* Characters that are on no key: Alt is held, the number is typed on the numpad, Alt is released. */
static void alt_key(struct ps_scanner_keys *k, uint16_t code, int64_t mono_ns) {
    char c = character_of(k, code);
    bool numpad = code >= KEY_KP7 && code <= KEY_KP0 && c >= '0' && c <= '9';
    count_key(k, mono_ns);
    if (!numpad || k->alt_digits == 4) {
        k->spoiled = true;
        return;
    }
    k->alt_number = (uint16_t)(k->alt_number * 10 + (c - '0'));
    k->alt_digits++;
}

/* True when the number was that of a line end, after a code. */
static bool alt_released(struct ps_scanner_keys *k) {
    if (!k->alt || k->alt_digits == 0)
        return false;
    uint16_t number = k->alt_number;
    k->alt_digits = 0;
    k->alt_number = 0;
    if (number == '\r' || number == '\n')
        return end_of_code(k);
    if (number > 255)
        k->spoiled = true;
    else
        ps_scanner_line_byte(&k->line, (uint8_t)number);
    return false;
}

static bool press(struct ps_scanner_keys *k, uint16_t code, int64_t mono_ns) {
    if (k->line.done)
        start_anew(k);
    if (has_begun(k) && mono_ns - k->last_ns > gap(k))
        after_pause(k, mono_ns - k->last_ns);
    if (code == KEY_ENTER || code == KEY_KPENTER || code == KEY_TAB) {
        if (k->end != (code == KEY_TAB ? PS_CONFIG_END_ENTER : PS_CONFIG_END_TAB))
            return end_of_code(k);
        drop(k); /* this scanner ends its codes otherwise */
        return false;
    }
    if (k->alt) {
        alt_key(k, code, mono_ns);
        return false;
    }
    char c = character_of(k, code);
    count_key(k, mono_ns);
    if (c == '\0' || (k->ctrl && c < '@')) {
        k->spoiled = true;
        return false;
    }
    if (k->ctrl)
        c &= 0x1f; /* a control character of ASCII: Ctrl and ] is GS */
    if (c == '\r' || c == '\n')
        return end_of_code(k);
    ps_scanner_line_byte(&k->line, (uint8_t)c);
    return false;
}

bool ps_scanner_keys_event(struct ps_scanner_keys *k, uint16_t code, int32_t value, int64_t mono_ns) {
    if (value != 0 && value != 1)
        return false;
    if (is_modifier(k, code, value == 1))
        return false;
    if (code == KEY_LEFTALT || code == KEY_RIGHTALT) {
        bool complete = value == 0 && alt_released(k);
        k->alt = value == 1;
        return complete;
    }
    return value == 1 && press(k, code, mono_ns);
}

bool ps_scanner_keys_manual(const struct ps_scanner_keys *k) {
    return k->count > 1 && (k->last_ns - k->first_ns) / (k->count - 1) > MANUAL_NS;
}

void ps_scanner_keys_lost(struct ps_scanner_keys *k, int64_t mono_ns) {
    start_anew(k);
    k->shift = k->ctrl = k->alt = false;
    k->spoiled = true; /* what follows is the rest of a code: half a waybill is none. Counted at its end */
    k->last_ns = mono_ns;
}
