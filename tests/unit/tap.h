/*
 * TAP for unit tests, in one page.
 *
 *     int main(void) {
 *         tap_is_int(ps_crc(""), 0, "nothing has checksum zero");
 *         return tap_done();
 *     }
 *
 * Each tap_ok and tap_is_* prints one result line and returns whether it passed, so that a test can
 * stop before it follows a null pointer. What was expected and found goes to stderr as "# …".
 * Not safe to call from several threads at once.
 */
#ifndef PS_TESTS_TAP_H
#define PS_TESTS_TAP_H

#include <stdbool.h>
#include <stddef.h>

#define TAP_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

#define tap_ok(cond, ...) tap_ok_at(!!(cond), #cond, __FILE__, __LINE__, __VA_ARGS__)
#define tap_is_int(got, want, ...) tap_is_int_at((got), (want), __FILE__, __LINE__, __VA_ARGS__)
#define tap_is_uint(got, want, ...) tap_is_uint_at((got), (want), __FILE__, __LINE__, __VA_ARGS__)
#define tap_is_str(got, want, ...) tap_is_str_at((got), (want), __FILE__, __LINE__, __VA_ARGS__)
#define tap_is_mem(got, want, len, ...) tap_is_mem_at((got), (want), (len), __FILE__, __LINE__, __VA_ARGS__)
#define tap_pass(...) tap_ok_at(true, "", __FILE__, __LINE__, __VA_ARGS__)
#define tap_fail(...) tap_ok_at(false, "tap_fail", __FILE__, __LINE__, __VA_ARGS__)

bool tap_ok_at(bool ok, const char *expr, const char *file, int line, const char *fmt, ...) TAP_PRINTF(5, 6);
bool tap_is_int_at(long long got, long long want, const char *file, int line, const char *fmt, ...)
    TAP_PRINTF(5, 6);
bool tap_is_uint_at(unsigned long long got, unsigned long long want, const char *file, int line,
                    const char *fmt, ...) TAP_PRINTF(5, 6);

/* Either string may be NULL; NULL equals only NULL. */
bool tap_is_str_at(const char *got, const char *want, const char *file, int line, const char *fmt, ...)
    TAP_PRINTF(5, 6);
bool tap_is_mem_at(const void *got, const void *want, size_t len, const char *file, int line, const char *fmt,
                   ...) TAP_PRINTF(6, 7);

/* One skipped test, with its reason. */
void tap_skip(const char *fmt, ...) TAP_PRINTF(1, 2);

/* A remark on stderr; each of its lines gets "# ". */
void tap_diag(const char *fmt, ...) TAP_PRINTF(1, 2);

/* Optional, before the first test: a program that dies early is then seen by the count. */
void tap_plan(int tests);

/* Nothing in this file can be tested here: prints "1..0 # SKIP reason" and exits 0. */
_Noreturn void tap_skip_all(const char *fmt, ...) TAP_PRINTF(1, 2);

/* Something the rest depends on failed: prints "Bail out!" and exits 1. */
_Noreturn void tap_bail(const char *fmt, ...) TAP_PRINTF(1, 2);

/* Prints the plan if tap_plan did not. Returns what main should return: 0 if everything passed, else 1. */
int tap_done(void);
#define tap_done_testing tap_done

#endif
