/*
 * What a fuzz target gives: tests/fuzz/fuzz_NAME.c, linked with libFuzzer by `make fuzz` and with replay.c by
 * `make check`. Inputs worth keeping lie in tests/fuzz/corpus/NAME/, a dictionary in tests/fuzz/NAME.dict.
 */
#ifndef PS_TESTS_FUZZ_H
#define PS_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Judges one input. Returns 0; a finding is a crash, an abort() or a sanitizer's report. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Optional: called once, before the first input. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

#endif
