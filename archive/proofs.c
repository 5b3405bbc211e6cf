/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/proofs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/store.h"
#include "evidence/bytes.h"
#include "evidence/leaf.h"
#include "evidence/note.h"
#include "evidence/proof.h"

#define BUNDLE_MAX ((size_t)PS_TILE_WIDTH * (PS_MAX_LEAF + 2))

/* How many of a tile's places a log of this size fills. */
static unsigned width_of(uint64_t size, int level, uint64_t index) {
    uint64_t n = size >> (level > 0 ? 8 * level : 0);
    uint64_t before = index * PS_TILE_WIDTH;

    return n <= before ? 0 : n - before < PS_TILE_WIDTH ? (unsigned)(n - before) : PS_TILE_WIDTH;
}

/* Partial tiles give way to wider ones: the widest is looked for first. */
static int open_tile(struct ps_proofs *p, int level, uint64_t index, unsigned width) {
    char path[PS_TILE_PATH];
    unsigned widest = width_of(p->size, level, index);

    for (unsigned w = widest > width ? widest : width; w >= width && w; w--) {
        if (ps_tile_path(path, level, index, w) < 0)
            return -1;
        int fd = openat(p->dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0 || errno != ENOENT)
            return fd;
    }
    return -1;
}

static ssize_t read_up_to(int fd, uint8_t *out, size_t n) {
    size_t got = 0;

    while (got < n) {
        ssize_t k = pread(fd, out + got, n - got, (off_t)got);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return k < 0 ? -1 : (ssize_t)got;
        got += (size_t)k;
    }
    return (ssize_t)got;
}

static int read_tile(void *ctx, int level, uint64_t index, unsigned width, uint8_t *hashes) {
    size_t n = (size_t)width * 32;
    int fd = open_tile(ctx, level, index, width);

    if (fd < 0)
        return PS_ENOENT;
    ssize_t got = read_up_to(fd, hashes, n);
    close(fd);
    return got == (ssize_t)n ? 0 : PS_EFORMAT;
}

struct ps_tile_source ps_proofs_source(struct ps_proofs *p) {
    return (struct ps_tile_source){.ctx = p, .read = read_tile};
}

int ps_proofs_open(struct ps_proofs *p, const char *root, struct ps_why *why) {
    return ps_proofs_open_in(p, root, PS_ROOT_LEDGER, why);
}

int ps_proofs_open_in(struct ps_proofs *p, const char *root, const char *folder, struct ps_why *why) {
    char path[PS_ROOT_PATH];
    struct ps_checkpoint cp;
    struct ps_note note;
    uint8_t *text = NULL;
    size_t n = 0;

    p->dir = -1;
    if (ps_root_path(root, folder, path) < 0)
        return ps_error_why(why, PS_ELIMIT, root, "the path is too long");
    p->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (p->dir < 0)
        return ps_error_why(why, errno == ENOENT ? PS_ENOENT : PS_EIO, path, "%s", strerrordesc_np(errno));
    int err = ps_store_read_file(p->dir, "checkpoint", PS_NOTE_MAX, &text, &n, why);
    if (!err)
        err = ps_note_parse(&note, text, n);
    if (!err)
        err = ps_checkpoint_parse(&cp, note.text, note.text_len);
    free(text);
    if (err < 0) {
        ps_proofs_close(p);
        return ps_error_why(why, err, path, "the checkpoint: %s", ps_error_text(err));
    }
    p->size = cp.size;
    return 0;
}

void ps_proofs_close(struct ps_proofs *p) {
    if (p->dir >= 0)
        close(p->dir);
    p->dir = -1;
}

/* Which bundle a leaf is in, at least up to that leaf; *bundle is to be freed. */
static int read_bundle(struct ps_proofs *p, uint64_t index, uint8_t **bundle, size_t *n) {
    int fd = open_tile(p, PS_TILE_ENTRIES, index / PS_TILE_WIDTH, (unsigned)(index % PS_TILE_WIDTH) + 1);

    if (fd < 0)
        return PS_ENOENT;
    *bundle = malloc(BUNDLE_MAX);
    ssize_t got = *bundle ? read_up_to(fd, *bundle, BUNDLE_MAX) : -1;
    close(fd);
    *n = got > 0 ? (size_t)got : 0;
    return !*bundle ? PS_ENOMEM : got < 0 ? PS_EIO : 0;
}

int ps_proofs_leaf(struct ps_proofs *p, uint64_t index, uint8_t *out) {
    unsigned at = (unsigned)(index % PS_TILE_WIDTH);
    uint8_t *bundle = NULL;
    size_t bundle_n = 0;

    if (index >= p->size)
        return PS_ENOENT;
    int err = read_bundle(p, index, &bundle, &bundle_n);
    if (!err) {
        struct ps_rd r = ps_rd_of(bundle, bundle_n);
        const uint8_t *leaf = NULL;
        size_t n = 0;
        for (unsigned i = 0; i <= at; i++) {
            n = ps_rd_u16(&r);
            leaf = ps_rd_skip(&r, n);
        }
        err = leaf && n <= PS_MAX_LEAF ? (int)n : PS_EFORMAT;
        if (err >= 0)
            memcpy(out, leaf, n);
    }
    free(bundle);
    return err;
}

int ps_proofs_each(struct ps_proofs *p, int (*each)(void *ctx, uint64_t index, const uint8_t *leaf, size_t n),
                   void *ctx) {
    int err = 0;

    for (uint64_t first = 0; !err && first < p->size; first += PS_TILE_WIDTH) {
        uint64_t end = p->size - first < PS_TILE_WIDTH ? p->size : first + PS_TILE_WIDTH;
        uint8_t *bundle = NULL;
        size_t n = 0;
        err = read_bundle(p, end - 1, &bundle, &n);
        struct ps_rd r = ps_rd_of(bundle, n);
        for (uint64_t i = first; !err && i < end; i++) {
            size_t len = ps_rd_u16(&r);
            const uint8_t *leaf = ps_rd_skip(&r, len);
            err = leaf && len <= PS_MAX_LEAF ? each(ctx, i, leaf, len) : PS_EFORMAT;
        }
        free(bundle);
    }
    return err;
}

int ps_proofs_end_of(struct ps_proofs *p, uint64_t clip, uint64_t *index) {
    uint8_t bytes[PS_MAX_LEAF];
    struct ps_leaf l;

    for (uint64_t i = clip + 1; i < p->size; i++) {
        int n = ps_proofs_leaf(p, i, bytes);
        if (n < 0)
            return n;
        if (ps_leaf_decode(&l, bytes, (size_t)n) < 0)
            return PS_EFORMAT;
        if ((l.type == PS_LEAF_SEAL || l.type == PS_LEAF_ABORT) && l.subject == clip) {
            *index = i;
            return 0;
        }
    }
    return PS_ENOENT;
}

static int prove(struct ps_proofs *p, uint64_t index, const struct ps_checkpoint *cp, const char *note,
                 size_t note_len, struct ps_buf *out) {
    struct ps_tile_source tiles = ps_proofs_source(p);
    struct ps_proof *proof = calloc(1, sizeof *proof);
    int err = proof ? 0 : PS_ENOMEM;

    if (!err) {
        int n = ps_proofs_leaf(p, index, proof->leaf);
        err = n < 0 ? n : 0;
        proof->leaf_len = n < 0 ? 0 : (size_t)n;
    }
    if (!err)
        err = ps_tile_inclusion(&tiles, p->size, index, cp->size, proof->hash, &proof->n);
    if (!err) {
        proof->index = index;
        proof->note = note;
        proof->note_len = note_len;
        ps_proof_write(out, proof);
        err = out->err;
    }
    free(proof);
    return err;
}

/* The checkpoint of a note that covers the leaf, and that the tiles lead to. */
static int covering(struct ps_proofs *p, const char *note, size_t note_len, uint64_t leaf, const char *what,
                    struct ps_checkpoint *cp, struct ps_why *why) {
    struct ps_tile_source tiles = ps_proofs_source(p);
    struct ps_note n;
    uint8_t root[32];
    int err = ps_note_parse(&n, note, note_len);

    if (!err)
        err = ps_checkpoint_parse(cp, n.text, n.text_len);
    if (err < 0)
        return ps_error_why(why, err, "checkpoint", "%s", ps_error_text(err));
    if (leaf >= cp->size || cp->size > p->size)
        return ps_error_why(why, PS_ESTATE, "checkpoint", "does not cover %s", what);
    err = ps_tile_root(&tiles, p->size, cp->size, root);
    if (!err && memcmp(root, cp->root, sizeof root) != 0)
        err = PS_ESIG;
    return err;
}

static int told(int err, struct ps_why *why) {
    return err < 0 && err != PS_ESTATE
               ? ps_error_why(why, err, "ledger", "%s: run packseal ledger check", ps_error_text(err))
               : err;
}

int ps_proofs_of_leaf(struct ps_proofs *p, uint64_t index, const char *note, size_t note_len,
                      struct ps_buf *out, struct ps_why *why) {
    struct ps_checkpoint cp;
    int err = covering(p, note, note_len, index, "the entry", &cp, why);

    return told(err ? err : prove(p, index, &cp, note, note_len, out), why);
}

int ps_proofs_of_clip(struct ps_proofs *p, uint64_t clip, const char *note, size_t note_len,
                      struct ps_buf *open, struct ps_buf *seal, struct ps_why *why) {
    struct ps_checkpoint cp;
    uint64_t end = UINT64_MAX;
    int err = ps_proofs_end_of(p, clip, &end);

    if (!err || err == PS_ENOENT)
        err = covering(p, note, note_len, end, "the clip's seal", &cp, why);
    if (!err)
        err = prove(p, clip, &cp, note, note_len, open);
    if (!err)
        err = prove(p, end, &cp, note, note_len, seal);
    return told(err, why);
}
