/* SPDX-License-Identifier: ISC */
/* verify-bundle BUNDLE.zip TRUST: judges a bundle with libpackseal-evidence; exit status as packseal-verify(1) has it.
 * cc verify-bundle.c $(pkg-config --static --cflags --libs packseal-evidence libsodium) */
#include <evidence/packseal.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_at(void *ctx, uint64_t off, void *buf, size_t n) {
    for (char *p = buf; n > 0;) {
        ssize_t got = pread(*(int *)ctx, p, n, (off_t)off);
        if (got <= 0)
            return PS_EIO;
        p += got, off += (uint64_t)got, n -= (size_t)got;
    }
    return 0;
}

static struct ps_blob blob_of(const char *path, int *fd) {
    struct stat st = {0};
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0 || fstat(*fd, &st) != 0 || !S_ISREG(st.st_mode))
        perror(path), exit(2);
    return (struct ps_blob){.ctx = fd, .size = (uint64_t)st.st_size, .read = read_at};
}

static int answer(void *worst, const struct ps_judge_answer *a) {
    printf("%s: content %s, key %s, time %s, ledger %s\n", a->bundle ? "the bundle itself" : a->clip,
           ps_verdict_content(a->v->content, false), ps_verdict_key(a->v->key, false),
           ps_verdict_time(a->v->time, false), ps_verdict_ledger(a->v->ledger, false));
    for (size_t i = 0; i < a->v->n_problems; i++)
        printf("  %s: %s: %s\n", a->v->problems[i].code, a->v->problems[i].where, a->v->problems[i].text);
    *(int *)worst = ps_verdict_worst(*(int *)worst, ps_judge_exit(a));
    return 0;
}

int main(int argc, char **argv) {
    int bundle_fd, trust_fd, worst = 0;
    uint8_t *text;
    size_t n;
    struct ps_trust trust;
    if (argc != 3 || sodium_init() < 0)
        return fprintf(stderr, "usage: verify-bundle BUNDLE.zip TRUST\n"), 2;
    struct ps_blob bundle = blob_of(argv[1], &bundle_fd), file = blob_of(argv[2], &trust_fd);
    if (ps_blob_load(&file, PS_MAX_TRUST, &text, &n) < 0 || ps_trust_parse(&trust, text, n, NULL) < 0)
        return fprintf(stderr, "%s: not a trust file\n", argv[2]), 2;
    struct ps_judge judge = {.trust = &trust, .answer = answer, .answer_ctx = &worst};
    int err = ps_judge_file(&judge, &bundle, argv[1]);
    ps_trust_free(&trust);
    free(text);
    return err < 0 ? 2 : worst;
}
