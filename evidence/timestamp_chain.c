/* SPDX-License-Identifier: ISC */
#include "evidence/timestamp_chain.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/timestamp_internal.h"

#define MAX_URL 512

static int append_bio(struct ps_buf *b, BIO *bio) {
    char *p = NULL;
    long n = BIO_get_mem_data(bio, &p);
    ps_buf_bytes(b, p, n > 0 ? (size_t)n : 0);
    return b->err;
}

int ps_timestamp_chain_anchors(struct ps_timestamp_anchor out[PS_TIMESTAMP_ANCHORS], unsigned *n,
                               const void *pem, size_t pem_n, struct ps_why *why) {
    struct ps_timestamp_pem all;
    *n = 0;
    ERR_set_mark();
    int rc = ps_timestamp_pem_read(&all, pem, pem_n, why);
    for (int roots = 1; roots >= 0 && *n == 0 && rc == 0; roots--)
        for (int i = 0; i < sk_X509_num(all.certs) && rc == 0 && *n < PS_TIMESTAMP_ANCHORS; i++) {
            X509 *cert = sk_X509_value(all.certs, i);
            if (roots && X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) != 0)
                continue;
            struct ps_timestamp t = {0};
            memset(&out[*n], 0, sizeof out[*n]);
            rc = ps_timestamp_cert_hash(cert, out[*n].sha256);
            ps_timestamp_fill_signer(&t, cert);
            memcpy(out[*n].name, t.authority, sizeof out[*n].name - 1);
            ++*n;
        }
    if (rc == 0 && *n == 0)
        rc = ps_error_why(why, PS_EFORMAT, "chain", "holds no certificate");
    ps_timestamp_pem_free(&all);
    ERR_pop_to_mark();
    return rc;
}

int ps_timestamp_chain_make(struct ps_timestamp *out, struct ps_buf *chain, const void *token, size_t n,
                            const void *pem, size_t pem_n, const struct ps_timestamp_anchor *anchors,
                            size_t n_anchors, struct ps_why *why) {
    struct ps_timestamp_pem given;
    STACK_OF(X509) *path = NULL;
    BIO *bio = NULL;
    memset(out, 0, sizeof *out);
    ERR_set_mark();
    int rc = ps_timestamp_pem_read(&given, pem, pem_n, why);
    if (rc == 0)
        rc = ps_timestamp_verify_chain(out, &path, token, n, &given, anchors, n_anchors, why);
    if (rc == 0 && (bio = BIO_new(BIO_s_mem())) == NULL)
        rc = PS_ENOMEM;
    for (int i = 0; i < sk_X509_num(path) && rc == 0; i++)
        rc = PEM_write_bio_X509(bio, sk_X509_value(path, i)) ? 0 : PS_ENOMEM;
    if (rc == 0)
        rc = append_bio(chain, bio);
    BIO_free(bio);
    sk_X509_pop_free(path, X509_free);
    ps_timestamp_pem_free(&given);
    ERR_pop_to_mark();
    return rc;
}

static int each_url(X509 *cert, int (*found)(void *ctx, const char *url), void *ctx) {
    CRL_DIST_POINTS *points = X509_get_ext_d2i(cert, NID_crl_distribution_points, NULL, NULL);
    int rc = 0;
    for (int i = 0; i < sk_DIST_POINT_num(points) && rc == 0; i++) {
        const DIST_POINT *p = sk_DIST_POINT_value(points, i);
        const GENERAL_NAMES *names =
            p->distpoint != NULL && p->distpoint->type == 0 ? p->distpoint->name.fullname : NULL;
        for (int k = 0; k < sk_GENERAL_NAME_num(names) && rc == 0; k++) {
            int type = 0;
            const ASN1_STRING *s = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, k), &type);
            char url[MAX_URL];
            if (type != GEN_URI || ASN1_STRING_length(s) >= MAX_URL)
                continue;
            memcpy(url, ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
            url[ASN1_STRING_length(s)] = '\0';
            if (ps_bytes_is_ascii(url, (size_t)ASN1_STRING_length(s)) &&
                (strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0))
                rc = found(ctx, url);
        }
    }
    CRL_DIST_POINTS_free(points);
    return rc;
}

int ps_timestamp_chain_lists(const void *chain, size_t n, int (*found)(void *ctx, const char *url), void *ctx,
                             struct ps_why *why) {
    struct ps_timestamp_pem all;
    ERR_set_mark();
    int rc = ps_timestamp_pem_read(&all, chain, n, why), count = sk_X509_num(all.certs);
    for (int i = 0; i < count && rc == 0; i++)
        if (count == 1 || i < count - 1)
            rc = each_url(sk_X509_value(all.certs, i), found, ctx);
    ps_timestamp_pem_free(&all);
    ERR_pop_to_mark();
    return rc;
}

static X509_CRL *crl_of(const void *p, size_t n) {
    const uint8_t *der = p;
    X509_CRL *crl = NULL;
    struct ps_timestamp_pem pem;
    if (n == 0 || n > PS_TIMESTAMP_CHAIN_MAX)
        return NULL;
    if (der[0] == 0x30) {
        crl = d2i_X509_CRL(NULL, &der, (long)n);
        if (crl != NULL && der != (const uint8_t *)p + n) {
            X509_CRL_free(crl);
            crl = NULL;
        }
        return crl;
    }
    if (ps_timestamp_pem_read(&pem, p, n, NULL) == 0 && sk_X509_CRL_num(pem.crls) == 1)
        crl = sk_X509_CRL_pop(pem.crls);
    ps_timestamp_pem_free(&pem);
    return crl;
}

static bool signed_by_one(X509_CRL *crl, STACK_OF(X509) * certs) {
    for (int i = 0; i < sk_X509_num(certs); i++) {
        X509 *cert = sk_X509_value(certs, i);
        if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(cert)) == 0 &&
            X509_CRL_verify(crl, X509_get0_pubkey(cert)) == 1)
            return true;
    }
    return false;
}

static bool have(X509_CRL *crl, STACK_OF(X509_CRL) * crls) {
    for (int i = 0; i < sk_X509_CRL_num(crls); i++)
        if (X509_CRL_match(crl, sk_X509_CRL_value(crls, i)) == 0)
            return true;
    return false;
}

int ps_timestamp_chain_add_list(struct ps_buf *chain, const void *crl, size_t n, struct ps_why *why) {
    struct ps_timestamp_pem all = {0};
    BIO *bio = NULL;
    ERR_set_mark();
    X509_CRL *list = crl_of(crl, n);
    int rc = list != NULL ? ps_timestamp_pem_read(&all, chain->p, chain->n, why)
                          : ps_error_why(why, PS_EFORMAT, "revocation list", "is none");
    if (rc == 0 && !signed_by_one(list, all.certs))
        rc = ps_error_why(why, PS_ESIG, "revocation list", "no certificate of the chain signed it");
    if (rc < 0 || have(list, all.crls))
        goto out;
    bio = BIO_new(BIO_s_mem());
    rc = bio != NULL && PEM_write_bio_X509_CRL(bio, list) ? append_bio(chain, bio) : PS_ENOMEM;
out:
    BIO_free(bio);
    X509_CRL_free(list);
    ps_timestamp_pem_free(&all);
    ERR_pop_to_mark();
    return rc;
}
