/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/stills.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#include "evidence/excerpt.h"
#include "evidence/record.h"

const char *ps_stills_place(unsigned place, bool zh) {
    static const char *const words[3][2] = {{"开始", "start"}, {"中间", "middle"}, {"结束", "end"}};
    return words[place < 3 ? place : 2][zh ? 0 : 1];
}

int ps_stills_jpeg(const struct ps_film_picture *p, int quality, bool sharp, uint8_t **out, size_t *n) {
    tjhandle j = tjInitCompress();
    unsigned char *bytes = NULL;
    unsigned long size = 0;
    if (j == NULL)
        return PS_ENOMEM;
    int bad = tjCompress2(j, p->p, p->width, p->stride, p->height, TJPF_BGRX, &bytes, &size,
                          sharp ? TJSAMP_444 : TJSAMP_420, quality, TJFLAG_ACCURATEDCT);
    uint8_t *copy = bad == 0 ? malloc(size) : NULL;
    if (copy != NULL) {
        memcpy(copy, bytes, size);
        *out = copy;
        *n = size;
    }
    tjFree(bytes);
    tjDestroy(j);
    return copy != NULL ? 0 : PS_ENOMEM;
}

int ps_stills_shrink(const struct ps_film_picture *p, int width, struct ps_film_picture *out) {
    int w = width < p->width ? width : p->width, h = (int)((int64_t)p->height * w / p->width);
    h = h < 1 ? 1 : h;
    *out = (struct ps_film_picture){.width = w, .height = h, .stride = w * 4, .ticks = p->ticks};
    out->p = malloc((size_t)out->stride * (size_t)h);
    if (out->p == NULL)
        return PS_ENOMEM;
    for (int y = 0; y < h; y++) {
        int y0 = (int)((int64_t)y * p->height / h), y1 = (int)(((int64_t)y + 1) * p->height / h);
        y1 = y1 > y0 ? y1 : y0 + 1;
        for (int x = 0; x < w; x++) {
            int x0 = (int)((int64_t)x * p->width / w), x1 = (int)(((int64_t)x + 1) * p->width / w);
            uint32_t sum[3] = {0};
            x1 = x1 > x0 ? x1 : x0 + 1;
            for (int v = y0; v < y1; v++)
                for (int u = x0; u < x1; u++)
                    for (int k = 0; k < 3; k++)
                        sum[k] += p->p[(size_t)v * (size_t)p->stride + (size_t)u * 4 + (size_t)k];
            uint8_t *to = out->p + (size_t)y * (size_t)out->stride + (size_t)x * 4;
            for (int k = 0; k < 3; k++)
                to[k] = (uint8_t)(sum[k] / (uint32_t)((y1 - y0) * (x1 - x0)));
            to[3] = 0xFF;
        }
    }
    return 0;
}

/* Where on its track an excerpt's film begins; what the descriptor claims the verdict has compared. */
static uint64_t start_of(const struct ps_clip *c, unsigned track, const struct ps_excerpt *x) {
    const struct ps_excerpt_track *t = x != NULL ? ps_excerpt_track(x, track) : NULL;
    struct ps_record r;
    return t == NULL || t->first >= c->tracks[track].n_records ||
                   ps_record_decode(&r, c->tracks[track].records[t->first]) != 0
               ? 0
               : r.start;
}

/* Where in that film the clip's own pictures begin: those before it show no order. */
static uint64_t behind_preroll(const struct ps_track *t, uint64_t from) {
    struct ps_record r;
    if (t->n_preroll == 0 || t->n_preroll >= t->n_records ||
        ps_record_decode(&r, t->records[t->n_preroll]) != 0 || r.start < from)
        return 0;
    return r.start - from;
}

static int take_one(struct ps_stills *s, struct ps_film *film, const struct ps_clip *c, unsigned track,
                    uint64_t from, unsigned place, int width, int quality) {
    const struct ps_track *t = &c->tracks[track];
    uint64_t end = ps_film_ticks(film), begin = behind_preroll(t, from);
    if (begin >= end)
        begin = 0;
    uint64_t at = place == 0 ? begin : place == 1 ? begin + (end - begin) / 2 : end > 0 ? end - 1 : 0;
    struct ps_film_picture whole = {0}, small = {0};
    struct ps_still *k = &s->v[s->n];
    int rc = ps_film_picture(film, at, &whole, NULL);
    if (rc == 0)
        rc = ps_stills_shrink(&whole, width > 0 ? width : whole.width, &small);
    if (rc == 0)
        rc = ps_stills_jpeg(&small, quality, false, &k->jpeg, &k->n);
    if (rc == 0) {
        k->track = track;
        k->place = place;
        k->ticks = from + whole.ticks;
        k->wall_ns =
            t->first.wall_ns + (int64_t)(k->ticks * (1000000000 / 10000) / (PS_TICKS_PER_SECOND / 10000));
        k->width = small.width;
        k->height = small.height;
        s->n++;
    }
    free(small.p);
    free(whole.p);
    return rc;
}

/* excerpt.json of an excerpt; NULL for a whole clip, and for a descriptor that the verdict has refused. */
static struct ps_excerpt *read_excerpt(const struct ps_tree *files, const char *prefix) {
    char name[PS_MAX_ZIP_NAME + 32];
    struct ps_excerpt *x = NULL;
    struct ps_blob blob;
    uint8_t *p = NULL;
    size_t n;
    (void)snprintf(name, sizeof name, "%sexcerpt.json", prefix);
    int64_t at = ps_tree_find(files, name);
    if (at < 0 || files->open(files->ctx, (size_t)at, &blob) < 0 ||
        ps_blob_load(&blob, PS_MAX_MANIFEST, &p, &n) < 0 || ps_excerpt_parse(&x, p, n, NULL) < 0)
        x = NULL;
    free(p);
    return x;
}

static int take_film(struct ps_stills *s, const struct ps_clip *c, unsigned track, uint64_t from,
                     const struct ps_blob *blob, int width, int quality) {
    struct ps_film *film = NULL;
    int rc = ps_film_open(&film, blob, NULL);
    for (unsigned place = 0; place < 3 && rc == 0; place++)
        rc = take_one(s, film, c, track, from, place, width, quality);
    ps_film_close(film);
    return rc;
}

int ps_stills_take(struct ps_stills *s, const struct ps_clip *c, const struct ps_tree *files,
                   const char *prefix, int width, int quality) {
    struct ps_excerpt *x = read_excerpt(files, prefix);
    int rc = 0;
    *s = (struct ps_stills){0};
    for (unsigned i = 0; i < c->n_tracks && rc != PS_ENOMEM; i++) {
        char name[PS_MAX_ZIP_NAME + PS_MAX_FILE_NAME + 2];
        struct ps_blob blob;
        if (c->tracks[i].n_records == 0 || (x != NULL && ps_excerpt_track(x, i) == NULL))
            continue; /* a camera that never gave a picture, or that was left out */
        (void)snprintf(name, sizeof name, "%s%s", prefix, c->tracks[i].file.name);
        int64_t at = ps_tree_find(files, name);
        rc = at < 0 ? PS_ENOENT : files->open(files->ctx, (size_t)at, &blob);
        if (rc == 0)
            rc = take_film(s, c, i, start_of(c, i, x), &blob, width, quality);
        s->missing += rc < 0;
    }
    ps_excerpt_free(x);
    return rc == PS_ENOMEM ? rc : 0;
}

void ps_stills_free(struct ps_stills *s) {
    for (unsigned i = 0; i < s->n; i++)
        free(s->v[i].jpeg);
    *s = (struct ps_stills){0};
}
