/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A certificate or revocation: what is read is written, and read again as the same. */
#include <stdlib.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/cert.h"
#include "tests/fuzz/fuzz.h"

static void certificate(const uint8_t *data, size_t size) {
    struct ps_cert c, back;
    struct ps_why why = {"", ""};
    struct ps_buf b, again;
    char comment[PS_CERT_COMMENT];
    if (ps_cert_parse(&c, data, size, &why) != 0) {
        if (!ps_bytes_is_text(why.text, strlen(why.text)) || !ps_bytes_is_text(why.where, strlen(why.where)))
            abort();
        return;
    }
    ps_buf_init(&b, 2 * PS_CERT_MAX);
    ps_buf_init(&again, 2 * PS_CERT_MAX);
    ps_cert_write(&c, &b);
    if (b.err != 0 || ps_cert_parse(&back, b.p, b.n, &why) != 0)
        abort();
    ps_cert_write(&back, &again);
    if (again.n != b.n || memcmp(again.p, b.p, b.n) != 0)
        abort();
    ps_cert_comment(&c, data, size, comment);
    if (!ps_bytes_is_ascii(comment, strlen(comment)))
        abort();
    ps_buf_free(&b);
    ps_buf_free(&again);
}

static void revocation(const uint8_t *data, size_t size) {
    struct ps_revocation r, back;
    struct ps_why why;
    struct ps_buf b;
    char comment[PS_CERT_COMMENT];
    if (ps_cert_parse_revocation(&r, data, size, &why) != 0)
        return;
    ps_buf_init(&b, 2 * PS_CERT_MAX);
    ps_cert_write_revocation(&r, &b);
    if (b.err != 0 || ps_cert_parse_revocation(&back, b.p, b.n, &why) != 0 || r.since_ns != back.since_ns ||
        strcmp(r.merchant, back.merchant) != 0 || strcmp(r.reason, back.reason) != 0 ||
        memcmp(&r.clip_key, &back.clip_key, sizeof r.clip_key) != 0)
        abort();
    ps_cert_comment_revocation(&r, data, size, comment);
    if (!ps_bytes_is_ascii(comment, strlen(comment)))
        abort();
    ps_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct ps_pubkey root;
    struct ps_cert c;
    certificate(data, size);
    revocation(data, size);
    if (ps_cert_open(&c, data, size, data, size, &root, NULL) == 0)
        abort();
    return 0;
}
