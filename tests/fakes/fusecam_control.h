/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_TESTS_FUSECAM_CONTROL_H
#define PS_TESTS_FUSECAM_CONTROL_H
/*
 * The control file of fusecam: what tests order and what they are told. A header-only part of that one
 * program; call with cam.lock held.
 */
#include "tests/fakes/fusecam_device.h"

static void unplug(void) {
    cam.plugged = false;
    free_buffers();
    wake();
}

static void set_defaults(void) {
    cam.size = cam.offer.sizes[0];
    cam.fourcc = cam.offer.formats[0];
    cam.rate = cam.offer.rates[0];
}

static void plug(void) {
    if (cam.plugged)
        return;
    cam.plugged = true;
    cam.ino++;
    cam.offer = cam.next_offer;
    set_defaults();
}

static bool parse_size(const char *text, struct size *out) {
    int end = 0;
    if (sscanf(text, "%4ux%4u%n", &out->width, &out->height, &end) != 2 || text[end] != '\0')
        return false;
    return out->width >= 32 && out->height >= 40 && out->width % 2 == 0 &&
           (uint64_t)out->width * out->height * 2 <= STRIDE;
}

static bool parse_format(const char *text, uint32_t *fourcc) {
    static const uint32_t known[] = {V4L2_PIX_FMT_MJPEG, V4L2_PIX_FMT_YUYV, V4L2_PIX_FMT_UYVY};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strlen(text) == 4 && memcmp(text, &known[i], 4) == 0) {
            *fourcc = known[i];
            return true;
        }
    }
    return false;
}

static bool parse_number(const char *text, uint32_t low, uint32_t high, uint32_t *out) {
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || value < low || value > high)
        return false;
    *out = (uint32_t)value;
    return true;
}

/* One line of the control file. False: not understood, nothing done. */
static bool obey(const char *line) {
    static const struct {
        const char *word;
        uint32_t *left;
    } counted[] = {{"gap", &cam.faults.gap},
                   {"error", &cam.faults.error},
                   {"truncate", &cam.faults.truncate},
                   {"corrupt", &cam.faults.corrupt},
                   {"short", &cam.faults.empty}};
    char word[16] = "", value[16] = "", rest;
    int words = sscanf(line, "%15s %15s %c", word, value, &rest);
    uint32_t number;

    if (words <= 0)
        return true;
    if (words == 1 && strcmp(word, "unplug") == 0) {
        unplug();
        return true;
    }
    if (words == 1 && strcmp(word, "plug") == 0) {
        plug();
        return true;
    }
    if (words != 2)
        return false;
    for (size_t i = 0; i < sizeof counted / sizeof counted[0]; i++)
        if (strcmp(word, counted[i].word) == 0)
            return parse_number(value, 0, 1000000, counted[i].left);
    if (strcmp(word, "stall") == 0 && parse_number(value, 0, 86400000, &number)) {
        cam.faults.stall_until_ns = mono_ns() + number * INT64_C(1000000);
        return true;
    }
    bool on = strcmp(value, "on") == 0;
    if ((on || strcmp(value, "off") == 0) && (strcmp(word, "busy") == 0 || strcmp(word, "nospace") == 0)) {
        *(word[0] == 'b' ? &cam.faults.busy : &cam.faults.nospace) = on;
        return true;
    }
    if (strcmp(word, "budget") == 0 && parse_number(value, 0, 2000000000, &number)) {
        cam.faults.budget = number;
        return true;
    }
    struct offer *next = &cam.next_offer;
    struct size size;
    if (strcmp(word, "size") == 0 && !cam.fixed_size && parse_size(value, &size)) {
        next->sizes[0] = size;
        next->size_count = 1;
        return true;
    }
    if (strcmp(word, "format") == 0 && parse_format(value, &number)) {
        next->formats[0] = number;
        next->format_count = 1;
        return true;
    }
    return false;
}

static char *report(void) {
    const struct counts *c = &cam.counts;
    char *text = NULL;
    int length = asprintf(
        &text,
        "{\"frames\": %ju, \"sequence\": %jd, \"streaming\": %s, \"plugged\": %s, \"delivered\": %ju, "
        "\"skipped_no_buffer\": %ju, \"skipped_gap\": %ju, \"filled\": %ju, \"errors\": %ju, "
        "\"truncated\": %ju, \"corrupted\": %ju, \"short\": %ju, \"late\": %ju, \"buffers\": %u, "
        "\"width\": %u, \"height\": %u, \"fps\": %u, \"format\": \"%.4s\", \"serial\": \"%s\"}\n",
        (uintmax_t)c->frames, (intmax_t)cam.sequence, cam.streaming ? "true" : "false",
        cam.plugged ? "true" : "false", (uintmax_t)c->delivered, (uintmax_t)c->skipped_no_buffer,
        (uintmax_t)c->skipped_gap, (uintmax_t)c->filled, (uintmax_t)c->errors, (uintmax_t)c->truncated,
        (uintmax_t)c->corrupted, (uintmax_t)c->empty, (uintmax_t)c->late, cam.buffer_count, cam.size.width,
        cam.size.height, cam.rate, (const char *)&cam.fourcc, cam.serial);
    return length < 0 ? NULL : text;
}

#endif
