/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signer/remember.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "signer/file.h"
#include "signer/ledger.h"

#define NOTE_MAX 65536
#define NAMES_MAX 65536 /* of one folder: a day's clips; older ones than these are passed over */

struct walk {
    const struct ps_vkey *key;
    ps_remember_each *each;
    void *ctx;
    struct ps_why *why;
    unsigned clips; /* clip folders looked at */
    char note[NOTE_MAX];
};

/* ---- folders ---------------------------------------------------------------------------------------- */

struct names {
    char **v;
    size_t n, cap;
};

static void names_free(struct names *l) {
    for (size_t i = 0; i < l->n; i++)
        free(l->v[i]);
    free(l->v);
}

/* How many digits a name begins with, and where they begin without zeros in front. */
static size_t digits(const char *name, const char **number) {
    size_t n = strspn(name, "0123456789"), zeros = strspn(name, "0");

    *number = name + zeros;
    return n - zeros;
}

/* Newest first: by the number that a name begins with (a token's size, a year), then a longer name is a later one (a
 * clip's number, a further token), then by letters. */
static int newer(const void *a, const void *b) {
    const char *x = *(char *const *)a, *y = *(char *const *)b, *dx, *dy;
    size_t nx = digits(x, &dx), ny = digits(y, &dy);

    if (nx != ny)
        return nx > ny ? -1 : 1;
    int c = memcmp(dy, dx, nx);
    if (c != 0)
        return c;
    nx = strlen(x);
    ny = strlen(y);
    if (nx != ny)
        return nx > ny ? -1 : 1;
    return strcmp(y, x);
}

static int add_name(struct names *l, const char *name) {
    if (l->n == l->cap) {
        size_t cap = l->cap == 0 ? 64 : l->cap * 2;
        char **v = reallocarray(l->v, cap, sizeof(*v));
        if (v == NULL)
            return PS_ENOMEM;
        l->v = v;
        l->cap = cap;
    }
    l->v[l->n] = strdup(name);
    return l->v[l->n++] == NULL ? PS_ENOMEM : 0;
}

/* Names in a folder that do not begin with a dot, newest first. None when there is no such folder. */
static int list(int dir, const char *name, int *fd_out, struct names *l, const struct walk *w) {
    int err = 0;

    *l = (struct names){0};
    *fd_out = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*fd_out < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
                   ? 0
                   : ps_error_why(
                         w->why, PS_EIO, name,
                         "cannot be looked through for checkpoints: %s: let the signer's user read it",
                         strerror(errno));
    int copy = openat(*fd_out, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = copy < 0 ? NULL : fdopendir(copy);
    if (d == NULL) {
        if (copy >= 0)
            close(copy);
        return ps_error_why(w->why, PS_EIO, name, "cannot be read: %s", strerror(errno));
    }
    for (const struct dirent *e; err == 0 && l->n < NAMES_MAX && (e = readdir(d)) != NULL;)
        if (e->d_name[0] != '.')
            err = add_name(l, e->d_name);
    closedir(d);
    if (l->n > 0)
        qsort(l->v, l->n, sizeof(l->v[0]), newer);
    return err == 0 ? 0 : ps_error_why(w->why, err, name, "out of memory");
}

/* ---- checkpoints ------------------------------------------------------------------------------------ */

/* The file `name` in dir; label is what people are told. */
static int look(struct walk *w, int dir, const char *name, const char *label) {
    struct ps_remember_found f = {.name = label, .note = w->note};
    ssize_t n = ps_file_load(dir, name, w->note, sizeof(w->note));

    if (n == PS_EIO && errno == EACCES)
        return ps_error_why(w->why, PS_EIO, label, "cannot be read: let the signer's user read it");
    if (n < 0)
        return 0; /* none, no file, or longer than any checkpoint */
    f.note_len = (size_t)n;
    if (ps_checkpoint_open(&f.checkpoint, w->note, f.note_len, w->key) != 0)
        return 0;
    return w->each(w->ctx, &f);
}

/* FOLDER/NAME, or with `inside` FOLDER/NAME/checkpoint, of the newest. */
static int look_in(struct walk *w, int root, const char *folder, bool inside) {
    struct names l;
    char label[NAME_MAX * 2 + 32];
    int fd, err = list(root, folder, &fd, &l, w);

    for (size_t i = 0; err == 0 && i < l.n && i < PS_REMEMBER_FILES; i++) {
        snprintf(label, sizeof(label), "%s/%s%s", folder, l.v[i], inside ? "/checkpoint" : "");
        int sub = inside ? openat(fd, l.v[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
        if (!inside)
            err = look(w, fd, l.v[i], label);
        else if (sub >= 0)
            err = look(w, sub, "checkpoint", label);
        if (sub >= 0)
            close(sub);
    }
    names_free(&l);
    if (fd >= 0)
        close(fd);
    return err;
}

/* clips/YYYY/MM/DD/NAME/checkpoint: level 0 is clips, 4 a clip's folder. */
static int look_in_clips(struct walk *w, int dir, const char *name, const char *path, int level) {
    struct names l;
    char label[PATH_MAX], file[PATH_MAX + 16];
    int fd, err = list(dir, name, &fd, &l, w);

    for (size_t i = 0; err == 0 && i < l.n && w->clips < PS_REMEMBER_CLIPS; i++) {
        if (snprintf(label, sizeof(label), "%s/%s", path, l.v[i]) >= (int)sizeof(label))
            continue;
        if (level < 3) {
            err = look_in_clips(w, fd, l.v[i], label, level + 1);
            continue;
        }
        int clip = openat(fd, l.v[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (clip < 0)
            continue;
        w->clips++;
        snprintf(file, sizeof(file), "%s/checkpoint", label);
        err = look(w, clip, "checkpoint", file);
        close(clip);
    }
    names_free(&l);
    if (fd >= 0)
        close(fd);
    return err;
}

int ps_remember_walk(int root, int ledger, const struct ps_vkey *key, ps_remember_each *each, void *ctx,
                     struct ps_why *why) {
    struct walk *w = malloc(sizeof(*w));

    if (w == NULL)
        return ps_error_why(why, PS_ENOMEM, "checkpoints", "out of memory");
    *w = (struct walk){.key = key, .each = each, .ctx = ctx, .why = why};
    int err = look(w, ledger, "checkpoint", "ledger/checkpoint");
    if (err == 0)
        err = look_in(w, root, "tokens", true);
    if (err == 0)
        err = look_in(w, root, "witness", false);
    if (err == 0)
        err = look_in_clips(w, root, "clips", "clips", 0);
    free(w);
    return err;
}

/* ---- the ledger ------------------------------------------------------------------------------------- */

struct check {
    const struct ps_ledger *ledger;
    struct ps_why *why;
};

static int extends(void *ctx, const struct ps_remember_found *f) {
    const struct check *c = ctx;
    uint8_t root[32];

    if (f->checkpoint.size > ps_ledger_size(c->ledger))
        return ps_error_why(c->why, PS_EPERM, f->name,
                            "is of a ledger with %" PRIu64 " entries, and this one has %" PRIu64
                            ": an old copy was restored: put the newer one back, or see --recover",
                            f->checkpoint.size, ps_ledger_size(c->ledger));
    if (ps_ledger_root_at(c->ledger, f->checkpoint.size, root) != 0)
        return ps_error_why(c->why, PS_EIO, "ledger/entries", "cannot be read: %s", strerror(errno));
    if (memcmp(root, f->checkpoint.root, sizeof(root)) == 0)
        return 0;
    return ps_error_why(c->why, PS_EPERM, f->name,
                        "is of another history than this ledger's first %" PRIu64
                        " entries: put the right one back, or see --recover",
                        f->checkpoint.size);
}

int ps_remember_check(int root, int ledger, const struct ps_vkey *key, const struct ps_ledger *l,
                      struct ps_why *why) {
    struct check c = {.ledger = l, .why = why};

    return ps_remember_walk(root, ledger, key, extends, &c, why);
}
