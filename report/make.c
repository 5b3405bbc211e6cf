/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/make.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/files.h"
#include "archive/index.h"
#include "archive/removal.h"
#include "archive/store.h"
#include "evidence/bag.h"
#include "evidence/sha256.h"
#include "evidence/zip.h"
#include "report/document.h"
#include "report/own.h"
#include "report/pack.h"
#include "report/profile.h"

#define STILL_WIDTH 960
#define MOST_TAKES 200

struct making {
    const struct ps_make *m;
    struct ps_why *why;
    struct ps_files *files;
    struct ps_blob file;
    struct ps_zip zip;
    struct ps_tree tree;
    char data[PS_MAX_ZIP_NAME + 8]; /* "packseal-…/data/" */
    char (*prefixes)[PS_MAX_ZIP_NAME + 8];
    size_t n;
    struct ps_trust trust;
    bool have_trust;
    struct ps_profile profile;
    const struct ps_profile_reason *reason;
    /* Of the clip at hand. */
    struct ps_verdict *v;
    struct ps_enclosed *enclosed;
    struct ps_facts_take *takes;
    size_t n_takes;
    bool looked;
};

/* ---- what is asked ---------------------------------------------------------------------------------------------- */

static int load_trust(struct making *k) {
    struct ps_files *f;
    struct ps_blob b;
    uint8_t *p = NULL;
    size_t n;
    if (k->m->trust == NULL)
        return 0;
    int rc = ps_files_open(&f, k->m->trust, k->why);
    if (rc < 0)
        return rc;
    struct ps_tree t = ps_files_tree(f);
    rc = ps_files_is_folder(f) ? PS_EFORMAT : t.open(t.ctx, 0, &b);
    if (rc == 0)
        rc = ps_blob_load(&b, PS_MAX_TRUST, &p, &n);
    rc = rc < 0 ? ps_error_why(k->why, rc, k->m->trust, "%s", ps_error_text(rc))
                : ps_trust_parse(&k->trust, p, n, k->why);
    k->have_trust = rc == 0;
    if (rc == 0 && k->m->own && k->m->root != NULL && ps_own_add(&k->trust, k->m->root) < 0)
        rc = ps_error_why(k->why, PS_ENOMEM, k->m->trust, "out of memory");
    free(p);
    ps_files_close(f);
    return rc;
}

static int load_profile(struct making *k) {
    const struct ps_make *m = k->m;
    if (m->profile == NULL)
        return 0;
    int rc = ps_profile_load(&k->profile, m->profile, k->why);
    if (rc < 0 || m->reason == NULL)
        return rc;
    k->reason = ps_profile_reason(&k->profile, m->reason);
    if (k->reason != NULL)
        return 0;
    char known[200] = "";
    for (unsigned i = 0; i < k->profile.n_reasons; i++)
        (void)snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i > 0 ? ", " : "",
                       k->profile.reasons[i].key);
    return ps_error_why(k->why, PS_ENOENT, m->reason, "is no reason of this profile; it has: %s", known);
}

static int by_name(const void *a, const void *b) {
    return strcmp(a, b);
}

/* A clip is where a clip.json lies below data/. */
static int find_clips(struct making *k) {
    static const char end[] = "/clip.json";
    struct ps_bag bag;
    int rc = ps_bag_open(&bag, &k->tree, k->why);
    if (rc < 0)
        return rc;
    int w = snprintf(k->data, sizeof k->data, "%sdata/", bag.base);
    ps_bag_free(&bag);
    k->prefixes = calloc(k->tree.n + 1, sizeof *k->prefixes);
    if (k->prefixes == NULL || w < 0)
        return ps_error_why(k->why, PS_ENOMEM, k->m->bundle, "out of memory");
    for (size_t i = 0; i < k->tree.n; i++) {
        const char *name = k->tree.name(k->tree.ctx, i);
        size_t len = strlen(name), base = strlen(k->data);
        if (strncmp(name, k->data, base) != 0 || len < base + sizeof end ||
            strcmp(name + len - sizeof end + 1, end) != 0)
            continue;
        size_t clip = len - base - sizeof end + 1;
        if (memchr(name + base, '/', clip) != NULL ||
            (k->m->clip != NULL &&
             (strlen(k->m->clip) != clip || strncmp(k->m->clip, name + base, clip) != 0)))
            continue;
        (void)snprintf(k->prefixes[k->n++], sizeof *k->prefixes, "%.*s/", (int)(base + clip), name);
    }
    qsort(k->prefixes, k->n, sizeof *k->prefixes, by_name);
    return k->n > 0 ? 0
                    : ps_error_why(k->why, PS_ENOENT, k->m->clip != NULL ? k->m->clip : k->m->bundle,
                                   "no clip in this bundle");
}

static int open_bundle(struct making *k) {
    int rc = ps_files_open(&k->files, k->m->bundle, k->why);
    if (rc < 0)
        return rc;
    struct ps_tree t = ps_files_tree(k->files);
    if (ps_files_is_folder(k->files))
        return ps_error_why(k->why, PS_EFORMAT, k->m->bundle, "is a folder, not a bundle");
    rc = t.open(t.ctx, 0, &k->file);
    if (rc < 0)
        return ps_error_why(k->why, rc, k->m->bundle, "%s", ps_error_text(rc));
    rc = ps_zip_open(&k->zip, &k->file, k->why);
    if (rc < 0)
        return rc;
    k->tree = ps_zip_tree(&k->zip);
    return find_clips(k);
}

/* ---- other takes ------------------------------------------------------------------------------------------------ */

static int take_row(void *ctx, const struct ps_index_row *r) {
    struct making *k = ctx;
    const struct ps_clip *c = k->v->clip;
    const char *first = c->opening.n_codes > 0 ? c->opening.codes[0].value : "";
    size_t n = strcspn(r->codes, "\n");
    if (strcmp(r->station, c->opening.station) != 0 || n != strlen(first) ||
        strncasecmp(r->codes, first, n) != 0)
        return 0;
    struct ps_facts_take *more = realloc(k->takes, (k->n_takes + 1) * sizeof *more);
    if (more == NULL)
        return PS_ENOMEM;
    k->takes = more;
    struct ps_facts_take *t = &more[k->n_takes++];
    *t = (struct ps_facts_take){.take = r->take, .started_ns = r->started_ns, .ended_ns = r->ended_ns};
    (void)snprintf(t->clip, sizeof t->clip, "%s", r->clip);
    (void)snprintf(t->end_reason, sizeof t->end_reason, "%s", r->end_reason);
    t->here = r->number == c->number;
    t->removed = !t->here && ps_removal_is(r->path);
    struct ps_removal gone;
    if (t->removed && ps_removal_read(k->m->root, r->path, &gone, NULL) == 0) {
        t->why = gone.leaf.extra_len > 0 ? gone.leaf.extra[0] : 0;
        t->tombstone = gone.leaf.index;
        t->removed_ns = gone.leaf.wall_ns;
    }
    char prefix[PS_MAX_ZIP_NAME + 8];
    (void)snprintf(prefix, sizeof prefix, "%.200s%s/", k->data, t->clip);
    for (size_t i = 0; i < k->n; i++)
        t->included = t->included || strcmp(prefix, k->prefixes[i]) == 0;
    return 0;
}

static int by_take(const void *a, const void *b) {
    uint32_t x = ((const struct ps_facts_take *)a)->take, y = ((const struct ps_facts_take *)b)->take;
    return x < y ? -1 : x > y;
}

/* The index is a cache and may be missing: then the report says that nobody looked. */
static void look_for_takes(struct making *k) {
    const struct ps_clip *c = k->v->clip;
    struct ps_index *x = NULL;
    k->n_takes = 0;
    k->looked = false;
    if (k->m->root == NULL || c->opening.n_codes == 0 || ps_index_open(&x, k->m->root, false, NULL) < 0)
        return;
    struct ps_index_query q = {
        .code = c->opening.codes[0].value, .from_ns = INT64_MIN, .to_ns = INT64_MAX, .limit = MOST_TAKES};
    k->looked = ps_index_find(x, &q, take_row, k, NULL) >= 0;
    ps_index_close(x);
    if (k->n_takes > 0)
        qsort(k->takes, k->n_takes, sizeof *k->takes, by_take);
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static int folder(struct making *k, const char *path) {
    if (mkdir(path, 0750) == 0 || errno == EEXIST)
        return 0;
    return ps_error_why(k->why, PS_EIO, path, "%s", strerrordesc_np(errno));
}

static int put(struct making *k, const char *dir, const char *name, const struct ps_buf *b) {
    char path[PS_ROOT_PATH];
    int n = snprintf(path, sizeof path, "%s/%s", dir, name);
    if (b->err != 0 || n < 0 || n >= (int)sizeof path)
        return ps_error_why(k->why, b->err != 0 ? b->err : PS_ELIMIT, name, "%s",
                            ps_error_text(b->err != 0 ? b->err : PS_ELIMIT));
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ps_error_why(k->why, PS_EIO, dir, "%s", strerrordesc_np(errno));
    int rc = ps_store_write_file(fd, name, b->p, b->n, k->why);
    if (rc == PS_EEXIST)
        rc = ps_error_why(k->why, rc, path, "is there already");
    close(fd);
    if (rc == 0 && k->m->made != NULL)
        k->m->made(k->m->ctx, path);
    return rc;
}

static int write_reports(struct making *k, const struct ps_document *d, const struct ps_buf *card) {
    char dir[PS_ROOT_PATH];
    struct ps_buf html, pdf;
    bool own = k->n > 1 || k->m->folders;
    int n = snprintf(dir, sizeof dir, "%s%s%s", k->m->out, own ? "/" : "", own ? d->facts->clip : "");
    int rc = n < 0 || n >= (int)sizeof dir
                 ? ps_error_why(k->why, PS_ELIMIT, k->m->out, "the path is too long")
                 : folder(k, k->m->out);
    if (rc == 0)
        rc = folder(k, dir);
    ps_buf_init(&html, PS_DOCUMENT_MAX);
    ps_buf_init(&pdf, PS_DOCUMENT_MAX);
    if (rc == 0)
        rc = ps_pdf_write(d, &pdf, k->why);
    if (rc == 0)
        rc = put(k, dir, "report.pdf", &pdf);
    if (rc == 0) {
        ps_html_write(d, &html);
        rc = put(k, dir, "report.html", &html);
    }
    if (rc == 0)
        rc = put(k, dir, k->m->ascii ? "card.jpg" : "证据卡.jpg", card);
    ps_buf_free(&pdf);
    ps_buf_free(&html);
    return rc;
}

static int write_pack(struct making *k, const struct ps_document *d, const char *prefix,
                      const struct ps_buf *card) {
    char dir[PS_ROOT_PATH];
    const struct ps_make *m = k->m;
    int n = snprintf(dir, sizeof dir, "%s%s%s", m->pack, k->n > 1 ? "-" : "", k->n > 1 ? d->facts->clip : "");
    if (n < 0 || n >= (int)sizeof dir)
        return ps_error_why(k->why, PS_ELIMIT, m->pack, "the path is too long");
    const struct ps_pack pack = {.d = d,
                                 .v = k->v,
                                 .files = &k->tree,
                                 .prefix = prefix,
                                 .profile = &k->profile,
                                 .reason = k->reason,
                                 .card = card,
                                 .folder = dir,
                                 .note = m->note,
                                 .progress = m->progress,
                                 .ctx = m->ctx};
    int rc = ps_pack_write(&pack, k->why);
    if (rc == 0 && m->made != NULL)
        m->made(m->ctx, dir);
    return rc;
}

static int statement_digest(struct making *k, const char *prefix, uint8_t out[32]) {
    char name[PS_MAX_ZIP_NAME + 32];
    struct ps_blob b;
    (void)snprintf(name, sizeof name, "%sclip.json", prefix);
    int64_t at = ps_tree_find(&k->tree, name);
    int rc = at < 0 ? PS_ENOENT : k->tree.open(k->tree.ctx, (size_t)at, &b);
    return rc < 0 ? rc : ps_blob_sha256(&b, out);
}

static int one_clip(struct making *k, const char *prefix) {
    const struct ps_make *m = k->m;
    struct ps_verdict_input in = {
        .files = &k->tree, .prefix = prefix, .bundle = k->data, .trust = k->have_trust ? &k->trust : NULL};
    struct ps_facts facts = {0};
    struct ps_stills stills = {0};
    struct ps_buf card;
    ps_buf_init(&card, PS_CARD_MAX);
    int rc = ps_verdict_clip(k->v, &in);
    if (rc < 0)
        return ps_error_why(k->why, rc, prefix, "%s", ps_error_text(rc));
    if (k->v->clip == NULL) {
        const struct ps_problem *p = k->v->n_problems > 0 ? &k->v->problems[0] : NULL;
        rc = ps_error_why(k->why, PS_EFORMAT, p != NULL ? p->where : prefix, "%s",
                          p != NULL ? p->text : "no statement");
        goto out;
    }
    look_for_takes(k);
    ps_enclosed_read(k->enclosed, &in, k->v);
    struct ps_facts_input input = {.v = k->v,
                                   .enclosed = k->enclosed,
                                   .printed = m->printed,
                                   .picked_up = m->picked_up,
                                   .delivered = m->delivered,
                                   .claimed = m->claimed,
                                   .takes = k->looked ? k->takes : NULL,
                                   .n_takes = k->n_takes,
                                   .trust = k->have_trust};
    static const struct ps_facts_take none;
    if (k->looked && k->n_takes == 0)
        input.takes = &none; /* looked, and found nothing */
    rc = statement_digest(k, prefix, input.statement_sha256);
    if (rc == 0)
        rc = ps_facts_gather(&facts, &input);
    if (rc == 0)
        rc = ps_stills_take(&stills, k->v->clip, &k->tree, prefix, STILL_WIDTH, 80);
    const struct ps_document d = {.facts = &facts, .stills = &stills, .clip = k->v->clip, .lang = m->lang};
    if (rc < 0)
        (void)ps_error_why(k->why, rc, prefix, "%s", ps_error_text(rc));
    if (rc == 0)
        rc = ps_card_write(&d, &card, k->why);
    if (rc == 0 && m->out != NULL)
        rc = write_reports(k, &d, &card);
    if (rc == 0 && m->profile != NULL)
        rc = write_pack(k, &d, prefix, &card);
    ps_stills_free(&stills);
    ps_facts_free(&facts);
out:
    ps_buf_free(&card);
    ps_verdict_free(k->v);
    return rc;
}

int ps_make_all(const struct ps_make *m, struct ps_why *why) {
    struct making k = {.m = m, .why = why};
    k.v = malloc(sizeof *k.v);
    k.enclosed = malloc(sizeof *k.enclosed);
    int rc = k.v == NULL || k.enclosed == NULL ? ps_error_why(why, PS_ENOMEM, m->bundle, "out of memory")
                                               : load_trust(&k);
    if (rc == 0)
        rc = load_profile(&k);
    if (rc == 0)
        rc = open_bundle(&k);
    for (size_t i = 0; i < k.n && rc == 0; i++)
        rc = one_clip(&k, k.prefixes[i]);
    free(k.takes);
    free(k.v);
    free(k.enclosed);
    free(k.prefixes);
    ps_zip_free(&k.zip);
    if (k.files != NULL)
        ps_files_close(k.files);
    if (k.have_trust)
        ps_trust_free(&k.trust);
    return rc;
}
