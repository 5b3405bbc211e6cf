/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "evidence/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/cert.h"
#include "tests/unit/tap.h"

#define HEAD "packseal-trust 1\n"
#define K1 "RWRQU2dvbGRlboqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"
#define LOG "packseal.invalid/ST03+6cee08c0+AYE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU"
#define LOG_2 "packseal.invalid/ST03/2+9fdde939+AYE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU"
#define WITNESS "witness.example/w1+141f260a+BMqTrBcFGHBx1nuDx/8O/oEI6OxFMFdddyaHkzPb2r58"
#define WITNESS_2 "witness.example/w2+ba6b6e6e+BMqTrBcFGHBx1nuDx/8O/oEI6OxFMFdddyaHkzPb2r58"
#define SHA "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define K2 "RWRQU2dvbGRlbgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" /* same number, other key */

static const struct {
    const char *text;
    int err;
    const char *where, *what;
} cases[] = {
    {HEAD, 0, NULL, "no keys"},
    {"packseal-trust 1", 0, NULL, "no newline"},
    {HEAD "clip " K1 "\n", 0, NULL, "a key"},
    {HEAD "clip " K1, 0, NULL, "a key without a newline"},
    {"packseal-trust 1\r\nclip " K1 "\r\n", 0, NULL, "lines that end in CR LF"},
    {HEAD "\n  \t\n# clip\n  # x\n\tclip\t" K1 "  station=ST03\t\n", 0, NULL, "comments, empty lines, tabs"},
    {HEAD "clip " K1 "\nclip " K2 "\n", 0, NULL, "two keys of one number"},
    {HEAD "log " LOG "\n", 0, NULL, "a log"},
    {HEAD "log " LOG "\nlog " LOG_2 "\n", 0, NULL, "two logs of one key"},
    {HEAD "root " K1 " merchant=\"箱 店\"\nroot " K2 "\n", 0, NULL, "two roots, one of a merchant"},
    {HEAD "tsa " SHA " name=\"Example TSA Root\"\n", 0, NULL, "an authority"},
    {HEAD "tsa " SHA "\n", 0, NULL, "an authority without a name"},
    {HEAD "witness " WITNESS "\n", 0, NULL, "a witness"},
    {HEAD "revoked " K1 "\nroot " K1 "\nrevoked " K1 "\n", 0, NULL, "a revoked root"},
    {HEAD "clip " K1 " merchant=\"a b=c\" from=2026-01-01T00:00:00.5Z\n", PS_EFORMAT, "line 2",
     "half a second"},
    {HEAD "clip " K1 " merchant=\"箱 店\" from=2026-01-01T00:00:00.500Z until=2026-01-01T00:00:01Z\n", 0,
     NULL, "all attributes"},
    {K1, 0, NULL, "a bare key"},
    {"untrusted comment: x\n" K1 "\n", 0, NULL, "a minisign key file"},

    {"", PS_ESHORT, "line 0", "nothing"},
    {"\n", PS_EFORMAT, "line 1", "an empty line"},
    {"packseal-trust\n", PS_EFORMAT, "line 1", "no version"},
    {"packseal-trust 2\n", PS_EVERSION, "line 1", "another version"},
    {"packseal-trust 11\n", PS_EVERSION, "line 1", "version eleven"},
    {"\xef\xbb\xbfpackseal-trust 1\n", PS_EFORMAT, "line 1", "a BOM"},
    {"untrusted comment: x\n" K1 "\nmore\n", PS_EFORMAT, "line 1", "a key file with more"},
    {HEAD "key " K1 "\n", PS_EFORMAT, "line 2", "an unknown word"},
    {HEAD "clip\n", PS_EFORMAT, "line 2", "no key"},
    {HEAD "clip RWRQ\n", PS_EFORMAT, "line 2", "half a key"},
    {HEAD "clip " K1 "x\n", PS_EFORMAT, "line 2", "a longer key"},
    {HEAD "clip " K1 " stations=ST03\n", PS_EFORMAT, "line 2", "an unknown attribute"},
    {HEAD "clip " K1 " station\n", PS_EFORMAT, "line 2", "no value"},
    {HEAD "clip " K1 " station=\n", PS_EFORMAT, "line 2", "an empty value"},
    {HEAD "clip " K1 " station=\"\"\n", PS_EFORMAT, "line 2", "an empty value in quotes"},
    {HEAD "clip " K1 " station=ST/03\n", PS_EFORMAT, "line 2", "a station that is none"},
    {HEAD "clip " K1 " station=ABCDEFGHIJKLMNOPQ\n", PS_ELIMIT, "line 2", "a station that is too long"},
    {HEAD "clip " K1 " station=A station=B\n", PS_EFORMAT, "line 2", "a station twice"},
    {HEAD "clip " K1 " merchant=\"a\n", PS_EFORMAT, "line 2", "a quote that does not end"},
    {HEAD "clip " K1 " merchant=\"a\"b\n", PS_EFORMAT, "line 2", "text after the quote"},
    {HEAD "clip " K1 " merchant=a\"b\"\n", PS_EFORMAT, "line 2", "a quote inside"},
    {HEAD "clip " K1 " from=2026-13-01T00:00:00Z\n", PS_EFORMAT, "line 2", "a month that is none"},
    {HEAD "clip " K1 " from=2026-01-01\n", PS_EFORMAT, "line 2", "a date alone"},
    {HEAD "clip " K1 " from=2026-01-02T00:00:00Z until=2026-01-02T00:00:00Z\n", PS_EFORMAT, "line 2",
     "an end at the start"},
    {HEAD "clip " K1 " since=2026-01-02T00:00:00Z\n", PS_EFORMAT, "line 2",
     "since of a key that is not revoked"},
    {HEAD "revoked " K1 " until=2026-01-02T00:00:00Z\n", PS_EFORMAT, "line 2", "until of a revoked key"},
    {HEAD "clip " K1 "\nclip " K1 "\n", PS_EFORMAT, "line 3", "a key twice"},
    {HEAD "clip " K1 "\nrevoked " K1 "\nclip " K1 "\n", PS_EFORMAT, "line 4",
     "a key twice around its revocation"},
    {HEAD "log\n", PS_EFORMAT, "line 2", "a log without a vkey"},
    {HEAD "log name+12345678+AbCd\n", PS_EFORMAT, "line 2", "a vkey that is none"},
    {HEAD "log name+12345678+AgCd\n", PS_EVERSION, "line 2", "a vkey of another type"},
    {HEAD "log " WITNESS "\n", PS_EFORMAT, "line 2", "a witness as a log"},
    {HEAD "log " LOG " merchant=x\n", PS_EFORMAT, "line 2", "an attribute of a log"},
    {HEAD "log " LOG "\nlog " LOG "\n", PS_EFORMAT, "line 3", "a log twice"},
    {HEAD "witness\n", PS_EFORMAT, "line 2", "a witness without a vkey"},
    {HEAD "witness " LOG "\n", PS_EFORMAT, "line 2", "a log as a witness"},
    {HEAD "witness " WITNESS "\nwitness " WITNESS "\n", PS_EFORMAT, "line 3", "a witness twice"},
    {HEAD "witness " WITNESS "\nwitness " WITNESS_2 "\n", PS_EFORMAT, "line 3",
     "a witness under a second name"},
    {HEAD "tsa\n", PS_EFORMAT, "line 2", "an authority without a digest"},
    {HEAD "tsa " SHA "00\n", PS_EFORMAT, "line 2", "a longer digest"},
    {HEAD "tsa 0011\n", PS_EFORMAT, "line 2", "a shorter digest"},
    {HEAD "tsa 00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF\n", PS_EFORMAT, "line 2",
     "a digest in capitals"},
    {HEAD "tsa " SHA " merchant=x\n", PS_EFORMAT, "line 2", "a merchant of an authority"},
    {HEAD "tsa " SHA "\ntsa " SHA " name=x\n", PS_EFORMAT, "line 3", "an authority twice"},
    {HEAD "root\n", PS_EFORMAT, "line 2", "a root without a key"},
    {HEAD "root " K1 " station=ST03\n", PS_EFORMAT, "line 2", "a station of a root"},
    {HEAD "root " K1 " until=2028-01-01T00:00:00Z\n", PS_EFORMAT, "line 2", "an end of a root"},
    {HEAD "clip " K1 " name=x\n", PS_EFORMAT, "line 2", "a name of a clip key"},
    {HEAD "root " K1 "\nroot " K1 "\n", PS_EFORMAT, "line 3", "a root twice"},
    {HEAD "clip " K1 "\nroot " K1 "\n", PS_EFORMAT, "line 3", "a clip key as root"},
    {HEAD "root " K1 "\nclip " K1 "\n", PS_EFORMAT, "line 3", "a root as clip key"},
    {HEAD "# \x1b[2J\n", PS_EFORMAT, "line 2", "a control character in a comment"},
    {HEAD "# \xff\n", PS_EFORMAT, "line 2", "no UTF-8"},
    {HEAD "clip " K1 "\r\r\n", PS_EFORMAT, "line 2", "CR in the line"},
};

static void table(void) {
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t n = strlen(cases[i].text);
        char *p = malloc(n + 1);
        struct ps_trust t;
        struct ps_why why = {"", ""};
        memcpy(p, cases[i].text, n);
        p = realloc(p, n > 0 ? n : 1);
        tap_is_int(ps_trust_parse(&t, p, n, &why), cases[i].err, "%s (%s)", cases[i].what, why.text);
        if (cases[i].where != NULL)
            tap_is_str(why.where, cases[i].where, "%s: where", cases[i].what);
        if (cases[i].err != 0)
            tap_ok(t.keys == NULL && t.n == 0 && t.roots == NULL && t.anchors == NULL &&
                       t.witnesses == NULL && t.logs == NULL &&
                       t.n_roots + t.n_anchors + t.n_witnesses + t.n_logs == 0,
                   "%s: nothing is left", cases[i].what);
        ps_trust_free(&t);
        free(p);
    }
}

static void meaning(void) {
    static const char text[] = HEAD
        "revoked " K2 " since=2026-05-01T00:00:00Z\n"
        "clip " K1 " station=ST03 merchant=\"封箱 店\" from=1970-01-01T00:00:01Z until=1970-01-01T00:00:02Z\n"
        "revoked " K1 " since=1970-01-01T00:00:09Z\n"
        "revoked " K1 " since=1970-01-01T00:00:05.250Z\n"
        "revoked " K1 " since=1970-01-01T00:00:07Z\n";
    struct ps_trust t;
    struct ps_pubkey k1, k2;
    ps_minisign_pubkey_parse(&k1, K1, 56);
    ps_minisign_pubkey_parse(&k2, K2, 56);
    tap_is_int(ps_trust_parse(&t, text, sizeof text - 1, NULL), 0, "a trust file");
    tap_is_uint(t.n, 2, "of two keys");
    const struct ps_trust_key *k = ps_trust_find(&t, &k1);
    if (!tap_ok(k != NULL, "the first is found"))
        return;
    tap_is_str(k->station, "ST03", "its station");
    tap_is_str(k->merchant, "封箱 店", "its merchant");
    tap_ok(k->from_ns == 1000000000 && k->until_ns == 2000000000, "its limits");
    tap_is_int(k->revoked_ns, 5250000000, "the earliest revocation");
    tap_ok(!k->only_revoked, "it is registered");
    k = ps_trust_find(&t, &k2);
    tap_ok(k != NULL && k->from_ns == INT64_MIN && k->until_ns == INT64_MAX &&
               k->revoked_ns == 1777593600000000000 && k->only_revoked,
           "a key that is only revoked has no other limits, and is not registered");

    size_t from = 0;
    const struct ps_trust_key *a = ps_trust_by_id(&t, k1.id, &from), *b = ps_trust_by_id(&t, k1.id, &from);
    tap_ok(a != NULL && b != NULL && a != b && ps_trust_by_id(&t, k1.id, &from) == NULL,
           "all keys of a number, one by one");
    tap_ok(ps_trust_by_id(&t, k1.id, NULL) == a, "or the first");
    k1.id[0] ^= 1;
    tap_ok(ps_trust_find(&t, &k1) == NULL && ps_trust_by_id(&t, k1.id, NULL) == NULL,
           "another number is not there");
    k2.key[0] ^= 1;
    tap_ok(ps_trust_find(&t, &k2) == NULL, "nor another key of this number");
    ps_trust_free(&t);

    static const char late[] = HEAD "revoked " K1 "\nclip " K1 " station=A\n";
    tap_is_int(ps_trust_parse(&t, late, sizeof late - 1, NULL), 0, "a revocation before its key");
    tap_ok(t.n == 1 && t.keys[0].revoked_ns == INT64_MIN && t.keys[0].from_ns == INT64_MIN &&
               strcmp(t.keys[0].station, "A") == 0 && !t.keys[0].only_revoked,
           "counts, and without a time it counts from the beginning");
    ps_trust_free(&t);
    ps_trust_parse(&t, K1, 56, NULL);
    tap_ok(t.n == 1 && t.keys[0].revoked_ns == INT64_MAX && t.keys[0].station[0] == '\0',
           "a bare key has no limits");
    ps_trust_free(&t);
}

static void lists(void) {
    static const char text[] =
        HEAD "log " LOG "\nroot " K1 " merchant=甲\nlog " LOG_2 "\ntsa " SHA " name=\"Root 1\"\n"
             "witness " WITNESS "\nroot " K2 " merchant=乙\nrevoked " K2 " since=1970-01-01T00:00:03Z\n";
    struct ps_trust t;
    struct ps_why why;
    struct ps_pubkey k1, k2;
    ps_minisign_pubkey_parse(&k1, K1, 56);
    ps_minisign_pubkey_parse(&k2, K2, 56);
    if (!tap_ok(ps_trust_parse(&t, text, sizeof text - 1, &why) == 0,
                "two merchants, an authority, a witness, two logs"))
        return;
    tap_ok(t.n_roots == 2 && t.n_anchors == 1 && t.n_witnesses == 1 && t.n_logs == 2, "so many of each");
    const struct ps_trust_root *a = ps_trust_root(&t, &k1), *b = ps_trust_root(&t, &k2);
    tap_ok(a != NULL && strcmp(a->merchant, "甲") == 0 && a->revoked_ns == INT64_MAX,
           "the first merchant's root");
    tap_ok(b != NULL && strcmp(b->merchant, "乙") == 0 && b->revoked_ns == 3000000000,
           "the second's, revoked");
    k1.key[9] ^= 1;
    tap_ok(ps_trust_root(&t, &k1) == NULL, "another key is no root");
    tap_ok(t.anchors[0].sha256[1] == 0x11 && strcmp(t.anchors[0].name, "Root 1") == 0, "the authority");
    tap_is_str(t.witnesses[0].name, "witness.example/w1", "the witness");
    tap_ok(strcmp(t.logs[0].name, "packseal.invalid/ST03") == 0 &&
               strcmp(t.logs[1].name, "packseal.invalid/ST03/2") == 0,
           "both logs");
    ps_trust_free(&t);
    tap_ok(t.roots == NULL && t.n_roots == 0 && t.logs == NULL && t.n_logs == 0, "all is freed");
}

/* What the file says of the station whose certificate names K2. */
static int certified(const char *lines, struct ps_cert *c, struct ps_trust_key *out) {
    struct ps_trust t;
    struct ps_pubkey k1;
    ps_minisign_pubkey_parse(&k1, K1, 56);
    if (ps_trust_parse(&t, lines, strlen(lines), NULL) != 0)
        return PS_EINVAL;
    int err = ps_trust_certified(&t, ps_trust_root(&t, &k1), c, out);
    ps_trust_free(&t);
    return err;
}

static void certificates(void) {
    struct ps_cert c = {.merchant = "甲", .station = "ST07", .from_ns = 10, .until_ns = 20};
    struct ps_trust_key k;
    ps_minisign_pubkey_parse(&c.clip_key, K2, 56);
    tap_is_int(certified(HEAD "root " K1 " merchant=甲\n", &c, &k), 0, "a station of the root's merchant");
    tap_ok(memcmp(&k.key, &c.clip_key, sizeof k.key) == 0 && strcmp(k.station, "ST07") == 0 &&
               strcmp(k.merchant, "甲") == 0 && k.from_ns == 10 && k.until_ns == 20 &&
               k.revoked_ns == INT64_MAX && !k.only_revoked,
           "is as if a clip line had said so");
    tap_is_int(certified(HEAD "root " K1 "\n", &c, &k), 0, "a root without a merchant");
    tap_is_str(k.merchant, "甲", "takes the certificate's word");
    tap_is_int(certified(HEAD "root " K1 " merchant=乙\n", &c, &k), PS_EPERM, "another merchant's root");
    tap_is_int(certified(HEAD "root " K1 "\nroot " K2 "\n", &c, &k), PS_EPERM, "a root certifies no root");
    tap_is_int(certified(HEAD "root " K1 "\nrevoked " K2 " since=1970-01-01T00:00:05Z\n", &c, &k), 0,
               "a key that is only known through the root");
    tap_is_int(k.revoked_ns, 5000000000, "is revoked by its own line");
    tap_ok(!k.only_revoked, "and registered by the certificate");
    tap_is_int(certified(HEAD "root " K1 "\nrevoked " K1 " since=1970-01-01T00:00:04Z\nrevoked " K2
                              " since=1970-01-01T00:00:05Z\n",
                         &c, &k),
               0, "a revoked root");
    tap_is_int(k.revoked_ns, 4000000000, "takes its stations with it");
    certified(HEAD "root " K1 "\nrevoked " K1 "\n", &c, &k);
    tap_is_int(k.revoked_ns, INT64_MIN, "from the beginning, when no time is told");
}

static void bounds(void) {
    size_t room = PS_MAX_TRUST + 1000, n;
    char *text = malloc(room);
    struct ps_trust t;
    struct ps_why why;
    n = (size_t)sprintf(text, HEAD);
    for (uint32_t i = 0; i <= PS_MAX_TRUST_KEYS; i++) {
        struct ps_pubkey k = {{(uint8_t)i, (uint8_t)(i >> 8)}, {0}};
        char line[57];
        ps_minisign_pubkey_text(&k, line);
        n += (size_t)sprintf(text + n, "clip %s\n", line);
    }
    tap_is_int(ps_trust_parse(&t, text, n, &why), PS_ELIMIT, "one key too many (%zu bytes)", n);
    tap_is_str(why.where, "line 4098", "and where");
    tap_is_int(ps_trust_parse(&t, text, n - 62, &why), 0, "as many as can be");
    tap_is_uint(t.n, PS_MAX_TRUST_KEYS, "all of them");
    ps_trust_free(&t);
    memset(text, '\n', room);
    memcpy(text, HEAD, strlen(HEAD));
    tap_is_int(ps_trust_parse(&t, text, PS_MAX_TRUST, &why), 0, "a file of the largest size");
    ps_trust_free(&t);
    tap_is_int(ps_trust_parse(&t, text, PS_MAX_TRUST + 1, &why), PS_ELIMIT, "a byte larger");
    memset(text + strlen(HEAD), '#', 1024);
    tap_is_int(ps_trust_parse(&t, text, 4000, &why), PS_ELIMIT, "a line that is too long");
    n = (size_t)sprintf(text, HEAD);
    for (unsigned i = 0; i <= 20; i++)
        n += (size_t)sprintf(text + n, "tsa %064x name=\"%u\"\n", i, i);
    tap_is_int(ps_trust_parse(&t, text, n, &why), 0, "more of a kind than fit at first");
    size_t kept = 0;
    for (unsigned i = 0; i < t.n_anchors; i++) {
        char name[16];
        snprintf(name, sizeof name, "%u", i);
        kept += t.anchors[i].sha256[31] == i && strcmp(t.anchors[i].name, name) == 0;
    }
    tap_is_uint(kept, 21, "are all kept, in order");
    ps_trust_free(&t);
    free(text);
}

int main(void) {
    table();
    meaning();
    lists();
    certificates();
    bounds();
    return tap_done();
}
