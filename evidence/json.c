/* SPDX-License-Identifier: ISC */
#include "evidence/json.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/limits.h"

#define MAX_KEY 48

struct lexer {
    const char *p;
    size_t n, at;
    size_t values;
    struct ps_why *why;
};

static int fail(struct lexer *l, int err, const char *text) {
    char where[40];
    snprintf(where, sizeof where, "byte %zu", l->at);
    return ps_error_why(l->why, err, where, "%s", text);
}

/* The next byte, or NUL at the end: NUL itself is refused everywhere. */
static char peek(const struct lexer *l) {
    return l->at < l->n ? l->p[l->at] : '\0';
}

static bool take(struct lexer *l, char c) {
    if (l->at >= l->n || l->p[l->at] != c)
        return false;
    l->at++;
    return true;
}

static void skip_space(struct lexer *l) {
    while (l->at < l->n && memchr(" \t\n\r", l->p[l->at], 4) != NULL)
        l->at++;
}

/* A string with its quotes; *len is that of the bytes between them. */
static int string(struct lexer *l, size_t *len) {
    if (!take(l, '"'))
        return fail(l, PS_EFORMAT, "a string was expected");
    size_t from = l->at;
    for (;;) {
        size_t run = l->at;
        while (l->at < l->n && l->p[l->at] != '"' && l->p[l->at] != '\\')
            l->at++;
        if (l->at - from > PS_MAX_JSON_STRING)
            return fail(l, PS_ELIMIT, "the string is too long");
        if (l->at == l->n)
            return fail(l, PS_EFORMAT, "the string does not end");
        if (!ps_bytes_is_text(l->p + run, l->at - run)) {
            l->at = run;
            return fail(l, PS_EFORMAT, "the string holds a control character or is not UTF-8");
        }
        if (take(l, '"'))
            break;
        l->at++;
        if (!take(l, '"') && !take(l, '\\'))
            return fail(l, PS_EFORMAT, "only \\\" and \\\\ may be escaped");
    }
    *len = l->at - 1 - from;
    return 0;
}

static int key(struct lexer *l) {
    size_t from = l->at + 1, len = 0;
    int err = string(l, &len);
    if (err != 0)
        return err;
    bool ok = len >= 1 && len <= MAX_KEY;
    for (size_t i = 0; ok && i < len; i++) {
        char c = l->p[from + i];
        ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    }
    if (!ok) {
        l->at = from;
        return fail(l, PS_EFORMAT, "a key is 1 to 48 of a-z, 0-9 and _");
    }
    return 0;
}

static int number(struct lexer *l) {
    bool negative = take(l, '-');
    size_t from = l->at;
    int64_t v = 0;
    while (peek(l) >= '0' && peek(l) <= '9') {
        int digit = l->p[l->at] - '0';
        if (v > (PS_MAX_JSON_INT - digit) / 10)
            return fail(l, PS_ELIMIT, "the number is beyond 2^53 - 1");
        v = v * 10 + digit;
        l->at++;
    }
    size_t digits = l->at - from;
    if (digits == 0)
        return fail(l, PS_EFORMAT, "a value was expected");
    if (l->p[from] == '0' && (digits > 1 || negative))
        return fail(l, PS_EFORMAT, "a number has no leading zero, and zero no sign");
    if (peek(l) == '.' || peek(l) == 'e' || peek(l) == 'E')
        return fail(l, PS_EFORMAT, "numbers are integers");
    return 0;
}

static int literal(struct lexer *l) {
    static const char *const words[] = {"true", "false"};
    for (size_t i = 0; i < 2; i++) {
        size_t n = strlen(words[i]);
        if (n <= l->n - l->at && memcmp(l->p + l->at, words[i], n) == 0) {
            l->at += n;
            return 0;
        }
    }
    return fail(l, PS_EFORMAT, peek(l) == 'n' ? "null is not used" : "a value was expected");
}

static int value(struct lexer *l, int depth);

/* The inside of an object or array, after its opening bracket. */
static int members(struct lexer *l, int depth, bool object) {
    char close = object ? '}' : ']';
    skip_space(l);
    if (take(l, close))
        return 0;
    for (;;) {
        int err = 0;
        skip_space(l);
        if (object) {
            err = key(l);
            if (err != 0)
                return err;
            skip_space(l);
            if (!take(l, ':'))
                return fail(l, PS_EFORMAT, "a colon was expected");
            skip_space(l);
        }
        err = value(l, depth);
        if (err != 0)
            return err;
        skip_space(l);
        if (take(l, close))
            return 0;
        if (!take(l, ','))
            return fail(l, PS_EFORMAT, "a comma or the closing bracket was expected");
    }
}

/* Recursion is bounded by PS_MAX_JSON_DEPTH. */
static int value(struct lexer *l, int depth) {
    size_t len = 0;
    if (++l->values > PS_MAX_JSON_VALUES)
        return fail(l, PS_ELIMIT, "too many values");
    switch (peek(l)) {
    case '{':
    case '[':
        if (depth >= PS_MAX_JSON_DEPTH)
            return fail(l, PS_ELIMIT, "nested too deeply");
        return members(l, depth + 1, l->p[l->at++] == '{');
    case '"': return string(l, &len);
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9': return number(l);
    default: return literal(l);
    }
}

int ps_json_check(const void *p, size_t n, struct ps_why *why) {
    struct lexer l = {.p = p, .n = n, .why = why};
    if (n > PS_MAX_STATEMENT)
        return fail(&l, PS_ELIMIT, "the text is too long");
    skip_space(&l);
    if (peek(&l) != '{')
        return fail(&l, PS_EFORMAT, "an object was expected");
    int err = value(&l, 0);
    if (err != 0)
        return err;
    take(&l, '\n');
    return l.at == n ? 0 : fail(&l, PS_EFORMAT, "bytes after the closing brace");
}

int ps_json_parse(json_t **out, const void *p, size_t n, struct ps_why *why) {
    json_error_t e;
    *out = NULL;
    int err = ps_json_check(p, n, why);
    if (err != 0)
        return err;
    *out = json_loadb(p, n, JSON_REJECT_DUPLICATES, &e);
    if (*out != NULL)
        return 0;
    char where[40];
    snprintf(where, sizeof where, "byte %d", e.position);
    if (json_error_code(&e) == json_error_duplicate_key)
        return ps_error_why(why, PS_EFORMAT, where, "a key stands twice in one object");
    /* The lexer has found no fault, so nothing else can be wrong. jansson itself calls this a syntax error,
     * which would speak against the evidence. */
    return ps_error_why(why, PS_ENOMEM, where, "out of memory");
}

void ps_json_quote(struct ps_buf *b, const char *s) {
    ps_buf_u8(b, '"');
    while (*s != '\0') {
        size_t run = strcspn(s, "\"\\");
        ps_buf_bytes(b, s, run);
        s += run;
        if (*s != '\0') {
            ps_buf_u8(b, '\\');
            ps_buf_u8(b, (uint8_t)*s++);
        }
    }
    ps_buf_u8(b, '"');
}
