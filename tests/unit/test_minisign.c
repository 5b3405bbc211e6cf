/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "evidence/minisign.h"

#include <unistd.h>

#include "tests/golden/sample.h"
#include "tests/unit/tap.h"

#define KEY_LINE "RWRQU2dvbGRlboqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"

static int parse_key(const char *text) {
    struct ps_pubkey k;
    return ps_minisign_pubkey_parse(&k, text, strlen(text));
}

static void keys(void) {
    size_t n = 0;
    uint8_t *p = sample_golden("clip.pub", &n);
    struct ps_pubkey k, bare;
    struct ps_buf b;
    char line[57], id[17];
    if (!tap_ok(p != NULL, "the golden key is there"))
        return;
    tap_is_int(ps_minisign_pubkey_parse(&k, p, n), 0, "it is read");
    ps_minisign_pubkey_text(&k, line);
    tap_is_str(line, KEY_LINE, "its line");
    ps_minisign_id_text(k.id, id);
    tap_is_str(id, "6E65646C6F675350", "its number as minisign prints it");
    ps_buf_init(&b, 1000);
    ps_minisign_pubkey_write(&b, &k, "PackSeal golden clip key, guards nothing");
    tap_ok(b.err == 0 && b.n == n, "it is written");
    tap_is_mem(b.p, p, n, "the same");
    ps_buf_reset(&b);
    ps_minisign_pubkey_write(&b, &k, "two\nlines");
    tap_is_int(b.err, PS_EINVAL, "a comment of two lines is not written");
    ps_buf_free(&b);
    tap_is_int(ps_minisign_pubkey_parse(&bare, line, 56), 0, "a bare line is a key");
    tap_is_mem(&bare, &k, sizeof k, "the same key");

    size_t accepted = 0;
    for (size_t len = 0; len + 1 < n; len++)
        accepted += ps_minisign_pubkey_parse(&k, p, len) == 0;
    tap_is_uint(accepted, 0, "no part of it is a key");
    for (size_t len = 0; len < 56; len++)
        accepted += ps_minisign_pubkey_parse(&k, line, len) == 0;
    tap_is_uint(accepted, 0, "nor of the line");
    free(p);

    tap_is_int(parse_key(KEY_LINE "\n"), 0, "a newline after it");
    tap_is_int(parse_key(KEY_LINE "\n\n"), PS_EFORMAT, "two newlines");
    tap_is_int(parse_key(KEY_LINE "x"), PS_EFORMAT, "trailing text");
    tap_is_int(parse_key(" " KEY_LINE), PS_EFORMAT, "a space before it");
    tap_is_int(parse_key("untrusted comment: a\x01\n" KEY_LINE "\n"), PS_EFORMAT,
               "a control character in the comment");
    tap_is_int(parse_key("untrusted comment:\n" KEY_LINE "\n"), PS_EFORMAT, "another first line");
    tap_is_int(parse_key("RURQU2dvbGRlboqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"), PS_EFORMAT,
               "another algorithm");
    tap_is_int(parse_key("RWRQU2dvbGRlboqI4910CfGV_VLbLTy6XXLKZwm_HZQSG_N0iAG0D29c"), PS_EFORMAT,
               "another alphabet");
}

/* What a verifier concludes of a signature file: 0 only for this statement, key and comment. */
static int judge(const struct ps_pubkey *k, const uint8_t *statement, size_t n, const void *sig, size_t sig_n,
                 struct ps_minisig *out) {
    int err = ps_minisign_sig_parse(out, sig, sig_n);
    return err != 0 ? err : ps_minisign_verify(out, k, statement, n);
}

static void mutations(const struct ps_pubkey *k, const uint8_t *p, size_t n, const uint8_t *sig,
                      size_t sig_n) {
    static const size_t comment_from = sizeof "untrusted comment: " - 1;
    size_t comment_to = (size_t)((const uint8_t *)memchr(sig, '\n', sig_n) - sig);
    struct ps_minisig first, other;
    uint8_t *q = malloc(sig_n + 1);
    size_t accepted = 0, harmless = 0;
    ps_minisign_sig_parse(&first, sig, sig_n);
    for (size_t bit = 0; bit < sig_n * 8; bit++) {
        memcpy(q, sig, sig_n);
        q[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (judge(k, p, n, q, sig_n, &other) != 0)
            continue;
        /* The untrusted comment is what its name says: it may be anything, and changes nothing. */
        if (bit / 8 >= comment_from && bit / 8 < comment_to && memcmp(&first, &other, sizeof first) == 0)
            harmless++;
        else
            accepted++;
    }
    tap_is_uint(accepted, 0, "every bit of the signature file but the untrusted comment counts");
    tap_ok(harmless > 0, "the untrusted comment is not covered");
    for (size_t len = 0; len < sig_n; len++) {
        uint8_t *part = malloc(len + 1);
        memcpy(part, sig, len);
        accepted += judge(k, p, n, part, len, &other) == 0;
        free(part);
    }
    tap_is_uint(accepted, 0, "no shorter file verifies");
    for (int byte = 0; byte < 256; byte++) {
        memcpy(q, sig, sig_n);
        q[sig_n] = (uint8_t)byte;
        accepted += judge(k, p, n, q, sig_n + 1, &other) == 0;
    }
    tap_is_uint(accepted, 0, "nor one with a byte more");
    free(q);
}

static void signatures(void) {
    size_t n = 0, sig_n = 0, key_n = 0;
    uint8_t *p = sample_golden("clip.json", &n), *sig = sample_golden("clip.json.minisig", &sig_n),
            *key = sample_golden("clip.pub", &key_n);
    struct sample *s = sample_new();
    struct ps_minisig m;
    struct ps_pubkey k, other;
    struct ps_buf b;
    if (!tap_ok(p != NULL && sig != NULL && key != NULL && ps_minisign_pubkey_parse(&k, key, key_n) == 0,
                "golden statement, signature and key are there"))
        goto out;
    tap_is_int(judge(&k, p, n, sig, sig_n, &m), 0, "the golden signature verifies");
    ps_buf_init(&b, PS_MAX_MINISIG);
    ps_minisign_sig_write(&b, &m, "signature by PackSeal");
    tap_ok(b.err == 0 && b.n == sig_n, "it is written");
    tap_is_mem(b.p, sig, sig_n, "the same");
    ps_buf_reset(&b);
    m = sample_sign(s, p, n);
    ps_minisign_sig_write(&b, &m, "signature by PackSeal");
    tap_ok(b.n == sig_n && memcmp(b.p, sig, sig_n) == 0, "signing again gives the same file");
    ps_buf_reset(&b);
    ps_minisign_sig_write(&b, &m, "a\nb");
    tap_is_int(b.err, PS_EINVAL, "an untrusted comment of two lines is not written");
    ps_buf_reset(&b);
    m.comment[0] = '\n';
    ps_minisign_sig_write(&b, &m, "a");
    tap_is_int(b.err, PS_EINVAL, "nor a trusted one");
    ps_buf_free(&b);

    mutations(&k, p, n, sig, sig_n);

    size_t accepted = 0;
    for (size_t i = 0; i < n; i++) {
        p[i] ^= (uint8_t)(1u << i * 7 % 8);
        accepted += judge(&k, p, n, sig, sig_n, &m) == 0;
        p[i] ^= (uint8_t)(1u << i * 7 % 8);
    }
    tap_is_uint(accepted, 0, "a bit of any byte of the statement counts");
    tap_is_int(judge(&k, p, n - 1, sig, sig_n, &m), PS_ESIG, "so does its last newline");
    other = k;
    other.id[0] ^= 1;
    tap_is_int(judge(&other, p, n, sig, sig_n, &m), PS_ENOENT, "another key number");
    other = k;
    memcpy(other.key, s->clip.ledger_key, 32);
    tap_is_int(judge(&other, p, n, sig, sig_n, &m), PS_ESIG, "another key under this number");

    tap_is_int(ps_minisign_sig_parse(&m, "", 0), PS_ESHORT, "an empty file");
    uint8_t large[PS_MAX_MINISIG + 1];
    memset(large, 'a', sizeof large);
    tap_is_int(ps_minisign_sig_parse(&m, large, sizeof large), PS_ELIMIT, "a file that is too long");
    sig[sizeof "untrusted comment: " - 1] = '\t';
    tap_is_int(ps_minisign_sig_parse(&m, sig, sig_n), 0, "comments may hold tabs, as those of minisign do");
out:
    free(s);
    free(p);
    free(sig);
    free(key);
}

/* ---- stock minisign, both ways ---- */

static bool put(const char *dir, const char *name, const void *p, size_t n) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "wb");
    bool ok = f != NULL && fwrite(p, 1, n, f) == n;
    return f != NULL && fclose(f) == 0 && ok;
}

static size_t get(const char *dir, const char *name, uint8_t *out, size_t cap) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    size_t n = f != NULL ? fread(out, 1, cap, f) : 0;
    if (f != NULL)
        fclose(f);
    return n;
}

/* `minisign ARGUMENTS` in the folder; its exit status. */
static int minisign(const char *dir, const char *arguments) {
    char command[512];
    snprintf(command, sizeof command, "cd '%s' && minisign %s >out 2>&1 </dev/null", dir, arguments);
    return system(command);
}

static void stock(void) {
    char dir[] = "/tmp/packseal-minisign-XXXXXX", line[300];
    uint8_t file[4096];
    size_t n;
    struct ps_pubkey k;
    struct ps_minisig m;
    if (system("command -v minisign >/dev/null") != 0) {
        tap_skip("minisign is not installed");
        return;
    }
    if (mkdtemp(dir) == NULL)
        tap_bail("mkdtemp");
    struct sample *s = sample_new();
    struct ps_buf b;
    ps_buf_init(&b, 4096);
    put(dir, "ours", "statement\n", 10);
    m = sample_sign(s, "statement\n", 10);
    ps_minisign_sig_write(&b, &m, "ours");
    put(dir, "ours.minisig", b.p, b.n);
    ps_buf_reset(&b);
    ps_minisign_pubkey_write(&b, &s->clip.key, "ours");
    put(dir, "ours.pub", b.p, b.n);
    tap_is_int(minisign(dir, "-V -H -p ours.pub -m ours"), 0, "minisign verifies ours");
    put(dir, "ours", "statement.\n", 11);
    tap_ok(minisign(dir, "-V -H -p ours.pub -m ours") != 0, "and refuses another statement");
    ps_buf_free(&b);
    free(s);

    tap_is_int(minisign(dir, "-G -W -f -p theirs.pub -s theirs.key"), 0, "minisign makes a key");
    put(dir, "theirs", "theirs", 6);
    tap_is_int(minisign(dir, "-S -s theirs.key -m theirs"), 0, "and a signature");
    n = get(dir, "theirs.pub", file, sizeof file);
    tap_is_int(ps_minisign_pubkey_parse(&k, file, n), 0, "we read the key");
    char id[17];
    ps_minisign_id_text(k.id, id);
    file[n < sizeof file ? n : 0] = '\0';
    /* minisign 0.11 prints no leading zeros. */
    tap_ok(strstr((char *)file, id + strspn(id, "0")) != NULL,
           "and give it the number that minisign wrote in its comment");
    n = get(dir, "theirs.minisig", file, sizeof file);
    tap_is_int(judge(&k, (const uint8_t *)"theirs", 6, file, n, &m), 0, "we verify the signature");
    tap_is_int(judge(&k, (const uint8_t *)"Theirs", 6, file, n, &m), PS_ESIG, "and refuse another text");
    tap_is_int(minisign(dir, "-S -l -s theirs.key -m theirs"), 0, "minisign signs in its legacy format");
    n = get(dir, "theirs.minisig", file, sizeof file);
    tap_is_int(ps_minisign_sig_parse(&m, file, n), PS_EVERSION, "which we refuse");
    snprintf(line, sizeof line, "rm -r '%s'", dir);
    if (system(line) != 0)
        tap_diag("%s is left behind", dir);
}

int main(void) {
    if (sodium_init() < 0)
        tap_bail("sodium_init");
    keys();
    signatures();
    stock();
    return tap_done();
}
