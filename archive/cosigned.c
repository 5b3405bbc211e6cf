/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/cosigned.h"
#include "archive/store.h"
#include "evidence/bytes.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIZE_DIGITS 12
#define MAX_NTH 9999
#define PART ".part" /* begins with a dot: no reader looks at it */

struct entry { /* what a file's name tells */
    char name[PS_COSIGNED_NAME];
    uint64_t size;
};

struct entries {
    struct entry *v; /* by size, then name */
    size_t n, cap;
};

/* ---- names */

/* Of this witness, or of any with NULL. */
static bool entry_of(const char *name, const char *witness, struct entry *e) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    if (strlen(name) >= sizeof(e->name) || strspn(name, "0123456789") != SIZE_DIGITS ||
        name[SIZE_DIGITS] != '-')
        return false;
    const char *id = name + SIZE_DIGITS + 1;
    size_t n = strspn(id, letters);
    if (n == 0 || n > PS_COSIGNED_WITNESS)
        return false;
    if (id[n] != '\0' &&
        (id[n] != '.' || id[n + 1] == '\0' || strspn(id + n + 1, "0123456789") != strlen(id + n + 1)))
        return false;
    if (witness != NULL && (strlen(witness) != n || memcmp(id, witness, n) != 0))
        return false;
    memcpy(e->name, name, strlen(name) + 1);
    e->size = strtoull(name, NULL, 10);
    return true;
}

static int by_size(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    return x->size != y->size ? (x->size < y->size ? -1 : 1) : strcmp(x->name, y->name);
}

static int add(struct entries *l, const struct entry *e) {
    if (l->n == l->cap) {
        size_t cap = l->cap == 0 ? 64 : l->cap * 2;
        struct entry *v = reallocarray(l->v, cap, sizeof(*v));
        if (v == NULL)
            return PS_ENOMEM;
        l->v = v;
        l->cap = cap;
    }
    l->v[l->n++] = *e;
    return 0;
}

/* A descriptor of the folder; PS_ENOENT when there is none. */
static int list(const char *root, const char *witness, struct entries *l, struct ps_why *why) {
    *l = (struct entries){0};
    int dir = ps_root_open(root, PS_ROOT_WITNESS, why), rc = 0;
    if (dir < 0)
        return dir;
    int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
    if (d == NULL) {
        rc = ps_root_failed(why, PS_ROOT_WITNESS, "cannot be read");
        if (copy >= 0)
            close(copy);
        close(dir);
        return rc;
    }
    struct entry one;
    for (const struct dirent *e; rc == 0 && (e = readdir(d)) != NULL;)
        if (entry_of(e->d_name, witness, &one))
            rc = add(l, &one);
    closedir(d);
    if (rc < 0) {
        free(l->v);
        close(dir);
        return ps_error_why(why, rc, PS_ROOT_WITNESS, "out of memory");
    }
    if (l->n > 0)
        qsort(l->v, l->n, sizeof(*l->v), by_size);
    return dir;
}

/* ---- reading */

void ps_cosigned_free(struct ps_cosigned *c) {
    free(c->note);
    c->note = NULL;
}

/* False for one that cannot be read, is of another ledger, or is not of the size that its name tells. */
static bool load(int dir, const struct entry *e, const char *origin, struct ps_cosigned *out) {
    struct ps_note note;
    *out = (struct ps_cosigned){0};
    memcpy(out->name, e->name, sizeof(out->name));
    if (ps_store_read_file(dir, e->name, PS_NOTE_MAX, &out->note, &out->note_n, NULL) == 0 &&
        ps_note_parse(&note, out->note, out->note_n) == 0 &&
        ps_checkpoint_parse(&out->checkpoint, note.text, note.text_len) == 0 &&
        out->checkpoint.size == e->size && (origin == NULL || strcmp(out->checkpoint.origin, origin) == 0))
        return true;
    ps_cosigned_free(out);
    return false;
}

static int none(struct ps_why *why) {
    return ps_error_why(why, PS_ENOENT, PS_ROOT_WITNESS, "no witness has cosigned");
}

int ps_cosigned_newest(const char *root, const char *origin, const char *witness, struct ps_cosigned *out,
                       struct ps_why *why) {
    struct entries l;
    bool have = false;
    *out = (struct ps_cosigned){0};
    int dir = list(root, witness, &l, why);
    if (dir < 0)
        return dir;
    for (size_t i = l.n; !have && i-- > 0;)
        have = load(dir, &l.v[i], origin, out);
    free(l.v);
    close(dir);
    return have ? 0 : none(why);
}

int ps_cosigned_covering(const char *root, const char *origin, uint64_t leaf, struct ps_cosigned *out,
                         struct ps_why *why) {
    struct entries l;
    bool have = false;
    *out = (struct ps_cosigned){0};
    int dir = list(root, NULL, &l, why);
    if (dir < 0)
        return dir;
    for (size_t i = 0; !have && i < l.n; i++)
        have = l.v[i].size > leaf && load(dir, &l.v[i], origin, out);
    free(l.v);
    close(dir);
    return have ? 0 : none(why);
}

/* The lines of `from` after the text that both notes have, but for those that are there. */
static void merge(struct ps_buf *note, size_t text_len, unsigned *lines, const struct ps_cosigned *from) {
    const char *p = (const char *)from->note + text_len + 1, *end = (const char *)from->note + from->note_n;
    for (const char *nl; p < end && (nl = memchr(p, '\n', (size_t)(end - p))) != NULL; p = nl + 1) {
        size_t n = (size_t)(nl + 1 - p);
        if (*lines == PS_NOTE_SIGNATURES || note->n + n > PS_NOTE_MAX)
            return;
        if (memmem(note->p + text_len, note->n - text_len, p, n) != NULL)
            continue;
        ps_buf_bytes(note, p, n);
        (*lines)++;
    }
}

int ps_cosigned_gather(const char *root, struct ps_buf *note, struct ps_why *why) {
    struct ps_note parsed;
    struct ps_checkpoint own;
    struct entries l;
    int rc = ps_note_parse(&parsed, note->p, note->n);
    if (rc == 0)
        rc = ps_checkpoint_parse(&own, parsed.text, parsed.text_len);
    if (rc < 0)
        return ps_error_why(why, rc, "checkpoint", "%s", ps_error_text(rc));
    size_t text_len = parsed.text_len;
    unsigned lines = parsed.n;
    int dir = list(root, NULL, &l, why);
    if (dir < 0)
        return dir == PS_ENOENT ? 0 : dir;
    for (size_t i = 0; i < l.n; i++) {
        struct ps_cosigned c;
        if (l.v[i].size != own.size || !load(dir, &l.v[i], own.origin, &c))
            continue;
        /* The parser has found a blank line after the text: the same text, and so the same length. */
        if (c.note_n > text_len && memcmp(c.note, note->p, text_len + 1) == 0)
            merge(note, text_len, &lines, &c);
        ps_cosigned_free(&c);
    }
    free(l.v);
    close(dir);
    return note->err;
}

/* ---- writing */

int ps_cosigned_write(const char *root, const char *witness, uint64_t size, const void *note, size_t n,
                      char name[PS_COSIGNED_NAME], struct ps_why *why) {
    struct entry check;
    int len = snprintf(name, PS_COSIGNED_NAME, "%012llu-%s", (unsigned long long)size, witness);
    if (len < 0 || len >= PS_COSIGNED_NAME - 8 || !entry_of(name, NULL, &check))
        return ps_error_why(why, PS_EINVAL, witness, "makes no name of a file");
    int dir = ps_root_make(root, PS_ROOT_WITNESS, why);
    if (dir < 0)
        return dir;
    unlinkat(dir, PART, 0); /* of one that was interrupted */
    int rc = ps_store_write_file(dir, PART, note, n, why);
    /* Nobody else writes here meanwhile: what is free now is free then. */
    for (unsigned nth = 2; rc == 0 && faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0; nth++) {
        snprintf(name + len, (size_t)(PS_COSIGNED_NAME - len), ".%u", nth);
        if (nth > MAX_NTH)
            rc = ps_error_why(why, PS_EEXIST, name, "cannot get its name");
    }
    if (rc == 0 && renameat(dir, PART, dir, name) != 0)
        rc = ps_root_failed(why, name, "cannot get its name");
    if (rc < 0)
        unlinkat(dir, PART, 0);
    if (rc == 0 && fsync(dir) != 0)
        rc = ps_root_failed(why, PS_ROOT_WITNESS, "cannot be written");
    close(dir);
    return rc;
}
