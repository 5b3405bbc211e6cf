/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The film on disk (docs/FORMAT.md section 7).
 *
 *   offset 0    ftyp, 32 bytes
 *          32   free, 16 bytes        becomes the head of one large mdat: size=1 'mdat' largesize
 *          48   moov with mvex        then lies inside that mdat, like the moofs
 *               moof, mdat …          one pair a segment
 *               moov                  appended by finish
 */
#include "recorder/mp4w.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "archive/files.h"
#include "evidence/bytes.h"
#include "evidence/limits.h"
#include "evidence/mp4_write.h"
#include "evidence/sha256.h"

#define HASH_PIECE (256u << 10)

struct ps_mp4w {
    int fd;
    char name[PS_MAX_FILE_NAME + 1];
    bool finished; /* the file is an ordinary MP4 already */
    bool broken;   /* could not be cut back: nothing more is written */
    uint64_t end;  /* of the last whole fragment */
    struct ps_mp4_write_film film;
    uint32_t cap_samples, cap_chunks;
    struct ps_buf box; /* being built */
};

static int fail(const struct ps_mp4w *w, struct ps_why *why, const char *what) {
    int e = errno;
    return ps_error_why(why, e == ENOSPC || e == EDQUOT ? PS_EFULL : PS_EIO, w->name, "%s: %s", what,
                        strerror(e));
}

/* ---- the file ---- */

static int write_at(int fd, uint64_t off, struct iovec *v, int n) {
    while (n > 0) {
        ssize_t done = pwritev(fd, v, n, (off_t)off);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0) {
            if (done == 0)
                errno = EIO;
            return -1;
        }
        off += (uint64_t)done;
        while (n > 0 && (size_t)done >= v->iov_len) {
            done -= (ssize_t)v->iov_len;
            v++;
            n--;
        }
        if (n > 0) {
            v->iov_base = (uint8_t *)v->iov_base + done;
            v->iov_len -= (size_t)done;
        }
    }
    return 0;
}

static int write_box(struct ps_mp4w *w, uint64_t off) {
    struct iovec v = {.iov_base = w->box.p, .iov_len = w->box.n};
    return write_at(w->fd, off, &v, 1);
}

/* Without this a player would meet half a fragment, and the next one would lie behind it. */
static void cut_back(struct ps_mp4w *w) {
    if (ftruncate(w->fd, (off_t)w->end) < 0)
        w->broken = true;
}

static struct ps_mp4w *new_writer(int fd, const char *name) {
    struct ps_mp4w *w = calloc(1, sizeof *w);
    if (w == NULL)
        return NULL;
    w->fd = fd;
    const char *slash = strrchr(name, '/');
    size_t n = strnlen(slash ? slash + 1 : name, sizeof w->name - 1);
    memcpy(w->name, slash ? slash + 1 : name, n);
    ps_buf_init(&w->box, PS_MAX_MP4_BOX);
    return w;
}

void ps_mp4w_close(struct ps_mp4w *w) {
    if (w == NULL)
        return;
    if (w->fd >= 0)
        close(w->fd);
    ps_buf_free(&w->box);
    free(w->film.samples);
    free(w->film.chunks);
    free(w);
}

int ps_mp4w_create(struct ps_mp4w **out, int dirfd, const char *name, const struct ps_mp4w_spec *s,
                   struct ps_why *why) {
    struct ps_mp4w *w = new_writer(-1, name);
    if (w == NULL)
        return ps_error_why(why, PS_ENOMEM, name, "out of memory");
    int rc = 0;
    if (s->avcc_len == 0 || s->avcc_len > sizeof w->film.avcc || s->width == 0 || s->height == 0)
        rc = ps_error_why(why, PS_EINVAL, w->name, "no picture size or decoder configuration");
    if (rc == 0) {
        w->film.width = s->width;
        w->film.height = s->height;
        w->film.full_range = s->full_range;
        memcpy(w->film.avcc, s->avcc, w->film.avcc_len = s->avcc_len);
        ps_mp4_write_front(&w->box);
        ps_mp4_write_moov(&w->box, &w->film, true);
        rc = w->box.err;
    }
    if (rc == 0) {
        w->fd = openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
        if (w->fd < 0)
            rc = errno == EEXIST
                     ? ps_error_why(why, PS_EEXIST, w->name, "exists; evidence is never overwritten")
                     : fail(w, why, "create");
    }
    if (rc == 0 && (write_box(w, 0) < 0 || fsync(w->fd) < 0))
        rc = fail(w, why, "write");
    /* The name, too, has to survive a power cut: fragments without a name are lost. */
    if (rc == 0 && dirfd != AT_FDCWD && fsync(dirfd) < 0)
        rc = fail(w, why, "sync of the folder");
    if (rc < 0) {
        if (w->fd >= 0)
            unlinkat(dirfd, name, 0);
        ps_mp4w_close(w);
        return rc;
    }
    w->end = w->box.n;
    *out = w;
    return 0;
}

static int keep_samples(struct ps_mp4w *w, const struct ps_mp4w_sample *s, uint32_t n, uint64_t offset) {
    if (n > PS_MAX_SAMPLES - w->film.n_samples)
        return PS_ELIMIT;
    if (w->film.n_samples + n > w->cap_samples) {
        uint32_t cap = (w->film.n_samples + n) * 2;
        struct ps_mp4_write_sample *p = realloc(w->film.samples, cap * sizeof *p);
        if (p == NULL)
            return PS_ENOMEM;
        w->film.samples = p;
        w->cap_samples = cap;
    }
    if (w->film.n_chunks == w->cap_chunks) {
        uint32_t cap = w->cap_chunks * 2 + 16;
        struct ps_mp4_write_chunk *p = realloc(w->film.chunks, cap * sizeof *p);
        if (p == NULL)
            return PS_ENOMEM;
        w->film.chunks = p;
        w->cap_chunks = cap;
    }
    for (uint32_t i = 0; i < n; i++)
        w->film.samples[w->film.n_samples + i] =
            (struct ps_mp4_write_sample){.size = s[i].size, .ticks = s[i].ticks};
    w->film.chunks[w->film.n_chunks++] =
        (struct ps_mp4_write_chunk){.offset = offset, .first = w->film.n_samples, .n = n};
    w->film.n_samples += n;
    for (uint32_t i = 0; i < n; i++)
        w->film.ticks += s[i].ticks;
    return 0;
}

static void drop_last_chunk(struct ps_mp4w *w) {
    const struct ps_mp4_write_chunk *c = &w->film.chunks[--w->film.n_chunks];
    w->film.n_samples = c->first;
    for (uint32_t i = 0; i < c->n; i++)
        w->film.ticks -= w->film.samples[c->first + i].ticks;
}

static int check_samples(const struct ps_mp4w_sample *s, uint32_t n, size_t size) {
    uint64_t sum = 0;
    if (n == 0 || n > PS_MAX_SEGMENT_FRAMES || size > UINT32_MAX - 8)
        return PS_EINVAL;
    for (uint32_t i = 0; i < n; i++) {
        if (s[i].size == 0 || s[i].size > PS_MAX_SAMPLE || s[i].ticks == 0)
            return PS_EINVAL;
        sum += s[i].size;
    }
    return sum == size ? 0 : PS_EINVAL;
}

int ps_mp4w_fragment(struct ps_mp4w *w, const struct ps_mp4w_sample *s, uint32_t n, const uint8_t *data,
                     size_t size, uint64_t *offset, struct ps_why *why) {
    if (w->finished || w->broken)
        return ps_error_why(why, PS_ESTATE, w->name, "takes no more fragments");
    if (check_samples(s, n, size) < 0)
        return ps_error_why(why, PS_EINVAL, w->name,
                            "a fragment of %u samples and %zu bytes that do not agree", n, size);
    uint64_t decode = w->film.ticks;
    int rc = keep_samples(w, s, n, 0); /* before the file grows, so that memory cannot fail after it did */
    if (rc == 0) {
        struct ps_mp4_write_chunk *c = &w->film.chunks[w->film.n_chunks - 1];
        ps_buf_reset(&w->box);
        ps_mp4_write_moof(&w->box, w->film.n_chunks, decode, w->film.samples + c->first, n, (uint32_t)size);
        c->offset = w->end + w->box.n;
        rc = w->box.err;
        if (rc < 0)
            drop_last_chunk(w);
    }
    if (rc < 0)
        return ps_error_why(why, rc, w->name, "no room for the sample table");
    struct iovec v[2] = {{.iov_base = w->box.p, .iov_len = w->box.n},
                         {.iov_base = (void *)(uintptr_t)data, .iov_len = size}};
    if (write_at(w->fd, w->end, v, 2) < 0)
        rc = fail(w, why, "write");
    else if (fdatasync(w->fd) < 0)
        rc = fail(w, why, "fdatasync");
    if (rc < 0) {
        drop_last_chunk(w);
        cut_back(w);
        return rc;
    }
    *offset = w->end;
    w->end += w->box.n + size;
    return 0;
}

/* ---- the end ---- */

static int hash_file(struct ps_mp4w *w, uint64_t *size, uint8_t sha256[32], struct ps_why *why) {
    struct ps_sha256 h;
    uint8_t *piece = malloc(HASH_PIECE);
    if (piece == NULL)
        return ps_error_why(why, PS_ENOMEM, w->name, "out of memory");
    ps_sha256_init(&h);
    uint64_t off = 0;
    ssize_t n;
    while ((n = pread(w->fd, piece, HASH_PIECE, (off_t)off)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break;
        ps_sha256_update(&h, piece, (size_t)n);
        off += (uint64_t)n;
    }
    free(piece);
    if (n < 0)
        return fail(w, why, "read");
    ps_sha256_final(&h, sha256);
    *size = off;
    return 0;
}

/* The full moov must be on the disk before the 16 bytes make it the only one. */
static int make_ordinary(struct ps_mp4w *w, struct ps_why *why) {
    ps_buf_reset(&w->box);
    ps_mp4_write_moov(&w->box, &w->film, false);
    if (w->box.err != 0)
        return ps_error_why(why, w->box.err, w->name, "no room for the sample table");
    if (write_box(w, w->end) < 0 || fsync(w->fd) < 0) {
        int rc = fail(w, why, "write of the sample table");
        cut_back(w);
        return rc;
    }
    ps_buf_reset(&w->box);
    ps_mp4_write_mdat(&w->box, w->end - PS_MP4_WRITE_FREE_AT);
    if (w->box.err != 0)
        return ps_error_why(why, w->box.err, w->name, "out of memory");
    if (write_box(w, PS_MP4_WRITE_FREE_AT) < 0)
        return fail(w, why, "write of the film's head");
    w->finished = true;
    return 0;
}

int ps_mp4w_finish(struct ps_mp4w *w, uint64_t *size, uint8_t sha256[32], struct ps_why *why) {
    int rc = 0;
    if (w->broken || w->film.n_samples == 0)
        rc = ps_error_why(why, PS_ESTATE, w->name, "holds no whole fragment to finish");
    if (rc == 0 && !w->finished)
        rc = make_ordinary(w, why);
    if (rc == 0 && fsync(w->fd) < 0)
        rc = fail(w, why, "fsync");
    if (rc == 0)
        rc = hash_file(w, size, sha256, why);
    ps_mp4w_close(w);
    return rc;
}

/* ---- recovery ---- */

static int blob_of(struct ps_mp4w *w, struct ps_blob *b, struct ps_why *why) {
    struct stat st;
    if (fstat(w->fd, &st) < 0)
        return fail(w, why, "stat");
    if (!S_ISREG(st.st_mode))
        return ps_error_why(why, PS_EFORMAT, w->name, "is no regular file");
    *b = ps_files_blob(&w->fd, (uint64_t)st.st_size);
    return 0;
}

/* Whether the front is as this program writes it: 1 with `free`, 2 with the patch of finish, 0 neither. */
static int front_of(struct ps_mp4w *w, const struct ps_blob *b) {
    uint8_t have[PS_MP4_WRITE_FRONT];
    ps_buf_reset(&w->box);
    ps_mp4_write_front(&w->box);
    if (w->box.err != 0 || ps_blob_read(b, 0, have, sizeof have) < 0 ||
        memcmp(have, w->box.p, PS_MP4_WRITE_FREE_AT) != 0)
        return 0;
    if (memcmp(have, w->box.p, sizeof have) == 0)
        return 1;
    return memcmp(have + PS_MP4_WRITE_FREE_AT, "\0\0\0\1mdat", 8) == 0 ? 2 : 0;
}

/* The range is in no field of struct ps_mp4; our head is a function of few things, so we make both and compare. */
static int learn_head(struct ps_mp4w *w, const struct ps_blob *b, const struct ps_mp4 *m,
                      struct ps_why *why) {
    struct ps_mp4_write_film *f = &w->film;
    f->width = m->width;
    f->height = m->height;
    memcpy(f->avcc, m->avcc, f->avcc_len = m->avcc_len);
    for (int i = 0; i < 2; i++) {
        f->full_range = i == 0;
        ps_buf_reset(&w->box);
        ps_mp4_write_moov(&w->box, f, true);
        if (w->box.err != 0)
            return ps_error_why(why, w->box.err, w->name, "out of memory");
        uint8_t *have = malloc(w->box.n);
        if (have == NULL)
            return ps_error_why(why, PS_ENOMEM, w->name, "out of memory");
        bool same =
            ps_blob_read(b, PS_MP4_WRITE_FRONT, have, w->box.n) == 0 && memcmp(have, w->box.p, w->box.n) == 0;
        free(have);
        if (same)
            return 0;
    }
    return ps_error_why(why, PS_EFORMAT, w->name, "was not written by this recorder");
}

/* Chunks are the runs of samples without a hole between: a moof lies before each. */
static int learn_samples(struct ps_mp4w *w, const struct ps_mp4 *m) {
    struct ps_mp4w_sample *run = malloc(PS_MAX_SEGMENT_FRAMES * sizeof *run);
    if (run == NULL)
        return PS_ENOMEM;
    int rc = 0;
    for (uint32_t i = 0, j; i < m->n_samples && rc == 0; i = j) {
        const struct ps_mp4_sample *s = m->samples;
        uint64_t next = s[i].offset;
        for (j = i; j < m->n_samples && s[j].offset == next && s[j].sync == (j == i) && s[j].ticks > 0; j++) {
            if (j - i == PS_MAX_SEGMENT_FRAMES)
                break;
            run[j - i] = (struct ps_mp4w_sample){.size = s[j].size, .ticks = s[j].ticks};
            next += s[j].size;
        }
        rc = j == i ? PS_EFORMAT : keep_samples(w, run, j - i, s[i].offset);
        w->end = next;
    }
    free(run);
    return rc;
}

/* After a power cut the last fragment, and only this one, may have its length and not its bytes. */
static int last_chunk_ok(const struct ps_mp4w *w, const struct ps_blob *b) {
    const struct ps_mp4_write_chunk *c = &w->film.chunks[w->film.n_chunks - 1];
    uint64_t off = c->offset;
    int rc = 0;
    for (uint32_t i = 0; i < c->n && rc == 0; i++) {
        uint32_t size = w->film.samples[c->first + i].size;
        uint8_t *p = malloc(size);
        if (p == NULL)
            return PS_ENOMEM;
        rc = ps_blob_read(b, off, p, size);
        if (rc == 0)
            rc = ps_mp4_nal_ok(p, size, i == 0);
        free(p);
        off += size;
    }
    return rc;
}

/* Cuts the file before its last moof on the top level. */
static int cut_last_moof(struct ps_mp4w *w, const struct ps_blob *b) {
    uint64_t off = PS_MP4_WRITE_FRONT, last = 0;
    uint8_t head[8];
    while (ps_blob_read(b, off, head, sizeof head) == 0) {
        struct ps_rd r = ps_rd_of(head, sizeof head);
        uint32_t size = ps_rd_u32(&r);
        if (memcmp(head + 4, "moof", 4) == 0)
            last = off;
        if (size < 8 || size > b->size - off)
            break;
        off += size;
    }
    if (last == 0)
        return PS_ENOENT;
    return ftruncate(w->fd, (off_t)last) < 0 ? PS_EIO : 0;
}

/* Patched, but the table behind is not readable: a disk that did not keep the order. Fragments serve again. */
static int unpatch(struct ps_mp4w *w) {
    ps_buf_reset(&w->box);
    ps_mp4_write_front(&w->box);
    return w->box.err == 0 && write_box(w, 0) == 0 && fsync(w->fd) == 0 ? 0 : PS_EIO;
}

/* One look at the file. PS_EFORMAT and PS_ESHORT: something in it is not whole. */
static int look(struct ps_mp4w *w, struct ps_blob *b, struct ps_mp4 *m, struct ps_why *why) {
    struct ps_mp4_write_film *f = &w->film;
    f->n_samples = f->n_chunks = 0;
    f->ticks = 0;
    int rc = blob_of(w, b, why);
    if (rc == 0)
        rc = ps_mp4_read(m, b, true, why);
    if (rc < 0)
        return rc;
    if (m->n_samples == 0)
        rc = ps_error_why(why, PS_ENOENT, w->name, "no whole fragment is left");
    if (rc == 0)
        rc = learn_head(w, b, m, why);
    if (rc == 0 && (rc = learn_samples(w, m)) < 0)
        ps_error_why(why, rc, w->name, "its samples do not lie as this recorder puts them");
    if (rc == 0 && m->fragmented && (rc = last_chunk_ok(w, b)) < 0)
        ps_error_why(why, rc, w->name, "its last fragment is damaged");
    w->finished = !m->fragmented;
    if (rc < 0)
        ps_mp4_free(m);
    return rc;
}

static int look_and_mend(struct ps_mp4w *w, struct ps_mp4 *m, struct ps_why *why) {
    struct ps_blob b = {0};
    int rc = blob_of(w, &b, why), front = rc == 0 ? front_of(w, &b) : 0;
    if (rc == 0 && b.size < PS_MP4_WRITE_FRONT)
        return ps_error_why(why, PS_ENOENT, w->name, "is shorter than the front of a film");
    if (rc == 0 && front == 0)
        return ps_error_why(why, PS_EFORMAT, w->name, "was not written by this recorder");
    if (rc == 0)
        rc = look(w, &b, m, why);
    if ((rc == PS_EFORMAT || rc == PS_ESHORT) && front == 2 && unpatch(w) == 0)
        rc = look(w, &b, m, why);
    if (rc == PS_EFORMAT || rc == PS_ESHORT) {
        int cut = cut_last_moof(w, &b);
        if (cut == 0)
            rc = look(w, &b, m, why);
        else if (cut == PS_ENOENT)
            rc = ps_error_why(why, PS_ENOENT, w->name, "no whole fragment is left");
    }
    return rc;
}

int ps_mp4w_recover(struct ps_mp4w **out, int dirfd, const char *name, struct ps_mp4 *m, struct ps_why *why) {
    *m = (struct ps_mp4){0};
    struct ps_mp4w *w = new_writer(-1, name);
    if (w == NULL)
        return ps_error_why(why, PS_ENOMEM, name, "out of memory");
    int rc = 0;
    w->fd = openat(dirfd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (w->fd < 0)
        rc = errno == ENOENT ? ps_error_why(why, PS_ENOENT, w->name, "is not there") : fail(w, why, "open");
    if (rc == 0)
        rc = look_and_mend(w, m, why);
    if (rc == 0 && !w->finished && ftruncate(w->fd, (off_t)w->end) < 0) {
        rc = fail(w, why, "cut of the torn tail");
        ps_mp4_free(m);
    }
    if (rc < 0) {
        ps_mp4w_close(w);
        return rc;
    }
    if (!w->finished)
        m->tail = w->end;
    *out = w;
    return 0;
}
