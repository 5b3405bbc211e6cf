/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "evidence/json.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/limits.h"
#include "tests/unit/tap.h"

static const struct {
    const char *text;
    int err;
    const char *where; /* of a refusal */
    const char *what;
} cases[] = {
    {"{}", 0, NULL, "an empty object"},
    {"{}\n", 0, NULL, "a newline at the end"},
    {" \t\r\n{ }", 0, NULL, "white space before and inside"},
    {"{ \"a\" : [ 1 , true , false , \"x\" , { } , [ ] ] }", 0, NULL, "white space everywhere"},
    {"{\"a\":9007199254740991,\"b\":-9007199254740991,\"c\":0}", 0, NULL, "the largest integers"},
    {"{\"a\":\"\\\"\\\\ \xe7\xae\xb1 \xf0\x9f\x93\xa6\"}", 0, NULL, "the two escapes, and UTF-8"},
    {"{\"0a_\":1}", 0, NULL, "a key"},
    {"{\"a\":[[[[[[[]]]]]]]}", 0, NULL, "eight levels"},

    {"", PS_EFORMAT, "byte 0", "nothing"},
    {"[]", PS_EFORMAT, "byte 0", "an array"},
    {"1", PS_EFORMAT, "byte 0", "a number"},
    {"\xef\xbb\xbf{}", PS_EFORMAT, "byte 0", "a BOM"},
    {"{}\n\n", PS_EFORMAT, "byte 3", "two newlines at the end"},
    {"{} ", PS_EFORMAT, "byte 2", "a space at the end"},
    {"{}\r\n", PS_EFORMAT, "byte 2", "CR LF at the end"},
    {"{}{}", PS_EFORMAT, "byte 2", "two objects"},
    {"{", PS_EFORMAT, "byte 1", "an open object"},
    {"{\"a\":1", PS_EFORMAT, "byte 6", "an open object with a member"},
    {"{\"a\":[1", PS_EFORMAT, "byte 7", "an open array"},
    {"{\"a\":\"x", PS_EFORMAT, "byte 7", "an open string"},
    {"{\"a\":1,}", PS_EFORMAT, "byte 7", "a comma before the bracket"},
    {"{\"a\":[1,]}", PS_EFORMAT, "byte 8", "a comma before the other bracket"},
    {"{,}", PS_EFORMAT, "byte 1", "only a comma"},
    {"{\"a\" 1}", PS_EFORMAT, "byte 5", "no colon"},
    {"{\"a\":1 \"b\":2}", PS_EFORMAT, "byte 7", "no comma"},
    {"{\"a\":}", PS_EFORMAT, "byte 5", "no value"},
    {"{a:1}", PS_EFORMAT, "byte 1", "a key without quotes"},
    {"{'a':1}", PS_EFORMAT, "byte 1", "other quotes"},
    {"{\"a\":[1}}", PS_EFORMAT, "byte 7", "crossed brackets"},
    {"{\"a\":null}", PS_EFORMAT, "byte 5", "null"},
    {"{\"a\":True}", PS_EFORMAT, "byte 5", "True"},
    {"{\"a\":truex}", PS_EFORMAT, "byte 9", "truex"},
    {"{\"a\":NaN}", PS_EFORMAT, "byte 5", "NaN"},
    {"{\"a\":1.0}", PS_EFORMAT, "byte 6", "a float"},
    {"{\"a\":1e3}", PS_EFORMAT, "byte 6", "an exponent"},
    {"{\"a\":1E3}", PS_EFORMAT, "byte 6", "a large exponent"},
    {"{\"a\":.5}", PS_EFORMAT, "byte 5", "a float without a digit"},
    {"{\"a\":+1}", PS_EFORMAT, "byte 5", "a plus sign"},
    {"{\"a\":-}", PS_EFORMAT, "byte 6", "a minus sign alone"},
    {"{\"a\":-0}", PS_EFORMAT, "byte 7", "minus zero"},
    {"{\"a\":01}", PS_EFORMAT, "byte 7", "a leading zero"},
    {"{\"a\":-01}", PS_EFORMAT, "byte 8", "a leading zero after a sign"},
    {"{\"a\":0x1}", PS_EFORMAT, "byte 6", "hexadecimal"},
    {"{\"a\":9007199254740992}", PS_ELIMIT, "byte 20", "2^53"},
    {"{\"a\":-9007199254740992}", PS_ELIMIT, "byte 21", "-2^53"},
    {"{\"a\":99999999999999999999999999}", PS_ELIMIT, "byte 20", "a number beyond 64 bits"},
    {"{\"a\":\"\\n\"}", PS_EFORMAT, "byte 7", "an escaped newline"},
    {"{\"a\":\"\\u0041\"}", PS_EFORMAT, "byte 7", "an escaped letter"},
    {"{\"a\":\"\\/\"}", PS_EFORMAT, "byte 7", "an escaped slash"},
    {"{\"a\":\"\\ud83d\\udce6\"}", PS_EFORMAT, "byte 7", "a surrogate pair"},
    {"{\"a\":\"x\ny\"}", PS_EFORMAT, "byte 6", "a newline in a string"},
    {"{\"a\":\"\x7f\"}", PS_EFORMAT, "byte 6", "DEL"},
    {"{\"a\":\"\xc2\x85\"}", PS_EFORMAT, "byte 6", "a C1 control character"},
    {"{\"a\":\"\xed\xa0\x80\"}", PS_EFORMAT, "byte 6", "an encoded surrogate"},
    {"{\"a\":\"\xc0\x80\"}", PS_EFORMAT, "byte 6", "an overlong NUL"},
    {"{\"a\":\"\xff\"}", PS_EFORMAT, "byte 6", "no UTF-8"},
    {"{\"A\":1}", PS_EFORMAT, "byte 2", "a capital key"},
    {"{\"a-b\":1}", PS_EFORMAT, "byte 2", "a key with a dash"},
    {"{\"\":1}", PS_EFORMAT, "byte 2", "an empty key"},
    {"{\"\xc3\xa4\":1}", PS_EFORMAT, "byte 2", "a key beyond ASCII"},
    {"{\"a\\\"\":1}", PS_EFORMAT, "byte 2", "an escape in a key"},
    {"{\"a\":[[[[[[[[]]]]]]]]}", PS_ELIMIT, "byte 12", "nine levels"},
    {"{\"a\":1}//", PS_EFORMAT, "byte 7", "a comment"},
    {"{\"a\":1/**/}", PS_EFORMAT, "byte 6", "a comment inside"},
    {"{\"a\":1,\"a\":1}", PS_EFORMAT, NULL, "a key twice"},
    {"{\"a\":{\"b\":1,\"c\":2,\"b\":3}}", PS_EFORMAT, NULL, "a key twice, deeper"},
};

static void table(void) {
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        /* Just as long as it is, so that reading on is seen. */
        size_t n = strlen(cases[i].text);
        char *p = malloc(n + 1);
        struct ps_why why = {"", ""};
        json_t *j = NULL;
        memcpy(p, cases[i].text, n);
        p = realloc(p, n > 0 ? n : 1);
        tap_is_int(ps_json_parse(&j, p, n, &why), cases[i].err, "%s", cases[i].what);
        if (cases[i].where != NULL)
            tap_is_str(why.where, cases[i].where, "%s: where", cases[i].what);
        tap_ok((j != NULL) == (cases[i].err == 0) && (why.text[0] != '\0') == (cases[i].err != 0),
               "%s: result and reason", cases[i].what);
        json_decref(j);
        free(p);
    }
    tap_is_int(ps_json_check("{\"a\":\"x\0y\"}", 11, NULL), PS_EFORMAT, "NUL in a string");
    tap_is_int(ps_json_check("{}\0", 3, NULL), PS_EFORMAT, "NUL at the end");
    tap_is_int(ps_json_check("{\"a\":1,\"a\":2}", 13, NULL), 0, "the lexer alone does not compare keys");
}

/* ---- bounds, and the memory that stays within them ---- */

static size_t in_use, peak;

static void *counted_malloc(size_t n) {
    void *p = malloc(n);
    if (p != NULL)
        in_use += malloc_usable_size(p) + 16;
    if (in_use > peak)
        peak = in_use;
    return p;
}

static void counted_free(void *p) {
    if (p != NULL)
        in_use -= malloc_usable_size(p) + 16;
    free(p);
}

/* "{"x":[" unit, unit, … "]}", up to n units or as many as fit. In units "%05x" becomes a number. */
static size_t repeat(char *out, const char *begin, const char *unit, const char *end, size_t count) {
    size_t n = strlen(begin), room = PS_MAX_STATEMENT - strlen(end) - 64;
    memcpy(out, begin, n);
    for (size_t i = 0; i < count && n < room; i++) {
        char one[64];
        const char *mark = strchr(unit, '#');
        int len = mark == NULL ? snprintf(one, sizeof one, "%s%s", i > 0 ? "," : "", unit)
                               : snprintf(one, sizeof one, "%s%.*s%zx%s", i > 0 ? "," : "",
                                          (int)(mark - unit), unit, i, mark + 1);
        memcpy(out + n, one, (size_t)len);
        n += (size_t)len;
    }
    memcpy(out + n, end, strlen(end));
    return n + strlen(end);
}

static void memory(void) {
    static const struct {
        const char *begin, *unit, *end, *what;
        size_t outer, each; /* values outside the units, and of one unit */
    } shapes[] = {
        {"{\"x\":[", "[]", "]}", "empty arrays", 2, 1},
        {"{\"x\":[", "{}", "]}", "empty objects", 2, 1},
        {"{\"x\":[", "{\"a\":{}}", "]}", "nested objects", 2, 2},
        {"{", "\"k#\":{}", "}", "keys with objects", 1, 1},
        {"{", "\"k#\":[]", "}", "keys with arrays", 1, 1},
        {"{", "\"k#\":1", "}", "keys", 1, 1},
        {"{\"x\":[", "1", "]}", "numbers", 2, 1},
        {"{\"x\":[", "\"\"", "]}", "strings", 2, 1},
        {"{\"x\":[", "[[[[[[]]]]]]", "]}", "deep arrays", 2, 6},
    };
    char *text = malloc(PS_MAX_STATEMENT + 1);
    size_t worst = 0;
    json_set_alloc_funcs(counted_malloc, counted_free);
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        size_t most = (PS_MAX_JSON_VALUES - shapes[i].outer) / shapes[i].each;
        json_t *j = NULL;
        size_t n = repeat(text, shapes[i].begin, shapes[i].unit, shapes[i].end, most);
        peak = in_use = 0;
        tap_is_int(ps_json_parse(&j, text, n, NULL), 0, "%zu times: %s", most, shapes[i].what);
        json_decref(j);
        tap_diag("%s: %zu MB", shapes[i].what, peak >> 20);
        tap_is_uint(in_use, 0, "all is given back");
        worst = peak > worst ? peak : worst;
        n = repeat(text, shapes[i].begin, shapes[i].unit, shapes[i].end, most + 1);
        tap_is_int(ps_json_parse(&j, text, n, NULL), PS_ELIMIT, "and one more is too many");
    }
    json_set_alloc_funcs(malloc, free);
    tap_ok(worst < (size_t)150 << 20, "no text takes 150 MB (%zu MB)", worst >> 20);

    memset(text, ' ', PS_MAX_STATEMENT + 1);
    memcpy(text + PS_MAX_STATEMENT - 2, "{}", 2);
    tap_is_int(ps_json_check(text, PS_MAX_STATEMENT, NULL), 0, "a text of the largest size");
    memcpy(text + PS_MAX_STATEMENT - 2, " {}", 3);
    tap_is_int(ps_json_check(text, PS_MAX_STATEMENT + 1, NULL), PS_ELIMIT, "a byte larger");

    memset(text, 'a', PS_MAX_JSON_STRING + 100);
    memcpy(text, "{\"a\":\"", 6);
    memcpy(text + 6 + PS_MAX_JSON_STRING, "\"}", 2);
    tap_is_int(ps_json_check(text, PS_MAX_JSON_STRING + 8, NULL), 0, "a string of the largest length");
    memcpy(text + 6 + PS_MAX_JSON_STRING, "a\"}", 3);
    tap_is_int(ps_json_check(text, PS_MAX_JSON_STRING + 9, NULL), PS_ELIMIT, "a byte longer");
    memset(text, 'a', 60);
    memcpy(text, "{\"", 2);
    memcpy(text + 50, "\":1}", 4);
    tap_is_int(ps_json_check(text, 54, NULL), 0, "a key of 48");
    memcpy(text + 50, "a\":1}", 5);
    tap_is_int(ps_json_check(text, 55, NULL), PS_EFORMAT, "of 49");
    memset(text, '[', PS_MAX_STATEMENT);
    memcpy(text, "{\"a\":", 5);
    tap_is_int(ps_json_check(text, PS_MAX_STATEMENT, NULL), PS_ELIMIT, "four million brackets");
    free(text);
}

static long mallocs_left;

static void *failing_malloc(size_t n) {
    return mallocs_left-- > 0 ? counted_malloc(n) : NULL;
}

/* A lack of memory is never told as a fault of the text. */
static void out_of_memory(void) {
    static const char text[] =
        "{\"a\":[1,{\"b\":\"a string that is no longer quite so short\"},true,false],"
        "\"c\":{\"d\":[],\"e\":1,\"f\":2,\"g\":3,\"h\":4,\"i\":5,\"j\":6,\"k\":7,\"l\":8}}";
    size_t failures = 0, wrong = 0;
    json_set_alloc_funcs(failing_malloc, counted_free);
    in_use = 0;
    for (long i = 0; i < 1000; i++) {
        json_t *j = NULL;
        mallocs_left = i;
        int err = ps_json_parse(&j, text, sizeof text - 1, NULL);
        json_decref(j);
        wrong += in_use != 0 || (err != 0 && err != PS_ENOMEM) || (err != 0) != (j == NULL);
        failures += err != 0;
        if (err == 0)
            break;
    }
    json_set_alloc_funcs(malloc, free);
    tap_ok(failures > 20 && failures < 1000, "each of %zu allocations failed once", failures);
    tap_is_uint(wrong, 0, "said so and lost nothing");
}

static void quoting(void) {
    struct ps_buf b;
    ps_buf_init(&b, 100);
    ps_json_quote(&b, "a\"b\\c箱\\");
    tap_is_uint(b.n, 14, "quoted");
    tap_is_mem(b.p, "\"a\\\"b\\\\c箱\\\\\"", 14, "with two escapes");
    ps_buf_reset(&b);
    ps_json_quote(&b, "");
    tap_is_mem(b.p, "\"\"", 2, "an empty string");
    ps_buf_free(&b);
}

int main(void) {
    table();
    memory();
    out_of_memory();
    quoting();
    return tap_done();
}
