/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signer/takes.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence/bytes.h"
#include "signer/file.h"

#define HEADER 40
#define ENTRY 24

struct cell {
    uint8_t hash[PS_TAKES_HASH];
    uint32_t count; /* 0: free */
};

struct ps_takes {
    int fd;
    uint8_t key[32];
    uint64_t entries, last;
    uint64_t used, cap; /* cells; cap is a power of two, at most half full */
    struct cell *cells;
};

int ps_takes_create(int dir) {
    uint8_t head[HEADER] = "PST1";

    randombytes_buf(head + 8, 32);
    return ps_file_create(dir, "takes", head, sizeof(head), 0600);
}

/* The hash is keyed and thus evenly spread: its first bytes choose the cell. */
static struct cell *find(struct cell *cells, uint64_t cap, const uint8_t *hash) {
    uint64_t i = 0;

    memcpy(&i, hash, sizeof(i));
    for (i &= cap - 1; cells[i].count != 0; i = (i + 1) & (cap - 1))
        if (memcmp(cells[i].hash, hash, PS_TAKES_HASH) == 0)
            break;
    return &cells[i];
}

int ps_takes_reserve(struct ps_takes *t) {
    if (t->cap != 0 && t->used + 1 <= t->cap / 2)
        return 0;
    uint64_t cap = t->cap == 0 ? 1024 : t->cap * 2;
    struct cell *cells = calloc(cap, sizeof(*cells));
    if (cells == NULL)
        return PS_ENOMEM;
    for (uint64_t i = 0; i < t->cap; i++)
        if (t->cells[i].count != 0)
            *find(cells, cap, t->cells[i].hash) = t->cells[i];
    free(t->cells);
    t->cells = cells;
    t->cap = cap;
    return 0;
}

static void count(struct ps_takes *t, const uint8_t *hash, uint64_t clip) {
    struct cell *c = find(t->cells, t->cap, hash);

    if (c->count == 0) {
        memcpy(c->hash, hash, PS_TAKES_HASH);
        t->used++;
    }
    if (c->count < UINT32_MAX)
        c->count++;
    t->entries++;
    t->last = clip;
}

static int read_all(struct ps_takes *t, uint64_t size, struct ps_why *why) {
    uint8_t piece[ENTRY * 512];

    for (uint64_t off = HEADER; off < size;) {
        size_t n = size - off < sizeof(piece) ? (size_t)(size - off) : sizeof(piece);
        if (ps_file_read_at(t->fd, piece, n, off) != 0)
            return ps_error_why(why, PS_EIO, "takes", "cannot be read: %s", strerror(errno));
        for (size_t i = 0; i < n; i += ENTRY) {
            struct ps_rd r = ps_rd_of(piece + i + PS_TAKES_HASH, 8);
            uint64_t clip = ps_rd_u64(&r);
            if (ps_takes_has(t, clip))
                return ps_error_why(why, PS_EFORMAT, "takes", "damaged at byte %" PRIu64 ": restore it",
                                    off + i);
            if (ps_takes_reserve(t) != 0)
                return ps_error_why(why, PS_ENOMEM, "takes", "out of memory");
            count(t, piece + i, clip);
        }
        off += n;
    }
    return 0;
}

int ps_takes_open(struct ps_takes **out, int dir, struct ps_why *why) {
    uint8_t head[HEADER];
    struct stat st;
    int err;
    struct ps_takes *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return ps_error_why(why, PS_ENOMEM, "takes", "out of memory");
    t->fd = openat(dir, "takes", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (t->fd < 0 || fstat(t->fd, &st) != 0) {
        err = ps_error_why(why, PS_EIO, "takes", "cannot be opened: %s", strerror(errno));
        goto fail;
    }
    if (ps_file_read_at(t->fd, head, sizeof(head), 0) != 0 || memcmp(head, "PST1\0\0\0\0", 8) != 0) {
        err = ps_error_why(why, PS_EFORMAT, "takes", "is no list of takes: restore it");
        goto fail;
    }
    memcpy(t->key, head + 8, sizeof(t->key));
    uint64_t whole = HEADER + ((uint64_t)st.st_size - HEADER) / ENTRY * ENTRY;
    err = read_all(t, whole, why);
    if (err == 0 && whole < (uint64_t)st.st_size &&
        (ftruncate(t->fd, (off_t)whole) != 0 || fdatasync(t->fd) != 0))
        err = ps_error_why(why, PS_EIO, "takes", "cannot cut a torn entry: %s", strerror(errno));
    if (err == 0)
        err = ps_takes_reserve(t) == 0 ? 0 : ps_error_why(why, PS_ENOMEM, "takes", "out of memory");
    if (err != 0)
        goto fail;
    *out = t;
    return 0;
fail:
    ps_takes_close(t);
    return err;
}

void ps_takes_close(struct ps_takes *t) {
    if (t == NULL)
        return;
    if (t->fd >= 0)
        close(t->fd);
    free(t->cells);
    free(t);
}

void ps_takes_hash(const struct ps_takes *t, const char *code, uint8_t out[PS_TAKES_HASH]) {
    crypto_generichash(out, PS_TAKES_HASH, (const uint8_t *)code, strlen(code), t->key, sizeof(t->key));
}

uint32_t ps_takes_count(const struct ps_takes *t, const uint8_t hash[PS_TAKES_HASH]) {
    return find(t->cells, t->cap, hash)->count;
}

uint64_t ps_takes_entries(const struct ps_takes *t) {
    return t->entries;
}

int ps_takes_has(const struct ps_takes *t, uint64_t clip) {
    return t->entries > 0 && clip <= t->last;
}

int ps_takes_add(struct ps_takes *t, const uint8_t hash[PS_TAKES_HASH], uint64_t clip) {
    uint8_t entry[ENTRY];

    if (ps_takes_has(t, clip) || ps_takes_reserve(t) != 0)
        return PS_EINVAL;
    memcpy(entry, hash, PS_TAKES_HASH);
    for (int i = 0; i < 8; i++)
        entry[PS_TAKES_HASH + i] = (uint8_t)(clip >> (56 - 8 * i));
    if (ps_file_write_at(t->fd, entry, sizeof(entry), HEADER + t->entries * ENTRY) != 0 ||
        fdatasync(t->fd) != 0)
        return PS_EIO;
    count(t, hash, clip);
    return 0;
}
