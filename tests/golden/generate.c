/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Made tests/golden/v1 once, from sample.h. Golden files are never made again: a program that no longer reads
 * and writes them has changed the format, and a changed format is a new version with a folder of its own.
 * Files that are there are therefore refused.
 *
 *   gcc -I. -D_GNU_SOURCE -o /tmp/generate tests/golden/generate.c evidence/statement*.c \
 *       evidence/{error,bytes,record,leaf,opening,json,minisign,sha256_sodium}.c -lsodium -ljansson
 *   /tmp/generate tests/golden/vN
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/golden/sample.h"

static void put(const char *folder, const char *name, const void *p, size_t n) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, p, n) != (ssize_t)n || close(fd) != 0) {
        perror(path);
        exit(1);
    }
}

int main(int argc, char **argv) {
    if (argc != 2 || sodium_init() < 0)
        return 2;
    struct sample *s = sample_new();
    struct ps_buf opening, statement, text;
    uint8_t digest[32], leaf[PS_MAX_LEAF];

    put(argv[1], "record.bin", s->records[0][1], PS_RECORD_SIZE);
    ps_buf_init(&opening, PS_MAX_OPENING);
    ps_opening_encode(&s->clip.opening, &opening);
    put(argv[1], "opening.bin", opening.p, opening.n);
    put(argv[1], "leaf-open.bin", s->clip.open_leaf, s->clip.open_leaf_len);

    ps_buf_init(&statement, PS_MAX_STATEMENT);
    ps_statement_write(&s->clip, &statement);
    put(argv[1], "clip.json", statement.p, statement.n);
    ps_sha256(digest, statement.p, statement.n);
    struct ps_leaf seal = sample_seal(s, digest);
    put(argv[1], "leaf-seal.bin", leaf, (size_t)ps_leaf_encode(&seal, leaf));

    struct ps_minisig sig = sample_sign(s, statement.p, statement.n);
    ps_buf_init(&text, PS_MAX_MINISIG);
    ps_minisign_sig_write(&text, &sig, "signature by PackSeal");
    put(argv[1], "clip.json.minisig", text.p, text.n);
    ps_buf_reset(&text);
    ps_minisign_pubkey_write(&text, &s->clip.key, "PackSeal golden clip key, guards nothing");
    put(argv[1], "clip.pub", text.p, text.n);

    int failed = opening.err | statement.err | text.err;
    ps_buf_free(&opening);
    ps_buf_free(&statement);
    ps_buf_free(&text);
    free(s);
    return failed != 0;
}
