/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which kept cosignature is the newest, the earliest that covers a leaf, or of this very checkpoint. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/cosigned.h"
#include "evidence/bytes.h"
#include "tests/unit/tap.h"

#define A "packseal.invalid/ST03"
#define B "packseal.invalid/ST03/2"

static char root[] = "/tmp/packseal-cosigned.XXXXXX";
static struct ps_vkey log_key, w1, w2;

/* A note of so many leaves; what differs between histories is the root's first byte. Nothing here judges signatures. */
static void make(struct ps_buf *b, const char *origin, uint64_t size, uint8_t history,
                 const struct ps_vkey *witness, uint8_t sig_byte) {
    struct ps_checkpoint c = {.size = size, .root = {history}};
    uint8_t sig[64] = {1};
    memcpy(c.origin, origin, strlen(origin) + 1);
    ps_buf_init(b, PS_NOTE_MAX);
    ps_checkpoint_write(b, &c);
    ps_buf_text(b, "\n");
    ps_note_append(b, &log_key, sig);
    sig[0] = sig_byte;
    if (witness != NULL)
        ps_note_append_cosignature(b, witness, 1000 + size, sig);
}

static int put(const char *name, const char *origin, uint64_t size, const struct ps_vkey *witness,
               char out[PS_COSIGNED_NAME]) {
    struct ps_buf b;
    make(&b, origin, size, 7, witness, 2);
    int rc = ps_cosigned_write(root, name, size, b.p, b.n, out, NULL);
    ps_buf_free(&b);
    return rc;
}

static void stray(const char *name, const char *text) {
    char path[256];
    snprintf(path, sizeof(path), "%s/witness/%s", root, name);
    FILE *f = fopen(path, "w");
    if (f != NULL) {
        fputs(text, f);
        fclose(f);
    }
}

static void writes(void) {
    char name[PS_COSIGNED_NAME];
    struct ps_cosigned c;
    struct stat st;
    char path[256];
    tap_is_int(ps_cosigned_newest(root, A, "w1", &c, NULL), PS_ENOENT, "no folder: no cosignature");
    tap_is_int(put("w1", A, 10, &w1, name), 0, "one is kept");
    tap_is_str(name, "000000000010-w1", "by size and witness");
    snprintf(path, sizeof(path), "%s/witness", root);
    tap_ok(stat(path, &st) == 0 && (st.st_mode & 07777) == 02750,
           "in a folder that the signer's user can read");
    tap_is_int(put("w2", A, 10, &w2, name), 0, "and of another witness");
    tap_is_int(put("w1", A, 30, &w1, name), 0, "and a later one");
    tap_is_int(put("w1", B, 10, &w1, name), 0, "and of another ledger of that size");
    tap_is_str(name, "000000000010-w1.2", "which replaces nothing");
    tap_is_int(put("W/1", A, 10, &w1, name), PS_EINVAL, "a name that is none is refused");
    stray("000000000099-w1", "no note\n");
    stray("000000000098-w1.x", "no name\n");
    stray(".part", "half");
}

static void finds(void) {
    struct ps_cosigned c;
    tap_ok(ps_cosigned_newest(root, A, "w1", &c, NULL) == 0 && c.checkpoint.size == 30,
           "the newest of a witness");
    ps_cosigned_free(&c);
    tap_ok(ps_cosigned_newest(root, B, "w1", &c, NULL) == 0 && c.checkpoint.size == 10,
           "of another ledger, though it counts from nothing");
    ps_cosigned_free(&c);
    tap_is_int(ps_cosigned_newest(root, B, "w2", &c, NULL), PS_ENOENT, "one that has not cosigned it");
    tap_is_int(ps_cosigned_newest(root, A, "w", &c, NULL), PS_ENOENT,
               "the beginning of a name is another one");
    tap_ok(ps_cosigned_covering(root, A, 9, &c, NULL) == 0 && c.checkpoint.size == 10,
           "the earliest over a leaf");
    ps_cosigned_free(&c);
    tap_ok(ps_cosigned_covering(root, A, 10, &c, NULL) == 0 && c.checkpoint.size == 30,
           "leaf 10 is not in a tree of ten");
    ps_cosigned_free(&c);
    tap_ok(ps_cosigned_covering(root, NULL, 29, &c, NULL) == 0 && c.checkpoint.size == 30, "of any ledger");
    ps_cosigned_free(&c);
    tap_is_int(ps_cosigned_covering(root, A, 30, &c, NULL), PS_ENOENT, "one that nobody has cosigned yet");
    tap_is_int(ps_cosigned_covering(root, B, 10, &c, NULL), PS_ENOENT, "another ledger's does not cover it");
}

static unsigned lines(const struct ps_buf *b) {
    struct ps_note n;
    return ps_note_parse(&n, b->p, b->n) == 0 ? n.n : 0;
}

static void gathers(void) {
    struct ps_buf b;
    make(&b, A, 10, 7, NULL, 0);
    tap_ok(ps_cosigned_gather(root, &b, NULL) == 0 && lines(&b) == 3,
           "both witnesses' lines join the ledger's");
    tap_ok(ps_cosigned_gather(root, &b, NULL) == 0 && lines(&b) == 3, "once");
    uint64_t time;
    struct ps_note n;
    tap_ok(ps_note_parse(&n, b.p, b.n) == 0 && ps_note_verify(&n, &w1, &time) == PS_ESIG,
           "as they lie there: who reads them judges them");
    ps_buf_free(&b);
    make(&b, A, 10, 8, NULL, 0);
    tap_ok(ps_cosigned_gather(root, &b, NULL) == 0 && lines(&b) == 1, "another root: none of them");
    ps_buf_free(&b);
    make(&b, B, 10, 7, NULL, 0);
    tap_ok(ps_cosigned_gather(root, &b, NULL) == 0 && lines(&b) == 2, "another ledger: its own");
    ps_buf_free(&b);
    make(&b, A, 11, 7, NULL, 0);
    tap_ok(ps_cosigned_gather(root, &b, NULL) == 0 && lines(&b) == 1, "another size: none");
    ps_buf_free(&b);
    make(&b, A, 10, 7, &w1, 9);
    for (unsigned i = 0; i < PS_NOTE_SIGNATURES - 2; i++) {
        uint8_t sig[64] = {(uint8_t)(20 + i)};
        ps_note_append_cosignature(&b, &w2, i, sig);
    }
    tap_ok(ps_cosigned_gather(root, &b, NULL) == 0 && lines(&b) == PS_NOTE_SIGNATURES,
           "a note that is full stays a note");
    ps_buf_free(&b);
    ps_buf_init(&b, PS_NOTE_MAX);
    ps_buf_text(&b, "no note\n");
    tap_ok(ps_cosigned_gather(root, &b, NULL) < 0, "what is no note gets nothing");
    ps_buf_free(&b);
}

int main(void) {
    static const uint8_t key[3][32] = {{1}, {2}, {3}};
    char rm[64];
    if (mkdtemp(root) == NULL || ps_note_vkey_make(&log_key, A, PS_NOTE_ED25519, key[0]) != 0 ||
        ps_note_vkey_make(&w1, "witness.example/w1", PS_NOTE_COSIGNATURE, key[1]) != 0 ||
        ps_note_vkey_make(&w2, "witness.example/w2", PS_NOTE_COSIGNATURE, key[2]) != 0)
        return 1;
    writes();
    finds();
    gathers();
    snprintf(rm, sizeof(rm), "rm -rf %s", root);
    tap_is_int(system(rm), 0, "the folder is taken away");
    return tap_done();
}
