/* TAP for unit tests; see tap.h. */
#include "tests/unit/tap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int planned;
static int run;
static int failed;

TAP_PRINTF(1, 0)
static void print_description(const char *fmt, va_list ap) {
    char text[1024];
    vsnprintf(text, sizeof text, fmt, ap);
    /* A '#' would start a directive, a line break a new result. */
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '#')
            putchar('\\');
        putchar(*p == '\n' || *p == '\r' ? ' ' : *p);
    }
}

TAP_PRINTF(4, 0)
static bool result(bool ok, const char *file, int line, const char *fmt, va_list ap) {
    run++;
    if (!ok)
        failed++;
    printf("%sok %d - ", ok ? "" : "not ", run);
    print_description(fmt, ap);
    putchar('\n');
    /* Flushed per line: a crash must not swallow the results before it, nor a fork repeat them. */
    fflush(stdout);
    if (!ok)
        fprintf(stderr, "#   failed at %s:%d\n", file, line);
    return ok;
}

bool tap_ok_at(bool ok, const char *expr, const char *file, int line, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    result(ok, file, line, fmt, ap);
    va_end(ap);
    if (!ok)
        fprintf(stderr, "#   %s\n", expr);
    return ok;
}

bool tap_is_int_at(long long got, long long want, const char *file, int line, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    bool ok = result(got == want, file, line, fmt, ap);
    va_end(ap);
    if (!ok)
        fprintf(stderr, "#   got      %lld (0x%llx)\n#   expected %lld (0x%llx)\n", got,
                (unsigned long long)got, want, (unsigned long long)want);
    return ok;
}

bool tap_is_uint_at(unsigned long long got, unsigned long long want, const char *file, int line,
                    const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    bool ok = result(got == want, file, line, fmt, ap);
    va_end(ap);
    if (!ok)
        fprintf(stderr, "#   got      %llu (0x%llx)\n#   expected %llu (0x%llx)\n", got, got, want, want);
    return ok;
}

static void show_string(const char *label, const char *s) {
    fprintf(stderr, "#   %s ", label);
    if (s == NULL) {
        fputs("NULL\n", stderr);
        return;
    }
    fputc('"', stderr);
    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '\n')
            fputs("\\n", stderr);
        else if (c < 0x20 || c == 0x7f)
            fprintf(stderr, "\\x%02x", c);
        else
            fputc(c, stderr);
    }
    fputs("\"\n", stderr);
}

bool tap_is_str_at(const char *got, const char *want, const char *file, int line, const char *fmt, ...) {
    bool same = got == NULL || want == NULL ? got == want : strcmp(got, want) == 0;
    va_list ap;
    va_start(ap, fmt);
    bool ok = result(same, file, line, fmt, ap);
    va_end(ap);
    if (!ok) {
        show_string("got     ", got);
        show_string("expected", want);
    }
    return ok;
}

static void show_bytes(const char *label, const unsigned char *p, size_t from, size_t len) {
    size_t end = len - from > 16 ? from + 16 : len;
    fprintf(stderr, "#   %s", label);
    for (size_t i = from; i < end; i++)
        fprintf(stderr, " %02x", p[i]);
    fputs(end < len ? " …\n" : "\n", stderr);
}

bool tap_is_mem_at(const void *got, const void *want, size_t len, const char *file, int line, const char *fmt,
                   ...) {
    const unsigned char *a = got, *b = want;
    size_t at = 0;
    if (a != NULL && b != NULL)
        while (at < len && a[at] == b[at])
            at++;
    va_list ap;
    va_start(ap, fmt);
    bool ok = result(at == len, file, line, fmt, ap);
    va_end(ap);
    if (!ok && (a == NULL || b == NULL)) {
        fprintf(stderr, "#   %s is NULL\n", a == NULL ? "got" : "expected");
    } else if (!ok) {
        fprintf(stderr, "#   first difference at byte %zu of %zu\n", at, len);
        show_bytes("got     ", a, at, len);
        show_bytes("expected", b, at, len);
    }
    return ok;
}

void tap_skip(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    printf("ok %d # SKIP ", ++run);
    print_description(fmt, ap);
    va_end(ap);
    putchar('\n');
    fflush(stdout);
}

void tap_diag(const char *fmt, ...) {
    char text[4096];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    char *rest = text;
    while (rest != NULL) {
        const char *one = strsep(&rest, "\n");
        if (rest != NULL || *one != '\0')
            fprintf(stderr, "# %s\n", one);
    }
}

void tap_plan(int tests) {
    planned = tests;
    printf("1..%d\n", tests);
    fflush(stdout);
}

void tap_skip_all(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    fputs("1..0 # SKIP ", stdout);
    print_description(fmt, ap);
    va_end(ap);
    putchar('\n');
    exit(0);
}

void tap_bail(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    fputs("Bail out! ", stdout);
    print_description(fmt, ap);
    va_end(ap);
    putchar('\n');
    exit(1);
}

int tap_done(void) {
    if (planned == 0)
        printf("1..%d\n", run);
    else if (planned != run)
        fprintf(stderr, "#   planned %d tests, ran %d\n", planned, run);
    if (failed > 0)
        fprintf(stderr, "#   %d of %d failed\n", failed, run);
    fflush(stdout);
    return failed > 0 || run == 0 || (planned != 0 && planned != run);
}
