/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "evidence/note.h"

#include "tests/golden/sample_tlog.h"
#include "tests/unit/tap.h"

#define DASH "\xe2\x80\x94 "

/* The example of the specification (C2SP signed-note). */
#define FOO_KEY "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
#define FOO_SIG "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="
#define FOO_TEXT "This is an example message.\n"
#define FOO_LINE DASH "example.com/foo " FOO_SIG "\n"
#define ANY_LINE DASH "other AAAAAAA=\n" /* five bytes: of nobody */

static const struct {
    const char *line;
    int err;
    const char *what;
} vkeys[] = {
    {FOO_KEY, 0, "the specification's example"},
    {FOO_KEY "\n", 0, "with a line feed"},
    {FOO_KEY "\n\n", PS_EFORMAT, "with two"},
    {"", PS_EFORMAT, "nothing"},
    {"example.com/foo", PS_EFORMAT, "a name alone"},
    {"+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", PS_EFORMAT, "no name"},
    {"example.com/foo+530d903a", PS_EFORMAT, "no key"},
    {"example.com/foo+530d903a+", PS_EFORMAT, "an empty key"},
    {"example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", PS_EFORMAT, "capital digits"},
    {"example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", PS_EFORMAT, "another id"},
    {"example.com/fop+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", PS_EFORMAT, "another name"},
    {"example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2l", PS_EFORMAT, "another key"},
    {"example.com/foo+530d903a+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", PS_EVERSION, "ECDSA"},
    {"example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3Q==", PS_EFORMAT, "a shorter key"},
    {"a b+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", PS_EFORMAT, "a space in the name"},
};

static void keys(void) {
    struct ps_vkey k, made;
    struct ps_buf b;
    for (size_t i = 0; i < sizeof vkeys / sizeof vkeys[0]; i++)
        tap_is_int(ps_note_vkey_parse(&k, vkeys[i].line, strlen(vkeys[i].line)), vkeys[i].err, "vkey: %s",
                   vkeys[i].what);
    tap_ok(ps_note_vkey_parse(&k, FOO_KEY, strlen(FOO_KEY)) == 0 && k.type == PS_NOTE_ED25519 &&
               strcmp(k.name, "example.com/foo") == 0,
           "its name and type");
    tap_is_int(ps_note_vkey_make(&made, "example.com/foo", PS_NOTE_ED25519, k.key), 0, "made from its parts");
    tap_ok(ps_note_vkey_same(&made, &k) && memcmp(made.id, k.id, 4) == 0, "it is the same");
    ps_buf_init(&b, 1000);
    ps_note_vkey_write(&b, &made);
    tap_ok(b.err == 0 && b.n == strlen(FOO_KEY) && memcmp(b.p, FOO_KEY, b.n) == 0, "and written the same");
    ps_buf_free(&b);
    tap_is_int(ps_note_vkey_make(&made, "example.com/foo", PS_NOTE_COSIGNATURE, k.key), 0, "as a witness");
    tap_ok(!ps_note_vkey_same(&made, &k) && memcmp(made.id, k.id, 4) != 0, "it is another, with another id");
    tap_is_int(ps_note_vkey_make(&made, "x", 2, k.key), PS_EVERSION, "a type that is not known");

    static const char *const strange[] = {"",
                                          "a b",
                                          "a+b",
                                          "a\nb",
                                          "a\tb",
                                          "a\x7f",
                                          "a\xff",
                                          "a\xc2\xa0",
                                          "\xe1\x9a\x80",
                                          "a\xe2\x80\x83",
                                          "a\xe2\x80\x8a",
                                          "\xe2\x80\xa8",
                                          "\xe2\x80\xaf",
                                          "\xe2\x81\x9f",
                                          "\xe3\x80\x80x",
                                          "a\xc2\x85"};
    size_t taken = 0;
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++)
        taken += ps_note_vkey_make(&made, strange[i], PS_NOTE_ED25519, k.key) == 0;
    tap_is_uint(taken, 0, "white space, plus and control characters make no name");
    char longest[PS_NOTE_NAME + 2];
    memset(longest, 'x', sizeof longest);
    longest[PS_NOTE_NAME + 1] = '\0';
    tap_is_int(ps_note_vkey_make(&made, longest, PS_NOTE_ED25519, k.key), PS_ELIMIT, "a name too long");
    longest[PS_NOTE_NAME] = '\0';
    tap_is_int(ps_note_vkey_make(&made, longest, PS_NOTE_ED25519, k.key), 0, "the longest name");
    tap_is_int(ps_note_vkey_make(&made, "\xe5\xb0\x81\xe7\xae\xb1\xe2\x80\x8b", PS_NOTE_ED25519, k.key), 0,
               "a name in Chinese; U+200B is no space");
}

/* What a reader who holds this key says. The note lies at the very end of its memory. */
static int judge(const void *p, size_t n, const struct ps_vkey *k, uint64_t *time) {
    uint8_t *exact = malloc(n > 0 ? n : 1);
    struct ps_note note;
    memcpy(exact, p, n);
    int err = ps_note_parse(&note, exact, n);
    if (err == 0)
        err = ps_note_verify(&note, k, time);
    free(exact);
    return err;
}

static const struct {
    const char *text;
    int err;
    const char *what;
} notes[] = {
    {FOO_TEXT "\n" FOO_LINE, 0, "the specification's example"},
    {FOO_TEXT "\n" ANY_LINE FOO_LINE ANY_LINE, 0, "among others"},
    {FOO_TEXT "\n" FOO_LINE FOO_LINE, 0, "twice"},
    {FOO_TEXT "\n" ANY_LINE, PS_ENOENT, "by another alone"},
    {FOO_TEXT "\n" DASH "example.com/foo AAAAAAA=\n", PS_ENOENT, "the name with another id"},
    {FOO_TEXT "\n" DASH "example.com/fop " FOO_SIG "\n", PS_ENOENT, "the id with another name"},
    {FOO_TEXT "\n" DASH "example.com/foo Uw2QOgA=\n", PS_ESIG, "a signature of one byte"},
    {FOO_TEXT "\n" FOO_LINE DASH "example.com/foo Uw2QOgA=\n", PS_ESIG, "a good one and a bad one"},
    {"this is an example message.\n\n" FOO_LINE, PS_ESIG, "another text"},
    {FOO_TEXT "\n" FOO_TEXT "\n" FOO_LINE, PS_ESIG, "a text with a blank line before"},
    {"", PS_ESHORT, "nothing"},
    {FOO_TEXT, PS_EFORMAT, "no signature"},
    {FOO_TEXT FOO_LINE, PS_EFORMAT, "no blank line"},
    {FOO_TEXT "\n", PS_EFORMAT, "a blank line alone"},
    {"\n" FOO_LINE, PS_EFORMAT, "no text"},
    {FOO_TEXT "\n" FOO_LINE "\n", PS_EFORMAT, "a blank line at the end"},
    {FOO_TEXT "\n" FOO_LINE "x", PS_ESHORT, "a line without its end"},
    {FOO_TEXT "\n" FOO_LINE "x\n", PS_EFORMAT, "a line that is no signature"},
    {FOO_TEXT "\n- example.com/foo " FOO_SIG "\n", PS_EFORMAT, "a hyphen"},
    {FOO_TEXT "\n" DASH "example.com/foo  " FOO_SIG "\n", PS_EFORMAT, "two spaces"},
    {FOO_TEXT "\n" DASH "example.com/foo " FOO_SIG " \n", PS_EFORMAT, "a space at the end"},
    {FOO_TEXT "\n" DASH "example.com/foo " FOO_SIG "\r\n", PS_EFORMAT, "CR"},
    {FOO_TEXT "\n" DASH "example.com/foo\n", PS_EFORMAT, "a name alone"},
    {FOO_TEXT "\n" DASH " " FOO_SIG "\n", PS_EFORMAT, "no name"},
    {FOO_TEXT "\n" DASH "example.com/foo AAAAAA==\n", PS_EFORMAT, "an id alone"},
    {FOO_TEXT "\n" DASH "example.com/foo \n", PS_EFORMAT, "no base64"},
    {FOO_TEXT "\n" DASH "example.com/foo AAAAAAA\n" FOO_LINE, PS_EFORMAT, "no padding, though of nobody"},
    {FOO_TEXT "\n" DASH "example.com/foo AAAAAAB=\n" FOO_LINE, PS_EFORMAT, "spare bits"},
    {FOO_TEXT "\x01\n\n" FOO_LINE, PS_EFORMAT, "a control character"},
    {FOO_TEXT "\tx\n\n" FOO_LINE, PS_EFORMAT, "a tab"},
    {FOO_TEXT "\xff\n\n" FOO_LINE, PS_EFORMAT, "no UTF-8"},
};

static void forms(void) {
    struct ps_vkey foo;
    struct ps_note note;
    ps_note_vkey_parse(&foo, FOO_KEY, strlen(FOO_KEY));
    for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++)
        tap_is_int(judge(notes[i].text, strlen(notes[i].text), &foo, NULL), notes[i].err, "note: %s",
                   notes[i].what);

    struct ps_buf b;
    char post[6000];
    memset(post, 'A', sizeof post);
    ps_buf_init(&b, PS_NOTE_MAX + 1);
    ps_buf_text(&b, FOO_TEXT "\n" FOO_LINE DASH "quantum ");
    ps_buf_bytes(&b, post, 3232); /* 2424 bytes, as ML-DSA-44 with a time and an id would have about */
    ps_buf_text(&b, "\n");
    tap_is_int(judge(b.p, b.n, &foo, NULL), 0, "a signature of a longer kind is passed over");
    ps_note_parse(&note, b.p, b.n);
    tap_is_uint(note.sigs[1].n, 2420, "its length is told");
    ps_buf_reset(&b);
    ps_buf_text(&b, FOO_TEXT "\n" FOO_LINE);
    for (int i = 1; i < PS_NOTE_SIGNATURES; i++)
        ps_buf_text(&b, ANY_LINE);
    tap_is_int(judge(b.p, b.n, &foo, NULL), 0, "as many signatures as can be");
    ps_buf_text(&b, ANY_LINE);
    tap_is_int(judge(b.p, b.n, &foo, NULL), PS_ELIMIT, "one more");
    ps_buf_reset(&b);
    while (b.n < PS_NOTE_MAX - 200)
        ps_buf_text(&b, "x\n");
    ps_buf_text(&b, "\n" FOO_LINE);
    tap_is_int(judge(b.p, b.n, &foo, NULL), PS_ESIG, "a long text of another");
    while (b.n <= PS_NOTE_MAX)
        ps_buf_text(&b, "x");
    tap_is_int(judge(b.p, b.n, &foo, NULL), PS_ELIMIT, "too long a note");
    ps_buf_free(&b);
}

/* ---- the golden checkpoint ---- */

static void every_bit(const struct sample_tlog *t, const uint8_t *p, size_t n) {
    /* The note without the witness's line is a whole note too. */
    size_t without = n - 1, opened = 0, cosigned = 0, both = 0, cut = 0;
    struct ps_checkpoint c;
    uint8_t *q = malloc(n);
    while (p[without - 1] != '\n')
        without--;
    for (size_t bit = 0; bit < n * 8; bit++) {
        memcpy(q, p, n);
        q[bit / 8] ^= (uint8_t)(1u << bit % 8);
        bool log = ps_checkpoint_open(&c, q, n, &t->log) == 0, witness = judge(q, n, &t->witness, NULL) == 0;
        opened += log && bit / 8 < without;
        cosigned += witness && bit / 8 >= without;
        both += log && witness;
    }
    tap_is_uint(opened, 0, "no bit of the text or of the log's signature can be changed");
    tap_is_uint(cosigned, 0, "nor of the witness's");
    tap_is_uint(both, 0, "none for a reader who wants both");
    for (size_t len = 0; len < n; len++)
        cut += len != without && ps_checkpoint_open(&c, p, len, &t->log) == 0;
    tap_is_uint(cut, 0, "nor anything cut off");
    tap_is_int(ps_checkpoint_open(&c, p, without, &t->log), 0, "but the witness");
    free(q);
}

static void golden(const struct sample_tlog *t) {
    size_t n = 0;
    uint8_t *p = sample_golden("checkpoint", &n), root[32];
    struct ps_checkpoint c;
    struct ps_vkey other = t->log;
    struct ps_buf b;
    uint64_t time = 1;
    if (!tap_ok(p != NULL, "the golden checkpoint is there"))
        return;
    tap_is_int(ps_checkpoint_open(&c, p, n, &t->log), 0, "it opens");
    tap_ok(strcmp(c.origin, "packseal.invalid/ST03") == 0 && c.size == 130, "its origin and size");
    ps_merkle_root(&t->tree, 130, root);
    tap_is_mem(c.root, root, 32, "its root");
    tap_is_int(judge(p, n, &t->log, &time), 0, "the log has signed");
    tap_is_uint(time, 0, "without a time");
    tap_is_int(judge(p, n, &t->witness, &time), 0, "the witness has signed");
    tap_is_uint(time, SAMPLE_TLOG_TIME, "at this time");
    ps_buf_init(&b, PS_NOTE_MAX);
    sample_tlog_cosigned(t, &b);
    tap_ok(b.err == 0 && b.n == n && memcmp(b.p, p, n) == 0, "it is written the same");

    other.key[0] ^= 1;
    tap_is_int(ps_checkpoint_open(&c, p, n, &other), PS_ESIG, "another key of the same name and id");
    tap_ok(c.size == 0 && c.origin[0] == '\0', "leaves nothing");
    ps_note_vkey_make(&other, "packseal.invalid/ST03/2", PS_NOTE_ED25519, t->log.key);
    tap_is_int(ps_checkpoint_open(&c, p, n, &other), PS_ENOENT, "the same key under another origin");
    tap_is_int(ps_checkpoint_open(&c, p, n, &t->witness), PS_EINVAL, "a witness is no log");
    every_bit(t, p, n);
    ps_buf_free(&b);
    free(p);
}

/* ---- checkpoints ---- */

#define ROOT "48E5u2KxLIqjd/Y7uyd60L/ynPv+70N4/RRgBKPGfEQ="
#define EMPTY "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
static const struct {
    const char *text;
    int err;
    const char *what;
} texts[] = {
    {"a\n1\n" ROOT "\n", 0, "three lines"},
    {"a\n0\n" EMPTY "\n", 0, "an empty tree"},
    {"a\n9223372036854775807\n" ROOT "\n", 0, "the largest tree"},
    {"a\n1\n" ROOT "\nextension\nanother one\n", 0, "extensions"},
    {"a\n0\n" ROOT "\n", PS_EFORMAT, "an empty tree with another root"},
    {"a\n9223372036854775808\n" ROOT "\n", PS_EFORMAT, "a larger tree"},
    {"a\n18446744073709551617\n" ROOT "\n", PS_EFORMAT, "a number that wraps"},
    {"a\n01\n" ROOT "\n", PS_EFORMAT, "a leading zero"},
    {"a\n+1\n" ROOT "\n", PS_EFORMAT, "a sign"},
    {"a\n-1\n" ROOT "\n", PS_EFORMAT, "a minus"},
    {"a\n 1\n" ROOT "\n", PS_EFORMAT, "a space"},
    {"a\n1 \n" ROOT "\n", PS_EFORMAT, "a space after"},
    {"a\n\n" ROOT "\n", PS_EFORMAT, "no size"},
    {"a\n0x1\n" ROOT "\n", PS_EFORMAT, "hexadecimal"},
    {"\n1\n" ROOT "\n", PS_EFORMAT, "no origin"},
    {"a b\n1\n" ROOT "\n", PS_EFORMAT, "a space in the origin"},
    {"a\n1\n" ROOT, PS_ESHORT, "no end"},
    {"a\n1\n", PS_ESHORT, "no root"},
    {"a\n", PS_ESHORT, "no size"},
    {"", PS_ESHORT, "nothing"},
    {"a\n1\n" ROOT "\nx", PS_ESHORT, "an extension without its end"},
    {"a\n1\n" ROOT "\n\n", PS_EFORMAT, "an empty extension"},
    {"a\n1\n" ROOT "\nx\n\ny\n", PS_EFORMAT, "an empty line between extensions"},
    {"a\n1\n" ROOT "=\n", PS_EFORMAT, "a root with more padding"},
    {"a\n1\n48E5u2KxLIqjd/Y7uyd60L/ynPv+70N4/RRgBKPGfE==\n", PS_EFORMAT, "a root of 31 bytes"},
    {"a\n1\n48E5u2KxLIqjd/Y7uyd60L/ynPv+70N4/RRgBKPGfER=\n", PS_EFORMAT, "a root with spare bits"},
    {"a\n1\n48E5u2KxLIqjd_Y7uyd60L_ynPv-70N4_RRgBKPGfEQ=\n", PS_EFORMAT, "a root in another alphabet"},
};

static void checkpoints(const struct sample_tlog *t) {
    struct ps_checkpoint c, back;
    struct ps_buf text, note;
    ps_buf_init(&text, PS_NOTE_MAX);
    ps_buf_init(&note, PS_NOTE_MAX);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t n = strlen(texts[i].text);
        char *exact = malloc(n + 1);
        memcpy(exact, texts[i].text, n);
        exact = realloc(exact, n > 0 ? n : 1);
        tap_is_int(ps_checkpoint_parse(&c, exact, n), texts[i].err, "checkpoint: %s", texts[i].what);
        free(exact);
    }
    for (uint64_t size = 0; size <= SAMPLE_TLOG_SIZE; size += 13) {
        ps_buf_reset(&text);
        memset(&c, 0, sizeof c);
        snprintf(c.origin, sizeof c.origin, "x.example/log");
        c.size = size;
        ps_merkle_root(&t->tree, size, c.root);
        ps_checkpoint_write(&text, &c);
        if (text.err != 0 || ps_checkpoint_parse(&back, (char *)text.p, text.n) != 0 ||
            memcmp(&c, &back, sizeof c) != 0)
            tap_fail("size %llu is written and read again", (unsigned long long)size);
    }
    tap_pass("what is written is read again as the same");
    snprintf(c.origin, sizeof c.origin, "x y");
    ps_checkpoint_write(&text, &c);
    tap_is_int(text.err, PS_EINVAL, "an origin that is none is not written");

    /* A log that signs under its own name, but speaks of another's tree. */
    static const char foreign[] = "packseal.invalid/ST04\n1\n" ROOT "\n",
                      prose[] = "packseal.invalid/ST03\nx\n" ROOT "\n";
    sample_tlog_note(t, foreign, sizeof foreign - 1, &note);
    tap_is_int(ps_checkpoint_open(&c, note.p, note.n, &t->log), PS_ESIG, "another origin than the key's");
    ps_buf_reset(&note);
    sample_tlog_note(t, prose, sizeof prose - 1, &note);
    tap_is_int(ps_checkpoint_open(&c, note.p, note.n, &t->log), PS_EFORMAT,
               "a signed text that is no checkpoint");
    ps_buf_free(&text);
    ps_buf_free(&note);
}

/* ---- cosignatures and stamped bytes ---- */

static void cosignatures(const struct sample_tlog *t) {
    static const char text[] = "packseal.invalid/ST03\n1\n" ROOT "\n";
    struct ps_buf b, bad;
    uint64_t time = 0;
    uint8_t sig[64] = {0};
    ps_buf_init(&b, PS_NOTE_MAX);
    sample_tlog_note(t, text, sizeof text - 1, &b);
    sample_tlog_cosign(t, text, sizeof text - 1, 5000, &b);
    sample_tlog_cosign(t, text, sizeof text - 1, 4000, &b);
    sample_tlog_cosign(t, text, sizeof text - 1, 0, &b);
    tap_is_int(judge(b.p, b.n, &t->witness, &time), 0, "three cosignatures of one witness");
    tap_is_uint(time, 0, "the earliest counts");
    tap_is_int(judge(b.p, b.n, &t->witness, NULL), 0, "nobody need ask for the time");
    sample_tlog_cosign(t, text, sizeof text - 2, 6000, &b);
    tap_is_int(judge(b.p, b.n, &t->witness, &time), PS_ESIG, "one of another text spoils the note");
    tap_is_uint(time, 0, "and tells no time");
    ps_buf_reset(&b);
    sample_tlog_note(t, text, sizeof text - 1, &b);
    ps_note_append(&b, &t->witness, sig);
    tap_is_int(b.err, PS_EINVAL, "a witness signs with a time");
    ps_buf_init(&bad, PS_NOTE_MAX);
    ps_note_append_cosignature(&bad, &t->log, 1, sig);
    tap_is_int(bad.err, PS_EINVAL, "a log without");
    ps_buf_free(&bad);
    ps_buf_init(&bad, PS_NOTE_MAX);
    ps_note_append_cosignature(&bad, &t->witness, (uint64_t)1 << 63, sig);
    tap_is_int(bad.err, PS_EINVAL, "no time beyond 2^63 - 1 is written");
    ps_buf_free(&bad);

    /* Nor read, though it is signed: the line is made by hand. */
    char line[200];
    uint8_t raw[76] = {0};
    struct ps_buf covered;
    ps_buf_init(&covered, PS_NOTE_MAX);
    ps_note_cosigned(&covered, text, sizeof text - 1, (uint64_t)1 << 63);
    memcpy(raw, t->witness.id, 4);
    raw[4] = 0x80;
    crypto_sign_detached(raw + 12, NULL, covered.p, covered.n, t->witness_secret);
    sodium_bin2base64(line, sizeof line, raw, sizeof raw, sodium_base64_VARIANT_ORIGINAL);
    ps_buf_free(&b);
    ps_buf_init(&b, PS_NOTE_MAX);
    ps_buf_fmt(&b, "%s\n" DASH "%s %s\n", text, t->witness.name, line);
    tap_is_int(judge(b.p, b.n, &t->witness, &time), PS_ESIG, "a time beyond 2^63 - 1 is none");
    /* The key of a witness, held as that of a log, and the other way round. */
    struct ps_vkey swapped;
    ps_note_vkey_make(&swapped, t->witness.name, PS_NOTE_ED25519, t->witness.key);
    tap_is_int(judge(b.p, b.n, &swapped, NULL), PS_ENOENT, "the type is part of the key's id");
    ps_buf_free(&covered);
    ps_buf_free(&b);
}

static void stamped(const struct sample_tlog *t) {
    size_t n = 0;
    uint8_t *p = sample_golden("checkpoint", &n);
    struct ps_buf with, without, b;
    struct ps_vkey other;
    ps_buf_init(&with, PS_NOTE_MAX);
    ps_buf_init(&without, PS_NOTE_MAX);
    ps_buf_init(&b, PS_NOTE_MAX);
    sample_tlog_checkpoint(t, SAMPLE_TLOG_SIZE, &b);
    tap_is_int(ps_checkpoint_stamped(&with, p, n, &t->log), 0, "stamped bytes of the golden checkpoint");
    tap_is_int(ps_checkpoint_stamped(&without, b.p, b.n, &t->log), 0, "and of it without the witness");
    tap_ok(with.n == without.n && memcmp(with.p, without.p, with.n) == 0, "are the same");
    tap_ok(with.n == b.n && memcmp(with.p, b.p, b.n) == 0, "they are the note that the log made");
    ps_note_vkey_make(&other, "packseal.invalid/ST03/2", PS_NOTE_ED25519, t->log.key);
    ps_buf_reset(&with);
    tap_is_int(ps_checkpoint_stamped(&with, p, n, &other), PS_ENOENT, "none of a log that has not signed");
    /* The same line twice: two places that a later reader might take. */
    struct ps_note note;
    ps_note_parse(&note, b.p, b.n);
    ps_note_append(&b, &t->log, note.sigs[0].sig);
    tap_is_int(ps_checkpoint_stamped(&with, b.p, b.n, &t->log), PS_EFORMAT, "nor of one that signed twice");
    tap_is_uint(with.n, 0, "and nothing is written");
    p[3] ^= 1;
    tap_is_int(ps_checkpoint_stamped(&with, p, n, &t->log), PS_ESIG, "nor of a changed one");
    ps_buf_free(&with);
    ps_buf_free(&without);
    ps_buf_free(&b);
    free(p);
}

int main(void) {
    if (sodium_init() < 0)
        return 1;
    struct sample_tlog *t = sample_tlog_new();
    keys();
    forms();
    golden(t);
    checkpoints(t);
    cosignatures(t);
    stamped(t);
    sample_tlog_free(t);
    return tap_done();
}
