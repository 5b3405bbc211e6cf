/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "player/card.h"

#include <alsa/asoundlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LATENCY_US 60000 /* of the card's buffer: what is cut off is heard so long */
#define FEED_MS 10       /* well before it runs dry */

struct ps_card {
    char device[128];
    snd_pcm_t *pcm;
    const struct ps_sound *part[2]; /* what is still to be written */
    size_t at;                      /* frames of part[0] that are written */
    bool sounding, draining;
};

/* ALSA prints what it cannot find; the caller knows what it means and says it once. */
static void silent(const char *file, int line, const char *function, int err, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
static void silent(const char *file, int line, const char *function, int err, const char *fmt, ...) {
    (void)file, (void)line, (void)function, (void)err, (void)fmt;
}

int ps_card_new(struct ps_card **out, const char *device) {
    struct ps_card *c = calloc(1, sizeof *c);

    if (!c)
        return PS_ENOMEM;
    snprintf(c->device, sizeof c->device, "%s", device);
    snd_lib_error_set_handler(silent);
    *out = c;
    return 0;
}

void ps_card_shut(struct ps_card *c) {
    if (c->pcm)
        snd_pcm_close(c->pcm);
    c->pcm = NULL;
    c->sounding = c->draining = false;
}

void ps_card_free(struct ps_card *c) {
    if (!c)
        return;
    ps_card_shut(c);
    snd_config_update_free_global();
    free(c);
}

static int fail(struct ps_card *c, int err, struct ps_why *why) {
    bool gone = err == -ENOENT || err == -ENODEV || err == -ENXIO;

    ps_card_shut(c);
    return ps_error_why(why,
                        gone            ? PS_ENOENT
                        : err == -EBUSY ? PS_EBUSY
                                        : PS_EIO,
                        c->device, "%s", gone ? "no sound card" : snd_strerror(err));
}

int ps_card_open(struct ps_card *c, struct ps_why *why) {
    if (c->pcm)
        return 0;
    /* A card that was plugged in since is found in a fresh configuration only. */
    snd_config_update_free_global();
    int err = snd_pcm_open(&c->pcm, c->device, SND_PCM_STREAM_PLAYBACK, SND_PCM_NONBLOCK);
    if (err < 0) {
        c->pcm = NULL;
        return fail(c, err, why);
    }
    err = snd_pcm_set_params(c->pcm, SND_PCM_FORMAT_S16, SND_PCM_ACCESS_RW_INTERLEAVED, 1, PS_SOUND_RATE, 1,
                             LATENCY_US);
    return err < 0 ? fail(c, err, why) : 0;
}

bool ps_card_is_open(const struct ps_card *c) {
    return c->pcm != NULL;
}

/* Fills what the card's buffer has room for. */
static int feed(struct ps_card *c, struct ps_why *why) {
    while (c->part[0]) {
        snd_pcm_sframes_t did = snd_pcm_writei(c->pcm, c->part[0]->frames + c->at, c->part[0]->n - c->at);
        if (did == -EAGAIN)
            break;
        if (did == -EPIPE || did == -ESTRPIPE || did == -EINTR) { /* it ran dry, or the machine slept */
            int err = snd_pcm_recover(c->pcm, (int)did, 1);
            if (err < 0)
                return fail(c, err, why);
            continue;
        }
        if (did < 0)
            return fail(c, (int)did, why);
        c->at += (size_t)did;
        if (c->at == c->part[0]->n) {
            c->part[0] = c->part[1];
            c->part[1] = NULL;
            c->at = 0;
        }
    }
    if (!c->part[0] && !c->draining) {
        /* Also starts a card whose buffer a short tone has not filled. */
        int err = snd_pcm_drain(c->pcm);
        if (err < 0 && err != -EAGAIN)
            return fail(c, err, why);
        c->draining = true;
    }
    return 0;
}

int ps_card_play(struct ps_card *c, const struct ps_sound *first, const struct ps_sound *second,
                 struct ps_why *why) {
    int err = ps_card_open(c, why);

    if (err < 0)
        return err;
    err = snd_pcm_drop(c->pcm);
    if (err >= 0)
        err = snd_pcm_prepare(c->pcm);
    if (err < 0)
        return fail(c, err, why);
    c->part[0] = first ? first : second;
    c->part[1] = first ? second : NULL;
    c->at = 0;
    c->draining = false;
    c->sounding = true;
    return feed(c, why);
}

int ps_card_wait_ms(const struct ps_card *c) {
    return c->sounding ? FEED_MS : -1;
}

int ps_card_go_on(struct ps_card *c, struct ps_why *why) {
    if (!c->sounding)
        return 0;
    int err = feed(c, why);
    if (err < 0)
        return err;
    if (c->draining && snd_pcm_state(c->pcm) != SND_PCM_STATE_DRAINING)
        c->sounding = false;
    return c->sounding;
}
