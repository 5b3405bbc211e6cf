/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Made the ledger's part of tests/golden/v1 once, from sample_tlog.h: checkpoint, clip.tlog-proof, cert.json,
 * cert.json.minisig, root.pub. Files that are there are refused, as generate.c does.
 *
 *   gcc -I. -D_GNU_SOURCE -o /tmp/generate tests/golden/generate_tlog.c evidence/statement*.c \
 *       evidence/{error,bytes,record,leaf,opening,json,minisign,merkle,note,proof,cert,sha256_sodium}.c -lsodium -ljansson
 *   /tmp/generate tests/golden/vN
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/golden/sample_tlog.h"

static void put(const char *folder, const char *name, const struct ps_buf *b) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (b->err != 0 || fd < 0 || write(fd, b->p, b->n) != (ssize_t)b->n || close(fd) != 0) {
        perror(path);
        exit(1);
    }
}

int main(int argc, char **argv) {
    if (argc != 2 || sodium_init() < 0)
        return 2;
    struct sample_tlog *t = sample_tlog_new();
    struct ps_buf note, text;
    char comment[PS_CERT_COMMENT];
    ps_buf_init(&note, PS_NOTE_MAX);
    ps_buf_init(&text, PS_PROOF_MAX);
    sample_tlog_cosigned(t, &note);
    put(argv[1], "checkpoint", &note);
    struct ps_proof proof = sample_tlog_proof(t, &note);
    ps_proof_write(&text, &proof);
    put(argv[1], "clip.tlog-proof", &text);
    struct ps_cert cert = sample_tlog_cert(t);
    ps_buf_reset(&note);
    ps_cert_write(&cert, &note);
    put(argv[1], "cert.json", &note);
    ps_cert_comment(&cert, note.p, note.n, comment);
    ps_buf_reset(&text);
    sample_tlog_sign(t, note.p, note.n, comment, &text);
    put(argv[1], "cert.json.minisig", &text);
    ps_buf_reset(&text);
    ps_minisign_pubkey_write(&text, &t->root, "PackSeal golden root key, guards nothing");
    put(argv[1], "root.pub", &text);
    ps_buf_free(&note);
    ps_buf_free(&text);
    sample_tlog_free(t);
    return 0;
}
