/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Leaves beside a clip's own, and the clock. This program has a clock_gettime of its own, so that the wall clock can be
 * set without setting anybody else's.
 */
#include "signer/append.h"

#include <fcntl.h>
#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "evidence/bytes.h"
#include "evidence/note.h"
#include "signer/file.h"
#include "signer/init.h"
#include "signer/options.h"
#include "signer/publish.h"
#include "signer/state.h"
#include "signer/words.h"
#include "tests/unit/tap.h"

#define SECOND ((int64_t)1000000000)

static int64_t wall_set_by; /* nanoseconds */

int clock_gettime(clockid_t id, struct timespec *ts) {
    long err = syscall(SYS_clock_gettime, id, ts);

    if (err == 0 && id == CLOCK_REALTIME) {
        int64_t ns = (int64_t)ts->tv_sec * SECOND + ts->tv_nsec + wall_set_by;
        *ts = (struct timespec){.tv_sec = ns / SECOND, .tv_nsec = ns % SECOND};
    }
    return (int)err;
}

/* ---- the watch, pure ---------------------------------------------------------------------------------- */

static void test_watch(void) {
    struct ps_clock_watch w = {0};
    int64_t boot = 5 * SECOND, wall = 1000 * SECOND;

    tap_is_int(ps_clock_step(&w, wall, boot), 0, "the first look tells nothing");
    tap_is_int(ps_clock_step(&w, wall + 10 * SECOND, boot + 10 * SECOND), 0, "time goes by");
    tap_is_int(ps_clock_step(&w, wall + 20 * SECOND + 999999999, boot + 20 * SECOND), 0,
               "less than a second is no step");
    tap_is_int(ps_clock_step(&w, wall + 40 * SECOND, boot + 30 * SECOND) > 9 * SECOND, 1, "ten are one");
    tap_is_int(ps_clock_step(&w, wall + 50 * SECOND, boot + 40 * SECOND), 0, "told once");
    tap_is_int(ps_clock_step(&w, wall - 3600 * SECOND, boot + 50 * SECOND), -3660 * SECOND,
               "back by an hour and a minute");

    w = (struct ps_clock_watch){0};
    int64_t told = 0, offset = 0;
    ps_clock_step(&w, wall, boot);
    for (int i = 1; i <= 20000; i++) { /* 500 ppm for two days: what a steered clock may do */
        offset += 5000000;
        told += ps_clock_step(&w, wall + (int64_t)i * 10 * SECOND + offset, boot + (int64_t)i * 10 * SECOND);
    }
    tap_is_int(told, 0, "a clock that is steered for two days has no step");
    for (int i = 0; i < 20; i++) { /* a tenth of a second every second */
        boot += SECOND;
        offset += SECOND / 10;
        told +=
            ps_clock_step(&w, wall + 200000 * SECOND + boot - 5 * SECOND + offset, boot + 200000 * SECOND);
    }
    tap_ok(told > SECOND, "one that is pushed in small steps has");

    w = (struct ps_clock_watch){.set = true, .offset_ns = 0, .boot_ns = 10 * SECOND};
    tap_is_int(ps_clock_step(&w, 5 * SECOND, 5 * SECOND), 0,
               "a boot clock of before, from a leaf, does no harm");
}

/* ---- a station ---------------------------------------------------------------------------------------- */

static char root[] = "/tmp/ps-append-XXXXXX";
static char signer_path[64];
static struct ps_options options;
static int fds[2];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where) {
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

static struct ps_state *start(void) {
    struct ps_state *s = NULL;
    struct ps_why why = {0};

    fds[0] = open(options.dir, O_RDONLY | O_DIRECTORY);
    fds[1] = open(options.ledger, O_RDONLY | O_DIRECTORY);
    if (ps_state_open(&s, fds[0], fds[1], &why) != 0)
        tap_bail("no state: %s: %s", why.where, why.text);
    return s;
}

static struct ps_state *restart(struct ps_state *s) {
    ps_state_close(s);
    close(fds[0]);
    close(fds[1]);
    return start();
}

static bool leaf_at(const struct ps_state *s, uint64_t index, struct ps_leaf *l) {
    uint8_t encoded[PS_MAX_LEAF];
    int n = ps_ledger_get(s->ledger, index, encoded);

    return n > 0 && ps_leaf_decode(l, encoded, (size_t)n) == 0;
}

static int64_t step_of(const struct ps_leaf *l) {
    struct ps_rd r = ps_rd_of(l->extra, l->extra_len);

    return (int64_t)ps_rd_u64(&r);
}

/* Index of an intake leaf whose digest begins with these two bytes, or a negative refusal. */
static int64_t append(struct ps_state *s, unsigned digest) {
    struct ps_wire_append a = {.type = PS_LEAF_INTAKE, .digest = {(uint8_t)(digest >> 8), (uint8_t)digest}};
    struct ps_wire_refused no;
    struct ps_leaf l;
    uint8_t encoded[PS_MAX_LEAF];
    size_t n;
    bool stop = false;

    int refused = ps_append_leaf(s, &a, ~0u, encoded, &n, &no, &stop);
    if (refused != 0 || stop || ps_leaf_decode(&l, encoded, n) != 0)
        return -refused;
    return (int64_t)l.index;
}

static struct ps_state *test_ring(struct ps_state *s) {
    int64_t first = append(s, 0);
    unsigned wrong = 0;

    tap_is_int(first, 1, "a leaf after the start");
    tap_is_int(append(s, 0), first, "the same again is the same leaf");
    for (unsigned i = 1; i < PS_STATE_APPENDS; i++)
        wrong += append(s, i) != first + i;
    tap_is_uint(wrong, 0, "others are others");
    tap_is_int(append(s, 0), first, "the first of 64 is known still");
    s = restart(s);
    tap_is_int(append(s, 0), first, "after a restart, too");
    tap_is_int(append(s, 64), first + 65, "one more, after the start-up leaf");
    tap_is_int(append(s, 0), first + 66, "and the first is forgotten");
    tap_is_int(append(s, 64), first + 65, "the last is not");
    return s;
}

static struct ps_state *test_steps(struct ps_state *s) {
    struct ps_leaf l;
    struct ps_buf out, b;
    uint64_t size = ps_ledger_size(s->ledger);

    tap_is_int(ps_append_clock_step(s), 0, "the clock");
    tap_is_uint(ps_ledger_size(s->ledger), size, "as it goes is no leaf");
    wall_set_by = -3600 * SECOND;
    ps_buf_init(&out, PS_MAX_WIRE);
    ps_buf_init(&b, PS_MAX_WIRE);
    ps_wire_put_simple(&b, PS_WIRE_STATUS);
    tap_is_int(ps_words_answer(s, b.p, b.n, -1, 0, &out), PS_WORDS_GO_ON, "any request, even a stranger's,");
    tap_is_uint(ps_ledger_size(s->ledger), size + 1, "finds that it was set");
    tap_ok(leaf_at(s, size, &l) && l.type == PS_LEAF_CLOCK_STEP && l.subject == size,
           "and the ledger says so");
    tap_ok(step_of(&l) < -3599 * SECOND && step_of(&l) > -3601 * SECOND, "by how much");
    ps_buf_reset(&out);
    ps_words_answer(s, b.p, b.n, -1, 0, &out);
    tap_is_uint(ps_ledger_size(s->ledger), size + 1, "once");
    wall_set_by += 7 * SECOND;
    s = restart(s);
    size += 2;
    tap_ok(leaf_at(s, size - 1, &l) && l.type == PS_LEAF_STARTUP,
           "set while no signer ran: after the start-up leaf");
    tap_ok(leaf_at(s, size, &l) && l.type == PS_LEAF_CLOCK_STEP && step_of(&l) > 6 * SECOND &&
               step_of(&l) < 8 * SECOND,
           "the leaf before tells it");
    ps_buf_free(&b);
    ps_buf_free(&out);
    return s;
}

static void test_checkpoint(struct ps_state *s) {
    char note[PS_PUBLISH_NOTE], again[PS_PUBLISH_NOTE], file[PS_PUBLISH_NOTE];
    struct ps_checkpoint c;
    uint64_t size = ps_ledger_size(s->ledger);
    unsigned wrong = 0;
    uint8_t sum[32];

    tap_is_int(ps_publish_all(s), 0, "published");
    int n = ps_publish_checkpoint(s, size, note);
    tap_ok(ps_file_load(fds[1], "checkpoint", file, sizeof(file)) == n && memcmp(file, note, (size_t)n) == 0,
           "the file is what is given away");
    for (uint64_t i = 0; i <= size; i++) {
        n = ps_publish_checkpoint(s, i, note);
        wrong += n < 0 || ps_checkpoint_open(&c, note, (size_t)n, &s->vkey) != 0 || c.size != i ||
                 ps_publish_checkpoint(s, i, again) != n || memcmp(note, again, (size_t)n) != 0;
    }
    tap_is_uint(wrong, 0, "checkpoints of every size are signed, and always the same");
    n = ps_publish_checkpoint(s, 0, note);
    ps_checkpoint_open(&c, note, (size_t)n, &s->vkey);
    ps_ledger_root_at(s->ledger, 0, sum);
    tap_is_mem(c.root, sum, 32, "of nothing, too");
    tap_is_int(ps_publish_checkpoint(s, size + 1, note), PS_EINVAL, "but none of what is not there");
}

int main(void) {
    struct ps_why why = {0};
    char report[1024];

    if (sodium_init() < 0 || mkdtemp(root) == NULL)
        tap_bail("no folder");
    test_watch();
    snprintf(signer_path, sizeof(signer_path), "%s/signer", root);
    char *args[] = {"packseal-signer", "--dir", signer_path, "--init", "--station", "ST03", NULL};
    if (ps_options_read(&options, 6, args, &why) != 0 || ps_init_station(&options, report, &why) != 0)
        tap_bail("no station: %s: %s", why.where, why.text);
    struct ps_state *s = test_steps(test_ring(start()));
    test_checkpoint(s);
    ps_state_close(s);
    close(fds[0]);
    close(fds[1]);
    nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return tap_done();
}
