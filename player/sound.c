/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "player/sound.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX ((size_t)8 << 20)
#define SECONDS_MAX 20
#define SOUNDS 256

struct ps_sounds {
    unsigned n_folders, n;
    char folder[PS_SOUND_FOLDERS][PATH_MAX];
    struct ps_sound sound[SOUNDS]; /* frames NULL: there is none */
};

/* ---- WAV: RIFF, little-endian, chunks of an even number of bytes ---- */

struct format {
    unsigned channels, rate;
};

static uint32_t le32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static unsigned le16(const uint8_t *p) {
    return (unsigned)p[0] | (unsigned)p[1] << 8;
}

static int parse_format(const uint8_t *p, size_t n, struct format *f, struct ps_why *why) {
    if (n < 16)
        return ps_error_why(why, PS_EFORMAT, "fmt", "the format is cut short");
    f->channels = le16(p + 2);
    f->rate = le32(p + 4);
    bool pcm = le16(p) == 1 || (le16(p) == 0xfffe && n >= 40 && le16(p + 24) == 1);
    if (!pcm || le16(p + 14) != 16)
        return ps_error_why(why, PS_EFORMAT, "fmt", "not PCM of 16 bits");
    if (f->channels < 1 || f->channels > 2 || f->rate < 8000 || f->rate > 96000)
        return ps_error_why(why, PS_EFORMAT, "fmt", "%u channels at %u Hz: 1 or 2 at 8000 to 96000 are known",
                            f->channels, f->rate);
    return 0;
}

static int sample(const uint8_t *p, const struct format *f, size_t i) {
    int sum = 0;

    for (unsigned c = 0; c < f->channels; c++)
        sum += (int16_t)le16(p + 2 * (i * f->channels + c));
    return sum / (int)f->channels;
}

/* Between two samples in a straight line: voices and tones have little above 8 kHz that this could spoil. */
static int resample(const uint8_t *p, size_t n, const struct format *f, int16_t **frames, size_t *count,
                    struct ps_why *why) {
    size_t have = n / (2 * f->channels);
    uint64_t wanted = (uint64_t)have * PS_SOUND_RATE / f->rate;

    if (have == 0)
        return ps_error_why(why, PS_EFORMAT, "data", "no sound in it");
    if (have > (size_t)SECONDS_MAX * f->rate)
        return ps_error_why(why, PS_ELIMIT, "data", "longer than %d s", SECONDS_MAX);
    int16_t *out = malloc((wanted + 1) * sizeof *out);
    if (!out)
        return ps_error_why(why, PS_ENOMEM, "data", "out of memory");
    for (uint64_t i = 0; i < wanted; i++) {
        uint64_t at = i * f->rate;
        size_t k = (size_t)(at / PS_SOUND_RATE);
        int64_t part = (int64_t)(at % PS_SOUND_RATE), a = sample(p, f, k);
        int64_t b = k + 1 < have ? sample(p, f, k + 1) : a;
        out[i] = (int16_t)(a + (b - a) * part / PS_SOUND_RATE);
    }
    *frames = out;
    *count = (size_t)wanted;
    return 0;
}

int ps_sound_parse(const uint8_t *p, size_t n, int16_t **frames, size_t *count, struct ps_why *why) {
    struct format f = {0};
    size_t at = 12;

    if (n < 12 || memcmp(p, "RIFF", 4) != 0 || memcmp(p + 8, "WAVE", 4) != 0)
        return ps_error_why(why, PS_EFORMAT, "file", "not a WAV file");
    while (n - at >= 8) {
        const uint8_t *body = p + at + 8;
        size_t left = n - at - 8, size = le32(p + at + 4);
        if (memcmp(p + at, "data", 4) == 0 && f.rate)
            return resample(body, size < left ? size : left, &f, frames, count,
                            why); /* as players read streams */
        if (size > left)
            break;
        if (memcmp(p + at, "fmt ", 4) == 0) {
            int err = parse_format(body, size, &f, why);
            if (err < 0)
                return err;
        }
        at += 8 + size;
        if (size & 1 && at < n)
            at++;
    }
    return ps_error_why(why, PS_EFORMAT, "file", f.rate ? "no sound in it" : "no format before the sound");
}

/* ---- files ---- */

static int read_file(const char *path, uint8_t **out, size_t *n, struct ps_why *why) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
    uint8_t *p = NULL;

    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? PS_ENOENT
                   : ps_error_why(why, PS_EIO, path, "%s", strerrordesc_np(errno));
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (size_t)st.st_size > FILE_MAX || st.st_size == 0)
        err = ps_error_why(why, PS_EFORMAT, path, "not a file of at most %zu bytes", FILE_MAX);
    p = err ? NULL : malloc((size_t)st.st_size);
    if (!err && !p)
        err = ps_error_why(why, PS_ENOMEM, path, "out of memory");
    ssize_t got = p ? read(fd, p, (size_t)st.st_size) : 0;
    if (!err && got != st.st_size)
        err = ps_error_why(why, PS_EIO, path, "cannot be read whole");
    close(fd);
    if (err) {
        free(p);
        return err;
    }
    *out = p;
    *n = (size_t)got;
    return 0;
}

static void load(const struct ps_sounds *s, struct ps_sound *to, struct ps_why *why) {
    char path[PATH_MAX + PS_SOUND_STEM + 8];
    uint8_t *p = NULL;
    size_t n = 0;

    for (unsigned i = 0; i < s->n_folders; i++) {
        struct ps_why said = {0};
        snprintf(path, sizeof path, "%s/%s.wav", s->folder[i], to->name);
        int err = read_file(path, &p, &n, &said);
        if (!err) {
            err = ps_sound_parse(p, n, &to->frames, &to->n, &said);
            free(p);
        }
        if (!err)
            return;
        if (err != PS_ENOENT) { /* the next folder's is better than silence */
            *why = said;
            snprintf(why->where, sizeof why->where, "%.*s", (int)sizeof why->where - 1, path);
        }
    }
}

int ps_sound_open(struct ps_sounds **out, const char *const *folders, unsigned n) {
    struct ps_sounds *s = calloc(1, sizeof *s);

    if (!s)
        return PS_ENOMEM;
    for (unsigned i = 0; i < n && i < PS_SOUND_FOLDERS; i++)
        snprintf(s->folder[s->n_folders++], PATH_MAX, "%s", folders[i]);
    *out = s;
    return 0;
}

void ps_sound_close(struct ps_sounds *s) {
    if (!s)
        return;
    for (unsigned i = 0; i < s->n; i++)
        free(s->sound[i].frames);
    free(s);
}

static bool is_stem(const char *s) {
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return n > 0 && n < 33 && s[n] == '\0';
}

const struct ps_sound *ps_sound_get(struct ps_sounds *s, const char *kind, const char *stem,
                                    struct ps_why *why) {
    char name[PS_SOUND_STEM];

    if (!is_stem(stem) || strlen(kind) > 8)
        return NULL;
    snprintf(name, sizeof name, "%s/%s", kind, stem);
    for (unsigned i = 0; i < s->n; i++)
        if (strcmp(s->sound[i].name, name) == 0)
            return s->sound[i].frames ? &s->sound[i] : NULL;
    if (s->n == SOUNDS)
        return NULL;
    struct ps_sound *new = &s->sound[s->n++];
    memcpy(new->name, name, sizeof name);
    load(s, new, why);
    return new->frames ? new : NULL;
}

unsigned ps_sound_warm(struct ps_sounds *s, const char *kind) {
    unsigned n = 0;

    for (unsigned i = 0; i < s->n_folders; i++) {
        char path[PATH_MAX + 16];
        snprintf(path, sizeof path, "%s/%s", s->folder[i], kind);
        DIR *dir = opendir(path);
        for (struct dirent *e; dir && (e = readdir(dir));) {
            struct ps_why why;
            size_t k = strlen(e->d_name);
            if (k < 5 || k > PS_SOUND_STEM || strcmp(e->d_name + k - 4, ".wav") != 0)
                continue;
            e->d_name[k - 4] = '\0';
            n += ps_sound_get(s, kind, e->d_name, &why) != NULL;
        }
        if (dir)
            closedir(dir);
    }
    return n;
}
