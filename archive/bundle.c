/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/bundle.h"
#include "archive/bundle_text.h"
#include "archive/intake_kept.h"
#include "archive/outside.h"
#include "archive/store.h"
#include "archive/zipw.h"
#include "evidence/sha256.h"
#include "evidence/zip.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE ((size_t)1 << 20)
#define MAX_CLIPS 256
#define MAX_INTAKES 64
#define MAX_ITEMS (PS_MAX_ZIP_ENTRIES - 4) /* besides the four tag files */

struct item {                       /* one payload file */
    char name[PS_MAX_ZIP_NAME + 1]; /* below the bag: "data/ST03-0000123/clip.json" */
    unsigned clip;                  /* whose folder it is read from */
    const char *file;               /* name in that folder; inside .name. NULL: text or blob */
    const uint8_t *text;
    const struct ps_blob *blob; /* a cut film. With neither: the file in the folder */
    uint64_t size;
    uint8_t sha256[32];
};

struct folder { /* one clip, or behind all clips an intake */
    const char *path;
    char name[64]; /* below data/ */
    int fd;
    struct ps_clip *clip;          /* NULL: an intake */
    struct ps_intake_kept *intake; /* NULL: a clip */
};

struct bundle {
    const struct ps_bundle_spec *spec;
    struct ps_why *why;
    struct folder *folders;
    unsigned n_folders, n_intakes; /* clips; then the intakes */
    struct item *items;
    unsigned n_items;
    char base[96];
    int64_t ended_ns; /* of the last clip */
    uint8_t *piece;
    struct ps_outside outside;
    struct ps_buf how;
    struct ps_zipw zip;
    uint64_t done, total;
    int (*progress)(void *ctx, uint64_t done, uint64_t total);
    void *ctx;
};

static int refuse(struct bundle *b, int rc, const char *where, const char *text) {
    return ps_error_why(b->why, rc, where, "%s", text);
}

/* ---- what goes in */

static struct item *add(struct bundle *b, const char *folder, const char *file) {
    if (b->n_items == MAX_ITEMS) {
        refuse(b, PS_ELIMIT, folder, "too many files for one bundle; export fewer clips at once");
        return NULL;
    }
    struct item *it = &b->items[b->n_items];
    int n = snprintf(it->name, sizeof(it->name), "data/%s%s%s", folder, folder[0] != '\0' ? "/" : "", file);
    char whole[sizeof(b->base) + sizeof(it->name)];
    int w = snprintf(whole, sizeof(whole), "%s/%s", b->base, it->name);
    if (n < 0 || n >= (int)sizeof(it->name) || w < 0 || ps_zip_name_ok(whole, (size_t)w) != 0) {
        refuse(b, PS_EFORMAT, file, "a file of this name cannot go into a bundle");
        return NULL;
    }
    b->n_items++;
    return it;
}

static int add_file(struct bundle *b, unsigned clip, const char *file) {
    struct folder *f = &b->folders[clip];
    struct item *it = add(b, f->name, file);
    if (it == NULL)
        return PS_EFORMAT;
    it->clip = clip;
    it->file = it->name + strlen("data/") + strlen(f->name) + 1;
    struct stat st;
    if (fstatat(f->fd, file, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return ps_error_why(b->why, errno == ENOENT ? PS_ENOENT : PS_EIO, it->name + 5, "%s",
                            strerrordesc_np(errno));
    if (!S_ISREG(st.st_mode))
        return refuse(b, PS_EFORMAT, it->name + 5, "is no ordinary file");
    it->size = (uint64_t)st.st_size;
    return 0;
}

static int add_text(struct bundle *b, const char *folder, const char *file, const void *p, size_t n) {
    struct item *it = add(b, folder, file);
    if (it == NULL)
        return PS_EFORMAT;
    it->text = p;
    it->size = n;
    return 0;
}

/* Detached signatures by others, which the statement cannot name. */
static int add_signatures(struct bundle *b, unsigned clip) {
    int fd = openat(b->folders[clip].fd, "signatures", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
        rc = 0;
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (d == NULL) {
        if (fd >= 0)
            close(fd);
        return 0;
    }
    for (struct dirent *e; rc == 0 && (e = readdir(d)) != NULL;) {
        char file[PS_MAX_FILE_NAME + 1];
        if (e->d_name[0] == '.')
            continue;
        int n = snprintf(file, sizeof(file), "signatures/%s", e->d_name);
        rc = n > 0 && n < (int)sizeof(file) ? add_file(b, clip, file)
                                            : refuse(b, PS_EFORMAT, "signatures", "a name is too long");
    }
    closedir(d);
    return rc;
}

/* What was cut out of a clip, and what tells that. */
static int add_cut(struct bundle *b, unsigned clip, const struct ps_cut *cut) {
    const char *folder = b->folders[clip].name;
    int rc = add_text(b, folder, "excerpt.json", cut->text.p, cut->text.n);
    for (unsigned i = 0; i < cut->n && rc == 0; i++) {
        struct item *it = add(b, folder, cut->films[i].name);
        if (it == NULL)
            return PS_EFORMAT;
        it->blob = &cut->films[i].blob;
        it->size = it->blob->size;
    }
    for (unsigned i = 0; i < cut->what.n_originals && rc == 0; i++)
        rc = add_file(b, clip, cut->what.originals[i]);
    return rc;
}

static int add_clip(struct bundle *b, unsigned clip) {
    const struct ps_clip *c = b->folders[clip].clip;
    int rc = add_file(b, clip, "clip.json");
    if (rc == 0)
        rc = add_file(b, clip, "clip.json.minisig");
    if (rc == 0 && b->spec->cut != NULL)
        rc = add_cut(b, clip, b->spec->cut);
    for (unsigned i = 0; i < c->n_tracks && rc == 0 && b->spec->cut == NULL; i++)
        rc = add_file(b, clip, c->tracks[i].file.name);
    for (unsigned i = 0; i < c->n_originals && rc == 0 && b->spec->cut == NULL; i++)
        rc = add_file(b, clip, c->originals[i].file.name);
    if (rc == 0 && faccessat(b->folders[clip].fd, "checkpoint", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        rc = add_file(b, clip, "checkpoint");
    return rc == 0 ? add_signatures(b, clip) : rc;
}

/* Photographs, statement and leaf as they are kept, and what bounds them beside. */
static int add_intake(struct bundle *b, unsigned folder) {
    const struct folder *f = &b->folders[folder];
    int rc = add_file(b, folder, PS_INTAKE_STATEMENT);
    if (rc == 0)
        rc = add_file(b, folder, PS_INTAKE_LEAF);
    for (unsigned i = 0; i < f->intake->n && rc == 0; i++) {
        rc = ps_intake_kept_check(f->fd, &f->intake->files[i], b->why);
        if (rc == 0)
            rc = add_file(b, folder, f->intake->files[i].name);
    }
    return rc == 0 ? ps_outside_intake(&b->outside, b->spec->root, f->path, f->intake, f->name, b->why) : rc;
}

static int add_outside(struct bundle *b) {
    int rc = 0;
    for (unsigned i = 0; i < b->n_folders && rc == 0; i++)
        rc = ps_outside_clip(&b->outside, b->spec->root, b->folders[i].path, b->folders[i].clip, b->why);
    /* The newest clip's keys have the plain names, for readers that know no other. */
    const struct ps_clip *newest = b->folders[0].clip;
    for (unsigned i = 1; i < b->n_folders; i++)
        if (b->folders[i].clip->ended.wall_ns > newest->ended.wall_ns)
            newest = b->folders[i].clip;
    if (rc == 0)
        rc = ps_outside_keys(&b->outside, b->spec->root, newest, b->why);
    for (unsigned i = 0; i < b->n_folders && rc == 0; i++)
        rc = ps_outside_keys(&b->outside, b->spec->root, b->folders[i].clip, b->why);
    for (unsigned i = 0; i < b->outside.n && rc == 0; i++) {
        const struct ps_outside_file *f = &b->outside.files[i];
        rc = add_text(b, f->folder, f->name, f->p, f->n);
    }
    return rc;
}

static int by_folder(const void *a, const void *b) {
    return strcmp(((const struct folder *)a)->name, ((const struct folder *)b)->name);
}

static int by_item(const void *a, const void *b) {
    return strcmp(((const struct item *)a)->name, ((const struct item *)b)->name);
}

static int open_folder(struct bundle *b, struct folder *f) {
    char path[PS_ROOT_PATH];
    if (ps_root_path(b->spec->root, f->path, path) < 0)
        return refuse(b, PS_ELIMIT, f->path, "the path is too long");
    f->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return f->fd < 0 ? refuse(b, PS_EIO, path, strerrordesc_np(errno)) : 0;
}

static int open_intakes(struct bundle *b) {
    for (unsigned i = 0; i < b->spec->n_intakes; i++) {
        struct folder *f = &b->folders[b->n_folders + b->n_intakes];
        f->path = b->spec->intakes[i];
        const char *slash = strrchr(f->path, '/'), *name = slash != NULL ? slash + 1 : f->path;
        f->intake = malloc(sizeof(*f->intake));
        if (f->intake == NULL)
            return refuse(b, PS_ENOMEM, f->path, "out of memory");
        b->n_intakes++;
        int rc = open_folder(b, f);
        if (rc == 0)
            rc = ps_intake_kept_load(f->intake, f->fd, name, b->why);
        if (rc < 0)
            return rc;
        snprintf(f->name, sizeof(f->name), PS_INTAKE_FOLDER "/%.40s", name);
        for (unsigned k = 0; k < i; k++)
            if (strcmp(f->path, b->spec->intakes[k]) == 0)
                return refuse(b, PS_EEXIST, name, "is given twice");
    }
    return 0;
}

static int open_folders(struct bundle *b) {
    const struct ps_bundle_spec *s = b->spec;
    for (unsigned i = 0; i < s->n; i++) {
        struct folder *f = &b->folders[b->n_folders];
        f->path = s->paths[i];
        int rc = ps_store_load(s->root, f->path, &f->clip, b->why);
        if (rc < 0)
            return rc;
        b->n_folders++;
        ps_statement_clip_name(f->clip->opening.station, f->clip->number, f->name);
        if ((rc = open_folder(b, f)) < 0)
            return rc;
        if (i == 0 || f->clip->ended.wall_ns > b->ended_ns)
            b->ended_ns = f->clip->ended.wall_ns;
    }
    qsort(b->folders, b->n_folders, sizeof(*b->folders), by_folder);
    for (unsigned i = 1; i < b->n_folders; i++)
        if (strcasecmp(b->folders[i - 1].name, b->folders[i].name) == 0)
            return refuse(b, PS_EEXIST, b->folders[i].name, "is given twice");
    return open_intakes(b);
}

static int collect(struct bundle *b) {
    int rc = open_folders(b);
    if (rc < 0)
        return rc;
    if (b->n_folders == 1)
        snprintf(b->base, sizeof(b->base), "packseal-%s", b->folders[0].name);
    else
        snprintf(b->base, sizeof(b->base), "packseal-%s-%u", b->folders[0].name, b->n_folders);
    for (unsigned i = 0; i < b->n_folders; i++)
        if ((rc = add_clip(b, i)) < 0)
            return rc;
    for (unsigned i = 0; i < b->n_intakes; i++)
        if ((rc = add_intake(b, b->n_folders + i)) < 0)
            return rc;
    if ((rc = add_outside(b)) < 0)
        return rc;
    for (unsigned i = 0; i < b->n_folders; i++)
        ps_bundle_text_clip(&b->how, b->folders[i].name);
    ps_bundle_text_end(&b->how);
    if (b->spec->cut != NULL)
        ps_bundle_text_excerpt(&b->how);
    if (b->n_intakes > 0)
        ps_bundle_text_intake(&b->how);
    if (rc == 0)
        rc = b->how.err;
    if (rc == 0)
        rc = add_text(b, "", "HOW-TO-VERIFY.txt", b->how.p, b->how.n);
    for (unsigned i = 0; i < b->spec->n_extra && rc == 0; i++) {
        const struct ps_bundle_extra *e = &b->spec->extra[i];
        rc = add_text(b, e->folder, e->name, e->p, e->n);
    }
    qsort(b->items, b->n_items, sizeof(*b->items), by_item);
    /* The names inside the items moved with them. */
    for (unsigned i = 0; i < b->n_items; i++) {
        struct item *it = &b->items[i];
        if (it->text == NULL && it->blob == NULL)
            it->file = it->name + strlen("data/") + strlen(b->folders[it->clip].name) + 1;
        b->total += it->size;
    }
    return rc;
}

/* ---- writing */

static int begin(struct bundle *b, const char *name, uint64_t size) {
    char whole[PS_MAX_ZIP_NAME + 1];
    int n = snprintf(whole, sizeof(whole), "%s/%s", b->base, name);
    return n < 0 || n >= (int)sizeof(whole) ? PS_ELIMIT : ps_zipw_begin(&b->zip, whole, size);
}

static int failed(struct bundle *b, int rc) {
    return rc < 0 ? ps_error_why(b->why, rc, b->spec->out, "cannot be written: %s",
                                 rc == PS_EFULL ? "the disk is full" : ps_error_text(rc))
                  : 0;
}

static int pass(struct bundle *b, struct ps_sha256 *h, const void *p, size_t n) {
    ps_sha256_update(h, p, n);
    int rc = failed(b, ps_zipw_data(&b->zip, p, n));
    b->done += n;
    if (rc == 0 && b->progress != NULL && b->progress(b->ctx, b->done, b->total) != 0)
        rc = refuse(b, PS_ETIME, b->spec->out, "was stopped");
    return rc;
}

static int copy_file(struct bundle *b, struct item *it, struct ps_sha256 *h) {
    const char *where = it->name + strlen("data/");
    int fd = openat(b->folders[it->clip].fd, it->file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC),
        rc = 0;
    if (fd < 0)
        return refuse(b, errno == ENOENT ? PS_ENOENT : PS_EIO, where, strerrordesc_np(errno));
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    uint64_t left = it->size;
    while (rc == 0) {
        /* One byte more than there should be: a file that grew is another one. */
        ssize_t got = read(fd, b->piece, left < PIECE ? (size_t)left + 1 : PIECE);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            rc = refuse(b, PS_EIO, where, strerrordesc_np(errno));
        else if ((uint64_t)got > left || (got == 0 && left > 0))
            rc = refuse(b, PS_EFORMAT, where, "changed its size while it was copied");
        else if (got == 0)
            break;
        else
            rc = pass(b, h, b->piece, (size_t)got);
        left -= rc == 0 ? (uint64_t)got : 0;
    }
    close(fd);
    return rc;
}

static int copy_blob(struct bundle *b, const struct item *it, struct ps_sha256 *h) {
    int rc = 0;
    for (uint64_t at = 0; at < it->size && rc == 0;) {
        size_t n = it->size - at < PIECE ? (size_t)(it->size - at) : PIECE;
        rc = ps_blob_read(it->blob, at, b->piece, n);
        if (rc < 0)
            return refuse(b, rc, it->name + strlen("data/"), "cannot be read, or became shorter meanwhile");
        rc = pass(b, h, b->piece, n);
        at += n;
    }
    return rc;
}

static int write_item(struct bundle *b, struct item *it) {
    struct ps_sha256 h;
    ps_sha256_init(&h);
    int rc = failed(b, begin(b, it->name, it->size));
    if (rc == 0)
        rc = it->text != NULL   ? pass(b, &h, it->text, (size_t)it->size)
             : it->blob != NULL ? copy_blob(b, it, &h)
                                : copy_file(b, it, &h);
    if (rc == 0)
        rc = failed(b, ps_zipw_end(&b->zip));
    ps_sha256_final(&h, it->sha256);
    return rc;
}

/* Writes a tag file and adds its line to the manifest of tag files; NULL for that manifest itself. */
static int write_tag(struct bundle *b, const char *name, const struct ps_buf *text, struct ps_buf *tags) {
    int rc = text->err;
    if (rc == 0)
        rc = begin(b, name, text->n);
    if (rc == 0)
        rc = ps_zipw_data(&b->zip, text->p, text->n);
    if (rc == 0)
        rc = ps_zipw_end(&b->zip);
    if (rc == 0 && tags != NULL) {
        uint8_t digest[32];
        ps_sha256(digest, text->p, text->n);
        ps_bundle_text_line(tags, digest, name);
        rc = tags->err;
    }
    return failed(b, rc);
}

/* In the order of names: bag-info.txt, bagit.txt, data/…, manifest-sha256.txt, tagmanifest-sha256.txt. */
static int write_bag(struct bundle *b) {
    struct ps_buf info, bagit, manifest, tags;
    ps_buf_init(&info, PS_MAX_MANIFEST);
    ps_buf_init(&bagit, 256);
    ps_buf_init(&manifest, PS_MAX_MANIFEST);
    ps_buf_init(&tags, PS_MAX_MANIFEST);
    ps_bundle_text_info(&info, b->total, b->n_items, b->ended_ns);
    for (unsigned i = 0; i < b->n_folders; i++)
        ps_buf_fmt(&info, "External-Identifier: %s\n", b->folders[i].name);
    ps_buf_text(&bagit, "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n");
    int rc = write_tag(b, "bag-info.txt", &info, &tags);
    if (rc == 0)
        rc = write_tag(b, "bagit.txt", &bagit, &tags);
    for (unsigned i = 0; i < b->n_items && rc == 0; i++) {
        rc = write_item(b, &b->items[i]);
        ps_bundle_text_line(&manifest, b->items[i].sha256, b->items[i].name);
    }
    if (rc == 0)
        rc = write_tag(b, "manifest-sha256.txt", &manifest, &tags);
    if (rc == 0)
        rc = write_tag(b, "tagmanifest-sha256.txt", &tags, NULL);
    if (rc == 0)
        rc = failed(b, ps_zipw_finish(&b->zip));
    ps_buf_free(&tags);
    ps_buf_free(&manifest);
    ps_buf_free(&bagit);
    ps_buf_free(&info);
    return rc;
}

/* ---- the file */

static int sync_parent(const char *path) {
    char dir[PS_ROOT_PATH];
    const char *slash = strrchr(path, '/');
    int n = slash == NULL ? snprintf(dir, sizeof(dir), ".")
                          : snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path) + 1, path);
    int fd = n > 0 && n < (int)sizeof(dir) ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd < 0)
        return -1;
    /* A network share or a stick may not know it. */
    int rc = fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP ? 0 : -1;
    close(fd);
    return rc;
}

/* Sticks are formatted with file systems that know neither RENAME_NOREPLACE nor links. */
static int take_name(const char *part, const char *out) {
    if (renameat2(AT_FDCWD, part, AT_FDCWD, out, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS && errno != ENOTSUP)
        return -1;
    int fd = open(out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0)
        return -1;
    close(fd);
    return rename(part, out);
}

static int exists(struct bundle *b) {
    return ps_error_why(b->why, PS_EEXIST, b->spec->out, "is there already");
}

static int write_out(struct bundle *b, const char *part) {
    struct stat st;
    if (lstat(b->spec->out, &st) == 0)
        return exists(b);
    int rc = 0, fd = open(part, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (fd < 0)
        return refuse(b, PS_EIO, part, strerrordesc_np(errno));
    /* What an export that was killed left behind is used again; a living one holds the lock. */
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return refuse(b, PS_EBUSY, part, "another export is writing it");
    }
    if (ftruncate(fd, 0) != 0)
        rc = refuse(b, PS_EIO, part, strerrordesc_np(errno));
    ps_zipw_init(&b->zip, fd, 0);
    if (rc == 0)
        rc = write_bag(b);
    if (rc == 0 && fsync(fd) != 0)
        rc = refuse(b, PS_EIO, part, strerrordesc_np(errno));
    if (rc == 0 && take_name(part, b->spec->out) != 0)
        rc = errno == EEXIST ? exists(b) : refuse(b, PS_EIO, b->spec->out, strerrordesc_np(errno));
    if (rc < 0)
        unlink(part);
    else if (sync_parent(b->spec->out) != 0)
        rc = refuse(b, PS_EIO, b->spec->out, "its folder cannot be synced");
    ps_zipw_free(&b->zip);
    close(fd);
    return rc;
}

int ps_bundle_write(const struct ps_bundle_spec *s, int (*progress)(void *ctx, uint64_t done, uint64_t total),
                    void *ctx, struct ps_why *why) {
    struct bundle b = {.spec = s, .why = why, .progress = progress, .ctx = ctx};
    char part[PS_ROOT_PATH];
    int n = snprintf(part, sizeof(part), "%s.part", s->out), rc;
    if (n < 0 || n >= (int)sizeof(part))
        return ps_error_why(why, PS_ELIMIT, s->out, "the path is too long");
    if (s->cut != NULL && s->n != 1)
        return ps_error_why(why, PS_EINVAL, "clips", "an excerpt is of one clip");
    if (s->n == 0 || s->n > MAX_CLIPS)
        return ps_error_why(why, PS_ELIMIT, "clips", "a bundle holds 1 to %d clips", MAX_CLIPS);
    if (s->n_intakes > MAX_INTAKES)
        return ps_error_why(why, PS_ELIMIT, "intakes", "a bundle holds at most %d intakes", MAX_INTAKES);
    ps_buf_init(&b.how, PS_MAX_MANIFEST);
    ps_bundle_text_begin(&b.how);
    b.folders = calloc((size_t)s->n + s->n_intakes, sizeof(*b.folders));
    b.items = calloc(MAX_ITEMS, sizeof(*b.items));
    b.piece = malloc(PIECE);
    if (b.folders == NULL || b.items == NULL || b.piece == NULL) {
        rc = ps_error_why(why, PS_ENOMEM, s->out, "out of memory");
        goto out;
    }
    for (unsigned i = 0; i < s->n + s->n_intakes; i++)
        b.folders[i].fd = -1;
    rc = collect(&b);
    if (rc == 0)
        rc = write_out(&b, part);
out:
    for (unsigned i = 0; i < b.n_folders + b.n_intakes; i++) {
        if (b.folders[i].fd >= 0)
            close(b.folders[i].fd);
        ps_statement_free(b.folders[i].clip);
        free(b.folders[i].intake);
    }
    ps_outside_free(&b.outside);
    free(b.piece);
    free(b.items);
    free(b.folders);
    ps_buf_free(&b.how);
    return rc;
}
