/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * GET /clips/{clip}/thumb.jpg: the camera's own first picture, made small. A page of results asks for fifty; each costs 10 ms once
 * and lies in memory then, in a table of fixed size, for as long as nothing newer falls on its place. Nothing is written.
 */
#include "viewer/film.h"
#include "viewer/rows.h"
#include "viewer/viewer.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <turbojpeg.h>
#include <unistd.h>

#define WIDTH 320 /* at least; the next of libjpeg's eighths */
#define QUALITY 75
#define JPEG_MOST ((size_t)16 << 20)
#define SIDE_MOST 8192
#define PLACES 512
#define KEPT_MOST (96 << 10) /* bytes of one: with PLACES, 48 MiB at the very most, 8 MiB as pictures are */

struct kept {
    char clip[40], etag[64];
    uint8_t *p;
    size_t n;
};

static struct kept table[PLACES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* FNV-1a (RFC draft-eastlake-fnv): only to spread names over places. */
static struct kept *place_of(const char *clip) {
    uint32_t h = 2166136261;
    for (; *clip != '\0'; clip++)
        h = (h ^ (uint8_t)*clip) * 16777619;
    return &table[h % PLACES];
}

/* True when it was there, of this very file, and is answered. */
static bool answer_kept(struct ps_answer *a, const char *clip, const char *etag) {
    struct kept *k = place_of(clip);
    pthread_mutex_lock(&lock);
    bool there = k->p != NULL && strcmp(k->clip, clip) == 0 && strcmp(k->etag, etag) == 0;
    if (there)
        ps_answer_text(a, 200, "image/jpeg", k->p, k->n);
    pthread_mutex_unlock(&lock);
    return there;
}

static void keep(const char *clip, const char *etag, const uint8_t *p, size_t n) {
    uint8_t *copy = n <= KEPT_MOST ? malloc(n) : NULL;
    if (copy == NULL)
        return;
    memcpy(copy, p, n);
    struct kept *k = place_of(clip);
    pthread_mutex_lock(&lock);
    free(k->p);
    snprintf(k->clip, sizeof(k->clip), "%s", clip);
    snprintf(k->etag, sizeof(k->etag), "%s", etag);
    k->p = copy;
    k->n = n;
    pthread_mutex_unlock(&lock);
}

static uint8_t *read_all(int fd, size_t *n) {
    struct stat st;
    if (fstat(fd, &st) != 0 || st.st_size <= 0 || (uint64_t)st.st_size > JPEG_MOST)
        return NULL;
    *n = (size_t)st.st_size;
    uint8_t *p = malloc(*n);
    size_t at = 0;
    while (p != NULL && at < *n) {
        ssize_t k = read(fd, p + at, *n - at);
        if (k <= 0) {
            free(p);
            return NULL;
        }
        at += (size_t)k;
    }
    return p;
}

/* The smallest of libjpeg's scales that is still wide enough. */
static void scaled(int width, int height, int *w, int *h) {
    int n = 0;
    tjscalingfactor *all = tjGetScalingFactors(&n);
    *w = width;
    *h = height;
    for (int i = 0; all != NULL && i < n; i++) {
        int sw = TJSCALED(width, all[i]);
        if (sw >= WIDTH && sw < *w) {
            *w = sw;
            *h = TJSCALED(height, all[i]);
        }
    }
}

/* *out is turbojpeg's memory. */
static bool make_small(const uint8_t *p, size_t n, uint8_t **out, unsigned long *out_n) {
    int width, height, sampling, colours, w, h;
    uint8_t *rgb = NULL;
    tjhandle in = tjInitDecompress(), made = tjInitCompress();
    bool ok = in != NULL && made != NULL &&
              tjDecompressHeader3(in, p, n, &width, &height, &sampling, &colours) == 0 && width > 0 &&
              height > 0 && width <= SIDE_MOST && height <= SIDE_MOST;
    if (ok) {
        scaled(width, height, &w, &h);
        rgb = malloc((size_t)w * (size_t)h * 3);
        /* A damaged picture is a warning to turbojpeg: what can be seen of it is shown. */
        ok = rgb != NULL &&
             (tjDecompress2(in, p, n, rgb, w, 0, h, TJPF_RGB, TJFLAG_FASTDCT) == 0 ||
              tjGetErrorCode(in) == TJERR_WARNING) &&
             tjCompress2(made, rgb, w, 0, h, TJPF_RGB, out, out_n, TJSAMP_420, QUALITY, 0) == 0;
    }
    free(rgb);
    if (in != NULL)
        tjDestroy(in);
    if (made != NULL)
        tjDestroy(made);
    return ok;
}

static void answer_made(struct ps_answer *a, const char *clip, const char *etag, int fd) {
    size_t n = 0;
    unsigned long small_n = 0;
    uint8_t *small = NULL, *p = read_all(fd, &n);
    if (p != NULL && make_small(p, n, &small, &small_n)) {
        keep(clip, etag, small, small_n);
        ps_answer_text(a, 200, "image/jpeg", small, small_n);
    } else {
        ps_answer_error(a, "not-found", "the picture cannot be read", clip,
                        "judge the clip: packseal verify");
    }
    tjFree(small);
    free(p);
}

static void get_thumb(struct ps_request *r, struct ps_answer *a) {
    char etag[64];
    struct ps_rows_clip c;
    if (!ps_rows_clip(r, a, &c))
        return;
    int fd = c.removed || c.thumb[0] == '\0' ? -1 : ps_film_open(r->viewer->root, c.path, c.thumb, etag);
    if (fd < 0) {
        ps_answer_error(a, "not-found", c.removed ? "it was removed" : "this clip has no picture", c.name,
                        "show the clip without one");
    } else {
        if (!answer_kept(a, c.name, etag))
            answer_made(a, c.name, etag, fd);
        close(fd);
    }
    json_decref(c.row);
}

const struct ps_route ps_thumb_routes[] = {
    {"GET", "/api/v1/clips/{clip}/thumb.jpg", PS_ROLE_PERSON, PS_BODY_NONE, 0, NULL, get_thumb},
    {NULL, NULL, 0, PS_BODY_NONE, 0, NULL, NULL},
};
