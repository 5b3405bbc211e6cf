/* SPDX-License-Identifier: ISC */
/*
 * Excerpts (docs/FORMAT.md section 11). The descriptor claims which run of segments each film holds; verdict_film.c
 * and verdict_align.c hold the films against it. One that does not hold for this statement counts as none, so that
 * the films are then judged as those of the whole clip.
 */
#include <stdio.h>
#include <stdlib.h>

#include "evidence/verdict_internal.h"

#define NAME "excerpt.json"

static void broken(struct ps_verdict_job *j, const char *where, const char *text) {
    ps_verdict_worsen(j->v, PS_CONTENT_ALTERED);
    ps_verdict_problem(j->v, "excerpt-broken", where, "%s", text);
}

int ps_verdict_excerpt_read(struct ps_verdict_job *j) {
    struct ps_why why = {{0}, {0}};
    struct ps_excerpt *x = NULL;
    uint8_t *p;
    size_t n;
    char where[160];
    int err = ps_verdict_load(j, NAME, PS_MAX_EXCERPT, &p, &n);
    if (err == PS_ENOENT || err == PS_ENOMEM)
        return err == PS_ENOENT ? 0 : err;
    if (err < 0 && err != PS_ELIMIT) {
        ps_verdict_worsen(j->v, PS_CONTENT_UNREADABLE);
        ps_verdict_problem(j->v, "file-unreadable", NAME, "%s", ps_error_text(err));
        return 0;
    }
    if (err == 0)
        err = ps_excerpt_parse(&x, p, n, &why);
    else
        (void)ps_error_why(&why, err, "", "the text is too long");
    if (err == 0)
        err = ps_excerpt_check(x, j->v->clip, j->statement, &why);
    free(p);
    if (err == 0) {
        ps_verdict_worsen(j->v, PS_CONTENT_EXCERPT);
        j->excerpt = x; /* transferred */
        return 0;
    }
    ps_excerpt_free(x);
    if (err == PS_ENOMEM)
        return err;
    (void)snprintf(where, sizeof where, NAME "%s%s", why.where[0] != 0 ? " " : "", why.where);
    broken(j, where, why.text);
    return 0;
}

/* What is left out is not there. */
static bool left_out(struct ps_verdict_job *j, const char *name) {
    struct ps_blob b;
    if (ps_verdict_open(j, name, &b) != PS_ENOENT)
        broken(j, name, "is in the folder, but " NAME " does not list it");
    return false;
}

bool ps_verdict_excerpt_film(struct ps_verdict_job *j, uint32_t track) {
    return j->excerpt == NULL || ps_excerpt_track(j->excerpt, track) != NULL ||
           left_out(j, j->v->clip->tracks[track].file.name);
}

bool ps_verdict_excerpt_original(struct ps_verdict_job *j, const char *name) {
    return j->excerpt == NULL || ps_excerpt_has_original(j->excerpt, name) || left_out(j, name);
}

/* ---- what was left out --------------------------------------------------------------------------- */

static void tell(struct ps_verdict_job *j, const struct ps_track *t, uint32_t from, uint32_t to,
                 const char *text) {
    struct ps_record first, last;
    char where[128];
    (void)ps_record_decode(&first, t->records[from]); /* bounds were checked with the statement */
    (void)ps_record_decode(&last, t->records[to - 1]);
    ps_verdict_align_place(where, t->file.name, from, to - 1, first.start, last.start + last.duration);
    ps_verdict_problem(j->v, "excerpt", where, "%s", text);
}

/* 1 when something of the track was left out. */
static int tell_track(struct ps_verdict_job *j, uint32_t i) {
    const struct ps_track *t = &j->v->clip->tracks[i];
    const struct ps_excerpt_track *x = ps_excerpt_track(j->excerpt, i);
    uint32_t kept = ps_excerpt_kept(t);
    if (x == NULL && kept > 0)
        tell(j, t, 0, kept, "left out: this film is not in the excerpt");
    if (x != NULL && x->first > 0)
        tell(j, t, 0, x->first, "left out: before the excerpt");
    if (x != NULL && x->last + 1 < kept)
        tell(j, t, x->last + 1, kept, "left out: after the excerpt");
    return x == NULL ? kept > 0 : x->first > 0 || x->last + 1 < kept;
}

void ps_verdict_excerpt_stated(struct ps_verdict_job *j) {
    const struct ps_clip *c = j->v->clip;
    int some = 0;
    if (j->excerpt == NULL)
        return;
    for (uint32_t i = 0; i < c->n_tracks; i++)
        some |= tell_track(j, i);
    if (j->excerpt->n_originals < c->n_originals)
        ps_verdict_problem(j->v, "excerpt", "originals", "left out: %u of %u",
                           c->n_originals - j->excerpt->n_originals, c->n_originals);
    else if (some == 0)
        ps_verdict_problem(j->v, "excerpt", NAME, "nothing is left out: a cut of the whole clip");
}
