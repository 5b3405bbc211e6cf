/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tokens of a small authority, sound and spoilt (tests/golden/v1/tsa, made once by tests/golden/tsa.py). */
#include "evidence/bytes.h"
#include "evidence/sha256.h"
#include "evidence/timestamp.h"
#include "evidence/timestamp_chain.h"
#include "tests/unit/tap.h"
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/ts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GEN_TIME 1795249800LL /* 2026-11-21T08:30:00Z */
#define NS 1000000000LL
#define NONCE 0x8877665544332211ULL

struct file {
    uint8_t *p;
    size_t n;
};

static struct ps_timestamp_anchor root[PS_TIMESTAMP_ANCHORS], other[PS_TIMESTAMP_ANCHORS];
static struct file chain;
static struct ps_why why;

static struct file load(const char *name) {
    char path[512];
    const char *src = getenv("PACKSEAL_SRC");
    snprintf(path, sizeof(path), "%s/tests/golden/v1/tsa/%s", src != NULL ? src : ".", name);
    FILE *f = fopen(path, "rb");
    struct file out = {calloc(1, 65537), 0}; /* ends with a NUL */
    if (f == NULL || out.p == NULL)
        tap_bail("cannot read %s", path);
    out.n = fread(out.p, 1, 65536, f);
    fclose(f);
    return out;
}

static int verify_with(struct ps_timestamp *t, const char *name, const struct file *pem,
                       const struct ps_timestamp_anchor *anchors, size_t n) {
    struct file f = load(name);
    memset(&why, 0, sizeof(why));
    int rc = ps_timestamp_verify(t, f.p, f.n, pem->p, pem->n, anchors, n, &why);
    free(f.p);
    return rc;
}

static int verify(struct ps_timestamp *t, const char *name, const char *pem_name) {
    struct file pem = load(pem_name);
    int rc = verify_with(t, name, &pem, root, 1);
    free(pem.p);
    return rc;
}

static void anchors(void) {
    unsigned n;
    struct file f = load("root.pem"), o = load("other-root.pem");
    tap_is_int(ps_timestamp_chain_anchors(root, &n, f.p, f.n, &why), 0, "the anchors of a PEM file");
    tap_is_uint(n, 1, "one root, one anchor");
    tap_is_str(root[0].name, "CN=根,O=示例时间戳,C=CN", "an anchor has its subject's name");
    tap_is_int(ps_timestamp_chain_anchors(other, &n, o.p, o.n, &why), 0, "another root");
    struct ps_timestamp_anchor both[PS_TIMESTAMP_ANCHORS];
    tap_ok(ps_timestamp_chain_anchors(both, &n, chain.p, chain.n, &why) == 0 && n == 1 &&
               memcmp(both[0].sha256, root[0].sha256, 32) == 0,
           "of an intermediate and a root, the root is the anchor");
    tap_is_int(ps_timestamp_chain_anchors(both, &n, "nothing", 7, &why), PS_EFORMAT,
               "no certificate, no anchor");
    free(f.p);
    free(o.p);
}

static void good(void) {
    struct ps_timestamp t, bare, with;
    struct file text = load("stamped.txt");
    uint8_t d[32];
    ps_sha256(d, text.p, text.n);
    tap_is_int(verify(&t, "rsa.tsr", "chain.pem"), 0, "a response of an RSA authority verifies");
    tap_is_int(t.time_ns, GEN_TIME * NS, "genTime");
    tap_is_int(t.accuracy_ns, 1500250000, "accuracy: seconds, milliseconds and microseconds");
    tap_is_mem(t.imprint, d, 32, "imprint");
    tap_is_mem(t.root, root[0].sha256, 32, "the anchor that the chain ends in");
    tap_is_str(t.authority, "CN=TSA 1,O=示例时间戳,C=CN", "the authority's name");
    tap_is_int(t.until_ns, 2398377600LL * NS, "end of the signing certificate");
    tap_ok(strlen(t.code) == 8 && strspn(t.code, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == 8, "code %s", t.code);

    tap_is_int(verify(&bare, "ec.tst", "chain.pem"), 0, "a bare token of an ECDSA authority verifies");
    tap_is_int(bare.time_ns, GEN_TIME * NS + 125000000, "a fraction of a second counts");
    tap_is_int(bare.accuracy_ns, 0, "no accuracy is none");
    tap_ok(strcmp(bare.code, t.code) != 0, "another token, another code");

    tap_is_int(verify(&with, "ec-unsigned.tst", "chain.pem"), 0,
               "with an unsigned attribute added it verifies");
    tap_is_str(with.code, bare.code, "and its code does not move");
    tap_is_int(verify(&t, "no-certs.tst", "ec-chain.pem"), 0,
               "the signing certificate may come with the chain");
    tap_is_int(verify(&t, "no-certs.tst", "chain.pem"), PS_ESIG, "without it nothing can be said");
    tap_is_int(verify(&t, "no-nonce.tsr", "chain.pem"), 0, "a nonce is no part of the judgement");

    struct file sub = load("chain.pem");
    char *second = strstr((char *)sub.p + 1, "-----BEGIN");
    unsigned n;
    struct ps_timestamp_anchor middle[PS_TIMESTAMP_ANCHORS];
    struct file first = {sub.p, (size_t)((uint8_t *)second - sub.p)};
    tap_ok(ps_timestamp_chain_anchors(middle, &n, first.p, first.n, &why) == 0 && n == 1 &&
               verify_with(&t, "rsa.tsr", &first, middle, 1) == 0 &&
               memcmp(t.root, middle[0].sha256, 32) == 0,
           "an intermediate authority may be the anchor");
    free(sub.p);
    free(text.p);
}

/* The code as docs/FORMAT.md defines it, from the signature's octets as they stand at the end of this token. */
static void code(void) {
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    struct file f = load("ec.tst");
    size_t at = f.n;
    while (at > 2 && !(f.p[at - 2] == 0x04 && f.p[at - 1] == f.n - at && f.p[at] == 0x30))
        at--;
    uint8_t d[32];
    struct ps_sha256 h;
    ps_sha256_init(&h);
    ps_sha256_update(&h, "packseal/freshness/v1\0", 22);
    ps_sha256_update(&h, f.p + at, f.n - at);
    ps_sha256_final(&h, d);
    char want[9] = "", got[9];
    for (int i = 0; i < 8; i++) {
        unsigned v = 0;
        for (int b = 5 * i; b < 5 * i + 5; b++)
            v = v << 1 | (d[b / 8] >> (7 - b % 8) & 1);
        want[i] = digits[v];
    }
    tap_is_int(ps_timestamp_code(f.p, f.n, got), 0, "a code is made");
    tap_is_str(got, "PA3C2BEM", "as in docs/FORMAT.md section 15");
    tap_is_str(got, want, "of the first 40 bits of the digest over the signature");
    free(f.p);
}

static void refusals(void) {
    static const struct {
        const char *token, *chain;
        int rc;
        const char *word, *name;
    } cases[] = {
        {"late.tsr", "chain.pem", PS_ETIME, "expired", "stamped after the certificate's end"},
        {"early.tsr", "chain.pem", PS_ETIME, "not yet valid", "stamped before the certificate's beginning"},
        {"no-eku.tsr", "chain.pem", PS_ESIG, "time stamps", "a certificate without the purpose"},
        {"weak-eku.tsr", "chain.pem", PS_ESIG, "critical", "the purpose is not critical"},
        {"two-eku.tsr", "chain.pem", PS_ESIG, "alone", "a purpose besides"},
        {"no-certs.tst", "twin.pem", PS_ESIG, "bound", "same name, number and key, but another certificate"},
        {"no-ess.tsr", "chain.pem", PS_ESIG, "bound", "no certificate is named under the signature"},
        {"sha1-signed.tsr", "chain.pem", PS_ESIG, "SHA-256", "signed over SHA-1"},
        {"sha512.tsr", "chain.pem", PS_EFORMAT, "SHA-256", "an imprint of another kind"},
        {"critical.tsr", "chain.pem", PS_EVERSION, "critical", "an unknown critical extension"},
        {"day-accuracy.tsr", "chain.pem", PS_EFORMAT, "a day", "an accuracy of over a day"},
        {"refused.tsr", "chain.pem", PS_EPERM, "no quota left", "the authority refused, in its own words"},
        {"rsa.tsr", "crl-before.pem", PS_ETIME, "before the stamp", "revoked before the stamp"},
        {"rsa.tsr", "crl-within.pem", PS_ETIME, "before the stamp",
         "revoked within the accuracy of the stamp"},
        {"rsa.tsr", "crl-stolen.pem", PS_ETIME, "other hands", "key compromised, whenever that was found"},
        {"rsa.tsr", "crl-silent.pem", PS_ETIME, "other hands",
         "revoked later without a reason (RFC 3161, 4)"},
        {"rsa.tsr", "crl-sub.pem", PS_ETIME, "other hands", "the intermediate authority was compromised"},
        {"rsa.tsr", "crl-after.pem", 0, "", "superseded after the stamp spares it"},
        {"rsa.tsr", "crl-forged.pem", 0, "", "a list by another key says nothing"},
        {"ec.tst", "crl-before.pem", 0, "", "a list about others says nothing"},
        {"chain.pem", "chain.pem", PS_EFORMAT, "no time-stamp", "a certificate is no token"},
        {"rsa.tsr", "rsa.tsr", PS_EPERM, "no trusted", "a chain that is no PEM holds nothing"},
    };
    struct ps_timestamp t;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int rc = verify(&t, cases[i].token, cases[i].chain);
        bool ok = rc == cases[i].rc && strstr(why.text, cases[i].word) != NULL;
        tap_ok(ok, "%s", cases[i].name);
        if (!ok)
            tap_diag("%d, wanted %d: %s: %s", rc, cases[i].rc, why.where, why.text);
    }
    tap_is_int(verify_with(&t, "rsa.tsr", &chain, other, 1), PS_EPERM,
               "a root of the same name is not the root");
    tap_ok(t.time_ns == GEN_TIME * NS && t.authority[0] != '\0', "what was read is there all the same");
    tap_is_int(verify_with(&t, "rsa.tsr", &chain, NULL, 0), PS_EPERM, "no anchors, no trust");
    tap_is_uint(ERR_peek_error(), 0, "nothing stays in OpenSSL's error queue");
}

static void pem(void) {
    struct ps_timestamp t;
    struct file f = load("rsa.tsr");
    char *cut = malloc(chain.n + 64);
    memcpy(cut, chain.p, chain.n);
    tap_is_int(ps_timestamp_verify(&t, f.p, f.n, cut, chain.n - 40, root, 1, &why), PS_EFORMAT,
               "a chain cut in a block");
    static const char key[] = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
    tap_is_int(ps_timestamp_verify(&t, f.p, f.n, key, sizeof(key) - 1, root, 1, &why), PS_ELIMIT,
               "a key in the chain is refused");
    static const char locked[] = "-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,"
                                 "00000000000000000000000000000000\n\nMAA=\n-----END CERTIFICATE-----\n";
    tap_is_int(ps_timestamp_verify(&t, f.p, f.n, locked, sizeof(locked) - 1, root, 1, &why), PS_EFORMAT,
               "an encrypted block is refused, and nobody is asked for a password");
    struct ps_buf many;
    ps_buf_init(&many, PS_TIMESTAMP_CHAIN_MAX + 1);
    struct file r = load("root.pem");
    for (int i = 0; i < 65; i++)
        ps_buf_bytes(&many, r.p, r.n);
    tap_is_int(ps_timestamp_verify(&t, f.p, f.n, many.p, many.n, root, 1, &why), PS_ELIMIT,
               "65 certificates are too many");
    tap_is_int(ps_timestamp_verify(&t, f.p, f.n, many.p, PS_TIMESTAMP_CHAIN_MAX + 1, root, 1, &why),
               PS_ELIMIT, "so is over a mebibyte");
    ps_buf_free(&many);
    free(r.p);
    free(cut);
    free(f.p);
}

/* No bit may be turned so that a token proves something else; cut, or with a byte more, it is none. */
static void mutations(const char *name) {
    struct file f = load(name);
    struct ps_timestamp t, was, read;
    unsigned wrong = 0, passed = 0, moved = 0;
    ps_timestamp_verify(&was, f.p, f.n, chain.p, chain.n, root, 1, &why);
    unsigned step = getenv("PACKSEAL_SAN") != NULL && getenv("PACKSEAL_SAN")[0] != '\0' ? 7 : 1;
    for (size_t bit = 0; bit < 8 * f.n; bit += step) {
        f.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (ps_timestamp_verify(&t, f.p, f.n, chain.p, chain.n, root, 1, NULL) == 0) {
            passed++;
            if (memcmp(&t, &was, sizeof(t)) != 0)
                wrong++;
        } else if (ps_timestamp_read(&read, f.p, f.n, NULL) == 0 && strcmp(read.code, was.code) != 0) {
            moved++;
        }
        f.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    tap_is_uint(wrong, 0, "%s: no bit changes what it proves", name);
    tap_diag("%u bits stand in what nobody signs; %u would move the code and do not verify", passed, moved);
    unsigned cut = 0;
    for (size_t n = 0; n < f.n; n++) {
        uint8_t *exact = malloc(n > 0 ? n : 1); /* its own piece, so that a sanitizer sees a step too far */
        memcpy(exact, f.p, n);
        cut += ps_timestamp_verify(&t, exact, n, chain.p, chain.n, root, 1, NULL) == 0 ||
               ps_timestamp_read(&t, exact, n, NULL) == 0;
        free(exact);
    }
    tap_is_uint(cut, 0, "%s: cut at each length it is none", name);
    f.p[f.n] = 0;
    int rc = ps_timestamp_verify(&t, f.p, f.n + 1, chain.p, chain.n, root, 1, NULL);
    tap_is_int(rc, PS_ETRAIL, "%s: with a byte more it is none", name);
    free(f.p);
}

static void requests(void) {
    struct file f = load("rsa.tsr"), text = load("stamped.txt"), token = load("ec.tst"),
                none = load("no-nonce.tsr"), no = load("refused.tsr");
    uint8_t d[32], *der = NULL;
    size_t n = 0;
    ps_sha256(d, text.p, text.n);
    tap_is_int(ps_timestamp_request(d, NONCE, &der, &n), 0, "a request is made");
    const uint8_t *p = der;
    TS_REQ *q = d2i_TS_REQ(NULL, &p, (long)n);
    uint64_t nonce = 0;
    tap_ok(q != NULL && p == der + n && TS_REQ_get_cert_req(q) &&
               ASN1_INTEGER_get_uint64(&nonce, TS_REQ_get_nonce(q)) && nonce == NONCE,
           "it asks for certificates and bears the nonce, the greatest bit included");
    tap_ok(q != NULL &&
               memcmp(ASN1_STRING_get0_data(TS_MSG_IMPRINT_get_msg(TS_REQ_get_msg_imprint(q))), d, 32) == 0,
           "and the imprint");
    TS_REQ_free(q);
    free(der);
    tap_is_int(ps_timestamp_answers(f.p, f.n, d, NONCE, &why), 0, "the answer to this request");
    tap_is_int(ps_timestamp_answers(f.p, f.n, d, NONCE + 1, &why), PS_ESTATE, "not of another nonce");
    tap_is_int(ps_timestamp_answers(none.p, none.n, d, NONCE, &why), PS_ESTATE, "not without a nonce");
    tap_is_int(ps_timestamp_answers(token.p, token.n, d, NONCE, &why), PS_EFORMAT,
               "a bare token is no answer");
    tap_is_int(ps_timestamp_answers(no.p, no.n, d, NONCE, &why), PS_EPERM, "a refusal");
    d[0] ^= 1;
    tap_is_int(ps_timestamp_answers(f.p, f.n, d, NONCE, &why), PS_ESTATE, "not for other bytes");
    free(f.p), free(text.p), free(token.p), free(none.p), free(no.p);
}

static int count_url(void *ctx, const char *url) {
    tap_diag("%s", url);
    ++*(unsigned *)ctx;
    return 0;
}

static void keeping(void) {
    struct file f = load("rsa.tsr"), crl = load("crl-after.pem"), forged = load("crl-forged.pem");
    struct ps_buf kept;
    struct ps_timestamp t;
    ps_buf_init(&kept, PS_TIMESTAMP_CHAIN_MAX);
    tap_is_int(ps_timestamp_chain_make(&t, &kept, f.p, f.n, chain.p, chain.n, root, 1, &why), 0,
               "a chain is kept");
    tap_is_int(ps_timestamp_verify(&t, f.p, f.n, kept.p, kept.n, root, 1, &why), 0,
               "with it the token verifies");
    const char *list = strstr((char *)crl.p, "-----BEGIN X509 CRL"),
               *bad = strstr((char *)forged.p, "-----BEGIN X509 CRL");
    size_t n = crl.n - (size_t)((const uint8_t *)list - crl.p), was = kept.n;
    tap_ok(ps_timestamp_chain_add_list(&kept, list, n, &why) == 0 && kept.n > was,
           "a revocation list is added");
    was = kept.n;
    tap_ok(ps_timestamp_chain_add_list(&kept, list, n, &why) == 0 && kept.n == was, "but once");
    tap_is_int(
        ps_timestamp_chain_add_list(&kept, bad, forged.n - (size_t)((const uint8_t *)bad - forged.p), &why),
        PS_ESIG, "a forged one is not");
    tap_is_int(ps_timestamp_chain_add_list(&kept, "0", 1, &why), PS_EFORMAT, "nor what is no list");
    tap_is_int(ps_timestamp_verify(&t, f.p, f.n, kept.p, kept.n, root, 1, &why), 0,
               "and the token verifies still");
    unsigned urls = 0;
    tap_ok(ps_timestamp_chain_lists(kept.p, kept.n, count_url, &urls, &why) == 0 && urls == 0,
           "certificates that name no list name none");
    ps_buf_free(&kept);
    free(f.p), free(crl.p), free(forged.p);
}

int main(void) {
    chain = load("chain.pem");
    anchors();
    good();
    code();
    refusals();
    pem();
    requests();
    keeping();
    mutations("ec.tst");
    mutations("rsa.tsr");
    free(chain.p);
    return tap_done();
}
