/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The journal: what was appended is replayed, a torn end is cut at whatever byte, damage is refused, and a
 * rotation loses nothing wherever it stops. */
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "signer/journal.h"
#include "tests/unit/tap.h"

static char folder[] = "/tmp/ps-journal-XXXXXX";
static int dir;

/* What a replay brought, as text: one letter a frame, 'a' + its first byte. */
struct seen {
    char text[256];
    size_t n;
};

static int note(void *ctx, uint8_t kind, const uint8_t *p, size_t n) {
    struct seen *s = ctx;

    if (kind != PS_JOURNAL_SEGMENT || n == 0 || s->n + 1 == sizeof(s->text))
        return PS_EINVAL;
    for (size_t i = 1; i < n; i++)
        if (p[i] != (uint8_t)(p[0] + i))
            return PS_EFORMAT;
    s->text[s->n++] = (char)('a' + p[0]);
    return 0;
}

/* Opens, replays and closes: the text, "fresh", or the error. */
static const char *content(struct seen *s) {
    struct ps_journal *j = NULL;
    struct ps_why why = {0};
    int fresh = 0;

    memset(s, 0, sizeof(*s));
    int err = ps_journal_open(&j, dir, &fresh, &why);
    if (err != 0)
        return err == PS_EFORMAT ? "damaged" : "error";
    if (!fresh)
        err = ps_journal_replay(j, note, s);
    ps_journal_close(j);
    return fresh ? "fresh" : err != 0 ? "contradiction" : s->text;
}

static void payload(uint8_t *p, uint8_t first, size_t n) {
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(first + i);
}

static int append(struct ps_journal *j, uint8_t first, size_t n) {
    uint8_t p[2048];

    payload(p, first, n);
    return ps_journal_append(j, PS_JOURNAL_SEGMENT, p, n);
}

static void empty(void) {
    unlinkat(dir, "journal.a", 0);
    unlinkat(dir, "journal.b", 0);
}

static struct ps_journal *begin(void) {
    struct ps_journal *j = NULL;
    struct ps_journal_base base = {.leaves = 7};
    int fresh = 0;

    if (ps_journal_open(&j, dir, &fresh, NULL) != 0)
        tap_bail("no journal in %s", folder);
    if (fresh && ps_journal_rotate(j, &base, NULL, NULL) != 0)
        tap_bail("no first generation");
    return j;
}

static size_t slurp(const char *name, uint8_t *out, size_t cap) {
    int fd = openat(dir, name, O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, out, cap);

    if (fd >= 0)
        close(fd);
    return n < 0 ? 0 : (size_t)n;
}

static void spill(const char *name, const uint8_t *p, size_t n) {
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (fd < 0 || write(fd, p, n) != (ssize_t)n)
        tap_bail("cannot write %s", name);
    close(fd);
}

static uint8_t whole[65536], other[65536];
static size_t whole_n;

static void make_three(void) {
    empty();
    struct ps_journal *j = begin();
    append(j, 0, 10);
    append(j, 1, 200);
    append(j, 2, 33);
    ps_journal_close(j);
    whole_n = slurp("journal.a", whole, sizeof(whole));
}

static void test_plain(void) {
    struct seen s;

    empty();
    tap_is_str(content(&s), "fresh", "two new files are no journal yet");
    struct ps_journal *j = begin();
    tap_is_uint(ps_journal_base(j)->leaves, 7, "it remembers what it stands on");
    tap_is_int(append(j, 3, 2048), 0, "a frame of the greatest size");
    tap_is_int(append(j, 4, 1), 0, "and of the least");
    uint8_t big[2049] = {0};
    tap_is_int(ps_journal_append(j, PS_JOURNAL_SEGMENT, big, sizeof(big)), PS_EINVAL,
               "one byte more is refused");
    ps_journal_close(j);
    tap_is_str(content(&s), "de", "both are replayed, in order");
    tap_is_str(content(&s), "de", "and again");
}

static void test_torn(void) {
    struct seen s;
    size_t base = 0, bad = 0, wrong_append = 0;
    const size_t ends[] = {33 + 24, 200 + 24, 10 + 24}; /* whole frames from the end */

    make_three();
    base = whole_n - ends[0] - ends[1] - ends[2];
    for (size_t n = base; n < whole_n; n++) {
        const char *want = n < base + ends[2] ? "" : n < base + ends[2] + ends[1] ? "a" : "ab";
        spill("journal.a", whole, n);
        bad += strcmp(content(&s), want) != 0;
        struct ps_journal *j = begin();
        ps_journal_replay(j, note, &s);
        append(j, 5, 5);
        ps_journal_close(j);
        size_t k = strlen(want);
        content(&s);
        wrong_append += s.n != k + 1 || strncmp(s.text, want, k) != 0 || s.text[k] != 'f';
    }
    tap_is_uint(bad, 0, "torn at each byte: the frames before are there, no other (%zu places)",
                whole_n - base);
    tap_is_uint(wrong_append, 0, "and the next frame goes where the torn one was");
    bad = 0;
    for (size_t n = 0; n < base; n++) {
        spill("journal.a", whole, n);
        bad += strcmp(content(&s), "fresh") != 0;
    }
    tap_is_uint(bad, 0, "torn before READY: no journal (%zu places)", base);
}

/* A file system may keep the size and lose the data. */
static void test_zeros(void) {
    struct seen s;
    size_t bad = 0;

    make_three();
    size_t last = whole_n - 33 - 24;
    memcpy(other, whole, whole_n);
    memset(other + last, 0, whole_n - last);
    spill("journal.a", other, whole_n);
    tap_is_str(content(&s), "ab", "a last frame of zeros was never written");
    for (size_t n = last + 1; n < whole_n; n++) {
        memcpy(other, whole, n);
        memset(other + n, 0, whole_n - n);
        spill("journal.a", other, whole_n);
        const char *got = content(&s);
        /* Only a whole sector goes missing, and this frame may have none of its own. */
        bad += strcmp(got, "damaged") != 0 && strcmp(got, "ab") != 0 &&
               (memcmp(other, whole, whole_n) != 0 || strcmp(got, "abc") != 0);
    }
    tap_is_uint(bad, 0, "half of it zeros: never taken for whole");
}

static void test_flipped(void) {
    struct seen s;
    size_t taken = 0, base;

    make_three();
    base = whole_n - (33 + 24) - (200 + 24) - (10 + 24);
    for (size_t bit = base * 8; bit < whole_n * 8; bit++) {
        memcpy(other, whole, whole_n);
        other[bit / 8] ^= (uint8_t)(1u << bit % 8);
        spill("journal.a", other, whole_n);
        taken += strcmp(content(&s), "damaged") != 0;
    }
    tap_is_uint(taken, 0, "each bit of each frame flipped: refused");
    taken = 0;
    for (size_t bit = 0; bit < base * 8; bit++) {
        memcpy(other, whole, whole_n);
        other[bit / 8] ^= (uint8_t)(1u << bit % 8);
        spill("journal.a", other, whole_n);
        const char *got = content(&s);
        /* The generation alone may change: it only orders two files. */
        taken += (bit < 64 || bit >= 128) && strcmp(got, "fresh") != 0 && strcmp(got, "damaged") != 0;
    }
    tap_is_uint(taken, 0, "each bit of head, BASE and READY flipped: no journal");
    /* The second and the third exchanged: each is whole, but not in its place. */
    memcpy(other, whole, whole_n);
    size_t b = base + 10 + 24, c = b + 200 + 24;
    memcpy(other + b, whole + c, 33 + 24);
    memcpy(other + b + 33 + 24, whole + b, 200 + 24);
    spill("journal.a", other, whole_n);
    tap_is_str(content(&s), "damaged", "two frames exchanged: refused");
}

static void keep_two(void *ctx, struct ps_journal *j) {
    uint8_t p[4];

    (void)ctx;
    payload(p, 20, 4);
    ps_journal_carry(j, PS_JOURNAL_SEGMENT, p, 4);
    payload(p, 21, 4);
    ps_journal_carry(j, PS_JOURNAL_SEGMENT, p, 4);
}

static void test_rotation(void) {
    struct seen s;
    struct ps_journal_base base = {.leaves = 9};
    size_t bad = 0;

    make_three();
    struct ps_journal *j = begin();
    ps_journal_replay(j, note, &(struct seen){.n = 0});
    tap_is_int(ps_journal_rotate(j, &base, keep_two, NULL), 0, "a new generation");
    size_t next_n = slurp("journal.b", other, sizeof(other));
    tap_is_uint(slurp("journal.a", (uint8_t[1]){0}, 1), 0, "empties the old one");
    tap_is_uint(ps_journal_bytes(j), next_n, "and is as long as it says");
    append(j, 3, 3);
    ps_journal_close(j);
    tap_is_str(content(&s), "uvd", "it holds what was carried, then what was appended");
    /* A crash between writing the new and emptying the old one, with each length of the new one. */
    for (size_t n = 0; n <= next_n; n++) {
        spill("journal.a", whole, whole_n);
        spill("journal.b", other, n);
        bad += strcmp(content(&s), n < next_n ? "abc" : "uv") != 0;
    }
    tap_is_uint(bad, 0, "cut at each byte while rotating: the old one whole, or the new one (%zu places)",
                next_n);
}

int main(void) {
    if (sodium_init() < 0 || mkdtemp(folder) == NULL || (dir = open(folder, O_RDONLY | O_DIRECTORY)) < 0)
        tap_bail("no folder to work in");
    test_plain();
    test_torn();
    test_zeros();
    test_flipped();
    test_rotation();
    empty();
    rmdir(folder);
    return tap_done();
}
