/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "evidence/bytes.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/error.h"
#include "evidence/sha256.h"
#include "tests/unit/tap.h"

static void reading(void) {
    static const uint8_t in[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    struct ps_rd r = ps_rd_of(in, sizeof in);
    tap_is_uint(ps_rd_u8(&r), 1, "u8");
    tap_is_uint(ps_rd_u16(&r), 0x0203, "u16");
    tap_is_uint(ps_rd_u32(&r), 0x04050607, "u32");
    tap_is_uint(ps_rd_u64(&r), 0x08090a0b0c0d0e0f, "u64");
    tap_is_int(ps_rd_end(&r), 0, "all was read");
    tap_is_uint(ps_rd_u8(&r), 0, "past the end there are zeros");
    tap_is_int(ps_rd_end(&r), PS_ESHORT, "and an error");

    r = ps_rd_of(in, sizeof in);
    tap_is_uint(ps_rd_u16le(&r), 0x0201, "u16le");
    tap_is_uint(ps_rd_u32le(&r), 0x06050403, "u32le");
    tap_is_uint(ps_rd_u64le(&r), 0x0e0d0c0b0a090807, "u64le");
    tap_is_int(ps_rd_end(&r), PS_ETRAIL, "a byte that is left is an error");
    tap_is_uint(ps_rd_u16(&r), 0, "a field that does not fit gives zero");
    tap_is_uint(ps_rd_u8(&r), 0, "and what would fit is not read after it");

    uint8_t out[4] = {9, 9, 9, 9};
    r = ps_rd_of(in, 3);
    ps_rd_bytes(&r, out, 4);
    tap_is_mem(out, "\0\0\0\0", 4, "bytes that are not there are zeros");
    r = ps_rd_of(in, sizeof in);
    struct ps_rd sub = ps_rd_sub(&r, 2);
    tap_ok(sub.left == 2 && r.left == sizeof in - 2, "a cursor over a part");
    tap_is_uint(ps_rd_u32(&sub), 0, "does not see beyond its part");
    sub = ps_rd_sub(&r, SIZE_MAX);
    tap_ok(sub.err == PS_ESHORT && sub.left == 0, "a part past the end is empty and failed");
    r = ps_rd_of(NULL, 0);
    tap_ok(ps_rd_skip(&r, 0) != NULL && ps_rd_end(&r) == 0, "nothing of nothing is found");
}

static void strings(void) {
    char out[5];
    struct ps_rd r = ps_rd_of("\0\4abcd", 6);
    ps_rd_str(&r, out, sizeof out);
    tap_is_str(out, "abcd", "a string that just fits");
    tap_is_int(ps_rd_end(&r), 0, "is read to its end");
    r = ps_rd_of("\0\5abcde", 7);
    ps_rd_str(&r, out, sizeof out);
    tap_is_int(r.err, PS_ELIMIT, "one byte more is beyond the bound");
    tap_is_str(out, "", "and leaves nothing");
    r = ps_rd_of("\0\4abc", 5);
    ps_rd_str(&r, out, sizeof out);
    tap_is_int(r.err, PS_ESHORT, "a string longer than what is left");
    r = ps_rd_of("\0\2a\0", 4);
    ps_rd_str(&r, out, sizeof out);
    tap_is_int(r.err, PS_EFORMAT, "NUL is no text");
}

static void writing(void) {
    struct ps_buf b;
    ps_buf_init(&b, 1000);
    ps_buf_u8(&b, 1);
    ps_buf_u16(&b, 0x0203);
    ps_buf_u32(&b, 0x04050607);
    ps_buf_u64(&b, 0x08090a0b0c0d0e0f);
    ps_buf_u16le(&b, 0x1110);
    ps_buf_u32le(&b, 0x15141312);
    ps_buf_u64le(&b, 0x1d1c1b1a19181716);
    ps_buf_str(&b, "箱");
    ps_buf_text(&b, "ab");
    ps_buf_fmt(&b, "%d-%s", 42, "x");
    static const uint8_t want[] =
        "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15"
        "\x16\x17\x18\x19\x1a\x1b\x1c\x1d\0\3\xe7\xae\xb1"
        "ab42-x";
    tap_is_uint(b.n, sizeof want - 1, "as many bytes as were written");
    tap_is_mem(b.p, want, sizeof want - 1, "in the right order");
    tap_is_int(b.err, 0, "without an error");
    ps_buf_reset(&b);
    tap_ok(b.n == 0 && b.err == 0, "reset empties");

    char *s = malloc(900);
    memset(s, 'q', 899);
    s[899] = '\0';
    ps_buf_fmt(&b, "%s", s);
    tap_ok(b.n == 899 && b.p[898] == 'q', "a long formatted text");
    ps_buf_fmt(&b, "%s", s);
    tap_ok(b.err == PS_ELIMIT && b.n == 899, "never beyond the maximum");
    ps_buf_u8(&b, 1);
    tap_ok(b.n == 899, "and nothing after the first failure");
    ps_buf_reset(&b);
    for (int i = 0; i < 1000; i++)
        ps_buf_u8(&b, (uint8_t)i);
    tap_ok(b.err == 0 && b.n == 1000 && b.cap <= 1000 && b.p[999] == (uint8_t)999,
           "up to the maximum byte by byte");
    ps_buf_u8(&b, 1);
    tap_is_int(b.err, PS_ELIMIT, "one more is refused");
    ps_buf_reset(&b);
    ps_buf_str(&b, "a\nb");
    tap_is_int(b.err, PS_EINVAL, "a string that no reader would take is not written");
    free(s);
    ps_buf_free(&b);
    ps_buf_init(&b, 0);
    ps_buf_bytes(&b, "", 0);
    tap_is_int(b.err, 0, "nothing fits into a buffer of nothing");
    ps_buf_u8(&b, 1);
    tap_is_int(b.err, PS_ELIMIT, "something does not");
    ps_buf_free(&b);
}

static void hex(void) {
    char out[9];
    uint8_t back[4];
    ps_bytes_hex(out, "\x00\x9f\xab\xff", 4);
    tap_is_str(out, "009fabff", "hexadecimal is lower case");
    tap_is_int(ps_bytes_unhex(back, 4, out, 8), 0, "and read back");
    tap_is_mem(back, "\x00\x9f\xab\xff", 4, "the same");
    tap_is_int(ps_bytes_unhex(back, 4, out, 7), PS_EFORMAT, "an odd length");
    tap_is_int(ps_bytes_unhex(back, 3, out, 8), PS_EFORMAT, "another length");
    tap_is_int(ps_bytes_unhex(back, 4, "009FABFF", 8), PS_EFORMAT, "upper case");
    tap_is_int(ps_bytes_unhex(back, 4, "009fabf ", 8), PS_EFORMAT, "a space");
    tap_is_int(ps_bytes_unhex(back, 4, "0x9fabff", 8), PS_EFORMAT, "a prefix");
}

static void text(void) {
    static const struct {
        const char *s;
        bool ok;
        const char *what;
    } t[] = {
        {"", true, "nothing"},
        {"plain", true, "ASCII"},
        {"\x1f", false, "a control character"},
        {"\x7f", false, "DEL"},
        {"\xc2\xa0", true, "U+00A0"},
        {"\xc2\x9f", false, "U+009F"},
        {"\xc2\x80", false, "U+0080"},
        {"箱", true, "three bytes"},
        {"\xf0\x9f\x93\xa6", true, "four bytes"},
        {"\xf4\x8f\xbf\xbf", true, "U+10FFFF"},
        {"\xf4\x90\x80\x80", false, "past U+10FFFF"},
        {"\xf5\x80\x80\x80", false, "a lead byte that is none"},
        {"\xc0\xaf", false, "overlong, two bytes"},
        {"\xc1\xbf", false, "overlong, two bytes, last"},
        {"\xe0\x9f\xbf", false, "overlong, three bytes"},
        {"\xe0\xa0\x80", true, "U+0800"},
        {"\xf0\x8f\xbf\xbf", false, "overlong, four bytes"},
        {"\xf0\x90\x80\x80", true, "U+10000"},
        {"\xed\x9f\xbf", true, "U+D7FF"},
        {"\xed\xa0\x80", false, "a surrogate"},
        {"\xee\x80\x80", true, "U+E000"},
        {"\x80", false, "a continuation alone"},
        {"\xe7\xae", false, "a cut character"},
        {"a\xe7\xae", false, "a cut character after a whole one"},
        {"\xe7\xae\x41", false, "a character that goes on as another"},
    };
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++)
        tap_is_int(ps_bytes_is_text(t[i].s, strlen(t[i].s)), t[i].ok, "text: %s", t[i].what);
    tap_ok(!ps_bytes_is_text("a\0b", 3), "text: NUL");
    tap_ok(ps_bytes_is_ascii(" ~", 2) && !ps_bytes_is_ascii("\x7f", 1) && !ps_bytes_is_ascii("\t", 1) &&
               !ps_bytes_is_ascii("\xe7", 1),
           "printable ASCII is 0x20 to 0x7E");
}

static void errors(void) {
    struct ps_why why;
    char hostile[400];
    for (int err = 0; err >= PS_EFULL; err--) {
        if (strcmp(ps_error_text(err), "unknown error") == 0)
            tap_fail("error %d has a text", err);
    }
    tap_is_str(ps_error_text(PS_EFULL - 1), "unknown error", "one beyond the last has none");
    tap_is_str(ps_error_text(INT_MIN), "unknown error", "nor has the smallest number");
    tap_is_str(ps_error_text(12), "no error", "a count is no error");
    tap_is_int(ps_error_why(NULL, PS_EIO, "x", "y"), PS_EIO, "why may be absent");
    tap_is_int(ps_error_why(&why, PS_EIO, "clip.json", "byte %d", 7), PS_EIO, "the error is returned");
    tap_is_str(why.where, "clip.json", "where");
    tap_is_str(why.text, "byte 7", "why");
    ps_error_why(&why, PS_EIO, "a\x1b[31m", "箱\xff\n%s", "ok");
    tap_is_str(why.where, "a?[31m", "no terminal sequence gets through");
    tap_is_str(why.text, "箱??ok", "nor what is not UTF-8");
    for (size_t i = 0; i + 3 < sizeof hostile; i += 3)
        memcpy(hostile + i, "箱", 4);
    ps_error_why(&why, PS_EIO, hostile, "%s", hostile);
    tap_ok(ps_bytes_is_text(why.where, strlen(why.where)) && ps_bytes_is_text(why.text, strlen(why.text)),
           "a character that was cut in two is replaced");
}

static void digests(void) {
    uint8_t out[32], parts[32];
    char text_out[65];
    ps_sha256(out, "abc", 3);
    ps_bytes_hex(text_out, out, 32);
    tap_is_str(text_out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
               "SHA-256 of abc");
    ps_sha256(out, "", 0);
    ps_bytes_hex(text_out, out, 32);
    tap_is_str(text_out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
               "SHA-256 of nothing");

    uint8_t data[1000];
    struct ps_sha256 h, copy;
    bool same = true;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 31);
    ps_sha256(out, data, sizeof data);
    for (size_t cut = 0; cut <= sizeof data; cut++) {
        ps_sha256_init(&h);
        ps_sha256_update(&h, data, cut);
        copy = h;
        ps_sha256_update(&h, "other", 5);
        ps_sha256_update(&copy, data + cut, sizeof data - cut);
        ps_sha256_final(&copy, parts);
        same = same && memcmp(out, parts, 32) == 0;
    }
    tap_ok(same, "in two pieces, cut anywhere, by a copied state");
}

int main(void) {
    reading();
    strings();
    writing();
    hex();
    text();
    errors();
    digests();
    return tap_done();
}
