/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signer/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence/bytes.h"
#include "signer/bounds.h"
#include "signer/file.h"

#define HEADER 32
#define FRAME_HEAD 8
#define FRAME_CHECK 16
#define FRAME_MAX (FRAME_HEAD + PS_JOURNAL_PAYLOAD + FRAME_CHECK)
#define SECTOR 512

static const char *const names[2] = {"journal.a", "journal.b"};

/* Identity of a file and the number of the next frame in it. */
struct place {
    uint64_t generation;
    uint8_t id[16];
    uint64_t frames;
};

struct ps_journal {
    int fd[2];
    int cur; /* which of the two; -1 before the first */
    struct place at;
    uint64_t end; /* bytes of the current file */
    struct ps_journal_base base;
    struct ps_buf kept; /* frames of the current file until they are replayed */
    struct ps_buf next; /* the next generation while it is being filled */
    struct place next_at;
    bool dead;
};

static void check(const struct place *at, const uint8_t head[4], const uint8_t *p, size_t n, uint8_t *out,
                  size_t out_n) {
    crypto_generichash_state st;
    uint8_t number[8], sum[FRAME_CHECK];

    for (int i = 0; i < 8; i++)
        number[i] = (uint8_t)(at->frames >> (56 - 8 * i));
    crypto_generichash_init(&st, at->id, sizeof(at->id), sizeof(sum));
    crypto_generichash_update(&st, number, sizeof(number));
    crypto_generichash_update(&st, head, 4);
    crypto_generichash_update(&st, p, n);
    crypto_generichash_final(&st, sum, sizeof(sum));
    memcpy(out, sum, out_n);
}

/* Makes the next frame of `at` in out (FRAME_MAX) and returns its length. */
static size_t frame(struct place *at, uint8_t kind, const void *p, size_t n, uint8_t *out) {
    out[0] = (uint8_t)(n >> 8);
    out[1] = (uint8_t)n;
    out[2] = kind;
    out[3] = 0;
    check(at, out, NULL, 0, out + 4, 4);
    if (n > 0)
        memcpy(out + FRAME_HEAD, p, n);
    check(at, out, out + FRAME_HEAD, n, out + FRAME_HEAD + n, FRAME_CHECK);
    at->frames++;
    return FRAME_HEAD + n + FRAME_CHECK;
}

enum seen { SEEN_FRAME, SEEN_END, SEEN_TORN, SEEN_BAD };

/* Is p, to the end of the file, what is left of a frame that never reached the disk whole? off is p's place
 * in the file. */
static bool unwritten_end(const uint8_t *p, size_t n, uint64_t off) {
    size_t last = n;

    while (last > 0 && p[last - 1] == 0)
        last--;
    if (last == 0)
        return true;
    uint64_t border = (off + last + SECTOR - 1) / SECTOR * SECTOR;
    return border < off + n;
}

/* Looks at the next frame of a file in memory; *used is its length. */
static enum seen next_frame(const struct place *at, const uint8_t *file, size_t n, size_t off, size_t *used) {
    const uint8_t *p = file + off;
    size_t left = n - off;
    uint8_t sum[FRAME_CHECK];

    if (left == 0)
        return SEEN_END;
    if (left < FRAME_HEAD)
        return SEEN_TORN;
    size_t length = (size_t)p[0] << 8 | p[1];
    check(at, p, NULL, 0, sum, 4);
    if (memcmp(sum, p + 4, 4) != 0 || length > PS_JOURNAL_PAYLOAD || p[3] != 0)
        return left <= FRAME_MAX && unwritten_end(p, left, off) ? SEEN_TORN : SEEN_BAD;
    if (left < FRAME_HEAD + length + FRAME_CHECK)
        return SEEN_TORN;
    *used = FRAME_HEAD + length + FRAME_CHECK;
    check(at, p, p + FRAME_HEAD, length, sum, FRAME_CHECK);
    if (memcmp(sum, p + FRAME_HEAD + length, FRAME_CHECK) == 0)
        return SEEN_FRAME;
    return *used == left && unwritten_end(p, left, off) ? SEEN_TORN : SEEN_BAD;
}

/* One of the two files as found. */
struct found {
    struct ps_buf bytes;
    struct place at;
    struct ps_journal_base base;
    bool ready;
    size_t end; /* of the last good frame */
    size_t bad; /* where a bad frame is, 0 when there is none */
};

static int load(int fd, struct found *f) {
    struct stat st;

    ps_buf_init(&f->bytes, PS_JOURNAL_MAX);
    if (fstat(fd, &st) != 0)
        return PS_EIO;
    if (st.st_size < 0 || (uint64_t)st.st_size > PS_JOURNAL_MAX)
        return PS_ELIMIT;
    uint8_t piece[16384];
    for (uint64_t off = 0; off < (uint64_t)st.st_size;) {
        size_t n =
            (uint64_t)st.st_size - off < sizeof(piece) ? (size_t)((uint64_t)st.st_size - off) : sizeof(piece);
        int err = ps_file_read_at(fd, piece, n, off);
        if (err != 0)
            return PS_EIO;
        ps_buf_bytes(&f->bytes, piece, n);
        off += n;
    }
    return f->bytes.err;
}

static void scan(struct found *f) {
    const uint8_t *p = f->bytes.p;
    size_t used = 0;
    struct ps_rd r = ps_rd_of(p, f->bytes.n);
    uint8_t magic[8];

    ps_rd_bytes(&r, magic, sizeof(magic));
    f->at.generation = ps_rd_u64(&r);
    ps_rd_bytes(&r, f->at.id, sizeof(f->at.id));
    if (r.err != 0 || memcmp(magic, "PSJ1\0\0\0\0", 8) != 0)
        return;
    for (f->end = HEADER;; f->end += used, f->at.frames++) {
        enum seen seen = next_frame(&f->at, p, f->bytes.n, f->end, &used);
        if (seen == SEEN_BAD)
            f->bad = f->end;
        if (seen != SEEN_FRAME)
            return;
        uint8_t kind = p[f->end + 2];
        struct ps_rd body = ps_rd_of(p + f->end + FRAME_HEAD, used - FRAME_HEAD - FRAME_CHECK);
        bool first = f->at.frames == 0;
        if (first) {
            f->base.leaves = ps_rd_u64(&body);
            ps_rd_bytes(&body, f->base.root, sizeof(f->base.root));
        }
        if (first != (kind == PS_JOURNAL_BASE) || (first && ps_rd_end(&body) != 0)) {
            f->bad = f->end;
            return;
        }
        f->ready = f->ready || kind == PS_JOURNAL_READY;
    }
}

static int adopt(struct ps_journal *j, int which, struct found *f, struct ps_why *why) {
    if (f->bad != 0)
        return ps_error_why(why, PS_EFORMAT, names[which],
                            "damaged at byte %zu: restore the folder from a copy, or start a new station",
                            f->bad);
    j->cur = which;
    j->at = f->at;
    j->end = f->end;
    j->base = f->base;
    if (f->end < f->bytes.n && (ftruncate(j->fd[which], (off_t)f->end) != 0 || fdatasync(j->fd[which]) != 0))
        return ps_error_why(why, PS_EIO, names[which], "cannot cut a torn tail: %s", strerror(errno));
    /* The other is older: what it says was carried over. */
    if (ftruncate(j->fd[1 - which], 0) != 0 || fdatasync(j->fd[1 - which]) != 0)
        return ps_error_why(why, PS_EIO, names[1 - which], "cannot be emptied: %s", strerror(errno));
    j->kept = f->bytes; /* transferred */
    j->kept.n = f->end;
    ps_buf_init(&f->bytes, 0);
    return 0;
}

int ps_journal_open(struct ps_journal **out, int dir, int *fresh, struct ps_why *why) {
    struct found f[2] = {0};
    int err = PS_ENOMEM, best = -1;
    struct ps_journal *j = calloc(1, sizeof(*j));

    if (j == NULL)
        return ps_error_why(why, PS_ENOMEM, "journal", "out of memory");
    j->fd[0] = j->fd[1] = j->cur = -1;
    ps_buf_init(&j->kept, 0);
    for (int i = 0; i < 2; i++) {
        j->fd[i] = openat(dir, names[i], O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (j->fd[i] < 0) {
            err = ps_error_why(why, PS_EIO, names[i], "cannot be opened: %s", strerror(errno));
            goto out;
        }
        err = load(j->fd[i], &f[i]);
        if (err != 0) {
            ps_error_why(why, err, names[i], "cannot be read: %s", ps_error_text(err));
            goto out;
        }
        scan(&f[i]);
        if (f[i].ready && (best < 0 || f[i].at.generation > f[best].at.generation))
            best = i;
    }
    err = fsync(dir) == 0 ? 0
                          : ps_error_why(why, PS_EIO, "journal", "fsync of its folder: %s", strerror(errno));
    *fresh = best < 0;
    if (err == 0 && best >= 0)
        err = adopt(j, best, &f[best], why);
out:
    ps_buf_free(&f[0].bytes);
    ps_buf_free(&f[1].bytes);
    if (err == 0)
        *out = j; /* transferred */
    else
        ps_journal_close(j);
    return err;
}

void ps_journal_close(struct ps_journal *j) {
    if (j == NULL)
        return;
    for (int i = 0; i < 2; i++)
        if (j->fd[i] >= 0)
            close(j->fd[i]);
    ps_buf_free(&j->kept);
    free(j);
}

const struct ps_journal_base *ps_journal_base(const struct ps_journal *j) {
    return &j->base;
}

int ps_journal_replay(struct ps_journal *j, int (*each)(void *ctx, uint8_t kind, const uint8_t *p, size_t n),
                      void *ctx) {
    int err = 0;

    for (size_t off = HEADER; err == 0 && off < j->kept.n;) {
        const uint8_t *p = j->kept.p + off;
        size_t length = (size_t)p[0] << 8 | p[1];
        if (p[2] != PS_JOURNAL_BASE && p[2] != PS_JOURNAL_READY)
            err = each(ctx, p[2], p + FRAME_HEAD, length);
        off += FRAME_HEAD + length + FRAME_CHECK;
    }
    ps_buf_free(&j->kept);
    ps_buf_init(&j->kept, 0);
    return err;
}

uint64_t ps_journal_bytes(const struct ps_journal *j) {
    return j->end;
}

int ps_journal_append(struct ps_journal *j, uint8_t kind, const void *p, size_t n) {
    uint8_t bytes[FRAME_MAX];
    struct place at = j->at;

    if (j->dead || j->cur < 0)
        return PS_EIO;
    if (n > PS_JOURNAL_PAYLOAD)
        return PS_EINVAL;
    size_t length = frame(&at, kind, p, n, bytes);
    if (length > PS_JOURNAL_MAX - j->end)
        return PS_EFULL;
    int fd = j->fd[j->cur];
    if (ps_file_write_at(fd, bytes, length, j->end) != 0) {
        /* Nothing of it was acknowledged or synced, so it may be taken back. */
        if (ftruncate(fd, (off_t)j->end) == 0)
            return PS_EFULL;
        j->dead = true;
        return PS_EIO;
    }
    if (fdatasync(fd) != 0) {
        /* The kernel may have dropped the pages and call them clean: a second fsync would lie. */
        j->dead = true;
        return PS_EIO;
    }
    j->at = at;
    j->end += length;
    return 0;
}

void ps_journal_carry(struct ps_journal *j, uint8_t kind, const void *p, size_t n) {
    uint8_t bytes[FRAME_MAX];

    if (n > PS_JOURNAL_PAYLOAD) {
        j->next.err = PS_EINVAL;
        return;
    }
    size_t length = frame(&j->next_at, kind, p, n, bytes);
    ps_buf_bytes(&j->next, bytes, length);
}

int ps_journal_rotate(struct ps_journal *j, const struct ps_journal_base *base,
                      void (*fill)(void *ctx, struct ps_journal *j), void *ctx) {
    int other = j->cur < 0 ? 0 : 1 - j->cur;
    int fd = j->fd[other], err;
    struct ps_buf payload;

    if (j->dead)
        return PS_EIO;
    j->next_at = (struct place){.generation = j->at.generation + 1};
    randombytes_buf(j->next_at.id, sizeof(j->next_at.id));
    ps_buf_init(&j->next, PS_JOURNAL_MAX);
    ps_buf_init(&payload, 64);
    ps_buf_bytes(&j->next, "PSJ1\0\0\0\0", 8);
    ps_buf_u64(&j->next, j->next_at.generation);
    ps_buf_bytes(&j->next, j->next_at.id, sizeof(j->next_at.id));
    ps_buf_u64(&payload, base->leaves);
    ps_buf_bytes(&payload, base->root, sizeof(base->root));
    err = payload.err;
    if (err != 0)
        goto out;
    ps_journal_carry(j, PS_JOURNAL_BASE, payload.p, payload.n);
    if (fill != NULL)
        fill(ctx, j);
    ps_journal_carry(j, PS_JOURNAL_READY, NULL, 0);
    err = j->next.err;
    if (err != 0)
        goto out;
    if (ftruncate(fd, 0) != 0 || ps_file_write_at(fd, j->next.p, j->next.n, 0) != 0 || fdatasync(fd) != 0) {
        /* Half of it may be durable. Were its READY there at the next start, what the old file gets from
         * now on would be forgotten: so it must be gone for certain, or this process ends. */
        err = ftruncate(fd, 0) == 0 && fdatasync(fd) == 0 ? PS_EFULL : PS_EIO;
        j->dead = err == PS_EIO;
        goto out;
    }
    if (j->cur >= 0) {
        /* Should this fail, the higher generation wins all the same. */
        if (ftruncate(j->fd[j->cur], 0) == 0)
            fdatasync(j->fd[j->cur]);
    }
    j->cur = other;
    j->at = j->next_at;
    j->end = j->next.n;
    j->base = *base;
out:
    ps_buf_free(&payload);
    ps_buf_free(&j->next);
    return err;
}
