/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "evidence/cert.h"

#include "tests/golden/sample_tlog.h"
#include "tests/unit/tap.h"

static int parse(const void *p, size_t n, struct ps_why *why) {
    char *exact = malloc(n > 0 ? n : 1);
    struct ps_cert c;
    memcpy(exact, p, n);
    int err = ps_cert_parse(&c, exact, n, why);
    free(exact);
    return err;
}

static int parse_revocation(const void *p, size_t n, struct ps_why *why) {
    char *exact = malloc(n > 0 ? n : 1);
    struct ps_revocation r;
    memcpy(exact, p, n);
    int err = ps_cert_parse_revocation(&r, exact, n, why);
    free(exact);
    return err;
}

static void golden(const struct sample_tlog *t) {
    size_t n = 0, sig_n = 0, key_n = 0, opened = 0, cut = 0;
    uint8_t *p = sample_golden("cert.json", &n), *sig = sample_golden("cert.json.minisig", &sig_n),
            *key = sample_golden("root.pub", &key_n);
    struct ps_cert c, want = sample_tlog_cert(t);
    struct ps_pubkey root;
    struct ps_buf b;
    struct ps_why why;
    char comment[PS_CERT_COMMENT];
    if (!tap_ok(p != NULL && sig != NULL && key != NULL && ps_minisign_pubkey_parse(&root, key, key_n) == 0,
                "the golden certificate, signature and root are there"))
        return;
    tap_is_int(ps_cert_open(&c, p, n, sig, sig_n, &root, &why), 0, "it opens (%s)", why.text);
    tap_ok(strcmp(c.merchant, want.merchant) == 0 && strcmp(c.station, "ST03") == 0 && c.serial == 7 &&
               c.from_ns == want.from_ns && c.until_ns == want.until_ns,
           "merchant, station, serial and limits");
    tap_ok(memcmp(&c.clip_key, &want.clip_key, sizeof c.clip_key) == 0 &&
               ps_note_vkey_same(&c.ledger_key, &want.ledger_key),
           "both keys");
    ps_buf_init(&b, PS_CERT_MAX);
    ps_cert_write(&c, &b);
    tap_ok(b.err == 0 && b.n == n && memcmp(b.p, p, n) == 0, "it is written the same");
    ps_cert_comment(&c, p, n, comment);
    ps_buf_reset(&b);
    sample_tlog_sign(t, p, n, comment, &b);
    tap_ok(b.err == 0 && b.n == sig_n && memcmp(b.p, sig, sig_n) == 0, "and signed the same");
    ps_buf_reset(&b);
    sample_tlog_sign(t, p, n, "timestamp:1700000000\tfile:cert.json\thashed", &b);
    tap_is_int(ps_cert_open(&c, p, n, b.p, b.n, &root, &why), 0, "stock minisign's comment will do");

    tap_is_int(ps_cert_open(&c, p, n, sig, sig_n, &t->s->clip.key, &why), PS_ENOENT,
               "another key did not sign");
    tap_ok(c.serial == 0 && c.station[0] == '\0', "and nothing is told");
    for (size_t bit = 0; bit < n * 8; bit++) {
        p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        opened += ps_cert_open(&c, p, n, sig, sig_n, &root, &why) == 0;
        p[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    tap_is_uint(opened, 0, "every bit counts");
    for (size_t len = 0; len < n; len++) {
        cut += ps_cert_open(&c, p, len, sig, sig_n, &root, &why) == 0;
        /* Even as JSON only the last line feed can go. */
        cut += len != n - 1 && parse(p, len, &why) == 0;
    }
    tap_is_uint(cut, 0, "no shorter text opens");
    /* The untrusted comment, on the first line, is covered by nothing. */
    size_t from = (size_t)((uint8_t *)memchr(sig, '\n', sig_n) - sig);
    for (size_t bit = from * 8; bit < sig_n * 8; bit++) {
        sig[bit / 8] ^= (uint8_t)(1u << bit % 8);
        opened += ps_cert_open(&c, p, n, sig, sig_n, &root, &why) == 0;
        sig[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    tap_is_uint(opened, 0, "of the signature too");
    tap_is_int(ps_cert_open(&c, p, n, sig, 0, &root, &why), PS_ESHORT, "an empty signature");
    ps_buf_free(&b);
    free(p);
    free(sig);
    free(key);
}

/* ---- what is no certificate: the golden one with a part replaced ---- */

#define KEY "RWRQU2dvbGRlboqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"
static const struct {
    const char *from, *to;
    int err;
    const char *where, *what;
} cases[] = {
    {"packseal-cert", "packseal-clip", PS_EFORMAT, "type", "another type"},
    {"\"version\":1", "\"version\":2", PS_EVERSION, "version", "another version"},
    {"\"crit\":[]", "\"crit\":[\"serial\"]", 0, NULL, "a known key as critical"},
    {"\"crit\":[]", "\"crit\":[\"scope\"],\"scope\":1", PS_EVERSION, "crit", "an unknown critical key"},
    {"\"crit\":[]", "\"crit\":[\"scope\"]", PS_EVERSION, "crit", "one that is not even there"},
    {"\"crit\":[]", "\"crit\":[\"type version\"]", PS_EVERSION, "crit", "two names in one"},
    {"\"crit\":[]", "\"crit\":[1]", PS_EFORMAT, "crit", "a number as critical"},
    {"\"crit\":[]", "\"crit\":{}", PS_EFORMAT, "crit", "crit that is no list"},
    {"\"crit\":[]", "\"crit\":[],\"scope\":1", 0, NULL, "an unknown key"},
    {"\"crit\":[]", "\"crit\":[],\"crit\":[]", PS_EFORMAT, NULL, "a key twice"},
    {"\"crit\":[],", "", PS_EFORMAT, "crit", "no crit"},
    {"\"merchant\":\"封箱 \\\"店\\\"\",\n", "", PS_EFORMAT, "merchant", "no merchant"},
    {"封箱 \\\"店\\\"", "", PS_EFORMAT, "merchant", "an empty merchant"},
    {"封箱 \\\"店\\\"", "0123456789012345678901234567890123456789012345678901234567890123", 0, NULL,
     "the longest merchant"},
    {"封箱 \\\"店\\\"", "01234567890123456789012345678901234567890123456789012345678901234", PS_ELIMIT,
     "merchant", "a merchant too long"},
    {"封箱", "\x07", PS_EFORMAT, NULL, "a control character"},
    {"\"ST03\"", "3", PS_EFORMAT, "station", "a number as station"},
    {"\"ST03\"", "\"ST/03\"", PS_EFORMAT, "station", "a station that is none"},
    {"\"ST03\"", "\"-T03\"", PS_EFORMAT, "station", "a station like an option"},
    {"\"ST03\"", "\"ABCDEFGHIJKLMNOPQ\"", PS_ELIMIT, "station", "a station too long"},
    {KEY, "RWRQU2dvbGRl", PS_EFORMAT, "clip_key", "half a key"},
    {KEY, KEY "x", PS_ELIMIT, "clip_key", "a longer key"},
    {"+6cee08c0+", "+6cee08c1+", PS_EFORMAT, "ledger_key", "a log's key with another id"},
    {"packseal.invalid/ST03+6cee08c0+AYE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU",
     "witness.example/w1+141f260a+BMqTrBcFGHBx1nuDx/8O/oEI6OxFMFdddyaHkzPb2r58", PS_EFORMAT, "ledger_key",
     "a witness's key as a log's"},
    {"2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00Z", PS_EFORMAT, "from", "a time without milliseconds"},
    {"2026-01-01T00:00:00.000Z", "2028-01-01T00:00:00.000Z", PS_EFORMAT, "until", "no time between"},
    {"2026-01-01T00:00:00.000Z", "2028-01-01T00:00:00.001Z", PS_EFORMAT, "until", "an end before the start"},
    {"2028-01-01T00:00:00.000Z", "2028-02-30T00:00:00.000Z", PS_EFORMAT, "until", "a day that is none"},
    {"\"serial\":7", "\"serial\":-7", PS_EFORMAT, "serial", "a negative serial"},
    {"\"serial\":7", "\"serial\":\"7\"", PS_EFORMAT, "serial", "a serial in quotes"},
    {"\"serial\":7", "\"serial\":9007199254740991", 0, NULL, "the largest serial"},
    {"\"serial\":7", "\"serial\":9007199254740992", PS_ELIMIT, NULL, "a larger one"},
    {",\n\"serial\":7", "", PS_EFORMAT, "serial", "no serial"},
    {"7}", "7}}", PS_EFORMAT, NULL, "bytes behind"},
    {"7}\n", "7}", 0, NULL, "no line feed at the end"},
    {"7}\n", "7}\n\n", PS_EFORMAT, NULL, "two"},
};

static void forms(void) {
    size_t n = 0;
    uint8_t *p = sample_golden("cert.json", &n);
    struct ps_buf b;
    struct ps_why why;
    for (size_t i = 0; p != NULL && i < sizeof cases / sizeof cases[0]; i++) {
        const uint8_t *at = memmem(p, n, cases[i].from, strlen(cases[i].from));
        if (at == NULL) {
            tap_fail("%s: the golden certificate has it", cases[i].what);
            continue;
        }
        size_t before = (size_t)(at - p), after = before + strlen(cases[i].from);
        ps_buf_init(&b, PS_CERT_MAX);
        ps_buf_bytes(&b, p, before);
        ps_buf_text(&b, cases[i].to);
        ps_buf_bytes(&b, p + after, n - after);
        why = (struct ps_why){"", ""};
        tap_is_int(parse(b.p, b.n, &why), cases[i].err, "%s (%s)", cases[i].what, why.text);
        if (cases[i].where != NULL)
            tap_is_str(why.where, cases[i].where, "%s: where", cases[i].what);
        tap_is_int(parse_revocation(b.p, b.n, &why) == 0, 0, "%s: is no revocation", cases[i].what);
        ps_buf_free(&b);
    }
    ps_buf_init(&b, PS_CERT_MAX + 1);
    while (b.n < PS_CERT_MAX - n)
        ps_buf_text(&b, " ");
    ps_buf_bytes(&b, p, n);
    tap_is_int(parse(b.p, b.n, &why), 0, "a text of the largest size");
    ps_buf_reset(&b);
    while (b.n <= PS_CERT_MAX - n)
        ps_buf_text(&b, " ");
    ps_buf_bytes(&b, p, n);
    tap_is_int(parse(b.p, b.n, &why), PS_ELIMIT, "a byte larger");
    tap_is_int(parse("", 0, &why), PS_EFORMAT, "nothing");
    ps_buf_free(&b);
    free(p);
}

static int write_err(const struct ps_cert *c) {
    struct ps_buf b;
    ps_buf_init(&b, PS_CERT_MAX);
    ps_cert_write(c, &b);
    int err = b.err;
    ps_buf_free(&b);
    return err;
}

static void writing(const struct sample_tlog *t) {
    struct ps_cert c = sample_tlog_cert(t);
#define REFUSED(change, what) \
    c = sample_tlog_cert(t);  \
    change;                   \
    tap_is_int(write_err(&c), PS_EINVAL, "not written: %s", what)
    REFUSED(c.merchant[0] = '\0', "no merchant");
    REFUSED(c.merchant[0] = '\n', "a merchant of two lines");
    REFUSED(c.merchant[0] = '\x80', "a merchant that is no UTF-8");
    REFUSED(memset(c.merchant, 'x', sizeof c.merchant), "a merchant without an end");
    REFUSED(c.station[0] = '-', "a station that is none");
    REFUSED(c.until_ns = c.from_ns, "no time between");
    REFUSED(c.until_ns = INT64_MAX, "a time that has no text");
    REFUSED(c.serial = PS_MAX_JSON_INT + 1ULL, "a serial too large");
    REFUSED(c.ledger_key = t->witness, "a witness as ledger");
#undef REFUSED
}

/* ---- revocations ---- */

static void revocations(const struct sample_tlog *t) {
    static const char *const reasons[] = {"lost", "stolen", "replaced", "closed"};
    struct ps_revocation r = {.clip_key = t->s->clip.key, .since_ns = 1777593600000000000}, back;
    struct ps_buf b, sig;
    struct ps_why why;
    char comment[PS_CERT_COMMENT], id[17];
    size_t opened = 0;
    SAMPLE_PUT(r.merchant, "封箱 \"店\"");
    ps_buf_init(&b, PS_CERT_MAX);
    ps_buf_init(&sig, PS_MAX_MINISIG);
    for (size_t i = 0; i < 4; i++) {
        ps_buf_reset(&b);
        ps_buf_reset(&sig);
        snprintf(r.reason, sizeof r.reason, "%s", reasons[i]);
        ps_cert_write_revocation(&r, &b);
        ps_cert_comment_revocation(&r, b.p, b.n, comment);
        sample_tlog_sign(t, b.p, b.n, comment, &sig);
        tap_is_int(ps_cert_open_revocation(&back, b.p, b.n, sig.p, sig.n, &t->root, &why), 0,
                   "a revocation, %s (%s)", reasons[i], why.text);
        tap_ok(strcmp(back.reason, r.reason) == 0 && strcmp(back.merchant, r.merchant) == 0 &&
                   back.since_ns == r.since_ns && memcmp(&back.clip_key, &r.clip_key, sizeof r.clip_key) == 0,
               "is read as written");
    }
    ps_minisign_id_text(r.clip_key.id, id);
    tap_ok(strncmp(comment, "packseal v1 revocation ", 23) == 0 && strncmp(comment + 23, id, 16) == 0,
           "its comment names the key");
    tap_is_int(ps_cert_open_revocation(&back, b.p, b.n, sig.p, sig.n, &t->s->clip.key, &why), PS_ENOENT,
               "not by another key");
    tap_ok(back.since_ns == 0 && back.reason[0] == '\0', "and nothing is told");
    for (size_t bit = 0; bit < b.n * 8; bit++) {
        b.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        opened += ps_cert_open_revocation(&back, b.p, b.n, sig.p, sig.n, &t->root, &why) == 0;
        b.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    tap_is_uint(opened, 0, "every bit counts");
    struct ps_cert c;
    tap_is_int(ps_cert_open(&c, b.p, b.n, sig.p, sig.n, &t->root, &why), PS_EFORMAT, "it is no certificate");

    static const char head[] =
        "{\"type\":\"packseal-revocation\",\"version\":1,\"crit\":[],\"merchant\":\"x\",";
    char text[512];
#define READS(err, rest, what)                       \
    snprintf(text, sizeof text, "%s%s", head, rest); \
    tap_is_int(parse_revocation(text, strlen(text), &why), err, "revocation: %s", what)
    READS(0, "\"clip_key\":\"" KEY "\",\"since\":\"2026-05-01T00:00:00.000Z\",\"reason\":\"lost\"}",
          "all there");
    READS(PS_EFORMAT, "\"clip_key\":\"" KEY "\",\"since\":\"2026-05-01T00:00:00.000Z\",\"reason\":\"los\"}",
          "another reason");
    READS(PS_EFORMAT, "\"clip_key\":\"" KEY "\",\"since\":\"2026-05-01T00:00:00.000Z\"}", "no reason");
    READS(PS_EFORMAT, "\"clip_key\":\"" KEY "\",\"reason\":\"lost\"}", "no time");
    READS(PS_EFORMAT, "\"since\":\"2026-05-01T00:00:00.000Z\",\"reason\":\"lost\"}", "no key");
#undef READS
    ps_buf_reset(&b);
    snprintf(r.reason, sizeof r.reason, "because");
    ps_cert_write_revocation(&r, &b);
    tap_is_int(b.err, PS_EINVAL, "another reason is not written");
    ps_buf_free(&b);
    ps_buf_free(&sig);
}

int main(void) {
    if (sodium_init() < 0)
        return 1;
    struct sample_tlog *t = sample_tlog_new();
    golden(t);
    forms();
    writing(t);
    revocations(t);
    sample_tlog_free(t);
    return tap_done();
}
