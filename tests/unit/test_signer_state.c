/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words against real files, with the journal rewritten after every one of them and the station restarted again
 * and again: what is pending and what is in the ledger never changes by that. */
#include <fcntl.h>
#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "evidence/bytes.h"
#include "evidence/merkle.h"
#include "evidence/opening.h"
#include "evidence/wire.h"
#include "signer/file.h"
#include "signer/init.h"
#include "signer/options.h"
#include "signer/state.h"
#include "signer/words.h"
#include "tests/unit/tap.h"

static char root[] = "/tmp/ps-state-XXXXXX";
static char signer_path[64];
static struct ps_options options;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where) {
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

static struct ps_state *start(int fds[2]) {
    struct ps_state *s = NULL;
    struct ps_why why = {0};

    fds[0] = open(options.dir, O_RDONLY | O_DIRECTORY);
    fds[1] = open(options.ledger, O_RDONLY | O_DIRECTORY);
    if (fds[0] < 0 || fds[1] < 0 || ps_state_open(&s, fds[0], fds[1], &why) != 0)
        tap_bail("no state: %s: %s", why.where, why.text);
    s->rotate_bytes = 0;
    return s;
}

static void stop(struct ps_state *s, const int fds[2]) {
    ps_state_close(s);
    close(fds[0]);
    close(fds[1]);
}

/* Says one word, rewrites the journal, and gives the reply's word. */
static int say(struct ps_state *s, struct ps_buf *b, uint8_t *reply, size_t *reply_n) {
    struct ps_buf out;
    const uint8_t *body;

    ps_buf_init(&out, PS_MAX_WIRE);
    if (b->err != 0 || ps_words_answer(s, b->p, b->n, -1, ~0u, &out) != PS_WORDS_GO_ON)
        tap_fail("a request that is not answered");
    int word = ps_wire_word(out.p, out.n, &body, reply_n);
    memcpy(reply, body, *reply_n);
    ps_buf_free(&out);
    ps_buf_free(b);
    if (ps_state_tidy(s) != 0)
        tap_fail("the journal cannot be rewritten");
    return word;
}

static uint64_t open_clip(struct ps_state *s, int i, uint32_t *take) {
    struct ps_opening *o = calloc(1, sizeof(*o));
    struct ps_buf b, opening;
    struct ps_wire_opened opened = {0};
    static uint8_t reply[PS_MAX_WIRE];
    size_t n;

    if (o == NULL)
        tap_bail("out of memory");
    o->salt[0] = (uint8_t)i;
    memcpy(o->station, "ST03", 5);
    o->kind = PS_KIND_PACK;
    o->n_codes = o->n_tracks = 1;
    snprintf(o->codes[0].value, sizeof(o->codes[0].value), "SF%d", i % 5);
    o->codes[0].entry = PS_ENTRY_API;
    memcpy(o->tracks[0], "top", 4);
    ps_buf_init(&opening, PS_MAX_OPENING);
    ps_opening_encode(o, &opening);
    free(o);
    ps_buf_init(&b, PS_MAX_WIRE);
    ps_wire_put_open(&b, opening.p, opening.n);
    ps_buf_free(&opening);
    if (say(s, &b, reply, &n) != PS_WIRE_OPENED || ps_wire_get_opened(reply, n, &opened) != 0)
        tap_fail("clip %d does not open", i);
    *take = opened.take;
    return opened.clip;
}

static int segment(struct ps_state *s, uint64_t clip, uint32_t seq) {
    struct ps_wire_segment seg = {.clip = clip, .late = seq % 2 != 0};
    struct ps_record r = {.seq = seq, .start = seq * 900, .duration = 900, .frames = 1, .bytes = 1};
    struct ps_buf b;
    static uint8_t reply[PS_MAX_WIRE];
    size_t n;

    r.samples[0] = (uint8_t)seq;
    ps_record_encode(&r, seg.record);
    ps_buf_init(&b, PS_MAX_WIRE);
    ps_wire_put_segment(&b, &seg);
    return say(s, &b, reply, &n);
}

static int about(struct ps_state *s, uint8_t word, uint64_t clip) {
    struct ps_buf b;
    static uint8_t reply[PS_MAX_WIRE];
    size_t n;

    ps_buf_init(&b, PS_MAX_WIRE);
    if (word == PS_WIRE_END)
        ps_wire_put_clip(&b, word, clip);
    else
        ps_wire_put_abort(&b, clip, PS_ABORT_LOST);
    return say(s, &b, reply, &n);
}

static int status(struct ps_state *s, struct ps_wire_status *st) {
    struct ps_buf b;
    static uint8_t reply[PS_MAX_WIRE];
    size_t n;

    ps_buf_init(&b, PS_MAX_WIRE);
    ps_wire_put_simple(&b, PS_WIRE_STATUS);
    return say(s, &b, reply, &n) == PS_WIRE_STATUS_IS ? ps_wire_get_status_is(reply, n, st) : PS_EFORMAT;
}

/* The root again, from the file and by the other implementation. */
static void root_of_file(const char *path, uint8_t out[32], uint64_t *n) {
    static uint8_t entries[1 << 20];
    struct ps_merkle t;
    uint8_t h[32];
    int dir = open(path, O_RDONLY | O_DIRECTORY);
    ssize_t size = ps_file_load(dir, "entries", entries, sizeof(entries));

    close(dir);
    ps_merkle_init(&t);
    struct ps_rd r = ps_rd_of(entries, size < 0 ? 0 : (size_t)size);
    while (r.left > 0 && r.err == 0) {
        size_t len = ps_rd_u16(&r);
        const uint8_t *leaf = ps_rd_skip(&r, len);
        if (leaf == NULL)
            break;
        ps_leaf_hash(h, leaf, len);
        ps_merkle_append(&t, h);
    }
    *n = t.size;
    ps_merkle_root(&t, t.size, out);
    ps_merkle_free(&t);
}

/* ---- a ledger that ends too early ---- */

static const char *const files[] = {"journal.a", "journal.b", "takes", "entries"};
static struct {
    uint8_t bytes[16384];
    size_t n;
} saved[4];

static int folder_of(int i) {
    int fd = open(i == 3 ? options.ledger : options.dir, O_RDONLY | O_DIRECTORY);

    if (fd < 0)
        tap_bail("no folder");
    return fd;
}

static void save(void) {
    for (int i = 0; i < 4; i++) {
        int dir = folder_of(i);
        ssize_t n = ps_file_load(dir, files[i], saved[i].bytes, sizeof(saved[i].bytes));
        close(dir);
        if (n < 0)
            tap_bail("%s is too long for this test", files[i]);
        saved[i].n = (size_t)n;
    }
}

/* Puts all back, but of the entries only the first n bytes, and then so many zeros. What a start published since is
 * forgotten: with it the old copy would be refused. */
static void restore(size_t n, size_t zeros) {
    static const uint8_t nothing[1024];
    char path[PATH_MAX + 16];

    snprintf(path, sizeof(path), "%s/tile", options.ledger);
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    snprintf(path, sizeof(path), "%s/checkpoint", options.ledger);
    remove(path);

    for (int i = 0; i < 4; i++) {
        int dir = folder_of(i);
        int fd = openat(dir, files[i], O_WRONLY | O_TRUNC);
        size_t size = i == 3 ? n : saved[i].n;
        if (fd < 0 || ps_file_write_at(fd, saved[i].bytes, size, 0) != 0 ||
            (i == 3 && ps_file_write_at(fd, nothing, zeros, n) != 0))
            tap_bail("cannot restore %s", files[i]);
        close(fd);
        close(dir);
    }
}

/* After a start: the entries as they were, and a start-up leaf. */
static bool completed(void) {
    static uint8_t now[16384];
    int fds[2];

    stop(start(fds), fds);
    int dir = folder_of(3);
    ssize_t n = ps_file_load(dir, "entries", now, sizeof(now));
    close(dir);
    return n == (ssize_t)saved[3].n + 2 + PS_LEAF_FIXED && memcmp(now, saved[3].bytes, saved[3].n) == 0;
}

static void test_torn_ledger(void) {
    uint32_t take, wrong = 0;
    int fds[2];
    const size_t open_n = 2 + PS_LEAF_FIXED + 4;

    struct ps_state *s = start(fds);
    s->rotate_bytes = 1 << 20; /* so that the journal still has these leaves */
    about(s, PS_WIRE_END, open_clip(s, 100, &take));
    open_clip(s, 101, &take);
    stop(s, fds);
    save();
    for (size_t cut = 0; cut <= 2 * open_n; cut++) {
        restore(saved[3].n - cut, 0);
        wrong += !completed();
    }
    tap_is_uint(wrong, 0, "a ledger cut at each byte of its last two entries is completed from the journal");
    restore(saved[3].n - open_n, open_n);
    tap_ok(completed(), "so is one whose last entry is zeros");
    restore(saved[3].n, 0);
    tap_ok(completed(), "and a whole one stays as it is");
}

int main(void) {
    char report[1024];
    struct ps_why why = {0};
    struct ps_wire_status before, after;
    uint8_t file_root[32];
    uint64_t pending[2] = {0}, leaves;
    uint32_t take = 0, takes_wrong = 0, changed = 0, refused = 0;
    int fds[2];

    if (sodium_init() < 0 || mkdtemp(root) == NULL)
        tap_bail("no folder to work in");
    snprintf(signer_path, sizeof(signer_path), "%s/signer", root);
    char *argv[] = {"packseal-signer", "--dir", signer_path, "--init", "--station", "ST03", NULL};
    tap_is_int(ps_options_read(&options, 6, argv, &why), 0, "options");
    if (!tap_is_int(ps_init_station(&options, report, &why), 0, "a new station"))
        tap_bail("%s: %s", why.where, why.text);
    tap_is_int(ps_init_station(&options, report, &why), PS_EEXIST, "is made once");

    struct ps_state *s = start(fds);
    for (int i = 0; i < 30; i++) {
        pending[0] = pending[1];
        pending[1] = open_clip(s, i, &take);
        takes_wrong += take != (uint32_t)i / 5 + 1;
        for (uint32_t k = 0; k < 3; k++)
            refused += segment(s, pending[1], k) != PS_WIRE_ACK;
        if (pending[0] != 0)
            refused += about(s, PS_WIRE_ABORT, pending[0]) != PS_WIRE_ACK;
        if (i % 2 == 0) {
            memset(&before, 0, sizeof(before));
            memset(&after, 0, sizeof(after));
            status(s, &before);
            stop(s, fds);
            s = start(fds);
            status(s, &after);
            changed += after.leaves != before.leaves + 1 || after.n_pending != 1 ||
                       memcmp(before.pending, after.pending, sizeof(before.pending)) != 0;
        }
        refused += segment(s, pending[1], 3) != PS_WIRE_ACK;
        refused += about(s, PS_WIRE_END, pending[1]) != PS_WIRE_ACK;
    }
    tap_is_uint(refused, 0, "segments, ends and aborts are taken");
    tap_is_uint(takes_wrong, 0, "takes are counted over restarts");
    tap_is_uint(changed, 0, "what is pending outlives restarts and a rewritten journal");
    tap_ok(ps_journal_bytes(s->journal) < 2000, "the journal stays small: %llu bytes",
           (unsigned long long)ps_journal_bytes(s->journal));
    tap_is_int(status(s, &after), 0, "status");
    root_of_file(options.ledger, file_root, &leaves);
    tap_is_uint(after.leaves, leaves, "the ledger's file holds all leaves");
    tap_is_mem(after.root, file_root, 32, "and the root is that of RFC 6962");
    about(s, PS_WIRE_ABORT, pending[1]);
    stop(s, fds);
    test_torn_ledger();
    nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return tap_done();
}
