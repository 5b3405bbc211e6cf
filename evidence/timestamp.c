/* SPDX-License-Identifier: ISC */
/*
 * Reading of RFC 3161 responses and tokens, and making of requests. The wrapper (CMS, RFC 5652) may be BER, as some
 * authorities send it; what is signed (TSTInfo) stands as it was signed.
 */
#include "evidence/timestamp.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "evidence/bytes.h"
#include "evidence/sha256.h"
#include "evidence/timestamp_internal.h"

#define NS 1000000000LL
#define LAST_SECOND (INT64_MAX / NS - 1)
#define MAX_ACCURACY_SECONDS 86400 /* an authority that says less than the day says nothing */

/* ---- the wrapper */

static int refused(const TS_STATUS_INFO *s, struct ps_why *why) {
    const ASN1_INTEGER *status = TS_STATUS_INFO_get0_status(s);
    const STACK_OF(ASN1_UTF8STRING) *texts = TS_STATUS_INFO_get0_text(s);
    int64_t v = -1;
    if (!ASN1_INTEGER_get_int64(&v, status))
        return ps_error_why(why, PS_EFORMAT, "status", "is no number of this range");
    if (v == TS_STATUS_GRANTED || v == TS_STATUS_GRANTED_WITH_MODS)
        return 0;
    const ASN1_UTF8STRING *text =
        sk_ASN1_UTF8STRING_num(texts) > 0 ? sk_ASN1_UTF8STRING_value(texts, 0) : NULL;
    int n = text != NULL ? ASN1_STRING_length(text) : 0;
    return ps_error_why(why, PS_EPERM, "status", "the authority refused (%lld)%s%.*s", (long long)v,
                        n > 0 ? ": " : "", n < 160 ? n : 160,
                        text != NULL ? (const char *)ASN1_STRING_get0_data(text) : "");
}

/* TimeStampResp ::= SEQUENCE { status PKIStatusInfo, timeStampToken ContentInfo OPTIONAL }; a ContentInfo begins with
 * an OBJECT IDENTIFIER instead. */
static int unwrap(const uint8_t **token, size_t *n, bool *response, struct ps_why *why) {
    const uint8_t *p = *token, *inner;
    long len = 0;
    int tag = 0, class = 0;
    *response = false;
    if (*n > PS_TIMESTAMP_MAX)
        return ps_error_why(why, PS_ELIMIT, "token", "is larger than %d bytes", PS_TIMESTAMP_MAX);
    int form = ASN1_get_object(&p, &len, &tag, &class, (long)*n);
    if ((form & 0x80) != 0 || (form & V_ASN1_CONSTRUCTED) == 0 || tag != V_ASN1_SEQUENCE ||
        class != V_ASN1_UNIVERSAL)
        return ps_error_why(why, PS_EFORMAT, "token", "is no time-stamp response and no token");
    long rest = (long)(*n - (size_t)(p - *token));
    inner = p;
    long inner_len = 0;
    form = ASN1_get_object(&inner, &inner_len, &tag, &class, rest);
    if ((form & 0x80) != 0 || class != V_ASN1_UNIVERSAL || (tag != V_ASN1_SEQUENCE && tag != V_ASN1_OBJECT))
        return ps_error_why(why, PS_EFORMAT, "token", "is no time-stamp response and no token");
    if (tag == V_ASN1_OBJECT)
        return 0;
    if (len != rest)
        return ps_error_why(why, len < rest ? PS_ETRAIL : PS_ESHORT, "response", "is not as long as it says");
    *response = true;
    TS_STATUS_INFO *s = d2i_TS_STATUS_INFO(NULL, &p, len);
    if (s == NULL)
        return ps_error_why(why, PS_EFORMAT, "status", "cannot be read");
    int rc = refused(s, why);
    TS_STATUS_INFO_free(s);
    *n -= (size_t)(p - *token);
    *token = p;
    if (rc == 0 && *n == 0)
        rc = ps_error_why(why, PS_EFORMAT, "response", "is granted, but holds no token");
    return rc;
}

static int open_info(struct ps_timestamp_parts *t, struct ps_why *why) {
    ASN1_OCTET_STRING **content = CMS_get0_content(t->cms);
    if (content == NULL || *content == NULL)
        return ps_error_why(why, PS_EFORMAT, "token", "holds no content");
    const uint8_t *p = ASN1_STRING_get0_data(*content), *end = p + ASN1_STRING_length(*content);
    t->info = d2i_TS_TST_INFO(NULL, &p, ASN1_STRING_length(*content));
    if (t->info == NULL)
        return ps_error_why(why, PS_EFORMAT, "TSTInfo", "cannot be read");
    if (p != end)
        return ps_error_why(why, PS_ETRAIL, "TSTInfo", "bytes after its end");
    if (TS_TST_INFO_get_version(t->info) != 1)
        return ps_error_why(why, PS_EVERSION, "TSTInfo", "is of an unknown version");
    for (int i = 0; i < TS_TST_INFO_get_ext_count(t->info); i++)
        if (X509_EXTENSION_get_critical(TS_TST_INFO_get_ext(t->info, i)))
            return ps_error_why(why, PS_EVERSION, "TSTInfo", "has a critical extension that is not known");
    return 0;
}

static int open_any(struct ps_timestamp_parts *t, const void *token, size_t n, bool *response,
                    struct ps_why *why) {
    const uint8_t *p = token;
    *t = (struct ps_timestamp_parts){0};
    int rc = unwrap(&p, &n, response, why);
    if (rc < 0)
        return rc;
    const uint8_t *end = p + n;
    t->cms = d2i_CMS_ContentInfo(NULL, &p, (long)n);
    if (t->cms == NULL)
        return ps_error_why(why, PS_EFORMAT, "token", "is no CMS structure, or is cut off");
    if (p != end)
        return ps_error_why(why, PS_ETRAIL, "token", "bytes after its end");
    if (OBJ_obj2nid(CMS_get0_type(t->cms)) != NID_pkcs7_signed ||
        OBJ_obj2nid(CMS_get0_eContentType(t->cms)) != NID_id_smime_ct_TSTInfo)
        return ps_error_why(why, PS_EFORMAT, "token", "is no signed TSTInfo");
    STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(t->cms);
    if (sk_CMS_SignerInfo_num(signers) != 1)
        return ps_error_why(why, PS_EFORMAT, "token", "must have exactly one signature");
    t->signer = sk_CMS_SignerInfo_value(signers, 0);
    return open_info(t, why);
}

int ps_timestamp_open(struct ps_timestamp_parts *t, const void *token, size_t n, struct ps_why *why) {
    bool response;
    return open_any(t, token, n, &response, why);
}

void ps_timestamp_close(struct ps_timestamp_parts *t) {
    CMS_ContentInfo_free(t->cms);
    TS_TST_INFO_free(t->info);
    *t = (struct ps_timestamp_parts){0};
}

/* ---- what it says */

int ps_timestamp_ns(const ASN1_TIME *t, int64_t *ns) {
    struct tm tm;
    if (t == NULL || !ASN1_TIME_to_tm(t, &tm))
        return PS_EFORMAT;
    int64_t s = timegm(&tm);
    *ns = s > LAST_SECOND ? INT64_MAX : s < -LAST_SECOND ? INT64_MIN : s * NS;
    return 0;
}

/* "YYYYMMDDhhmmss[.f…]Z" (RFC 3161, section 2.4.2), to the nanosecond. */
static int gen_time(const ASN1_GENERALIZEDTIME *t, int64_t *ns) {
    const char *s = (const char *)ASN1_STRING_get0_data(t);
    int n = ASN1_STRING_length(t);
    int64_t fraction = 0, unit = NS;
    if (n < 15 || n > 25 || s[n - 1] != 'Z')
        return PS_EFORMAT;
    for (int i = 0; i < n - 1; i++)
        if (i != 14 && (s[i] < '0' || s[i] > '9'))
            return PS_EFORMAT;
    if (n > 15 && (s[14] != '.' || n == 16))
        return PS_EFORMAT;
    for (int i = 15; i < n - 1; i++) {
        unit /= 10;
        fraction += unit * (s[i] - '0');
    }
    int rc = ps_timestamp_ns(t, ns);
    if (rc == 0 && (*ns < 0 || *ns == INT64_MAX))
        rc = PS_EFORMAT;
    if (rc == 0)
        *ns += fraction;
    return rc;
}

static int small(const ASN1_INTEGER *i, int64_t most, int64_t *v) {
    *v = 0;
    return i == NULL || (ASN1_INTEGER_get_int64(v, i) && *v >= 0 && *v <= most) ? 0 : PS_EFORMAT;
}

static int accuracy(TS_ACCURACY *a, int64_t *ns) {
    int64_t s, ms, us;
    *ns = 0;
    if (a == NULL)
        return 0;
    if (small(TS_ACCURACY_get_seconds(a), MAX_ACCURACY_SECONDS, &s) < 0 ||
        small(TS_ACCURACY_get_millis(a), 999, &ms) < 0 || small(TS_ACCURACY_get_micros(a), 999, &us) < 0)
        return PS_EFORMAT;
    *ns = s * NS + ms * 1000000 + us * 1000;
    return 0;
}

static int imprint_of(TS_MSG_IMPRINT *m, uint8_t out[32]) {
    const ASN1_OBJECT *alg = NULL;
    int type = V_ASN1_UNDEF;
    ASN1_OCTET_STRING *msg = m != NULL ? TS_MSG_IMPRINT_get_msg(m) : NULL;
    if (msg == NULL || ASN1_STRING_length(msg) != 32)
        return PS_EFORMAT;
    X509_ALGOR_get0(&alg, &type, NULL, TS_MSG_IMPRINT_get_algo(m));
    if (OBJ_obj2nid(alg) != NID_sha256 || (type != V_ASN1_NULL && type != V_ASN1_UNDEF))
        return PS_EFORMAT;
    memcpy(out, ASN1_STRING_get0_data(msg), 32);
    return 0;
}

static void code_of(CMS_SignerInfo *si, char out[9]) {
    static const char context[] = "packseal/freshness/v1";
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    const ASN1_OCTET_STRING *sig = CMS_SignerInfo_get0_signature(si);
    uint8_t d[32];
    struct ps_sha256 h;
    ps_sha256_init(&h);
    ps_sha256_update(&h, context, sizeof context); /* with its zero byte */
    ps_sha256_update(&h, ASN1_STRING_get0_data(sig), (size_t)ASN1_STRING_length(sig));
    ps_sha256_final(&h, d);
    uint64_t v = 0;
    for (int i = 0; i < 5; i++)
        v = v << 8 | d[i];
    for (int i = 0; i < 8; i++)
        out[i] = digits[v >> (35 - 5 * i) & 31];
    out[8] = '\0';
}

int ps_timestamp_fill(struct ps_timestamp *out, const struct ps_timestamp_parts *t, struct ps_why *why) {
    const ASN1_OCTET_STRING *sig = CMS_SignerInfo_get0_signature(t->signer);
    if (gen_time(TS_TST_INFO_get_time(t->info), &out->time_ns) < 0)
        return ps_error_why(why, PS_EFORMAT, "genTime", "is no time in UTC between 1970 and 2262");
    if (accuracy(TS_TST_INFO_get_accuracy(t->info), &out->accuracy_ns) < 0)
        return ps_error_why(why, PS_EFORMAT, "accuracy", "is out of range, or over a day");
    if (imprint_of(TS_TST_INFO_get_msg_imprint(t->info), out->imprint) < 0)
        return ps_error_why(why, PS_EFORMAT, "messageImprint", "is no SHA-256");
    if (sig == NULL || ASN1_STRING_length(sig) == 0)
        return ps_error_why(why, PS_EFORMAT, "signature", "is empty");
    code_of(t->signer, out->code);
    return 0;
}

void ps_timestamp_fill_signer(struct ps_timestamp *out, X509 *cert) {
    BIO *b = BIO_new(BIO_s_mem());
    char *p = NULL;
    unsigned long flags = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
    if (b != NULL && X509_NAME_print_ex(b, X509_get_subject_name(cert), 0, flags) >= 0) {
        long n = BIO_get_mem_data(b, &p);
        size_t most = n > 0 ? (size_t)n : 0;
        if (most > sizeof out->authority - 1)
            most = sizeof out->authority - 1;
        /* Not in the middle of a character. */
        while (most > 0 && most < (size_t)n && ((unsigned char)p[most] & 0xC0) == 0x80)
            most--;
        if (ps_bytes_is_text(p, most)) {
            memcpy(out->authority, p, most);
            out->authority[most] = '\0';
        }
    }
    BIO_free(b);
    if (ps_timestamp_ns(X509_get0_notAfter(cert), &out->until_ns) < 0)
        out->until_ns = INT64_MIN;
}

X509 *ps_timestamp_signer_of(const struct ps_timestamp_parts *t, STACK_OF(X509) * certs) {
    for (int i = 0; i < sk_X509_num(certs); i++)
        if (CMS_SignerInfo_cert_cmp(t->signer, sk_X509_value(certs, i)) == 0)
            return sk_X509_value(certs, i);
    return NULL;
}

int ps_timestamp_read(struct ps_timestamp *out, const void *token, size_t n, struct ps_why *why) {
    struct ps_timestamp_parts t;
    STACK_OF(X509) *certs = NULL;
    memset(out, 0, sizeof *out);
    ERR_set_mark();
    int rc = ps_timestamp_open(&t, token, n, why);
    if (rc == 0)
        rc = ps_timestamp_fill(out, &t, why);
    if (rc == 0) {
        certs = CMS_get1_certs(t.cms);
        X509 *signer = ps_timestamp_signer_of(&t, certs);
        if (signer != NULL)
            ps_timestamp_fill_signer(out, signer);
    }
    sk_X509_pop_free(certs, X509_free);
    ps_timestamp_close(&t);
    ERR_pop_to_mark();
    return rc;
}

int ps_timestamp_code(const void *token, size_t n, char out[9]) {
    struct ps_timestamp t;
    int rc = ps_timestamp_read(&t, token, n, NULL);
    memcpy(out, t.code, sizeof t.code);
    return rc;
}

/* ---- requests */

static int fill_request(TS_REQ *q, const uint8_t imprint[32], uint64_t nonce) {
    int rc = PS_ENOMEM;
    TS_MSG_IMPRINT *m = TS_MSG_IMPRINT_new();
    X509_ALGOR *alg = X509_ALGOR_new();
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    if (m == NULL || alg == NULL || number == NULL || !ASN1_INTEGER_set_uint64(number, nonce))
        goto out;
    if (!X509_ALGOR_set0(alg, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL) || !TS_MSG_IMPRINT_set_algo(m, alg))
        goto out;
    uint8_t copy[32];
    memcpy(copy, imprint, sizeof copy);
    if (!TS_MSG_IMPRINT_set_msg(m, copy, sizeof copy) || !TS_REQ_set_version(q, 1) ||
        !TS_REQ_set_msg_imprint(q, m) || !TS_REQ_set_nonce(q, number) || !TS_REQ_set_cert_req(q, 1))
        goto out;
    rc = 0;
out:
    ASN1_INTEGER_free(number);
    X509_ALGOR_free(alg);
    TS_MSG_IMPRINT_free(m);
    return rc;
}

int ps_timestamp_request(const uint8_t imprint[32], uint64_t nonce, uint8_t **der, size_t *n) {
    ERR_set_mark();
    TS_REQ *q = TS_REQ_new();
    uint8_t *buf = NULL, *p;
    int rc = q == NULL ? PS_ENOMEM : fill_request(q, imprint, nonce), len = 0;
    if (rc == 0 && (len = i2d_TS_REQ(q, NULL)) <= 0)
        rc = PS_ENOMEM;
    if (rc == 0 && (buf = malloc((size_t)len)) == NULL)
        rc = PS_ENOMEM;
    if (rc == 0) {
        p = buf;
        i2d_TS_REQ(q, &p);
        *der = buf;
        *n = (size_t)len;
    }
    TS_REQ_free(q);
    ERR_pop_to_mark();
    return rc;
}

int ps_timestamp_answers(const void *response, size_t n, const uint8_t imprint[32], uint64_t nonce,
                         struct ps_why *why) {
    struct ps_timestamp_parts t;
    struct ps_timestamp said = {0};
    bool is_response = false;
    uint64_t theirs = 0;
    ERR_set_mark();
    int rc = open_any(&t, response, n, &is_response, why);
    if (rc == 0 && !is_response)
        rc = ps_error_why(why, PS_EFORMAT, "response", "is a bare token");
    if (rc == 0)
        rc = ps_timestamp_fill(&said, &t, why);
    if (rc == 0 && memcmp(said.imprint, imprint, sizeof said.imprint) != 0)
        rc = ps_error_why(why, PS_ESTATE, "messageImprint", "the answer is for other bytes");
    const ASN1_INTEGER *number = rc == 0 ? TS_TST_INFO_get_nonce(t.info) : NULL;
    if (rc == 0 && (number == NULL || !ASN1_INTEGER_get_uint64(&theirs, number) || theirs != nonce))
        rc = ps_error_why(why, PS_ESTATE, "nonce", "the answer is for another request");
    ps_timestamp_close(&t);
    ERR_pop_to_mark();
    return rc;
}
