/*
 * A fuzz target without a fuzzer: feeds it every file below the folders given, and prints TAP.
 *
 * So every check replays what fuzzing once found, with any compiler and any sanitizer. Each input is copied
 * to a block of exactly its size, so that reading one byte too far is seen.
 */
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A target need not have one. */
#pragma weak LLVMFuzzerInitialize

static int tests;
static int failed;

static void feed(const uint8_t *data, size_t size) {
    uint8_t *exact = malloc(size > 0 ? size : 1);
    if (exact == NULL) {
        puts("Bail out! out of memory");
        exit(1);
    }
    if (size > 0)
        memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static int replay(const char *path, const struct stat *st, int type, struct FTW *where) {
    (void)where;
    if (type != FTW_F)
        return 0;
    size_t size = (size_t)st->st_size;
    uint8_t *data = malloc(size > 0 ? size : 1);
    FILE *f = fopen(path, "rb");
    int ok = data != NULL && f != NULL && fread(data, 1, size, f) == size;
    if (f != NULL)
        fclose(f);
    if (ok)
        feed(data, size);
    else
        failed++;
    free(data);
    printf("%sok %d - %s\n", ok ? "" : "not ", ++tests, path);
    fflush(stdout);
    return 0;
}

int main(int argc, char **argv) {
    if (LLVMFuzzerInitialize != NULL)
        LLVMFuzzerInitialize(&argc, &argv);
    feed((const uint8_t *)"", 0);
    printf("ok %d - empty input\n", ++tests);
    fflush(stdout);
    for (int i = 1; i < argc; i++) {
        if (nftw(argv[i], replay, 16, FTW_PHYS) == 0)
            continue;
        printf("not ok %d - %s: %s\n", ++tests, argv[i], strerror(errno));
        failed++;
    }
    printf("1..%d\n", tests);
    return failed > 0;
}
