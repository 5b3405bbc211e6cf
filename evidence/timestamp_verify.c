/* SPDX-License-Identifier: ISC */
/*
 * Judging of tokens: signature first, then the binding to its certificate, then the chain, then revocation, so that
 * the reason given is the gravest. OpenSSL builds and checks chains; revocation lists are read here, because they are
 * usually fetched after the stamp, which its own check takes for "not yet valid".
 */
#include <openssl/err.h>
#include <openssl/ess.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>

#include "evidence/sha256.h"
#include "evidence/timestamp_internal.h"

#define MAX_DEPTH 8
#define SECURITY_LEVEL 2 /* 112 bits: RSA 2048, no SHA-1 signature within the chain */

int ps_timestamp_cert_hash(const X509 *cert, uint8_t out[32]) {
    unsigned n = 0;
    return X509_digest(cert, EVP_sha256(), out, &n) && n == 32 ? 0 : PS_ENOMEM;
}

/* ---- PEM */

static int take_block(struct ps_timestamp_pem *out, const char *name, const uint8_t *der, long n) {
    const uint8_t *p = der;
    if (strcmp(name, PEM_STRING_X509) == 0 && sk_X509_num(out->certs) < PS_TIMESTAMP_CERTS) {
        X509 *cert = d2i_X509(NULL, &p, n);
        if (cert == NULL || p != der + n || sk_X509_push(out->certs, cert) <= 0) {
            X509_free(cert);
            return PS_EFORMAT;
        }
        return 0;
    }
    if (strcmp(name, PEM_STRING_X509_CRL) == 0 && sk_X509_CRL_num(out->crls) < PS_TIMESTAMP_CERTS) {
        X509_CRL *crl = d2i_X509_CRL(NULL, &p, n);
        if (crl == NULL || p != der + n || sk_X509_CRL_push(out->crls, crl) <= 0) {
            X509_CRL_free(crl);
            return PS_EFORMAT;
        }
        return 0;
    }
    return PS_ELIMIT;
}

int ps_timestamp_pem_read(struct ps_timestamp_pem *out, const void *p, size_t n, struct ps_why *why) {
    *out = (struct ps_timestamp_pem){0};
    if (n > PS_TIMESTAMP_CHAIN_MAX)
        return ps_error_why(why, PS_ELIMIT, "chain", "is larger than %d bytes", PS_TIMESTAMP_CHAIN_MAX);
    out->certs = sk_X509_new_null();
    out->crls = sk_X509_CRL_new_null();
    BIO *bio = n > 0 ? BIO_new_mem_buf(p, (int)n) : NULL;
    int rc = out->certs == NULL || out->crls == NULL || (bio == NULL && n > 0) ? PS_ENOMEM : 0;
    char *name, *header;
    uint8_t *der;
    long len;
    /* The general reader, because the readers of whole bundles decrypt, and ask for passwords. */
    while (rc == 0 && bio != NULL && PEM_read_bio(bio, &name, &header, &der, &len) == 1) {
        rc = header[0] != '\0' ? PS_EFORMAT : take_block(out, name, der, len);
        if (rc < 0)
            ps_error_why(why, rc, "chain",
                         "neither certificate nor revocation list, damaged, or too many: %.64s", name);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(der);
    }
    unsigned long last = ERR_peek_last_error();
    if (rc == 0 && bio != NULL && last != 0 && ERR_GET_REASON(last) != PEM_R_NO_START_LINE)
        rc = ps_error_why(why, PS_EFORMAT, "chain", "is damaged PEM");
    BIO_free(bio);
    return rc;
}

void ps_timestamp_pem_free(struct ps_timestamp_pem *p) {
    sk_X509_pop_free(p->certs, X509_free);
    sk_X509_CRL_pop_free(p->crls, X509_CRL_free);
    *p = (struct ps_timestamp_pem){0};
}

/* ---- the signature */

static const void *attribute(const struct ps_timestamp_parts *t, int nid, int type) {
    return CMS_signed_get0_data_by_OBJ(t->signer, OBJ_nid2obj(nid), -3,
                                       type); /* one attribute of one value */
}

static int check_digest(const struct ps_timestamp_parts *t, struct ps_why *why) {
    X509_ALGOR *digest = NULL, *signature = NULL;
    const ASN1_OBJECT *o = NULL;
    CMS_SignerInfo_get0_algs(t->signer, NULL, NULL, &digest, &signature);
    X509_ALGOR_get0(&o, NULL, NULL, digest);
    int nid = OBJ_obj2nid(o), hash = NID_undef;
    X509_ALGOR_get0(&o, NULL, NULL, signature);
    /* An algorithm that names its digest must name the same. */
    if (OBJ_find_sigid_algs(OBJ_obj2nid(o), &hash, NULL) && hash != NID_undef && hash != nid)
        return ps_error_why(why, PS_ESIG, "signature", "two digests are named");
    /* Not SHA-3: no browser verifies it, and two checkers must say the same. */
    if (nid != NID_sha256 && nid != NID_sha384 && nid != NID_sha512)
        return ps_error_why(why, PS_ESIG, "signature", "its digest is not SHA-256, SHA-384 or SHA-512");
    return 0;
}

static int check_signature(const struct ps_timestamp_parts *t, X509 *signer, struct ps_why *why) {
    int rc = check_digest(t, why);
    if (rc < 0)
        return rc;
    const ASN1_OBJECT *type = attribute(t, NID_pkcs9_contentType, V_ASN1_OBJECT);
    if (type == NULL || OBJ_obj2nid(type) != NID_id_smime_ct_TSTInfo)
        return ps_error_why(why, PS_ESIG, "signature", "does not say that it signs a TSTInfo");
    STACK_OF(X509) *one = sk_X509_new_null();
    if (one == NULL || sk_X509_push(one, signer) <= 0)
        rc = PS_ENOMEM;
    else if (CMS_verify(t->cms, one, NULL, NULL, NULL,
                        CMS_NO_SIGNER_CERT_VERIFY | CMS_NOINTERN | CMS_BINARY) != 1)
        rc = ps_error_why(why, PS_ESIG, "signature", "does not verify");
    sk_X509_free(one);
    return rc;
}

/* RFC 5035, and RFC 2634 with SHA-1, which RFC 3161 asked for and many authorities still send alone. */
static int check_binding(const struct ps_timestamp_parts *t, X509 *signer, STACK_OF(X509) * others,
                         struct ps_why *why) {
    const ASN1_STRING *s1 = attribute(t, NID_id_smime_aa_signingCertificate, V_ASN1_SEQUENCE),
                      *s2 = attribute(t, NID_id_smime_aa_signingCertificateV2, V_ASN1_SEQUENCE);
    const uint8_t *p1 = s1 != NULL ? ASN1_STRING_get0_data(s1) : NULL,
                  *p2 = s2 != NULL ? ASN1_STRING_get0_data(s2) : NULL;
    ESS_SIGNING_CERT *v1 = s1 != NULL ? d2i_ESS_SIGNING_CERT(NULL, &p1, ASN1_STRING_length(s1)) : NULL;
    ESS_SIGNING_CERT_V2 *v2 = s2 != NULL ? d2i_ESS_SIGNING_CERT_V2(NULL, &p2, ASN1_STRING_length(s2)) : NULL;
    STACK_OF(X509) *all = sk_X509_new_null();
    int rc = all != NULL && sk_X509_push(all, signer) > 0 ? 0 : PS_ENOMEM;
    for (int i = 0; i < sk_X509_num(others) && rc == 0; i++)
        rc = sk_X509_push(all, sk_X509_value(others, i)) > 0 ? 0 : PS_ENOMEM;
    if (rc == 0 && ((s1 != NULL && v1 == NULL) || (s2 != NULL && v2 == NULL) ||
                    OSSL_ESS_check_signing_certs(v1, v2, all, 1) <= 0))
        rc = ps_error_why(why, PS_ESIG, "signingCertificate",
                          "the signature is not bound to this certificate");
    sk_X509_free(all);
    ESS_SIGNING_CERT_free(v1);
    ESS_SIGNING_CERT_V2_free(v2);
    return rc;
}

/* ---- the chain */

static bool is_anchor(X509 *cert, const struct ps_timestamp_anchor *anchors, size_t n) {
    uint8_t d[32];
    if (ps_timestamp_cert_hash(cert, d) < 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if (memcmp(d, anchors[i].sha256, sizeof d) == 0)
            return true;
    return false;
}

static int chain_error(X509_STORE_CTX *ctx, struct ps_why *why) {
    int e = X509_STORE_CTX_get_error(ctx), rc;
    switch (e) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID: rc = PS_ETIME; break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
    case X509_V_ERR_CERT_UNTRUSTED: rc = PS_EPERM; break;
    case X509_V_ERR_OUT_OF_MEM: rc = PS_ENOMEM; break;
    default: rc = PS_ESIG; break;
    }
    if (rc == PS_EPERM)
        return ps_error_why(why, rc, "chain", "leads to no trusted authority: %s",
                            X509_verify_cert_error_string(e));
    if (e == X509_V_ERR_INVALID_PURPOSE)
        return ps_error_why(why, rc, "chain",
                            "the certificate is not for time stamps alone, marked critical");
    return ps_error_why(why, rc, "chain", "at the time of the stamp: %s, certificate %d of the chain",
                        X509_verify_cert_error_string(e), X509_STORE_CTX_get_error_depth(ctx));
}

static int build_chain(X509 *signer, STACK_OF(X509) * all, const struct ps_timestamp_anchor *anchors,
                       size_t n_anchors, int64_t at_ns, STACK_OF(X509) * *chain, struct ps_why *why) {
    int rc = PS_ENOMEM;
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    if (store == NULL || ctx == NULL)
        goto out;
    for (int i = 0; i < sk_X509_num(all); i++)
        if (is_anchor(sk_X509_value(all, i), anchors, n_anchors) &&
            !X509_STORE_add_cert(store, sk_X509_value(all, i)))
            goto out;
    if (!X509_STORE_CTX_init(ctx, store, signer, all))
        goto out;
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_time(param, (time_t)(at_ns / 1000000000));
    X509_VERIFY_PARAM_set_depth(param, MAX_DEPTH);
    X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
    if (!X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN) ||
        !X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_TIMESTAMP_SIGN))
        goto out;
    if (X509_verify_cert(ctx) != 1) {
        rc = chain_error(ctx, why);
        goto out;
    }
    *chain = X509_STORE_CTX_get1_chain(ctx);
    rc = *chain != NULL ? 0 : PS_ENOMEM;
out:
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return rc;
}

/* ---- revocation */

/* RFC 3161, section 4: with a reason that spares the key, stamps of before the revocation stay good; a compromised
 * key, and an entry without reason, take all of them. */
static bool spares_the_past(const X509_REVOKED *entry) {
    int critical = -1;
    ASN1_ENUMERATED *reason = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, &critical, NULL);
    int64_t v = -1;
    bool known = reason != NULL && ASN1_ENUMERATED_get_int64(&v, reason);
    ASN1_ENUMERATED_free(reason);
    return known && v != CRL_REASON_KEY_COMPROMISE && v != CRL_REASON_CA_COMPROMISE &&
           v != CRL_REASON_AA_COMPROMISE;
}

static bool can_be_read(const X509_CRL *crl) {
    for (int i = 0; i < X509_CRL_get_ext_count(crl); i++) {
        X509_EXTENSION *x = X509_CRL_get_ext(crl, i);
        if (X509_EXTENSION_get_critical(x) &&
            OBJ_obj2nid(X509_EXTENSION_get_object(x)) != NID_issuing_distribution_point)
            return false;
    }
    return true;
}

/* A list can only bring bad news: one that is not the issuer's own, or not understood, is as good as absent. */
static int check_revoked(X509 *cert, X509 *issuer, STACK_OF(X509_CRL) * crls, const struct ps_timestamp *t,
                         struct ps_why *why) {
    for (int i = 0; i < sk_X509_CRL_num(crls); i++) {
        X509_CRL *crl = sk_X509_CRL_value(crls, i);
        X509_REVOKED *entry = NULL;
        int64_t since = INT64_MIN;
        if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(issuer)) != 0 ||
            !can_be_read(crl) || X509_CRL_verify(crl, X509_get0_pubkey(issuer)) != 1 ||
            X509_CRL_get0_by_cert(crl, &entry, cert) != 1)
            continue;
        ps_timestamp_ns(X509_REVOKED_get0_revocationDate(entry), &since);
        if (!spares_the_past(entry))
            return ps_error_why(why, PS_ETIME, "chain",
                                "a certificate is revoked, and its key may have been in other hands before");
        if (since <= t->time_ns || since - t->time_ns <= t->accuracy_ns)
            return ps_error_why(why, PS_ETIME, "chain", "a certificate was revoked before the stamp");
    }
    return 0;
}

/* ---- all of it */

static int gather(const struct ps_timestamp_parts *t, const struct ps_timestamp_pem *pem,
                  STACK_OF(X509) * *all, struct ps_why *why) {
    *all = CMS_get1_certs(t->cms);
    if (*all == NULL)
        *all = sk_X509_new_null();
    if (*all == NULL)
        return PS_ENOMEM;
    if (sk_X509_num(*all) > PS_TIMESTAMP_CERTS)
        return ps_error_why(why, PS_ELIMIT, "token", "holds more than %d certificates", PS_TIMESTAMP_CERTS);
    return X509_add_certs(*all, pem->certs, X509_ADD_FLAG_UP_REF) ? 0 : PS_ENOMEM;
}

int ps_timestamp_verify_chain(struct ps_timestamp *out, STACK_OF(X509) * *chain, const void *token, size_t n,
                              const struct ps_timestamp_pem *pem, const struct ps_timestamp_anchor *anchors,
                              size_t n_anchors, struct ps_why *why) {
    struct ps_timestamp_parts t;
    STACK_OF(X509) *all = NULL, *path = NULL;
    X509 *signer = NULL;
    memset(out, 0, sizeof *out);
    int rc = ps_timestamp_open(&t, token, n, why);
    if (rc == 0)
        rc = ps_timestamp_fill(out, &t, why);
    if (rc == 0)
        rc = gather(&t, pem, &all, why);
    if (rc == 0 && (signer = ps_timestamp_signer_of(&t, all)) == NULL)
        rc = ps_error_why(why, PS_ESIG, "token", "the certificate of its signature is not there");
    if (rc == 0) {
        ps_timestamp_fill_signer(out, signer);
        rc = check_signature(&t, signer, why);
    }
    if (rc == 0)
        rc = check_binding(&t, signer, all, why);
    if (rc == 0)
        rc = build_chain(signer, all, anchors, n_anchors, out->time_ns, &path, why);
    int last = sk_X509_num(path) - 1;
    for (int i = 0; i < last && rc == 0; i++)
        rc = check_revoked(sk_X509_value(path, i), sk_X509_value(path, i + 1), pem->crls, out, why);
    if (rc == 0)
        rc = ps_timestamp_cert_hash(sk_X509_value(path, last), out->root);
    if (rc == 0 && chain != NULL) {
        *chain = path;
        path = NULL; /* transferred */
    }
    sk_X509_pop_free(path, X509_free);
    sk_X509_pop_free(all, X509_free);
    ps_timestamp_close(&t);
    return rc;
}

int ps_timestamp_verify(struct ps_timestamp *out, const void *token, size_t n, const void *chain,
                        size_t chain_n, const struct ps_timestamp_anchor *anchors, size_t n_anchors,
                        struct ps_why *why) {
    struct ps_timestamp_pem pem;
    memset(out, 0, sizeof *out);
    ERR_set_mark();
    int rc = ps_timestamp_pem_read(&pem, chain, chain_n, why);
    if (rc == 0)
        rc = ps_timestamp_verify_chain(out, NULL, token, n, &pem, anchors, n_anchors, why);
    ps_timestamp_pem_free(&pem);
    ERR_pop_to_mark();
    if (rc < 0 && why != NULL && why->text[0] == '\0')
        ps_error_why(why, rc, "token", "%s", ps_error_text(rc));
    return rc;
}
