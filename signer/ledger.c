/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signer/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence/bytes.h"
#include "evidence/merkle.h"
#include "evidence/sha256.h"
#include "evidence/tile.h"
#include "signer/file.h"

#define READ_AHEAD 65536
#define TYPE 0x7f
#define TOMBSTONED 0x80 /* beside the type of an open leaf */

struct slot {
    uint64_t off_type; /* offset of the entry << 8 | TOMBSTONED | leaf type */
    uint64_t end; /* of an open leaf: index of its seal or abort, 0 when there is none (0 is a start-up) */
};

struct ps_ledger {
    int fd;
    uint8_t log[16];
    uint64_t size, cap, opens;
    uint64_t bytes;
    struct slot *slots;
    /* Right edge: edge[k] is the root of the perfect subtree of 2^k leaves wherever bit k of size is set. */
    uint8_t edge[64][32];
    uint8_t (*blocks)[32]; /* roots of the full 256 leaves; room for cap / 256 + 1 */
};

void ps_ledger_root(const struct ps_ledger *l, uint8_t out[32]) {
    int have = 0;

    ps_sha256(out, "", 0);
    for (int k = 0; k < 64; k++) {
        if ((l->size >> k & 1) == 0)
            continue;
        if (have++)
            ps_merkle_node(out, l->edge[k], out);
        else
            memcpy(out, l->edge[k], 32);
    }
}

/* Would this leaf be right as the next one? */
static int fits(const struct ps_ledger *l, const struct ps_leaf *leaf, struct ps_why *why) {
    char where[64];

    snprintf(where, sizeof(where), "ledger entry %" PRIu64, l->size);
    if (leaf->index != l->size)
        return ps_error_why(why, PS_EINVAL, where, "says that it is entry %" PRIu64, leaf->index);
    if (memcmp(leaf->log, l->log, sizeof(l->log)) != 0)
        return ps_error_why(why, PS_EINVAL, where, "belongs to another ledger key");
    if (leaf->type == PS_LEAF_TOMBSTONE || leaf->type == PS_LEAF_EXPORT || leaf->type == PS_LEAF_LINK) {
        int err = ps_ledger_may_mark(l, leaf->type, leaf->subject);
        return err == 0 ? 0
                        : ps_error_why(why, PS_EINVAL, where, "speaks of entry %" PRIu64 ": %s",
                                       leaf->subject, ps_error_text(err));
    }
    if (leaf->type != PS_LEAF_SEAL && leaf->type != PS_LEAF_ABORT)
        return 0;
    if (leaf->subject >= l->size || ps_ledger_type(l, leaf->subject) != PS_LEAF_OPEN)
        return ps_error_why(why, PS_EINVAL, where, "ends entry %" PRIu64 ", which opens nothing",
                            leaf->subject);
    if (l->slots[leaf->subject].end != 0)
        return ps_error_why(why, PS_EINVAL, where, "ends clip %" PRIu64 " a second time", leaf->subject);
    return 0;
}

static int reserve(struct ps_ledger *l) {
    if (l->size < l->cap)
        return 0;
    uint64_t cap = l->cap == 0 ? 1024 : l->cap * 2;
    struct slot *slots = reallocarray(l->slots, cap, sizeof(*slots));
    if (slots == NULL)
        return PS_ENOMEM;
    l->slots = slots;
    uint8_t(*blocks)[32] = reallocarray(l->blocks, cap / PS_TILE_WIDTH + 1, sizeof(*blocks));
    if (blocks == NULL)
        return PS_ENOMEM;
    l->blocks = blocks;
    l->cap = cap;
    return 0;
}

/* Takes a leaf that fits, and for which there is room, into memory. */
static void add(struct ps_ledger *l, const struct ps_leaf *leaf, const uint8_t *p, size_t n) {
    uint8_t h[32];
    int k = 0;

    ps_leaf_hash(h, p, n);
    for (;; k++) {
        if (k == 8)
            memcpy(l->blocks[l->size / PS_TILE_WIDTH], h, 32);
        if ((l->size >> k & 1) == 0)
            break;
        ps_merkle_node(h, l->edge[k], h);
    }
    memcpy(l->edge[k], h, 32);
    l->slots[l->size] = (struct slot){.off_type = l->bytes << 8 | leaf->type};
    if (leaf->type == PS_LEAF_SEAL || leaf->type == PS_LEAF_ABORT)
        l->slots[leaf->subject].end = l->size;
    if (leaf->type == PS_LEAF_TOMBSTONE)
        l->slots[leaf->subject].off_type |= TOMBSTONED;
    l->opens += leaf->type == PS_LEAF_OPEN;
    l->size++;
    l->bytes += 2 + n;
}

static int check_root(const struct ps_ledger *l, uint64_t leaves, const uint8_t root[32],
                      struct ps_why *why) {
    uint8_t mine[32];

    if (l->size != leaves)
        return 0;
    ps_ledger_root(l, mine);
    if (memcmp(mine, root, 32) == 0)
        return 0;
    return ps_error_why(why, PS_EFORMAT, "ledger",
                        "its first %" PRIu64 " entries are not those that this signer wrote: restore it",
                        leaves);
}

/* Is this end of the file an append that never became whole? Either short, or, on a file system that kept the
 * new size and lost the data, zeros. */
static bool torn(const uint8_t *p, uint64_t left, size_t n) {
    if (left < 2 || n > 0)
        return n <= PS_MAX_LEAF;
    if (left > 2 + PS_MAX_LEAF)
        return false;
    while (left > 0 && p[left - 1] == 0)
        left--;
    return left == 0;
}

static int read_all(struct ps_ledger *l, uint64_t total, uint64_t leaves, const uint8_t root[32],
                    struct ps_why *why) {
    static uint8_t buf[READ_AHEAD];
    uint64_t start = 0;
    size_t have = 0;
    int err = check_root(l, leaves, root, why);

    while (err == 0 && l->bytes < total) {
        uint64_t left = total - l->bytes;
        size_t at = (size_t)(l->bytes - start);
        if (have - at < 2 + PS_MAX_LEAF && start + have < total) {
            start = l->bytes;
            at = 0;
            have = left < sizeof(buf) ? (size_t)left : sizeof(buf);
            if (ps_file_read_at(l->fd, buf, have, start) != 0)
                return ps_error_why(why, PS_EIO, "ledger/entries", "cannot be read: %s", strerror(errno));
        }
        size_t n = left < 2 ? 0 : (size_t)buf[at] << 8 | buf[at + 1];
        if (left < 2 + n || n == 0)
            return torn(buf + at, left, n) ? PS_ESHORT
                                           : ps_error_why(why, PS_EFORMAT, "ledger/entries",
                                                          "no entry at byte %" PRIu64, l->bytes);
        struct ps_leaf leaf;
        err = n > PS_MAX_LEAF ? PS_ELIMIT : ps_leaf_decode(&leaf, buf + at + 2, n);
        if (err != 0)
            return ps_error_why(why, err, "ledger/entries", "entry %" PRIu64 " at byte %" PRIu64 ": %s",
                                l->size, l->bytes, ps_error_text(err));
        err = fits(l, &leaf, why);
        if (err == 0)
            err = reserve(l);
        if (err != 0)
            return err;
        add(l, &leaf, buf + at + 2, n);
        err = check_root(l, leaves, root, why);
    }
    return err;
}

int ps_ledger_open(struct ps_ledger **out, int dir, const uint8_t log[16], uint64_t leaves,
                   const uint8_t root[32], struct ps_why *why) {
    struct stat st;
    int err = PS_ENOMEM;
    struct ps_ledger *l = calloc(1, sizeof(*l));

    if (l == NULL)
        return ps_error_why(why, PS_ENOMEM, "ledger", "out of memory");
    memcpy(l->log, log, sizeof(l->log));
    l->fd = openat(dir, "entries", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (l->fd < 0 || fstat(l->fd, &st) != 0) {
        err = ps_error_why(why, PS_EIO, "ledger/entries", "cannot be opened: %s", strerror(errno));
        goto fail;
    }
    err = read_all(l, (uint64_t)st.st_size, leaves, root, why);
    if (err != 0 && err != PS_ESHORT)
        goto fail;
    if (l->size < leaves) {
        err = ps_error_why(why, PS_EFORMAT, "ledger",
                           "has %" PRIu64 " entries, the journal knows of %" PRIu64 ": restore it", l->size,
                           leaves);
        goto fail;
    }
    if (err == PS_ESHORT && (ftruncate(l->fd, (off_t)l->bytes) != 0 || fdatasync(l->fd) != 0)) {
        err = ps_error_why(why, PS_EIO, "ledger/entries", "cannot cut a torn entry: %s", strerror(errno));
        goto fail;
    }
    *out = l;
    return 0;
fail:
    ps_ledger_close(l);
    return err;
}

void ps_ledger_close(struct ps_ledger *l) {
    if (l == NULL)
        return;
    if (l->fd >= 0)
        close(l->fd);
    free(l->blocks);
    free(l->slots);
    free(l);
}

uint64_t ps_ledger_size(const struct ps_ledger *l) {
    return l->size;
}

uint64_t ps_ledger_opens(const struct ps_ledger *l) {
    return l->opens;
}

int ps_ledger_get(const struct ps_ledger *l, uint64_t index, uint8_t *out) {
    uint8_t len[2];

    if (index >= l->size)
        return PS_ENOENT;
    uint64_t off = l->slots[index].off_type >> 8;
    if (ps_file_read_at(l->fd, len, 2, off) != 0)
        return PS_EIO;
    size_t n = (size_t)len[0] << 8 | len[1];
    if (n == 0 || n > PS_MAX_LEAF || ps_file_read_at(l->fd, out, n, off + 2) != 0)
        return PS_EIO;
    return (int)n;
}

uint8_t ps_ledger_type(const struct ps_ledger *l, uint64_t index) {
    return l->slots[index].off_type & TYPE;
}

int ps_ledger_may_mark(const struct ps_ledger *l, uint8_t type, uint64_t clip) {
    if (clip >= l->size || ps_ledger_type(l, clip) != PS_LEAF_OPEN)
        return PS_ENOENT;
    uint64_t end = l->slots[clip].end;
    if (end == 0 || ps_ledger_type(l, end) != PS_LEAF_SEAL)
        return PS_ESTATE;
    return type == PS_LEAF_TOMBSTONE && (l->slots[clip].off_type & TOMBSTONED) != 0 ? PS_EEXIST : 0;
}

int ps_ledger_bundle(const struct ps_ledger *l, uint64_t first, unsigned width, uint8_t *out) {
    if (width < 1 || width > PS_TILE_WIDTH || first > l->size || width > l->size - first)
        return PS_EINVAL;
    uint64_t from = l->slots[first].off_type >> 8;
    uint64_t to = first + width < l->size ? l->slots[first + width].off_type >> 8 : l->bytes;
    if (to - from > PS_LEDGER_BUNDLE || ps_file_read_at(l->fd, out, (size_t)(to - from), from) != 0)
        return PS_EIO;
    return (int)(to - from);
}

static int leaf_hashes(const struct ps_ledger *l, uint64_t first, unsigned width, uint8_t *hashes) {
    static uint8_t bundle[PS_LEDGER_BUNDLE];
    int n = ps_ledger_bundle(l, first, width, bundle);

    if (n < 0)
        return n;
    struct ps_rd r = ps_rd_of(bundle, (size_t)n);
    for (unsigned i = 0; i < width; i++) {
        size_t len = ps_rd_u16(&r);
        const uint8_t *leaf = ps_rd_skip(&r, len);
        if (leaf == NULL)
            return PS_EIO;
        ps_leaf_hash(hashes + (size_t)i * 32, leaf, len);
    }
    return 0;
}

int ps_ledger_tile(const struct ps_ledger *l, int level, uint64_t index, unsigned width, uint8_t *hashes) {
    uint8_t below[PS_TILE_WIDTH][32];
    uint64_t first = index * PS_TILE_WIDTH;

    if (level < 0 || level > 7 || width > PS_TILE_WIDTH || first > l->size >> 8 * level ||
        width > (l->size >> 8 * level) - first)
        return PS_EINVAL;
    if (level == 0)
        return leaf_hashes(l, first, width, hashes);
    if (level == 1) {
        memcpy(hashes, l->blocks[first], (size_t)width * 32);
        return 0;
    }
    for (unsigned i = 0; i < width; i++) {
        int err = ps_ledger_tile(l, level - 1, first + i, PS_TILE_WIDTH, below[0]);
        if (err != 0)
            return err;
        ps_tile_fold(hashes + (size_t)i * 32, (const uint8_t(*)[32])below);
    }
    return 0;
}

static int read_tile(void *ctx, int level, uint64_t index, unsigned width, uint8_t *hashes) {
    return ps_ledger_tile(ctx, level, index, width, hashes);
}

int ps_ledger_root_at(const struct ps_ledger *l, uint64_t n, uint8_t out[32]) {
    struct ps_tile_source s = {.ctx = (void *)(uintptr_t)l, .read = read_tile};

    if (n > l->size)
        return PS_EINVAL;
    if (n == 0) {
        ps_sha256(out, "", 0);
        return 0;
    }
    return ps_tile_root(&s, l->size, n, out);
}

int ps_ledger_put(struct ps_ledger *l, const uint8_t *leaf, size_t n) {
    struct ps_leaf d;
    uint8_t entry[2 + PS_MAX_LEAF];

    if (n > PS_MAX_LEAF || ps_leaf_decode(&d, leaf, n) != 0)
        return PS_EINVAL;
    if (d.index < l->size) {
        int have = ps_ledger_get(l, d.index, entry);
        if (have < 0)
            return have;
        return (size_t)have == n && memcmp(entry, leaf, n) == 0 ? 0 : PS_EEXIST;
    }
    if (fits(l, &d, NULL) != 0)
        return PS_EINVAL;
    if (reserve(l) != 0)
        return PS_ENOMEM;
    entry[0] = (uint8_t)(n >> 8);
    entry[1] = (uint8_t)n;
    memcpy(entry + 2, leaf, n);
    if (ps_file_write_at(l->fd, entry, 2 + n, l->bytes) != 0 || fdatasync(l->fd) != 0)
        return PS_EIO;
    add(l, &d, leaf, n);
    return 0;
}

int ps_ledger_end_of(const struct ps_ledger *l, uint64_t clip, uint64_t *end) {
    if (clip >= l->size || ps_ledger_type(l, clip) != PS_LEAF_OPEN)
        return PS_ENOENT;
    if (l->slots[clip].end == 0)
        return PS_ESTATE;
    *end = l->slots[clip].end;
    return 0;
}
