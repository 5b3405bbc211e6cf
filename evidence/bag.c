/* SPDX-License-Identifier: ISC */
#include "evidence/bag.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/zip.h"

static const char declaration[] = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";

/* A file of the tree by name, sorted so that thousands of lines are looked up quickly. */
struct known {
    const char *name; /* below the base */
    size_t file;
    bool listed;
};

struct reader {
    struct ps_bag *bag;
    struct known *known;
    size_t n;
    struct ps_why *why;
};

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct known *)a)->name, ((const struct known *)b)->name);
}

static struct known *find(struct reader *r, const char *name) {
    struct known key = {.name = name};
    return r->n == 0 ? NULL : bsearch(&key, r->known, r->n, sizeof *r->known, by_name);
}

/* "" or "name/": all files lie in it, and bagit.txt directly. */
static int find_base(struct ps_bag *b, struct ps_why *why) {
    const struct ps_tree *t = b->tree;
    size_t len = 0;
    if (ps_tree_find(t, "bagit.txt") < 0 && t->n > 0) {
        const char *first = t->name(t->ctx, 0), *slash = strchr(first, '/');
        len = slash != NULL ? (size_t)(slash - first) + 1 : 0;
        if (len >= sizeof b->base)
            return ps_error_why(why, PS_ELIMIT, "bag", "a name is too long");
        memcpy(b->base, first, len);
    }
    b->base[len] = 0;
    for (size_t i = 0; i < t->n; i++) {
        const char *name = t->name(t->ctx, i);
        if (ps_zip_name_ok(name, strlen(name)) < 0)
            return ps_error_why(why, PS_EFORMAT, name, "a name that is not allowed in a bag");
        if (strncmp(name, b->base, len) != 0)
            return ps_error_why(why, PS_EFORMAT, name, "lies beside the bag");
    }
    return 0;
}

static int list_files(struct reader *r) {
    const struct ps_tree *t = r->bag->tree;
    r->known = calloc(t->n + 1, sizeof *r->known);
    if (r->known == NULL)
        return ps_error_why(r->why, PS_ENOMEM, "bag", "out of memory");
    size_t base = strlen(r->bag->base);
    for (size_t i = 0; i < t->n; i++)
        r->known[i] = (struct known){.name = t->name(t->ctx, i) + base, .file = i};
    r->n = t->n;
    qsort(r->known, r->n, sizeof *r->known, by_name);
    for (size_t i = 1; i < r->n; i++)
        if (strcmp(r->known[i - 1].name, r->known[i].name) == 0)
            return ps_error_why(r->why, PS_EFORMAT, r->known[i].name, "two files of one name");
    return 0;
}

static bool starts(const char *s, const char *with) {
    return strncmp(s, with, strlen(with)) == 0;
}

/* Files that would bring in content from elsewhere, or say with other digests what is in the bag. */
static int refuse_foreign(struct reader *r) {
    for (size_t i = 0; i < r->n; i++) {
        const char *name = r->known[i].name;
        if (strcmp(name, "fetch.txt") == 0)
            return ps_error_why(r->why, PS_EFORMAT, name, "files elsewhere are not fetched");
        if ((starts(name, "manifest-") && strcmp(name, "manifest-sha256.txt") != 0) ||
            (starts(name, "tagmanifest-") && strcmp(name, "tagmanifest-sha256.txt") != 0))
            return ps_error_why(r->why, PS_EFORMAT, name, "another manifest than SHA-256");
    }
    return 0;
}

static int load(struct reader *r, const char *name, uint8_t **p, size_t *n) {
    struct ps_blob b;
    const struct known *k = find(r, name);
    *p = NULL;
    *n = 0;
    if (k == NULL)
        return ps_error_why(r->why, PS_ENOENT, name, "not in the bag");
    int err = r->bag->tree->open(r->bag->tree->ctx, k->file, &b);
    if (err == 0)
        err = ps_blob_load(&b, PS_MAX_MANIFEST, p, n);
    return err < 0 ? ps_error_why(r->why, err, name, "cannot be read") : 0;
}

/* "64 hex, two blanks (or blank and star), name, line feed". */
static int parse_line(const char *p, size_t n, struct ps_bag_entry *e) {
    if (n < 67 || p[64] != ' ' || (p[65] != ' ' && p[65] != '*') || n - 66 > PS_MAX_ZIP_NAME)
        return PS_EFORMAT;
    if (ps_bytes_unhex(e->sha256, 32, p, 64) < 0 || ps_zip_name_ok(p + 66, n - 66) < 0)
        return PS_EFORMAT;
    memcpy(e->name, p + 66, n - 66);
    e->name[n - 66] = 0;
    return 0;
}

static int compare_entries(const void *a, const void *b) {
    return strcmp(((const struct ps_bag_entry *)a)->name, ((const struct ps_bag_entry *)b)->name);
}

static int parse_manifest(struct reader *r, const char *where, const uint8_t *p, size_t n,
                          struct ps_bag_entry **out, size_t *n_out) {
    size_t lines = 0, at = 0;
    for (size_t i = 0; i < n; i++)
        lines += p[i] == '\n';
    if (lines > PS_MAX_ZIP_ENTRIES)
        return ps_error_why(r->why, PS_ELIMIT, where, "too many lines");
    struct ps_bag_entry *e = calloc(lines + 1, sizeof *e);
    if (e == NULL)
        return ps_error_why(r->why, PS_ENOMEM, where, "out of memory");
    for (size_t i = 0; i < lines; i++) {
        size_t len = (size_t)((const uint8_t *)memchr(p + at, '\n', n - at) - (p + at));
        if (parse_line((const char *)p + at, len, &e[i]) < 0) {
            free(e);
            return ps_error_why(r->why, PS_EFORMAT, where, "line %zu is not a digest and a name", i + 1);
        }
        struct known *k = find(r, e[i].name);
        e[i].file = k != NULL ? k->file : PS_BAG_MISSING;
        if (k != NULL)
            k->listed = true;
        at += len + 1;
    }
    qsort(e, lines, sizeof *e, compare_entries);
    for (size_t i = 1; i < lines; i++)
        if (strcmp(e[i - 1].name, e[i].name) == 0)
            at = 0;
    if (at != n) {
        free(e);
        return ps_error_why(r->why, PS_EFORMAT, where, "a name twice, or the last line does not end");
    }
    *out = e;
    *n_out = lines;
    return 0;
}

static int read_manifest(struct reader *r, const char *name, struct ps_bag_entry **e, size_t *n) {
    uint8_t *p;
    size_t size;
    int err = load(r, name, &p, &size);
    if (err == 0)
        err = parse_manifest(r, name, p, size, e, n);
    free(p);
    return err;
}

static int check_declaration(struct reader *r) {
    uint8_t *p;
    size_t n;
    int err = load(r, "bagit.txt", &p, &n);
    if (err == 0 && (n != sizeof declaration - 1 || memcmp(p, declaration, n) != 0))
        err = ps_error_why(r->why, PS_EVERSION, "bagit.txt", "not BagIt 1.0 in UTF-8");
    free(p);
    return err;
}

static int check_digest(const struct ps_bag *b, const struct ps_bag_entry *e) {
    struct ps_blob blob;
    uint8_t got[32];
    if (e->file == PS_BAG_MISSING)
        return PS_ENOENT;
    int err = b->tree->open(b->tree->ctx, e->file, &blob);
    if (err == 0)
        err = ps_blob_sha256(&blob, got);
    if (err < 0)
        return err;
    return memcmp(got, e->sha256, 32) == 0 ? 0 : PS_ESIG;
}

/* Keeps of the tag manifest only the entries that do not hold. Tag files are small: a large one is another. */
static int check_tags(struct reader *r) {
    struct ps_bag *b = r->bag;
    size_t kept = 0;
    for (size_t i = 0; i < b->n_tags; i++) {
        struct ps_bag_entry *e = &b->tags[i];
        struct ps_blob blob;
        if (starts(e->name, "data/") || strcmp(e->name, "tagmanifest-sha256.txt") == 0)
            return ps_error_why(r->why, PS_EFORMAT, e->name, "does not belong in tagmanifest-sha256.txt");
        bool large = e->file != PS_BAG_MISSING &&
                     (b->tree->open(b->tree->ctx, e->file, &blob) < 0 || blob.size > PS_MAX_MANIFEST);
        if (large || check_digest(b, e) < 0)
            b->tags[kept++] = *e;
    }
    b->n_tags = kept;
    return 0;
}

static int list_unlisted(struct reader *r) {
    struct ps_bag *b = r->bag;
    b->unlisted = calloc(r->n + 1, sizeof *b->unlisted);
    if (b->unlisted == NULL)
        return ps_error_why(r->why, PS_ENOMEM, "bag", "out of memory");
    for (size_t i = 0; i < r->n; i++)
        if (!r->known[i].listed && strcmp(r->known[i].name, "tagmanifest-sha256.txt") != 0)
            b->unlisted[b->n_unlisted++] = r->known[i].file;
    return 0;
}

int ps_bag_open(struct ps_bag *out, const struct ps_tree *tree, struct ps_why *why) {
    *out = (struct ps_bag){.tree = tree};
    struct reader r = {.bag = out, .why = why};
    int err = find_base(out, why);
    if (err == 0)
        err = list_files(&r);
    if (err == 0)
        err = refuse_foreign(&r);
    if (err == 0)
        err = check_declaration(&r);
    if (err == 0)
        err = read_manifest(&r, "manifest-sha256.txt", &out->entries, &out->n);
    for (size_t i = 0; err == 0 && i < out->n; i++)
        if (!starts(out->entries[i].name, "data/"))
            err = ps_error_why(why, PS_EFORMAT, "manifest-sha256.txt", "names a file outside data/");
    if (err == 0)
        err = read_manifest(&r, "tagmanifest-sha256.txt", &out->tags, &out->n_tags);
    if (err == 0)
        err = check_tags(&r);
    if (err == 0)
        err = list_unlisted(&r);
    free(r.known);
    if (err < 0)
        ps_bag_free(out);
    return err;
}

void ps_bag_free(struct ps_bag *b) {
    free(b->entries);
    free(b->unlisted);
    free(b->tags);
    *b = (struct ps_bag){0};
}

int ps_bag_check(const struct ps_bag *b, size_t entry) {
    return check_digest(b, &b->entries[entry]);
}
