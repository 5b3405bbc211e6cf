/* SPDX-License-Identifier: ISC */
#include "evidence/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/bag.h"
#include "evidence/verdict_internal.h"
#include "evidence/zip.h"

#define REPORT "data/report/"
#define INTAKE "data/intake/"

struct bundle {
    const struct ps_judge *j;
    const struct ps_tree *tree;
    struct ps_bag bag;
    char (*clips)[PS_MAX_ZIP_NAME + 1]; /* prefixes in the tree, with the base */
    size_t n;
    struct ps_verdict *v, *own;        /* of a clip; of the bundle itself */
    struct ps_verdict_digest *digests; /* of the tree's files, as far as they are known */
};

static const char *ending(const char *name, const char *end) {
    size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0 ? name + n - m : NULL;
}

int ps_judge_exit(const struct ps_judge_answer *a) {
    if (!a->bundle)
        return ps_verdict_exit(a->v);
    return a->v->content == PS_CONTENT_INTACT ? 0 : a->v->content == PS_CONTENT_UNREADABLE ? 2 : 1;
}

/* ---- one answer ---------------------------------------------------------------------------------- */

static int answer(const struct ps_judge *j, const char *clip, bool bundle, struct ps_verdict *v) {
    struct ps_judge_answer a = {.clip = clip, .bundle = bundle, .v = v};
    return j->answer(j->answer_ctx, &a) != 0 ? PS_ETIME : 0;
}

static int unreadable(const struct ps_judge *j, const char *code, const struct ps_why *why) {
    struct ps_verdict *v = malloc(sizeof *v);
    if (v == NULL)
        return PS_ENOMEM;
    ps_verdict_start(v);
    ps_verdict_worsen(v, PS_CONTENT_UNREADABLE);
    ps_verdict_problem(v, code, why->where, "%s", why->text);
    int err = answer(j, "", false, v);
    free(v);
    return err;
}

/* The clip's name by its statement, else the folder it lies in. */
static void clip_name(const struct ps_verdict *v, const char *prefix, char out[PS_MAX_ZIP_NAME + 1]) {
    if (v->clip != NULL) {
        ps_statement_clip_name(v->clip->opening.station, v->clip->number, out);
        return;
    }
    size_t n = strlen(prefix), start;
    n -= n > 0;
    for (start = n; start > 0 && prefix[start - 1] != '/'; start--)
        ;
    (void)snprintf(out, PS_MAX_ZIP_NAME + 1, "%.*s", (int)(n - start), prefix + start);
}

static int judge_clip(const struct ps_judge *j, const struct ps_tree *t, const char *prefix, const char *data,
                      struct ps_verdict_digest *digests, struct ps_verdict *v) {
    const struct ps_verdict_input in = {.files = t,
                                        .prefix = prefix,
                                        .bundle = data,
                                        .trust = j->trust,
                                        .progress = j->progress,
                                        .progress_ctx = j->progress_ctx,
                                        .both = j->both,
                                        .both_ctx = j->both_ctx};
    return digests == NULL ? ps_verdict_clip(v, &in) : ps_verdict_clip_known(v, &in, digests);
}

static int clip_folder(const struct ps_judge *j, const struct ps_tree *t) {
    char name[PS_MAX_ZIP_NAME + 1];
    struct ps_verdict *v = malloc(sizeof *v);
    int err = v == NULL ? PS_ENOMEM : judge_clip(j, t, "", NULL, NULL, v);
    if (err == 0) {
        clip_name(v, "", name);
        err = answer(j, name, false, v);
        ps_verdict_free(v);
    }
    free(v);
    return err;
}

/* ---- the clips of a bundle ----------------------------------------------------------------------- */

static int compare_prefix(const void *a, const void *b) {
    return strcmp(a, b);
}

/* A clip is where a clip.json lies, or is listed, or where one was signed. `below` is a name below the base. */
static void add_clip(struct bundle *b, const char *below) {
    const char *end = ending(below, "/clip.json");
    if (end == NULL)
        end = ending(below, "/clip.json.minisig");
    if (end == NULL || strncmp(below, "data/", 5) != 0)
        return;
    size_t base = strlen(b->bag.base), n = (size_t)(end - below) + 1;
    if (base + n > PS_MAX_ZIP_NAME)
        return;
    memcpy(b->clips[b->n], b->bag.base, base);
    memcpy(b->clips[b->n] + base, below, n);
    b->clips[b->n++][base + n] = 0;
}

static int find_clips(struct bundle *b) {
    size_t most = b->tree->n + b->bag.n, kept = 0;
    b->clips = calloc(most + 1, sizeof *b->clips);
    if (b->clips == NULL)
        return PS_ENOMEM;
    for (size_t i = 0; i < b->tree->n; i++)
        add_clip(b, b->tree->name(b->tree->ctx, i) + strlen(b->bag.base));
    for (size_t i = 0; i < b->bag.n; i++)
        if (b->bag.entries[i].file == PS_BAG_MISSING)
            add_clip(b, b->bag.entries[i].name);
    qsort(b->clips, b->n, sizeof *b->clips, compare_prefix);
    for (size_t i = 0; i < b->n; i++)
        if (i == 0 || strcmp(b->clips[i], b->clips[i - 1]) != 0)
            memmove(b->clips[kept++], b->clips[i], sizeof *b->clips);
    b->n = kept;
    return 0;
}

/* What the verdict has digested is not read again. A film of another size than the statement's may be anything, and the
 * verdict has said so. */
static int check_entry(const struct bundle *b, const struct ps_verdict *v, const struct ps_bag_entry *e,
                       size_t i, const char *name) {
    struct ps_blob blob;
    const struct ps_clip *clip = v->clip;
    for (uint32_t k = 0; clip != NULL && k < clip->n_tracks; k++) {
        const struct ps_file_ref *f = &clip->tracks[k].file;
        if (strcmp(f->name, name) != 0)
            continue;
        bool cut = v->content == PS_CONTENT_EXCERPT; /* smaller than recorded, as it should be */
        if (b->tree->open(b->tree->ctx, e->file, &blob) == 0 && blob.size != f->size &&
            (!cut || blob.size > f->size))
            return memcmp(f->sha256, e->sha256, 32) == 0 ? PS_ESIG : PS_ELIMIT;
    }
    const struct ps_verdict_digest *d = &b->digests[e->file];
    if (d->state == PS_VERDICT_KNOWN && d->err == 0)
        return memcmp(d->sha256, e->sha256, 32) == 0 ? 0 : PS_ESIG;
    return ps_bag_check(&b->bag, i);
}

static void tell_entry(struct ps_verdict *v, const char *name, int err) {
    if (err == PS_ESIG) {
        ps_verdict_worsen(v, PS_CONTENT_ALTERED);
        ps_verdict_problem(v, "manifest-mismatch", name, "another file than manifest-sha256.txt lists");
    } else if (err == PS_ELIMIT) {
        ps_verdict_problem(v, "manifest-unchecked", name,
                           "not of the recorded size; only its pictures were compared");
    } else if (err < 0) {
        ps_verdict_worsen(v, PS_CONTENT_UNREADABLE);
        ps_verdict_problem(v, "file-unreadable", name, "%s", ps_error_text(err));
    }
}

static bool told(const struct ps_verdict *v, const char *code, const char *where) {
    for (size_t i = 0; i < v->n_problems; i++)
        if (strcmp(v->problems[i].code, code) == 0 && strcmp(v->problems[i].where, where) == 0)
            return true;
    return false;
}

/* Manifest entries below a prefix, or those below no clip. */
static void check_entries(struct bundle *b, const char *prefix, struct ps_verdict *v) {
    size_t base = strlen(b->bag.base), n = strlen(prefix) - (prefix[0] != 0 ? base : 0);
    const char *below = prefix[0] != 0 ? prefix + base : "";
    for (size_t i = 0; i < b->bag.n; i++) {
        const struct ps_bag_entry *e = &b->bag.entries[i];
        bool mine = strncmp(e->name, below, n) == 0;
        for (size_t k = 0; prefix[0] == 0 && mine && k < b->n; k++)
            mine = strncmp(e->name, b->clips[k] + base, strlen(b->clips[k] + base)) != 0;
        if (!mine)
            continue;
        if (e->file != PS_BAG_MISSING) {
            tell_entry(v, e->name + n, check_entry(b, v, e, i, e->name + n));
            if (prefix[0] == 0 && strncmp(e->name, REPORT, strlen(REPORT)) == 0)
                ps_verdict_problem(v, "unauthenticated", e->name,
                                   "a report for people: no statement names it, whatever it says");
            else if (prefix[0] == 0 && strncmp(e->name, INTAKE, strlen(INTAKE)) == 0)
                ps_verdict_problem(
                    v, "unauthenticated", e->name,
                    "of photographs that were taken in: no clip's statement names them, and their "
                    "own proof is not judged here");
        } else if (!told(v, "file-missing", e->name + n)) {
            ps_verdict_worsen(v, PS_CONTENT_INCOMPLETE);
            ps_verdict_problem(v, "file-missing", e->name + n, "the manifest lists it, and it is not there");
        }
    }
}

static void check_unlisted(struct bundle *b, const char *prefix, struct ps_verdict *v) {
    for (size_t i = 0; i < b->bag.n_unlisted; i++) {
        const char *name = b->tree->name(b->tree->ctx, b->bag.unlisted[i]);
        size_t n = strlen(prefix);
        bool mine = strncmp(name, prefix, n) == 0;
        for (size_t k = 0; n == 0 && mine && k < b->n; k++)
            mine = strncmp(name, b->clips[k], strlen(b->clips[k])) != 0;
        if (mine)
            ps_verdict_problem(v, "bag-unlisted", name + (n > 0 ? n : strlen(b->bag.base)),
                               "in the bundle, but in no manifest");
    }
}

static int bundle_clip(struct bundle *b, size_t i) {
    char name[PS_MAX_ZIP_NAME + 1];
    char data[PS_MAX_ZIP_NAME + 8];
    (void)snprintf(data, sizeof data, "%sdata/", b->bag.base);
    int err = judge_clip(b->j, b->tree, b->clips[i], data, b->digests, b->v);
    if (err < 0)
        return err;
    check_entries(b, b->clips[i], b->v);
    check_unlisted(b, b->clips[i], b->v);
    clip_name(b->v, b->clips[i], name);
    err = answer(b->j, name, false, b->v);
    ps_verdict_free(b->v);
    return err;
}

/* What concerns no clip: instructions, keys, manifests. Told only when there is something to tell. */
static int bundle_itself(struct bundle *b) {
    struct ps_verdict *v = b->own;
    ps_verdict_start(v);
    for (size_t i = 0; i < b->bag.n_tags; i++) {
        bool gone = b->bag.tags[i].file == PS_BAG_MISSING;
        ps_verdict_worsen(v, gone ? PS_CONTENT_INCOMPLETE : PS_CONTENT_ALTERED);
        ps_verdict_problem(v, gone ? "file-missing" : "manifest-mismatch", b->bag.tags[i].name,
                           gone ? "tagmanifest-sha256.txt lists it, and it is not there"
                                : "another file than tagmanifest-sha256.txt lists");
    }
    check_entries(b, "", v);
    check_unlisted(b, "", v);
    return v->n_problems > 0 ? answer(b->j, "", true, v) : 0;
}

static int bundle(const struct ps_judge *j, const struct ps_tree *t) {
    struct bundle b = {.j = j, .tree = t};
    struct ps_why why = {{0}, {0}};
    int err = ps_bag_open(&b.bag, t, &why);
    if (err < 0)
        return err == PS_ENOMEM ? err : unreadable(j, "bag-refused", &why);
    b.v = malloc(sizeof *b.v);
    b.own = malloc(sizeof *b.own);
    b.digests = calloc(t->n + 1, sizeof *b.digests);
    err = b.v == NULL || b.own == NULL || b.digests == NULL ? PS_ENOMEM : find_clips(&b);
    if (err == 0 && b.n == 0) {
        (void)ps_error_why(&why, 0, "data/", "no clip in this bundle");
        err = unreadable(j, "bag-refused", &why);
    }
    for (size_t i = 0; err == 0 && i < b.n; i++)
        err = bundle_clip(&b, i);
    if (err == 0)
        err = bundle_itself(&b);
    free(b.clips);
    free(b.digests);
    free(b.own);
    free(b.v);
    ps_bag_free(&b.bag);
    return err;
}

/* ---- what it is ---------------------------------------------------------------------------------- */

static int zip_file(const struct ps_judge *j, const struct ps_blob *file) {
    struct ps_zip z;
    struct ps_why why = {{0}, {0}};
    int err = ps_zip_open(&z, file, &why);
    if (err < 0)
        return unreadable(j, "zip-refused", &why);
    struct ps_tree t = ps_zip_tree(&z);
    err = bundle(j, &t);
    ps_zip_free(&z);
    return err;
}

static int film_file(const struct ps_judge *j, const struct ps_blob *file) {
    struct ps_verdict *v = malloc(sizeof *v);
    int err = v == NULL ? PS_ENOMEM : ps_verdict_film(v, file);
    if (err == 0)
        err = answer(j, "", false, v);
    free(v);
    return err;
}

int ps_judge_file(const struct ps_judge *j, const struct ps_blob *file, const char *name) {
    struct ps_why why;
    uint8_t head[8] = {0};
    if (ps_blob_read(file, 0, head, file->size < 8 ? (size_t)file->size : 8) < 0)
        return PS_EIO;
    if (memcmp(head, "PK", 2) == 0 || ending(name, ".zip") != NULL)
        return zip_file(j, file);
    if (memcmp(head + 4, "ftyp", 4) == 0 || ending(name, ".mp4") != NULL)
        return film_file(j, file);
    (void)ps_error_why(&why, 0, "byte 0", "neither a zip nor an MP4 film");
    return unreadable(j, "format-unknown", &why);
}

/* A declaration directly in it, or in its one folder. */
static bool is_bag(const struct ps_tree *t) {
    for (size_t i = 0; i < t->n; i++) {
        const char *name = t->name(t->ctx, i), *slash = strchr(name, '/');
        if (strcmp(slash != NULL ? slash + 1 : name, "bagit.txt") == 0)
            return true;
    }
    return false;
}

int ps_judge_tree(const struct ps_judge *j, const struct ps_tree *tree) {
    struct ps_why why;
    if (ps_tree_find(tree, "clip.json") >= 0 || ps_tree_find(tree, "clip.json.minisig") >= 0)
        return clip_folder(j, tree);
    if (is_bag(tree))
        return bundle(j, tree);
    (void)ps_error_why(&why, 0, "clip.json", "not there: neither a clip's folder nor an unpacked bundle");
    return unreadable(j, "format-unknown", &why);
}
