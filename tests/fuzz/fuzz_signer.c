/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a hostile client can say to the signer: the whole way from a datagram to the journal, with real files.
 *
 * An input is a row of datagrams: u8 how ‖ u16 length ‖ bytes. Bit 0 of `how`: the u64 after the head (the clip,
 * in most words) counts from the first leaf of this input, so that an input does the same wherever it stands. Bit
 * 1: a sealed memfd comes along, and holds the next datagram's bytes. Bit 2: of a peer that may only ask.
 */
#include <fcntl.h>
#include <ftw.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "evidence/bytes.h"
#include "evidence/wire.h"
#include "signer/init.h"
#include "signer/options.h"
#include "signer/publish.h"
#include "signer/state.h"
#include "signer/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct ps_state *state;
static char root[64];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where) {
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

static void clean_up(void) {
    ps_state_close(state);
    nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    struct ps_options o;
    struct ps_why why = {0};
    char report[1024], dir[96];

    (void)argc;
    (void)argv;
    /* Memory, where there is such a folder: millions of syncs are no test of a disk. */
    snprintf(root, sizeof(root), "%s/ps-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (sodium_init() < 0 || mkdtemp(root) == NULL)
        abort();
    snprintf(dir, sizeof(dir), "%s/signer", root);
    char *args[] = {"packseal-signer", "--dir", dir, "--init", "--station", "ST03", NULL};
    if (ps_options_read(&o, 6, args, &why) != 0 || ps_init_station(&o, report, &why) != 0 ||
        ps_state_open(&state, open(o.dir, O_RDONLY), open(o.ledger, O_RDONLY), &why) != 0) {
        fprintf(stderr, "fuzz_signer: %s: %s\n", why.where, why.text);
        abort();
    }
    state->rotate_bytes = 4096; /* often */
    atexit(clean_up);
    return 0;
}

static int memfd_with(struct ps_rd *r) {
    ps_rd_u8(r);
    uint16_t n = ps_rd_u16(r);
    struct ps_rd part = ps_rd_sub(r, n);
    int fd = memfd_create("statement", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd >= 0 && part.left > 0 && write(fd, part.p, part.left) != (ssize_t)part.left)
        abort();
    if (fd >= 0)
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW);
    return fd;
}

static void count_from(uint8_t *msg, uint64_t first) {
    struct ps_rd r = ps_rd_of(msg + 4, 8);
    uint64_t clip = ps_rd_u64(&r) + first;

    for (int i = 0; i < 8; i++)
        msg[4 + i] = (uint8_t)(clip >> (56 - 8 * i));
}

static void check_reply(const struct ps_buf *out) {
    const uint8_t *body;
    size_t n;

    if (out->err != 0 || out->n > PS_MAX_WIRE || ps_wire_word(out->p, out->n, &body, &n) < PS_WIRE_STATUS_IS)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ps_rd r = ps_rd_of(data, size);
    uint64_t first = ps_ledger_size(state->ledger);
    uint8_t msg[PS_MAX_WIRE];
    struct ps_buf out;

    for (int i = 0; i < 64 && r.left > 3; i++) {
        uint8_t how = ps_rd_u8(&r);
        uint16_t n = ps_rd_u16(&r);
        if (n > sizeof(msg) || n > r.left)
            break;
        ps_rd_bytes(&r, msg, n);
        int fd = (how & 2) != 0 ? memfd_with(&r) : -1;
        if ((how & 1) != 0 && n >= 12)
            count_from(msg, first);
        ps_buf_init(&out, PS_MAX_WIRE);
        enum ps_words_next next = ps_words_answer(state, msg, n, fd, (how & 4) == 0 ? ~0u : 0, &out);
        if (next == PS_WORDS_STOP || ps_state_tidy(state) != 0 || ps_publish_all(state) != 0)
            abort(); /* the disk works: nobody can make the signer believe otherwise */
        check_reply(&out);
        ps_buf_free(&out);
        if (fd >= 0)
            close(fd);
    }
    /* Each input begins with nothing pending. */
    while (state->witness.n > 0) {
        ps_buf_init(&out, PS_MAX_WIRE);
        ps_wire_put_abort(&out, state->witness.clips[0]->clip, PS_ABORT_LOST);
        memcpy(msg, out.p, out.n);
        size_t n = out.n;
        ps_buf_reset(&out);
        if (ps_words_answer(state, msg, n, -1, ~0u, &out) != PS_WORDS_GO_ON)
            abort();
        ps_buf_free(&out);
    }
    return 0;
}
