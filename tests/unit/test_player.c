/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the player makes of files and of sounds that come while others sound. */
#include "player/choice.h"
#include "player/sound.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/tap.h"

#define SECOND 1000000000LL

/* ---- which sound is heard ---- */

static const struct ps_sound tone = {"tones/start", NULL, 1}, word = {"en/recording", NULL, 1};

static struct ps_choice_sound sound(uint64_t seq, bool with_tone, bool alarm, int64_t at) {
    return (struct ps_choice_sound){
        .tone = with_tone ? &tone : NULL, .word = &word, .alarm = alarm, .seq = seq, .mono_ns = at};
}

static bool come(struct ps_choice *c, uint64_t seq, bool with_tone, bool alarm, int64_t now) {
    struct ps_choice_sound s = sound(seq, with_tone, alarm, now);
    return ps_choice_come(c, &s, now);
}

static void choices(void) {
    struct ps_choice c = {0};
    struct ps_choice_sound silence = {.seq = 9, .mono_ns = SECOND};

    tap_ok(!ps_choice_come(&c, &silence, SECOND) && !c.sounding, "an event without a sound is silent");
    tap_ok(come(&c, 1, true, false, SECOND) && c.now.seq == 1, "a tone begins at once");
    tap_ok(come(&c, 2, true, false, SECOND) && c.now.seq == 2, "and so does the next, which cuts it off");
    tap_ok(!come(&c, 3, false, false, SECOND) && c.now.seq == 2, "a word alone waits");
    tap_ok(!come(&c, 4, false, false, SECOND) && ps_choice_ended(&c, SECOND) && c.now.seq == 4,
           "the newest of those that wait is said");
    tap_ok(!ps_choice_ended(&c, SECOND) && !c.sounding, "then nothing");

    tap_ok(come(&c, 5, true, true, SECOND), "an alarm");
    tap_ok(!come(&c, 6, true, false, SECOND) && c.now.seq == 5, "is not cut off by what is none");
    tap_ok(come(&c, 7, true, true, SECOND) && c.now.seq == 7, "but by the next alarm");
    tap_ok(!c.waiting, "and what waited is older than that");
    tap_ok(!come(&c, 8, true, false, SECOND) && ps_choice_ended(&c, SECOND) && c.now.seq == 8,
           "what came meanwhile is heard after it");

    tap_ok(!come(&c, 10, false, false, 2 * SECOND), "what has to wait too long");
    tap_ok(!ps_choice_ended(&c, 2 * SECOND + PS_CHOICE_STALE_NS + 1) && !c.sounding, "is not said any more");
    struct ps_choice_sound old = sound(11, true, true, SECOND);
    tap_ok(!ps_choice_come(&c, &old, SECOND + PS_CHOICE_STALE_NS + 1), "nor is what arrives too late");
}

/* ---- files ---- */

static size_t put32(uint8_t *p, uint32_t v) {
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
    return 4;
}

/* A ramp of n frames, each channel the same. */
static size_t wav(uint8_t *p, unsigned channels, uint32_t rate, unsigned bits, size_t n) {
    size_t at = 0, bytes = n * channels * 2;

    memcpy(p, "RIFF", 4);
    at = 4 + put32(p + 4, (uint32_t)(46 + bytes));
    memcpy(p + at, "WAVELIST", 8); /* a chunk of odd length that nobody asked for */
    at += 8;
    at += put32(p + at, 1);
    p[at++] = 'x';
    p[at++] = 0;
    memcpy(p + at, "fmt ", 4);
    at += 4 + put32(p + at + 4, 16);
    const uint8_t format[] = {1, 0, (uint8_t)channels, 0};
    memcpy(p + at, format, 4);
    at += 4;
    at += put32(p + at, rate);
    at += put32(p + at, rate * channels * 2);
    const uint8_t block[] = {(uint8_t)(channels * 2), 0, (uint8_t)bits, 0};
    memcpy(p + at, block, 4);
    at += 4;
    memcpy(p + at, "data", 4);
    at += 4 + put32(p + at + 4, (uint32_t)bytes);
    for (size_t i = 0; i < n * channels; i++) {
        p[at++] = (uint8_t)(i / channels * 8);
        p[at++] = (uint8_t)(i / channels * 8 >> 8);
    }
    return at;
}

static uint8_t file[4096];

static void formats(void) {
    struct ps_why why = {{0}, {0}};
    int16_t *frames = NULL;
    size_t count = 0, n = wav(file, 1, 48000, 16, 100);

    tap_is_int(ps_sound_parse(file, n, &frames, &count, &why), 0, "48 kHz, one channel");
    tap_ok(count == 100 && frames[0] == 0 && frames[99] == 99 * 8, "is taken as it is");
    free(frames);
    n = wav(file, 2, 24000, 16, 100);
    tap_is_int(ps_sound_parse(file, n, &frames, &count, &why), 0, "24 kHz, two channels");
    tap_ok(count == 200 && frames[2] == 8 && frames[3] == 12,
           "becomes twice as many, with one between each two");
    free(frames);
    n = wav(file, 1, 48000, 8, 100);
    tap_is_int(ps_sound_parse(file, n, &frames, &count, &why), PS_EFORMAT, "8 bits are refused");
    n = wav(file, 3, 48000, 16, 10);
    tap_is_int(ps_sound_parse(file, n, &frames, &count, &why), PS_EFORMAT, "so are three channels");
    n = wav(file, 1, 4000, 16, 10);
    tap_is_int(ps_sound_parse(file, n, &frames, &count, &why), PS_EFORMAT, "and 4 kHz");
    n = wav(file, 1, 48000, 16, 0);
    tap_is_int(ps_sound_parse(file, n, &frames, &count, &why), PS_EFORMAT, "and a file without a sound");
}

/* Each cut and each changed byte of the head, in memory that ends where the file does: a sanitizer sees a step too far. */
static void hostile(void) {
    struct ps_why why;
    size_t n = wav(file, 1, 22050, 16, 40);
    unsigned odd = 0;

    for (size_t cut = 0; cut <= n; cut++) {
        uint8_t *p = malloc(cut ? cut : 1);
        int16_t *frames = NULL;
        size_t count = 0;
        memcpy(p, file, cut);
        int err = ps_sound_parse(p, cut, &frames, &count, &why);
        odd += err == 0 ? count > 88 : frames != NULL;
        free(frames);
        free(p);
    }
    tap_is_uint(odd, 0, "cut anywhere it is shorter, or none");
    for (size_t i = 0; i < 60; i++)
        for (int v = 0; v < 256; v++) {
            uint8_t *p = malloc(n);
            int16_t *frames = NULL;
            size_t count = 0;
            memcpy(p, file, n);
            p[i] = (uint8_t)v;
            int err = ps_sound_parse(p, n, &frames, &count, &why);
            odd += err == 0 ? count > 240 + 8 : frames != NULL;
            free(frames);
            free(p);
        }
    tap_is_uint(odd, 0, "no changed byte makes more of it than there is");
}

static void names(void) {
    struct ps_why why = {{0}, {0}};
    const char *folder = "/nonexistent";
    struct ps_sounds *s = NULL;

    tap_is_int(ps_sound_open(&s, &folder, 1), 0, "folders that are not there are fine");
    const char *const bad[] = {"../etc/passwd", "", "a/b", "A", "sehr-lang-sehr-lang-sehr-lang-sehr-lang"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        tap_ok(!ps_sound_get(s, "tones", bad[i], &why), "no stem: \"%s\"", bad[i]);
    tap_ok(!ps_sound_get(s, "tones", "start", &why) && !why.text[0],
           "what is not there is silent, and no fault");
    tap_is_uint(ps_sound_warm(s, "tones"), 0, "nor is there anything to read");
    ps_sound_close(s);
}

int main(void) {
    choices();
    formats();
    hostile();
    names();
    return tap_done();
}
