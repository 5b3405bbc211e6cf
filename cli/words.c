/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/words.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool chinese;

bool ps_words_choose(const char *lang) {
    if (lang != NULL) {
        chinese = strcmp(lang, "zh") == 0 || strcmp(lang, "zh-CN") == 0 || strcmp(lang, "zh_CN") == 0;
        return chinese || strcmp(lang, "en") == 0;
    }
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *v = getenv(names[i]);
        if (v != NULL && v[0] != '\0') {
            chinese = strncmp(v, "zh", 2) == 0;
            return true;
        }
    }
    chinese = false;
    return true;
}

bool ps_words_zh(void) {
    return chinese;
}

const char *ps_words(const char *en, const char *zh) {
    return chinese ? zh : en;
}

/* What came from files and devices must not move the cursor or start a second line. */
static void put_line(FILE *f, const char *s) {
    for (; *s != '\0'; s++)
        putc((unsigned char)*s < 0x20 || *s == 0x7F ? ' ' : *s, f);
}

/* Is f a pipe to the journal (sd-daemon(3))? The variable is inherited by children whose standard error is another. */
static bool to_journal(FILE *f) {
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long dev, ino;
    struct stat st;
    return stream != NULL && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 && fileno(f) >= 0 &&
           fstat(fileno(f), &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

int ps_words_fail_to(FILE *f, int status, const char *what, const char *where, const char *todo) {
    const char *parts[] = {what, where, todo};
    fputs(status != 0 && to_journal(f) ? "<3>packseal" : "packseal", f); /* an error among remarks */
    for (size_t i = 0; i < 3; i++)
        if (parts[i] != NULL && parts[i][0] != '\0') {
            fputs(": ", f);
            put_line(f, parts[i]);
        }
    fputc('\n', f);
    return status;
}

int ps_words_fail(int status, const char *what, const char *where, const char *todo) {
    fflush(stdout);
    return ps_words_fail_to(stderr, status, what, where, todo);
}

void ps_words_note(const char *fmt, ...) {
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    ps_words_fail(0, text, NULL, NULL);
}

/* CJK and full-width forms, as terminals show them (Unicode TR 11, rough). */
static bool wide(uint32_t c) {
    return (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
           (c >= 0xFFE0 && c <= 0xFFE6) || (c >= 0x20000 && c <= 0x3FFFD);
}

int ps_words_columns(const char *s) {
    int n = 0;
    while (*s != '\0') {
        unsigned char lead = (unsigned char)*s++;
        uint32_t c = lead < 0x80   ? lead
                     : lead < 0xE0 ? lead & 0x1Fu
                     : lead < 0xF0 ? lead & 0x0Fu
                                   : lead & 0x07u;
        while (((unsigned char)*s & 0xC0) == 0x80)
            c = c << 6 | ((unsigned char)*s++ & 0x3Fu);
        n += wide(c) ? 2 : 1;
    }
    return n;
}

void ps_words_pad(FILE *f, const char *s, int columns) {
    put_line(f, s);
    for (int n = ps_words_columns(s); n < columns; n++)
        fputc(' ', f);
}
