/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The film on disk: silent in every player, the same samples before and after the end, and whole after any cut. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "evidence/mp4.h"
#include "evidence/record.h"
#include "evidence/sha256.h"
#include "recorder/encoder.h"
#include "recorder/mp4w.h"
#include "tests/unit/scene.h"
#include "tests/unit/tap.h"

static char dir[256];
static int dirfd_;

/* ---- the system calls of the writer, seen and made to fail ---- */

/* These stand before libc's: one letter a call in `calls`, and the fail_at-th call (from 1) fails. */
static char calls[64];
static size_t n_calls, fail_at;
static int64_t written_at[8];
static size_t n_written;
static bool no_truncate;

static bool call_fails(char letter) {
    if (n_calls + 1 < sizeof calls)
        calls[n_calls++] = letter;
    calls[n_calls] = 0;
    return fail_at != 0 && n_calls == fail_at;
}

static void watch_calls(size_t fail) {
    n_calls = n_written = 0;
    calls[0] = 0;
    fail_at = fail;
}

ssize_t pwritev(int fd, const struct iovec *v, int n, off_t off) {
    if (n_written < 8)
        written_at[n_written++] = off;
    if (call_fails('w')) {
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_pwritev, fd, v, n, off, 0L);
}

int fsync(int fd) {
    if (call_fails('F')) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
    if (call_fails('D')) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

int ftruncate(int fd, off_t n) {
    if (no_truncate) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_ftruncate, fd, n);
}

/* ---- files ---- */

struct bytes {
    uint8_t *p;
    size_t n;
};

static struct bytes load(const char *name) {
    struct bytes b = {0};
    int fd = openat(dirfd_, name, O_RDONLY);
    off_t n = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    if (n < 0)
        tap_bail("%s: %s", name, strerror(errno));
    b.p = malloc((size_t)n + 1);
    b.n = (size_t)n;
    if (b.p == NULL || pread(fd, b.p, b.n, 0) != (ssize_t)b.n)
        tap_bail("%s: cannot be read", name);
    close(fd);
    return b;
}

static void store(const char *name, const void *p, size_t n) {
    int fd = openat(dirfd_, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, p, n) != (ssize_t)n)
        tap_bail("%s: %s", name, strerror(errno));
    close(fd);
}

static bool same_bytes(const struct bytes *a, const struct bytes *b) {
    return a->n == b->n && memcmp(a->p, b->p, a->n) == 0;
}

static void must(int rc, const struct ps_why *why) {
    if (rc < 0)
        tap_bail("%s: %s", why->where, why->text);
}

/* ---- a small film of made-up samples: each a NAL unit of 5 to 9 bytes ---- */

#define FRAGMENTS 4
#define PER_FRAGMENT 3

static const uint8_t fake_avcc[] = {1,    100, 0, 30, 0xff, 0xe1, 0,    4,    0x67, 100, 0,
                                    0x1e, 1,   0, 2,  0x68, 0xee, 0xfd, 0xf8, 0xf8, 0};

static size_t fake_fragment(int k, struct ps_mp4w_sample s[PER_FRAGMENT], uint8_t *out) {
    size_t n = 0;
    for (int i = 0; i < PER_FRAGMENT; i++) {
        uint32_t len = (uint32_t)(5 + (k + i) % 5);
        const uint8_t head[5] = {0, 0, 0, (uint8_t)len, i == 0 ? 0x65 : 0x41};
        memcpy(out + n, head, 5);
        memset(out + n + 5, 0xa0 + k * PER_FRAGMENT + i, len - 1);
        s[i] = (struct ps_mp4w_sample){.size = 4 + len, .ticks = (uint32_t)(3000 + i)};
        n += 4 + len;
    }
    return n;
}

static struct ps_mp4w *create_fake(const char *name, bool full) {
    struct ps_mp4w *w = NULL;
    struct ps_why why = {.text = ""};
    const struct ps_mp4w_spec s = {
        .width = 64, .height = 48, .full_range = full, .avcc = fake_avcc, .avcc_len = sizeof fake_avcc};
    must(ps_mp4w_create(&w, dirfd_, name, &s, &why), &why);
    return w;
}

static void add_fake(struct ps_mp4w *w, int k, uint64_t *offset) {
    struct ps_mp4w_sample s[PER_FRAGMENT];
    struct ps_why why = {.text = ""};
    uint8_t data[128];
    size_t n = fake_fragment(k, s, data);
    must(ps_mp4w_fragment(w, s, PER_FRAGMENT, data, n, offset, &why), &why);
}

/* Unfinished and finished films of 0 to FRAGMENTS fragments, to compare with. */
struct reference {
    struct bytes open[FRAGMENTS + 1], done[FRAGMENTS + 1];
};

static void make_reference(struct reference *r, bool full) {
    for (int k = 0; k <= FRAGMENTS; k++) {
        struct ps_mp4w *w = create_fake("ref.mp4", full);
        struct ps_why why = {.text = ""};
        uint64_t offset, size = 0;
        uint8_t sha[32], want[32];
        for (int i = 0; i < k; i++)
            add_fake(w, i, &offset);
        r->open[k] = load("ref.mp4");
        r->done[k] = (struct bytes){0};
        if (k == 0) {
            tap_is_int(ps_mp4w_finish(w, &size, sha, &why), PS_ESTATE,
                       "a film without a fragment cannot be finished");
        } else {
            tap_is_int(ps_mp4w_finish(w, &size, sha, &why), 0, "a film of %d fragments is finished", k);
            r->done[k] = load("ref.mp4");
            ps_sha256(want, r->done[k].p, r->done[k].n);
            tap_ok(size == r->done[k].n && memcmp(sha, want, 32) == 0,
                   "its size and digest are those of the file");
        }
        unlinkat(dirfd_, "ref.mp4", 0);
    }
}

static void free_reference(struct reference *r) {
    for (int k = 0; k <= FRAGMENTS; k++) {
        free(r->open[k].p);
        free(r->done[k].p);
    }
}

/* Recovers x.mp4; returns the fragments found, or the error. With finish, the file must become the reference's. */
static int recover(const struct reference *r, bool finish, bool *good) {
    struct ps_mp4w *w = NULL;
    struct ps_mp4 m;
    struct ps_why why = {.text = ""};
    uint64_t size = 0;
    uint8_t sha[32];
    int rc = ps_mp4w_recover(&w, dirfd_, "x.mp4", &m, &why);
    if (rc < 0) {
        *good = m.samples == NULL;
        return rc;
    }
    int k = (int)m.n_samples / PER_FRAGMENT;
    *good = k >= 1 && k <= FRAGMENTS && m.n_samples == (uint32_t)k * PER_FRAGMENT && m.width == 64 &&
            m.avcc_len == sizeof fake_avcc;
    struct bytes now = load("x.mp4");
    *good = *good && (same_bytes(&now, &r->open[k]) || same_bytes(&now, &r->done[k]));
    free(now.p);
    ps_mp4_free(&m);
    if (!finish) {
        ps_mp4w_close(w);
        return k;
    }
    *good = ps_mp4w_finish(w, &size, sha, &why) == 0 && *good;
    now = load("x.mp4");
    *good = *good && same_bytes(&now, &r->done[k]) && size == now.n;
    free(now.p);
    return k;
}

static int whole_fragments(const struct reference *r, size_t n) {
    int k = 0;
    while (k < FRAGMENTS && n >= r->open[k + 1].n)
        k++;
    return k;
}

static void test_cuts(const struct reference *r, const char *name) {
    const struct bytes *all = &r->open[FRAGMENTS];
    int wrong = 0, bad = 0;
    for (size_t n = 0; n <= all->n; n++) {
        bool good;
        store("x.mp4", all->p, n);
        int want = whole_fragments(r, n), got = recover(r, true, &good);
        wrong += got != (want ? want : PS_ENOENT);
        if (!good && bad++ == 0)
            tap_diag("cut at %zu: %d fragments, wrong bytes", n, got);
    }
    tap_is_int(wrong, 0, "%s: cut at every length (%zu): exactly the whole fragments are there", name,
               all->n + 1);
    tap_is_int(bad, 0, "%s: and finish makes the film that would have been", name);
}

/* Every state that a crash within finish can leave, and a torn write of its patch. */
static void test_finish_states(const struct reference *r) {
    const struct bytes *done = &r->done[FRAGMENTS], *open = &r->open[FRAGMENTS];
    int wrong = 0, bad = 0;
    struct bytes x = {malloc(done->n), done->n};
    bool good;
    memcpy(x.p, done->p, x.n);
    memcpy(x.p + 32, open->p + 32, 16); /* the moov is there, the 16 bytes are not yet written */
    for (size_t n = open->n; n <= x.n; n++) {
        store("x.mp4", x.p, n);
        wrong += recover(r, true, &good) != FRAGMENTS;
        bad += !good;
    }
    tap_is_int(wrong + bad, 0, "a crash at every byte of the final moov: recovered and finished (%zu)",
               x.n - open->n + 1);
    store("x.mp4", done->p, done->n);
    tap_ok(recover(r, true, &good) == FRAGMENTS && good,
           "a finished film is recovered and finished again: no change");
    tap_ok(recover(r, true, &good) == FRAGMENTS && good, "and once more");
    /* a disk that wrote the patch before the moov */
    wrong = bad = 0;
    memcpy(x.p, done->p, x.n);
    for (size_t n = open->n; n < x.n; n += 7) {
        store("x.mp4", x.p, n);
        wrong += recover(r, true, &good) != FRAGMENTS;
        bad += !good;
    }
    tap_is_int(wrong + bad, 0, "patched while the moov is torn: the fragments serve again");
    free(x.p);
}

/* After a power cut the last fragment may have its length but zeros in place of its bytes. */
static void test_zero_tail(const struct reference *r) {
    const struct bytes *all = &r->open[FRAGMENTS];
    size_t last = r->open[FRAGMENTS - 1].n;
    uint8_t *p = malloc(all->n);
    int wrong = 0, kept = 0;
    for (size_t n = last; n < all->n; n++) {
        memcpy(p, all->p, all->n);
        memset(p + n, 0, all->n - n);
        store("x.mp4", p, all->n);
        struct ps_mp4w *w = NULL;
        struct ps_mp4 m;
        struct ps_why why = {.text = ""};
        int rc = ps_mp4w_recover(&w, dirfd_, "x.mp4", &m, &why);
        uint32_t k = rc == 0 ? m.n_samples / PER_FRAGMENT : 0;
        struct bytes now = load("x.mp4");
        wrong += rc != 0 || k < FRAGMENTS - 1 || memcmp(now.p, all->p, last) != 0;
        kept += k == FRAGMENTS;
        free(now.p);
        ps_mp4_free(&m);
        ps_mp4w_close(w);
    }
    tap_is_int(wrong, 0, "zeros from any byte of the last fragment on: those before it stay");
    /* Only zeros within the last NAL unit's payload pass the structure; its record tells them. */
    tap_ok(kept < 12, "and structure alone shows the damage unless it lies in the last payload (%d)", kept);
    free(p);
}

static void test_strangers(void) {
    struct ps_mp4w *w = NULL;
    struct ps_mp4 m;
    struct ps_why why = {.text = ""};
    uint8_t junk[4096];
    for (size_t i = 0; i < sizeof junk; i++)
        junk[i] = (uint8_t)(i * 31);
    store("x.mp4", junk, sizeof junk);
    tap_is_int(ps_mp4w_recover(&w, dirfd_, "x.mp4", &m, &why), PS_EFORMAT,
               "a file of another kind is refused");
    struct bytes now = load("x.mp4");
    tap_ok(now.n == sizeof junk && memcmp(now.p, junk, now.n) == 0, "and not touched");
    free(now.p);
    tap_is_int(ps_mp4w_recover(&w, dirfd_, "none.mp4", &m, &why), PS_ENOENT,
               "a missing file is told as missing");
    if (symlinkat("x.mp4", dirfd_, "link.mp4") == 0)
        tap_is_int(ps_mp4w_recover(&w, dirfd_, "link.mp4", &m, &why), PS_EIO, "a link is not followed");
    w = create_fake("y.mp4", true);
    struct ps_mp4w *second = NULL;
    const struct ps_mp4w_spec s = {
        .width = 64, .height = 48, .avcc = fake_avcc, .avcc_len = sizeof fake_avcc};
    tap_is_int(ps_mp4w_create(&second, dirfd_, "y.mp4", &s, &why), PS_EEXIST, "no film is overwritten");
    struct ps_mp4w_sample sample[PER_FRAGMENT];
    uint8_t data[128];
    uint64_t offset;
    size_t n = fake_fragment(0, sample, data);
    tap_is_int(ps_mp4w_fragment(w, sample, PER_FRAGMENT, data, n - 1, &offset, &why), PS_EINVAL,
               "samples that do not add up are refused");
    tap_is_int(ps_mp4w_fragment(w, sample, 0, data, 0, &offset, &why), PS_EINVAL, "so is an empty fragment");
    ps_mp4w_close(w);
}

/* A full disk, by a limit on the size of files: some of the fragment is written, the rest is not. */
static void test_full_disk(const struct reference *r) {
    struct ps_mp4w *w = create_fake("x.mp4", true);
    struct rlimit old, low;
    struct ps_mp4w_sample s[PER_FRAGMENT];
    struct ps_why why = {.text = ""};
    uint8_t data[128], sha[32];
    uint64_t offset, size;
    add_fake(w, 0, &offset);
    add_fake(w, 1, &offset);
    tap_is_uint(offset, r->open[1].n, "a fragment's offset is where its moof begins");
    size_t n = fake_fragment(2, s, data);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    low = old;
    low.rlim_cur = r->open[2].n + 40;
    setrlimit(RLIMIT_FSIZE, &low);
    int first = ps_mp4w_fragment(w, s, PER_FRAGMENT, data, n, &offset, &why);
    int again = ps_mp4w_fragment(w, s, PER_FRAGMENT, data, n, &offset, &why);
    setrlimit(RLIMIT_FSIZE, &old);
    tap_ok(first == PS_EIO && again == PS_EIO, "a fragment that cannot be written is an error");
    tap_ok(strstr(why.text, "write") != NULL && strcmp(why.where, "x.mp4") == 0,
           "that says what and where: %s", why.text);
    struct bytes now = load("x.mp4");
    tap_ok(same_bytes(&now, &r->open[2]), "the film is cut back to its last whole fragment");
    free(now.p);
    add_fake(w, 2, &offset);
    now = load("x.mp4");
    tap_ok(same_bytes(&now, &r->open[3]), "and goes on when there is room again");
    free(now.p);
    low.rlim_cur = r->open[3].n + 40;
    setrlimit(RLIMIT_FSIZE, &low);
    first = ps_mp4w_finish(w, &size, sha, &why);
    setrlimit(RLIMIT_FSIZE, &old);
    tap_is_int(first, PS_EIO, "a finish without room is an error");
    bool good;
    tap_ok(recover(r, true, &good) == 3 && good, "and the film can be recovered and finished later");
}

static void test_order(const struct reference *r) {
    struct ps_why why = {.text = ""};
    uint64_t offset = 0, size;
    uint8_t sha[32];
    unlinkat(dirfd_, "x.mp4", 0);
    watch_calls(0);
    struct ps_mp4w *w = create_fake("x.mp4", true);
    tap_is_str(calls, "wFF", "create: head, its fsync, then the folder's");
    watch_calls(0);
    add_fake(w, 0, &offset);
    tap_is_str(calls, "wD", "fragment: one write, then fdatasync");
    watch_calls(0);
    tap_is_int(ps_mp4w_finish(w, &size, sha, &why), 0, "finish");
    tap_is_str(calls, "wFwF", "finish: sample table, fsync, patch, fsync");
    tap_ok(n_written == 2 && written_at[0] == (int64_t)r->open[1].n && written_at[1] == 32,
           "the table is appended, the patch lies at 32");
    watch_calls(0);
}

static void test_failures(const struct reference *r) {
    struct ps_mp4w_sample s[PER_FRAGMENT];
    struct ps_why why = {.text = ""};
    uint8_t data[128], sha[32];
    uint64_t offset, size;
    size_t n = fake_fragment(1, s, data);
    bool good;
    for (size_t i = 1; i <= 2; i++) {
        unlinkat(dirfd_, "x.mp4", 0);
        struct ps_mp4w *w = create_fake("x.mp4", true);
        add_fake(w, 0, &offset);
        watch_calls(i);
        int rc = ps_mp4w_fragment(w, s, PER_FRAGMENT, data, n, &offset, &why);
        tap_is_int(rc, i == 1 ? PS_EFULL : PS_EIO, "fragment: call %zu fails: %s", i, why.text);
        watch_calls(0);
        struct bytes now = load("x.mp4");
        tap_ok(same_bytes(&now, &r->open[1]), "the film ends where it ended before");
        free(now.p);
        ps_mp4w_close(w);
    }
    for (size_t i = 1; i <= 4; i++) {
        unlinkat(dirfd_, "x.mp4", 0);
        struct ps_mp4w *w = create_fake("x.mp4", true);
        add_fake(w, 0, &offset);
        add_fake(w, 1, &offset);
        watch_calls(i);
        tap_ok(ps_mp4w_finish(w, &size, sha, &why) < 0, "finish: call %zu fails: %s", i, why.text);
        watch_calls(0);
        tap_ok(recover(r, true, &good) == 2 && good, "and the film is recovered and finished");
    }
    for (size_t i = 1; i <= 3; i++) {
        const struct ps_mp4w_spec spec = {
            .width = 64, .height = 48, .avcc = fake_avcc, .avcc_len = sizeof fake_avcc};
        struct ps_mp4w *w = NULL;
        unlinkat(dirfd_, "x.mp4", 0);
        watch_calls(i);
        int rc = ps_mp4w_create(&w, dirfd_, "x.mp4", &spec, &why);
        watch_calls(0);
        tap_ok(rc < 0 && faccessat(dirfd_, "x.mp4", F_OK, 0) != 0,
               "create: call %zu fails, and leaves no file", i);
    }
    struct ps_mp4w *w = create_fake("x.mp4", true);
    add_fake(w, 0, &offset);
    watch_calls(2);
    no_truncate = true;
    ps_mp4w_fragment(w, s, PER_FRAGMENT, data, n, &offset, &why);
    no_truncate = false;
    watch_calls(0);
    tap_is_int(ps_mp4w_fragment(w, s, PER_FRAGMENT, data, n, &offset, &why), PS_ESTATE,
               "a film that cannot be cut back takes nothing more");
    ps_mp4w_close(w);
}

/* ---- a real film ---- */

#define GOP 30

struct film {
    struct ps_record records[64];
    int n_records;
    uint64_t ticks;
};

static void record_of(struct film *f, const uint8_t *avcc, size_t avcc_len, const struct ps_mp4w_sample *s,
                      uint32_t n, const uint8_t *data) {
    struct ps_record_builder b;
    uint8_t digest[32];
    ps_sha256(digest, avcc, avcc_len);
    ps_record_begin(&b, 0, (uint32_t)f->n_records, f->ticks, digest);
    for (uint32_t i = 0; i < n; i++) {
        ps_record_add(&b, data, s[i].size, s[i].ticks);
        data += s[i].size;
        f->ticks += s[i].ticks;
    }
    ps_record_end(&b, &f->records[f->n_records++]);
}

/* The records that a verifier computes from the file. */
static int records_of_file(const char *name, struct film *f) {
    struct bytes b = load(name);
    struct ps_blob blob = ps_blob_of_memory(b.p, b.n);
    struct ps_mp4 m;
    struct ps_why why = {.text = ""};
    *f = (struct film){0};
    int rc = ps_mp4_read(&m, &blob, false, &why);
    if (rc < 0)
        tap_diag("%s: %s: %s", name, why.where, why.text);
    for (uint32_t i = 0, j; rc == 0 && i < m.n_samples; i = j) {
        struct ps_mp4w_sample s[256];
        uint32_t n = 0;
        for (j = i; j < m.n_samples && (j == i || !m.samples[j].sync) && n < 256; j++, n++) {
            s[n] = (struct ps_mp4w_sample){.size = m.samples[j].size, .ticks = m.samples[j].ticks};
            if (ps_mp4_nal_ok(b.p + m.samples[j].offset, s[n].size, j == i) < 0)
                rc = PS_EFORMAT;
        }
        record_of(f, m.avcc, m.avcc_len, s, n, b.p + m.samples[i].offset);
    }
    if (rc == 0)
        ps_mp4_free(&m);
    free(b.p);
    return rc;
}

static bool same_records(const struct film *a, const struct film *b) {
    if (a->n_records != b->n_records || a->ticks != b->ticks)
        return false;
    for (int i = 0; i < a->n_records; i++) {
        uint8_t x[PS_RECORD_SIZE], y[PS_RECORD_SIZE];
        ps_record_encode(&a->records[i], x);
        ps_record_encode(&b->records[i], y);
        if (memcmp(x, y, sizeof x) != 0)
            return false;
    }
    return true;
}

static const char *probe(const char *name, const char *what) {
    char cmd[1024];
    snprintf(cmd, sizeof cmd, "ffprobe -v warning -of default=nw=1:nk=1 -show_entries %s %s/%s", what, dir,
             name);
    return scene_run(cmd);
}

static void check_players(const char *name, const char *state, double seconds, int frames) {
    char cmd[1024], want[32];
    if (!scene_has_ffmpeg()) {
        tap_diag("NOT CHECKED: what ffmpeg says of the film: ffmpeg is missing: run: make deps");
        tap_skip("no ffmpeg");
        return;
    }
    snprintf(cmd, sizeof cmd, "ffprobe -v warning %s/%s", dir, name);
    tap_is_str(scene_run(cmd), "", "%s film: ffprobe is silent", state);
    snprintf(cmd, sizeof cmd, "ffmpeg -v warning -i %s/%s -f null -", dir, name);
    tap_is_str(scene_run(cmd), "", "%s film: ffmpeg decodes it all in silence", state);
    double got = strtod(probe(name, "format=duration"), NULL);
    tap_ok(got > seconds - 1.0 / 30 && got < seconds + 1.0 / 30, "%s film: %.3f s long, recorded %.3f s",
           state, got, seconds);
    snprintf(want, sizeof want, "%d\n", frames);
    snprintf(
        cmd, sizeof cmd,
        "ffprobe -v warning -count_packets -of default=nw=1:nk=1 -show_entries stream=nb_read_packets %s/%s",
        dir, name);
    tap_is_str(scene_run(cmd), want, "%s film: %d pictures", state, frames);
}

static void copy_file(const char *from, const char *to) {
    struct bytes b = load(from);
    store(to, b.p, b.n);
    free(b.p);
}

/* Next picture of raw video from a pipe, or of the scene. */
static bool next_picture(FILE *f, struct ps_picture *p, int n) {
    if (f == NULL) {
        scene_draw(p, n);
        return n < 135;
    }
    for (int i = 0; i < 3; i++)
        for (int y = 0; y < (i ? p->height / 2 : p->height); y++) {
            size_t w = i ? p->width / 2u : p->width;
            if (fread(p->plane[i] + (ptrdiff_t)y * p->stride[i], 1, w, f) != w)
                return false;
        }
    return n < 100;
}

/* Codes and writes it; at the half another encoder with another QP takes over. Returns the frames. */
static int write_film(FILE *f, int width, int height, bool full, struct film *film, const char *name) {
    struct ps_encoder *e[2] = {NULL, NULL};
    struct ps_mp4w *w = NULL;
    struct ps_picture p;
    struct ps_why why = {.text = ""};
    struct ps_mp4w_sample s[GOP];
    uint64_t offset, size;
    uint8_t sha[32], *data = malloc((size_t)16 << 20);
    size_t used = 0, avcc_len;
    uint32_t n = 0;
    int i, which = 0;
    *film = (struct film){0};
    struct ps_encoder_spec spec = {
        .width = (uint16_t)width, .height = (uint16_t)height, .fps = 30, .qp = 29, .full_range = full};
    must(ps_encoder_new(&e[0], &spec, &why), &why);
    spec.qp = 34;
    must(ps_encoder_new(&e[1], &spec, &why), &why);
    const uint8_t *avcc = ps_encoder_avcc(e[0], &avcc_len);
    const struct ps_mp4w_spec ms = {
        .width = spec.width, .height = spec.height, .full_range = full, .avcc = avcc, .avcc_len = avcc_len};
    must(ps_mp4w_create(&w, dirfd_, name, &ms, &why), &why);
    must(ps_picture_alloc(&p, spec.width, spec.height), &why);
    p.full_range = full;
    bool more = true;
    for (i = 0; more; i += more) {
        struct ps_access_unit u;
        more = next_picture(f, &p, i);
        if (n > 0 && (!more || n == GOP)) {
            record_of(film, avcc, avcc_len, s, n, data);
            must(ps_mp4w_fragment(w, s, n, data, used, &offset, &why), &why);
            n = 0;
            used = 0;
            which = i >= 60;
        }
        if (!more)
            break;
        if (ps_encoder_encode(e[which], &p, (int64_t)i * 3000, n == 0, &u) < 0)
            tap_bail("picture %d does not encode", i);
        memcpy(data + used, u.data, u.size);
        used += u.size;
        /* camera time stamps are never even; the sum stays that of 30 a second */
        s[n++] = (struct ps_mp4w_sample){.size = u.size, .ticks = i % 2 ? 3017 : 2983};
    }
    copy_file(name, "open.mp4");
    must(ps_mp4w_finish(w, &size, sha, &why), &why);
    ps_picture_free(&p);
    ps_encoder_free(e[0]);
    ps_encoder_free(e[1]);
    free(data);
    return i;
}

static void test_film(FILE *f, int width, int height, bool full, const char *what) {
    struct film made, seen;
    char cmd[1024];
    int frames = write_film(f, width, height, full, &made, "film.mp4");
    double seconds = (double)made.ticks / 90000;
    tap_diag("%s: %d frames, %d segments", what, frames, made.n_records);
    check_players("open.mp4", "unfinished", seconds, frames);
    check_players("film.mp4", "finished", seconds, frames);
    tap_ok(records_of_file("open.mp4", &seen) == 0 && same_records(&made, &seen),
           "%s: records of the unfinished film are those made", what);
    tap_ok(records_of_file("film.mp4", &seen) == 0 && same_records(&made, &seen),
           "%s: records of the finished film, too", what);
    if (scene_has_ffmpeg()) {
        tap_is_str(probe("film.mp4", "stream=color_range,color_space,color_transfer,color_primaries"),
                   full ? "pc\nsmpte170m\niec61966-2-1\nbt709\n" : "tv\nsmpte170m\niec61966-2-1\nbt709\n",
                   "%s: colours are flagged", what);
        snprintf(cmd, sizeof cmd, "ffmpeg -v warning -i %s/film.mp4 -c copy -movflags +faststart %s/copy.mp4",
                 dir, dir);
        tap_is_str(scene_run(cmd), "", "%s: a stream copy is silent", what);
        tap_ok(records_of_file("copy.mp4", &seen) == 0 && same_records(&made, &seen),
               "%s: and keeps every record", what);
    }
    unlinkat(dirfd_, "film.mp4", 0);
    unlinkat(dirfd_, "copy.mp4", 0);
}

static void test_footage(void) {
    char cmd[2048];
    const char *path = scene_footage("box-640x480.mp4");
    if (path == NULL || !scene_has_ffmpeg()) {
        tap_diag("NOT CHECKED: real film: box-640x480.mp4 or ffmpeg is not here: set PACKSEAL_FOOTAGE");
        tap_skip("no real film");
        return;
    }
    snprintf(cmd, sizeof cmd, "ffmpeg -v quiet -i '%s' -frames:v 100 -f rawvideo -pix_fmt yuvj420p -", path);
    FILE *f = popen(cmd, "r");
    if (f == NULL)
        tap_bail("popen");
    test_film(f, 640, 480, true, "real film");
    pclose(f);
}

int main(void) {
    struct reference full, limited;
    const char *d = scene_folder();
    if (d == NULL)
        tap_bail("no folder for the test");
    snprintf(dir, sizeof dir, "%s", d);
    dirfd_ = open(dir, O_RDONLY | O_DIRECTORY);
    make_reference(&full, true);
    make_reference(&limited, false);
    test_cuts(&full, "full range");
    test_cuts(&limited, "limited range");
    test_finish_states(&full);
    test_zero_tail(&full);
    test_strangers();
    test_order(&full);
    test_failures(&full);
    unlinkat(dirfd_, "x.mp4", 0);
    test_full_disk(&full);
    test_film(NULL, 320, 240, true, "scene");
    test_film(NULL, 176, 144, false, "limited range");
    test_footage();
    free_reference(&full);
    free_reference(&limited);
    close(dirfd_);
    scene_remove(dir);
    return tap_done();
}
